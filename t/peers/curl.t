# curl.t - curl against a small HTTPS server of ours.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use PeerTest;

my $curl = have('curl') or plan skip_all => 'no curl here';
`$curl --version` =~ /^Features:.*\bSSL\b/m or plan skip_all => 'this curl has no TLS';

# Starts curl for https://$name/ at the listener; what it receives is its output.
sub curl {
    my ($listener, $name, @args) = @_;
    my $port = $listener->sockport;

    return PeerTest->start($curl, '--silent', '--show-error', '--max-time', 20, '--noproxy', '*',
        '--cacert', cert('ca.pem'), '--resolve', "$name:$port:127.0.0.1", '--http1.1', @args,
        "https://$name:$port/some/path");
}

# Reads a request; returns its first line and its body.
sub request {
    my ($sock) = @_;
    my $first = readline $sock;
    my ($length, $body) = (0, '');

    while (defined(my $line = readline $sock)) {
        last if $line eq "\r\n";
        $length = $1 if $line =~ /^Content-Length: (\d+)/i;
        print { $sock } "HTTP/1.1 100 Continue\r\n\r\n" if $line =~ /^Expect: 100-continue/i;
    }
    $sock->read($body, $length) == $length or die 'body too short' if $length;
    return ($first, $body);
}

sub answer {
    my ($sock, $body) = @_;

    return print { $sock } "HTTP/1.1 200 OK\r\nContent-Length: " . length($body)
        . "\r\nConnection: close\r\n\r\n$body";
}

for my $row ([TLSv1_2 => '--tls-max', '1.2'], [TLSv1_3 => '--tlsv1.3']) {
    my ($version, @flags) = @$row;

    subtest "$version: curl gets a large answer, verified" => sub {
        my $listener = listener();
        my $peer = curl($listener, 'server.test', @flags);
        my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;
        my $data = payload(300_000);

        is $sock->get_sslversion, $version, 'the protocol';
        is $sock->get_servername, 'server.test', 'the name asked for';
        my ($line) = request($sock);
        is $line, "GET /some/path HTTP/1.1\r\n", 'the request arrives';
        ok answer($sock, $data), 'the answer is sent';
        $sock->close;
        ok $peer->output eq $data, 'every byte arrives at curl';
        is $peer->wait_end, 0, 'curl is satisfied' or diag $peer->errors;
    };

    subtest "$version: curl sends a large body" => sub {
        my $data = payload(300_000);
        my $listener = listener();
        my $peer = curl($listener, 'server.test', @flags, '--data-binary', '@-');

        print { $peer->{in} } $data;
        close $peer->{in};
        my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;
        my ($line, $body) = request($sock);
        is $line, "POST /some/path HTTP/1.1\r\n", 'the request arrives';
        ok $body eq $data, 'with every byte of its body';
        answer($sock, 'thanks');
        $sock->close;
        is $peer->output, 'thanks', 'the answer arrives';
        is $peer->wait_end, 0, 'curl is satisfied' or diag $peer->errors;
    };

    subtest "$version: curl shows its client certificate" => sub {
        my $listener = listener(SSL_cert_file => cert('server.pem'),
            SSL_key_file => cert('server.key'), SSL_ca_file => cert('ca.pem'),
            SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
        my $peer = curl($listener, 'server.test', @flags, '--cert', cert('client.pem'), '--key',
            cert('client.key'));
        my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;

        is $sock->peer_certificate('commonName'), 'client', 'we know who it is';
        request($sock);
        answer($sock, 'welcome');
        $sock->close;
        is $peer->output, 'welcome', 'it is answered';
    };
}

subtest 'ALPN: curl and our server agree' => sub {
    my $listener = listener(SSL_alpn_protocols => ['http/1.1']);
    my $peer = curl($listener, 'server.test');
    my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;

    is $sock->alpn_selected, 'http/1.1', 'on HTTP/1.1';
};

subtest 'certificates by name, RSA and ECDSA' => sub {
    my $listener = listener(
        SSL_cert_file => { 'a.sni.test' => cert('a-sni.pem'), '' => cert('server.pem'),
            'a.sni.test%ecc' => cert('a-sni-ec.pem') },
        SSL_key_file => { 'a.sni.test' => cert('a-sni.key'), '' => cert('server.key'),
            'a.sni.test%ecc' => cert('a-sni-ec.key') });

    for my $name ('a.sni.test', 'server.test', 'www.server.test') {
        my $peer = curl($listener, $name);
        my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;

        request($sock);
        answer($sock, "you asked for $name");
        $sock->close;
        is $peer->output, "you asked for $name", $name;
        is $peer->wait_end, 0, 'verified' or diag $peer->errors;
    }
};

subtest 'curl refuses what it cannot verify' => sub {
    my $listener = listener();

    for my $row ([60, 'other.test', '--cacert', cert('ca.pem')],
        [60, 'server.test', '--cacert', cert('other-ca.pem')]) {
        my ($status, $name, @args) = @$row;
        my $peer = curl($listener, $name, @args);
        my $sock = $listener->accept;
        my $line = $sock && readline $sock;

        ok !defined $line, "$name: no request is sent";
        is $peer->wait_end >> 8, $status, 'for reasons of the certificate';
    }
};

done_testing;
