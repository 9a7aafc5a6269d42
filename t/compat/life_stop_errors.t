# What becomes of stop_SSL where TLS can't be ended in order, and which signals and errors remain.
use strict;
use warnings;

use lib 't/lib';
use Errno qw(ECONNRESET EPIPE);
use IO::Socket::INET;
use Test::More;
use TLSTest;
use IO::Socket::SSL;

# The server's socket after its client went with a reset, unnoticed yet.
sub after_reset {
    my ($client, $server) = settle(pair(@_));
    reset_on_close($client);
    undef $client;
    return $server;
}

# The same, when the client's end of TCP without one of TLS has been read.
sub after_fin {
    my ($client, $server) = settle(pair(@_));
    shutdown $client, 1;
    is sysread($server, my $buffer, 10), 0, 'an end of TCP without one of TLS';
    return ($server, $client);
}

for my $version ('TLSv1_2', 'TLSv1_3') {
    my @version = (client => { SSL_version => $version });

    subtest "$version: stop_SSL after a reset fails, with the reason" => sub {
        my $server = after_reset(@version);
        ($!, $SSL_ERROR) = (0, undef);
        my @got = $server->stop_SSL;
        my ($errno, $error) = ($! + 0, $SSL_ERROR);
        is_deeply \@got, [], 'nothing';
        is $errno, ECONNRESET, '$! tells why';
        like $error, qr/^SSL shutdown error \(5\)/, '$SSL_ERROR tells where';
        is $server->errstr, $error, 'the socket remembers';
        is ref $server, 'IO::Socket::SSL', 'it is no plain socket now';
        is $server->opened, 1, 'nor closed';
    };

    subtest "$version: stop_SSL after an end without close_notify fails" => sub {
        for my $blocking (1, 0) {
            my ($server, $client) = after_fin(@version);
            $server->blocking($blocking);
            is_deeply [$server->stop_SSL], [], 'nothing';
            like $SSL_ERROR, qr/^SSL shutdown error/, 'with the reason';
            is ref $server, 'IO::Socket::SSL', 'and the class stays';
            is_deeply [$server->stop_SSL], [], 'again';
            ok $server->stop_SSL(SSL_no_shutdown => 1), 'without the words of TLS it ends';
            is ref $server, 'IO::Socket::INET', 'plain';
        }
    };

    subtest "$version: a peer that ends TCP instead of answering is an error, too" => sub {
        my ($client, $server) = settle(pair(@version));
        shutdown $client, 1;
        is_deeply [$server->stop_SSL], [], 'nothing';
        like $SSL_ERROR, qr/^SSL shutdown error.*(?:unexpected eof|without a close_notify)/, 'with the reason';
    };

    subtest "$version: with a Timeout an error is told as well" => sub {
        plan skip_all => 'not in this incumbent' if !since('2.084');
        my $server = after_reset(@version);
        $server->stop_SSL(Timeout => 10);
        like $SSL_ERROR, qr/^SSL shutdown error \(5\)/, 'a reset';
        ok $server->blocking, 'blocking as before';
    };

    subtest "$version: where there is no room for the close_notify it wants to write" => sub {
        my ($client, $server) = settle(pair(over => 'unix', blocking => 0, @version));
        # What fills the socket isn't TLS, so that no record is half written.
        open my $raw, '+>&', $client or die "dup: $!";
        my $sent = 0;
        while (my $n = CORE::syswrite $raw, 'x' x 4096) { $sent += $n }
        while (my $n = CORE::syswrite $raw, 'x')        { $sent += $n }
        is_deeply [$client->stop_SSL], [], 'nothing yet';
        cmp_ok $SSL_ERROR, '==', SSL_WANT_WRITE, 'it wants a write';
        ok $!{EAGAIN}, '$! is EAGAIN';
        open my $other, '+>&', $server or die "dup: $!";
        while ($sent > 0) {
            my $n = CORE::sysread($other, my $buffer, $sent) || die "read: $!";
            $sent -= $n;
        }
        is_deeply [$client->stop_SSL], [], 'with room';
        cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'it waits for the peer';
        ok finish($server, sub { $server->stop_SSL }), 'who reads it';
        ok finish($client, sub { $client->stop_SSL }), 'and answers';
    };

    differs('life-stop-half-written', "$version: a record that is half written stands before the end",
        sub {
            my $client = with_half_a_record(@version);
            is_deeply [$client->stop_SSL], [], 'ours: nothing';
            like $SSL_ERROR, qr/^SSL shutdown error.*a write is half done; repeat it first/, 'says why';
            ok $client->close, 'close closes';
            is fileno($client), undef, 'whatever is lost';
        },
        sub {
            my $client = with_half_a_record(@version);
            is_deeply [$client->stop_SSL], [], 'incumbent: nothing';
            cmp_ok $SSL_ERROR, '==', SSL_WANT_WRITE, 'as if there were no room';
        });

    differs('life-stop-unread', "$version: stop_SSL passes over what the peer had still to say",
        sub {
            my $server = with_unread_data(@version);
            ok $server->stop_SSL, 'ours: done';
            is ref $server, 'IO::Socket::INET', 'plain';
        },
        sub {
            my $server = with_unread_data(@version);
            is_deeply [$server->stop_SSL], [], 'incumbent: fails';
            like $SSL_ERROR, qr/application data after close notify/, 'since the peer said something';
        });

    subtest "$version: a socket dropped with something unread resets the connection" => sub {
        my ($client, $server) = settle(pair(@version));
        syswrite $server, 'unread';
        ready($client, 'r');
        undef $client;
        $! = 0;
        is scalar(sysread $server, my $buffer, 10), undef, 'no end of the stream';
        is $! + 0, ECONNRESET, 'but a reset';
        like $SSL_ERROR, qr/^SSL read error/, 'of which $SSL_ERROR tells';
    };
}

