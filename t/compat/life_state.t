# What a handle tells about itself in each state, what it refuses, and how perl's builtins see it.
use strict;
use warnings;

use lib 't/lib';
use Errno qw(EBADF);
use IO::Select;
use Scalar::Util qw(weaken);
use Socket qw(AF_INET SOCK_STREAM SOL_SOCKET SO_TYPE);
use Test::More;
use TLSTest;
use IO::Socket::SSL;

subtest 'opened tells the state' => sub {
    my $listener = IO::Socket::SSL->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0,
        server_args(), SSL_server => 5);
    ok $listener->opened, 'a listener: true';
    my ($client, $server) = plain_pair();
    IO::Socket::SSL->start_SSL($client, client_args(), SSL_startHandshake => 0);
    ok !$client->opened, 'before the handshake: false';
    ($client, $server) = pair();
    is $client->opened, 1, 'after it: 1';
    is $server->opened, 1, 'on both sides';
    $client->close;
    ok !$client->opened, 'closed: false';
};

subtest 'is_SSL tells the directions that are encrypted' => sub {
    my ($client, $server) = pair();
    is $client->is_SSL, since('2.092') ? 'rw' : 1, 'both';
    $client->close;
    ok !$client->is_SSL, 'none after close';
    ok !IO::Socket::SSL->new->is_SSL, 'none before connecting';
};

subtest 'blocking returns what was, and sets' => sub {
    my ($client, $server) = pair();
    ok $client->blocking, 'blocking';
    ok $client->blocking(0), 'set: the old value';
    ok !$client->blocking, 'non-blocking';
    ok !$client->blocking(1), 'the old value again';
    ok $client->blocking, 'blocking';
};

subtest 'timeout returns and sets' => sub {
    my ($client, $server) = pair();
    is $client->timeout, undef, 'none';
    $client->timeout(3);
    is $client->timeout, 3, 'set';
    is ${*$client}{io_socket_timeout}, 3, 'where the superclass keeps it';
    $client->timeout(undef);
    is $client->timeout, undef, 'and unset';
};

subtest 'autoflush is $| of the handle' => sub {
    my ($sock, $peer) = plain_pair();
    IO::Socket::SSL->start_SSL($sock, client_args(), SSL_startHandshake => 0) or die $SSL_ERROR;
    $sock->autoflush(0);
    is $sock->autoflush(0), 0, 'off';
    print $sock 'plain';
    ok !IO::Select->new($peer)->can_read(0), 'what is printed waits';
    is $sock->autoflush, 0, 'without an argument: returns what was';
    ok sysread($peer, my $got, 100), 'sends what waited';
    is $got, 'plain', 'all of it';
    my $selected = select $sock;
    my $flushes  = $|;
    $| = 0;
    select $selected;
    is $flushes, 1, 'and is on';
    is $sock->autoflush(5), 0, '$| itself was heard of';
    is $sock->autoflush(undef), 1, 'any number but 0: on';
    is $sock->autoflush, 0, 'undef: off';
};

subtest 'the superclass tells about addresses' => sub {
    my $server = test_server();
    my $sock   = client($server);
    is $sock->peerhost, '127.0.0.1', 'peerhost';
    is $sock->peerport, $server->port, 'peerport';
    is $sock->sockhost, '127.0.0.1', 'sockhost';
    ok $sock->sockport, 'sockport';
    is $sock->sockdomain, AF_INET, 'sockdomain';
    is $sock->socktype, SOCK_STREAM, 'socktype';
    is $sock->protocol, getprotobyname('tcp') // 6, 'protocol';
    ok $sock->connected, 'connected';
    ok $sock->autoflush(1) || 1, 'autoflush is there';
    is $sock->sockopt(SO_TYPE), SOCK_STREAM, 'sockopt';
};

my @about_tls = qw(get_cipher get_sslversion get_sslversion_int get_servername peer_certificate
    dump_peer_certificate alpn_selected get_session_reused peer_certificates sock_certificate);
subtest 'without TLS there is nothing to tell about it, and $SSL_ERROR says so' => sub {
    my ($closed) = pair();
    $closed->close;
    for my $sock (IO::Socket::SSL->new, $closed) {
        for my $method (@about_tls) {
            $SSL_ERROR = undef;
            my @got = $sock->$method;
            is_deeply \@got, [], "$method: nothing";
            is $SSL_ERROR . '', 'Undefined SSL object', 'why';
        }
        is_deeply [ $sock->pending ], [], 'pending: nothing';
    }
};

