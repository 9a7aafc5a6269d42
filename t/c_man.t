# The man pages of libiossl: every public function has one, every section of the header is told, and
# what the man programs have to say about them is nothing.
use strict;
use warnings;

use Test::More;

my $build = 'c/' . ($ENV{IOSSL_SANITIZE} ? 'build-sanitize' : 'build') . '/man';
plan skip_all => 'the man pages are not made here: make -C c' if !-d $build;

sub text_of { local (@ARGV, $/) = shift; return scalar <> }

my $header    = text_of('c/include/iossl.h');
my @banners   = $header =~ m{^/\* ---- (.*?) -+ \*/$}gm;
my @functions = do {
    my $code = $header =~ s{/\*.*?\*/}{}gsr;
    $code =~ /^IOSSL_API\s[^;]*?\b(iossl_\w+)\(/gm;
};
my %source = map { m{(\w+)\.3\.in$} ? ($1 => text_of($_)) : () } glob 'c/man/*.3.in';
my @made   = map { "$build/$_.3" } sort keys %source;

sub has { return system("$_[0] >/dev/null 2>&1") == 0 }

subtest 'every public function is in a page, and leads to it by its name' => sub {
    ok @functions > 150, scalar(@functions) . ' functions';
    my @lost;
    for my $name (@functions) {
        my $page = -e "$build/$name.3" ? text_of("$build/$name.3") : '';
        $page = text_of("$build/$1.3") if $page =~ m{\A\.so man3/(\w+)\.3$}m;
        push @lost, $name if $page !~ /^\.SH NAME.*\b$name\b.*^\.SH SYNOPSIS/ms
            || $page !~ /^\\fB[^\n]*\b$name\(/m;
    }
    is_deeply \@lost, [], 'none without name and prototype';
};

subtest 'every section of the header is in one page' => sub {
    my %pages;
    for my $name (sort keys %source) {
        my ($list) = $source{$name} =~ /^\@sections (.*)$/m;
        $pages{$_}++ for split /;\s*/, $list // '';
    }
    is_deeply [grep { ($pages{$_} || 0) != 1 } @banners], [], 'no more, no less';
};

subtest 'every page tells its errors and where to read on' => sub {
    for my $page (@made) {
        my $text = text_of($page);
        like $text, qr/^\.SH $_$/m, "$page: $_" for 'DESCRIPTION', 'ERRORS', 'SEE ALSO';
        my @dead = grep { !-e "$build/$_.3" } $text =~ /^\.BR (iossl_\w+) \(3\)/gm;
        is_deeply \@dead, [], "$page: what it refers to is there";
    }
    like text_of("$build/iossl_handshake.3"), qr/poll\(&p, 1/, 'the poll loop is written out';
    my @unknown = grep { !$source{$_} } text_of('c/man/iossl.7') =~ /^\.BR (iossl_\w+) \(3\),?$/gm;
    is_deeply [grep { $_ !~ /^iossl_(?:free|write|default_ca)$/ } @unknown], [],
        'the overview refers to pages that are there';
    my ($also) = text_of('c/man/iossl.7') =~ /^\.SH SEE ALSO\n(.*)\z/ms;
    is_deeply [grep { $also !~ /\b$_\b/ } sort keys %source], [], 'and to all of them';
};

my @pages = (@made, glob 'c/man/*.[1-9]');

subtest 'groff and mandoc have nothing to complain of' => sub {
    plan skip_all => 'neither groff nor mandoc is here' if !has('groff --version') && !has('which mandoc');
    for my $page (@pages) {
        is scalar `groff -man -Tutf8 -ww -z $page 2>&1`, '', "$page: groff" if has('groff --version');
        is scalar `mandoc -Tlint -W warning $page 2>&1`, '', "$page: mandoc" if has('which mandoc');
    }
};

done_testing;
