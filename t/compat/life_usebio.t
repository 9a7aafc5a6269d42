# TLS over a handle that is there already, which stays what it is: SSL_usebio (since 2.096).
#
# More of what the incumbent can't do (deeper than TLS in TLS, listeners, handles without a descriptor) is
# in t/xs_usebio.t.
use strict;
use warnings;

use lib 't/lib';
use Test::More;
use TLSTest;
use IO::Socket::SSL;

plan skip_all => 'SSL_usebio came with 2.096' if !since('2.096');

# Records the methods that the inner connection uses of the outer handle.
{
    package Outer;
    our @ISA = ('IO::Socket::SSL');
    our %calls;
    for my $method (qw(sysread syswrite close)) {
        no strict 'refs';
        *$method = eval "package Outer; sub { \$calls{$method}++; my \$self = shift;
            \$self->SUPER::$method(\@_) }" || die $@;
    }
}

# An outer connection and an inner one over it; the other end, in a child, runs $code->($inner, $outer).
sub nested {
    my ($code, %inner) = @_;
    my ($client, $server) = plain_pair();
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        alarm 50;
        close $client;
        my $outer = IO::Socket::SSL->start_SSL($server, server_args()) or POSIX::_exit(1);
        my $inner = IO::Socket::SSL->start_SSL($outer, server_args(), SSL_usebio => 1);
        $code->($inner, $outer);
        POSIX::_exit(0);
    }
    close $server;
    my $outer = Outer->start_SSL($client, client_args()) or die "outer: $SSL_ERROR";
    my $inner = IO::Socket::SSL->start_SSL($outer, client_args(%inner), SSL_usebio => 1);
    return ($inner, $outer, $pid);
}

sub echo { my $sock = shift; while (<$sock>) { print $sock "echo $_" } return }

subtest 'a new object runs over the old one' => sub {
    %Outer::calls = ();
    my ($inner, $outer, $pid) = nested(\&echo);
    ok $inner, 'established' or diag $SSL_ERROR;
    isnt $inner, $outer, 'another object';
    is ref $inner, 'IO::Socket::SSL', 'of the class that was asked for';
    is ref $outer, 'Outer', 'the old one stays in its class';
    is $outer->is_SSL, 'rw', 'with its own TLS';
    is $inner->is_SSL, 'rw', 'as the new one has';
    is $inner->opened, 1, 'opened';
    is $inner->fileno, $outer->fileno, 'fileno is that of the outer';
    is fileno($inner), fileno($outer), 'also for perl\'s builtin';
    is ${*$inner}{_SSL_bio_socket}, $outer, '_SSL_bio_socket';
    is $inner->peer_certificate('cn'), $outer->peer_certificate('cn'), 'its own certificate of the peer';
    cmp_ok $Outer::calls{$_}, '>=', 1, "through $_ of the outer" for qw(sysread syswrite);

    print $inner "one\ntwo\n";
    is scalar(<$inner>), "echo one\n", 'lines';
    is scalar(<$inner>), "echo two\n", 'and more';
    my $long = 'x' x 100_000;
    print $inner "$long\n";
    is scalar(<$inner>), "echo $long\n", 'and many records';
    ok $inner->close, 'close';
    is $Outer::calls{close}, 1, 'closes the outer by its method';
    ok !$outer->opened, 'which is closed then';
    ok !$inner->opened, 'and so is the inner';
    is $inner->fileno, undef, 'no descriptor any more';
    ok !$inner->close, 'a second close fails';
    waitpid $pid, 0;
};

subtest 'stop_SSL gives the outer handle back, and nothing of it is lost' => sub {
    my ($inner, $outer, $pid) = nested(sub {
        my ($inner, $outer) = @_;
        echo($inner);
        $inner->stop_SSL;
        print $outer "now the outer\n";
        echo($outer);
    });
    print $inner "one\n";
    is scalar(<$inner>), "echo one\n", 'inside';
    my $back = $inner->stop_SSL;
    is $back, $outer, 'stop_SSL returns the outer handle';
    is ref $outer, 'Outer', 'of its class';
    ok !defined $inner->is_SSL, 'the inner has no TLS any more';
    is scalar(<$outer>), "now the outer\n", 'what follows is the outer\'s';
    print $outer "two\n";
    is scalar(<$outer>), "echo two\n", 'both ways';
    is $inner->syswrite("three\n"), 6, 'plain data of the inner go to the outer';
    is scalar(<$outer>), "echo three\n", 'and arrive';
    close $outer;
    waitpid $pid, 0;
};

