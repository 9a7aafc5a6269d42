# A child that drops, destroys or exits with the parent's handles says nothing to the parent's peer.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

use POSIX ();

# What a child does to a connection that is the parent's, too.
my %deed = (
    'undefines it'  => sub { undef $_[0] },
    'DESTROYs it'   => sub { $_[0]->DESTROY },
    'exits'         => sub { Test::More->builder->no_ending(1); open STDOUT, '>', '/dev/null'; exit 0 },
    'dies'          => sub { Test::More->builder->no_ending(1); open STDERR, '>', '/dev/null'; die "x\n" },
    'closes it with SSL_no_shutdown' => sub { $_[0]->close(SSL_no_shutdown => 1) },
    'makes a connection of its own first' => sub { settle(pair()); undef $_[0] },
    'reads nothing, in a grandchild' => sub {
        my $pid = fork // die "fork: $!";
        if (!$pid) { undef $_[0]; POSIX::_exit(0) }
        waitpid $pid, 0;
    },
);
for my $version (qw(TLSv1_2 TLSv1_3)) {
    for my $deed (sort keys %deed) {
        subtest "$version: a child $deed" => sub {
            my ($client, $server) = settle(pair(client => { SSL_version => $version }));
            for my $which (0, 1) {
                my $pid = fork // die "fork: $!";
                if (!$pid) {
                    watchdog(50);
                    $deed{$deed}->(($client, $server)[$which]);
                    POSIX::_exit(0);
                }
                waitpid $pid, 0;
            }
            settle($client, $server);
            print $client "on\n";
            is scalar(<$server>), "on\n", 'the parent\'s connection goes on';
            $client->close;
            is scalar(<$server>), undef, 'until it ends it';
        };
    }
}

subtest 'a listener, too' => sub {
    my $listener = IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0,
        server_args()) or die $SSL_ERROR;
    in_child(sub { undef $listener; 'gone' });
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1:' . $listener->sockport, client_args());
        print $sock "hello\n" if $sock;
        POSIX::_exit(0);
    }
    my $sock = $listener->accept;
    is $sock && scalar <$sock>, "hello\n", 'serves the parent' or diag $SSL_ERROR;
    waitpid $pid, 0;
};

done_testing;
