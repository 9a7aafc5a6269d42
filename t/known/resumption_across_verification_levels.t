# A session made under lax rules is never taken under strict ones.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
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
        ['code that shapes the context' => [], [SSL_create_ctx_callback => sub { }], qr/^full/],
        ['fewer ciphers' => [], [SSL_cipher_list => 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384',
            SSL_ciphersuites => 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256'], qr/^full/],
        ['fewer kinds of signatures' => [], [SSL_sigalgs => 'rsa_pss_rsae_sha256:rsa_pkcs1_sha256'], qr/^full/],
        ['a wider list of suffixes' => [SSL_verifycn_publicsuffix => ''], [], qr/^full/],
        ['a staple that is required' => [], [SSL_ocsp_mode => SSL_OCSP_MUST_STAPLE], qr/^refused/],
        ['lists for the whole chain' => [SSL_check_crl => 1, SSL_crl_file => cert('crl-empty.pem')],
            [SSL_check_crl => 'chain', SSL_crl_file => cert('crl-empty.pem')], qr/^full/],
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

subtest 'a key that is too weak for the second context is not let in by the first' => sub {
    my ($ca, $ca_key) = CERT_create(CA => 1, key => KEY_create_rsa(), subject => { CN => 'a CA' });
    my ($cert, $key) = CERT_create(key => KEY_create_rsa(1024), purpose => 'server',
        subjectAltNames => [[DNS => 'server.test']], issuer => [$ca, $ca_key]);
    my @lax = (SSL_cipher_list => 'DEFAULT@SECLEVEL=0');
    my $server = IO::Socket::SSL::SSL_Context->new(SSL_server => 1, SSL_cert => $cert, SSL_key => $key, @lax)
        or die $SSL_ERROR;
    for my $version (qw(TLSv1_2 TLSv1_3)) {
        my $cache = IO::Socket::SSL::Session_Cache->new(4);
        my $outcome = sub {
            my $result = handshake(server => { SSL_reuse_ctx => $server, raw => 1, SSL_server => 1 },
                client => { raw => 1, SSL_ca => [$ca], SSL_verifycn_name => 'server.test',
                    SSL_version => $version, SSL_session_cache => $cache, SSL_session_key => 'peer', @_ });
            return "refused: $result->{client_error}" if !$result->{client_ok};
            my ($client, $peer) = settle(@$result{qw(client server)});
            my $what = $client->get_session_reused ? 'resumed' : 'full';
            $_->close for $client, $peer;
            return $what;
        };
        is $outcome->(@lax), 'full', "$version: good enough for one that isn't particular";
        is $outcome->(@lax), 'resumed', 'also to resume';
        for my $strict ([SSL_cipher_list => 'DEFAULT@SECLEVEL=2'], [SSL_policy => 'modern']) {
            like $outcome->(@$strict), qr/^refused: .*key too weak/, "not for $strict->[0] $strict->[1]";
        }
    }
    CERT_free($cert, $ca);
    KEY_free($key, $key, $ca_key, $ca_key);
};

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
