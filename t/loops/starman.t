# starman.t - Starman, a PSGI server of many processes, with TLS.
use strict;
use warnings;
use POSIX ();
use Test::More;
use lib 't/lib';
use TLSTest '90';
use LoopTest;
use IO::Socket::SSL;

plan skip_all => 'no Starman here' if !eval { require Starman::Server; 1 };

my $N = 150;
my $port = do { my $probe = listener(); $probe->sockport };
my $pid = fork // die "fork: $!";
if (!$pid) {
    setpgrp;                # it and its children can be ended at once
    open STDERR, '>', '/dev/null';
    TLSTest::watchdog(60);
    Starman::Server->new->run(sub {
        my $env = shift;
        my ($id) = $env->{PATH_INFO} =~ m{^/(\d+)$};
        my $read = '';
        $env->{'psgi.input'}->read($read, $env->{CONTENT_LENGTH} || 0);
        my $good = $env->{'psgi.url_scheme'} eq 'https' && $read eq payload($id);
        return [$good ? 200 : 400, ['Content-Type' => 'text/plain'], [answer_of($read)]];
    }, { listen => ["127.0.0.1:$port:ssl"], ssl => 1, ssl_cert => cert('server.pem'),
        ssl_key => cert('server.key'), workers => 4, backlog => 512, quiet => 1, argv => [] });
    POSIX::_exit(0);
}
my $up;
for (1 .. 400) {
    last if $up = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
    select undef, undef, undef, 0.025;
}
close $up if $up;

my $context = client_context();
my @clients = map {
    my ($id, $text) = ($_, payload($_));
    LoopTest::Client->new(port => $port, id => $id, context => $context,
        request => "POST /$id HTTP/1.1\r\nHost: server.test\r\nConnection: close\r\nContent-Length: "
            . length($text) . "\r\n\r\n$text",
        check => sub { my ($head, $body) = split /\r\n\r\n/, $_[0], 2;
            return $head =~ m{^HTTP/1\.[01] 200 } && ($head =~ /^Transfer-Encoding: chunked/mi
                ? unchunked($body) : $body) eq answer_of($text) });
} 1 .. $N;
my $done = eval { drive(@clients) };
is $@, '', "$N requests at a time";
is $done, $N, 'all had the answers they wanted';
kill KILL => -$pid;
waitpid $pid, 0;

done_testing;

sub unchunked {
    my $body = shift;
    my $text = '';
    while ($body =~ s/^([0-9a-f]+)\r\n//i) { $text .= substr $body, 0, hex $1, ''; $body =~ s/^\r\n// }
    return $text;
}
