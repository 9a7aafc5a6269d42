# poe.t - POE's kernel selects around our sockets.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest '60';
use LoopTest;
use IO::Socket::SSL;

BEGIN { plan skip_all => 'no POE here' if !eval 'use POE; 1' }

my $N = 150;
my ($serving, $asking) = (server_context(), client_context());
my $listener = listener();
$listener->blocking(0);
my ($done, $why, %peers) = (0);

POE::Session->create(inline_states => {
    _start => sub {
        $_[KERNEL]->select_read($listener, 'accept');
        $_[KERNEL]->delay(limit => 50);
        for my $id (1 .. $N) {
            my $peer = LoopTest::Client->new(port => $listener->sockport, id => $id, context => $asking);
            $_[KERNEL]->yield(watch => $peer, 'w');
        }
    },
    watch => sub {
        my ($kernel, $peer, $wants) = @_[KERNEL, ARG0, ARG1];
        $peers{ $peer->fh } = $peer;
        $kernel->select_read($peer->fh,  $wants eq 'r' ? 'ready' : ());
        $kernel->select_write($peer->fh, $wants eq 'w' ? 'ready' : ());
    },
    accept => sub {
        while (my $sock = $listener->accept) {
            $_[KERNEL]->call($_[SESSION], watch => LoopTest::Server->new(sock => $sock, context => $serving), 'r');
        }
    },
    ready => sub {
        my ($kernel, $fh) = @_[KERNEL, ARG0];
        my $peer = $peers{$fh} or return;
        # The kernel has to let go before the socket is closed.
        my $wants = eval { local $peer->{keep} = $fh; $kernel->select($fh); $peer->step };
        if (!defined $wants)   { $why = $@; $kernel->call($_[SESSION], 'stop') }
        elsif (length $wants)  { $kernel->call($_[SESSION], watch => $peer, $wants) }
        else                   {
            delete $peers{$fh};
            $kernel->call($_[SESSION], 'stop') if ++$done == 2 * $N;
        }
    },
    limit => sub { $why = 'too slow'; $_[KERNEL]->call($_[SESSION], 'stop') },
    stop  => sub {
        $_[KERNEL]->delay('limit');
        $_[KERNEL]->select($_) for $listener, map { $_->fh } grep { fileno $_->fh } values %peers;
    },
});
POE::Kernel->run;
is $why, undef, "$N clients and servers";
is $done, 2 * $N, 'all came to their end with the data they wanted';

done_testing;
