# new: clients and listeners, what passes through to the superclass, and what fails how.
use strict;
use warnings;

use lib 't/lib';
use Errno qw(EADDRINUSE ECONNREFUSED);
use Socket qw(AF_INET SOCK_STREAM inet_aton pack_sockaddr_in);
use Test::More;
use TLSTest;
use IO::Socket::SSL;

# A port where nobody listens: taken by a socket that doesn't.
sub closed_port {
    my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Proto => 'tcp');
    return ($taken->sockport, $taken);
}

my $server = test_server();

subtest 'a client connects, verifies and talks in one call' => sub {
    my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $server->port,
        SSL_ca_file => cert('ca.pem'));
    is ref $sock, 'IO::Socket::SSL', 'an object' or diag $SSL_ERROR;
    is $sock->opened, 1, 'open';
    ok $sock->is_SSL, 'encrypted';
    ok !$SSL_ERROR, 'no error left behind';
    ok $sock->connected, 'connected() of the superclass';
    is $sock->peerhost, '127.0.0.1', 'peerhost';
    is $sock->peerport, $server->port, 'peerport';
    print $sock "hello\n";
    is scalar(<$sock>), "hello\n", 'echo';
    ok close $sock, 'closed';
    is $server->outcome, 'echoed 1 lines', 'the server saw an orderly end';
};

my @address_forms = (
    [ 'PeerHost and PeerPort' => PeerHost => '127.0.0.1', PeerPort => $server->port ],
    [ 'PeerAddr with a port in it' => PeerAddr => $server->addr ],
    [ 'PeerHost with a port in it' => PeerHost => $server->addr ],
    [ 'PeerService' => PeerAddr => '127.0.0.1', PeerService => $server->port ],
    [ 'a host name' => PeerAddr => 'localhost', PeerPort => $server->port,
        LocalAddr => '127.0.0.1' ],
    [ 'LocalAddr and Proto' => PeerAddr => $server->addr, LocalAddr => '127.0.0.1',
        Proto => 'tcp' ],
    [ 'Family' => PeerAddr => $server->addr, Family => AF_INET ],
    [ 'Domain' => PeerAddr => $server->addr, Domain => AF_INET ],
    [ 'Sockopts and Type' => PeerAddr => $server->addr, Type => SOCK_STREAM ],
    [ 'Blocking' => PeerAddr => $server->addr, Blocking => 1 ],
    [ 'Timeout' => PeerAddr => $server->addr, Timeout => 20 ],
);
subtest 'addresses are given as the superclass takes them' => sub {
    for my $form (@address_forms) {
        my ($name, @args) = @$form;
        my $sock = IO::Socket::SSL->new(client_args(), @args);
        ok $sock, $name or diag "$SSL_ERROR $!";
        next if !$sock;
        print $sock "$name\n";
        is scalar(<$sock>), "$name\n", 'echo';
        close $sock;
        $server->outcome;
    }
};

my %parts = (
    'localhost:https' => [qw(localhost https)], '127.0.0.1:443' => ['127.0.0.1', 443],
    '[::1]:443' => ['::1', 443], ':443' => ['', 443], 'a[b:1' => ['a[b', 1],
    map { $_->[0] => [$_->[1], undef] } ['localhost', 'localhost'], ['localhost:', 'localhost'],
        ['[::1]', '::1'], map { [$_, $_] } '::1', 'a:b:1', 'a b:1', "a:1\n", '[a]:1:2', '',
);
subtest 'addresses fall into host and port as for the superclass' => sub {
    plan skip_all => 'the superclass has no split_addr' if !IO::Socket::SSL->isa('IO::Socket::IP');
    is_deeply [ IO::Socket::SSL->split_addr($_) ], $parts{$_}, qq("$_") for sort keys %parts;
    is_deeply [ IO::Socket::IP->split_addr($_) ], $parts{$_}, qq("$_" there) for sort keys %parts;
};

