# Strings that come straight from a function, which perl may move instead of copying: all arrive, and stay.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::PublicSuffix;
use IO::Socket::SSL::Utils;
use Test::More;
use TLSTest;

# A new string that nothing else shares, as a value that is about to go.
sub fresh { my $text = shift; my @new = map { $_ } split /\n/, "$text\nx"; return shift @new }

local $SIG{__WARN__} = sub { fail("warned: $_[0]") };

subtest 'names' => sub {
    my ($to_ascii, $to_unicode) = (\&IO::Socket::SSL::idn_to_ascii, \&IO::Socket::SSL::idn_to_unicode);
    is $to_ascii->(fresh('www.example.com')), 'www.example.com', 'idn_to_ascii';
    is $to_ascii->(fresh("m\x{fc}ller.de")), 'xn--mller-kva.de', '... of another kind';
    is $to_unicode->(fresh('xn--mller-kva.de')), "m\x{fc}ller.de", 'idn_to_unicode';
    my $list = IO::Socket::SSL::PublicSuffix->from_string(fresh('co.uk'));
    is $list->public_suffix(fresh('a.b.co.uk')), 'co.uk', 'public_suffix, from_string';
    is join('|', $list->public_suffix(fresh("\x{fc}.co.uk"))), "\x{fc}|co.uk", '... of another kind';
    my $cert = PEM_file2cert(fresh(cert('server.pem')));
    ok IO::Socket::SSL::verify_hostname_of_cert(fresh('server.test'), $cert, fresh('www')),
        'verify_hostname_of_cert';
    ok !IO::Socket::SSL::verify_hostname_of_cert(fresh('other.test'), $cert), '... another name';
    ok !eval { PEM_file2cert(fresh('/nowhere/at/all')) }, 'a file that is not there';
    like $@, qr{/nowhere/at/all}, 'is named';
    ok !eval { PEM_file2cert(fresh("a\0b")) }, 'a file that can not be';
    like $@, qr{"a\0b"}, 'too';
    CERT_free($cert);
};

subtest 'settings of a connection' => sub {
    my $context = IO::Socket::SSL::SSL_Context->new(client_args(SSL_session_cache_size => fresh(5),
        SSL_version => fresh('TLSv1_2'), SSL_cipher_list => fresh('ECDHE+AESGCM'))) or die $SSL_ERROR;
    my $serving = IO::Socket::SSL::SSL_Context->new(server_args(
        SSL_session_id_context => fresh('x'), SSL_alpn_protocols => [fresh('h2')])) or die $SSL_ERROR;
    my $reused = '';
    for (1, 2) {
        my ($client, $server) = settle(pair(over => 'unix', server => { SSL_reuse_ctx => $serving },
            client => { SSL_reuse_ctx => $context, SSL_session_key => fresh('k'),
                SSL_hostname => fresh('www.server.test'), SSL_verifycn_name => fresh('server.test') }));
        $reused .= $client->get_session_reused;
        is $server->get_servername, 'www.server.test', 'SSL_hostname' if $_ == 1;
        is $client->peer_certificate(fresh('commonName')), 'server.test', 'peer_certificate';
        like $client->get_fingerprint(fresh('sha256')), qr/^sha256\$/, 'get_fingerprint';
        ok $client->verify_hostname(fresh('server.test'), fresh('www')), 'verify_hostname';
        $client->print(fresh("line"), "\n");
        is scalar(<$server>), "line\n", 'print';
        is $client->syswrite(fresh('data')), 4, 'syswrite';
        is sysread($server, my $buffer, 10), 4, 'sysread';
        is $buffer, 'data', 'the data';
        $_->close for $client, $server;
    }
    is $reused, '01', 'SSL_session_key';
};

done_testing;
