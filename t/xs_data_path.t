# What reading and writing cost beside the system calls (xs_syscalls.t): the allocations of OpenSSL
# itself, as bench/limit.c has them, and no call of a sub but the one XSUB that does it.
use strict;
use warnings;

use Config;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use Test::More;
use lib 't/lib';
use TLSTest '240';

my $tmp = tempdir(CLEANUP => 1);
$ENV{PERL5LIB} = join ':', map { abs_path($_) // $_ } grep { !ref } @INC;

subtest 'one operation is one call of an XSUB' => sub {
    my $file = "$tmp/subs.pl";
    open my $script, '>', $file or die "$file: $!";
    print $script <<'END';
        use strict;
        use warnings;
        use IO::Socket::SSL;
        use Socket;
        my ($cert, $key) = @ARGV;
        socketpair my $here, my $there, AF_UNIX, SOCK_STREAM, 0 or die $!;
        my $pid = fork // die $!;
        if (!$pid) {
            my $server = IO::Socket::SSL->start_SSL($there, SSL_server => 1, SSL_cert_file => $cert,
                SSL_key_file => $key) or die $SSL_ERROR;
            print $server "line $_\n" for 1 .. 200;
            1 while sysread $server, my $bytes, 1000;
            exit;
        }
        close $there;
        my $s = IO::Socket::SSL->start_SSL($here, SSL_verify_mode => SSL_VERIFY_NONE) or die $SSL_ERROR;
        my ($bytes, $line, @calls);
        my %operations = (
            'sysread'  => sub { sysread $s, $bytes, 3 },    'syswrite'  => sub { syswrite $s, 'abc' },
            'read'     => sub { read $s, $bytes, 3 },       'print'     => sub { print $s 'abc' },
            'readline' => sub { $line = <$s> },             'printf'    => sub { printf $s '%s', 'abc' },
            'getc'     => sub { $bytes = getc $s },         'eof'       => sub { eof $s },
            '->sysread' => sub { $s->sysread($bytes, 3) },  '->syswrite' => sub { $s->syswrite('abc') },
            '->read'    => sub { $s->read($bytes, 3) },     '->print'    => sub { $s->print('abc') },
            '->getline' => sub { $line = $s->getline },     '->printf'   => sub { $s->printf('%s', 'abc') },
            '->getc'    => sub { $bytes = $s->getc },       '->pending'  => sub { $s->pending },
        );
        for my $name (sort keys %operations) {
            @DB::seen = ();
            $DB::on = 1;
            $operations{$name}->();
            $DB::on = 0;
            shift @DB::seen;                                # the closure
            print join(' ', $name, map { s/^IO::Socket::SSL:://r } grep { !ref } @DB::seen), "\n";
        }
        $s->close;
END
    close $script or die $!;
    local $ENV{PERL5DB} = 'BEGIN { package DB; our (@seen, $on, $sub); sub DB { } '
        . 'sub sub { push @seen, $sub if $on; &$sub } }';
    my $said = join '', `$^X -d $file t/certs/server-ec.pem t/certs/server-ec.key 2>&1`;
    is $said, <<'END', 'and of nothing else';
->getc getc
->getline getline
->pending pending
->print print
->printf printf
->read read
->sysread sysread
->syswrite syswrite
eof SSL_HANDLE::EOF
getc SSL_HANDLE::GETC
print SSL_HANDLE::PRINT
printf SSL_HANDLE::PRINTF
read SSL_HANDLE::READ
readline SSL_HANDLE::READLINE
sysread SSL_HANDLE::READ
syswrite SSL_HANDLE::WRITE
END
};

subtest 'reading and writing allocate what OpenSSL does, and nothing else' => sub {
    plan skip_all => 'counts by LD_PRELOAD' if $^O ne 'linux' || $ENV{LD_PRELOAD};
    plan skip_all => 'bench/ is not here'   if !-e 'bench/bench.pl';
    my $file = "$tmp/count.c";
    open my $source, '>', $file or die "$file: $!";
    # glibc's own names of the functions, so that nothing has to be looked up.
    print $source <<'END';
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
static unsigned long count;
void *malloc(size_t n) { count++; return __libc_malloc(n); }
void *calloc(size_t n, size_t size) { count++; return __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { count++; return __libc_realloc(p, n); }
__attribute__((destructor)) static void tell(void)
{
    FILE *f = fopen(getenv("COUNT_FILE"), "w");
    if (f != NULL && fprintf(f, "%lu\n", count) > 0)
        fclose(f);
}
END
    close $source or die $!;
    plan skip_all => 'no such library builds here'
        if system("$Config{cc} -shared -fPIC -o $tmp/count.so $file 2>/dev/null") != 0;
    plan skip_all => 'bench/limit.c does not build here'
        if system("$Config{cc} -std=gnu11 -o $tmp/limit bench/limit.c -lssl -lcrypto 2>/dev/null") != 0;
    system('sh', 'bench/mkcerts.sh', "$tmp/certs") == 0 or return fail('certificates');

    # For one operation: the difference of two runs. Of the process that measures; its server is ended by a
    # signal, and tells nothing.
    my $allocations = sub {
        my ($metric, @command) = @_;
        my @counts = map {
            local @ENV{qw(LD_PRELOAD COUNT_FILE PERL_HASH_SEED)} = ("$tmp/count.so", "$tmp/count", 0);
            unlink "$tmp/count";
            system("@command $metric $tmp/certs x$_ >$tmp/out 2>&1") == 0 or return;
            open my $f, '<', "$tmp/count" or return;
            scalar <$f>;
        } 5000, 15_000;
        return sprintf('%.1f', ($counts[1] - $counts[0]) / 10_000) =~ s/^-(?=0\.0$)//r;
    };
    # What getc returns is a new string of perl.
    my %of_perl = (getc => 1);
    for my $metric (qw(sysread1 bulk_read bulk_write pingpong64 print_small getc readline)) {
        my $ours = $allocations->($metric, $^X, 'bench/bench.pl');
        my $raw  = $allocations->($metric, "$tmp/limit");
        ok defined $ours && defined $raw, "$metric ran" or next;
        is $ours, sprintf('%.1f', $raw + ($of_perl{$metric} // 0)), "$metric: $ours for each";
    }
};

subtest 'a long line that comes byte by byte, by a sysread of the class, takes its length in memory' => sub {
    plan skip_all => 'no /proc/self/status'            if !-r '/proc/self/status';
    plan skip_all => 'sanitizers keep what was freed' if $ENV{IOSSL_SANITIZE} || ($ENV{LD_PRELOAD} // '') =~ /asan/;
    my $file = "$tmp/line.pl";
    open my $script, '>', $file or die "$file: $!";
    print $script <<'END';
        use strict;
        use warnings;
        use IO::Socket::SSL;
        use Socket;
        { package Counting; our @ISA = 'IO::Socket::SSL'; sub sysread { my $s = shift; $s->SUPER::sysread(@_) } }
        my ($cert, $key) = @ARGV;
        socketpair my $here, my $there, AF_UNIX, SOCK_STREAM, 0 or die $!;
        my $pid = fork // die $!;
        if (!$pid) {
            close $here;
            my $server = IO::Socket::SSL->start_SSL($there, SSL_server => 1, SSL_cert_file => $cert,
                SSL_key_file => $key) or die $SSL_ERROR;
            $server->syswrite('a') for 1 .. 20_000;
            print $server "\nnext\n";
            close $server;
            exit;
        }
        close $there;
        my $peak = sub {
            open my $status, '<', '/proc/self/status' or die $!;
            return (map { /^VmHWM:\s+(\d+)/ ? $1 : () } <$status>)[0];
        };
        my $client = Counting->start_SSL($here, SSL_verify_mode => SSL_VERIFY_NONE) or die $SSL_ERROR;
        my $before = $peak->();
        my $length = length <$client>;
        print join ' ', $length, $peak->() - $before, scalar <$client>;
        waitpid $pid, 0;
END
    close $script;
    my $said = `$^X $file t/certs/server-ec.pem t/certs/server-ec.key`;
    my ($length, $kb, $next) = $said =~ /\A(\d+) (\d+) (.*)/ or return fail "it said: $said";
    is $length, 20_001, 'the line is whole';
    is $next, 'next', 'and so is the next one';
    cmp_ok $kb, '<', 50_000, 'and no copy of it is kept for each byte';
};

done_testing;
