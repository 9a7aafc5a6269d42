# TestRun - runs Perl test files on one implementation of IO::Socket::SSL, and tells what came of it.
#
# Owns      the process of a test and all that it starts in its group: they end with it.
# Promises  a file passes only if its TAP is whole and good, and if every process that recorded an
#           IO::Socket::SSL (ConsumersRecord) had it from the implementation under test, one at least.
# Leaves    what to run, and the comparison, to tools/consumers and tools/sessions.
package TestRun;

use 5.014;
use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use POSIX ();
use TAP::Parser;

our @EXPORT_OK = qw(implementations run_test report different);

my $LIB = dirname(abs_path(__FILE__));
my $TOP = abs_path("$LIB/../..");

# The folders of @INC of the implementations that are asked for: {ours => 'a:b', incumbent => 'c:d'}.
sub implementations {
    my %asked = @_;
    my %libs;
    if ($asked{compare} || !$asked{incumbent}) {
        system("$TOP/tools/build") == 0 or exit 1;
        $libs{ours} = "$TOP/blib/lib:$TOP/blib/arch";
    }
    if ($asked{compare} || $asked{incumbent}) {
        chomp($libs{incumbent} = `$TOP/tools/incumbent`);
        exit 1 if $?;
    }
    return \%libs;
}

# Runs $test{file} with the implementation in $test{libs}; returns [verdict, checks that were ok, note].
#   log    path without suffix: output goes to .out and .err, what was loaded to .inc
#   limit  seconds
#   more   folders by variable of the environment, as Fetch::needed gives them
#   env    settings, NAME=VALUE; perl: arguments; both lists
sub run_test {
    my %test = (env => [], perl => [], @_);
    my ($log, $more) = @test{qw(log more)};
    unlink glob "$log.*";
    my $child = fork // die "fork: $!\n";
    if (!$child) {
        setpgrp;
        delete @ENV{grep { /_proxy$/i || /^SSL_CERT_/ } keys %ENV};
        $ENV{$_} = 1 for qw(NO_NETWORK_TESTING NONINTERACTIVE_TESTING PERL_USE_UNSAFE_INC);
        /(.*?)=(.*)/s and $ENV{$1} = $2 for @{$test{env}};
        $ENV{CONSUMERS_LIBS}   = $test{libs};
        $ENV{CONSUMERS_RECORD} = "$log.inc";
        $ENV{PERL5OPT}         = '-MConsumersRecord';
        $ENV{PERL5LIB}         = join ':', $test{libs}, $LIB, @{$more->{PERL5LIB}};
        for my $variable (grep { @{$more->{$_}} } qw(PATH LD_LIBRARY_PATH)) {
            $ENV{$variable} = join ':', @{$more->{$variable}}, $ENV{$variable} // ();
        }
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', "$log.out" or die "$log.out: $!\n";
        open STDERR, '>', "$log.err" or die "$log.err: $!\n";
        exec $^X, taint($test{file}), (map { "-I$_" } $LIB, @{$more->{PERL5LIB}}), @{$test{perl}},
            '-MConsumersRecord', $test{file} or POSIX::_exit(127);
    }
    my $status = eval {
        local $SIG{ALRM} = sub { die "time\n" };
        alarm $test{limit};
        waitpid $child, 0;
        alarm 0;
        $?;
    };
    kill 'KILL', -$child;
    waitpid $child, 0 if !defined $status;
    return ['TIMEOUT', 0, "over $test{limit} s"] if !defined $status;
    return verdict($log, $status, $test{libs});
}

sub taint {
    my ($file) = @_;
    open my $in, '<', $file or return;
    return (<$in> // '') =~ /^#!.*perl.*\s-\w*([tT])/ ? "-$1" : ();
}

sub verdict {
    my ($log, $status, $libs) = @_;
    open my $out, '<', "$log.out" or die "$log.out: $!\n";
    my $tap = TAP::Parser->new({tap => do { local $/ = undef; <$out> } || "# no output\n"});
    $tap->run;
    my $ok = $tap->passed - $tap->skipped;
    return ['SKIP', 0, $tap->skip_all] if defined $tap->skip_all && !$status;
    return ['FAIL', $ok, 'failed ' . join(',', $tap->failed) . ", status $status, ran " . $tap->tests_run]
        if $status || $tap->has_problems || !$tap->tests_run;

    my @lines;
    if (open my $in, '<', "$log.inc") {
        chomp(@lines = <$in>);
    }
    return ['FAIL', $ok, 'IO::Socket::SSL was not loaded'] if !@lines;
    for my $line (@lines) {
        my ($path) = split /\t/, $line;
        my $found = abs_path($path) // $path;
        return ['FAIL', $ok, "loaded another implementation: $path"]
            if !grep { index($found, abs_path($_) . '/') == 0 } split /:/, $libs;
    }
    return ['PASS', $ok, ''];
}

sub report {
    my ($who, $file, $result) = @_;
    printf "%-8s %-9s %s (%d ok)%s\n", $result->[0], $who, $file, $result->[1],
        length $result->[2] ? "  # $result->[2]" : '';
    return $result;
}

# True, and says so, if the outcome of a file differs.
sub different {
    my ($file, $ours, $theirs) = @_;
    my ($a, $b) = map { "$_->[0] $_->[1]" } $ours, $theirs;
    print "DIFFERS  $file: ours $a, incumbent $b\n" if $a ne $b;
    return $a ne $b;
}

1;
