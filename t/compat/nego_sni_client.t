# nego_sni_client.t - the name that a client asks for: SSL_hostname, PeerAddr, get_servername.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use NegoTest;

my %unverified = (SSL_verify_mode => SSL_VERIFY_NONE);

subtest 'SNI is there' => sub {
    ok(IO::Socket::SSL->can_client_sni, 'can_client_sni as a class method');
    ok IO::Socket::SSL::can_client_sni(), 'as a function';
    ok(IO::Socket::SSL->can_server_sni, 'can_server_sni');
    my ($sock) = plain_pair('unix');
    ok(IO::Socket::SSL->start_SSL($sock, SSL_startHandshake => 0)->can_client_sni,
        'as an object method');
};

subtest 'SSL_hostname is sent as it is written, and both ends tell it' => sub {
    for my $name ('server.test', 'Server.TEST', 'localhost', 'under_score.test', 'a', '1a.test',
        'xn--bcher-kva.test', '127.0.0.1', 'x' x 60 . '.test', join('.', ('x' x 49) x 5)) {
        my $result = negotiate({ %unverified, SSL_hostname => $name }, {});

        is agreed($result, 'get_servername'), $name, $name;
        is hello(%unverified, SSL_hostname => $name)->{sni}, $name, 'on the wire too';
    }
};

subtest 'an empty SSL_hostname sends no name' => sub {
    is hello(SSL_hostname => '')->{sni}, undef, 'without an address';
    is hello(SSL_hostname => '', $_ => 'server.test')->{sni}, undef, "beside $_"
        for 'PeerAddr', 'PeerHost';
    my $result = negotiate({ SSL_hostname => '', SSL_verifycn_name => 'server.test' }, {});
    is agreed($result, 'get_servername'), 'undef', 'and get_servername knows none';
};

subtest 'the name comes from PeerAddr or PeerHost if SSL_hostname is not given' => sub {
    for my $row (['server.test' => 'server.test'], ['Server.Test' => 'Server.Test'],
        ['server.test:443' => 'server.test'], ['server.test:https' => 'server.test'],
        ['localhost' => 'localhost'], ['localhost:8443' => 'localhost'],
        ['under_score' => 'under_score'], ['a.b.c:imaps' => 'a.b.c']) {
        my ($address, $name) = @$row;

        is hello(%unverified, $_ => $address)->{sni}, $name, "$_ => '$address'"
            for 'PeerAddr', 'PeerHost';
    }
};

subtest 'an address is no name' => sub {
    for my $address ('127.0.0.1', '127.0.0.1:443', '::1', '[::1]', '[::1]:443', 'fe80::1',
        '2001:db8::a', '[2001:db8::a]:https', '1234', '10.1') {
        is hello(%unverified, $_ => $address)->{sni}, undef, "$_ => '$address'"
            for 'PeerAddr', 'PeerHost';
    }
};

subtest 'SSL_hostname beats the address' => sub {
    is hello(SSL_hostname => 'server.test', PeerAddr => 'other.test')->{sni}, 'server.test',
        'PeerAddr';
    is hello(SSL_hostname => 'server.test', PeerHost => 'other.test:443')->{sni}, 'server.test',
        'PeerHost';
};

subtest 'the name for verification is not asked for' => sub {
    is hello(SSL_hostname => 'a.test', SSL_verifycn_name => 'b.test')->{sni}, 'a.test',
        'SSL_hostname counts';
    is hello(PeerAddr => '127.0.0.1', SSL_verifycn_name => 'b.test')->{sni}, undef,
        'SSL_verifycn_name does not';
    my $result = negotiate({ SSL_hostname => 'a.test', SSL_verifycn_name => 'server.test' }, {});
    is agreed($result, 'get_servername'), 'a.test', 'the two may differ';
};

subtest 'SSL_hostname is the name to verify as well' => sub {
    my $result = negotiate({ SSL_hostname => 'other.test' }, {});

    like $result->{client_error}, qr/^hostname verification failed/, 'another name is refused';
    ok(negotiate({ SSL_hostname => 'www.server.test' }, {})->{client}, 'a name of the certificate');
};

subtest 'SSL_hostname of a server is not looked at' => sub {
    is agreed(negotiate({}, { SSL_hostname => 'other.test' }), 'get_servername'), 'server.test',
        'the name is the one of the client';
};

subtest 'new takes the name from its address' => sub {
    my $server = test_server(handler => sub { my $name = $_[0]->get_servername;
        return defined $name ? $name : 'none' });
    my $port = $server->port;
    my @trust = (SSL_ca_file => cert('ca.pem'));

    for my $row (
        ['localhost' => PeerAddr => 'localhost', PeerPort => $port],
        ['localhost' => PeerHost => 'localhost', PeerPort => $port],
        ['localhost' => PeerAddr => "localhost:$port"],
        ['none' => PeerAddr => '127.0.0.1', PeerPort => $port],
        ['none' => PeerAddr => "127.0.0.1:$port"],
        ['server.test' => PeerAddr => "127.0.0.1:$port", SSL_hostname => 'server.test'],
        ['server.test' => PeerAddr => "localhost:$port", SSL_hostname => 'server.test'],
        ['none' => PeerAddr => "localhost:$port", SSL_hostname => '',
            SSL_verifycn_name => 'localhost'],
    ) {
        my ($name, @args) = @$row;
        my $client = IO::Socket::SSL->new(@args, @trust) or diag "@args: $SSL_ERROR $!";

        is $server->outcome, $name, "@args: $name";
        is $client && $client->get_servername, $name eq 'none' ? undef : $name, 'client';
    }
};

subtest 'an undefined SSL_hostname counts as not given' => sub {
    is hello(%unverified, PeerAddr => 'server.test', SSL_hostname => undef)->{sni}, 'server.test',
        'the address gives the name';
};

differs('nego-hostname-unsendable', 'a name that cannot be sent is an error',
    sub {
        for my $name ("server.test\0.evil.test", join '.', ('x' x 63) x 5) {
            my $result = negotiate({ %unverified, SSL_hostname => $name }, {});

            ok !$result->{client}, 'no connection';
            like $result->{client_error}, qr/SSL_hostname/, 'the option is named';
        }
    },
    sub {
        is hello(%unverified, SSL_hostname => "server.test\0.evil.test")->{sni}, 'server.test',
            'cut at the NUL byte';
        is hello(%unverified, SSL_hostname => join '.', ('x' x 63) x 5)->{sni}, undef,
            'left away silently';
    });

subtest 'get_servername is empty before the handshake' => sub {
    my ($sock) = plain_pair('unix');
    my $idle = IO::Socket::SSL->start_SSL($sock, SSL_startHandshake => 0);

    is_deeply [$idle->get_servername], [], 'nothing is returned';
    like $SSL_ERROR, qr/^Undefined SSL object/, 'with an error';
};

done_testing;
