# beyond_md.t - docs/beyond.md: its Perl runs, its C compiles, and both are short.
#
# "<!-- prints REGEX -->" stands before each block of Perl. www.example.com:443 is a server of ours
# that echoes lines, 'NAME.pem' a file of t/certs, 0.0.0.0:8443 a free port.
use strict;
use warnings;
use File::Temp ();
use Test::More;
use lib 't/lib';
use TLSTest '120';
use IO::Socket::SSL;

my $PAGE  = 'docs/beyond.md';
my $SHORT = 9;          # lines of code, brackets included
plan skip_all => 'not a source tree' if !-f $PAGE || !-f 'c/include/iossl.h';

my $server = test_server(seconds => 110, handler => \&echo,
    args => { SSL_alpn_protocols => ['http/1.1'] });
my @blocks;
{
    open my $fh, '<', $PAGE or die "$PAGE: $!";
    my ($block, $prints, $section);
    while (my $line = readline $fh) {
        if ($block && $line =~ /^```$/)               { undef $block }
        elsif ($block)                                { $block->{code} .= $line }
        elsif ($line =~ /^<!-- prints (.+) -->$/)     { $prints = $1 }
        elsif ($line =~ /^### (.+)$/)                 { $section = $1 }
        elsif ($line =~ /^```(perl|c)$/) {
            push @blocks, $block = { kind => $1, prints => $prints, line => $., code => '',
                section => $section };
            undef $prints;
        }
    }
}

sub substituted {
    my $code = shift;
    my %for = ('www.example.com:443' => $server->addr, 'www.example.com' => 'server.test',
        '0.0.0.0:8443' => '127.0.0.1:0');
    my $known = join '|', map { quotemeta } sort { length $b <=> length $a } keys %for;
    $code =~ s/($known)/$for{$1}/g;
    $code =~ s/'([\w-]+\.(?:pem|key))'/"'" . cert($1) . "'"/ge;
    return $code;
}

sub echo {
    my $socket = shift;
    while (my $line = readline $socket) {
        print $socket $line =~ /^HEAD/ ? "HTTP/1.0 200 OK\r\n\r\n" : $line;
    }
    return 'done';
}

sub run_perl {
    my $code = substituted($_[0]);
    IO::Socket::SSL::default_ca(cert('ca.pem'));
    my $output = '';
    local $SIG{__WARN__} = sub { $output .= "\nwarning: @_" };
    open my $fh, '>', \$output or die $!;
    my $previous = select $fh;
    my $ok = eval "package Example; use strict; use warnings; use IO::Socket::SSL;"
        . "\n#line 1 \"example\"\n$code\n;1";    ## no critic: on purpose
    select $previous;
    return $ok ? $output : "$output\ndied: $@";
}

my $dir = File::Temp->newdir;
my $cc  = $ENV{CC} || 'cc';
my $can_compile = system("command -v $cc >/dev/null 2>&1") == 0;

sub compile {
    my ($code, $n) = @_;
    my $file = "$dir/block$n.c";
    open my $fh, '>', $file or die $!;
    print $fh "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <iossl.h>\n",
        "void example(iossl_config *, iossl_ctx *, iossl_conn *, iossl_error *);\n",
        "void example(iossl_config *config, iossl_ctx *ctx, iossl_conn *conn, iossl_error *err)\n",
        "{\n    char buf[1024];\n    (void)config, (void)ctx, (void)conn, (void)err, (void)buf;\n",
        "#line 1 \"beyond.md\"\n$code}\n";
    close $fh or die $!;
    # The tests' own preload is for perl, not for compilers.
    local %ENV = %ENV;
    delete $ENV{LD_PRELOAD};
    my $flags = `pkg-config --cflags openssl 2>/dev/null` // '';
    chomp $flags;
    return scalar `$cc -std=c11 -Wall -Wextra -Werror -Ic/include $flags -fsyntax-only $file 2>&1`;
}

my ($n, %kinds) = 0;
for my $block (@blocks) {
    subtest "line $block->{line}: $block->{section}" => sub {
        my $lines = grep { /\w/ } split /\n/, $block->{code};
        cmp_ok $lines, '<=', $SHORT, "$lines lines";
        $kinds{ $block->{section} }{ $block->{kind} }++;
        if ($block->{kind} eq 'c') {
            return ok 1, 'no compiler here' if !$can_compile;
            return is compile($block->{code}, $n++), '', 'it compiles without a warning';
        }
        ok $block->{prints}, 'what it prints is told' or return;
        my $output = in_child(sub { run_perl($block->{code}) });
        unlike $output, qr/^(?:died|warning): /m, 'it neither dies nor warns';
        like $output, qr/$block->{prints}/m, 'it prints what it should';
    };
}

subtest 'each topic is shown in both languages' => sub {
    is_deeply [grep { !$kinds{$_}{perl} || !$kinds{$_}{c} } sort keys %kinds], [], 'none in one only';
    ok keys(%kinds) > 0, scalar(keys %kinds) . ' topics';
};

done_testing;
