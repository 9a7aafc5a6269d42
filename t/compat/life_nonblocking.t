# Handshakes step by step: SSL_startHandshake => 0, connect_SSL, accept_SSL, the two wants.
use strict;
use warnings;

use lib 't/lib';
use IO::Select;
use Test::More;
use TLSTest;
use IO::Socket::SSL;

# Both ends of a connection before the handshake, non-blocking.
sub before_handshake {
    my %how = @_;
    my ($client, $server) = plain_pair($how{over});
    $_->blocking(0) for $client, $server;
    IO::Socket::SSL->start_SSL($client, client_args(%{ $how{client} || {} }),
        SSL_startHandshake => 0) or die $SSL_ERROR;
    IO::Socket::SSL->start_SSL($server, server_args(%{ $how{server} || {} }),
        SSL_startHandshake => 0) or die $SSL_ERROR;
    return ($client, $server);
}

for my $version ('TLSv1_2', 'TLSv1_3') {
    subtest "$version: each step returns at once and says what it waits for" => sub {
        my ($client, $server) = before_handshake(client => { SSL_version => $version });
        my @first = $client->connect_SSL;
        is_deeply \@first, [], 'the first step ends with nothing';
        cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, '$SSL_ERROR is SSL_WANT_READ';
        is $SSL_ERROR . '', 'SSL wants a read first', 'as text';
        ok $!{EAGAIN} || $!{EWOULDBLOCK}, '$! is EAGAIN' or diag $!;
        is $client->errstr, 'SSL wants a read first', 'errstr';
        ok $client->want_read, 'want_read';
        ok !$client->want_write, 'not want_write';
        ok $client->opening, 'opening';
        ok !$client->opened, 'not opened';
        my @again = $client->connect_SSL;
        is_deeply \@again, [], 'trying again without data changes nothing';
        cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'the same want';

        ok ready($server, 'r'), 'the server has something to read';
        my @waiting = $server->accept_SSL;
        is_deeply \@waiting, [], 'it answers, and ends with nothing as well';
        my ($client_done, $server_done) = (0, 0);
        for (1 .. 20) {
            $server_done ||= $server->accept_SSL;
            cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'the server waits' if !$server_done;
            $client_done ||= $client->connect_SSL;
            cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'the client waits' if !$client_done;
            last if $client_done && $server_done;
        }
        is $client_done, $client, 'connect_SSL returns the client at the end';
        is $server_done, $server, 'accept_SSL the server';
        is $client->opened, 1, 'opened';
        ok !$client->opening, 'not opening';
        ok !$SSL_ERROR, 'no error';
        is $! + 0, 0, 'no errno';
        ok !$client->blocking, 'still non-blocking';
        is $client->get_sslversion, $version, 'the version';
    };
}

for my $version ('TLSv1_2', 'TLSv1_3') {
    subtest "$version: reading and writing go on with a handshake that has begun" => sub {
        my ($client, $server) = before_handshake(client => { SSL_version => $version });
        ok !$client->connect_SSL, 'begun';
        for my $try ([ syswrite => sub { $client->syswrite('x') } ],
            [ sysread => sub { $client->sysread(my $byte, 1) } ], [ peek => sub { $client->peek(my $byte, 1) } ]) {
            my ($what, $code) = @$try;
            is scalar $code->(), undef, "$what: not yet";
            ok $!{EAGAIN} || $!{EWOULDBLOCK}, '... $! is EAGAIN' or diag $!;
            cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, '... a want';
        }
        ready($server, 'r');
        ok !$server->accept_SSL, 'the other side has begun, too';
        my ($got, $sent) = ('', 0);
        for (1 .. 20) {
            ready($client, 'r') if !$sent;
            $sent = 1 if !$sent && $client->syswrite('in time');
            last if !$sent && $SSL_ERROR != SSL_WANT_READ;
            ready($server, 'r');
            last if $server->sysread($got, 100);
            last if $SSL_ERROR != SSL_WANT_READ;
        }
        is $got, 'in time', 'without another word of the handshake' or diag $SSL_ERROR;
        is $client->connect_SSL, $client, 'connect_SSL has nothing left to do';
        is $server->accept_SSL, $server, 'nor accept_SSL';
        is $client->opened, 1, 'opened';
        print $server "back\n";
        $client->blocking(1);
        is scalar(<$client>), "back\n", 'and goes on as ever';
    };
    subtest "$version: nothing is written so to a stranger" => sub {
        my ($client, $server) = before_handshake(client => { SSL_version => $version,
            SSL_verifycn_name => 'elsewhere.test' });
        $client->connect_SSL;
        ready($server, 'r');
        $server->accept_SSL;
        my ($got, $why);
        for (1 .. 20) {
            ready($client, 'r');
            $why = $SSL_ERROR, last if !$client->syswrite('secret') && $SSL_ERROR != SSL_WANT_READ;
            ready($server, 'r');
            last if $server->sysread($got, 100) || $SSL_ERROR != SSL_WANT_READ;
        }
        is $got, undef, 'not a byte';
        like $why, qr/verif/, 'and why';
        ok !$client->opened, 'it is not opened';
    };
}

