# data_lines.t - lines by every form of $/, in scalar and list context.
#
# What is right, Perl's own plain sockets tell: both streams carry the same bytes and end.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use DataTest;
use IO::Socket::SSL;

# More lines than any stream here has: where to stop if the end never comes.
use constant TOO_MANY => 100;

# A client of a stream of these bytes that has ended; and the same as a plain socket.
sub stream {
    my (@writes) = @_;
    my ($client, $server) = connected();

    $server->write($_) for grep { length } @writes;
    $server->close;
    return $client;
}

sub plain_stream {
    my (@writes) = @_;
    my ($reader, $writer) = plain_pair('unix');

    defined syswrite($writer, $_) or die "plain: $!" for grep { length } @writes;
    close $writer;
    return $reader;
}

# Each line, and $. after it.
sub lines_and_numbers {
    my ($fh) = @_;
    my (@lines, @numbers);

    while (defined(my $line = <$fh>)) {
        push @lines, $line;
        push @numbers, $.;
        last if @lines == TOO_MANY;
    }
    return (\@lines, \@numbers);
}

my $TEXT = "one\r\ntwo\nthXYree.fo\nuraba|b.XXYend";
my $PARAGRAPHS = "\n\n\nfirst\nparagraph\n\nsecond\n\n\n\nthird\n";

# separator; bytes; where the incumbent does as core does.
my @FORMS = (
    [ "\n",     $TEXT,              'both' ],
    [ "\n",     "no newline",       'both' ],
    [ "\n",     "",                 'both' ],
    [ "\n",     "\n\n\n",           'both' ],
    [ "\n",     "0",                'both' ],
    [ "\r\n",   $TEXT,              'scalar' ],
    [ "\r\n",   "a\r\nb\r\n\r\n",   'both' ],
    [ 'XY',     $TEXT,              'scalar' ],
    [ 'XY',     'XXYYXY',           'scalar' ],
    [ 'aab',    'aaab' . 'aaaab',   'scalar' ],
    [ '.',      $TEXT,              'scalar' ],
    [ 'a|b',    $TEXT,              'scalar' ],
    [ '(',      'a(b(c',            'scalar' ],
    [ "\0",     "a\0b\0\0c",        'scalar' ],
    [ "\xe9",   "a\xe9b\xe9\xff",   'scalar' ],
    [ '',       $PARAGRAPHS,        'neither' ],
    [ '',       "a\nb\n\nc\n\n\n",  'neither' ],
    [ undef,    $TEXT,              'neither' ],
    [ undef,    "",                 'neither' ],
    [ \4,       $TEXT,              'neither' ],
    [ \'3',     "abcdef",           'list' ],
    [ \1,       "\n\n",             'neither' ],
    [ \1000,    $TEXT,              'neither' ],
);

sub shown {
    my ($separator) = @_;
    return 'undef' if !defined $separator;
    return "\\$$separator" if ref $separator;
    return '"' . $separator =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger . '"';
}

# differs() for a form of $/: its lines end at a separator, or by number or with the stream.
sub lines_differ {
    my ($separator, @what) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return differs('data-lines-separator', @what) if defined $separator && !ref $separator;
    return differs('data-lines-end', @what);
}

# All lines at once; then all that come at a second attempt, when there are none left.
sub list_twice {
    my ($fh, $code) = @_;
    my @first = $code->($fh);
    my @second = $code->($fh);

    return [@first, '(again)', @second];
}

my $readline = sub { my ($fh) = @_; return <$fh> };
my $getlines = sub { my ($fh) = @_; return $fh->getlines };

for my $form (@FORMS) {
    my ($separator, $bytes, $same) = @$form;
    my $name = sprintf '$/ of %s on %d bytes', shown($separator), length $bytes;
    my ($scalar, $numbers, $list) = do {
        local $/ = $separator;
        (lines_and_numbers(plain_stream($bytes)), list_twice(plain_stream($bytes), $readline));
    };
    my $got = sub {
        my ($code, @more) = @_;
        local $/ = $separator;
        return $code->(stream($bytes), @more);
    };

    my $in_scalar = sub {
        is_deeply +($got->(\&lines_and_numbers))[0], $scalar, 'the lines of core';
    };
    if ($same =~ /both|scalar/) {
        subtest "$name, scalar: lines as of a plain socket" => $in_scalar;
    }
    else {
        lines_differ($separator, "$name, scalar: lines as of a plain socket", $in_scalar, sub {
            isnt join('|', @{ ($got->(\&lines_and_numbers))[0] }), join('|', @$scalar),
                'the incumbent gives others';
        });
    }

    my $in_list = sub {
        is_deeply $got->(\&list_twice, $readline), $list, '<$fh>: the lines of core';
        is_deeply $got->(\&list_twice, $getlines), $list, 'getlines as well';
    };
    if ($same =~ /both|list/) {
        subtest "$name, list: lines as of a plain socket" => $in_list;
    }
    else {
        lines_differ($separator, "$name, list: lines as of a plain socket", $in_list, sub {
            my $lines = eval { $got->(\&list_twice, $readline) } || ['died'];
            isnt join('|', @$lines), join('|', @$list), 'the incumbent gives others';
        });
    }

    next if !@$numbers;
    differs('data-line-number', "$name: \$. counts as on a plain socket", sub {
        my $client = stream($bytes);
        local $/ = $separator;
        is_deeply +(lines_and_numbers($client))[1], $numbers, 'after each line';
        is $client->input_line_number, scalar @$numbers, 'input_line_number too';
    }, sub {
        is scalar(grep { $_ } @{ ($got->(\&lines_and_numbers))[1] }), 0, 'it stays 0';
    });
}

done_testing;