sub with_half_a_record {
    my ($client, $server) = settle(pair(blocking => 0, @_));
    1 while $client->syswrite('x' x 16000);
    ${*$client}{keep} = $server;
    return $client;
}

sub with_unread_data {
    my ($client, $server) = settle(pair(@_));
    syswrite $client, 'data';
    $client->stop_SSL(SSL_fast_shutdown => 1);
    ${*$server}{keep} = $client;
    return $server;
}

subtest 'writing to a peer that went raises SIGPIPE, as with any socket; ending does not' => sub {
    my $pipes = 0;
    local $SIG{PIPE} = sub { $pipes++ };
    my ($client, $server) = settle(pair());
    $client->close(SSL_no_shutdown => 1);
    for (1 .. 3) {
        syswrite $server, 'x';
        ready($server, 'r');
    }
    cmp_ok $pipes, '>', 0, 'syswrite after a close';
    $pipes = 0;
    $server->stop_SSL;
    $server->close;
    is $pipes, 0, 'stop_SSL and close';
    for my $end (qw(stop_SSL close)) {
        my $sock = after_reset();
        $sock->$end;
        is $pipes, 0, "$end after a reset";
    }
    my $sock = after_reset();
    syswrite $sock, 'x' for 1 .. 3;
    cmp_ok $pipes, '>', 0, 'syswrite after a reset';
    my $before = $pipes;
    ok !print($sock 'x'), 'print';
    cmp_ok $pipes, '>', $before, 'print, too';
};

subtest 'SIGPIPE ends who does not expect it' => sub {
    my ($text, $status) = in_child(sub {
        local $SIG{PIPE} = 'DEFAULT';
        my $sock = after_reset();
        syswrite $sock, 'x' for 1 .. 3;
        'alive';
    });
    is $status & 127, 13, 'a program that writes to nobody' or diag $text;
};

subtest 'want_read and want_write tell of the last error of the socket' => sub {
    my ($client, $server) = settle(pair(blocking => 0));
    is sysread($client, my $buffer, 10), undef, 'nothing to read';
    ok $client->want_read, 'want_read';
    ok !$client->want_write, 'not want_write';
    syswrite $server, 'x';
    ready($client, 'r');
    is sysread($client, $buffer, 10), 1, 'something';
    ok !$SSL_ERROR, 'no $SSL_ERROR';
    ok $client->want_read, 'but the socket remembers the last';
};

subtest 'a listener' => sub {
    my $listener = IO::Socket::SSL->new(Listen => 5, LocalAddr => '127.0.0.1', server_args(),
        SSL_server => undef) or die $SSL_ERROR;
    ok !$listener->is_SSL, 'is no TLS socket itself';
    ok $listener->stop_SSL, 'which needs no stopping';
    my $plain = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $listener->sockport)
        or die "connect: $!";
    ${*$listener}{_SSL_arguments}{SSL_startHandshake} = 0;
    my $accepted = $listener->accept or die "accept: $SSL_ERROR $!";
    is ${*$accepted}{_SSL_arguments}{SSL_server}, 0, 'what it accepts is no server by its arguments';
    $SSL_ERROR = 'as before';
    $listener->timeout(0.05);
    ok !$listener->accept, 'nobody comes';
    is $SSL_ERROR, 'as before', 'which is no error of TLS';
    $listener->blocking(0);
    ok !$listener->accept, 'nobody waits';
    is $SSL_ERROR, 'as before', 'nor is that';
};

subtest 'opened of a listener is the length of its queue' => sub {
    my $listener = IO::Socket::SSL->new(Listen => 5, LocalAddr => '127.0.0.1',
        SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key')) or die $SSL_ERROR;
    is $listener->opened, 5, 'as given by Listen';
};

done_testing;
