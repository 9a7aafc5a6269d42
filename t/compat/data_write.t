# data_write.t - what of a string is sent, in which form, and what the ways to write return.
use strict;
use warnings;
use feature 'say';
use Test::More;
use lib 't/lib';
use TLSTest;
use DataTest;
use IO::Socket::SSL;

my ($client, $server) = connected();

# Runs code that writes; compares what it returns and what arrives.
sub sends {
    my ($code, $returns, $expected, $name) = @_;
    my ($result, $fine);

    my $got = arrives($server, $client, sub {
        $! = 5;
        $result = $code->($server);
        $fine = in_order();
    });
    is $result, $returns, "$name: what it returns";
    is $got, $expected, "$name: what arrives";
    ok $fine, "$name: \$! and \$SSL_ERROR are false" if $returns;
    return;
}

my %WRITE = (
    'method syswrite'  => sub { my $fh = shift; $fh->syswrite(@_) },
    'builtin syswrite' => sub {
        @_ == 2 ? syswrite($_[0], $_[1])
      : @_ == 3 ? syswrite($_[0], $_[1], $_[2])
      :           syswrite($_[0], $_[1], $_[2], $_[3]);
    },
    'method write'     => sub { my $fh = shift; $fh->write(@_) },
);

my @PARTS = (
    # arguments            returns  sent
    [ ['hello'],           5,       'hello' ],
    [ ['hello', 2],        2,       'he' ],
    [ ['hello', 5],        5,       'hello' ],
    [ ['hello', 20],       5,       'hello' ],
    [ ['hello', 2, 0],     2,       'he' ],
    [ ['hello', 2, 1],     2,       'el' ],
    [ ['hello', 2, 4],     1,       'o' ],
    [ ['hello', 2, 5],     0,       '' ],
    [ ['hello', 0],        5,       'hello' ],  # as documented programs know it: 0 is no limit
    [ [''],                0,       '' ],
    [ ["\0\xff\x80\n\r"],  5,       "\0\xff\x80\n\r" ],
    [ [42],                2,       '42' ],
    [ [-1.5],              4,       '-1.5' ],
);

for my $how (sort keys %WRITE) {
    my $write = $WRITE{$how};

    subtest "$how sends the part that length and offset name" => sub {
        for (@PARTS) {
            my ($arguments, $returns, $sent) = @$_;
            # See data-write-offset.
            next if $how eq 'method write' && $sent eq 'o' && implementation() eq 'incumbent';
            my $name = join ', ', map { s/([^ -~])/sprintf '\\x%02x', ord $1/ger } @$arguments;
            sends(sub { $write->($_[0], @$arguments) }, $returns, $sent, "($name)");
        }
    };

    subtest "$how refuses an offset behind the end, and the connection goes on" => sub {
        my $result = eval { $write->($server, 'hello', 2, 6) };
        ok !defined $result, 'nothing is written';
        like $@ || $SSL_ERROR, qr/offset/i, 'the error names the offset';
        sends(sub { $write->($_[0], 'fine') }, 4, 'fine', 'afterwards');
    };
}

for my $how ('method syswrite', 'builtin syswrite') {
    my $write = $WRITE{$how};

    differs('data-syswrite-negative-offset', "$how counts a negative offset from the end", sub {
        sends(sub { $write->($_[0], 'hello', 2, -2) }, 2, 'lo', 'from the end');
        sends(sub { $write->($_[0], 'hello', 9, -5) }, 5, 'hello', 'down to the start');
        is eval { $write->($server, 'hello', 1, -6); 1 }, undef, 'before the start it dies';
        like $@, qr/outside/i, 'saying so';
        sends(sub { $write->($_[0], 'fine') }, 4, 'fine', 'afterwards');
    }, sub {
        isnt arrives($server, $client, sub { $write->($_[0], 'hello', 2, -2) }), 'lo',
            'something else is sent';
    });
}

subtest 'an undefined length means all that follows the offset' => sub {
    sends(sub { $_[0]->syswrite('hello', undef, 1) }, 4, 'ello', 'syswrite');
};

differs('data-write-offset', 'write honours an offset whatever the length is', sub {
    sends(sub { $_[0]->write('hello', undef, 1) }, 4, 'ello', 'no length');
    sends(sub { $_[0]->write('hello', 9, 2) }, 3, 'llo', 'a length beyond the end');
    sends(sub { $_[0]->write('hello', 0, 3) }, 2, 'lo', 'length 0');
}, sub {
    sends(sub { $_[0]->write('hello', undef, 1) }, 5, 'hello', 'no length');
    sends(sub { $_[0]->write('hello', 9, 2) }, 5, 'hello', 'a length beyond the end');
});

subtest 'an undefined value is an empty string' => sub {
    no warnings 'uninitialized';
    sends(sub { $_[0]->syswrite(undef) }, 0, '', 'syswrite');
    sends(sub { $_[0]->print(undef) }, 0, '', 'print');
};

subtest 'syswrite sends one record at most, write and print everything' => sub {
    my $big = join '', map { chr($_ % 251) } 1 .. 40_000;

    sends(sub { $_[0]->syswrite($big) }, 16_384, substr($big, 0, 16_384), 'syswrite');
    sends(sub { syswrite $_[0], $big, 30_000, 20_000 }, 16_384, substr($big, 20_000, 16_384),
        'builtin syswrite with offset');
    sends(sub { $_[0]->write($big) }, 40_000, $big, 'write');
    sends(sub { $_[0]->write($big, 30_000, 5000) }, 30_000, substr($big, 5000, 30_000),
        'write with length and offset');
    sends(sub { print { $_[0] } $big }, 40_000, $big, 'print');
    sends(sub { $_[0]->printf('%s', $big) }, 40_000, $big, 'printf');
};

