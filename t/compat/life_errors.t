# $SSL_ERROR, $!, $@ and errstr, and what becomes of a socket whose handshake failed.
use strict;
use warnings;

use lib 't/lib';
use Test::More;
use TLSTest;
use IO::Socket::SSL;

my $server = test_server(handler => sub { my $sock = shift; my $line = <$sock>; 'talked' });

# A client connected to the server with the handshake to come, and sure to fail.
sub doomed {
    my @args = @_;
    return client($server, SSL_startHandshake => 0, SSL_verifycn_name => 'wrong.test', @args);
}

subtest 'success leaves no error, whatever was there before' => sub {
    my ($client, $peer) = settle(pair());
    my %operation = (
        syswrite => sub { syswrite $client, 'abc' },
        sysread  => sub { syswrite $peer, 'x'; sysread $client, my $buffer, 1 },
        print    => sub { print $client 'x' },
        connect_SSL => sub { my $sock = client($server); $sock },
    );
    for my $name (sort keys %operation) {
        $SSL_ERROR = 'stale';
        $! = 5;
        ok $operation{$name}->(), "$name succeeds";
        is $! + 0, 0, '$! is 0';
        ok !$SSL_ERROR, '$SSL_ERROR is false';
    }
};

subtest 'an error is text and -1, per socket and global' => sub {
    my $sock = doomed(SSL_keepSocketOnError => 1);
    ok !$sock->connect_SSL, 'failed';
    like $SSL_ERROR, qr/^hostname verification failed/, 'as text';
    cmp_ok $SSL_ERROR, '==', -1, 'as number';
    like $sock->errstr, qr/^hostname verification failed/, 'of the socket';
    like $@, qr/^hostname verification failed/, '$@';
    is $! + 0, 0, '$!: the system has no part in it';
    my $fine = client($server);
    ok $fine, 'another connection succeeds';
    ok !$SSL_ERROR, 'the global error is gone';
    like $sock->errstr, qr/^hostname verification failed/, 'that of the socket is not';
};

subtest 'a failed chain is told in OpenSSL\'s words' => sub {
    ok !client($server, SSL_ca_file => cert('other-ca.pem')), 'an unknown issuer';
    like $SSL_ERROR,
        qr/^SSL connect attempt failed error:[0-9A-F]{8}:SSL routines:.*:certificate verify failed/,
        'prefix, code, library and reason';
    is $@, $SSL_ERROR . '', '$@ is the same';
};

subtest 'the more specific error stays: a wrong name isn\'t "certificate verify failed"' => sub {
    ok !client($server, SSL_verifycn_name => 'wrong.test'), 'failed';
    unlike $SSL_ERROR, qr/certificate verify failed/, 'not the general text';
};

subtest 'errstr can be asked of the class, as a function, of a socket without errors' => sub {
    ok !IO::Socket::SSL->start_SSL(undef), 'an error';
    is(IO::Socket::SSL->errstr, 'Not a socket', 'class method');
    is IO::Socket::SSL::errstr(), 'Not a socket', 'function';
    is(IO::Socket::SSL->new->errstr, 'Not a socket', 'a socket of no error tells the global one');
};

subtest 'error() sets an error, as programs that extend the class do' => sub {
    my ($client, $peer) = pair();
    my @got = $client->error('my own text');
    is_deeply \@got, [], 'it returns nothing';
    is $SSL_ERROR . '', 'my own text', '$SSL_ERROR';
    cmp_ok $SSL_ERROR, '==', -1, 'as a number';
    is $client->errstr, 'my own text', 'errstr';
};

subtest 'a peer that ends in the middle of a handshake is an error, not success' => sub {
    for my $role ('connect_SSL', 'accept_SSL') {
        my ($sock, $peer) = plain_pair();
        shutdown $peer, 1;
        IO::Socket::SSL->start_SSL($sock, $role eq 'accept_SSL' ? server_args() : client_args(),
            SSL_startHandshake => 0);
        ok !$sock->$role, $role;
        my $verb = $role eq 'accept_SSL' ? 'accept' : 'connect';
        like $SSL_ERROR, qr/^SSL $verb attempt failed/, 'why';
        ok !TLSTest::wants($SSL_ERROR), 'no want';
    }
};

