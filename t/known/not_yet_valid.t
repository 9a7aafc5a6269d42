# Certificates before their time: the leaf, or any CA above it.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use KnownTest;
use Test::More;
use TLSTest;

my @later = (not_before => time + 86400, not_after => time + 3 * 86400);
my $root  = authority('Root');
my $inter = authority('Middle', issuer => $root);
my $new_inter = authority('New middle', issuer => $root, @later);
my $new_root  = authority('New root', @later);

sub args { my ($trusted, @sent) = @_; return (client => { trusting($trusted) },
    server => { served(@sent) }) }

connects('none is', args($root, issue($inter), $inter));
refused('the leaf', client => qr/not yet valid/, args($root, issue($inter, @later), $inter));
refused('a CA between', client => qr/not yet valid/, args($root, issue($new_inter), $new_inter));
refused('the root', client => qr/not yet valid/, args($new_root, issue($new_root)));

subtest 'a year of four digits and one of two are told apart' => sub {
    connects('from 1950 to 2120', args($root, issue($root, not_before => -600_000_000,
        not_after => 4_733_510_400)));
    refused('from 2120 on', client => qr/not yet valid/, args($root, issue($root,
        not_before => 4_733_510_400, not_after => 4_833_510_400)));
};

done_testing;
