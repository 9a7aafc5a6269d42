# accept: what a listener gives for each connection, and what it does when a handshake fails.
use strict;
use warnings;

use lib 't/lib';
use Socket qw(inet_ntoa unpack_sockaddr_in);
use Test::More;
use TLSTest;
use IO::Socket::SSL;

{
    package Conn;
    our @ISA = ('IO::Socket::SSL');
}
{
    package Listener;
    our @ISA = ('IO::Socket::SSL');
}

# A listener in this process, and clients in child processes.
sub listener {
    my %args  = @_;
    my $class = delete $args{class} || 'IO::Socket::SSL';
    return $class->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0, ReuseAddr => 1,
        server_args(%args)) || die "listener: $SSL_ERROR $!\n";
}

# Starts a client that says a line and reports the answer; returns a sub that waits for the report.
sub client_of {
    my ($listener, $code) = @_;
    my $port = $listener->sockport;
    pipe my $r, my $w or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        watchdog(30);
        my $text = eval { $code->($port) } // "died: $@";
        syswrite $w, $text;
        POSIX::_exit(0);
    }
    close $w;
    return sub {
        my $text = do { local $/ = undef; <$r> };
        waitpid $pid, 0;
        return $text;
    };
}

sub says {
    my ($word, @args) = @_;
    return sub {
        my $port = shift;
        my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port,
            client_args(@args)) or return "failed: $SSL_ERROR";
        print $sock "$word\n";
        my $answer = <$sock> // 'nothing';
        close $sock;
        return $answer;
    };
}

subtest 'scalar context gives the connection' => sub {
    my $listener = listener();
    my $report   = client_of($listener, says('hello'));
    my $sock     = $listener->accept;
    is ref $sock, 'IO::Socket::SSL', 'an object' or diag $SSL_ERROR;
    is $sock->opened, 1, 'open';
    ok $sock->is_SSL, 'encrypted';
    ok !$SSL_ERROR, 'no error';
    is scalar(<$sock>), "hello\n", 'what the client said';
    is $sock->peerhost, '127.0.0.1', 'peerhost';
    is $sock->sockport, $listener->sockport, 'sockport';
    print $sock "good day\n";
    is $report->(), "good day\n", 'what the client heard';
    ok close $sock, 'closed';
    ok $listener->opened, 'the listener is still there';
};

subtest 'list context gives the connection and the packed address of the peer' => sub {
    my $listener = listener();
    my $report   = client_of($listener, says('hello'));
    my @got      = $listener->accept;
    is scalar @got, 2, 'two values';
    my ($sock, $addr) = @got;
    my ($port, $ip) = unpack_sockaddr_in($addr);
    is inet_ntoa($ip), '127.0.0.1', 'the address';
    is $port, $sock->peerport, 'the port';
    print $sock scalar <$sock>;
    is $report->(), "hello\n", 'it works';
};

subtest 'a class may be given; without one it is IO::Socket::SSL, whatever the listener is' => sub {
    my $listener = listener(class => 'Listener');
    my $report   = client_of($listener, says('one'));
    my $sock     = $listener->accept('Conn');
    is ref $sock, 'Conn', 'as asked';
    is scalar(<$sock>), "one\n", 'and it talks';
    close $sock;
    $report->();
    $report = client_of($listener, says('two'));
    is ref($sock = $listener->accept), 'IO::Socket::SSL', 'by default';
    close $sock;
    $report->();
    $report = client_of($listener, says('three'));
    is ref($sock = IO::Socket::SSL::accept($listener, 'Conn')), 'Conn', 'called as a function';
    close $sock;
    $report->();
};

subtest 'one listener serves one after the other' => sub {
    my $listener = listener();
    for my $word (qw(one two three)) {
        my $report = client_of($listener, says($word));
        my $sock   = $listener->accept;
        print $sock scalar <$sock>;
        is $report->(), "$word\n", $word;
    }
};

subtest 'a failed handshake gives nothing, and the listener goes on' => sub {
    my $listener = listener();
    my $report   = client_of($listener, says('x', SSL_verifycn_name => 'wrong.test'));
    my @got      = $listener->accept;
    is_deeply \@got, [], 'an empty list';
    like $SSL_ERROR, qr/^SSL accept attempt failed error:.*alert/, 'the reason';
    cmp_ok $SSL_ERROR, '==', -1, 'as a number -1';
    is $listener->errstr, $SSL_ERROR . '', 'the listener tells it too';
    is $@, $SSL_ERROR . '', 'and $@';
    like $report->(), qr/^failed: hostname verification failed/, 'the client knew';
    $report = client_of($listener, says('again'));
    my $sock = $listener->accept;
    is $sock && scalar <$sock>, "again\n", 'the next one is served';
    ok !$SSL_ERROR, 'and the error is gone';
    close $sock;
    $report->();
};

subtest 'a client that speaks no TLS is refused, and its connection closed' => sub {
    my %sentence = (
        "GET / HTTP/1.0\r\n\r\n" => qr/http request/,
        "EHLO mail.test\r\n"     => qr/wrong version number/,
    );
    my $listener = listener();
    for my $text (sort keys %sentence) {
        my $report = client_of($listener, sub {
            my $sock = IO::Socket::INET->new("127.0.0.1:$_[0]") or return "connect: $!";
            syswrite $sock, $text;
            local $/ = undef;
            my $all = <$sock>;
            return 'closed';
        });
        ok !$listener->accept, 'refused';
        like $SSL_ERROR, $sentence{$text}, 'why';
        is $report->(), 'closed', 'the client sees the end';
    }
};

