# Client certificates, and SSL_verify_mode on a server.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use IdentTest;
use Test::More;
use TLSTest;

without_environment();

my %server = (files('server'), SSL_ca_file => cert('ca.pem'));
my $PEER   = SSL_VERIFY_PEER;
my $MUST   = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;

# mode, and what becomes of a client: without certificate, with a good one, with an untrusted one
my @modes = (
    ['none'                      => SSL_VERIFY_NONE, 'yes', 'yes', 'yes'],
    ['peer'                      => $PEER, 'yes', 'yes', 'no'],
    ['peer, as a string'         => "$PEER", 'yes', 'yes', 'no'],
    ['peer, required'            => $MUST, 'no', 'yes', 'no'],
    ['required without peer'     => SSL_VERIFY_FAIL_IF_NO_PEER_CERT, 'yes', 'yes', 'yes'],
    ['client once without peer'  => SSL_VERIFY_CLIENT_ONCE, 'yes', 'yes', 'yes'],
    ['peer, client once'         => $PEER | SSL_VERIFY_CLIENT_ONCE, 'yes', 'yes', 'no'],
    ['all of them'               => $MUST | SSL_VERIFY_CLIENT_ONCE, 'no', 'yes', 'no'],
);
my @clients = (
    ['without a certificate'      => qr/peer did not return a certificate/],
    ['with a good certificate'    => qr/never/, files('client')],
    ['with an untrusted one'      => qr/certificate verify failed/, files('client-other')],
);

for (@modes) {
    my ($mode, $number, @expected) = @$_;
    subtest "SSL_verify_mode $mode: a client" => sub {
        for my $i (0 .. $#clients) {
            my ($name, $why, @files) = @{ $clients[$i] };
            my %how = (client => {@files}, server => { %server, SSL_verify_mode => $number });
            if ($expected[$i] eq 'yes') { connects("$name is let in", %how) }
            else                        { refused("$name is sent away", server => $why, %how) }
        }
    };
}

subtest 'the server knows the client, if it has asked for its certificate' => sub {
    my $asked = connects('asked', client => { files('client') },
        server => { %server, SSL_verify_mode => $PEER });
    is $asked->{server}->peer_certificate('cn'), 'client', 'by name';
    is $asked->{client}->sock_certificate('cn'), 'client', 'and the client what it has sent';

    my $unasked = connects('not asked', client => { files('client') }, server => {%server});
    is_deeply [$unasked->{server}->peer_certificate], [], 'it has not asked: nothing is sent';
};

subtest 'a client certificate can be given in every form that a server has' => sub {
    my ($cert, $key) = (PEM_file2cert(cert('client.pem')), PEM_file2key(cert('client.key')));
    my %asking = (%server, SSL_verify_mode => $MUST);
    connects('handles', client => { SSL_cert => $cert, SSL_key => $key }, server => {%asking});
    connects('a list of handles', client => { SSL_cert => [$cert], SSL_key => $key },
        server => {%asking});
    connects('a file with chain', client => { files('client-chain') }, server => {%asking});
    refused('the same without its chain', server => qr/certificate verify failed/,
        client => { files('client-leaf') }, server => {%asking});
    CERT_free($cert);
    KEY_free($key);
};

subtest 'SSL_use_cert decides nothing where a certificate is given or none' => sub {
    my %asking = (%server, SSL_verify_mode => $MUST);
    connects("a client with SSL_use_cert => $_ shows its certificate",
        client => { files('client'), SSL_use_cert => $_ }, server => {%asking}) for 1, 0;
    refused('a client with SSL_use_cert but no certificate has none to show',
        server => qr/peer did not return a certificate/,
        client => { SSL_use_cert => 1 }, server => {%asking});
    connects('a server with SSL_use_cert => 0 shows its certificate',
        server => { %server, SSL_use_cert => 0 });
};

subtest 'the purpose of a certificate counts' => sub {
    refused('one for servers is not for a client', server => qr/certificate verify failed/,
        client => { files('server') }, server => { %server, SSL_verify_mode => $PEER });
    refused('one for clients is not for a server', client => qr/certificate verify failed/,
        client => { SSL_verifycn_name => 'client' }, server => { files('client') });
};

subtest 'with TLS 1.2 the client hears at once that it is refused' => sub {
    my @v12 = (SSL_version => 'TLSv1_2');
    refused('no certificate', client => qr/alert handshake failure/, client => {@v12},
        server => { %server, @v12, SSL_verify_mode => $MUST });
    refused('unknown CA', client => qr/alert unknown ca/i,
        client => { @v12, files('client-other') },
        server => { %server, @v12, SSL_verify_mode => $MUST });
};

subtest 'a name is not verified on the server' => sub {
    connects('whatever is asked for', client => { files('client') }, server => { %server,
            SSL_verify_mode => $MUST, SSL_verifycn_name => 'other.test',
            SSL_verifycn_scheme => 'http' });
};

subtest 'a listening socket hands its certificate and its demands on to each connection' => sub {
    my $server = test_server(args => { %server, SSL_verify_mode => $MUST },
        handler => sub { shift->peer_certificate('cn') });
    ok client($server, files('client')), 'a client with a certificate';
    is $server->outcome, 'client', 'is known';
    client($server);
    like $server->outcome, qr/^accept failed: .*peer did not return a certificate/,
        'one without is not';
};

done_testing;
