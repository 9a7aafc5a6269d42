# Timeout: how long a handshake may take, where the number comes from, what is left afterwards.
use strict;
use warnings;

use lib 't/lib';
use Errno qw(EAGAIN ETIMEDOUT);
use Test::More;
use Time::HiRes qw(time);
use TLSTest;
use IO::Socket::SSL;

# A peer that accepts and never says a word.
my $silent = TLSTest::plain_listener('127.0.0.1');
my @to_silent = (PeerAddr => '127.0.0.1', PeerPort => $silent->sockport);

# Runs code; its result, and how long it took in seconds.
sub timed {
    my $code  = shift;
    my $start = time;
    my $result = $code->();
    return ($result, time - $start);
}

# Generous above: the machine may be busy. Tight below: an answer before the time is a bug.
sub took_about {
    my ($took, $seconds) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    # The incumbent reckons in whole seconds and may stop up to one of them early.
    my $early = implementation() eq 'ours' ? 0.05 : 1;
    return ok $took >= $seconds - $early && $took < $seconds + 5,
        sprintf '%.1f seconds of %s', $took, $seconds;
}

# What a timeout leaves to see: a want, and no word of a fatal failure.
sub is_timeout {
    my ($errno, $error) = ($! + 0, $SSL_ERROR);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok TLSTest::wants($error), '$SSL_ERROR is a want' or diag $error;
    return $errno;
}

subtest 'new gives up after Timeout, with no object' => sub {
    my ($sock, $took) = timed(sub {
        IO::Socket::SSL->new(@to_silent, client_args(), Timeout => 2) });
    is $sock, undef, 'nothing';
    is_timeout();
    took_about($took, 2);
};

subtest 'start_SSL gives up after Timeout, and the socket is plain and open again' => sub {
    for my $mode ('blocking', 'non-blocking') {
        my ($client, $server) = plain_pair();
        $client->blocking($mode eq 'blocking');
        $@ = '';
        my ($result, $took) = timed(sub {
            IO::Socket::SSL->start_SSL($client, client_args(), Timeout => 1) });
        my $died = $@;
        ok !$result, "$mode: nothing";
        is_timeout();
        is $died, '', '$@ is left alone';
        took_about($took, 1);
        is ref $client, 'IO::Socket::INET', 'its class';
        ok !tied *$client, 'not tied';
        is !!$client->blocking, $mode eq 'blocking', 'its mode';
        ok defined fileno $client, 'open';
        syswrite $server, "plain\n";
        ready($client, 'r');
        is scalar(<$client>), "plain\n", 'usable';
    }
};

subtest 'the timeout of the socket itself counts where none is given' => sub {
    my ($client, $server) = plain_pair();
    $client->timeout(1);
    my ($result, $took) = timed(sub { IO::Socket::SSL->start_SSL($client, client_args()) });
    ok !$result, 'nothing';
    took_about($took, 1);
    my $sock = IO::Socket::SSL->new(@to_silent, client_args(), SSL_startHandshake => 0,
        Timeout => 1);
    is $sock->timeout, 1, 'new keeps it';
    ($result, $took) = timed(sub { $sock->connect_SSL });
    ok !$result, 'connect_SSL heeds it';
    took_about($took, 1);
};

subtest 'connect_SSL and accept_SSL take a Timeout of their own' => sub {
    for my $role ('connect_SSL', 'accept_SSL') {
        for my $form ([ Timeout => 1 ], [ { Timeout => 1 } ]) {
            my ($sock, $peer) = plain_pair();
            IO::Socket::SSL->start_SSL($sock, $role eq 'accept_SSL' ? server_args() : client_args(),
                SSL_startHandshake => 0);
            my ($result, $took) = timed(sub { $sock->$role(@$form) });
            ok !$result, "$role: nothing";
            is_timeout();
            took_about($took, 1);
            ok !$sock->opening, 'no handshake is in progress';
            ok defined $sock->fileno, 'the socket is open';
            ok $sock->blocking, 'and blocking as before';
        }
    }
};

subtest 'a non-blocking socket doesn\'t wait, whatever Timeout says' => sub {
    my ($sock, $peer) = plain_pair();
    IO::Socket::SSL->start_SSL($sock, client_args(), SSL_startHandshake => 0);
    $sock->blocking(0);
    my ($result, $took) = timed(sub { $sock->connect_SSL(Timeout => 20) });
    ok !$result, 'nothing yet';
    cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'a want';
    cmp_ok $took, '<', 10, 'at once';
    ok $sock->opening, 'the handshake goes on';
};

subtest 'a handshake within the time succeeds, and the blocking mode is as before' => sub {
    my $server = test_server();
    my $sock = client($server, Timeout => 20);
    ok $sock, 'an object' or diag $SSL_ERROR;
    ok $sock->blocking, 'blocking';
    is $sock->timeout, 20, 'timeout() tells it';
    print $sock "x\n";
    is scalar(<$sock>), "x\n", 'it talks';
};

subtest 'a listener applies its Timeout to the handshake of a client that is silent' => sub {
    my $listener = IO::Socket::SSL->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0,
        Timeout => 1, server_args());
    my $idle = IO::Socket::INET->new('127.0.0.1:' . $listener->sockport);
    my ($sock, $took) = timed(sub { $listener->accept });
    ok !$sock, 'nothing';
    took_about($took, 1);
    close $idle;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $listener->sockport,
            client_args());
        print $sock "hello\n" if $sock;
        close $sock if $sock;
        POSIX::_exit(0);
    }
    $sock = $listener->accept;
    is $sock && scalar <$sock>, "hello\n", 'the next client is served' or diag $SSL_ERROR;
    waitpid $pid, 0;
};

differs('life-timeout-errno', 'a timeout is told by $! as well', sub {
    is(IO::Socket::SSL->new(@to_silent, client_args(), Timeout => 1), undef, 'no object');
    is $! + 0, ETIMEDOUT, '$! is ETIMEDOUT';
}, sub {
    is(IO::Socket::SSL->new(@to_silent, client_args(), Timeout => 1), undef, 'no object');
    is $! + 0, EAGAIN, '$! is EAGAIN';
});

differs('life-timeout-deadline', 'Timeout of a fraction of a second is that long', sub {
    my ($client, $server) = plain_pair();
    my ($result, $took) = timed(sub {
        IO::Socket::SSL->start_SSL($client, client_args(), Timeout => 0.2) });
    ok !$result, 'nothing';
    ok $took >= 0.15 && $took < 0.9, "$took seconds";
}, sub {
    my ($client, $server) = plain_pair();
    my ($result, $took) = timed(sub {
        IO::Socket::SSL->start_SSL($client, client_args(), Timeout => 0.2) });
    ok !$result, 'nothing';
    ok $took < 5, "$took seconds, as whole ones go";
});

differs('life-connect-after-failure', 'connect_SSL never reports success without a session', sub {
    my ($sock, $peer) = plain_pair();
    IO::Socket::SSL->start_SSL($sock, client_args(), SSL_startHandshake => 0);
    ok !$sock->connect_SSL(Timeout => 1), 'a timeout';
    $sock->blocking(0);
    ok !$sock->connect_SSL, 'false again';
    ok !eval { $sock->get_cipher }, 'for there is no session';
}, sub {
    my ($sock, $peer) = plain_pair();
    IO::Socket::SSL->start_SSL($sock, client_args(), SSL_startHandshake => 0);
    ok !$sock->connect_SSL(Timeout => 1), 'a timeout';
    $sock->blocking(0);
    ok $sock->connect_SSL, 'true, though nobody answered';
});

done_testing;
