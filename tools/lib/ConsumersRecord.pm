package ConsumersRecord;

# Loaded into every perl of a consumer's test, the ones it starts included: puts the implementation
# under test first in @INC, and at the end of each process appends to $CONSUMERS_RECORD the file that
# IO::Socket::SSL came from, and the program. It loads no module, so as to change nothing that the test sees.

use strict;
use warnings;

my ($record) = ($ENV{CONSUMERS_RECORD} || '') =~ /(.*)/s;       # also under taint mode
unshift @INC, grep { length } map { /(.*)/s } split /:/, $ENV{CONSUMERS_LIBS} || '';

END {
    my @kept = ($! + 0, $?, $@);            # "local $?" would let each program end with 0
    my $from = $INC{'IO/Socket/SSL.pm'};
    if (defined $from && length $record && open my $out, '>>', $record) {
        syswrite $out, "$from\t$0\n";
    }
    ($!, $?, $@) = @kept;
}

1;
