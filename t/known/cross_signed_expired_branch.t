# Cross-signed chains with an expired branch (AddTrust, 2020): another path that holds is found.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use KnownTest;
use Test::More;
use TLSTest;

my @over = (not_before => time - 3 * 86400, not_after => time - 86400);
my $old_root = authority('Old root', @over);
my $new_root = authority('New root');
my $other    = authority('Other root');
# The same CA, name and key, signed by several.
my $inter  = authority('Middle', issuer => $new_root);
my $by_old = authority('Middle', issuer => $old_root, key => $inter);
my $expired = authority('Middle', issuer => $new_root, key => $inter, @over);
my $leaf   = issue($inter);

sub args { my ($trusted, @sent) = @_; return (client => { trusting(@$trusted) },
    server => { served($leaf, @sent) }) }

connects('the good branch first', args([$new_root], $inter, $by_old));
connects('the bad branch first', args([$new_root], $by_old, $inter));
connects('the expired root is trusted, too', args([$old_root, $new_root], $by_old, $inter));
connects('the expired root is sent, too', args([$new_root], $by_old, $old_root, $inter));
connects('an expired certificate of the CA first', args([$new_root], $expired, $inter));
connects('the CA is trusted itself', args([$old_root, $inter], $by_old));
refused('only the expired branch is there', client => qr/\S/, args([$old_root, $new_root], $by_old));
refused('both branches are bad', client => qr/\S/, args([$other], $by_old, $expired, $inter));

subtest 'the root itself is cross-signed by the expired one' => sub {
    my $crossed = authority('New root', issuer => $old_root, key => $new_root);
    connects('and the new one trusted', args([$old_root, $new_root], $inter, $crossed, $old_root));
    refused('and only the old one trusted', client => qr/expired/,
        args([$old_root], $inter, $crossed));
};

done_testing;
