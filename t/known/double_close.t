# A second close: false, with EBADF, and never somebody else's descriptor.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

use Errno qw(EBADF);

my %first = (
    close => sub { $_[0]->close },
    'CORE::close' => sub { CORE::close($_[0]) },
    'close(SSL_no_shutdown)' => sub { $_[0]->close(SSL_no_shutdown => 1) },
    'stop_SSL, close' => sub { $_[0]->stop_SSL(SSL_fast_shutdown => 1); $_[0]->close },
);
for my $how (sort keys %first) {
    subtest "after $how" => sub {
        my ($client, $server) = settle(pair());
        my $fd = fileno $client;
        ok $first{$how}->($client), 'the first is true';
        # The number is free again, and somebody else's file gets it.
        my @files;
        until (@files && fileno $files[-1] == $fd) {
            open my $file, '<', $0 or die "$0: $!";
            push @files, $file;
        }
        my $other = $files[-1];
        for my $again ('close', 'CORE::close') {
            $! = 0;
            my $result = $again eq 'close' ? $client->close : CORE::close($client);
            my $errno = $! + 0;
            ok !$result, "$again: false";
            is $errno, EBADF, '... by EBADF';
        }
        $client->DESTROY;
        undef $client;
        ok defined scalar(<$other>), 'the file is still open';
    };
}

subtest 'a listener' => sub {
    my $listener = IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0,
        server_args()) or die $SSL_ERROR;
    ok $listener->close, 'once';
    ok !$listener->close, 'not twice';
    ok !$listener->accept, 'and it accepts nobody';
};

done_testing;
