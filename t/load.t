# tools/load in its short form: many connections in one process, handshakes one after the other,
# processes on one listening socket, threads. The figures of the long form: docs/reliability.md.
use strict;
use warnings;
use Test::More;

use lib 't/lib';
use TLSTest '240';

for my $kind (qw(connections handshakes children threads)) {
    my $said = `$^X tools/load --short --no-build $kind 2>&1`;
    is $?, 0, "$kind: nothing lost, nothing wrong, nothing grown" or diag $said;
    like $said, qr/^$kind \d+: /m, 'with figures';
    note $said;
}
done_testing;
