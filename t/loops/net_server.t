# net_server.t - Net::Server with TLS: processes that are there before the clients, or forked for each; many
# clients at a time.
use strict;
use warnings;
use POSIX ();
use Test::More;
use lib 't/lib';
use TLSTest '90';
use LoopTest;
use IO::Socket::SSL;

plan skip_all => 'no Net::Server with TLS here' if !eval { require Net::Server::Proto::SSL; 1 };

my $N = 100;

for my $kind (qw(PreFork Fork)) {
    subtest "Net::Server::$kind: $N clients at a time" => sub {
        plan skip_all => "no Net::Server::$kind here" if !eval "require Net::Server::$kind";
        my $port = do { my $probe = listener(); $probe->sockport };
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            setpgrp;        # it and its children can be ended at once
            open STDERR, '>', '/dev/null';
            TLSTest::watchdog(60);
            { no strict 'refs'; @Echo::ISA = ("Net::Server::$kind") }
            Echo->run(port => $port, host => '127.0.0.1', proto => 'ssl', ipv => 4, listen => 512,
                log_level => 0, max_servers => $kind eq 'Fork' ? $N : 4, min_servers => 4, max_spare_servers => 3,
                min_spare_servers => 1, max_requests => 1000, no_client_stdout => 1,
                SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'));
            POSIX::_exit(0);
        }
        my $context = client_context();
        my $up;
        for (1 .. 400) {
            last if $up = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
            select undef, undef, undef, 0.025;
        }
        close $up if $up;
        my $done = eval { drive(map { LoopTest::Client->new(port => $port, id => $_, context => $context) } 1 .. $N) };
        is $@, '', 'no client fails';
        is $done, $N, 'all took back the data they wanted';
        kill KILL => -$pid;
        waitpid $pid, 0;
    };
}
done_testing;

package Echo;

sub process_request {
    my ($self, $client) = @_;
    my $sock = $client || $self->{server}{client};
    LoopTest::answer_blocking($sock);
    return;
}
