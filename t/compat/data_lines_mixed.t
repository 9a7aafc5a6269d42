# data_lines_mixed.t - lines in programs: contexts, loops, long ones, ones between other reads.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use DataTest;
use IO::Socket::SSL;

subtest 'getline gives one line in list context too, getlines refuses scalar context' => sub {
    my ($client, $server) = connected();

    $server->print("one\ntwo\nthree\n");
    is_deeply [$client->getline], ["one\n"], 'getline in list context';
    is scalar($client->getline), "two\n", 'and in scalar context';
    is eval { my $line = $client->getlines; 1 }, undef, 'getlines in scalar context dies';
    like $@, qr{^Use of getlines\(\) not allowed in scalar context at \Q${\__FILE__}\E}, 'where';
    is scalar(<$client>), "three\n", 'and took nothing';
};

subtest 'readline is there as operator, builtin, method and function' => sub {
    my ($client, $server) = connected();

    $server->print("$_\n") for 1 .. 5;
    is scalar(<$client>), "1\n", '<$fh>';
    is readline($client), "2\n", 'readline($fh)';
    is scalar($client->readline), "3\n", '->readline';
    is scalar(IO::Socket::SSL::getline($client)), "4\n", 'IO::Socket::SSL::getline($fh)';
    is readline(*$client), "5\n", 'readline(*$fh)';
};

subtest 'the idioms of reading work' => sub {
    my ($client, $server) = connected();
    my (@while, %hash);

    $server->print("a\nb\n0");
    $server->close;
    while (my $line = <$client>) { push @while, $line }
    is_deeply \@while, ["a\n", "b\n", '0'], 'while (my $line = <$fh>) takes a last line of 0';
    is scalar(<$client>), undef, 'undef at the end';
    is scalar(<$client>), undef, 'and again';
    is $client->getline, undef, 'getline too';
    is_deeply [<$client>], [], 'an empty list in list context';
    ok !$SSL_ERROR, 'which is no error';

    ($client, $server) = connected();
    $server->print("x\ny\nz\n");
    $server->close;
    my $joined = 'before ';
    $joined .= <$client>;
    is $joined, "before x\n", 'a line can be appended';
    chomp($hash{line} = <$client>);
    is $hash{line}, 'y', 'and chomped into a place that was not there';
    { local $_ = <$client>; is $_, "z\n", 'and go into $_' }
};

subtest 'a line may be longer than a record, and one record may hold many lines' => sub {
    my ($client, $server) = connected();
    my $long = 'x' x 50_000 . "\n";
    my $many = join '', map { "line $_\n" } 1 .. 1500;

    $server->print($long);
    $server->print($many);
    $server->print('y' x 16_383, "\r", "\nend");
    $server->close;
    is scalar(<$client>), $long, 'the long line';
    is join('', map { scalar <$client> } 1 .. 1500), $many, 'each of the many';
    local $/ = "\r\n";
    is scalar(<$client>), 'y' x 16_383 . "\r\n", 'a separator across two records';
    is scalar(<$client>), 'end', 'the rest';
};

subtest 'a line comes together from as many records as it takes' => sub {
    my ($client, $server) = connected();

    $server->syswrite($_) for split //, "slowly\nbut";
    is scalar(<$client>), "slowly\n", 'a record for each letter';
    $server->syswrite("\n");
    is scalar(<$client>), "but\n", 'the next one';
    local $/ = 'END';
    $server->syswrite($_) for 'xE', 'N', 'EEN', 'Dy';
    is scalar(<$client>), 'xENEEND', 'a separator that begins more than once';
    $server->syswrite('END');
    is scalar(<$client>), 'yEND', 'and the next';
};

subtest 'a separator that is stored as UTF-8 is the same separator' => sub {
    my ($client, $server) = connected();
    my $separator = "\xe9";
    utf8::upgrade($separator);

    $server->print("a\xe9b\n");
    local $/ = $separator;
    is scalar(<$client>), "a\xe9", 'found';
    $/ = "\n";
    is scalar(<$client>), "b\n", 'and another $/ holds from the next line on';
};

