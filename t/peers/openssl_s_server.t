# openssl_s_server.t - clients of ours against openssl s_server.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use PeerTest;

my $openssl = have('openssl') or plan skip_all => 'no openssl program here';
my %flag = (TLSv1_2 => '-tls1_2', TLSv1_3 => '-tls1_3');

# Starts s_server with server.pem; it sends each line back in reverse.
sub s_server {
    my (@args) = @_;
    my $peer = PeerTest->start($openssl, 's_server', '-accept', '127.0.0.1:0', '-rev',
        '-cert', cert('server.pem'), '-key', cert('server.key'), @args);
    my $port = $peer->line_with(qr/^ACCEPT .*:(\d+)$/) or die 's_server: ' . $peer->errors;

    return ($peer, $port);
}

sub connect_to {
    my ($port, %args) = @_;

    return IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port,
        client_args(SSL_hostname => 'server.test', %args));
}

for my $version (sort keys %flag) {
    subtest "$version: our client verifies s_server, and data go both ways" => sub {
        my ($peer, $port) = s_server($flag{$version});
        my $sock = connect_to($port) or die "connect: $SSL_ERROR";

        is $sock->get_sslversion, $version, 'the protocol';
        is $sock->peer_certificate('commonName'), 'server.test', 'the certificate';
        for my $text ('hello', 'x' x 200, 'again') {
            ok print({ $sock } "$text\n"), 'a line is sent';
            is readline($sock), reverse($text) . "\n", 'and comes back in reverse';
        }
        ok $sock->close, 'closed';
    };

    subtest "$version: ALPN as s_server selects it" => sub {
        my ($peer, $port) = s_server($flag{$version}, '-alpn', 'http/1.1,h2');
        my $sock = connect_to($port, SSL_alpn_protocols => ['h2', 'http/1.1'])
            or die "connect: $SSL_ERROR";

        is $sock->alpn_selected, 'http/1.1', 'the protocol that the server prefers';
        $sock->close;
        $sock = connect_to($port, SSL_alpn_protocols => ['h2']) or die "connect: $SSL_ERROR";
        is $sock->alpn_selected, 'h2', 'the only common one';
    };

    subtest "$version: a client certificate of ours is accepted by s_server" => sub {
        my ($peer, $port) = s_server($flag{$version}, '-CAfile', cert('ca.pem'), '-Verify', 3,
            '-verify_return_error');
        my $sock = connect_to($port, SSL_cert_file => cert('client.pem'),
            SSL_key_file => cert('client.key')) or die "connect: $SSL_ERROR";

        ok print({ $sock } "me\n"), 'sent';
        is readline($sock), "em\n", 'and answered';
        $sock->close;
        $sock = connect_to($port);
        # With TLS 1.3 the client is connected before the server has asked for its certificate.
        is $sock && readline($sock), undef, 'without one there is no answer';
    };

    subtest "$version: s_server gets the name and picks the certificate for it" => sub {
        my ($peer, $port) = s_server($flag{$version}, '-servername', 'a.sni.test', '-cert2',
            cert('a-sni.pem'), '-key2', cert('a-sni.key'));

        for my $name ('a.sni.test', 'server.test') {
            my $sock = connect_to($port, SSL_hostname => $name, SSL_verifycn_name => $name)
                or diag "$name: $SSL_ERROR";
            is $sock && $sock->peer_certificate('commonName'), $name, $name;
        }
    };
}

subtest 'an unknown CA, a wrong name and an expired certificate are refused' => sub {
    my ($peer, $port) = s_server();

    ok !connect_to($port, SSL_ca_file => cert('other-ca.pem')), 'unknown CA';
    like $SSL_ERROR, qr/^SSL connect attempt failed .*certificate verify failed/, 'the reason';
    ok !connect_to($port, SSL_verifycn_name => 'other.test'), 'wrong name';
    like $SSL_ERROR, qr/^hostname verification failed/, 'the reason';
    ok(connect_to($port), 'the right one works');

    my ($expired, $expired_port) = s_server('-cert', cert('expired.pem'), '-key',
        cert('expired.key'));
    ok !connect_to($expired_port), 'expired';
    like $SSL_ERROR, qr/^SSL connect attempt failed .*certificate verify failed/, 'the reason';
};

subtest 'ciphers are taken from what our client offers' => sub {
    for my $row (
        [SSL_cipher_list => 'ECDHE-RSA-CHACHA20-POLY1305', '-tls1_2'],
        [SSL_cipher_list => 'DHE-RSA-AES256-GCM-SHA384', '-tls1_2'],
        [SSL_ciphersuites => 'TLS_AES_128_GCM_SHA256', '-tls1_3'],
        [SSL_ciphersuites => 'TLS_CHACHA20_POLY1305_SHA256', '-tls1_3'],
    ) {
        my ($option, $cipher, $flag) = @$row;
        my ($peer, $port) = s_server($flag);
        my $sock = connect_to($port, $option => $cipher) or diag $SSL_ERROR;

        is $sock && $sock->get_cipher, $cipher, "$option => $cipher";
    }
};

subtest 'a chain with an intermediate is verified' => sub {
    my ($peer, $port) = s_server('-cert', cert('server-chain.pem'), '-key',
        cert('server-chain.key'), '-cert_chain', cert('inter.pem'));
    my $sock = connect_to($port) or diag $SSL_ERROR;

    is $sock && scalar(my @chain = $sock->peer_certificates), 2, 'leaf and intermediate';
};

subtest 'RSA, ECDSA and Ed25519 certificates are verified' => sub {
    for my $name ('server', 'server-ec', 'server-ed25519') {
        my ($peer, $port) = s_server('-cert', cert("$name.pem"), '-key', cert("$name.key"));

        ok(connect_to($port, SSL_version => $_), "$name, $_") or diag $SSL_ERROR
            for sort keys %flag;
    }
};

done_testing;
