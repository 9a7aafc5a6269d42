# data_sysread.t - reading into buffers: where the bytes go, and how many come at once.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use DataTest;
use IO::Socket::SSL;
use Time::HiRes ();

# Every way to read, called as core calls sysread: ($handle, $buffer, length, offset).
# An offset of undef is left out.
my %READ = (
    'method sysread'  => sub { defined $_[3] ? $_[0]->sysread($_[1], $_[2], $_[3])
                                             : $_[0]->sysread($_[1], $_[2]) },
    'builtin sysread' => sub { defined $_[3] ? sysread($_[0], $_[1], $_[2], $_[3])
                                             : sysread($_[0], $_[1], $_[2]) },
    'method read'     => sub { defined $_[3] ? $_[0]->read($_[1], $_[2], $_[3])
                                             : $_[0]->read($_[1], $_[2]) },
    'builtin read'    => sub { defined $_[3] ? read($_[0], $_[1], $_[2], $_[3])
                                             : read($_[0], $_[1], $_[2]) },
    'method peek'     => sub { defined $_[3] ? $_[0]->peek($_[1], $_[2], $_[3])
                                             : $_[0]->peek($_[1], $_[2]) },
);

# What "12345" makes of a buffer.
my @SHAPES = (
    # buffer    length offset result      what the shape is about
    [ undef,    5,     undef, '12345',    'an undefined buffer is filled' ],
    [ '',       5,     undef, '12345',    'an empty buffer is filled' ],
    [ 'ABCDEF', 5,     undef, '12345',    'old content is replaced' ],
    [ 'ABCDEF', 5,     0,     '12345',    'offset 0 is the start' ],
    [ 'ABCDEF', 5,     2,     'AB12345',  'what precedes the offset stays' ],
    [ 'ABCDEF', 5,     6,     'ABCDEF12345', 'an offset at the end appends' ],
    [ 'ABC',    5,     5,     "ABC\0\0" . '12345', 'a gap before the offset is filled with NULs' ],
    [ undef,    5,     2,     "\0\0" . '12345', 'so is the one in an undefined buffer' ],
    [ 'ABCDEF', 5,     -2,    'ABCD12345', 'a negative offset counts from the end' ],
    [ 'ABCDEF', 5,     -6,    '12345',    'down to the start' ],
    [ 'ABCDEFGHIJ', 5, 1,     'A12345',   'what followed the new bytes is cut off' ],
);

# What some incumbents do with data at hand.
sub waits_for_ever {
    my ($code) = @_;
    my ($client, $server) = connected();

    $server->syswrite('12345');
    is eval {
        local $SIG{ALRM} = sub { die "still waiting\n" };
        Time::HiRes::ualarm(200_000);
        $code->($client);
        1;
    }, undef, 'it does not return';
    is $@, "still waiting\n", 'until interrupted';
    watchdog(60);
}

for my $how (sort keys %READ) {
    my $read = $READ{$how};

    subtest "$how puts the bytes where length and offset say" => sub {
        my ($client, $server) = connected();

        for my $shape (@SHAPES) {
            my ($buffer, $length, $offset, $expected, $name) = @$shape;
            $server->syswrite('12345');
            is $read->($client, $buffer, $length, $offset), 5, "$name: five bytes";
            is $buffer, $expected, $name;
            sysread($client, my $rest, 5) if $how =~ /peek/;
        }
    };

    subtest "$how gives no more than asked for and keeps the rest" => sub {
        my ($client, $server) = connected();
        my $buffer = 'before';

        $server->syswrite('abcdef');
        is $read->($client, $buffer, 4), 4, 'four of six';
        is $buffer, 'abcd', 'the first ones';
        is sysread($client, $buffer, 100), $how =~ /peek/ ? 6 : 2, 'then what is left';
        is $buffer, $how =~ /peek/ ? 'abcdef' : 'ef', 'in order';
    };

    subtest "$how refuses an offset before the start, and the connection goes on" => sub {
        my ($client, $server) = connected();
        my $buffer = 'ABC';

        $server->syswrite('12345');
        is eval { $read->($client, $buffer, 1, -9); 1 }, undef, 'it dies';
        like $@, qr/outside/i, 'saying that the offset is outside the buffer';
        is $buffer, 'ABC', 'the buffer is untouched';
        ok sysread($client, $buffer, 5), 'the connection can still be read';
    };

    my $nothing = sub {
        my ($client, $server) = connected();
        my $buffer = 'ABC';

        $server->syswrite('12345');
        is $read->($client, $buffer, 0), 0, 'nothing read';
        is sysread($client, $buffer, 5), 5, 'everything is still there';
        is $buffer, '12345', 'from the first byte';
    };
    if ($how eq 'method read') {
        differs('data-read-nothing', "$how of no bytes returns 0 and takes nothing", $nothing,
            sub { waits_for_ever(sub { $read->($_[0], my $buffer, 0) }) });
    }
    else { subtest "$how of no bytes returns 0 and takes nothing" => $nothing }

    subtest "$how refuses a buffer that can't be written to" => sub {
        my ($client, $server) = connected();

        $server->syswrite('12345');
        is eval { $read->($client, ${ \'constant' }, 5); 1 }, undef, 'it dies';
        like $@, qr/Modification of a read-only value attempted/, 'with Perl\'s own words';
    };

    differs('data-read-negative-length', "$how refuses a negative length", sub {
        my ($client, $server) = connected();
        my $buffer = 'ABC';

        $server->syswrite('12345');
        is eval { $read->($client, $buffer, -1); 1 }, undef, 'it dies';
        like $@, qr/Negative length/, 'with Perl\'s own words';
        is sysread($client, $buffer, 5), 5, 'nothing was taken';
    }, sub {
        my ($said, $status) = in_child(sub {
            my ($client, $server) = connected();
            open STDERR, '>', '/dev/null';
            $server->syswrite('12345');
            return $read->($client, my $buffer, -1);
        });
        ok $status || $said !~ /Negative/, 'the process is gone, or the length not minded';
    });

    subtest "$how leaves \$! and \$SSL_ERROR false after success" => sub {
        my ($client, $server) = connected();
        my $buffer;

        $server->syswrite('12345');
        $! = 5;
        $read->($client, $buffer, 5);
        ok in_order(), 'both are false';
    };
}