subtest 'print, printf and say return the number of bytes, and 0 for none' => sub {
    sends(sub { print { $_[0] } 'a', 'bc' }, 3, 'abc', 'print');
    sends(sub { $_[0]->print('a', 'bc') }, 3, 'abc', 'method print');
    sends(sub { print { $_[0] } '' }, 0, '', 'print of an empty string');
    sends(sub { $_[0]->print() }, 0, '', 'method print of nothing');
    sends(sub { print { $_[0] } () }, 0, '', 'print of an empty list');
    sends(sub { print { $_[0] } map { "$_;" } 1 .. 5 }, 10, '1;2;3;4;5;', 'print of a list');
    sends(sub { printf { $_[0] } '%03d-%s', 7, 'x' }, 5, '007-x', 'printf');
    sends(sub { $_[0]->printf('%03d-%s', 7, 'x') }, 5, '007-x', 'method printf');
    sends(sub { $_[0]->printf('100%%') }, 4, '100%', 'printf without values');
    sends(sub { say { $_[0] } 'a', 'b' }, 3, "ab\n", 'say');
    sends(sub { $_[0]->say('a', 'b') }, 3, "ab\n", 'method say');
    sends(sub { $_[0]->printflush('x') }, 1, 'x', 'printflush');
};

subtest 'print adds $\, printf and syswrite do not' => sub {
    local ($,, $\) = (undef, "!\n");
    sends(sub { print { $_[0] } 'a', 'b' }, 4, "ab!\n", 'print with $\\');
    sends(sub { $_[0]->print('a', 'b') }, 4, "ab!\n", 'method print with $\\');
    sends(sub { say { $_[0] } 'a' }, 2, "a\n", 'say has a $\\ of its own');
    $, = '-';
    sends(sub { printf { $_[0] } '%s%s', 7, 'x' }, 2, '7x', 'printf');
    sends(sub { $_[0]->printf('%s%s', 7, 'x') }, 2, '7x', 'method printf');
    sends(sub { $_[0]->syswrite('plain') }, 5, 'plain', 'syswrite');
};

differs('data-print-separators', '$, stands between values, not behind them', sub {
    {
        local $, = '-';
        sends(sub { print { $_[0] } 'a', 'b', 'c' }, 5, 'a-b-c', 'print with $, alone');
        sends(sub { $_[0]->print('a', 'b') }, 3, 'a-b', 'method print with $, alone');
        sends(sub { print { $_[0] } 'a' }, 1, 'a', 'print of one value');
    }
    local ($,, $\) = ('-', '!');
    sends(sub { print { $_[0] } 'a', 'b' }, 4, 'a-b!', 'print');
    sends(sub { $_[0]->print('a', 'b') }, 4, 'a-b!', 'method print');
    sends(sub { say { $_[0] } 'a', 'b' }, 4, "a-b\n", 'say');
    sends(sub { $_[0]->say('a', 'b') }, 4, "a-b\n", 'method say');
}, sub {
    local ($,, $\) = ('-', '!');
    sends(sub { print { $_[0] } 'a', 'b' }, 5, 'a-b-!', 'print');
    $\ = undef;
    sends(sub { print { $_[0] } 'a', 'b' }, 4, 'a-b-', 'print with $, alone');
});

subtest 'the selected handle is what print prints to' => sub {
    sends(sub { my $before = select $_[0]; my $n = print 'selected'; select $before; $n }, 8,
        'selected', 'print');
    sends(sub { my $before = select $_[0]; local $| = 0; my $n = print 'x'; select $before; $n }, 1,
        'x', 'without autoflush too: there is no buffer to wait in');
};

subtest 'what is written stays; tied, shared and overloaded values are written' => sub {
    {
        package Counted;
        sub TIESCALAR { return bless [$_[1]], $_[0] }
        sub FETCH { return $_[0][0] }
        package Spoken;
        use overload '""' => sub { 'spoken' }, fallback => 1;
    }
    my $number = 7;
    my $copy = my $original = 'shared' x 10;
    my $object = bless [], 'Spoken';
    tie my $tied, 'Counted', '12345';

    sends(sub { $_[0]->syswrite($tied, 3, 1) }, 3, '234', 'tied, syswrite');
    sends(sub { print { $_[0] } $tied }, 5, '12345', 'tied, print');
    sends(sub { $_[0]->syswrite($object, 3) }, 3, 'spo', 'overloaded, syswrite');
    sends(sub { print { $_[0] } $object, $object }, 12, 'spokenspoken', 'overloaded, print');
    sends(sub { $_[0]->syswrite($copy, 6) }, 6, 'shared', 'shared with another scalar');
    is $copy, $original, 'which both keep';
    sends(sub { 'match' =~ /(a.)/; $_[0]->syswrite($1) }, 2, 'at', 'a match variable');
    sends(sub { $_[0]->syswrite(substr $original, 2, 3) }, 3, 'are', 'substr');
    sends(sub { print { $_[0] } $number }, 1, '7', 'a number');
    is $number + 1, 8, 'which stays one';
};

subtest 'both ends write before either reads' => sub {
    my ($one, $other) = connected();

    is $one->print('from the client'), 15, 'one';
    is $other->print('from the server'), 15, 'the other';
    sysread($other, my $at_server, 100);
    sysread($one, my $at_client, 100);
    is "$at_client, $at_server", 'from the server, from the client', 'nothing is mixed up';
};

done_testing;
