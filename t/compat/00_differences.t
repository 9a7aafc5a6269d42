# docs/differences.md and the tests agree: every id that the one lists is tried in the other.
use strict;
use warnings;

use lib 't/lib';
use Test::More;
use TLSTest;

sub lines_of {
    my $file = shift;
    open my $fh, '<', $file or die "$file: $!";
    return <$fh>;
}

# An entry begins with its id: "- `area-what-it-is`".
my @ids = map { /^- `([a-z]+-[\w.-]+)`/ ? $1 : () } lines_of('docs/differences.md');
my $tests = join '', map { lines_of($_) } grep { !/00_differences/ } glob 't/*.t t/*/*.t';

subtest 'no id is used for two differences' => sub {
    my %seen;
    is_deeply [grep { $seen{$_}++ } @ids], [], 'each id once';
};

subtest 'each difference that is documented has a test' => sub {
    ok scalar @ids, 'there are some';
    like $tests, qr/differs\W+\Q$_\E['"]/, $_ for @ids;
};

subtest 'each difference that a test names is documented' => sub {
    my %known = map { $_ => 1 } @ids;
    my @named = $tests =~ /\bdiffers\W+([a-z]+-[\w.-]+)['"]/g;
    is_deeply [grep { !$known{$_} } @named], [], 'none is missing from docs/differences.md';
};

subtest 'a difference without an entry fails its test' => sub {
    ok !TLSTest::documented('life-no-such-id'), 'TLSTest looks it up';
};

done_testing;