subtest 'a reset in the middle of a handshake shows in $!' => sub {
    my ($sock, $peer) = plain_pair();
    IO::Socket::SSL->start_SSL($sock, client_args(), SSL_startHandshake => 0);
    $sock->blocking(0);
    ok !$sock->connect_SSL, 'the handshake begins';
    reset_on_close($peer);
    undef $peer;
    ok ready($sock, 'r'), 'the peer is gone';
    ok !$sock->connect_SSL, 'failed';
    ok $!{ECONNRESET}, '$! is ECONNRESET' or diag $!;
    like $SSL_ERROR, qr/^SSL connect attempt failed/, '$SSL_ERROR';
};

subtest 'a peer that speaks no TLS is told apart' => sub {
    my ($sock, $peer) = plain_pair();
    syswrite $peer, "220 mail.test ESMTP\r\n";
    ok !IO::Socket::SSL->start_SSL($sock, client_args()), 'failed';
    like $SSL_ERROR, qr/^SSL connect attempt failed .*wrong version number/, 'why';
};

subtest 'new closes the socket when the handshake fails' => sub {
    my $sock = doomed();
    my $fd   = fileno $sock;
    ok !$sock->connect_SSL, 'failed';
    ok !$sock->opened, 'not open';
    is fileno($sock), undef, 'closed';
    ok !$sock->connect_SSL, 'and a second attempt fails as well';
    like $SSL_ERROR, qr/Socket has no fileno/, 'for there is no socket any more';
};

subtest 'with SSL_keepSocketOnError it stays open, for plain text' => sub {
    my ($client, $peer) = plain_pair();
    my $listener = IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0,
        server_args(), SSL_startHandshake => 0, SSL_keepSocketOnError => 1);
    my $browser = IO::Socket::INET->new('127.0.0.1:' . $listener->sockport);
    my $sock    = $listener->accept;
    syswrite $browser, "GET / HTTP/1.0\r\n\r\n";
    ok !$sock->accept_SSL, 'no TLS';
    like $SSL_ERROR, qr/http request/, 'but HTTP';
    ok defined fileno $sock, 'the socket is open';
    syswrite $sock, "HTTP/1.0 400 speak TLS\r\n";
    is scalar(<$browser>), "HTTP/1.0 400 speak TLS\r\n", 'and can tell what is wrong';
};

subtest 'SSL_error_trap gets the socket and the reason, and decides about both' => sub {
    my @calls;
    my $sock = doomed(SSL_error_trap => sub {
        push @calls, [@_];
        $SSL_ERROR = 'set in the trap';
        $! = 5;
    });
    ok !$sock->connect_SSL, 'failed';
    is scalar @calls, 1, 'called once';
    is $calls[0][0], $sock, 'with the socket';
    like $calls[0][1], qr/^hostname verification failed[^\n]*\n/, 'and the reason';
    like $SSL_ERROR, qr/^hostname verification failed/, 'the trap can\'t change the error';
    ok defined fileno $sock, 'the socket is still open';
    is ref $sock, 'IO::Socket::SSL', 'and of the same class';
    @calls = ();
    ok !client($server, SSL_verifycn_name => 'wrong.test',
        SSL_error_trap => sub { push @calls, [@_] }), 'new returns nothing all the same';
    is scalar @calls, 1, 'after calling the trap';
    my ($plain, $peer) = plain_pair();
    syswrite $peer, "no TLS\r\n";
    ok !IO::Socket::SSL->start_SSL($plain, client_args(), SSL_error_trap => sub { push @calls, 1 }),
        'start_SSL';
    is scalar @calls, 2, 'called';
    ok defined fileno $plain, 'open';
};

subtest 'a failure doesn\'t spoil what comes after it' => sub {
    for my $round (1 .. 3) {
        ok !client($server, SSL_ca_file => cert('other-ca.pem')), "failure $round";
        my ($client, $peer) = settle(pair());
        ok $client, 'and success';
        ok !$SSL_ERROR, 'without an error left over';
    }
};

done_testing;
