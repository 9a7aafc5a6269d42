# Handles as programs copy, keep and lend them: forks at any moment, exec, hash keys, duplicates, other
# ties, a second upgrade, another class; and the end of everything in any order.
use strict;
use warnings;

use lib 't/lib';
use Test::More;
use TLSTest;
use IO::Socket::SSL;

# Ends the child without running what belongs to the parent.
sub leave { POSIX::_exit(shift || 0) }

subtest 'fork before a handshake: the child may do it, the parent closes its copy' => sub {
    my ($client, $server) = plain_pair();
    my $tls = IO::Socket::SSL->start_SSL($server, server_args(), SSL_startHandshake => 0);
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        alarm 50;
        close $client;
        $tls->accept_SSL or leave(1);
        my $line = <$tls>;
        print $tls "child $line";
        $tls->close;
        leave();
    }
    $tls->close(SSL_no_shutdown => 1);
    ok(IO::Socket::SSL->start_SSL($client, client_args()), 'connected to the child')
        or diag $SSL_ERROR;
    print $client "hello\n";
    is scalar(<$client>), "child hello\n", 'which serves';
    is sysread($client, my $buffer, 1), 0, 'and ends in order';
    waitpid $pid, 0;
    is $?, 0, 'content';
};

subtest 'fork during a handshake: one of the two goes on' => sub {
    for my $who (qw(child parent)) {
        my ($client, $server) = plain_pair();
        $client->blocking(0);
        my $tls = IO::Socket::SSL->start_SSL($client, client_args(), SSL_startHandshake => 0);
        ok !$tls->connect_SSL, 'begun';
        cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'and waiting';
        my $peer = fork // die "fork: $!";
        if (!$peer) {
            alarm 50;
            close $client;
            IO::Socket::SSL->start_SSL($server, server_args()) or leave(1);
            print $server "hello\n";
            leave(sysread($server, my $buffer, 10) ? 0 : 2);
        }
        close $server;
        my $go_on = sub {
            finish($tls, sub { $tls->connect_SSL }) or return "failed: $SSL_ERROR";
            my $line = '';
            1 while $line !~ /\n/ && (sysread($tls, $line, 10, length $line) || ready($tls, 'r'));
            syswrite $tls, 'bye';
            return $line;
        };
        if ($who eq 'child') {
            my $text = in_child($go_on);
            is $text, "hello\n", 'the child completes it';
            $tls->close(SSL_no_shutdown => 1);
        } else {
            my $text = in_child(sub { undef $tls; undef $client; return 'dropped' });
            is $text, 'dropped', 'a child drops its copy';
            is $go_on->(), "hello\n", 'the parent completes it';
        }
        waitpid $peer, 0;
        is $?, 0, 'the peer is content';
    }
};

subtest 'fork after a handshake: an explicit close in the child is seen by the peer' => sub {
    my ($client, $server) = settle(pair());
    in_child(sub { $client->close; return '' });
    is sysread($server, my $buffer, 1), 0, 'it was told so';
};

subtest 'exec: the descriptor isn\'t inherited unless the program wants it' => sub {
    my ($client, $server) = settle(pair());
    my $fd = fileno $client;
    my $try = "open my \$fh, '+<&=', $fd or print('closed'), exit; print 'open'";
    my $run = sub { open my $out, '-|', $^X, '-e', $try or die "$^X: $!"; local $/; <$out> };
    is $run->(), 'closed', 'close-on-exec';
    require Fcntl;
    fcntl $client, Fcntl::F_SETFD(), 0;
    is $run->(), 'open', 'the program\'s wish';
    settle($client, $server);
    ok 1, 'the connection isn\'t disturbed';
};

