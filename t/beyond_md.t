# beyond_md.t - docs/beyond.md: its Perl and its C run, and both are short.
#
# "<!-- prints REGEX -->" stands before each block. www.example.com:443 is a server of ours that echoes
# lines, 'NAME.pem' a file of t/certs, 0.0.0.0:8443 a free port. C is put into a function whose config has
# our CA, or a certificate where the block is about servers; whose conn is a connection to that server, or,
# where the block shakes hands, one that is to be. Behind it "done" is printed if no error is left and a
# context can be made of config.
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

my $dir      = File::Temp->newdir;
my $cc       = $ENV{CC} || 'cc';
my $sanitize = $ENV{IOSSL_SANITIZE} ? 1 : 0;
my $library  = 'c/' . ($sanitize ? 'build-sanitize' : 'build') . '/libiossl.a';

sub c_source {
    my @code = @_;
    my $text = <<'END';
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <iossl.h>

bool by_name(void *certs, iossl_conn *of, const char *name, iossl_ctx **found);
bool
by_name(void *certs, iossl_conn *of, const char *name, iossl_ctx **found)
{
    (void)certs, (void)of, (void)name, (void)found;
    return true;
}
END
    $text .= join '', map { <<"END" . $code[$_]{code} . "}\n" } 0 .. $#code;

static void
block$_(iossl_config *config, iossl_ctx *ctx, iossl_conn *conn, iossl_error *err)
{
    char buf[1024];
    (void)config, (void)ctx, (void)conn, (void)err, (void)buf;
#line @{[$code[$_]{line} + 1]} "$PAGE"
END
    return $text . "\n#line 1 \"main\"\n" . <<'END'
int
main(int argc, char **argv)             /* NUMBER server|client none|new|open PORT CA CERT KEY */
{
    static void (*const blocks[])(iossl_config *, iossl_ctx *, iossl_conn *, iossl_error *) = {
END
        . join(', ', map { "block$_" } 0 .. $#code) . <<'END';

    };
    iossl_error *err = iossl_error_new();
    iossl_role role = argc == 8 && strcmp(argv[2], "server") == 0 ? IOSSL_SERVER : IOSSL_CLIENT;
    iossl_config *config = iossl_config_new(role, err), *other = iossl_config_new(IOSSL_CLIENT, err);
    iossl_conn *conn = NULL;
    iossl_ctx *ctx;
    int fd;

    if (argc != 8 || iossl_config_set_ca_file(other, argv[5], err) != IOSSL_OK
        || iossl_config_set_ca_file(config, argv[5], err) != IOSSL_OK
        || (ctx = iossl_ctx_new(other, err)) == NULL
        || (role == IOSSL_SERVER
            && (iossl_config_add_cert_file(config, NULL, argv[6], err) != IOSSL_OK
                || iossl_config_add_key_file(config, NULL, argv[7], err) != IOSSL_OK))
        || (strcmp(argv[3], "open") == 0
            && iossl_connect(&conn, ctx, "127.0.0.1", argv[4], 10000, err) != IOSSL_OK)
        || (strcmp(argv[3], "new") == 0
            && (iossl_tcp_connect(&fd, "127.0.0.1", argv[4], 10000, err) != IOSSL_OK
                || (conn = iossl_conn_new_owned_fd(ctx, IOSSL_CLIENT, fd, err)) == NULL
                || iossl_conn_set_hostname(conn, "127.0.0.1", err) != IOSSL_OK)))
        goto failed;
    blocks[atoi(argv[1])](config, ctx, conn, err);
    if (iossl_error_get_code(err) != IOSSL_E_NONE)
        return EXIT_SUCCESS;            /* which the block has printed, or else it prints too little */
    if (iossl_ctx_new(config, err) == NULL)
        goto failed;
    puts("done");
    return EXIT_SUCCESS;
failed:
    printf("failed: %s\n", iossl_error_message(err));
    return EXIT_FAILURE;
}
END
}

# The program, or what was wrong with it; undef: no compiler here.
sub compile {
    my @code = @_;
    return if system("command -v $cc >/dev/null 2>&1") != 0;
    my $file = "$dir/blocks.c";
    open my $fh, '>', $file or die $!;
    print $fh c_source(@code);
    close $fh or die $!;
    # The tests' own preload is for perl, not for compilers.
    local %ENV = %ENV;
    delete $ENV{LD_PRELOAD};
    my @flags = map { my $f = `pkg-config $_ openssl 2>/dev/null` // ''; chomp $f; $f } '--cflags', '--libs';
    my $how = !-f $library ? '-fsyntax-only'
        : "-o $dir/blocks $library " . ($flags[1] || '-lssl -lcrypto') . ' -pthread -ldl';
    $how .= ' -fsanitize=address,undefined' if $sanitize;
    my $said = `$cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Ic/include $flags[0] $file $how 2>&1`;
    return $said eq '' && $? == 0 ? (-f $library ? "$dir/blocks" : '') : (undef, $said || 'failed');
}

my @c = grep { $_->{kind} eq 'c' } @blocks;
for my $block (@c) {
    $block->{code} =~ s/www\.example\.com", "443"/127.0.0.1", "@{[$server->addr =~ m{:(\d+)$}]}"/;
    $block->{code} =~ s/"([\w-]+\.(?:pem|key))"/'"' . cert($1) . '"'/ge;
    $block->{code} =~ s{"ticket-keys"}{"$dir/ticket-keys"}g;
}
my ($program, $said) = compile(@c);
subtest 'C compiles without a warning' => sub { is $said // '', '', 'nothing was said' };

sub run_c {
    my ($n, $code) = @_;
    my $role = $code =~ /staple|host_cb|ticket_keys|key_file/ ? 'server' : 'client';
    my $conn = $code =~ /iossl_handshake/ ? 'new' : $code =~ /\bconn\b/ && $code !~ /&conn/ ? 'open' : 'none';
    my @args = ($n, $role, $conn, $server->addr =~ /:(\d+)$/, cert('ca.pem'), cert('server.pem'),
        cert('server.key'));
    local %ENV = %ENV;
    delete @ENV{qw(LD_PRELOAD SSLKEYLOGFILE)};
    $ENV{ASAN_OPTIONS} = 'detect_leaks=0';      # blocks are excerpts, and free what matters to them
    my $output = `SSL_CERT_FILE=@{[cert('ca.pem')]} $program @args 2>&1`;
    return $? == 0 ? $output : "$output\nended with $?\n";
}

my ($n, %kinds) = 0;
for my $block (@blocks) {
    subtest "line $block->{line}: $block->{section}" => sub {
        my $lines = grep { /\w/ } split /\n/, $block->{code};
        cmp_ok $lines, '<=', $SHORT, "$lines lines";
        $kinds{ $block->{section} }{ $block->{kind} }++;
        ok $block->{prints}, 'what it prints is told' or return;
        if ($block->{kind} eq 'c') {
            my $number = $n++;
            return ok 1, 'no compiler, or no library of ours, here' if !$program;
            return like run_c($number, $block->{code}), qr/$block->{prints}/m, 'it prints what it should';
        }
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
