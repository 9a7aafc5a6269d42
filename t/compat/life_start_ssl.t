# start_SSL and new_from_fd: a plain socket becomes a TLS one in place, or stays what it was.
use 5.014;
use strict;
use warnings;

use lib 't/lib';
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);
use Symbol qw(gensym);
use Test::More;
use TLSTest;
use IO::Socket::SSL;

{
    package Upgraded;
    our @ISA = ('IO::Socket::SSL');
}
{
    package Handle;     # what some program made of a socket
    our @ISA = ('IO::Handle');
}

# Runs code with the other end of a pair of sockets in a child; returns ours and the child's report.
sub with_peer {
    my ($kind, $code) = @_;
    my ($mine, $other) = ref $kind ? $kind->() : plain_pair($kind);
    pipe my $r, my $w or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        alarm 30;
        close $mine;
        syswrite $w, eval { $code->($other) } // "died: $@";
        POSIX::_exit(0);
    }
    close $w;
    close $other;
    return ($mine, sub {
        my $text = do { local $/ = undef; <$r> };
        waitpid $pid, 0;
        return $text;
    });
}

# Takes TLS, answers one line, and then one line without TLS if the handshake failed.
sub tls_or_plain {
    my $sock = shift;
    IO::Socket::SSL->start_SSL($sock, server_args());
    my $line = <$sock> // '';
    syswrite $sock, "got $line";     # not print: a bare glob would buffer it
    return "got $line";
}

sub bare_socketpair {
    socketpair my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "socketpair: $!";
    return ($a, $b);
}

sub glob_socketpair {
    my ($a, $b) = (gensym, gensym);
    socketpair $a, $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "socketpair: $!";
    return ($a, $b);
}

# Handles by name, a new name each time: what one test did to a glob is no matter of the next.
sub named_socketpair {
    state $count = 0;
    my $name = 'HANDLE' . $count++;
    no strict 'refs';
    socketpair *{$name}, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "socketpair: $!";
    return (\*{$name}, $b);
}

sub blessed_socketpair {
    my ($a, $b) = bare_socketpair();
    return (bless($a, 'Handle'), $b);
}

my @kinds = (
    [ 'IO::Socket::INET' => 'tcp' ],
    [ 'IO::Socket::UNIX' => 'unix' ],
    [ 'a globref without class' => \&bare_socketpair ],
    [ 'a glob of Symbol' => \&glob_socketpair ],
    [ 'a bareword handle' => \&named_socketpair ],
    [ 'a handle of any class' => \&blessed_socketpair ],
    can_ipv6_here() ? [ 'IO::Socket::IP over IPv6' => 'tcp6' ] : (),
);

for my $kind (@kinds) {
    my ($name, $make) = @$kind;

    subtest "$name: success turns that very handle into a TLS socket" => sub {
        my ($sock, $report) = with_peer($make, \&tls_or_plain);
        my $fd = fileno $sock;
        is(IO::Socket::SSL->start_SSL($sock, client_args()), $sock, 'the same reference')
            or diag $SSL_ERROR;
        is ref $sock, 'IO::Socket::SSL', 'its class';
        is fileno $sock, $fd, 'its descriptor';
        is $sock->opened, 1, 'opened';
        ok $sock->is_SSL, 'is_SSL';
        ok tied *$sock, 'tied';
        print $sock "hello\n";
        is scalar(<$sock>), "got hello\n", 'it talks';
        is $report->(), "got hello\n", 'encrypted, as the peer sees it';
    };

    subtest "$name: failure leaves it open, plain and usable" => sub {
        my ($sock, $report) = with_peer($make, \&tls_or_plain);
        my ($fd, $class) = (fileno $sock, ref $sock);
        my @got = IO::Socket::SSL->start_SSL($sock, client_args(SSL_verifycn_name => 'bad.test'));
        is_deeply \@got, [], 'nothing returned';
        like $SSL_ERROR, qr/^hostname verification failed/, '$SSL_ERROR';
        like $@, qr/^hostname verification failed/, '$@';
        is ref $sock, $class, 'the old class' 
            if $class ne 'GLOB' || implementation() eq 'ours';
        is fileno $sock, $fd, 'the same descriptor';
        ok !tied *$sock, 'not tied';
        ok defined syswrite($sock, "plain\n"), 'written to';
        # What the peer had sent of its handshake is still there to be read.
        my $answer = '';
        while ($answer !~ /got plain\n$/ && ready($sock, 'r')) {
            sysread $sock, $answer, 10_000, length $answer or last;
        }
        like $answer, qr/got plain\n$/, 'read from';
        is $report->(), "got plain\n", 'the peer is plain too';
    };
}

