# data_nonblocking.t - reading and writing without waiting: what is returned, and nothing is lost.
use strict;
use warnings;
use Errno qw(EAGAIN);
use Test::More;
use lib 't/lib';
use TLSTest;
use DataTest;
use IO::Socket::SSL;

# Writes until nothing more fits; returns how much did.
sub fill {
    my ($socket, $chunk) = @_;
    my $total = 0;

    while (defined(my $n = $socket->syswrite($chunk))) { $total += $n }
    return $total;
}

sub nonblocking {
    my @pair = connected(@_);
    $_->blocking(0) for @pair;
    return @pair;
}

subtest 'the constants of wanting are two numbers that nothing else equals' => sub {
    isnt SSL_WANT_READ + 0, SSL_WANT_WRITE + 0, 'distinct';
    for my $want (SSL_WANT_READ, SSL_WANT_WRITE) {
        ok $want + 0, 'not 0';
        isnt $want + 0, -1, 'not the number of real errors';
    }
    is SSL_WANT_READ, 'SSL wants a read first', 'as text';
    is SSL_WANT_WRITE, 'SSL wants a write first', 'as text';
};

for my $version ('TLSv1_2', 'TLSv1_3') {
    subtest "$version: reading what is not there yet would block, and reads later" => sub {
        my ($client, $server) = nonblocking(version => $version);
        my $buffer = 'keep';

        would_block(SSL_WANT_READ, sub { sysread($client, $buffer, 10, 2) }, 'sysread');
        would_block(SSL_WANT_READ, sub { scalar $client->sysread($buffer, 10) }, 'method sysread');
        would_block(SSL_WANT_READ, sub { scalar $client->read($buffer, 10) }, 'method read');
        is $client->errstr, SSL_WANT_READ, 'errstr says it too';
        ok $client->want_read, 'want_read';
        ok !$client->want_write, 'not want_write';
        is_deeply [grep { defined } $client->sysread($buffer, 10)], [], 'nothing in list context';
        $server->syswrite('here');
        is sysread($client, $buffer, 10), 4, 'then it is there';
        ok !$SSL_ERROR, 'and no error any more';
        is $buffer, 'here', 'unharmed';
    };

    subtest "$version: read gives what is there, not all that was asked for" => sub {
        my ($client, $server) = nonblocking(version => $version);

        $server->syswrite('five5');
        is $client->read(my $buffer, 100), 5, 'fewer';
        is $buffer, 'five5', 'all there is';
        would_block(SSL_WANT_READ, sub { scalar $client->read($buffer, 100) }, 'then');
        $server->close;
        is $client->read($buffer, 100), 0, 'the end is 0, not undef';
    };

    subtest "$version: a line that isn't whole is given with EAGAIN, as of a plain handle" => sub {
        my ($client, $server) = nonblocking(version => $version);

        for my $end ("\n", '', undef, \10) {
            local $/ = $end;
            $server->syswrite('part');
            ok ready($client, 'r'), 'something came';
            $! = 0;
            my ($line, $errno) = (scalar <$client>, $! + 0);
            is $line, 'part', 'what there is';
            is $errno, EAGAIN, 'and that it is not all';
        }
        $server->syswrite("whole\n");
        ready($client, 'r');
        my ($line, $errno) = (scalar <$client>, $! + 0);
        is $line, "whole\n", 'a whole one';
        is $errno, 0, 'comes without';
    };

    subtest "$version: writing to a peer that does not read would block" => sub {
        my ($client, $server) = nonblocking(version => $version);
        my $total = fill($server, 'x' x 10_000);

        cmp_ok $total, '>', 10_000, 'some fits';
        would_block(SSL_WANT_WRITE, sub { scalar $server->syswrite('x' x 10_000) }, 'syswrite');
        ok $server->want_write, 'want_write';
        would_block(SSL_WANT_WRITE, sub { scalar $server->print('x' x 10_000) }, 'print');
        would_block(SSL_WANT_WRITE, sub { scalar $server->write('x' x 10_000) }, 'write');
        ok !ready($server, 'w', 0), 'select says the same';
        is sysread($client, my $buffer, 1), 1, 'reading still works';
    };

    subtest "$version: a write tried again goes out once, from another place and longer" => sub {
        my ($client, $server) = nonblocking(version => $version);
        my $sent = '';
        my $received = '';
        my $next = 0;
        my $block = sub { join '', map { pack 'N', $next++ } 1 .. 3000 };
        my $pending = $block->();

        while (length $sent < 3_000_000 || length $received < length $sent) {
            # Each attempt has a new copy, and more data behind what was refused.
            my $attempt = $pending;
            my $n = length $sent < 3_000_000 ? $server->syswrite($attempt) : undef;
            if (defined $n) { $sent .= substr $pending, 0, $n, '' }
            $pending .= $block->() if length $pending < (defined $n ? 20_000 : 40_000);
            next if defined $n;
            my $got = sysread($client, $received, 16_384, length $received);
            # What the socket holds is all that was accepted: the refused record comes in pieces.
            last if !defined $got && length $sent >= 3_000_000;
        }
        cmp_ok length $received, '>=', 3_000_000 - 16_384, 'nearly all is there';
        ok $received eq substr($sent . $pending, 0, length $received), 'each byte once, in order';
    };

    subtest "$version: print on a non-blocking socket may write a part, and tells how much" => sub {
        my ($client, $server) = nonblocking(version => $version);
        my $big = join '', map { pack 'N', $_ } 1 .. 500_000;
        my $n = $server->print($big);
        my $received = '';

        cmp_ok $n, '>', 0, 'some';
        cmp_ok $n, '<', length $big, 'not all';
        1 while length $received < $n && sysread($client, $received, 16_384, length $received);
        ok $received eq substr($big, 0, $n), 'that is what arrives';
    };

    subtest "$version: each direction goes on while the other is stuck" => sub {
        my ($client, $server) = nonblocking(version => $version);

        fill($server, 'x' x 16_384);
        is $client->syswrite('question'), 8, 'the client writes';
        is sysread($server, my $buffer, 100), 8, 'the server reads though it could not write';
        is $buffer, 'question', 'unharmed';
    };
}

subtest 'blocking() switches, and tells how it was' => sub {
    my ($client, $server) = connected();

    is $client->blocking(0), 1, 'was blocking';
    is $client->blocking(1), 0, 'was non-blocking';
    is $client->blocking, 1, 'asking changes nothing';
    $server->syswrite('x');
    is sysread($client, my $buffer, 1), 1, 'reads';
};

subtest 'session tickets alone make a socket readable, but are no data' => sub {
    my %version = (SSL_version => 'TLSv1_3');
    my ($client, $server) = pair(over => 'unix', client => {%version}, server => {%version});

    $client->blocking(0);
    ok ready($client, 'r', 5), 'select says that something is there';
    would_block(SSL_WANT_READ, sub { sysread($client, my $buffer, 10) }, 'sysread');
    is $client->pending, 0, 'nothing is pending';
};

subtest 'wanting leaves no error behind in either end' => sub {
    my ($client, $server) = nonblocking();

    sysread($client, my $buffer, 10) for 1 .. 5;
    is $client->syswrite('a'), 1, 'writing works';
    ok in_order(), '$! and $SSL_ERROR are false';
    is sysread($server, $buffer, 10), 1, 'reading works';
    ok in_order(), '$! and $SSL_ERROR are false';
};

done_testing;
