# openssl_s_client.t - openssl s_client against a server of ours.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use PeerTest;

my $openssl = have('openssl') or plan skip_all => 'no openssl program here';
my %flag = (TLSv1_2 => '-tls1_2', TLSv1_3 => '-tls1_3');

# Starts s_client, quiet and strict, for this listener.
sub s_client {
    my ($listener, @args) = @_;

    return PeerTest->start($openssl, 's_client', '-connect', '127.0.0.1:' . $listener->sockport,
        '-CAfile', cert('ca.pem'), '-verify_return_error', @args);
}

for my $version (sort keys %flag) {
    subtest "$version: s_client verifies our server, and data go both ways" => sub {
        my $listener = listener();
        my $peer = s_client($listener, $flag{$version}, '-quiet', '-servername', 'server.test',
            '-verify_hostname', 'server.test');
        my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;

        is $sock->get_sslversion, $version, 'the protocol';
        is $sock->get_servername, 'server.test', 'the name asked for';
        print { $peer->{in} } "from s_client\n";
        is readline($sock), "from s_client\n", 'a line arrives here';
        ok print({ $sock } "from us\n"), 'one is sent';
        is readline($peer->{out}), "from us\n", 'and arrives there';

        my $data = payload(200_000);
        ok print({ $sock } $data), 'a large one is sent';
        ok $sock->close, 'and the connection closed';
        ok $peer->output eq $data, 'every byte arrives there';
        $peer->wait_end;
    };

    subtest "$version: s_client sends much and ends; we see all and an orderly end" => sub {
        my $listener = listener();
        my $peer = s_client($listener, $flag{$version}, '-quiet', '-no_ign_eof', '-nocommands');
        my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;
        my $data = payload(200_000);
        my ($got, $n) = ('', 0);

        print { $peer->{in} } $data;
        close $peer->{in};
        1 while $n = $sock->sysread($got, 16_384, length $got);
        is $n, 0, 'end of file';
        ok $got eq $data, 'every byte arrived' or diag length $got;
        $sock->close;
        $peer->wait_end;
    };

    subtest "$version: ALPN, cipher and certificate are the same seen from s_client" => sub {
        my $listener = listener(SSL_alpn_protocols => ['h2', 'http/1.1']);
        my $peer = s_client($listener, $flag{$version}, '-alpn', 'spdy/3,http/1.1,h2');
        my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;

        is $sock->alpn_selected, 'http/1.1', 'the protocol selected here';
        my ($number) = $version =~ /(\d)$/;
        print { $sock } "\n";
        $sock->close;
        my $said = $peer->output;
        like $said, qr/ALPN protocol: http\/1\.1/, 'the protocol selected there';
        like $said, qr/New, TLSv1\.$number, Cipher is \Q@{[ $version eq 'TLSv1_3'
            ? 'TLS_AES_256_GCM_SHA384' : 'ECDHE-RSA-AES256-GCM-SHA384' ]}\E/, 'the cipher';
        like $said, qr/subject=O = IOSSL, CN = server\.test|subject=O=IOSSL, CN=server\.test/,
            'the certificate';
        like $said, qr/Verify return code: 0 \(ok\)/, 'verified';
        like $said, qr/Secure Renegotiation IS supported/, 'safe against renegotiation'
            if $version eq 'TLSv1_2';
        like $said, qr/Compression: NONE/, 'not compressed';
        $peer->wait_end;
    };

    subtest "$version: s_client with a client certificate" => sub {
        my $listener = listener(SSL_cert_file => cert('server.pem'),
            SSL_key_file => cert('server.key'), SSL_ca_file => cert('ca.pem'),
            SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
        my $peer = s_client($listener, $flag{$version}, '-quiet', '-cert', cert('client.pem'),
            '-key', cert('client.key'));
        my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;

        is $sock->peer_certificate('commonName'), 'client', 'we know who it is';
        close $sock;
        $peer->wait_end;

        $peer = s_client($listener, $flag{$version}, '-quiet');
        ok !$listener->accept, 'without one it is refused';
        like $SSL_ERROR, qr/peer did not return a certificate/, 'for that reason';
        isnt $peer->wait_end, 0, 's_client fails';
    };
}

subtest 's_client refuses our server where the name is wrong or the CA unknown' => sub {
    my $listener = listener();
    my $peer = s_client($listener, '-quiet', '-verify_hostname', 'other.test');

    ok !$listener->accept, 'no connection';
    like $SSL_ERROR, qr/alert/, 'it sent an alert';
    like $peer->errors . ($peer->wait_end ? '' : 'status 0'), qr/hostname mismatch/i,
        'the name was wrong';
};

subtest 'groups follow the order of our server' => sub {
    for my $row (['P-384:P-256' => qr/ECDH, (?:secp384r1|P-384)/],
        ['X25519:P-256' => qr/X25519/], ['P-521' => qr/ECDH, (?:secp521r1|P-521)/]) {
        my ($curves, $expected) = @$row;
        my $listener = listener(SSL_ecdh_curve => $curves, SSL_version => 'TLSv1_2');
        my $peer = s_client($listener, '-curves', 'P-256:X25519:P-521:P-384');
        my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;

        close $sock;
        like $peer->output, qr/(?:Server|Peer) Temp Key: $expected/, $curves;
        $peer->wait_end;
    }
};

subtest 'DHE uses the parameters of SSL_dh_file' => sub {
    my $listener = listener(SSL_dh_file => cert('dh2048.pem'), SSL_version => 'TLSv1_2');
    my $peer = s_client($listener, '-cipher', 'DHE-RSA-AES128-GCM-SHA256');
    my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;

    is $sock->get_cipher, 'DHE-RSA-AES128-GCM-SHA256', 'the cipher';
    close $sock;
    like $peer->output, qr/(?:Server|Peer) Temp Key: DH, 2048 bits/, 'of that size';
    $peer->wait_end;
};

subtest 'certificates by name: s_client gets the one it asks for' => sub {
    my $listener = listener(
        SSL_cert_file => { 'a.sni.test' => cert('a-sni.pem'), 'b.sni.test' => cert('b-sni.pem') },
        SSL_key_file => { 'a.sni.test' => cert('a-sni.key'), 'b.sni.test' => cert('b-sni.key') });

    for my $name ('a.sni.test', 'b.sni.test') {
        my $peer = s_client($listener, '-servername', $name, '-verify_hostname', $name);
        my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;

        is $sock->get_servername, $name, $name;
        close $sock;
        like $peer->output, qr/Verify return code: 0/, 'verified';
        $peer->wait_end;
    }
    my $peer = s_client($listener, '-servername', 'c.sni.test');
    ok !$listener->accept, 'another name is refused';
    $peer->wait_end;
    like $peer->errors, qr/unrecognized name/, 'with that alert';
};

done_testing;
