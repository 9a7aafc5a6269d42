# data_signals.t - signals during blocking calls: handlers that die, return, or use the connection.
#
# What ends the waiting is the alarm, as nothing else will come. No test depends on whether it comes
# before or after a call has begun to wait: a handler that dies ends both, the others come again.
use strict;
use warnings;
use Errno qw(EINTR);
use Scalar::Util qw(weaken);
use Time::HiRes qw(ualarm);
use Test::More;
use lib 't/lib';
use TLSTest;
use DataTest;
use IO::Socket::SSL;

use constant SOON => 60_000;       # microseconds

# Runs a call that waits, until the alarm's handler dies, which it does at the first alarm or at the
# first one where $is_time->() holds. True if that is how the call ended.
sub interrupted {
    my ($code, $is_time) = @_;
    my $is_armed = 1;

    local $SIG{ALRM} = sub {
        return if !$is_armed || $is_time && !$is_time->();
        $is_armed = 0;
        die "alarm\n";
    };
    my $returned = eval {
        ualarm(SOON, SOON);
        $code->();
        1;
    };
    my $died = $@;

    $is_armed = 0;
    watchdog(60);                   # whose place ualarm took
    return !$returned && $died eq "alarm\n";
}

# Runs a call that waits, with a handler that returns, again and again; its first call gets true.
sub disturbed {
    my ($handler, $code) = @_;
    my $first = 1;

    local $SIG{ALRM} = sub { $handler->($first); $first = 0 };
    ualarm(SOON, SOON);
    my $result = $code->();
    my $errno = $! + 0;
    watchdog(60);
    return ($result, $errno);
}

sub open_descriptors {
    my @found = grep { defined fileno_of($_) } 0 .. 63;
    return scalar @found;
}

sub fileno_of {
    my ($number) = @_;
    open my $fh, '<&', $number or return;
    return fileno $fh;
}

my %READ = (
    sysread       => sub { sysread($_[0], my $buffer, 10) },
    'method read' => sub { $_[0]->read(my $buffer, 10) },
    peek          => sub { $_[0]->peek(my $buffer, 10) },
    getc          => sub { getc $_[0] },
    readline      => sub { my $line = readline $_[0] },
    getlines      => sub { my @lines = $_[0]->getlines },
);

for my $how (sort keys %READ) {
    subtest "alarm and die end a waiting $how, and the connection goes on" => sub {
        my ($client, $server) = connected();

        ok interrupted(sub { $READ{$how}->($client) }), 'the exception arrives';
        $server->syswrite("hello\n");
        is scalar(<$client>), "hello\n", 'the next line is read';
        is arrives($client, $server, sub { $_[0]->print('back') }), 'back', 'the other way too';
        ok interrupted(sub { $READ{$how}->($client) }), 'and it can be interrupted again';
    };
}

subtest 'a line that was interrupted halfway leaves the stream at a line, not inside' => sub {
    my ($client, $server) = connected();

    $server->syswrite('part');
    ok interrupted(sub { my $line = <$client> }), 'interrupted';
    $server->syswrite("ial\nnext\n");
    like scalar(<$client>), qr/\A(?:part)?ial\n\z/, 'the rest of that line, or all of it';
    is scalar(<$client>), "next\n", 'the next one';
};

