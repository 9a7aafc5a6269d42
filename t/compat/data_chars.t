# data_chars.t - getc, eof, peek, pending, and what can't be done with such a handle.
use strict;
use warnings;
use Errno qw(EBADF);
use Test::More;
use lib 't/lib';
use TLSTest;
use DataTest;
use IO::Socket::SSL;

subtest 'getc gives one byte after the other' => sub {
    my ($client, $server) = connected();

    $server->syswrite("a0\0\xff\n");
    $server->syswrite('z');
    is join('|', map { ord } map { $_ % 2 ? getc($client) : $client->getc } 1 .. 6),
        join('|', map { ord } "a", "0", "\0", "\xff", "\n", "z"), 'builtin and method by turns';
    ok in_order(), 'no error';
};

differs('data-getc-eof', 'getc gives undef at the end of the stream', sub {
    my ($client, $server) = connected();
    $server->print('0');
    $server->close;
    is getc($client), '0', 'the character 0';
    is getc($client), undef, 'then undef';
    is $client->getc, undef, 'the method too';
    ok !$SSL_ERROR, 'which is no error';
}, sub {
    my ($client, $server) = connected();
    $server->close;
    is getc($client), 0, 'the incumbent gives 0';
});

subtest 'getc on a non-blocking socket says what it wants' => sub {
    my ($client, $server) = connected();

    $client->blocking(0);
    would_block(SSL_WANT_READ, sub { scalar $client->getc }, 'method');
    would_block(SSL_WANT_READ, sub { getc $client }, 'builtin');
};

differs('data-eof', 'eof tells whether the stream has ended, and takes nothing', sub {
    my ($client, $server) = connected();
    $server->print("x\ny");
    ok !eof($client), 'data are there';
    ok !$client->eof, 'as the method says';
    is scalar(<$client>), "x\n", 'they still are';
    ok !eof($client), 'some are buffered';
    is sysread($client, my $buffer, 10), 1, 'these as well';
    $server->close;
    ok eof($client), 'the end';
    ok $client->eof, 'as the method says';
    my @lines;
    ($client, $server) = connected();
    $server->print("1\n2\n");
    $server->close;
    push @lines, scalar <$client> until eof $client;
    is_deeply \@lines, ["1\n", "2\n"], 'until (eof $fh) is a loop over all lines';
}, sub {
    my ($client, $server) = connected();
    $server->close;
    is eval { my $ended = eof($client); 1 }, undef, 'the incumbent dies';
});

subtest 'peek shows the same bytes again and again, and takes none' => sub {
    my ($client, $server) = connected();
    my $buffer;

    $server->syswrite('abcdef');
    for my $length (3, 3, 100, 1) {
        is $client->peek($buffer, $length), $length > 6 ? 6 : $length, "peek of $length";
        is $buffer, substr('abcdef', 0, $length), 'from the first byte';
    }
    is sysread($client, $buffer, 4), 4, 'sysread';
    is $buffer, 'abcd', 'from the first byte';
    is $client->peek($buffer, 100), 2, 'peek';
    is $buffer, 'ef', 'sees what is left';
    $server->close;
    is $client->getline, 'ef', 'a line takes it';
    is $client->peek($buffer, 100), 0, 'peek at the end of the stream is 0';
    ok !$SSL_ERROR, 'which is no error';
};

subtest 'peek on a non-blocking socket says what it wants' => sub {
    my ($client, $server) = connected();
    my $buffer = 'keep';

    $client->blocking(0);
    would_block(SSL_WANT_READ, sub { scalar $client->peek($buffer, 10) }, 'peek');
};

subtest 'peek before the handshake looks into the plain stream' => sub {
    my ($near, $far) = plain_pair('unix');
    my $buffer = 'AB';

    IO::Socket::SSL->start_SSL($near, client_args(SSL_startHandshake => 0));
    syswrite $far, 'plain';
    is $near->peek($buffer, 3, 2), 3, 'three bytes';
    is $buffer, 'ABpla', 'at the offset';
    is sysread($near, $buffer, 10), 5, 'all are still there';
};

subtest 'pending counts the bytes of the record that was begun' => sub {
    my ($client, $server) = connected();
    my $buffer;

    is $client->pending, 0, 'nothing was sent';
    $server->syswrite('abcdef');
    $server->syswrite('ghi');
    is $client->pending, 0, 'sent, but no read has fetched it';
    sysread($client, $buffer, 1);
    is $client->pending, 5, 'the rest of the first record';
    sysread($client, $buffer, 5);
    is $client->pending, 0, 'the second has not been fetched';
    $client->peek($buffer, 1);
    is $client->pending, 3, 'peek fetches too';
};

subtest 'calls that make no sense die, and say what to use instead' => sub {
    my ($client, $server) = connected();
    my %words = (
        (map { $_ => qr/^Use of $_\(\) not allowed with SSL/ }
            qw(truncate stat setbuf setvbuf fdopen)),
        ungetc => qr/^Use of ungetc\(\) not implemented in IO::Socket::SSL/,
        send => qr{^Use of send\(\) not implemented in IO::Socket::SSL; use print/printf/syswrite},
        recv => qr{^Use of recv\(\) not implemented in IO::Socket::SSL; use read/sysread},
    );

    for my $method (sort keys %words) {
        my $line = __LINE__ + 1;
        is eval { $client->$method('x'); 1 }, undef, "$method dies";
        like $@, $words{$method}, 'with these words';
        like $@, qr/\Q${\__FILE__}\E line $line/, 'at the place of the call';
    }
    my ($near) = plain_pair('unix');
    IO::Socket::SSL->start_SSL($near, client_args(SSL_startHandshake => 0));
    is eval { $near->send('x'); 1 }, undef, 'send dies before the handshake too';
    is arrives($server, $client, sub { $_[0]->print('fine') }), 'fine', 'the connection goes on';
};

subtest 'a stream has no position' => sub {
    my ($client, $server) = connected();

    my ($position, $errno) = (tell($client), $! + 0);
    is $position, -1, 'tell is -1';
    is $errno, EBADF, 'EBADF';
    ok !eval { seek($client, 0, 0) }, 'seek does nothing';
    is arrives($server, $client, sub { $_[0]->print('fine') }), 'fine', 'the connection goes on';
};

subtest 'what asks for the descriptor gets the one of the socket' => sub {
    my ($client, $server) = connected();

    cmp_ok fileno($client), '>', 2, 'fileno';
    is $client->fileno, fileno($client), 'as builtin and as method';
    ok -S $client, '-S';
    ok scalar(my @stat = stat $client), 'builtin stat';
    ok getpeername($client), 'getpeername';
    is ref(tied *$client), 'IO::Socket::SSL::SSL_HANDLE', 'the handle is tied to SSL_HANDLE';
    open my $duplicate, '>&', $client or die "dup: $!";
    ok !tied(*$duplicate), 'a duplicate is a plain handle';
    isnt fileno($duplicate), fileno($client), 'of its own';
};

subtest 'the methods of IO::Handle that need no buffer work' => sub {
    my ($client, $server) = connected();

    ok $server->autoflush(1), 'autoflush';
    ok $server->flush, 'flush';
    ok $server->opened, 'opened';
    is arrives($server, $client, sub { $_[0]->printflush('x') }), 'x', 'printflush';
};

done_testing;
