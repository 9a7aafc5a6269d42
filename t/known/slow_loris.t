# Slow-loris handshakes: who sends a byte now and then doesn't hold a server longer than Timeout.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

use Errno qw(ETIMEDOUT);
use POSIX ();

# A child that sends the bytes one at a time, one every tenth of a second, until nobody takes them.
sub dribbler {
    my ($sock, $bytes) = @_;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    watchdog(50);
    for my $byte (split //, $bytes) {
        defined syswrite $sock, $byte or last;
        select undef, undef, undef, 0.1;        # the pace is the attack; nothing waits for it
    }
    POSIX::_exit(0);
}

# A ClientHello, from one of ours.
sub hello {
    my ($client, $server) = plain_pair();
    $client->blocking(0);
    IO::Socket::SSL->start_SSL($client, client_args(), SSL_startHandshake => 0);
    $client->connect_SSL;
    ready($server, 'r');
    sysread $server, my $bytes, 10_000;
    return $bytes;
}

my $hello = hello();
cmp_ok length $hello, '>', 200, 'at a byte each tenth of a second it takes more than 20 seconds';

subtest 'a server gives up when its Timeout is over, not Timeout after the last byte' => sub {
    my ($client, $server) = plain_pair();
    my $pid = dribbler($client, $hello);
    ok !IO::Socket::SSL->start_SSL($server, server_args(), Timeout => 1), 'no connection';
    is $! + 0, ETIMEDOUT, 'for that reason';
    is waitpid($pid, POSIX::WNOHANG()), 0, 'while the client was still sending';
    kill KILL => $pid;
    waitpid $pid, 0;
};

subtest 'so does a listener, and serves the next client' => sub {
    my $listener = IO::Socket::SSL->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0,
        Timeout => 1, server_args()) or die $SSL_ERROR;
    my @slow = map { IO::Socket::INET->new('127.0.0.1:' . $listener->sockport) or die $! } 1, 2;
    my @pids = map { dribbler($_, $hello) } @slow;
    for (@slow) {
        ok !$listener->accept, 'one is dropped';
        is $! + 0, ETIMEDOUT, 'for being slow';
    }
    my $child = fork // die "fork: $!";
    if (!$child) {
        my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1:' . $listener->sockport, client_args());
        print $sock "hello\n" if $sock;
        POSIX::_exit(0);
    }
    $listener->timeout(20);
    my $sock = $listener->accept;
    is $sock && scalar <$sock>, "hello\n", 'the next is served' or diag $SSL_ERROR;
    kill KILL => @pids;
    waitpid $_, 0 for @pids, $child;
};

subtest 'and a client, of a server that never comes to an end' => sub {
    my ($client, $server) = plain_pair();
    # A handshake record that announces 16,000 bytes.
    my $pid = dribbler($server, "\x16\x03\x03\x3e\x80\x02\x00\x3e\x7c" . 'x' x 500);
    ok !IO::Socket::SSL->start_SSL($client, client_args(), Timeout => 1), 'no connection';
    is $! + 0, ETIMEDOUT, 'for that reason';
    kill KILL => $pid;
    waitpid $pid, 0;
};

done_testing;
