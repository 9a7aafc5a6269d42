# usage.t - the command line: help, refusals, exit statuses, output that can't be written.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use ToolTest;

my @commands = ('connect', 'serve', 'check', 'cert show', 'cert make', 'suffix', 'ocsp', 'ticket-keys');

subtest 'help and version go to standard output with status 0' => sub {
    for my $args (['--help'], ['-h'], ['help']) {
        my $run = iossl(@$args);
        is $run->{status}, 0, "iossl @$args";
        like $run->{out}, qr/^  iossl \Q$_\E /m, "names $_" for @commands;
        is $run->{err}, '', 'nothing on standard error';
    }
    like iossl('--version')->{out}, qr/^iossl \d+\.\d+ \(\w+SSL [\d.]+/, '--version';
};

for my $command (@commands) {
    subtest "iossl $command --help tells each option, and man page too" => sub {
        my @words = split ' ', $command;
        my $run   = iossl(@words, '--help');
        is $run->{status}, 0, 'status';
        like $run->{out}, qr/^iossl \Q$command\E \[OPTIONS\]/, 'the synopsis first';
        my @options = $run->{out} =~ /^  (?:-\w,|   ) --([\w-]+)/mg;
        cmp_ok scalar(@options), '>', 0, 'there are options';
        my $page = read_file("c/man/iossl-$words[0].1");
        $page =~ s/\\-/-/g;
        like $page, qr/--\Q$_\E\b/, "the man page has --$_" for @options;
        is join('', grep { length > 100 } split /\n/, $run->{out}), '', 'no line over 100 columns';
        is iossl(@words, '-h')->{out}, $run->{out}, '-h anywhere does the same';
    };
}

subtest 'what cannot be meant is refused with status 2 and a sentence' => sub {
    for my $row (
        [[],                              qr/^$/],
        [['nonsense'],                    qr/unknown command "nonsense"/],
        [['cert'],                        qr/unknown command "cert"/],
        [['suffix'],                      qr/iossl suffix: NAME is missing/],
        [['suffix', 'a.b', 'c.d'],        qr/"c\.d" is one argument too many/],
        [['suffix', '--nonsense', 'a.b'], qr/unknown option --nonsense/],
        [['suffix', '-x', 'a.b'],         qr/unknown option -x/],
        [['suffix', '--section'],         qr/--section wants a value: icann\|all/],
        [['suffix', '--section=x', 'a'],  qr/--section "x": icann or all/],
        [['suffix', '--json=1', 'a.b'],   qr/--json takes no value/],
        [['suffix', ''],                  qr/"" is no host name|empty/],
        [['cert', 'make', '--days', 'x', 'a.b'],   qr/--days "x": a number from 0 to/],
        [['cert', 'make', '--days', '-1', 'a.b'],  qr/--days "-1": a number from 0 to/],
        [['cert', 'make', '--days', '9999999', 'a.b'], qr/--days "9999999": a number from 0 to/],
        [['check', 'a.b'],                qr/--cert FILE is missing/],
        [['check', 'a.b', '--cert', 't/certs/server.pem', '--scheme', 'https'],
            qr/scheme "https" is unknown; there are default, http/],
    ) {
        my ($args, $error) = @$row;
        my $run = iossl(@$args);
        is $run->{status}, 2, "iossl @$args: status";
        (my $said = $run->{err}) =~ s/\s+/ /g;
        like $said, $error, 'the sentence';
    }
};

subtest 'an operand that begins with a dash comes after --' => sub {
    is iossl('suffix', '--', '-x')->{status}, 0, 'it is taken as a name, which has one label';
    is iossl('suffix', '-x')->{status}, 2, 'else it is an option';
};

for ([ '/dev/full', qr/No space/ ], [ '&-', qr/Bad file/ ]) {
    my ($output, $why) = @$_;
    subtest "output that nobody can take is told: $output" => sub {
        plan skip_all => 'no /dev/full here' if $output eq '/dev/full' && !-c $output;
        my $command = ToolTest::tool() . " cert show t/certs/server.pem 2>&1 >$output";
        my $said = `$command`;
        is $? >> 8, 2, 'status';
        like $said, qr/standard output can't be written: $why/, 'the sentence';
    };
}

subtest 'colours are for terminals only' => sub {
    unlike iossl({ env => { TERM => 'xterm' } }, 'cert', 'show', cert('server.pem'))->{out},
        qr/\e/, 'not in a pipe';
    my $script = (grep { -x "$_/script" } split /:/, $ENV{PATH})[0];
    SKIP: {
        skip 'no script(1) to make a terminal with', 2 if !$script || $^O ne 'linux';
        my $on_terminal = sub {
            my $command = join ' ', @_, ToolTest::tool(), 'cert show', cert('server.pem');
            return `env TERM=xterm script -qec '$command' /dev/null </dev/null`;
        };
        like $on_terminal->(), qr/\e\[1m/, 'on a terminal';
        unlike $on_terminal->('env NO_COLOR=1'), qr/\e\[\d+m/, 'not with NO_COLOR';
        unlike $on_terminal->('env TERM=dumb'), qr/\e\[\d+m/, 'nor on a dumb one';
    }
};

done_testing;
