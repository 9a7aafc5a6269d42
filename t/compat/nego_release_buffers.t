# SSL_mode_release_buffers: no data depend on it; that OpenSSL is told shows c/t/t_context.c.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

for my $on (0, 1) {
    subtest "SSL_mode_release_buffers => $on: data go both ways, however long a pause is" => sub {
        my %mode = (SSL_mode_release_buffers => $on);
        my ($client, $server) = pair(client => {%mode}, server => {%mode});
        for my $size (1, 16384, 1) {
            my $line = 'x' x $size . "\n";
            for my $way ([$client, $server], [$server, $client]) {
                my ($from, $to) = @$way;
                ok print({ $from } $line), "$size bytes sent";
                is length <$to>, length $line, 'and received';
                is $to->pending, 0, 'nothing is left behind';
            }
        }
    };
}

done_testing;