subtest 'a client that leaves in the middle is an error with a reason' => sub {
    my $listener = listener();
    my $sock     = IO::Socket::INET->new('127.0.0.1:' . $listener->sockport);
    shutdown $sock, 1;
    ok !$listener->accept, 'nothing';
    like $SSL_ERROR, qr/^SSL accept attempt failed/, 'why';
};

subtest 'SSL_startHandshake => 0: accept gives the connection before TLS' => sub {
    my $listener = listener(SSL_startHandshake => 0);
    my $report   = client_of($listener, sub {
        my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $_[0], client_args(),
            SSL_startHandshake => 0) or return "failed: $SSL_ERROR";
        print $sock "plain\n";
        my $go = <$sock>;
        $sock->connect_SSL or return "failed: $SSL_ERROR";
        print $sock "secret\n";
        return <$sock>;
    });
    my $sock = $listener->accept;
    is ref $sock, 'IO::Socket::SSL', 'an object';
    ok !$sock->opened, 'not open';
    ok !$sock->is_SSL, 'not encrypted';
    is scalar(<$sock>), "plain\n", 'plain data';
    print $sock "go\n";
    is $sock->accept_SSL, $sock, 'accept_SSL returns the object';
    is scalar(<$sock>), "secret\n", 'encrypted data';
    print $sock "done\n";
    is $report->(), "done\n", 'the client agrees';
};

subtest 'the method decides the role: an accepted connection may be the client of TLS' => sub {
    my $listener = IO::Socket::SSL->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0,
        client_args(), SSL_startHandshake => 0);
    my $report = client_of($listener, sub {
        my $sock = IO::Socket::INET->new("127.0.0.1:$_[0]") or return "connect: $!";
        IO::Socket::SSL->start_SSL($sock, server_args()) or return "failed: $SSL_ERROR";
        my $line = <$sock>;
        print $sock "served\n";
        return $line;
    });
    my $sock = $listener->accept;
    ok !${*$sock}{_SSL_arguments}{SSL_server}, 'its arguments don\'t call it a server';
    is $sock->connect_SSL, $sock, 'connect_SSL' or diag $SSL_ERROR;
    print $sock "as a client\n";
    is scalar(<$sock>), "served\n", 'it talks';
    is $report->(), "as a client\n", 'as FTP data connections do';
};

differs('life-accept-twice', 'accept_SSL on an open connection leaves it as it is', sub {
    my ($client, $server) = pair();
    is $server->accept_SSL, $server, 'returned';
    settle($client, $server);
    ok 1, 'and usable';
}, sub {
    my ($client, $server) = pair();
    settle($client, $server);
    $client->stop_SSL(SSL_no_shutdown => 1);
    print $client "no TLS\n";
    is $server->accept_SSL, undef, 'a second handshake is tried';
    like $SSL_ERROR, qr/^SSL accept attempt failed/, 'on the same connection, and fails';
});

subtest 'a listener may do the handshake for a connection that it accepted as plain TCP' => sub {
    my $listener = listener(SSL_startHandshake => 0);
    my $report   = client_of($listener, says('hello'));
    my $sock     = $listener->accept;
    is $listener->accept_SSL($sock), $sock, 'accept_SSL($socket) returns that socket'
        or diag $SSL_ERROR;
    is scalar(<$sock>), "hello\n", 'which is encrypted';
    print $sock "good\n";
    is $report->(), "good\n", 'and answers';
};

subtest 'a non-blocking listener with nobody there says EAGAIN' => sub {
    my $listener = listener();
    $listener->blocking(0);
    ok !$listener->accept, 'nothing';
    ok $!{EAGAIN} || $!{EWOULDBLOCK}, '$! is EAGAIN' or diag $!;
    my $report = client_of($listener, says('late'));
    ok ready($listener, 'r'), 'somebody comes';
    my $sock = $listener->accept;
    ok $sock, 'accepted' or diag $SSL_ERROR;
    ok $sock->blocking, 'the connection is blocking all the same';
    is scalar(<$sock>), "late\n", 'and served';
    close $sock;
    $report->();
};

subtest 'Timeout of a listener bounds the waiting for a client' => sub {
    my $listener = listener(Timeout => 1);
    my @got = $listener->accept;
    ok !@got || !$got[0], 'nobody came';
    ok $!{ETIMEDOUT}, '$! is ETIMEDOUT' or diag $!;
};

subtest 'settings of the listener hold for its connections' => sub {
    my $listener = listener(SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
        SSL_ca_file => cert('ca.pem'), SSL_version => 'TLSv1_2');
    my $report = client_of($listener, says('x'));
    ok !$listener->accept, 'a client without certificate is refused';
    like $SSL_ERROR, qr/peer did not return a certificate/, 'why';
    like $report->(), qr/^failed: SSL connect attempt failed/, 'the client is told';
    $report = client_of($listener, says('x', SSL_cert_file => cert('client.pem'),
        SSL_key_file => cert('client.key')));
    my $sock = $listener->accept;
    ok $sock, 'one with a certificate gets in' or diag $SSL_ERROR;
    is $sock->get_sslversion, 'TLSv1_2', 'with the version of the listener';
    close $sock;
    $report->();
};

done_testing;
