# The release is what MANIFEST lists, the repository what git tracks: the same files.
use strict;
use warnings;

use Test::More;

plan skip_all => 'not a git checkout: there is nothing to compare MANIFEST with' if !-e '.git';
my @tracked = split /\0/, `git ls-files -z`;
plan skip_all => 'git is not installed here' if $? != 0;

open my $fh, '<', 'MANIFEST' or die "MANIFEST: $!";
chomp(my @listed = <$fh>);
s/\s.*// for @listed;

my (%in_git, %in_manifest);
@in_git{@tracked}     = ();
@in_manifest{@listed} = ();

subtest 'MANIFEST lists every tracked file, once' => sub {
    is_deeply [grep { !exists $in_manifest{$_} } @tracked], [],
        'no tracked file is missing; tools/manifest writes the list';
    is scalar @listed, scalar keys %in_manifest, 'no line appears twice';
};

subtest 'MANIFEST lists nothing but tracked files' => sub {
    is_deeply [grep { !exists $in_git{$_} } @listed], [], 'each listed file is tracked';
};

subtest 'every listed file is there' => sub {
    is_deeply [grep { !-e } @listed], [], 'nothing is lost from the working tree';
};

done_testing;
