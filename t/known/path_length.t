# pathLenConstraint: how many CAs may stand below one (RFC 5280 4.2.1.9).
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use KnownTest;
use Test::More;
use TLSTest;

# A chain of CAs with these constraints, undef: none; the first is the root. Returns them, lowest first.
sub cas {
    my @made;
    for my $length (@_) {
        my $constraint = 'CA:TRUE' . (defined $length ? ",pathlen:$length" : '');
        # As a description (of signature_alg): its extensions are all that there are.
        unshift @made, authority('CA ' . @made, issuer => $made[0], CA => 0, purpose => undef,
            signature_alg => 'ecdsa-with-SHA256', ext => [
                { sn => 'basicConstraints', data => $constraint, critical => 1 },
                { sn => 'keyUsage', data => 'keyCertSign', critical => 1 }]);
    }
    return @made;
}

for my $case (
    [1, undef, undef], [1, undef, 0], [0, undef, 0, undef], [1, undef, 1, 0],
    [0, undef, 1, 1, 1], [1, 2, 1, 0], [0, 1, undef, undef], [1, undef, 0], [0, 0, 5],
    [1, undef, undef, undef, undef, 0], [0, undef, 2, undef, undef, undef],
) {
    my ($good, @lengths) = @$case;
    my @cas = cas(@lengths);
    my $root = $cas[-1];
    my $what = 'CAs with ' . join(', ', map { $_ // 'none' } @lengths);
    my %how = (client => { trusting($root) },
        server => { served(issue($cas[0]), @cas[0 .. $#cas - 1]) });
    if ($good) { connects("$what: good", %how) }
    else { refused("$what: too long", client => qr/path length constraint exceeded/, %how) }
}

done_testing;