subtest 'elements, slices and lvalues are buffers too, and come into being' => sub {
    my ($client, $server) = connected();
    my (%hash, @array);
    my $string = '12345';

    $server->syswrite('abcdefghi');
    is sysread($client, $hash{new}{key}, 3), 3, 'hash element';
    is $hash{new}{key}, 'abc', 'that did not exist';
    is sysread($client, $array[2], 3), 3, 'array element';
    is $array[2], 'def', 'that did not exist';
    is sysread($client, substr($string, 1, 2), 3), 3, 'substr';
    is $string, '1ghi45', 'is replaced by what was read';
};

subtest 'a buffer that shares its bytes with another scalar does not change that one' => sub {
    my ($client, $server) = connected();
    my $original = 'shared' x 100;
    my $copy = $original;
    my %hash = (shared_key => 1);
    my ($key) = keys %hash;

    $server->syswrite('abcdef');
    sysread($client, $copy, 3, 6);
    is $copy, 'sharedabc', 'the copy has the new bytes';
    is $original, 'shared' x 100, 'the original has not';
    sysread($client, $key, 3);
    is $key, 'def', 'the key has the new bytes';
    is_deeply [keys %hash], ['shared_key'], 'the hash has the old key';
};

subtest 'numbers and references are overwritten like strings, and references let go' => sub {
    my ($client, $server) = connected();
    my $number = 42;
    my $destroyed = 0;
    my $object = bless [\$destroyed], 'Destroyed';
    sub Destroyed::DESTROY { ${ $_[0][0] }++ }

    $server->syswrite('7ab');
    sysread($client, $number, 1, 2);
    is $number + 1, 428, 'the number is the new one in numeric use as well';
    sysread($client, $object, 2);
    is $object, 'ab', 'the reference became the string';
    is $destroyed, 1, 'and what it held was freed';
};

subtest 'a buffer of wide characters keeps them, and bytes are appended as characters' => sub {
    my ($client, $server) = connected();
    my $wide = "\x{263a}bc";
    my $latin = "caf\xe9";
    utf8::upgrade($latin);

    $server->syswrite("w\xf6rd");
    is sysread($client, $wide, 2, 1), 2, 'offset counts characters';
    is $wide, "\x{263a}w\xf6", 'what precedes stays what it was';
    is sysread($client, $latin, 2, 4), 2, 'a string that is only stored as UTF-8';
    is $latin, "caf\xe9rd", 'too';
};

subtest 'a tied buffer is stored to' => sub {
    {
        package Remembers;
        sub TIESCALAR { return bless { value => $_[1], stored => [] }, $_[0] }
        sub FETCH { return $_[0]{value} }
        sub STORE { push @{ $_[0]{stored} }, $_[1]; $_[0]{value} = $_[1]; return }
    }
    my ($client, $server) = connected();
    my $tied = tie my $buffer, 'Remembers', '12345';

    $server->syswrite('abc');
    is sysread($client, $buffer, 3, 2), 3, 'three bytes';
    is $tied->{value}, '12abc', 'the last value stored is the whole buffer';
    ok scalar @{ $tied->{stored} }, 'by STORE';
};

subtest 'sysread and builtin read give one record at most, method read all asked for' => sub {
    my ($client, $server) = connected();
    my $buffer;

    $server->syswrite($_) for 'first', 'second', 'third';
    is sysread($client, $buffer, 1000), 5, 'sysread: the first record';
    is read($client, $buffer, 1000), 6, 'builtin read: the second';
    $server->syswrite('fourth');
    is $client->read($buffer, 11), 11, 'method read: two records';
    is $buffer, 'thirdfourth', 'joined';

    $server->print('x' x 40_000);
    is $client->sysread($buffer, 100_000), 16_384, 'a full record has 16384 bytes';
    is $client->read($buffer, 20_000), 20_000, 'method read crosses records';
    is $client->read($buffer, 3616), 3616, 'to the last byte';
    is $buffer, 'x' x 3616, 'unharmed';
};

subtest 'method read returns what there is when the stream ends first' => sub {
    my ($client, $server) = connected();
    my $buffer = 'old';

    $server->print('tail');
    $server->close;
    is $client->read($buffer, 100, 3), 4, 'fewer than asked for';
    is $buffer, 'oldtail', 'all of it';
    is $client->read($buffer, 100), 0, 'then 0';
    ok !$SSL_ERROR, 'which is no error';
};

subtest 'at the end of the stream the buffer is cut at the offset, as core does' => sub {
    my ($client, $server) = connected();
    my ($plain, $other) = plain_pair('unix');
    my @buffers = (['ABC', 2], ['ABC', 0], [undef, 0]);

    $server->close;
    close $other;
    for (@buffers) {
        my ($before, $offset) = @$_;
        my ($buffer, $core) = ($before, $before);
        sysread($plain, $core, 10, $offset);
        is sysread($client, $buffer, 10, $offset), 0, 'end of file';
        differs('data-eof-buffer', 'The buffer is what core would leave',
            sub { is $buffer, $core, 'the buffer is as core leaves it' },
            sub { is $buffer, since(2.09) ? $before // $buffer : $core, 'the buffer' });
    }
};

done_testing;
