# Each function of the module with odd scalars: none may crash. For longer: tools/fuzz xs-arguments.
use strict;
use warnings;
use Test::More;

plan skip_all => 'needs fork' if $^O eq 'MSWin32';
my $said = `$^X -Mblib fuzz/xs-arguments --time 0 2>&1`;
is $?, 0, 'no call crashes or hangs' or diag $said;
like $said, qr/^\d+ functions, [1-9]\d* calls, 0 findings$/m, 'and there were calls';
done_testing;
