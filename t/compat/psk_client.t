# psk_client.t - SSL_psk on clients, in each of its forms, with openssl s_server at the other end.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use PeerTest;

plan skip_all => 'SSL_psk came with 2.087' if !since(2.087);
my $support = IO::Socket::SSL->can_psk;
plan skip_all => 'no pre-shared keys with this OpenSSL or Net::SSLeay'
    if !$support || !$support->{client};
my $openssl = have('openssl') or plan skip_all => 'no openssl program here';
my $help = `$openssl s_server -help 2>&1`;
plan skip_all => 's_server knows no -psk_identity' if $help !~ /-psk_identity/;

my $key = "secret\xff\xe9 of 16 b";

# Answers lines in reverse, and shows no certificate.
sub s_server {
    my ($version, @args) = @_;
    my %flag = (TLSv1_2 => ['-tls1_2', -cipher => 'PSK'],
        TLSv1_3 => ['-tls1_3', -ciphersuites => 'TLS_AES_128_GCM_SHA256']);
    my $peer = PeerTest->start($openssl, 's_server', -accept => '127.0.0.1:0', '-rev', '-nocert',
        @{ $flag{$version} }, @args);
    my $port = $peer->line_with(qr/^ACCEPT .*:(\d+)$/) or die 's_server: ' . $peer->errors;
    return ($peer, $port);
}

sub connect_to {
    my ($version, $port, $psk) = @_;
    my $sock = eval { IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port,
        SSL_version => $version, SSL_ca_file => cert('ca.pem'), SSL_psk => $psk,
        $version eq 'TLSv1_2' ? (SSL_cipher_list => 'PSK') : ()) };
    return $sock if !$sock;
    print $sock "hello\n";
    is scalar(<$sock>), "olleh\n", 'data go both ways';
    ok !$sock->peer_certificate, 'without a certificate';
    return $sock;
}

for my $version ('TLSv1_2', 'TLSv1_3') {
    subtest "$version: a key alone goes under the identity io_socket_ssl" => sub {
        my ($peer, $port) = s_server($version, -psk => unpack('H*', $key),
            -psk_identity => 'io_socket_ssl');
        ok connect_to($version, $port, $key), 'connected' or diag $SSL_ERROR;
    };

    subtest "$version: [identity, key]" => sub {
        my ($peer, $port) = s_server($version, -psk => unpack('H*', $key), -psk_identity => 'me');
        ok connect_to($version, $port, ['me', $key]), 'connected' or diag $SSL_ERROR;
    };

    subtest "$version: another key is refused" => sub {
        my ($peer, $port) = s_server($version, -psk => unpack('H*', $key),
            -psk_identity => 'io_socket_ssl');
        ok !connect_to($version, $port, 'other'), 'not connected';
        like $SSL_ERROR, qr/^SSL connect attempt failed error:.*(?:alert|bad record mac)/, 'the error';
    };
}

subtest 'TLSv1_2: a hash is looked into by the hint of the server, which is the identity then' => sub {
    my ($peer, $port) = s_server('TLSv1_2', -psk => unpack('H*', $key), -psk_hint => 'here',
        -psk_identity => 'here');
    ok connect_to('TLSv1_2', $port, { here => $key, there => 'other' }), 'the key for this hint'
        or diag $SSL_ERROR;
    ok !connect_to('TLSv1_2', $port, { there => 'other' }), 'no key for this hint';
    like $SSL_ERROR, qr/no PSK for given hint 'here'/, 'says so';
};

differs('psk-leading-zeros', 'a key may begin with zero bytes',
    sub {
        my ($peer, $port) = s_server('TLSv1_3', -psk => unpack('H*', "\0$key"), -psk_identity => 'me');
        ok connect_to('TLSv1_3', $port, ['me', "\0$key"]), 'ours: connected' or diag $SSL_ERROR;
    },
    sub {
        my ($peer, $port) = s_server('TLSv1_3', -psk => unpack('H*', "\0$key"), -psk_identity => 'me');
        ok !connect_to('TLSv1_3', $port, ['me', "\0$key"]), 'incumbent: another key';
    });

subtest 'a key that is not given is no key' => sub {
    for my $nothing (undef, '') {
        my ($peer, $port) = s_server('TLSv1_3', -psk => unpack('H*', $key));
        ok !connect_to('TLSv1_3', $port, $nothing), 'not connected';
    }
};

done_testing;
