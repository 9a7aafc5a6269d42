# nego_info.t - what a connection tells of its protocol, and of what is possible.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use NegoTest;

my @methods = qw(get_cipher get_sslversion get_sslversion_int alpn_selected
    next_proto_negotiated get_session_reused);

subtest 'both ends tell the same of one connection' => sub {
    for my $version ('TLSv1_2', 'TLSv1_3') {
        my $result = negotiate({ SSL_version => $version, SSL_alpn_protocols => ['x'] },
            { SSL_alpn_protocols => ['x'] });

        is agreed($result, 'get_sslversion'), $version, "$version: get_sslversion";
        is agreed($result, 'get_sslversion_int'), $version eq 'TLSv1_2' ? 771 : 772,
            'get_sslversion_int';
        like agreed($result, 'get_cipher'), $version eq 'TLSv1_3' ? qr/^TLS_[A-Z0-9_]+$/
            : qr/^ECDHE-RSA-[A-Z0-9-]+$/, 'get_cipher: a name of OpenSSL';
        is agreed($result, 'alpn_selected'), 'x', 'alpn_selected';
        is agreed($result, 'next_proto_negotiated'), 'undef', 'next_proto_negotiated';
        is agreed($result, 'get_session_reused'), 0, 'get_session_reused';
        is agreed($result, 'get_servername'), 'server.test', 'get_servername';
    }
};

subtest 'without a handshake there is nothing to tell' => sub {
    my ($sock) = plain_pair('unix');
    my $idle = IO::Socket::SSL->start_SSL($sock, SSL_startHandshake => 0);

    for my $object ($idle, IO::Socket::SSL->new) {
        for my $method (@methods, 'get_servername') {
            undef $SSL_ERROR;
            is_deeply [$object->$method], [], "$method: empty list";
            ok !defined scalar($object->$method), 'or undef';
            is "$SSL_ERROR", 'Undefined SSL object', 'and the reason';
        }
    }
};

subtest 'after close there is nothing to tell' => sub {
    my $result = negotiate({}, {});

    $result->{client}->close;
    is_deeply [$result->{client}->$_], [], $_ for @methods;
};

subtest 'the client may be finished first' => sub {
    my ($c, $s) = plain_pair('unix');
    $_->blocking(0) for $c, $s;
    my $server = IO::Socket::SSL->start_SSL($s, server_args(), SSL_startHandshake => 0);
    my $client = IO::Socket::SSL->start_SSL($c, client_args(), SSL_startHandshake => 0);

    ok !$client->connect_SSL, 'the ClientHello is sent';
    ok !$server->accept_SSL, 'the server answers, and has not finished';
    ok $client->connect_SSL, 'the client has';
    is $client->get_sslversion, 'TLSv1_3', 'and tells what was negotiated';
    ok $server->accept_SSL, 'then the server has too';
    is $server->get_cipher, $client->get_cipher, 'and says the same';
};

subtest 'what OpenSSL can do is told by functions, class methods and object methods' => sub {
    my ($sock) = plain_pair('unix');
    my $object = IO::Socket::SSL->start_SSL($sock, SSL_startHandshake => 0);

    for my $name (qw(can_client_sni can_server_sni can_multi_cert can_npn can_alpn can_ecdh),
        since(2.082) ? 'can_ciphersuites' : ()) {
        my $function = IO::Socket::SSL->can($name);

        ok $function, "$name is there" or next;
        ok $function->(), 'as a function';
        ok(IO::Socket::SSL->$name, 'as a class method');
        ok $object->$name, 'as an object method';
    }
    is(IO::Socket::SSL->can_ecdh, 'auto', 'elliptic curves are chosen by OpenSSL');
};

done_testing;
