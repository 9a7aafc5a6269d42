# A session made under lax rules is never taken under strict ones.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

for my $version (qw(TLSv1_2 TLSv1_3)) {
    my $server = IO::Socket::SSL::SSL_Context->new(server_args()) or die $SSL_ERROR;
    my $wrong  = IO::Socket::SSL::SSL_Context->new(server_args(SSL_cert_file =>
        cert('other-server.pem'), SSL_key_file => cert('other-server.key'))) or die $SSL_ERROR;
    my $outcome = sub {
        my ($context, $cache, %client) = @_;
        my $result = handshake(server => { SSL_reuse_ctx => $context }, client => {
            SSL_version => $version, SSL_session_cache => $cache, SSL_session_key => 'peer', %client });
        return "refused: $result->{client_error}" if !$result->{client_ok};
        my ($client, $peer) = settle(@$result{qw(client server)});
        my $what = $client->get_session_reused ? 'resumed' : 'full';
        $_->close for $client, $peer;
        return $what;
    };

    subtest "$version: a peer that nobody verified is verified before it is believed" => sub {
        my $cache = IO::Socket::SSL::Session_Cache->new(4);
        is $outcome->($wrong, $cache, SSL_verify_mode => 0), 'full', 'unverified';
        is $outcome->($wrong, $cache, SSL_verify_mode => 0), 'resumed', 'resumed in the same way';
        like $outcome->($wrong, $cache), qr/^refused: .*verify failed/, 'refused once it counts';
    };

    for my $row (
        ['other CAs' => [], [SSL_ca_file => cert('other-ca.pem')], qr/^refused/],
        ['revocation lists' => [], [SSL_check_crl => 1, SSL_crl_file => cert('crl-empty.pem')],
            qr/^full/],
        ['a stricter scheme' => [], [SSL_verifycn_scheme => 'http'], qr/^full/],
        ['a pin that fits none' => [], [SSL_fingerprint => 'sha256$' . '00' x 32,
            SSL_force_fingerprint => 1], qr/^refused/],
        ['a callback that refuses' => [], [SSL_verify_callback => sub { 0 }], qr/^refused/],
        ['strict policy' => [], [SSL_policy => 'strict'], qr/^(?:full|refused)/],
        ['a client certificate' => [], [SSL_cert_file => cert('client.pem'),
            SSL_key_file => cert('client.key')], qr/^full/],
    ) {
        my ($what, $before, $after, $expected) = @$row;
        subtest "$version: $what" => sub {
            my $cache = IO::Socket::SSL::Session_Cache->new(4);
            is $outcome->($server, $cache, @$before), 'full', 'first';
            is $outcome->($server, $cache, @$before), 'resumed', 'resumed under the same rules';
            like $outcome->($server, $cache, @$after), $expected, 'not under these';
        };
    }
}

subtest 'a server that asks for certificates resumes nobody from one that doesn\'t' => sub {
    my @args = (SSL_ca_file => cert('ca.pem'), SSL_session_id_context => 'shared');
    my $lax = IO::Socket::SSL::SSL_Context->new(server_args(@args)) or die $SSL_ERROR;
    my $strict = IO::Socket::SSL::SSL_Context->new(server_args(@args,
        SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT)) or die $SSL_ERROR;
    for my $version (qw(TLSv1_2 TLSv1_3)) {
        my $cache = IO::Socket::SSL::Session_Cache->new(4);
        my @client = (SSL_version => $version, SSL_session_cache => $cache, SSL_session_key => 'peer');
        my ($client, $peer) = settle(pair(client => {@client}, server => { SSL_reuse_ctx => $lax }));
        $_->close for $client, $peer;
        my $result = handshake(client => {@client}, server => { SSL_reuse_ctx => $strict });
        ok !$result->{server_ok}, "$version: refused";
        like $result->{server_error}, qr/peer did not return a certificate/, 'for that reason';
    }
};

done_testing;