subtest 'one argument is an address' => sub {
    local $ENV{SSL_CERT_FILE} = cert('ca.pem');
    my $addr = $server->addr;
    is perl_output('use IO::Socket::SSL; my $s = IO::Socket::SSL->new(shift) or die $SSL_ERROR;'
        . 'print $s "x\n"; print scalar <$s>; close $s', $addr), "x\n", 'new("host:port")';
    is $server->outcome, 'echoed 1 lines', 'arrived';
};

subtest 'the name is taken from the address and verified' => sub {
    my $other = test_server(args => {
        SSL_cert_file => cert('other-name.pem'), SSL_key_file => cert('other-name.key') });
    is(IO::Socket::SSL->new(PeerAddr => $other->addr, SSL_ca_file => cert('ca.pem')), undef,
        'no object');
    like $SSL_ERROR, qr/^hostname verification failed/, 'why';
    cmp_ok $SSL_ERROR, '==', -1, 'as a number it is -1';
    is $@, $SSL_ERROR . '', '$@ says it too';
    like $other->outcome, qr/^accept failed: SSL accept attempt failed /, 'the server was told';
    ok client($other, SSL_verifycn_name => 'other.test'), 'the right name is accepted';
};

subtest 'no listener: no object, the system says why' => sub {
    my ($port, $taken) = closed_port();
    my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port, client_args());
    my ($errno, $eval) = ($! + 0, $@);
    is $sock, undef, 'undef';
    is $errno, ECONNREFUSED, '$! is that of connect';
    like $eval, qr/Connection refused/, '$@ is that of the superclass';
    like $SSL_ERROR, qr/^IO::Socket::IP configuration failed/, '$SSL_ERROR names the superclass';
    is(IO::Socket::SSL->errstr, $SSL_ERROR . '', 'errstr as a class method');
    is IO::Socket::SSL::errstr(), $SSL_ERROR . '', 'errstr as a function';
};

subtest 'a wrong TLS setting is found before anything is connected' => sub {
    my ($port, $taken) = closed_port();
    my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port,
        SSL_cipher_list => 'no-such-cipher');
    is $sock, undef, 'no object';
    like $SSL_ERROR, qr/^Failed to set SSL cipher list/, 'the setting is blamed, not the network';
};