subtest 'a failed handshake leaves the outer connection as it was' => sub {
    my ($inner, $outer, $pid) = nested(sub { print { $_[1] } "still here\n" },
        SSL_verifycn_name => 'wrong.test');
    is $inner, undef, 'no object';
    like $SSL_ERROR, qr/^hostname verification failed/, 'why';
    is ref $outer, 'Outer', 'the class of the outer';
    is $outer->opened, 1, 'it is open';
    is $outer->is_SSL, 'rw', 'with TLS';
    close $outer;
    waitpid $pid, 0;
};

subtest 'until the handshake the methods are those of the outer' => sub {
    my ($client, $server) = settle(pair());
    my $inner = IO::Socket::SSL->start_SSL($client, client_args(), SSL_usebio => 1,
        SSL_startHandshake => 0);
    is ref $inner, 'IO::Socket::SSL', 'an object';
    ok !$inner->opened, 'not opened yet';
    is $inner->fileno, $client->fileno, 'fileno';
    is $inner->syswrite("plain\n"), 6, 'syswrite';
    is scalar(<$server>), "plain\n", 'arrives as it is';
    syswrite $server, 'abc';
    is $inner->sysread(my $buffer, 3), 3, 'sysread';
    is $buffer, 'abc', 'as it came';
    $inner->blocking(0);
    ok !$client->blocking, 'blocking is forwarded';
    ok !$inner->blocking, 'and asked for';
};

subtest 'non-blocking: the same sequence as without' => sub {
    my ($client, $server) = plain_pair();
    $_->blocking(0) for $client, $server;
    my $c = IO::Socket::SSL->start_SSL($client, client_args(), SSL_usebio => 1,
        SSL_startHandshake => 0) or die $SSL_ERROR;
    my $s = IO::Socket::SSL->start_SSL($server, server_args(), SSL_startHandshake => 0)
        or die $SSL_ERROR;
    my ($c_ok, $s_ok, $sent) = (0, 0);
    ok !$c->connect_SSL, 'not at once';
    cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'what has to be waited for';
    ok $c->opening, 'opening';
    for (1 .. 100) {
        $s_ok ||= $s->accept_SSL;
        $c_ok ||= $c->connect_SSL;
        # The incumbent keeps the end of its handshake until it has something to send.
        $sent ||= $c_ok && syswrite $c, 'answer';
        last if $c_ok && $s_ok;
        ready($s_ok ? $client : $server, 'r', 1);
    }
    is $c_ok, $c, 'connected' or diag $SSL_ERROR;
    is $s_ok, $s, 'accepted';
    ok !$c->opening, 'no longer opening';
    is sysread($c, my $buffer, 10), undef, 'nothing to read';
    ok $!{EAGAIN}, 'EAGAIN';
    cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'want read';
    syswrite $s, 'hello';
    ready($client, 'r');
    is finish($c, sub { sysread $c, $buffer, 10 }), 5, 'data';
    is $buffer, 'hello', 'as sent';
    is $sent, 6, 'and back';
    ready($server, 'r');
    is finish($s, sub { sysread $s, $buffer, 10 }), 6, 'arrives';
};

# One end of a chain of connections, each over the one before; how many could be made. Without a limit
# the incumbent waits for ever.
sub layers {
    my ($sock, $n, @args) = @_;
    my $depth = 0;
    while ($depth < $n) {
        my $next = eval {
            local $SIG{ALRM} = sub { die "no end of it\n" };
            alarm 3;
            IO::Socket::SSL->start_SSL($sock, @args, SSL_usebio => 1);
        };
        TLSTest::watchdog(60);
        $sock = $next || last;
        $depth++;
    }
    return ($depth, $sock);
}

