# What a connection tells about certificates: peer_certificate, sock_certificate, peer_certificates,
# dump_peer_certificate, and the names from before them.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use IdentTest;
use Socket qw(AF_INET6 inet_aton inet_pton);
use Test::More;
use TLSTest;

without_environment();

my ($client, $server) = pair(client => { files('client-chain') },
    server => { files('server-chain'), SSL_verify_mode => 3, SSL_ca_file => cert('ca.pem') });
my $inter = '/O=IOSSL/CN=IOSSL Test Intermediate';
my @names = ((map { (GEN_DNS, $_) } qw(server.test www.server.test *.wild.test localhost)),
    GEN_IPADD, inet_aton('127.0.0.1'), GEN_IPADD, inet_pton(AF_INET6, '::1'));
my %of = (
    server => { subject => '/O=IOSSL/CN=server.test', cn => 'server.test', names => \@names,
        file => 'server-leaf.pem' },
    client => { subject => '/O=IOSSL/CN=chained client', cn => 'chained client', names => [],
        file => 'client-leaf.pem' },
);
my %view = (
    'the client, peer_certificate' => [$client, 'peer_certificate', 'server'],
    'the client, sock_certificate' => [$client, 'sock_certificate', 'client'],
    'the server, peer_certificate' => [$server, 'peer_certificate', 'client'],
    'the server, sock_certificate' => [$server, 'sock_certificate', 'server'],
);

for my $name (sort keys %view) {
    my ($sock, $method, $whose) = @{ $view{$name} };
    my $expected = $of{$whose};

    subtest $name => sub {
        is $sock->$method($_), $inter, $_ for qw(issuer authority);
        is $sock->$method($_), $expected->{subject}, $_ for qw(subject owner);
        is $sock->$method($_), $expected->{cn}, $_ for qw(cn commonName);
        is_deeply [$sock->$method('subjectAltNames')], $expected->{names}, 'subjectAltNames';
        is PEM_cert2string($sock->$method), cert_text($expected->{file}), 'the whole, as a handle';
        like raised(sub { $sock->$method('colour') }),
            qr/^invalid argument for $method, valid are: /, 'a field that there is not';
        like raised(sub { $sock->$method('colour') }), qr/\b$_\b/, "... which names $_"
            for qw(issuer authority subject owner cn commonName subjectAltNames);
    };
}

subtest 'the handle of the peer certificate is kept, until it is asked for anew' => sub {
    is $client->peer_certificate, $client->peer_certificate, 'the same twice';
    is PEM_cert2string($client->peer_certificate(undef, 1)), cert_text('server-leaf.pem'), 'anew';
    is $client->peer_certificate('cn', 1), 'server.test', 'a field, anew';
};

subtest 'peer_certificates are what the peer has sent, its own first' => sub {
    for ([$client, 'server'], [$server, 'client']) {
        my ($sock, $whose) = @$_;
        is_deeply [map { PEM_cert2string($_) } $sock->peer_certificates],
            [cert_text("$whose-leaf.pem"), cert_text('inter.pem')], "those of the $whose";
    }
};

{
    my $listener = test_server(
        args => { SSL_verify_mode => SSL_VERIFY_PEER, SSL_ca_file => cert('ca.pem') },
        handler => sub { return join '', map { PEM_cert2string($_) } $_[0]->peer_certificates });

    # What a server's connection that accept has made says of the client with this certificate.
    my $seen = sub {
        my $sock = client($listener, @_) or die $SSL_ERROR;
        return $listener->outcome;
    };
    my @client = (SSL_cert_file => cert('client-chain.pem'), SSL_key_file => cert('client-chain.key'));

    differs('ident-peer-certificates', 'so they are on a connection that accept has made', sub {
        is $seen->(@client), cert_text('client-leaf.pem') . cert_text('inter.pem'), 'leaf and chain';
        is $seen->(), '', 'none from who has shown none';
    }, sub {
        is $seen->(@client), cert_text('inter.pem'), 'the leaf is missing';
    });
}