subtest 'a file that cannot be used dies, with its name' => sub {
    for my $arg (qw(SSL_cert_file SSL_key_file SSL_ca_file)) {
        my @more = $arg eq 'SSL_key_file' ? (SSL_cert_file => cert('client.pem')) : ();
        ok !eval { IO::Socket::SSL->new(PeerAddr => $server->addr, @more, $arg => '/no/file') },
            "$arg: no object";
        like $@, qr{^\Q$arg\E /no/file can't be used: No such file}, 'died';
    }
};

subtest 'without arguments there is an object that can be connected by hand' => sub {
    my $sock = IO::Socket::SSL->new;
    is ref $sock, 'IO::Socket::SSL', 'an object';
    ok !$sock->opened, 'not open';
    is $sock->fileno, undef, 'no descriptor';
    ok !$sock->is_SSL, 'not encrypted';
    ok !$sock->connect_SSL, 'a handshake on nothing fails';
    ok length $SSL_ERROR, 'with a reason';
};

subtest 'connect by hand does the handshake as well' => sub {
    my $sock = IO::Socket::SSL->new;
    is $sock->configure_SSL({ client_args() }), $sock, 'settings for it' or diag $SSL_ERROR;
    ok $sock->socket(AF_INET, SOCK_STREAM, 0), 'socket';
    is $sock->connect(pack_sockaddr_in($server->port, inet_aton('127.0.0.1'))), $sock, 'connect'
        or diag $SSL_ERROR;
    ok $sock->is_SSL, 'encrypted';
    print $sock "by hand\n";
    is scalar(<$sock>), "by hand\n", 'echo';
    close $sock;
    $server->outcome;
};

subtest 'SSL_startHandshake => 0 connects TCP only; plain data pass until connect_SSL' => sub {
    my $starttls = test_server(args => { SSL_startHandshake => 0 }, handler => sub {
        my $sock = shift;
        my $line = <$sock>;
        print $sock "plain $line";
        $sock->accept_SSL or return "accept_SSL: $SSL_ERROR";
        $line = <$sock>;
        print $sock "secret $line";
        return 'both';
    });
    my $sock = client($starttls, SSL_startHandshake => 0);
    ok $sock, 'connected';
    ok !$sock->is_SSL, 'not encrypted yet';
    ok !$sock->opened, 'and not open yet in the sense of TLS';
    print $sock "one\n";
    is scalar(<$sock>), "plain one\n", 'plain';
    is $sock->connect_SSL, $sock, 'connect_SSL returns the object';
    is $sock->connect_SSL, $sock, 'and once more when it is open already';
    ok $sock->is_SSL, 'encrypted now';
    print $sock "two\n";
    is scalar(<$sock>), "secret two\n", 'encrypted';
    is $starttls->outcome, 'both', 'the server agrees';
};

subtest 'a listener listens, and says where' => sub {
    my $listener = IO::Socket::SSL->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0,
        ReuseAddr => 1, server_args());
    ok $listener, 'an object' or diag $SSL_ERROR;
    is $listener->sockhost, '127.0.0.1', 'sockhost';
    ok $listener->sockport, 'sockport';
    ok $listener->opened, 'opened';
    ok !$listener->is_SSL, 'a listener itself has no TLS';
    ok fileno $listener, 'a descriptor';
    ok $listener->stop_SSL, 'stop_SSL on it is harmless';
    my $second = IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1',
        LocalPort => $listener->sockport, server_args());
    is $second, undef, 'the same port again: no object';
    ok $!{EADDRINUSE}, '$! says so' or diag $!;
    ok close $listener, 'closed';
    ok !$listener->opened, 'no longer opened';
};

subtest 'Listen makes it a server: SSL_server is not needed' => sub {
    my $listener = IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0,
        SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'));
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $sock = $listener->accept;
        print $sock "served\n" if $sock;
        close $sock;
        POSIX::_exit(0);
    }
    my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $listener->sockport,
        client_args());
    is $sock && scalar <$sock>, "served\n", 'it accepts TLS' or diag $SSL_ERROR;
    waitpid $pid, 0;
};

subtest 'a listener without a certificate exists, but nobody gets in' => sub {
    my $bare = test_server(args => { SSL_reuse_ctx => undef, SSL_cert_file => '' });
    ok $bare, 'new is content';
    is client($bare), undef, 'a client is refused';
    like $SSL_ERROR, qr/^SSL connect attempt failed error:.*alert handshake failure/, 'its reason';
    like $bare->outcome, qr/^accept failed: SSL accept attempt failed error:.*no shared cipher/,
        'and that of the server';
};

subtest 'IPv6 works like IPv4' => sub {
    plan skip_all => 'no IPv6 loopback here' if !can_ipv6_here();
    my $six = test_server(addr => '::1');
    for my $form ([ PeerAddr => '::1', PeerPort => $six->port ], [ PeerAddr => $six->addr ]) {
        my $sock = IO::Socket::SSL->new(@$form, SSL_ca_file => cert('ca.pem'));
        ok $sock, "@$form, verified as the address" or diag $SSL_ERROR;
        is $sock->peerhost, '::1', 'peerhost';
        print $sock "six\n";
        is scalar(<$sock>), "six\n", 'echo';
    }
};

subtest 'unknown arguments are left alone' => sub {
    my $sock = client($server, SSL_no_such_thing => 1, NoSuchThing => 1);
    ok $sock, 'neither an SSL_ one nor another stops a connection' or diag $SSL_ERROR;
};

done_testing;