subtest 'reading with nothing there is a want, with $! EAGAIN' => sub {
    my ($client, $server) = settle(pair(blocking => 0));
    for my $sock ($client, $server) {
        my @got = $sock->sysread(my $buffer, 10);
        ok !defined $got[0], 'nothing';
        cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'SSL_WANT_READ';
        ok $!{EAGAIN}, 'EAGAIN' or diag $!;
    }
    syswrite $client, 'x';
    ok ready($server, 'r'), 'data come';
    is sysread($server, my $buffer, 10), 1, 'read';
    ok !$SSL_ERROR, 'the want is over';
};

subtest 'writing until the peer\'s buffers are full is a want to write, and goes on after' => sub {
    my ($client, $server) = settle(pair(blocking => 0));
    my $block   = join '', map { chr($_ % 256) } 0 .. 9999;
    my $written = 0;
    while (1) {
        my $n = syswrite $client, $block;
        last if !$n;
        $written += $n;
        $written < 1e9 or die 'a write that never blocks';
    }
    cmp_ok $SSL_ERROR, '==', SSL_WANT_WRITE, 'SSL_WANT_WRITE';
    ok $!{EAGAIN}, 'EAGAIN' or diag $!;
    ok $client->want_write, 'want_write';
    my $got = 0;
    $server->blocking(1);
    my $retried = 0;
    while ($got < $written + length $block) {
        my $n = sysread $server, my $buffer, 65536;
        $n or die "read: $SSL_ERROR $!";
        $got += $n;
        # The write that wasn't done is repeated, in another scalar as a program's loop would.
        if (!$retried) { my $copy = $block; $retried = syswrite($client, $copy) || 0 }
        last if $retried && $got >= $written + $retried;
    }
    is $got, $written + $retried, 'everything arrives once';
    cmp_ok $retried, '>', 0, 'the repeated write among it';
};

subtest 'select drives a handshake without a busy loop' => sub {
    my ($client, $server) = before_handshake();
    my %step = (
        fileno($client) => [ $client, sub { $client->connect_SSL } ],
        fileno($server) => [ $server, sub { $server->accept_SSL } ],
    );
    my ($readers, $writers) = (IO::Select->new, IO::Select->new($client, $server));
    my $steps = 0;
    while (%step) {
        my ($can_read, $can_write) = IO::Select->select($readers, $writers, undef, 10)
            or die 'select: no progress';
        for my $sock (@$can_read, @$can_write) {
            my $entry = $step{ fileno $sock } or next;
            $steps++;
            $_->remove($sock) for $readers, $writers;
            if ($entry->[1]->()) { delete $step{ fileno $sock } }
            elsif ($SSL_ERROR == SSL_WANT_READ)  { $readers->add($sock) }
            elsif ($SSL_ERROR == SSL_WANT_WRITE) { $writers->add($sock) }
            else { die "handshake: $SSL_ERROR" }
        }
    }
    cmp_ok $steps, '<=', 12, "$steps steps";
    settle($client, $server);
    ok 1, 'and it carries data';
};

