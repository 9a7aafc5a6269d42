# nego_alpn.t - SSL_alpn_protocols at both ends, and alpn_selected; its forerunner NPN in brief.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use NegoTest;

my @versions = ('TLSv1_2', 'TLSv1_3');

# What both ends say was selected, with these lists (undef: option not given).
sub selected {
    my ($client, $server, %common) = @_;

    return agreed(negotiate({ %common, $client ? (SSL_alpn_protocols => $client) : () },
        $server ? { SSL_alpn_protocols => $server } : {}), 'alpn_selected');
}

subtest 'ALPN is there' => sub {
    ok(IO::Socket::SSL->can_alpn, 'as a class method');
    ok IO::Socket::SSL::can_alpn(), 'as a function';
};

subtest 'the protocol is the first of the client that the server has too' => sub {
    for my $row (
        [['h2'], ['h2'] => 'h2'],
        [['h2', 'http/1.1'], ['http/1.1'] => 'http/1.1'],
        [['h2', 'http/1.1'], ['h2', 'http/1.1'] => 'h2'],
        [['a', 'b'], ['b', 'a'] => 'a'],
        [['b', 'a', 'c'], ['c', 'a'] => 'a'],
        [['http/1.0', 'http/1.1', 'h2'], ['spdy/3', 'h2', 'http/1.1'] => 'http/1.1'],
        [['ab'], ['a', 'ab', 'abc'] => 'ab'],
        [['x' x 100], ['y', 'x' x 100] => 'x' x 100],
    ) {
        my ($client, $server, $expected) = @$row;

        for my $version (@versions) {
            is selected($client, $server, SSL_version => $version), $expected,
                "$version: client @$client, server @$server";
        }
    }
};

subtest 'without a common protocol the handshake goes on, and nothing is selected' => sub {
    for my $row ([['a'], ['b']], [['H2'], ['h2']], [['ab'], ['a', 'abc']], [['a'], undef],
        [undef, ['a']], [undef, undef]) {
        my ($client, $server) = @$row;
        my $name = join ', server ', map { $_ ? "@$_" : 'without' } $client, $server;

        is selected($client, $server, SSL_version => $_), 'undef', "$_: client $name"
            for @versions;
    }
};

subtest 'an empty list offers nothing' => sub {
    is hello(SSL_alpn_protocols => [])->{alpn}, undef, 'no extension is sent';
    is selected([], ['a']), 'undef', 'client';
    is selected(['a'], []), 'undef', 'server';
};

subtest 'the ClientHello carries the list in its order' => sub {
    is_deeply hello(SSL_alpn_protocols => ['h2', 'http/1.1', 'acme-tls/1'])->{alpn},
        ['h2', 'http/1.1', 'acme-tls/1'], 'three protocols';
    is hello()->{alpn}, undef, 'and none is offered without the option';
};

subtest 'a protocol may hold any byte (GREASE, RFC 8701)' => sub {
    my $grease = "\x0a\x0a";

    is_deeply hello(SSL_alpn_protocols => [$grease, 'h2'])->{alpn}, [$grease, 'h2'], 'sent';
    is selected([$grease, 'h2'], ['h2']), 'h2', 'passed over';
    is selected([$grease], [$grease]), $grease, 'or selected';
};

subtest 'the server selects for each connection anew' => sub {
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_server => 1,
        SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'),
        SSL_alpn_protocols => ['h2', 'http/1.1']);

    for my $protocol ('h2', 'http/1.1', 'h2') {
        my $result = negotiate({ SSL_alpn_protocols => [$protocol] },
            { SSL_reuse_ctx => $context });

        is agreed($result, 'alpn_selected'), $protocol, $protocol;
    }
};

differs('nego-alpn-limits', 'a protocol that cannot be sent is refused with its option named',
    sub {
        for my $list ([''], ['h2', ''], ['x' x 256], [('x' x 255) x 300]) {
            my $result = negotiate({ SSL_alpn_protocols => $list }, {});

            ok !$result->{client}, 'client: ' . @$list . ' of length ' . length $list->[-1];
            like $result->{client_error}, qr/SSL_alpn_protocols/, 'the option is named';
            like negotiate({}, { SSL_alpn_protocols => $list })->{server_error},
                qr/SSL_alpn_protocols/, 'server';
        }
        is selected(['x' x 255], ['x' x 255]), 'x' x 255, 'the longest possible one works';
    },
    sub {
        # Not tried here: for long ones Net::SSLeay writes beyond its buffer, and the process dies.
        is hello(SSL_alpn_protocols => ['h2', ''])->{alpn}, undef, 'nothing is offered, silently';
    });

subtest 'NPN selects by the order of the server, with TLS 1.2 only' => sub {
    IO::Socket::SSL->can_npn or plan skip_all => 'this OpenSSL has no NPN';
    my @row = ([['a', 'b'], ['b'] => 'b'], [['a', 'b'], ['b', 'a'] => 'b'], [['a'], undef],
        [undef, ['a']]);

    for my $row (@row) {
        my ($client, $server, $expected) = @$row;
        my %client = $client ? (SSL_npn_protocols => $client) : ();
        my %server = $server ? (SSL_npn_protocols => $server) : ();

        is agreed(negotiate({ %client, SSL_version => 'TLSv1_2' }, {%server}),
            'next_proto_negotiated'), $expected || 'undef', $expected || 'one end without it';
        is agreed(negotiate({ %client, SSL_version => 'TLSv1_3' }, {%server}),
            'next_proto_negotiated'), 'undef', 'TLS 1.3 has no NPN';
    }
};

done_testing;
