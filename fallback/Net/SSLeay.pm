# Net::SSLeay (not the real one) - stands in for a Net::SSLeay that isn't installed.
#
# Makefile.PL of IO-Socket-SSL-XS installs this where it finds no Net::SSLeay, so that programs which
# ask for that first find something. If a real one has come since, that is loaded.
package Net::SSLeay;    ## no critic: the real one declares it

use strict;
use warnings;

require IO::Socket::SSL::NetSSLeay;

if (defined(my $real = IO::Socket::SSL::NetSSLeay::real_one(__FILE__))) {
    $INC{'Net/SSLeay.pm'} = $real;
    do $real or die $@ || "$real: $!\n";
} else {
    IO::Socket::SSL::NetSSLeay::stand_in();
}

1;
