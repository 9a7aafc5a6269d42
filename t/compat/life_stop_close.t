# stop_SSL goes back to plain text, close ends, and dropping a handle says nothing to the peer.
use strict;
use warnings;

use lib 't/lib';
use Errno qw(EBADF);
use Socket qw(MSG_PEEK);
use Test::More;
use TLSTest;
use IO::Socket::SSL;

{
    package Upgraded;
    our @ISA = ('IO::Socket::SSL');
}

sub ssl_keys { my $sock = shift; return sort grep { /^_?SSL_/ } keys %{*$sock} }

# What is there to read on a descriptor, without taking it, TLS or not.
sub peek_raw {
    my $fd = shift;
    open my $dup, '+<&', $fd or die "dup: $!";
    defined recv $dup, my $raw, 100, MSG_PEEK or return "error: $!";
    return $raw;
}

# Ends TLS on both sides of a pair, as two programs would: each waits for the other.
sub stop_both {
    my @pair = @_;
    my @todo = @pair;
    $_->blocking(0) for @pair;
    for (1 .. 100) {
        my @again;
        for my $sock (@todo) {
            next if $sock->stop_SSL;
            TLSTest::wants($SSL_ERROR) or die "stop_SSL: $SSL_ERROR $!\n";
            push @again, $sock;
        }
        @todo = @again or last;
    }
    $_->blocking(1) for @pair;
    return !@todo;
}

subtest 'after stop_SSL on both sides the same handles carry plain text' => sub {
    for my $kind ('tcp', 'unix') {
        my ($client, $server) = settle(pair(over => $kind, server_class => 'Upgraded'));
        my @fds = map { fileno $_ } $client, $server;
        my $old = $kind eq 'tcp' ? 'IO::Socket::INET' : 'IO::Socket::UNIX';
        ok stop_both($client, $server), "$kind: both stopped";
        is ref $_, $old, 'the class before start_SSL' for $client, $server;
        ok !tied *$client, 'not tied';
        is_deeply [ map { fileno $_ } $client, $server ], \@fds, 'the same descriptors';
        is_deeply [ ssl_keys($client) ], [], 'no key left on the glob';
        syswrite $client, "plain\n";
        is scalar(<$server>), "plain\n", 'one way';
        syswrite $server, "text\n";
        is scalar(<$client>), "text\n", 'the other way';
    }
};

subtest 'TLS can be started again, and again' => sub {
    my ($client, $server) = settle(pair());
    for my $round (1 .. 3) {
        stop_both($client, $server);
        syswrite $client, "round $round\n";
        is scalar(<$server>), "round $round\n", 'plain';
        settle(pair(over => [$client, $server]));
        is ref $client, 'IO::Socket::SSL', 'and TLS again';
    }
};

subtest 'the return value is true, and since 2.096 the socket' => sub {
    my ($client, $server) = settle(pair());
    $server->close;
    my $got = $client->stop_SSL;
    ok $got, 'true';
    if (since('2.096')) { is $got, $client, 'the socket' }
    else                { is $got, 1, 'one' }
};

subtest 'on a non-blocking socket it waits for the peer by saying so' => sub {
    my ($client, $server) = settle(pair(blocking => 0));
    my @got = $client->stop_SSL;
    is_deeply \@got, [], 'nothing yet';
    cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'it wants a read';
    ok $!{EAGAIN}, '$! is EAGAIN' or diag $!;
    is ref $client, 'IO::Socket::SSL', 'still a TLS socket';
    ok finish($server, sub { $server->stop_SSL }), 'the peer stops';
    ok finish($client, sub { $client->stop_SSL }), 'the next call succeeds';
    is ref $client, 'IO::Socket::INET', 'plain now';
};

