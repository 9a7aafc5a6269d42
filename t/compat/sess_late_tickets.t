# sess_late_tickets.t - clients of TLS 1.3 that never read: what they wrote last, and the tickets.
use strict;
use warnings;
use Socket qw(SOL_SOCKET SO_RCVBUF SO_SNDBUF);
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

my $SIZE = 100_000;     # more than a peer takes that reads nothing, less than the client's own buffer

# A server with little room for what comes, and a client that writes and closes. What the server does
# before the client writes, and when it has written, and after it has closed; returns what it got,
# the way it ended, and whether the client had resumed a session.
sub upload {
    my ($step, %client) = @_;
    my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
    setsockopt $listener, SOL_SOCKET, SO_RCVBUF, 8192 or die $!;
    pipe my $from_server, my $to_client or die $!;
    pipe my $from_client, my $to_server or die $!;
    my $pid = fork // die $!;
    if (!$pid) {
        close $to_server;
        my $plain = $listener->accept;
        my $said  = eval { serve($plain, $step, $from_client, $to_client) } // "died: $@";
        syswrite $to_client, "$said\n";
        POSIX::_exit(0);
    }
    close $to_client;
    my $plain = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $listener->sockport) or die $!;
    setsockopt $plain, SOL_SOCKET, SO_SNDBUF, 400_000 or die $!;
    my $sock = IO::Socket::SSL->start_SSL($plain, client_args(SSL_version => 'TLSv1_3', %client),
        SSL_startHandshake => 0) or die "client: $SSL_ERROR";
    if ($step eq 'handshake later') {
        $sock->blocking(0);
        $sock->connect_SSL and die 'done too early';
        readline $from_server;
        $sock->blocking(1);
    }
    $sock->connect_SSL or die "client: $SSL_ERROR";
    my $reused = $sock->get_session_reused;
    readline $from_server if $step ne 'handshake later';
    my $sent = 0;
    $sent += syswrite $sock, 'x' x 10_000 while $sent < $SIZE;
    syswrite $to_server, "written\n";
    $sock->close;
    close $to_server;
    my $said = <$from_server>;
    waitpid $pid, 0;
    chomp $said;
    return $said . ($reused ? ', resumed' : '');
}

sub serve {
    my ($plain, $step, $from_client, $to_client) = @_;
    my $sock = IO::Socket::SSL->start_SSL($plain, server_args(), SSL_startHandshake => 0) || die $SSL_ERROR;
    if ($step eq 'handshake later') {
        # The answer to the client's hello, and then nothing until it has written.
        $sock->blocking(0);
        ready($sock, 'r');
        $sock->accept_SSL and die 'done too early';
        syswrite $to_client, "ready\n";
        readline $from_client;
        $sock->blocking(1);
    }
    $sock->accept_SSL or die "server: $SSL_ERROR\n";
    shutdown $plain, 1 if $step eq 'half closed';
    if ($step ne 'handshake later') {
        syswrite $to_client, "ready\n";
        () = readline $from_client;         # until the client has closed
    }
    my $got = 0;
    my $n;
    $got += $n while $n = sysread $sock, my $bytes, 16384;
    return ($got == $SIZE ? 'all' : 'a part') . ', ' . (defined $n ? 'an orderly end' : 'an error');
}

differs('sess-late-tickets', 'what was written last arrives although tickets were never read',
    sub {
        is upload('handshake first'), 'all, an orderly end', 'once';
        my $cache = IO::Socket::SSL::Session_Cache->new(10);
        my @kept = (SSL_session_cache => $cache, SSL_session_key => 'server');
        is upload('handshake first', @kept), 'all, an orderly end', 'with a cache';
        ok $cache->get_session('server'), 'the tickets are in it';
    },
    sub {
        isnt upload('handshake first'), 'all, an orderly end', 'incumbent: it doesn\'t';
    });

if (implementation() eq 'ours') {
    subtest 'nor does it matter if they come only after the close has begun' => sub {
        is upload('handshake later'), 'all, an orderly end', 'a server that is slow to begin';
    };
}

subtest 'a server that has shut down its direction is still told of the end' => sub {
    my $said = upload('half closed');
    if (implementation() eq 'ours') { is $said, 'all, an orderly end', 'by a close_notify' }
    else                            { like $said, qr/^(?:all|a part), /, 'incumbent: something arrives' }
};

for my $version ('TLSv1_2', 'TLSv1_3') {
    # One server for two "ports": the second connection's own key would be another.
    my $server = test_server();
    my $other  = sub {
        my ($context) = @_;
        my $sock = IO::Socket::SSL->new(PeerAddr => $server->host, PeerPort => $server->port,
            SSL_verifycn_name => 'server.test', SSL_reuse_ctx => $context) or return $SSL_ERROR;
        print $sock "x\n";
        my $line = <$sock>;
        return ($sock->get_session_reused, $sock->close)[0];
    };
    my $context = IO::Socket::SSL::SSL_Context->new(client_args(SSL_version => $version,
        SSL_session_cache_size => 10, SSL_session_key => 'the host')) or die $SSL_ERROR;
    my $first = client($server, SSL_reuse_ctx => $context, SSL_session_key => 'the host') or die $SSL_ERROR;
    print $first "x\n";
    my $line = <$first>;
    $first->close;
    differs('sess-context-key', "$version: connections of a context have its SSL_session_key",
        sub {
            is $other->($context), 1, 'a session of another key\'s connection is resumed';
            my $own = client($server, SSL_reuse_ctx => $context, SSL_session_key => 'mine') or die $SSL_ERROR;
            is $own->get_session_reused, 0, 'not by one with a key of its own';
        },
        sub { is $other->($context), 0, 'incumbent: they have their own' });
    $first = undef;
}

done_testing;