sub layers_on_both_sides {
    my ($client, $server) = plain_pair();
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        close $client;
        my ($depth, $sock) = layers($server, 2, server_args());
        print $sock "deep\n" if $depth == 2;
        POSIX::_exit(0);
    }
    close $server;
    my ($depth, $sock) = layers($client, 2, client_args());
    my $line = $depth == 2 ? <$sock> : undef;
    close $client;
    waitpid $pid, 0;
    return ($depth, $line);
}

differs('usebio-nested', 'TLS over TLS over a handle', sub {
    is_deeply [layers_on_both_sides()], [2, "deep\n"], 'ours: as deep as it is wanted';
}, sub {
    is +(layers_on_both_sides())[0], 1, 'incumbent: the second waits for ever';
});

my %listening = (args => { SSL_usebio => 1 }, handler => sub { my $sock = shift; print $sock "x\n"; 'served' });
differs('usebio-listener', 'a listener with SSL_usebio', sub {
    my $server = test_server(%listening);
    my $client = client($server) or die $SSL_ERROR;
    is $server->outcome, 'served', 'ours: wraps what it accepts';
}, sub {
    my $server = test_server(%listening);
    my $client = client($server);
    is $server->outcome, 'server gone', 'incumbent: dies';
});

{
    package Reader;
    sub new { return bless {}, shift }
    sub sysread { return 0 }
    sub syswrite { my ($self, $buffer, $len) = @_; return $len // length $buffer }
}
differs('usebio-object', 'an outer that is no glob but has the methods', sub {
    my $sock = IO::Socket::SSL->start_SSL(Reader->new, client_args(), SSL_usebio => 1);
    is $sock, undef, 'ours: is used';
    like $SSL_ERROR, qr/unexpected eof|closed the connection/, 'and was read to its end';
}, sub {
    ok !eval { IO::Socket::SSL->start_SSL(Reader->new, client_args(), SSL_usebio => 1); 1 }, 'dies';
    like $@, qr/^Not a GLOB reference/, 'of no reason that helps';
});

# The server's socket waits for the last flight of a client that is done, and sends nothing itself.
sub last_flight {
    my ($client, $server) = plain_pair();
    $_->blocking(0) for $client, $server;
    my $c = IO::Socket::SSL->start_SSL($client, client_args(), SSL_usebio => 1,
        SSL_startHandshake => 0) or die $SSL_ERROR;
    my $s = IO::Socket::SSL->start_SSL($server, server_args(), SSL_startHandshake => 0)
        or die $SSL_ERROR;
    $c->connect_SSL;
    ready($server, 'r');
    $s->accept_SSL;
    for (1 .. 100) {
        ready($client, 'r', 1);
        last if $c->connect_SSL;
    }
    return ready($server, 'r', 0);
}
differs('usebio-last-flight', 'a non-blocking client that says it is connected', sub {
    ok last_flight(), 'ours: has sent the end of its handshake';
}, sub {
    ok !last_flight(), 'incumbent: keeps it until it has data to send';
});

subtest 'a socket can\'t be put over itself' => sub {
    my ($client) = plain_pair();
    my $tls = IO::Socket::SSL->start_SSL($client, client_args(), SSL_startHandshake => 0);
    ok !eval { $tls->connect_SSL(SSL_usebio => 1); 1 }, 'connect_SSL(SSL_usebio => 1) dies';
    like $@, qr/^cannot upgrade socket in-place with SSL BIO/, 'and says why';
};

subtest 'new connects as without it' => sub {
    my $server = test_server();
    my $sock = client($server, SSL_usebio => 1);
    ok $sock, 'new' or diag $SSL_ERROR;
    print $sock "hello\n";
    is scalar(<$sock>), "hello\n", 'data';
};

subtest 'can_nested_ssl tells' => sub {
    is_deeply +IO::Socket::SSL->can_nested_ssl, { SSL_usebio => 1 }, 'SSL_usebio';
};

done_testing;
