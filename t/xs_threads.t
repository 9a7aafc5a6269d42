# xs_threads.t - ithreads: what is on a handle is cloned with it, shared where it must be, and freed once.
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
use TLSTest;
use IO::Socket::SSL;
use IO::Socket::SSL::PublicSuffix ();

subtest 'a connection survives threads that come and go' => sub {
    my ($client, $server) = pair(over => 'unix');
    for my $round (1, 2) {
        my $result = threads->create(sub { $client->get_cipher })->join;
        is $result, $client->get_cipher, "round $round: the clone knows the connection";
        print $client "round $round\n";
        is scalar(<$server>), "round $round\n", 'data flow on';
    }
};

subtest 'a connection may be used in another thread' => sub {
    my ($client, $server) = pair(over => 'unix');
    my $line = threads->create(sub { print $client "from a thread\n"; scalar <$server> })->join;
    is $line, "from a thread\n", 'written and read there';
    print $server "back\n";
    is scalar(<$client>), "back\n", 'and here afterwards';
};

subtest 'connections are made in threads, with what was prepared before' => sub {
    my $calls = 0;
    my $list = IO::Socket::SSL::PublicSuffix->from_string("com\n");
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_ca_file => cert('ca.pem'),
        SSL_verify_callback => sub { $calls++; $_[0] }, SSL_verifycn_publicsuffix => $list);
    my @threads = map {
        threads->create(sub {
            my $result = handshake(over => 'unix', client => { SSL_reuse_ctx => $context,
                SSL_verifycn_name => 'x.wild.test' });
            return $result->{client_ok} ? "connected after $calls calls" : $result->{client_error};
        });
    } 1 .. 3;
    like $_->join, qr/^connected after [1-9]/, 'with the callback and list of the thread\'s own' for @threads;
    is $calls, 0, 'the one here was not called';
};

subtest 'errors belong to their thread' => sub {
    my ($client, $server) = pair(over => 'unix');
    IO::Socket::SSL->start_SSL('no socket');
    my $here = "$SSL_ERROR";
    my $there = threads->create(sub {
        IO::Socket::SSL::SSL_Context->new(SSL_cipher_list => 'no-such');
        "$SSL_ERROR";
    })->join;
    like $there, qr/^Failed to set SSL cipher list/, 'one there';
    is "$SSL_ERROR", $here, 'doesn\'t touch the one here';
    my $want = threads->create(sub {
        $client->blocking(0);
        sysread $client, my $buffer, 1;
        $SSL_ERROR == SSL_WANT_READ && "$SSL_ERROR";
    })->join;
    is $want, SSL_WANT_READ() . '', 'the constants are the same there';
};

subtest 'a context is cloned with all that it holds, whichever copy goes first' => sub {
    for my $first ('here', 'there') {
        my $cache = IO::Socket::SSL::Session_Cache->new(10);
        my $context = IO::Socket::SSL::SSL_Context->new(client_args(SSL_session_cache => $cache,
            SSL_ocsp_cache => IO::Socket::SSL::OCSP_Cache->new(5),
            SSL_verify_callback => sub { $_[0] }, SSL_msg_callback => sub { })) or die $SSL_ERROR;
        my $serving = IO::Socket::SSL::SSL_Context->new(server_args(SSL_session_id_context => 'x',
            SSL_ticket_keycb => sub { ('k' x 48, 'n' x 16) })) or die $SSL_ERROR;
        my @args = (over => 'unix', client => { raw => 1, SSL_reuse_ctx => $context,
            SSL_session_key => 'k', SSL_verifycn_name => 'server.test' },
            server => { raw => 1, SSL_server => 1, SSL_reuse_ctx => $serving });
        my $thread = threads->create(sub {
            my @done = map { my @pair = settle(pair(@args)); $pair[0]->get_session_reused } 1 .. 2;
            if ($first eq 'there') { undef $_ for $context, $serving, @args }
            return "@done";
        });
        if ($first eq 'here') { undef $_ for $context, $serving, @args }
        is $thread->join, '0 1', "$first first: connected, resumed" or next;
        next if $first eq 'here';
        my ($client) = settle(pair(@args));
        ok $client->get_cipher, 'the one here works on';
    }
};

subtest 'handles in every state are cloned, and freed where they were not made' => sub {
    my ($open, $far) = pair(over => 'unix');
    my ($half, $other) = plain_pair('unix');
    $half->blocking(0);
    IO::Socket::SSL->start_SSL($half, client_args(), SSL_startHandshake => 0) or die $SSL_ERROR;
    $half->connect_SSL and die 'it has nobody to talk to';
    my ($closed) = pair(over => 'unix');
    $closed->close;
    my ($stopped) = pair(over => 'unix');
    $stopped->stop_SSL(SSL_no_shutdown => 1);
    my $failed = handshake(over => 'unix', client => { SSL_ca_file => cert('other-ca.pem') });
    my $listener = IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1', server_args());
    my $resolver = $open->ocsp_resolver;
    my @kept = ($open, $half, $closed, $stopped, $failed, $listener, $resolver);
    for my $round (1, 2) {
        my $thread = threads->create(sub {
            undef $_ for $open, $half, $closed, $stopped, $failed, $listener, $resolver, @kept;
            return 'freed';
        });
        is $thread->join, 'freed', "round $round: freed there";
    }
    print $open "on\n";
    is scalar(<$far>), "on\n", 'what was open is';
    is $half->opening, 1, 'what was half done is';
    my $done = threads->create(sub {
        $other->blocking(0);
        IO::Socket::SSL->start_SSL($other, server_args(), SSL_startHandshake => 0) or die $SSL_ERROR;
        for (1 .. 20) { $half->connect_SSL; $other->accept_SSL }
        return $half->get_cipher && $other->get_cipher;
    })->join;
    ok $done, 'a handshake that began here is finished there';
};

subtest 'a program may end while threads have copies' => sub {
    my ($cert, $key) = (cert('server.pem'), cert('server.key'));
    for my $end ('$_->detach for @threads; exit 0', '$_->join for @threads',
        'undef $context; undef $listener; $_->detach for @threads; exit 0') {
        my $text = perl_output(<<"END");
use strict; use warnings; no warnings 'threads';
use threads; use threads::shared;
use IO::Socket::SSL;
my \$ready :shared = 0;
my \$context = IO::Socket::SSL::SSL_Context->new(SSL_server => 1, SSL_cert_file => '$cert',
    SSL_key_file => '$key', SSL_verify_callback => sub { 1 }) or die \$SSL_ERROR;
my \$listener = IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1', SSL_server => 1,
    SSL_reuse_ctx => \$context) or die \$SSL_ERROR;
my \@threads = map { threads->create(sub { lock \$ready; \$ready++; cond_signal \$ready;
    return \$listener ? 1 : 0 }) } 1 .. 3;
{ lock \$ready; cond_wait \$ready while \$ready < 3; }
\$| = 1;
print "ended\n";
$end;
END
        is $text, "ended\n", $end;
        is $? & 127, 0, 'by no signal';
    }
};

done_testing;