subtest 'a class that was TLS from birth stays, and can do it again with connect_SSL' => sub {
    my $server = test_server(handler => sub {
        my $sock = shift;
        my $line = <$sock>;
        $sock->stop_SSL or return "stop_SSL: $SSL_ERROR";
        return 'still ' . ref $sock if ref $sock ne 'IO::Socket::SSL';
        $line = <$sock>;
        syswrite $sock, "plain $line";
        $sock->accept_SSL or return "accept_SSL: $SSL_ERROR";
        $line = <$sock>;
        print $sock "secret $line";
        return 'all three';
    });
    my $sock = client($server);
    print $sock "one\n";
    ok $sock->stop_SSL, 'stopped' or diag $SSL_ERROR;
    is ref $sock, 'IO::Socket::SSL', 'the class stays';
    ok !$sock->opened, 'opened is false';
    ok !$sock->is_SSL, 'is_SSL too';
    ok !tied *$sock, 'not tied';
    syswrite $sock, "two\n";
    is scalar(<$sock>), "plain two\n", 'plain';
    ok $sock->connect_SSL, 'connect_SSL' or diag $SSL_ERROR;
    print $sock "three\n";
    is scalar(<$sock>), "secret three\n", 'encrypted again';
    is $server->outcome, 'all three', 'the server agrees';
};

subtest 'SSL_fast_shutdown does not wait for the peer' => sub {
    my ($client, $server) = settle(pair());
    ok $client->stop_SSL(SSL_fast_shutdown => 1), 'returns though the peer is silent';
    is sysread($server, my $buffer, 10), 0, 'the peer reads the end';
    ok !$SSL_ERROR, 'an orderly one';
    if (since('2.093')) {
        is ref $client, 'IO::Socket::SSL', 'until the peer answers only writing is over';
        is $client->is_SSL, 'r', 'is_SSL tells which half is left';
        ok $server->stop_SSL, 'the peer stops';
        is sysread($client, $buffer, 10), 0, 'its end is read';
        is ref $client, 'IO::Socket::INET', 'now it is plain';
    }
    else {
        is ref $client, 'IO::Socket::INET', 'plain at once';
    }
};

subtest 'SSL_no_shutdown sends nothing and forgets TLS at once' => sub {
    for my $args ([ SSL_no_shutdown => 1 ], [ { SSL_no_shutdown => 1 } ]) {
        my ($client, $server) = settle(pair());
        ok $client->stop_SSL(@$args), 'returns';
        is ref $client, 'IO::Socket::INET', 'plain';
        $server->blocking(0);
        ok !ready($server, 'r', 0), 'nothing arrived at the peer';
        syswrite $client, "plain\n";
        $server->stop_SSL(SSL_no_shutdown => 1);
        $server->blocking(1);
        is scalar(<$server>), "plain\n", 'and both can go on without';
    }
};

subtest 'Timeout bounds the wait for the peer' => sub {
    my ($client, $server) = settle(pair());
    my $start = time;
    $client->stop_SSL(Timeout => 1);
    my $took = time - $start;
    cmp_ok $took, '<=', 4, "back after $took seconds";
    cmp_ok $took, '>=', 1, 'and not before' if $took;
    ok $client->blocking, 'blocking as before';
};

subtest 'close sends close_notify and does not wait' => sub {
    for my $how ('method', 'builtin') {
        my ($client, $server) = settle(pair());
        ok $how eq 'method' ? $client->close : close $client, "$how: true";
        ok !$client->opened, 'not opened';
        is fileno($client), undef, 'no descriptor';
        is $client->fileno, undef, 'by method neither';
        ok !$client->is_SSL, 'no TLS';
        is sysread($server, my $buffer, 10), 0, 'the peer reads the end';
        ok !$SSL_ERROR, 'in order';
        ok $server->close, 'and closes too';
    }
};

subtest 'close with SSL_fast_shutdown => 0 waits for the peer' => sub {
    my ($client, $server) = settle(pair());
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        sysread $server, my $buffer, 10;
        $server->close;
        POSIX::_exit(0);
    }
    $server->close(SSL_no_shutdown => 1);
    ok $client->close(SSL_fast_shutdown => 0), 'closed when the peer has answered';
    waitpid $pid, 0;
    is fileno($client), undef, 'no descriptor';
};