subtest 'dump_peer_certificate tells subject and issuer in two lines' => sub {
    is $client->dump_peer_certificate,
        "Subject Name: /O=IOSSL/CN=server.test\nIssuer  Name: $inter\n", 'the server';
    is $server->dump_peer_certificate,
        "Subject Name: /O=IOSSL/CN=chained client\nIssuer  Name: $inter\n", 'the client';
};

subtest 'the old names still work' => sub {
    is $client->get_peer_certificate, $client, 'get_peer_certificate is the socket itself';
    is $client->get_peer_certificate->subject_name, '/O=IOSSL/CN=server.test', 'subject_name';
    is $client->get_peer_certificate->issuer_name, $inter, 'issuer_name';
    is $server->subject_name, '/O=IOSSL/CN=chained client', 'on the server';
};

subtest 'names are given as the certificate has them' => sub {
    for (
        ['cn-only',   'cn-only.test',     []],
        ['ip-only',   'ip-only.test', [GEN_IPADD, inet_aton('127.0.0.1'), GEN_IPADD,
            inet_pton(AF_INET6, '::1')]],
        ['email-san', 'email-san.test',   [1, 'a@email-san.test']],
        ['nul-san',   'nul',              [GEN_DNS, "server.test\0.evil.test"]],
        ['nul-cn',    "server.test\0.evil.test", []],
        ['idn',       'xn--bcher-kva.test', [GEN_DNS, 'xn--bcher-kva.test', GEN_DNS,
            '*.xn--bcher-kva.test']],
    ) {
        my ($cert, $cn, $names) = @$_;
        my ($peer) = pair(over => 'unix', client => { SSL_verifycn_scheme => 'none' },
            server => { files($cert) });
        is $peer->peer_certificate('cn'), $cn, "$cert: the common name";
        is_deeply [$peer->peer_certificate('subjectAltNames')], $names, "$cert: the others";
    }
};

subtest 'text that is not ASCII' => sub {
    my ($peer) = pair(over => 'unix', client => { SSL_verifycn_scheme => 'none' },
        server => { files('nul-cn') });
    is $peer->peer_certificate('subject'), '/O=IOSSL/CN=server.test\x00.evil.test',
        'is escaped where it stands among others';
};

subtest 'one that has sent no certificate' => sub {
    my ($asking, $silent) = pair();
    $SSL_ERROR = undef;
    is_deeply [$silent->peer_certificate], [], 'peer_certificate: nothing';
    is $SSL_ERROR, 'Could not retrieve peer certificate', '... and says so';
    is_deeply [$silent->peer_certificate('cn')], [], 'nor its name';
    is_deeply [$silent->peer_certificates], [], 'peer_certificates: none';
    is $silent->dump_peer_certificate, "Subject Name: undefined\nIssuer  Name: undefined\n",
        'dump_peer_certificate says that';
    is_deeply [$asking->sock_certificate], [], 'sock_certificate: none';
    is_deeply [$asking->sock_certificate('cn')], [], 'nor its name';
};

subtest 'without a connection there is nothing to tell' => sub {
    my ($sock, $other) = plain_pair();
    IO::Socket::SSL->start_SSL($sock, SSL_startHandshake => 0);
    for my $method (qw(peer_certificate sock_certificate peer_certificates dump_peer_certificate)) {
        $SSL_ERROR = undef;
        is_deeply [$sock->$method], [], "$method: nothing";
        is $SSL_ERROR, 'Undefined SSL object', '... and says why';
    }
};

subtest 'after the end there is nothing more to tell' => sub {
    my ($near, $far) = pair();
    is $near->peer_certificate('cn'), 'server.test', 'before';
    close $near;
    is_deeply [$near->peer_certificate('cn')], [], 'after';
};

done_testing;
