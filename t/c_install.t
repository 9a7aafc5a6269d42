# make -C c install: what is put where, what the shared library shows, and that programs in C and
# C++ build against it as its documentation says. Nothing outside of a temporary folder is touched.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Find qw(find);
use File::Temp qw(tempdir);
use Test::More;

plan skip_all => 'the instrumented library is not for installing' if $ENV{IOSSL_SANITIZE};
plan skip_all => 'the C library is not built here: make -C c'     if !-e 'c/build/libiossl.a';
alarm 600;
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL DESTDIR PREFIX LD_LIBRARY_PATH PKG_CONFIG_PATH)};

my $dest   = tempdir(CLEANUP => 1);
my $prefix = '/opt/iossl';
my $root   = "$dest$prefix";
my $header = do { local (@ARGV, $/) = 'c/include/iossl.h'; <> };
my ($version) = $header =~ /IOSSL_VERSION_TEXT "([\d.]+)"/;
my %declared = map { $_ => 1 } functions($header);

# The functions that the header declares.
sub functions {
    my $text = shift;
    $text =~ s{/\*.*?\*/}{}gs;
    return $text =~ /^IOSSL_API\s[^;]*?\b(iossl_\w+)\(/gm;
}

# Runs a shell command; what it said, and whether it went well.
sub said {
    my $command = shift;
    my $text = `$command 2>&1`;
    return wantarray ? ($text, $? == 0) : $text;
}

sub make { return said("make -s -C c @_") }

sub files_below {
    my $top = shift;
    my @files;
    find({ no_chdir => 1, wanted => sub { push @files, $_ if -l || !-d } }, $top) if -d $top;
    return sort map { s{^\Q$top\E/}{}r } @files;
}

# A program with the flags given; what it prints.
sub compiled {
    my ($compiler, $suffix, $source, $flags) = @_;
    my $dir = tempdir(CLEANUP => 1);
    open my $fh, '>', "$dir/main.$suffix" or die $!;
    print $fh $source;
    close $fh or die $!;
    my ($text, $ok) = said("$compiler -o $dir/main $dir/main.$suffix $flags");
    return "not compiled: $text" if !$ok;
    return said("LD_LIBRARY_PATH=$root/lib $dir/main") . ($text eq '' ? '' : "compiler: $text");
}

my $program = <<'C';
#include <iossl.h>
#include <stdio.h>
int main(void)
{
    iossl_error *err = iossl_error_new();
    iossl_config *config = iossl_config_new(IOSSL_CLIENT, err);
    iossl_ctx *ctx = iossl_ctx_new(config, err);

    printf("%s %s %s\n", iossl_version(), ctx != NULL ? "works" : iossl_error_message(err),
           iossl_scheme_by_name("http") != NULL ? "yes" : "no");
    iossl_ctx_free(ctx);
    iossl_config_free(config);
    iossl_error_free(err);
    return 0;
}
C
my $works = "$version works yes\n";

subtest 'install puts library, header, pkg-config file, tool and manual in place' => sub {
    my ($text, $ok) = make("install DESTDIR=$dest PREFIX=$prefix");
    ok $ok, 'make install' or diag $text;
    my @files = grep { !m{^$prefix/share/man/man\d/}x } map { "/$_" } files_below($dest);
    my @wanted = map { "$prefix/$_" }
        (-d 'c/tool' ? 'bin/iossl' : ()), 'include/iossl.h', 'lib/libiossl.a', 'lib/libiossl.so',
        'lib/libiossl.so.0', 'lib/pkgconfig/iossl.pc';
    is_deeply \@files, [sort @wanted], 'these files and no others; no Perl among them';
    is readlink "$root/lib/libiossl.so", 'libiossl.so.0', 'a link for the linker';
    is sprintf('%o', (stat "$root/include/iossl.h")[2] & 0777), '644', 'anyone may read';
};

subtest 'the shared library shows what the header declares, and nothing else' => sub {
    my ($table, $ok) = said("nm -D --defined-only $root/lib/libiossl.so.0");
    plan skip_all => 'nm is not here' if !$ok;
    my %shown = map { $_ => 1 } grep { !/^IOSSL_/ } $table =~ /\s[A-Z]\s(\w+)/g;
    ok keys %declared > 150, scalar(keys %declared) . ' functions are declared';
    is_deeply [grep { !/^iossl_/ } sort keys %shown], [], 'no name but iossl_*';
    is_deeply [grep { !$declared{$_} } sort keys %shown], [], 'none that is not declared';
    is_deeply [grep { !$shown{$_} } sort keys %declared], [], 'each that is declared';
    my @unversioned = grep { !/@\@IOSSL_\d/ } $table =~ /\s[TBDR]\s(\S+)/g;
    is_deeply \@unversioned, [], 'each under a version node';
    SKIP: {
        my ($dynamic, $there) = said("readelf -d $root/lib/libiossl.so.0");
        skip 'readelf is not here', 1 if !$there;
        like $dynamic, qr/SONAME.*\[libiossl\.so\.0\]/, 'its soname carries the number of the ABI';
    }
};

subtest 'pkg-config leads programs to it' => sub {
    plan skip_all => 'pkg-config is not here' if !(said('pkg-config --version'))[1];
    my $pkg = "PKG_CONFIG_PATH=$root/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dest pkg-config";
    is said("$pkg --modversion iossl"), "$version\n", 'the version of the header';
    my ($cflags, $libs, $static) =
        map { said("$pkg $_ iossl") =~ s/\n//r } '--cflags', '--libs', '--static --libs';
    is compiled('cc', 'c', $program, "$cflags $libs"), $works, 'a program that shares it';
    like $static, qr/-liossl.*-lssl.*-lcrypto/, 'with --static, OpenSSL is named too';
    SKIP: {
        # What OpenSSL needs when it is inside a program, as libz, comes in packages of its own.
        skip 'static OpenSSL can\'t be linked here', 1
            if compiled('cc', 'c', "int main(void) { return 0; }\n",
                said('pkg-config --static --libs openssl') =~ s/\n//r) ne '';
        is compiled('cc', 'c', $program, "$cflags $root/lib/libiossl.a " . $static =~ s/-liossl//r),
            $works, 'a program that has it inside';
    }
    SKIP: {
        skip 'g++ is not here', 1 if !(said('c++ --version'))[1];
        is compiled('c++', 'cc', $program, "-Wall -Wextra -Werror -pedantic $cflags $libs"), $works,
            'a C++ program';
    }
};

subtest 'a program that is static altogether' => sub {
    my ($libdir) = said('pkg-config --variable=libdir openssl') =~ /(\S+)/;
    plan skip_all => 'there is no static OpenSSL here' if !$libdir || !-e "$libdir/libcrypto.a";
    plan skip_all => 'no static C library here'
        if compiled('cc -static', 'c', "int main(void) { return 0; }\n", '') ne '';
    plan skip_all => 'static OpenSSL can\'t be linked here'
        if compiled('cc -static', 'c', "int OPENSSL_init_ssl();\nint main(void) { return !OPENSSL_init_ssl(0L, (void *)0); }\n",
            '-lssl -lcrypto -ldl -pthread') =~ /not compiled/;
    my $said = compiled('cc -static', 'c', $program,
        "-I$root/include $root/lib/libiossl.a -lssl -lcrypto -ldl -pthread");
    # glibc warns that looking up names still needs its shared libraries.
    like $said, qr/^\Q$works\E/, 'runs';
};

subtest 'the header stands by itself, in C11 and in C++' => sub {
    my $strict = "-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -pedantic -Werror";
    my $alone  = "#include <iossl.h>\nint main(void) { return 0; }\n";
    is compiled("cc -std=c11 $strict -c", 'c', $alone, "-I$root/include") =~ /^not compiled/ ? 1 : 0,
        0, 'C11 without a warning';
};

subtest 'uninstall takes it all away again' => sub {
    my ($text, $ok) = make("uninstall DESTDIR=$dest PREFIX=$prefix");
    ok $ok, 'make uninstall' or diag $text;
    is_deeply [files_below($dest)], [], 'no file is left';
};

subtest 'other folders, as distributions choose them' => sub {
    my $other = tempdir(CLEANUP => 1);
    my $where = "DESTDIR=$other PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu MANDIR=/usr/man"
        . ' INCLUDEDIR=/usr/include/iossl3 BINDIR=/usr/sbin';
    my ($text, $ok) = make("install $where");
    ok $ok, 'make install' or diag $text;
    ok -e "$other/usr/lib/x86_64-linux-gnu/libiossl.so.0", 'the library';
    ok -e "$other/usr/include/iossl3/iossl.h",             'the header';
    my $pc = do { local (@ARGV, $/) = "$other/usr/lib/x86_64-linux-gnu/pkgconfig/iossl.pc"; <> };
    like $pc, qr{^libdir=/usr/lib/x86_64-linux-gnu$}m, 'and the way to it';
    unlike $pc, qr/\Q$other\E/, 'without the folder it was staged in';
    make("uninstall $where");
    is_deeply [files_below($other)], [], 'uninstall takes it away again';
};

done_testing;