subtest 'close with SSL_no_shutdown ends the connection without a word of TLS' => sub {
    my ($client, $server) = settle(pair(client => { SSL_version => 'TLSv1_2' }));
    my $fd = fileno $server;
    ok $client->close(SSL_no_shutdown => 1), 'closed';
    ok ready($server, 'r'), 'the peer sees something';
    is peek_raw($fd), '', 'the end of TCP, no alert before it';
};

subtest 'a closed handle refuses everything with EBADF, and says so' => sub {
    no warnings 'closed';
    my ($client, $server) = settle(pair());
    $client->close;
    my %try = (
        'sysread'  => sub { sysread $client, my $buffer, 1 },
        'syswrite' => sub { syswrite $client, 'x' },
        'print'    => sub { print $client 'x' },
        '->sysread' => sub { $client->sysread(my $buffer, 1) },
    );
    for my $name (sort keys %try) {
        $! = 0;
        ok !defined $try{$name}->() || $name eq 'print' && !$try{$name}->(), "$name: nothing";
        is $! + 0, EBADF, 'EBADF';
    }
    is_deeply [ $client->get_cipher ], [], 'get_cipher: nothing';
    like $SSL_ERROR, qr/^Undefined SSL object/, 'why';
};

subtest 'a second close is false with EBADF, like that of any handle' => sub {
    my ($client, $server) = pair();
    ok $client->close, 'once';
    ok !$client->close, 'twice';
    is $! + 0, EBADF, 'EBADF';
};

differs('life-close-after-reset', 'close gives the descriptor back after a broken connection', sub {
    for my $broken (\&after_reset, \&after_fin) {
        my $sock = $broken->();
        ok $sock->close, 'true';
        is fileno($sock), undef, 'no descriptor';
    }
}, sub {
    for my $broken (\&after_reset, \&after_fin) {
        my $sock = $broken->();
        ok !$sock->close, 'false';
        like $SSL_ERROR, qr/^SSL shutdown error/, 'for TLS could not be ended';
        ok defined fileno $sock, 'and the descriptor stays open';
    }
});

sub after_reset {
    my ($client, $server) = settle(pair());
    reset_on_close($client);
    undef $client;
    ok !defined sysread($server, my $buffer, 10), 'a reset';
    return $server;
}

sub after_fin {
    my ($client, $server) = settle(pair());
    shutdown $client, 1;
    is sysread($server, my $buffer, 10), 0, 'an end of TCP without one of TLS';
    return $server;
}

subtest 'SSL_ctx_free gives the context away with the connection' => sub {
    my ($client, $server) = settle(pair());
    ok ${*$client}{_SSL_ctx}, 'there is one';
    ok $client->close(SSL_ctx_free => 1), 'closed';
    ok $server->close(SSL_ctx_free => 1), 'and the other side';
    my ($again) = settle(pair());
    ok $again, 'the next connection has its own';
};

subtest 'a handle that goes out of scope sends nothing' => sub {
    my ($client, $server) = settle(pair());
    my $fd = fileno $server;
    undef $client;
    ok ready($server, 'r'), 'the peer sees something';
    is peek_raw($fd), '', 'the end of TCP, no alert before it';
    is sysread($server, my $buffer, 10), 0, 'which reads as an end';
};

subtest 'close ends the program\'s use of it at once; old name kill_socket' => sub {
    my ($client, $server) = settle(pair());
    ok $client->kill_socket, 'true';
    is fileno($client), undef, 'closed';
    is sysread($server, my $buffer, 10), 0, 'in order';
};

subtest 'close works at any moment of a handshake' => sub {
    my ($client, $server) = plain_pair();
    IO::Socket::SSL->start_SSL($client, client_args(), SSL_startHandshake => 0);
    $client->blocking(0);
    ok !$client->connect_SSL, 'a handshake has begun';
    ok $client->close, 'closed';
    local $/ = undef;
    my $sent = <$server>;
    is ord $sent, 22, 'the peer saw its beginning';
    unlike $sent, qr/\x15\x03.\x00\x02..\z/s, 'and no alert';
};

done_testing;
