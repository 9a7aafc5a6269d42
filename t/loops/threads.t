# threads.t - a thread for each connection, and threads that share a context.
use strict;
use warnings;
use Config;
use Test::More;
BEGIN {
    plan skip_all => 'this perl has no threads' if !$Config{useithreads};
    require threads;
    threads->import;
}
use lib 't/lib';
use TLSTest '90';
use LoopTest;
use IO::Socket::SSL;

subtest 'a server with a thread for each of many clients' => sub {
    my $N = 50;
    my ($listener, $serving) = (listener(), server_context());
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        TLSTest::watchdog(60);
        my $context = client_context();
        my $done = eval { drive(map { LoopTest::Client->new(port => $listener->sockport, id => $_,
            context => $context) } 1 .. $N) } || 0;
        require POSIX;
        POSIX::_exit($done == $N ? 0 : 1);
    }
    my ($served, @running) = (0);
    for (1 .. $N) {
        my $sock = $listener->accept;
        push @running, threads->create(sub {
            my $tls = IO::Socket::SSL->start_SSL($sock, SSL_server => 1, SSL_reuse_ctx => $serving) or return 0;
            my $done = answer_blocking($tls);
            close $tls;
            return $done;
        });
        close $sock;
        $served += (shift @running)->join if @running >= 8;     # so many at a time
    }
    $served += $_->join for @running;
    is $served, $N, 'all were served';
    waitpid $pid, 0;
    is $? >> 8, 0, 'with the data they wanted';
};

# Or the copy in the first thread that ends would end the server.
sub TLSTest::Server::CLONE_SKIP { return 1 }

subtest 'clients in threads share a context and its sessions' => sub {
    my ($n_threads, $each) = (5, 10);
    my $server = test_server(handler => sub { my $sock = shift; answer_blocking($sock); $sock->close; 'served' });
    my ($host, $port) = ($server->host, $server->port);
    my $context = client_context(SSL_session_cache_size => 20, SSL_version => 'TLSv1_2');
    my @threads = map {
        my $t = $_;
        threads->create(sub {
            my ($good, $resumed) = (0, 0);
            for my $i (1 .. $each) {
                my $sock = IO::Socket::SSL->new(PeerAddr => $host, PeerPort => $port,
                    SSL_reuse_ctx => $context) or return "thread $t: $SSL_ERROR";
                my $text = payload(100 * $t + $i);
                print $sock frame($text);
                $resumed++ if $sock->get_session_reused;
                my $got = '';
                1 while length $got < 4 + length $text
                    && read $sock, $got, 4 + length($text) - length $got, length $got;
                $good++ if $got eq frame(answer_of($text));
                close $sock;
            }
            return "$good " . ($resumed > 0 ? 'resumed' : 'never resumed');
        });
    } 1 .. $n_threads;
    is $_->join, "$each resumed", 'a thread' for @threads;
};

done_testing;