subtest 'a handle is a key of a hash, and compares with itself' => sub {
    my ($client, $server) = settle(pair());
    my %seen = ($client => 'client', $server => 'server');
    is $seen{$client}, 'client', 'found';
    ok $client == $client && $client != $server, 'compared';
    my $before = "$client";
    $client->stop_SSL(SSL_no_shutdown => 1);
    isnt "$client", $before, 'the text has the class';
    is 0 + $client, do { no warnings 'portable'; hex(($before =~ /\((.*)\)/)[0]) },
        'the address stays';
};

subtest 'a duplicate is the raw descriptor' => sub {
    my ($client, $server) = settle(pair());
    open my $dup, '+<&', $client or die "dup: $!";
    ok !tied *$dup, 'not tied';
    isnt fileno $dup, fileno $client, 'a descriptor of its own';
    close $dup;
    settle($client, $server);
    ok 1, 'closing it doesn\'t disturb TLS';
    open my $alias, '+<&=', fileno $client or die "alias: $!";
    is fileno $alias, fileno $client, 'an alias has the same';
    ok !tied *$alias, 'and no TLS';
};

subtest 'another tie takes the place of ours, and stays' => sub {
    { package Upper;
      sub TIEHANDLE { my ($class, $sock) = @_; return bless { sock => $sock }, $class }
      sub PRINT { my ($self, @text) = @_; return $self->{sock}->print(map { uc } @text) }
      sub READLINE { my $self = shift; return uc $self->{sock}->getline } }
    my ($client, $server) = settle(pair());
    my $handle = \do { no warnings 'once'; local *HANDLE };
    tie *$handle, 'Upper', $client;
    print $handle "hello\n";
    is scalar(<$server>), "HELLO\n", 'a handle tied over ours';
    print $server "answer\n";
    is scalar(<$handle>), "ANSWER\n", 'both ways';
    untie *$handle;

    my $ours = tied *$client;
    tie *$client, 'Upper', $client;
    is ref tied *$client, 'Upper', 'our own handle tied to something else';
    print $client "hello\n";
    is scalar(<$server>), "HELLO\n", 'which is called';
    is $client->syswrite("still\n"), 6, 'while methods do as before';
    is scalar(<$server>), "still\n", 'and arrive';
    untie *$client;
};

subtest 'upgraded twice: after stop_SSL start_SSL begins anew' => sub {
    my $server = test_server(plain => 1, handler => sub {
        my $sock = shift;
        my $class = ref $sock;
        for my $round (1, 2) {
            IO::Socket::SSL->start_SSL($sock, server_args()) or return "round $round: $SSL_ERROR";
            my $line = <$sock> // '';
            print $sock "$round: $line";
            $sock->stop_SSL or return "stop $round: $SSL_ERROR";
        }
        return $class eq ref $sock ? 'all well' : 'now a ' . ref $sock;
    });
    my $sock = IO::Socket::INET->new($server->addr) or die $!;
    for my $round (1, 2) {
        ok(IO::Socket::SSL->start_SSL($sock, client_args()), "round $round") or diag $SSL_ERROR;
        is $sock->is_SSL ? 1 : 0, 1, 'TLS is on';
        print $sock "hello\n";
        is scalar(<$sock>), "$round: hello\n", 'data';
        ok $sock->stop_SSL, 'stop_SSL' or diag $SSL_ERROR;
        ok !tied *$sock, 'plain';
    }
    is $server->outcome, 'all well', 'the server\'s end is of its first class';
};

differs('life-start-ssl-on-tls', 'start_SSL where TLS is on', sub {
    my ($client, $server) = settle(pair());
    is(IO::Socket::SSL->start_SSL($client, client_args()), undef, 'is refused');
    like $SSL_ERROR, qr/has TLS already/, 'with the reason';
    settle($client, $server);
    ok $client->stop_SSL(SSL_fast_shutdown => 1), 'and disturbs nothing';
}, sub {
    my ($client, $server) = settle(pair());
    $client->blocking(0);
    local $SIG{ALRM} = sub { die "timeout\n" };
    alarm 2;
    ok !eval { IO::Socket::SSL->start_SSL($client, client_args(), Timeout => 1) }, 'fails';
    watchdog(60);
});

