# What the fuzz targets are given, seeds and regressions, does no harm; tools/fuzz goes on from there.
use strict;
use warnings;
use Test::More;

use File::Basename qw(basename);
use File::Temp qw(tempdir);

plan skip_all => 'the targets keep files in memory as Linux does' if $^O ne 'linux';
plan skip_all => 'tools/fuzz does this under the sanitizers' if $ENV{IOSSL_SANITIZE};
plan skip_all => 'no C library beside the tests' if !-e 'c/build/libiossl.a';

my $programs = 'build/fuzz/replay';
my @targets  = map { basename($_, '.c') } grep { !m{/(?:main|support\w*)\.c$} } glob 'fuzz/*.c';
my @make     = ('make', '-s', '-C', 'fuzz', 'DRIVER=replay');
is system(@make), 0, 'the targets compile' or BAIL_OUT('no target');
cmp_ok scalar @targets, '>', 10, 'there are targets';

my %known = map { $_ => 1 } @targets;
my @strange = grep { !$known{ basename $_ } } grep { -d } glob 'fuzz/seeds/* fuzz/regressions/*';
is "@strange", '', 'each folder of inputs has a target';

for my $target (@targets) {
    my $made = tempdir(CLEANUP => 1);
    {
        local $ENV{FUZZ_MAKE_SEEDS} = $made;
        is system("$programs/$target"), 0, "$target makes its seeds";
    }
    open my $nothing, '>', "$made/nothing" or die "$made: $!";
    close $nothing;
    my @folders = grep { -d } $made, "fuzz/seeds/$target", "fuzz/regressions/$target";
    my $said = `$programs/$target @folders 2>&1`;
    is $?, 0, "$target stands all that it is given" or diag $said;
    like $said, qr/^\d+ inputs, no finding$/m, "$target tried them";
}
done_testing;