subtest 'a reference to no positive number is no $/' => sub {
    my ($client, $server) = connected();

    # Perl itself sees to that; nothing else may get through.
    for my $bad (\0, \-1) {
        is eval { local $/ = $bad; 1 }, undef, "\\$$bad is refused";
    }
    $server->print("fine\n");
    is scalar(<$client>), "fine\n", 'and lines are lines';
};

subtest 'lines and every other way to read take turns without losing or reordering a byte' => sub {
    my ($client, $server) = connected();
    my $buffer;

    $server->print("line\nab");
    $server->print("cd\nxyz", '0123456789' x 10, "\nlast\ntail");
    is scalar(<$client>), "line\n", 'a line';
    is $client->peek($buffer, 2), 2, 'peek';
    is $buffer, 'ab', 'sees what follows it';
    is $client->getc, 'a', 'getc takes the first';
    is $client->sysread($buffer, 1), 1, 'sysread';
    is $buffer, 'b', 'the second';
    is scalar(<$client>), "cd\n", 'the rest is a line';
    is $client->read($buffer, 3), 3, 'read';
    is $buffer, 'xyz', 'what follows';
    { local $/ = \50; is scalar(<$client>), '0123456789' x 5, 'a record of 50 bytes' }
    is scalar(<$client>), '0123456789' x 5 . "\n", 'the rest of that line';
    is $client->getline, "last\n", 'another line';
    is $client->pending, 4, 'pending counts what is left';
    is sysread($client, $buffer, 100), 4, 'sysread gets it';
    is $buffer, 'tail', 'all of it';
    is $client->pending, 0, 'nothing is left';
};

subtest 'a line takes nothing from behind it that other reads would wait for' => sub {
    my ($client, $server) = connected();
    my $buffer = '';

    $server->syswrite("head\nbody");
    is scalar(<$client>), "head\n", 'the line';
    $client->blocking(0);
    is $client->pending, 4, 'what came with it is pending';
    is $client->read($buffer, 4), 4, 'and read without waiting';
    is $buffer, 'body', 'whole';
};

subtest 'on a non-blocking socket a line is what is there' => sub {
    my ($client, $server) = connected();

    $client->blocking(0);
    if (since(2.09)) { would_block(SSL_WANT_READ, sub { scalar <$client> }, 'nothing there') }
    else             { is scalar(<$client>), undef, 'nothing there: undef, but no EAGAIN' }
    is_deeply [<$client>], [], 'nothing in list context';
    $server->syswrite("one\ntwo\npart");
    ready($client, 'r');
    is scalar(<$client>), "one\n", 'a whole line';
    is scalar(<$client>), "two\n", 'another';
    is scalar(<$client>), 'part', 'what is there of the third';
    is scalar(<$client>), undef, 'then undef';
    $server->syswrite("ial\nx\nlast");
    ready($client, 'r');
    is_deeply [<$client>], ["ial\n", "x\n", 'last'], 'list context: all that is there';
    $server->close;
    ready($client, 'r');
    is scalar(<$client>), undef, 'the end of the stream: undef';
    ok !$SSL_ERROR, 'without an error';
};

subtest 'an error while reading lines gives nothing, whatever was collected' => sub {
    my ($client, $server) = connected(over => 'tcp');

    # The client takes what came before the reset; so it has to be taken before that one.
    $server->print("begun");
    is $client->peek(my $buffer, 5), 5, 'the beginning of a line has come';
    reset_on_close($server);
    $server->close(SSL_no_shutdown => 1);
    my @lines = <$client>;
    my $error = $SSL_ERROR;
    ok $!{ECONNRESET}, 'ECONNRESET';
    is_deeply \@lines, [], 'no lines';
    like $error, qr/^SSL read error/, 'the error says that it was a read';
};

done_testing;
