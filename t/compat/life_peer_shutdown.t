# What is left of a connection when the peer has ended TLS, and how plain text follows it.
#
# The rules are those that the incumbent has since 2.093; older ones are tested for the little that
# holds in both.
use strict;
use warnings;

use lib 't/lib';
use Errno qw(EPERM);
use Test::More;
use TLSTest;
use IO::Socket::SSL;

# A pair whose client has sent close_notify, and reads on.
sub half_closed {
    my @how = @_;
    my ($client, $server) = settle(pair(@how));
    $client->stop_SSL(SSL_fast_shutdown => 1) or die "stop_SSL: $SSL_ERROR";
    return ($client, $server);
}

subtest 'the end of TLS reads as an end of file, again and again' => sub {
    my ($client, $server) = settle(pair());
    $client->close;
    for my $round (1 .. 3) {
        is sysread($server, my $buffer, 10), 0, "read $round";
        ok !$SSL_ERROR, 'no error';
        is $! + 0, 0, 'no errno';
    }
    ok $server->close, 'and close is content';
};

subtest 'the connection still tells about itself' => sub {
    my ($client, $server) = half_closed();
    sysread $server, my $buffer, 10;
    ok $server->opened, 'opened';
    ok length $server->get_cipher, 'get_cipher';
    ok tied *$server, 'tied';
    is ref $server, 'IO::Socket::SSL', 'its class';
};

subtest 'a peer that has ended its side after a request in lines gets its answer' => sub {
    for my $end ("\n", '') {
        my ($client, $server) = settle(pair());
        print $client "one\ntwo";
        $client->stop_SSL(SSL_fast_shutdown => 1) or die "stop_SSL: $SSL_ERROR";
        local $/ = $end;
        my @lines;
        while (defined(my $line = <$server>)) { push @lines, $line }
        is join('', @lines), "one\ntwo", 'the request';
        is scalar(<$server>), undef, 'is all';
        is $server->peek(my $buffer, 10), 0, 'peek says so, too';
        ok print($server "answer\n"), 'the answer';
        is sysread($client, $buffer, 100), 7, 'arrives' if since('2.093');
        is sysread($server, $buffer, 10), 0, 'the end';
        ok $server->close, 'both are content';
    }
};

subtest 'stop_SSL then gives plain text to both' => sub {
    my ($client, $server) = half_closed();
    is sysread($server, my $buffer, 10), 0, 'the end';
    ok $server->stop_SSL, 'the answer';
    is ref $server, 'IO::Socket::INET', 'plain';
    if (since('2.093')) {
        is $client->is_SSL, 'r', 'the other still reads TLS';
        is sysread($client, $buffer, 10), 0, 'namely its end';
    }
    is ref $client, 'IO::Socket::INET', 'plain as well';
    if (since('2.093')) {
        syswrite $server, "plain\n";
        is scalar(<$client>), "plain\n", 'one way';
    }
    syswrite $client, "text\n";
    is scalar(<$server>), "text\n", 'the other way';
};

SKIP: {
    skip 'half-closed states are as tested here since 2.093', 4 if !since('2.093');

    subtest 'after the peer\'s end nothing is written, and our own end is sent' => sub {
        my ($client, $server) = half_closed();
        is sysread($server, my $buffer, 10), 0, 'the end';
        is $server->is_SSL, '', 'neither direction has TLS';
        $! = 0;
        is syswrite($server, 'x'), undef, 'writing is refused';
        is $! + 0, EPERM, 'with EPERM';
        is sysread($client, $buffer, 10), 0, 'the peer has our end already';
    };

    subtest 'plain text that follows is refused until stop_SSL says that it is wanted' => sub {
        my ($client, $server) = half_closed();
        is sysread($server, my $buffer, 10), 0, 'the end';
        syswrite $client, "injected\n";
        ok ready($server, 'r'), 'plain text waits';
        $! = 0;
        is sysread($server, $buffer, 10), undef, 'a read doesn\'t take it';
        is $! + 0, EPERM, 'but says EPERM';
        ok $server->stop_SSL, 'stop_SSL';
        is scalar(<$server>), "injected\n", 'now it is read';
    };

    subtest 'without plain text, a read after the end is an end or a wait' => sub {
        my ($client, $server) = half_closed();
        is sysread($server, my $buffer, 10), 0, 'the end';
        $server->blocking(0);
        is sysread($server, $buffer, 10), undef, 'nothing yet';
        ok $!{EAGAIN}, 'EAGAIN' or diag $!;
        sysread $client, $buffer, 10;       # our end, or the kernel would send a reset
        close $client;
        ok ready($server, 'r'), 'the peer goes';
        is sysread($server, $buffer, 10), 0, 'the end of TCP';
    };

    subtest 'SSL_on_peer_shutdown decides what becomes of reading' => sub {
        my @calls;
        my ($client, $server) = half_closed(server => {
            SSL_on_peer_shutdown => sub { push @calls, [@_]; return 0 },
        });
        is sysread($server, my $buffer, 10), 0, 'what the callback returned';
        is scalar @calls, 1, 'called once';
        is scalar @{ $calls[0] }, 1, 'with one argument';
        is $calls[0][0], $server, 'the socket';
        is $server->is_SSL, 'w', 'reading is plain, writing is not';
        syswrite $client, "plain\n";
        is sysread($server, $buffer, 100), 6, 'plain text is read';
        is $buffer, "plain\n", 'as it was sent';
        is syswrite($server, 'secret'), 6, 'and TLS is written';
        is sysread($client, $buffer, 100), 6, 'which the peer';
        is $buffer, 'secret', 'still understands';
        @calls = ();
    };
}

done_testing;
