# anyevent.t - AnyEvent's watchers around our sockets.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest '60';
use LoopTest;
use IO::Socket::SSL;

plan skip_all => 'no AnyEvent here' if !eval { require AnyEvent; AnyEvent->import; 1 };

my $N = 200;
note 'AnyEvent on ', AnyEvent::detect();
my ($serving, $asking) = (server_context(), client_context());
my $listener = listener();
$listener->blocking(0);
my $all = AnyEvent->condvar;
my ($done, %watchers) = (0);

sub watch {
    my ($peer, $wants) = @_;
    my $key = "$peer";
    $watchers{$key} = AnyEvent->io(fh => $peer->fh, poll => $wants, cb => sub {
        my $next = eval { $peer->step } // return $all->croak("$@");
        if ($next eq '') {
            delete $watchers{$key};
            $all->send if ++$done == 2 * $N;
        } elsif ($next ne $wants) {
            watch($peer, $next);
        }
    });
    return;
}

my $accepting = AnyEvent->io(fh => $listener, poll => 'r', cb => sub {
    while (my $sock = $listener->accept) {
        watch(LoopTest::Server->new(sock => $sock, context => $serving), 'r');
    }
});
watch(LoopTest::Client->new(port => $listener->sockport, id => $_, context => $asking), 'w') for 1 .. $N;
my $limit = AnyEvent->timer(after => 50, cb => sub { $all->croak("$done of @{[2 * $N]} after 50 seconds") });
ok eval { $all->recv; 1 }, "$N clients and servers" or diag $@;
is $done, 2 * $N, 'all came to their end with the data they wanted';
is scalar(keys %watchers), 0, 'no watcher is left';

done_testing;