subtest 'what makes no sense over TLS is refused' => sub {
    my ($client, $server) = pair();
    for my $method (qw(truncate stat setbuf setvbuf fdopen)) {
        ok !eval { $client->$method(1, 1); 1 }, $method;
        like $@, qr/^Use of $method\(\) not allowed with SSL/, 'why';
    }
    my %instead = (
        ungetc => 'Use of ungetc() not implemented in IO::Socket::SSL',
        send   => 'Use of send() not implemented in IO::Socket::SSL;'
            . ' use print/printf/syswrite instead',
        recv   => 'Use of recv() not implemented in IO::Socket::SSL; use read/sysread instead',
    );
    for my $method (sort keys %instead) {
        ok !eval { $client->$method('x', 1); 1 }, $method;
        like $@, qr/^\Q$instead{$method}\E/, 'why';
        ok !eval { IO::Socket::SSL->new->$method('x', 1); 1 }, 'without a handshake too';
    }
    settle($client, $server);
    ok 1, 'and the connection goes on';
};

subtest 'the handle is tied while TLS lasts, and only then' => sub {
    my ($client, $server) = plain_pair();
    IO::Socket::SSL->start_SSL($client, client_args(), SSL_startHandshake => 0);
    ok !tied *$client, 'not before the handshake';
    ($client, $server) = settle(pair());
    is ref tied *$client, 'IO::Socket::SSL::SSL_HANDLE', 'by this class';
    $client->stop_SSL(SSL_no_shutdown => 1);
    ok !tied *$client, 'not after stop_SSL';
    $server->close;
    ok !tied *$server, 'not after close';
};

subtest 'the tie doesn\'t keep the handle alive' => sub {
    my ($client, $server) = settle(pair());
    weaken(my $watch = $client);
    undef $client;
    is $watch, undef, 'the object is gone with its last reference';
    is sysread($server, my $buffer, 1), 0, 'and the peer sees the end';
};

subtest 'select, vec and IO::Select work on the real descriptor' => sub {
    my ($client, $server) = settle(pair());
    is fileno($client), $client->fileno, 'fileno, builtin and method';
    is fileno(*$client), $client->fileno, 'and on the glob';
    my $select = IO::Select->new($client);
    is scalar $select->can_read(0), undef, 'nothing to read';
    is scalar(my @w = $select->can_write(5)), 1, 'room to write';
    syswrite $server, 'x';
    is scalar(my @r = $select->can_read(5)), 1, 'now there is something';
    my $bits = '';
    vec($bits, fileno $client, 1) = 1;
    is scalar select($bits, undef, undef, 5), 1, 'four-argument select';
};

subtest 'socket builtins see the socket below' => sub {
    my ($client, $server) = settle(pair());
    is length getpeername $client, length getsockname $server, 'getpeername';
    ok -S $client, '-S';
    ok setsockopt($client, SOL_SOCKET, Socket::SO_KEEPALIVE(), 1), 'setsockopt';
    open my $dup, '>&', $client or die "dup: $!";
    ok !tied *$dup, 'a duplicate is a plain handle';
    isnt fileno $dup, fileno $client, 'with a descriptor of its own';
    close $dup;
    settle($client, $server);
    ok 1, 'and closing it leaves TLS alone';
    ok shutdown($client, 1), 'shutdown';
    is sysread($server, my $buffer, 1), 0, 'ends TCP';
};

subtest 'tell and binmode have nothing to do' => sub {
    my ($client, $server) = pair();
    is tell($client), -1, 'tell';
    is $! + 0, EBADF, 'EBADF, as on any socket';
    ok eval { binmode $client; 1 }, 'binmode doesn\'t die';
    ok eval { binmode $client, ':raw'; 1 }, 'with a layer neither';
    settle($client, $server);
    ok 1, 'and changes nothing';
};

subtest 'the keys that programs look at are on the glob' => sub {
    my ($client, $server) = pair(server => { SSL_startHandshake => 1 });
    my $glob = *$client;
    is ref ${*$client}{_SSL_ctx}, 'IO::Socket::SSL::SSL_Context', '_SSL_ctx';
    ok ${*$client}{_SSL_ctx}{context}, 'with its context, a true number';
    like ${*$client}{_SSL_object}, qr/^\d+$/, '_SSL_object, a number';
    is ${*$client}{_SSL_opened}, 1, '_SSL_opened';
    is ${*$client}{_SSL_arguments}{SSL_verifycn_name}, 'server.test', '_SSL_arguments';
    $client->close;
    ok !${*$client}{_SSL_object}, 'no _SSL_object after close';
    ok ${*$client}{_SSL_ctx}, 'but the context';
};

done_testing;