subtest 'reblessed into a subclass: its methods count from then on' => sub {
    { package Loud; our @ISA = ('IO::Socket::SSL'); our @said;
      sub write   { my $self = shift; push @said, "write $_[0]"; return $self->SUPER::write(@_) }
      sub sysread { my $self = shift; push @said, 'sysread'; return $self->SUPER::sysread(@_) } }
    my ($client, $server) = settle(pair());
    @Loud::said = ();
    print $client "quiet\n";
    bless $client, 'Loud';
    print $client "loud\n";
    is "@Loud::said", "write loud\n", 'print calls the write of the class';
    is scalar(<$server>), "quiet\n", 'before';
    is scalar(<$server>), "loud\n", 'after';
    print $server "answer\n";
    @Loud::said = ();
    is scalar(<$client>), "answer\n", 'reading';
    cmp_ok scalar(grep { $_ eq 'sysread' } @Loud::said), '>=', 1, 'by sysread of the class';
    bless $client, 'IO::Socket::SSL';
    @Loud::said = ();
    print $client "quiet again\n";
    is "@Loud::said", '', 'and no longer';
};

subtest 'a glob that is assigned elsewhere is the same connection' => sub {
    my ($client, $server) = settle(pair());
    no strict 'refs';
    local *ALIAS = *$client;
    print ALIAS "through the alias\n";
    is scalar(<$server>), "through the alias\n", 'written';
    print $server "and back\n";
    is scalar(<ALIAS>), "and back\n", 'read';
};

# What perl says when everything ends while handles, contexts and listeners are kept in every way.
subtest 'the end of everything, in any order' => sub {
    my ($server, $ca) = (test_server(), cert('ca.pem'));
    my ($cert, $key) = (cert('server.pem'), cert('server.key'));
    my %end = (
        'lexicals'       => '',
        'globals'        => 'our @all = ($sock, $ctx, $listener);',
        'a cycle'        => 'my $all = [$sock, $ctx, $listener]; push @$all, $all;',
        'on its own glob'=> '${*$sock}{me} = $sock; ${*$sock}{ctx} = $ctx;',
        'in a closure'   => 'my $code; $code = sub { $sock, $ctx, $code };',
        'in a callback'  => '${*$sock}{_SSL_arguments}{callback} = sub { $sock };',
        'in END'         => 'our $kept = $sock; END { print {$kept} "bye\n"; $kept->close }',
        'by exit'        => 'our $kept = $sock; exit 0;',
        'by die'         => '$SIG{__DIE__} = sub { exit 0 }; our $kept = $sock; die "x";',
        'half a handshake' => '$half->connect_SSL; our $kept = $half;',
    );
    for my $how (sort keys %end) {
        my $port = $server->port;
        is perl_output(<<"END"), "connected\n", $how;
use strict; use warnings;
use IO::Socket::SSL;
my \$listener = IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1',
    SSL_cert_file => '$cert', SSL_key_file => '$key') or die \$SSL_ERROR;
my \$ctx = IO::Socket::SSL::SSL_Context->new(SSL_ca_file => '$ca',
    SSL_verify_callback => sub { \$_[0] }) or die \$SSL_ERROR;
my \$sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port, SSL_reuse_ctx => \$ctx,
    SSL_verifycn_name => 'server.test') or die \$SSL_ERROR;
my \$half = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => \$listener->sockport);
\$half->blocking(0);
IO::Socket::SSL->start_SSL(\$half, SSL_reuse_ctx => \$ctx, SSL_startHandshake => 0,
    SSL_verifycn_name => 'server.test') or die \$SSL_ERROR;
\$| = 1;
print "connected\\n";
$end{$how}
END
        is $? >> 8, 0, 'and its status';
    }
};

done_testing;
