# Handles and processes: children, threads, signals. What is dropped or copied disturbs nobody.
use strict;
use warnings;

use Config;
use lib 't/lib';
use Test::More;
use TLSTest;
use IO::Socket::SSL;

subtest 'a child that drops its copy doesn\'t disturb the connection of the parent' => sub {
    my ($client, $server) = settle(pair());
    my ($text) = in_child(sub { undef $client; undef $server; return 'dropped' });
    is $text, 'dropped', 'both ends dropped in a child';
    settle($client, $server);
    ok 1, 'the parent goes on';
    print $client "hello\n";
    is scalar(<$server>), "hello\n", 'with data';
};

subtest 'a child that exits in the usual way doesn\'t disturb it either' => sub {
    my ($client, $server) = settle(pair());
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', '/dev/null';
        Test::More->builder->no_ending(1);
        exit 0;                         # destroys everything, as programs do
    }
    waitpid $pid, 0;
    settle($client, $server);
    ok 1, 'the parent goes on';
};

subtest 'a connection is handed to a child: the parent closes without a word' => sub {
    my ($client, $server) = settle(pair());
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $client->close(SSL_no_shutdown => 1);
        my $line = <$server>;
        print $server "child heard $line";
        $server->close;
        POSIX::_exit(0);
    }
    ok $server->close(SSL_no_shutdown => 1), 'the parent\'s copy is closed';
    print $client "hello\n";
    is scalar(<$client>), "child heard hello\n", 'the child serves';
    is sysread($client, my $buffer, 1), 0, 'until it closes';
    waitpid $pid, 0;
};

subtest 'a client made in a child works there' => sub {
    my $server = test_server();
    my ($text) = in_child(sub {
        my $sock = client($server) or return "failed: $SSL_ERROR";
        print $sock "from the child\n";
        return scalar <$sock>;
    });
    is $text, "from the child\n", 'echo';
};

subtest 'threads: a handle may be there while threads come and go' => sub {
    plan skip_all => 'this perl has no threads' if !$Config{useithreads};
    my @servers = (test_server(), test_server());
    my ($port1, $port2) = map { $_->port } @servers;
    my $ca = cert('ca.pem');
    my $said = perl_output(<<"END");
use threads;
use IO::Socket::SSL;
sub talk {
    my \$sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port1,
        SSL_ca_file => '$ca') or return "failed: \$SSL_ERROR";
    print \$sock "\$_[0]\\n";
    my \$line = <\$sock>;
    chomp \$line;
    return \$line;
}
my \$sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port2,
    SSL_ca_file => '$ca') or die \$SSL_ERROR;
my \$thread = threads->create(\\&talk, 'in a thread');
print \$thread->join, ';';
print \$sock "after it\\n";
print scalar <\$sock>;
END
    is $said, "in a thread;after it\n", 'one connection in a thread, one across it';
};

# A client's handshake during which the peer, in a child, sends a signal and goes on only when the
# handler has run; returns whether it succeeded, the error, and $@ if the handler died.
sub interrupted_handshake {
    my $handler = shift;
    my ($client, $server) = plain_pair();
    pipe my $wait, my $ran or die "pipe: $!";
    my $parent = $$;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        close $client;
        close $ran;
        watchdog(30);
        # The first bytes are there, so the parent is in its handshake. A signal that comes just
        # before it begins to wait interrupts nothing: hence another, until the handler has run.
        ready($server, 'r');
        do { kill USR1 => $parent } until ready($wait, 'r', 0.05);
        IO::Socket::SSL->start_SSL($server, server_args());
        1 while sysread $server, my $all, 1000;
        POSIX::_exit(0);
    }
    close $server;
    local $SIG{USR1} = sub { syswrite $ran, '.'; $handler->() };
    my $ok = eval { IO::Socket::SSL->start_SSL($client, client_args()) };
    my ($died, $error) = ($@, $SSL_ERROR);
    close $client;
    waitpid $pid, 0;
    return ($ok, $error, $died);
}

differs('life-signal-in-handshake', 'a handshake goes on after a signal handler has run', sub {
    my $signals = 0;
    my ($ok, $error) = interrupted_handshake(sub { $signals++ });
    ok $ok, 'it succeeds' or diag $error;
    cmp_ok $signals, '>=', 1, 'and the handler has run';
}, sub {
    my $signals = 0;
    my ($ok, $error) = interrupted_handshake(sub { $signals++ });
    cmp_ok $signals, '>=', 1, 'the handler has run';
    ok !$ok, 'start_SSL has failed';
});

subtest 'a handler that dies leaves a handshake, and the next connection isn\'t affected' => sub {
    my ($ok, $error, $died) = interrupted_handshake(sub { die "enough\n" });
    ok !$ok, 'start_SSL was left';
    is $died, "enough\n", 'with the handler\'s words';
    my ($client, $server) = settle(pair());
    ok $client, 'the next one succeeds';
};

subtest 'an end of TLS never kills the program with SIGPIPE' => sub {
    my ($text, $status) = in_child(sub {
        my ($client, $server) = settle(pair());
        $SIG{PIPE} = 'DEFAULT';
        reset_on_close($server);
        undef $server;
        ready($client, 'r');
        $client->close;
        undef $client;
        return 'alive';
    });
    is $status, 0, 'not killed';
    is $text, 'alive', 'closing a connection that the peer has reset';
};

done_testing;
