# The generated tables of the C core are what their generators write today.
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Spec;
use Test::More;
use Unicode::UCD;

my $top  = File::Spec->catdir(dirname(__FILE__), '..', '..');
my $list = "$top/../shared/data/public_suffix_list.dat";

sub content {
    my $file = shift;
    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$in>;
}

# What a generator prints; dies where it fails.
sub output_of {
    my @command = @_;
    open my $out, '-|', $^X, @command or die "@command: $!\n";
    local $/;
    my $text = <$out>;
    close $out or die "@command: failed\n";
    return $text;
}

alarm 120;

subtest 'the public suffix list is compiled in as tools/gen-psl writes it' => sub {
    plan skip_all => "$list isn't here" if !-e $list;
    ok output_of("$top/tools/gen-psl", $list) eq content("$top/c/src/psl_data.c"), 'not a byte differs';
};

subtest 'the tables for international names are as tools/gen-idn writes them' => sub {
    my $have    = Unicode::UCD::UnicodeVersion();
    my $written = content("$top/c/src/idn_data.c");
    my ($wanted) = $written =~ /^ \* Derived from Unicode ([\d.]+),/m;
    plan skip_all => "this perl has Unicode $have, the tables are of $wanted" if $have ne $wanted;
    ok output_of("$top/tools/gen-idn") eq $written, 'not a byte differs';
};

done_testing;
