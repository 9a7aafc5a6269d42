# data_select.t - programs that wait with select: what they must look at, and what they may rely on.
use strict;
use warnings;
use IO::Select;
use Test::More;
use lib 't/lib';
use TLSTest;
use DataTest;
use IO::Socket::SSL;

subtest 'select and IO::Select look at the descriptor of the handle' => sub {
    my ($client, $server) = connected();
    my $select = IO::Select->new($client, $server);
    my $bits = '';
    vec($bits, fileno $client, 1) = 1;

    is scalar(() = $select->can_read(0)), 0, 'nothing to read';
    is scalar(() = $select->can_write(0)), 2, 'both can be written to';
    $server->syswrite('x');
    is_deeply [map { fileno $_ } $select->can_read(5)], [fileno $client], 'one can be read';
    is select(my $readable = $bits, undef, undef, 5), 1, 'as select says';
    is $select->exists($client) ? 1 : 0, 1, 'the handle is found in the set';
};

subtest 'what a short read leaves of a record is in pending, where select does not see it' => sub {
    my ($client, $server) = connected();

    $server->syswrite('0123456789');
    ok ready($client, 'r'), 'select sees the record';
    is sysread($client, my $buffer, 1), 1, 'one byte is read';
    ok !ready($client, 'r', 0), 'select sees no more';
    is $client->pending, 9, 'pending does';
    $client->blocking(0);
    my $rest = '';
    1 while $client->pending && sysread($client, $rest, 2, length $rest);
    is $rest, '123456789', 'reading while pending gets the rest without waiting';
};

subtest 'reads of 16384 bytes leave nothing pending' => sub {
    my ($client, $server) = connected();

    $server->print('x' x 40_000);
    for my $expected (16_384, 16_384, 40_000 - 2 * 16_384) {
        is sysread($client, my $buffer, 16_384), $expected, 'a record';
        is $client->pending, 0, 'nothing is left of it';
    }
};

subtest 'what a line read leaves is in pending or in the socket' => sub {
    my ($client, $server) = connected();

    $server->syswrite("one\ntwo\n");
    $server->syswrite("three\n");
    my @lines;
    # The loop of a program that must never block.
    while (@lines < 3 && ($client->pending || ready($client, 'r', 0))) {
        push @lines, scalar <$client>;
    }
    is_deeply \@lines, ["one\n", "two\n", "three\n"], 'all lines come without waiting';
    is $client->pending, 0, 'nothing is pending then';
    ok !ready($client, 'r', 0), 'and nothing to be read';
};

subtest 'getc and eof leave what they fetched in pending' => sub {
    my ($client, $server) = connected();

    $server->syswrite('abc');
    is getc($client), 'a', 'a byte';
    is $client->pending, 2, 'two are pending';
};

subtest 'the documented loop of select, sysread and pending gets every byte and the end' => sub {
    for my $version ('TLSv1_2', 'TLSv1_3') {
        my ($client, $server) = connected(version => $version);
        my @messages = map { "message $_;" x $_ } 1 .. 40;
        my ($sent, $received, $rounds) = (join('', @messages), '', 0);

        $client->blocking(0);
        my $select = IO::Select->new($client);
        LOOP: while ($rounds++ < 1000) {
            if (defined(my $message = shift @messages)) { $server->syswrite($message) }
            else                                        { $server->close }
            $select->can_read(5) or last;
            do {
                my $n = sysread($client, my $buffer, 7);
                if (!defined $n) {
                    next LOOP if $SSL_ERROR == SSL_WANT_READ;
                    last LOOP;
                }
                last LOOP if !$n;
                $received .= $buffer;
            } while $client->pending;
        }
        ok !$SSL_ERROR, "$version: it ends without an error";
        is $received, $sent, "$version: every byte is there, in order";
    }
};

subtest 'two connections in one loop do not mix' => sub {
    my @pairs = map { [connected()] } 1 .. 3;
    my (%received, %name);
    my $select = IO::Select->new(map { $_->[0] } @pairs);

    $name{ fileno $pairs[$_][0] } = $_ for 0 .. $#pairs;
    for my $round (1 .. 5) {
        for (0 .. $#pairs) { $pairs[$_][1]->syswrite("$_:$round ") }
        my $left = @pairs;
        while ($left > 0) {
            for my $client ($select->can_read(5)) {
                sysread($client, my $buffer, 100);
                $received{ $name{ fileno $client } } .= $buffer;
                $left--;
            }
        }
    }
    for my $name (0 .. $#pairs) {
        is $received{$name}, join('', map { "$name:$_ " } 1 .. 5), "connection $name";
    }
};

subtest 'the end of the stream makes the socket readable' => sub {
    my ($client, $server) = connected();

    ok !ready($client, 'r', 0), 'nothing there';
    $server->close;
    ok ready($client, 'r', 5), 'the end is';
    is sysread($client, my $buffer, 10), 0, 'and is read';
};

done_testing;
