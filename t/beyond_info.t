# beyond_info.t - ssl_info, verified_certificates, and debug output for people.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;

subtest 'both sides tell the same of a connection' => sub {
    my %alpn = (SSL_alpn_protocols => ['h2']);
    my ($client, $server) = pair(over => 'unix', client => {%alpn}, server => {%alpn});
    settle($client, $server);
    my ($near, $far) = map { $_->ssl_info } $client, $server;
    is $near->{protocol}, $client->get_sslversion, 'protocol';
    is $near->{cipher}, $client->get_cipher, 'cipher';
    is $near->{cipher_bits}, 256, 'and its bits';
    like $near->{group}, qr/^(?:x25519|secp256r1|X25519MLKEM768)$/i, 'group';
    is $near->{signature}, 'RSA-PSS+SHA256', 'the server has signed';
    is $near->{client_signature}, undef, 'the client has not';
    is $near->{resumed}, 0, 'not resumed';
    is $near->{early_data}, 'none', 'no early data';
    is $near->{alpn}, 'h2', 'ALPN';
    cmp_ok $_->{handshake_time}, '>', 0, 'the handshake took time' for $near, $far;
    is_deeply { map { $_ => $near->{$_} } grep { !/^(?:bytes|handshake)/ } keys %$near },
        { map { $_ => $far->{$_} } grep { !/^(?:bytes|handshake)/ } keys %$far }, 'on both sides';
    is $near->{bytes_in}, $far->{bytes_out}, 'what one sent';
    is $near->{bytes_out}, $far->{bytes_in}, 'the other got';
    print $client 'x' x 1000;
    read $server, my $data, 1000;
    my $more = $client->ssl_info->{bytes_out} - $near->{bytes_out};
    cmp_ok $more, '>', 1000, 'data count, with what TLS adds';
    cmp_ok $more, '<', 1100, 'and no more';
};

subtest 'kernel TLS, where it is there; else nothing changes' => sub {
    my ($client, $server) = pair(over => 'tcp', client => { SSL_ktls => 1 }, server => { SSL_ktls => 1 });
    for ([$client, $server], [$server, $client]) {
        my ($from, $to) = @$_;
        print $from "line\n";
        is scalar(readline $to), "line\n", 'data';
    }
    my $info = $client->ssl_info;
    cmp_ok $info->{ktls_send}, '<=', IO::Socket::SSL->can_ktls ? 1 : 0, 'told, and not without a kernel that has it';
    is $info->{ktls_recv}, 0, 'nor for what comes' if !IO::Socket::SSL->can_ktls;
    my ($plain) = pair(over => 'tcp');
    is_deeply [@{ $plain->ssl_info }{qw(ktls_send ktls_recv)}], [0, 0], 'off unless asked for';
};

subtest 'what differs by how it came about' => sub {
    my ($client) = pair(over => 'unix', client => { SSL_version => 'TLSv1_2',
        SSL_cipher_list => 'AES128-GCM-SHA256' });
    is_deeply [@{ $client->ssl_info }{qw(protocol group signature)}], ['TLSv1_2', undef, undef],
        'RSA key exchange has no group, and nothing is signed';
    my @with_cert = (client => { SSL_cert_file => cert('client.pem'),
        SSL_key_file => cert('client.key') }, server => { SSL_verify_mode => SSL_VERIFY_PEER,
        SSL_ca_file => cert('ca.pem') });
    my @pair = pair(over => 'unix', @with_cert);
    is $_->ssl_info->{client_signature}, 'RSA-PSS+SHA256', 'a client with a certificate' for @pair;
    my $context = IO::Socket::SSL::SSL_Context->new(client_args(SSL_session_cache_size => 2));
    my $server  = IO::Socket::SSL::SSL_Context->new(server_args());
    my $info;
    for (1 .. 2) {
        @pair = pair(over => 'unix', client => { SSL_reuse_ctx => $context,
            SSL_session_key => 'x' }, server => { SSL_reuse_ctx => $server });
        settle(@pair);
        $info = $pair[0]->ssl_info;
    }
    is $info->{resumed}, 1, 'a second time: resumed';
    is $info->{signature}, undef, 'so nothing was signed';
};

subtest 'the chain as verified beside the chain as sent' => sub {
    my ($root, $root_key) = CERT_create(CA => 1, subject => { commonName => 'root' });
    my ($sub, $sub_key) = CERT_create(CA => 1, subject => { commonName => 'sub' },
        issuer => [$root, $root_key]);
    my ($leaf, $key) = CERT_create(subject => { commonName => 'server.test' }, purpose => 'server',
        subjectAltNames => [[DNS => 'server.test']], issuer => [$sub, $sub_key]);
    my ($client) = pair(over => 'unix',
        server => { SSL_cert => [$leaf, PEM_string2cert(PEM_cert2string($sub))], SSL_key => $key },
        client => { raw => 1, SSL_ca => [$root], SSL_verifycn_name => 'server.test' });
    my @names = map { my $list = $_; [map { IO::Socket::SSL::_cert_cn($_) } @$list] }
        [$client->peer_certificates], [$client->verified_certificates];
    is_deeply $names[0], ['server.test', 'sub'], 'as sent';
    is_deeply $names[1], ['server.test', 'sub', 'root'], 'as verified, with the anchor';
    undef $client;
    CERT_free($_) for $root, $sub, $leaf;
    KEY_free($_) for $root_key, $sub_key, $key;
};

subtest 'debug output tells it in one line' => sub {
    my $said = perl_output('use lib "t/lib"; use TLSTest; use IO::Socket::SSL "debug1"; '
        . 'my ($c, $s) = pair(over => "unix"); eval { pair(over => "unix", client => '
        . '{ SSL_verifycn_name => "other.test" }) }');
    like $said, qr/^DEBUG: .*: agreed on: TLSv1_3, TLS_\w+, group \w+, signed with RSA-PSS\+SHA256, \d+\.\d+ ms, \d+ bytes in, \d+ out$/m,
        'what was agreed on';
    like $said, qr/^DEBUG: .*: what to do: connect by a name that the certificate has/m,
        'and what to do about an error';
};

subtest 'without TLS there is nothing to tell' => sub {
    my ($plain) = plain_pair('unix');
    bless $plain, 'IO::Socket::SSL';
    is $plain->ssl_info, undef, 'undef';
    is_deeply [$plain->verified_certificates], [], 'and no certificates';
};

done_testing;