subtest 'alarm and die end a waiting write, and what arrives is never garbled' => sub {
    for my $how ('write', 'print') {
        my ($client, $server) = connected();
        my $big = join '', map { pack 'N', $_ } 1 .. 1_000_000;

        ok interrupted(sub { $server->$how($big) }, sub { ready($client, 'r', 0) }),
            "$how: the exception arrives";
        $client->blocking(0);
        my $received = '';
        1 while sysread($client, $received, 16_384, length $received);
        ok length $received, "$how: something had been sent";
        ok $received eq substr($big, 0, length $received), "$how: which is the beginning";

        # Whatever state the interruption left: a write that reports success does arrive as written.
        $server->blocking(0);
        my $n = $server->syswrite('after');
        my $rest = '';
        1 while sysread($client, $rest, 16_384, length $rest);
        my $expected = substr($big, length $received, length($rest) - ($n // 0))
            . substr('after', 0, $n // 0);
        ok $rest eq $expected, "$how: what comes later is in order";
    }
};

subtest 'alarm and die end a waiting handshake, which can be taken up again' => sub {
    my ($near, $far) = plain_pair('unix');

    IO::Socket::SSL->start_SSL($near, client_args(SSL_startHandshake => 0));
    ok interrupted(sub { $near->connect_SSL }), 'the exception arrives';
    ok defined fileno($near), 'the socket is open';
    IO::Socket::SSL->start_SSL($far, server_args(SSL_startHandshake => 0));
    $_->blocking(0) for $near, $far;
    my %step = (near => sub { $near->connect_SSL }, far => sub { $far->accept_SSL });
    for (1 .. 30) {
        $step{$_}->() and delete $step{$_} for sort keys %step;
    }
    is_deeply [keys %step], [], 'both ends are connected in the end';
    $_->blocking(1) for $near, $far;
    is arrives($far, $near, sub { $_[0]->print('data') }), 'data', 'data flow';
};

subtest 'alarm and die end a waiting start_SSL, accept_SSL and new' => sub {
    my ($near, $far) = plain_pair('unix');
    ok interrupted(sub { IO::Socket::SSL->start_SSL($near, client_args()) }), 'start_SSL';
    ok defined fileno($near), 'the socket is open';
    ($near, $far) = plain_pair('unix');
    IO::Socket::SSL->start_SSL($far, server_args(SSL_startHandshake => 0));
    ok interrupted(sub { $far->accept_SSL }), 'accept_SSL';
    my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
    ok interrupted(sub {
        my @peer = (PeerAddr => '127.0.0.1', PeerPort => $listener->sockport);
        IO::Socket::SSL->new(@peer, client_args());
    }), 'new';
};

subtest 'interrupted calls leak neither descriptors nor objects' => sub {
    my @alive;
    my $one_round = sub {
        my ($client, $server) = connected();
        my ($near, $far) = plain_pair('unix');
        interrupted(sub { my $line = <$client> });
        interrupted(sub { sysread($client, my $buffer, 10) });
        interrupted(sub { IO::Socket::SSL->start_SSL($near, client_args()) });
        for my $object ($client, $server, $near) {
            push @alive, $object;
            weaken($alive[-1]);
        }
    };

    $one_round->();
    my $before = open_descriptors();
    $one_round->() for 1 .. 3;
    is open_descriptors(), $before, 'as many descriptors as after the first round';
    # Perl itself may still hold what the very last call was about.
    cmp_ok scalar(grep { defined } @alive), '<=', 1, 'of the objects of all rounds none is left';
};

subtest 'a handler that returns: sysread gives EINTR, as core does' => sub {
    my ($client, $server) = connected();
    my $count = 0;
    my ($result, $errno) = disturbed(sub { $count++; return },
        sub { scalar sysread($client, my $buffer, 10) });

    is $result, undef, 'undef';
    is $errno, EINTR, 'EINTR';
    ok $count, 'the handler ran';
};

subtest 'a handler that returns does not end a line' => sub {
    my ($client, $server) = connected();

    $server->syswrite('begun, ');
    my ($line) = disturbed(sub { $server->syswrite("and ended\n") if $_[0] },
        sub { scalar <$client> });
    is $line, "begun, and ended\n", 'the whole line';
};

subtest 'a handler may use the connection it interrupts, in the other direction' => sub {
    my ($client, $server) = connected();
    my ($line) = disturbed(sub {
        return if !$_[0];
        $client->print("question\n");
        my $question = <$server>;
        $server->print("answer to $question");
    }, sub { scalar <$client> });

    is $line, "answer to question\n", 'asked and answered from within';
};

subtest 'a handler may close the connection it interrupts' => sub {
    my ($client, $server) = connected();
    my ($result) = disturbed(sub { close $client if $_[0] },
        sub { scalar sysread($client, my $buffer, 10) });

    is $result, undef, 'nothing is read';
    ok !$client->opened, 'the connection is closed';
};

subtest 'the timeout of the object does not bound reading' => sub {
    my ($client, $server) = connected();

    $client->timeout(0.01);
    my ($line) = disturbed(sub { $server->print("late\n") if $_[0] }, sub { scalar <$client> });
    is $line, "late\n", 'the line that came after that time';
};

done_testing;
