# binding.t - channel bindings, exported keys, and pins in the form of curl and RFC 7469.
use strict;
use warnings;
use Digest::SHA qw(sha256 sha256_base64);
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;

my $cert = PEM_file2cert(cert('server.pem'));

for my $version ('TLSv1_2', 'TLSv1_3') {
    my ($client, $server) = pair(over => 'unix', client => { SSL_version => $version });

    subtest "$version: both ends have the same channel bindings" => sub {
        for my $type ('tls-exporter', 'tls-server-end-point', 'tls-unique') {
            my ($ours, $theirs) = map { $_->channel_binding($type) } $client, $server;
            if ($type eq 'tls-unique' && $version eq 'TLSv1_3') {
                is_deeply [$ours, $theirs], [undef, undef], 'no tls-unique with TLS 1.3';
                like $SSL_ERROR, qr/^tls-unique: TLS 1\.3 has no such binding; use tls-exporter/, 'why';
                next;
            }
            ok length $ours >= 12, "$type: some bytes";
            is unpack('H*', $ours), unpack('H*', $theirs), 'the same';
        }
        is $client->channel_binding, $server->channel_binding('tls-exporter'), 'default: tls-exporter';
        is length $client->channel_binding, 32, '32 bytes';
        is $server->channel_binding('tls-server-end-point'), $client->get_fingerprint_bin,
            'tls-server-end-point is the digest of the certificate';
    };

    subtest "$version: other connections have other bindings" => sub {
        my ($other) = pair(over => 'unix', client => { SSL_version => $version });
        isnt $other->channel_binding, $client->channel_binding, 'tls-exporter';
        is $other->channel_binding('tls-server-end-point'),
            $client->channel_binding('tls-server-end-point'), 'but the same server';
    };

    subtest "$version: keying material" => sub {
        my @of = map { my $end = $_; sub { $end->export_keying_material(@_) } } $client, $server;
        for my $args (['EXPORTER-x', 20], ['EXPORTER-x', 20, 'context'], ["EXPORTER-\xff", 1, "\0"],
            ['EXPORTER-x', 8160]) {
            my ($ours, $theirs) = map { $_->(@$args) } @of;
            is length $ours, $args->[1], "$args->[1] bytes";
            is unpack('H*', $ours), unpack('H*', $theirs), 'the same on both ends';
        }
        isnt $of[0]->('EXPORTER-x', 20), $of[0]->('EXPORTER-y', 20), 'the label matters';
        isnt $of[0]->('EXPORTER-x', 20), $of[0]->('EXPORTER-x', 20, 'c'), 'the context matters';
        my $empty = $of[0]->('EXPORTER-x', 20, '') eq $of[0]->('EXPORTER-x', 20, undef);
        is !!$empty, $version eq 'TLSv1_3', 'an empty one is none with TLS 1.3 only';
        for my $length (0, -1, 8161) {
            ok !eval { $of[0]->('EXPORTER-x', $length); 1 }, "$length bytes are refused";
            like $@, qr/1 to 8160 bytes can be had, not .* at \Q$0\E line/, 'at the line';
        }
        ok !eval { $of[0]->("\x{263a}", 8); 1 }, 'a wide label is refused';
        like $@, qr/Wide character/, 'says so';
        print $client "x\n";
        is scalar(<$server>), "x\n", 'the connection still works';
    };

    subtest "$version: what there is no binding of" => sub {
        is $client->channel_binding('none'), undef, 'an unknown type';
        like $SSL_ERROR, qr/^channel binding "none": known are tls-exporter/, 'which are known';
        $_->close for $client, $server;
        is_deeply [$client->channel_binding, $client->export_keying_material('EXPORTER-x', 3)], [],
            'a closed socket';
        like $SSL_ERROR, qr/Undefined SSL object/, 'says so';
    };
}

subtest 'pins of the public key as curl and RFC 7469 write them' => sub {
    my $der = do {
        my $pem = `openssl x509 -in @{[cert('server.pem')]} -pubkey -noout 2>/dev/null`;
        require MIME::Base64;
        MIME::Base64::decode_base64($pem =~ s/^-.*\n//gmr);
    };
    plan skip_all => 'no openssl command' if !length $der;
    my $pin = 'sha256//' . sha256_base64($der) . '=';
    my ($client) = pair(over => 'unix');
    is $client->get_fingerprint('sha256//'), $pin, 'get_fingerprint tells it';
    is IO::Socket::SSL::get_fingerprint(undef, 'sha256//', $cert), $pin, 'of a certificate';
    my $other = 'sha256//' . sha256_base64('x') . '=';
    my @table = ([$pin, 1], [$other, 0], ["$other;$pin", 1], [[$other, $pin], 1]);
    for (@table) {
        my ($given, $ok) = @$_;
        my $result = handshake(over => 'unix',
            client => { SSL_ca_file => cert('other-ca.pem'), SSL_fingerprint => $given });
        is !!$result->{client_ok}, !!$ok, 'a pin ' . ($ok ? 'stands for the chain' : 'that is another');
    }
    my $forced = handshake(over => 'unix',
        client => { SSL_fingerprint => $other, SSL_force_fingerprint => 1 });
    ok !$forced->{client_ok}, 'and can be required';
    ok !defined IO::Socket::SSL::SSL_Context->new(client_args(SSL_fingerprint => 'sha256//x')),
        'what is none is refused';
    like $SSL_ERROR, qr{invalid fingerprint 'sha256//x': write it as sha256//BASE64}, 'with the form';
};

CERT_free($cert);
done_testing;
