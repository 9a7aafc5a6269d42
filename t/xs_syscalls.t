# What a connection asks of the system: the calls of OpenSSL itself, as bench/limit.c makes them, and
# those that perl's socket() and close() cost; nothing for reading and writing beyond that.
use strict;
use warnings;

use Config;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use Test::More;

plan skip_all => 'needs strace'          if system('strace -o /dev/null true 2>/dev/null') != 0;
plan skip_all => 'bench/ is not here'    if !-e 'bench/limit.c';
plan skip_all => 'needs the openssl tool' if system('openssl version >/dev/null 2>&1') != 0;

my $tmp = tempdir(CLEANUP => 1);
plan skip_all => 'bench/limit.c does not build here'
    if system("$Config{cc} -std=gnu11 -o $tmp/limit bench/limit.c -lssl -lcrypto 2>/dev/null") != 0;
system('sh', 'bench/mkcerts.sh', "$tmp/certs") == 0 or BAIL_OUT('no certificates');
$ENV{PERL5LIB} = join ':', map { abs_path($_) // $_ } grep { !ref } @INC;

# Transfers under the one name that tells what they are.
my %SAME = (recvfrom => 'read', sendto => 'write', recv => 'read', send => 'write');
# What a signal or the machine may bring at any time, and what a library does in each handshake alike.
my %IGNORED = map { $_ => 1 } qw(brk mmap munmap madvise mremap futex getpid rt_sigreturn
    restart_syscall clock_gettime gettimeofday getrandom);

# name => calls that the first process makes for one operation: the difference of two runs.
sub calls {
    my ($metric, $n, @command) = @_;
    my %calls;
    for my $run ([ $n, -1 ], [ 3 * $n, 1 ]) {
        my ($times, $sign) = @$run;
        system("strace -f -o $tmp/trace @command $metric $tmp/certs x$times >$tmp/out 2>&1") == 0
            or return;
        open my $trace, '<', "$tmp/trace" or return;
        my $client;
        while (my $line = <$trace>) {
            my ($pid, $name) = $line =~ /^(\d+) +([a-z0-9_]+)\(/ or next;
            $client //= $pid;
            next if $pid != $client || $IGNORED{$name};
            $calls{ $SAME{$name} // $name } += $sign;
        }
    }
    return { map { $calls{$_} ? ($_ => $calls{$_} / (2 * $n)) : () } keys %calls };
}

my @OURS = ($^X, 'bench/bench.pl');
my @RAW  = ("$tmp/limit");

# perl makes two PerlIO handles of a descriptor: for each FD_CLOEXEC, TCGETS and lseek.
my %OF_PERL = (fcntl => 2, ioctl => 2, lseek => 2);

for my $metric (qw(hs_full_ec hs_resumed_TLSv1_2 hs_resumed_TLSv1_3)) {
    subtest "$metric: the calls of OpenSSL, and those of perl's socket()" => sub {
        my ($ours, $raw) = (calls($metric, 4, @OURS), calls($metric, 4, @RAW));
        ok $ours && $raw, 'both ran' or return;
        is_deeply $ours, { %$raw, %OF_PERL }, 'the same, one for one';
    };
}

for my $metric (qw(print_small pingpong64 bulk_write)) {
    subtest "$metric: one call for a record written, the calls of OpenSSL for one read" => sub {
        my ($ours, $raw) = (calls($metric, 64, @OURS), calls($metric, 64, @RAW));
        ok $ours && $raw, 'both ran' or return;
        is_deeply $ours, $raw, 'the same, one for one';
    };
}

subtest 'what is decrypted already is read without any call' => sub {
    my $calls = calls('sysread1', 5000, @OURS) or return fail('it ran');
    cmp_ok $calls->{read}, '<', 0.001, 'two calls for 16384 reads';
    is_deeply [grep { $_ ne 'read' } keys %$calls], [], 'and no other';
};

done_testing;