subtest 'a subclass gets its own class' => sub {
    my ($client, $server) = pair(client_class => 'Upgraded');
    is ref $client, 'Upgraded', 'on one side';
    is ref $server, 'IO::Socket::SSL', 'the base on the other';
    settle($client, $server);
    ok 1, 'and they talk';
};

subtest 'arguments may be a hash reference, which can be used again' => sub {
    my %args = (client_args(), SSL_startHandshake => 0);
    for my $round (1, 2) {
        my ($client, $server) = plain_pair();
        is(IO::Socket::SSL->start_SSL($client, \%args), $client, "round $round") or diag $SSL_ERROR;
    }
    is $args{SSL_verifycn_name}, 'server.test', 'what was said is still there';
};

subtest 'old names: socketToSSL and socket_to_SSL' => sub {
    for my $name (qw(socketToSSL socket_to_SSL)) {
        no strict 'refs';
        my ($client, $server) = plain_pair();
        my $function = \&{"IO::Socket::SSL::$name"};
        is $function->($client, { client_args(), SSL_startHandshake => 0 }), $client,
            "$name with a hash reference";
        is ref $client, 'IO::Socket::SSL', 'upgraded';
        ($client, $server) = plain_pair();
        is $function->($client, SSL_startHandshake => 0), $client, 'and with a list';
    }
};

subtest 'what is no socket is refused' => sub {
    for my $thing (undef, '', 0, 'STDIN-or-so') {
        ok !IO::Socket::SSL->start_SSL($thing), defined $thing ? "'$thing'" : 'undef';
        is $SSL_ERROR . '', 'Not a socket', 'why';
    }
    my ($sock) = plain_pair();
    close $sock;
    ok !IO::Socket::SSL->start_SSL($sock), 'a closed one';
    is $SSL_ERROR . '', 'Socket has no fileno', 'why';
    is ref $sock, 'IO::Socket::INET', 'the class is the old one';
};

subtest 'a wrong setting leaves the socket as it was, before a byte is sent' => sub {
    my ($client, $server) = plain_pair();
    ok !IO::Socket::SSL->start_SSL($client, SSL_cipher_list => 'no-such-cipher'), 'refused';
    like $SSL_ERROR, qr/^Failed to set SSL cipher list/, 'why';
    is ref $client, 'IO::Socket::INET', 'its class';
    syswrite $client, 'plain';
    sysread $server, my $got, 100;
    is $got, 'plain', 'nothing else arrived';
};

