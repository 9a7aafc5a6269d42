# select.t - the loop that AnyEvent and its like are made of: readiness of descriptors, by select and by poll,
# with many clients and servers in one process.
use strict;
use warnings;
use IO::Poll qw(POLLIN POLLOUT);
use Test::More;
use lib 't/lib';
use TLSTest '60';
use LoopTest;
use IO::Socket::SSL;

my $N = 150;

for my $version ('TLSv1_2', 'TLSv1_3') {
    subtest "$version: $N conversations by select" => sub { is converse($version, \&by_select), 2 * $N, 'all' };
    subtest "$version: $N conversations by poll"   => sub { is converse($version, \&by_poll),   2 * $N, 'all' };
}
done_testing;

# Runs a wait function over all peers; returns how many came to their end.
sub converse {
    my ($version, $wait) = @_;
    my ($serving, $asking) = (server_context(), client_context(SSL_version => $version));
    my $listener = listener();
    $listener->blocking(0);
    my %waits = map { my $peer = LoopTest::Client->new(port => $listener->sockport, id => $_,
        context => $asking); (fileno($peer->fh) => [$peer, 'w']) } 1 .. $N;
    my ($accepted, $done) = (0, 0);
    while (%waits) {
        my @ready = $wait->({ map { $_ => $waits{$_}[1] } keys %waits }, $accepted < $N ? fileno $listener : undef);
        die "nothing happens any more\n" if !@ready;
        for my $fd (@ready) {
            if ($fd == (fileno($listener) // -1)) {
                while (my $sock = $listener->accept) {
                    my $peer = LoopTest::Server->new(sock => $sock, context => $serving);
                    $waits{ fileno $sock } = [$peer, 'r'];
                    $accepted++;
                }
                next;
            }
            my $wants = $waits{$fd}[0]->step;
            if ($wants eq '') { delete $waits{$fd}; $done++ }
            else              { $waits{$fd}[1] = $wants }
        }
    }
    return $done;
}

sub by_select {
    my ($waits, $listening) = @_;
    my ($r, $w) = ('', '');
    vec($r, $listening, 1) = 1 if defined $listening;
    for my $fd (keys %$waits) { vec($waits->{$fd} eq 'r' ? $r : $w, $fd, 1) = 1 }
    select my $can_r = $r, my $can_w = $w, undef, 20;
    return grep { vec($can_r, $_, 1) || vec($can_w, $_, 1) } keys %$waits, $listening // ();
}

sub by_poll {
    my ($waits, $listening) = @_;
    my @list = map { ($_ => $waits->{$_} eq 'r' ? POLLIN : POLLOUT) } keys %$waits;
    push @list, $listening => POLLIN if defined $listening;
    my $n = IO::Poll::_poll(20_000, @list);
    return if $n <= 0;
    my @ready;
    while (my ($fd, $events) = splice @list, 0, 2) { push @ready, $fd if $events }
    return @ready;
}
