# SECURITY.md names a test for each promise, docs/reliability.md one for each known class of failure; each is
# there and is released.
use strict;
use warnings;

use Test::More;

sub lines { my $file = shift; open my $in, '<', $file or die "$file: $!"; return <$in> }

my %released = map { (split)[0] => 1 } lines('MANIFEST');
my ($is_table, @promises, %named) = (0);
for my $line (lines('SECURITY.md')) {
    $is_table = 1 if $line =~ /^## Promises and their tests/;
    next if !$is_table || $line !~ /^\| (?!promise|---)(.+?) \| (.+) \|$/;
    my ($promise, @tests) = ($1, $2 =~ /`([^`]+)`/g);
    push @promises, $promise;
    subtest $promise => sub {
        ok @tests, 'a test is named';
        for (@tests) {
            ok -s, "$_ is there";
            ok $released{$_}, 'and in MANIFEST';
            $named{$_} = 1;
        }
    };
}
cmp_ok scalar @promises, '>', 30, 'the table was found';
is_deeply [grep { !$named{$_} } glob 't/known/*.t'], [], 'each known class of failure has its promise';

# Where one file has several classes, the names of its checks are quoted.
subtest 'known classes of failure' => sub {
    my $text = join '', lines('docs/reliability.md');
    my ($section) = $text =~ /^## Known classes of failure$(.*?)^## /ms;
    my %of;
    for my $row ($section =~ /^\| (?!class|---)(.+? \| .*`.+`) \|$/mg) {
        my ($class, $where) = split / \| /, $row;
        my @tests = $where =~ /`([^`]+)`/g;
        $of{$_} = 1 for @tests;
        is_deeply [grep { !$released{$_} || !-s } @tests], [], $class;
        my $source = join '', map { lines($_) } @tests;
        like $source, qr/"\Q$_\E\b/, $_ for $where =~ /"([^"]+)"/g;
    }
    is_deeply [grep { !$of{$_} } glob 't/known/*.t'], [], 'none is left out';
};

done_testing;
