# Chains with a part missing.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use KnownTest;
use Test::More;
use TLSTest;

my $root  = authority('Root');
my $upper = authority('Upper', issuer => $root);
my $lower = authority('Lower', issuer => $upper);
my $leaf  = issue($lower);
my $MISSING = qr/unable to get|unable to verify/;

sub args { my ($trusted, @sent) = @_; return (client => { trusting(@$trusted) },
    server => { served($leaf, @sent) }) }

connects('whole', args([$root], $lower, $upper));
connects('in the wrong order', args([$root], $upper, $lower));
connects('with the root', args([$root], $lower, $upper, $root));
connects('with a certificate that has nothing to do with it',
    args([$root], $lower, authority('Stranger'), $upper));
refused('without the lower CA', client => $MISSING, args([$root], $upper));
refused('without the upper CA', client => $MISSING, args([$root], $lower));
refused('the leaf alone', client => $MISSING, args([$root]));
connects('up to a CA that is trusted, though not a root', args([$upper], $lower));
connects('the lower CA is trusted', args([$lower]));
connects('what is missing is among the trusted', args([$root, $upper, $lower]));
connects('the leaf itself is trusted', args([$leaf]));
refused('nothing is trusted', client => qr/\S/, args([], $lower, $upper, $root));

done_testing;