differs('life-die-in-start', 'a setting that dies leaves the socket in its old class', sub {
    my ($client, $server) = plain_pair();
    ok !eval { IO::Socket::SSL->start_SSL($client, SSL_cert_file => '/no/file'); 1 }, 'died';
    like $@, qr{^SSL_cert_file /no/file can't be used: }, 'why';
    is ref $client, 'IO::Socket::INET', 'still plain';
}, sub {
    my ($client, $server) = plain_pair();
    ok !eval { IO::Socket::SSL->start_SSL($client, SSL_cert_file => '/no/file'); 1 }, 'died';
    like $@, qr{^SSL_cert_file /no/file can't be used: }, 'why';
    is ref $client, 'IO::Socket::SSL', 'in the new class, without TLS';
});

differs('life-failed-keys', 'a failed upgrade leaves nothing of ours on the handle', sub {
    my $result = handshake(client => { SSL_verifycn_name => 'bad.test' });
    is ref $result->{client}, 'IO::Socket::INET', 'the client is plain again';
    is ref $result->{server}, 'IO::Socket::INET', 'the server too';
    for my $side (qw(client server)) {
        is_deeply [ grep { /^_?SSL_/ } keys %{ *{ $result->{$side} } } ], [], "$side: no keys";
    }
}, sub {
    my $result = handshake(client => { SSL_verifycn_name => 'bad.test' });
    my @classes = map { ref $result->{$_} } qw(client server);
    my @keys = grep { /^_?SSL_/ } keys %{ *{ $result->{client} } };
    if (incumbent_version() >= 2.093) {
        is "@classes", 'IO::Socket::SSL IO::Socket::INET', 'one of them stays TLS by class';
        ok scalar @keys, 'and keeps its keys';
    }
    else {
        is "@classes", 'IO::Socket::INET IO::Socket::INET', 'both are plain';
        is_deeply \@keys, [], 'and clean';
    }
});

subtest 'a second attempt on the same socket may succeed' => sub {
    my ($client, $server) = plain_pair();
    ok !IO::Socket::SSL->start_SSL($client, SSL_cipher_list => 'no-such-cipher'), 'failed once';
    ($client, $server) = pair(over => [$client, $server]);
    is ref $client, 'IO::Socket::SSL', 'and then not';
    settle($client, $server);
    ok !$SSL_ERROR, 'without a trace of the first';
};

subtest 'the blocking mode is what it was, after success and after failure' => sub {
    for my $blocking (0, 1) {
        for my $name ('server.test', 'bad.test') {
            my ($sock, $report) = with_peer('tcp', \&tls_or_plain);
            $sock->blocking($blocking);
            my $ok = IO::Socket::SSL->start_SSL($sock, client_args(SSL_verifycn_name => $name));
            is !!$ok, $name eq 'server.test', "$name, blocking $blocking";
            is !!$sock->blocking, !!$blocking, 'as before';
            close $sock;
            $report->();
        }
    }
};

subtest 'other keys on the glob survive upgrade and downgrade' => sub {
    my ($client, $server) = plain_pair();
    ${*$client}{net_cmd_partial} = 'mine';
    ($client, $server) = settle(pair(over => [$client, $server]));
    is ${*$client}{net_cmd_partial}, 'mine', 'while TLS';
    $client->stop_SSL(SSL_no_shutdown => 1);
    is ${*$client}{net_cmd_partial}, 'mine', 'and after';
    is_deeply [ grep { /^_?SSL_/ } keys %{*$client} ], [], 'ours are gone';
};

subtest 'SSL_startHandshake => 0 touches neither mode nor wire' => sub {
    for my $blocking (0, 1) {
        my ($client, $server) = plain_pair();
        $client->blocking($blocking);
        is(IO::Socket::SSL->start_SSL($client, client_args(), SSL_startHandshake => 0), $client,
            'returned at once');
        is ref $client, 'IO::Socket::SSL', 'its class';
        ok !tied *$client, 'not tied yet';
        is !!$client->blocking, !!$blocking, 'its mode';
        ok !$client->opened, 'not open';
        syswrite $client, "plain\n";
        is scalar(<$server>), "plain\n", 'still plain';
        syswrite $server, "back\n";
        ready($client, 'r');
        is scalar(<$client>), "back\n", 'both ways';
        ok $client->stop_SSL, 'stop_SSL before any handshake';
        is ref $client, 'IO::Socket::INET', 'gives the old class back';
        syswrite $client, "again\n";
        is scalar(<$server>), "again\n", 'and no byte of TLS';
    }
};

subtest 'without any name the address of the peer is verified' => sub {
    my ($sock, $report) = with_peer('tcp', \&tls_or_plain);
    ok(IO::Socket::SSL->start_SSL($sock, SSL_ca_file => cert('ca.pem')), '127.0.0.1 is in there')
        or diag $SSL_ERROR;
    print $sock "x\n";
    $report->();
    ($sock, $report) = with_peer('tcp', sub {
        my $peer = shift;
        IO::Socket::SSL->start_SSL($peer, server_args(SSL_cert_file => cert('other-name.pem'),
            SSL_key_file => cert('other-name.key')));
        return "$SSL_ERROR";
    });
    ok !IO::Socket::SSL->start_SSL($sock, SSL_ca_file => cert('ca.pem')), 'and elsewhere it is not';
    like $SSL_ERROR, qr/^hostname verification failed/, 'why';
    $report->();
};

subtest 'new_from_fd makes a TLS socket of a descriptor' => sub {
    for my $mode ([], ['+<'], ['<']) {
        my ($sock, $report) = with_peer('tcp', \&tls_or_plain);
        my $tls = IO::Socket::SSL->new_from_fd(fileno $sock, @$mode, client_args());
        is ref $tls, 'IO::Socket::SSL', "mode '@$mode'" or diag $SSL_ERROR;
        print $tls "x\n";
        is scalar(<$tls>), "got x\n", 'talks';
        close $tls;
        $report->();
    }
    ok !IO::Socket::SSL->new_from_fd(199, client_args()), 'a descriptor that is not open';
    is $SSL_ERROR . '', 'Could not create socket from file descriptor.', 'why';
    ok $!{EBADF}, '$! is EBADF' or diag $!;
    my ($client, $server) = plain_pair();
    ok !IO::Socket::SSL->new_from_fd(fileno $client, SSL_cipher_list => 'no-such'), 'a bad setting';
    like $SSL_ERROR, qr/^Failed to set SSL cipher list/, 'why';
    my $later = IO::Socket::SSL->new_from_fd(fileno $client, SSL_startHandshake => 0);
    ok $later && !$later->is_SSL, 'SSL_startHandshake => 0 waits here as well';
};

done_testing;
