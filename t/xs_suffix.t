# public_suffix has an XSUB for plain names and a Perl sub for all: they give the same.
use strict;
use warnings;

use Test::More;
use IO::Socket::SSL::PublicSuffix;

my %LISTS = (
    'the list compiled in' => IO::Socket::SSL::PublicSuffix->default,
    'without a suffix by default' => IO::Socket::SSL::PublicSuffix->default(min_suffix => 0),
    'rules of a text' =>
        IO::Socket::SSL::PublicSuffix->from_string("com\n*.ck\n!www.ck\na.b.example\n"),
);
my @NAMES = map { $_, uc, "$_.", "$_..", ".$_" } qw(com a.com www.example.co.uk co.uk uk ck www.ck
    x.ck a.x.ck a.b.example x.a.b.example b.example nothing.at.all single 10.0.0.1 a..b.com .), '';
push @NAMES, "b\x{fc}cher.example", "a.xn--bcher-kva.de", "under_score.com", "*.example.com";

my $class = 'IO::Socket::SSL::PublicSuffix';
for my $which (sort keys %LISTS) {
    my $list = $LISTS{$which};
    subtest "$which: both ways agree, in list and in scalar context" => sub {
        for my $name (@NAMES) {
            for my $more ([], [0], [1], [5]) {
                is_deeply [$list->public_suffix($name, @$more)],
                    [$class->can('_public_suffix')->($list, $name, @$more)], "(@$more) list";
                is scalar $list->public_suffix($name, @$more),
                    scalar $class->can('_public_suffix')->($list, $name, @$more), 'scalar';
            }
        }
    };
}

subtest 'the name given stays as it is' => sub {
    my $name = 'WWW.Example.COM.';
    is_deeply [$LISTS{'the list compiled in'}->public_suffix($name)], ['www.example', 'com.'],
        'in lower case, the dot with the suffix';
    is $name, 'WWW.Example.COM.', 'the argument is as before';
};

done_testing;