subtest 'a fatal failure ends the waiting: no want, and a reason' => sub {
    my ($client, $server) = before_handshake(client => { SSL_verifycn_name => 'wrong.test' });
    my ($client_error, $server_error);
    for (1 .. 20) {
        if (!$client_error && !$client->connect_SSL && !TLSTest::wants($SSL_ERROR)) {
            $client_error = "$SSL_ERROR";
        }
        if (!$server_error && !$server->accept_SSL && !TLSTest::wants($SSL_ERROR)) {
            $server_error = "$SSL_ERROR";
        }
        last if $client_error && $server_error;
    }
    like $client_error, qr/^hostname verification failed/, 'the client\'s';
    like $server_error, qr/^SSL accept attempt failed error:.*alert/, 'the server\'s';
};

subtest 'new with Blocking => 0 connects and shakes hands first, then stops blocking' => sub {
    my $server = test_server();
    my $sock   = client($server, Blocking => 0);
    ok $sock, 'an object' or diag $SSL_ERROR;
    is $sock->opened, 1, 'open already';
    ok !$sock->blocking, 'non-blocking now';
    print $sock "hello\n";
    ok finish($sock, sub { sysread $sock, my $line, 100 }), 'and it talks';
};

subtest 'connect_SSL and connect on a socket that is TLS already return it' => sub {
    my $server = test_server();
    my $sock   = client($server, SSL_startHandshake => 0);
    $sock->blocking(0);
    my $result = finish($sock, sub { $sock->connect_SSL });
    is $result, $sock, 'connect_SSL in the end';
    is $sock->connect, $sock, 'connect on an open one returns it';
    print $sock "x\n";
    ok finish($sock, sub { sysread $sock, my $line, 100 }), 'it talks';
};

subtest 'two handshakes at once with different names do not mix' => sub {
    my $ctx = IO::Socket::SSL::SSL_Context->new(SSL_ca_file => cert('ca.pem'))
        or die $SSL_ERROR;
    my @good = before_handshake(client => { SSL_reuse_ctx => $ctx,
        SSL_verifycn_name => 'server.test' });
    ok !$good[0]->connect_SSL, 'the first begins';
    my @bad = before_handshake(client => { SSL_reuse_ctx => $ctx,
        SSL_verifycn_name => 'wrong.test' });
    my ($good, $bad) = (run_to_end(@good), run_to_end(@bad));
    is $good, 'ok', 'the one with the right name succeeds';
    like $bad, qr/^hostname verification failed/, 'the other doesn\'t';
};

differs('life-name-per-connection', 'a name belongs to its connection, not to the shared context',
    sub { like interleaved(), qr/^hostname verification failed/, 'its own name is checked' },
    sub { is interleaved(), 'ok', 'the name of the connection begun last is checked' });

# Begins a connection that must fail, then on the same context one that may succeed; returns the
# fate of the first.
sub interleaved {
    my $ctx = IO::Socket::SSL::SSL_Context->new(SSL_ca_file => cert('ca.pem')) or die $SSL_ERROR;
    my @first = before_handshake(client => { SSL_reuse_ctx => $ctx,
        SSL_verifycn_name => 'wrong.test' });
    $first[0]->connect_SSL;
    my @second = before_handshake(client => { SSL_reuse_ctx => $ctx,
        SSL_verifycn_name => 'server.test' });
    $second[0]->connect_SSL;
    return run_to_end(@first);
}

# 'ok', or the client's error.
sub run_to_end {
    my ($client, $server) = @_;
    my ($done, $client_done);
    for (1 .. 20) {
        $done ||= $server->accept_SSL;
        $client_done ||= $client->connect_SSL;
        return "$SSL_ERROR" if !$client_done && !TLSTest::wants($SSL_ERROR);
        return 'ok' if $done && $client_done;
    }
    return 'no end';
}

done_testing;
