# Truncation: a stream that is cut is told apart from one that its peer ended.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

use Errno qw(ECONNRESET);

sub raw { my $sock = shift; open my $fh, '+<&', fileno $sock or die "dup: $!"; return $fh }

for my $version (qw(TLSv1_2 TLSv1_3)) {
    subtest "$version: an orderly end" => sub {
        my ($client, $server) = settle(pair(client => { SSL_version => $version }));
        print $server "whole\n";
        $server->close;
        is scalar(<$client>), "whole\n", 'what came before';
        is scalar(<$client>), undef, 'the end';
        is $client->is_SSL, 'w', 'of what is read; an answer may still go out';
    };
    subtest "$version: TCP ends, TLS didn't" => sub {
        my ($client, $server) = settle(pair(client => { SSL_version => $version }));
        print $server "half a mess";
        CORE::shutdown($server, 1);
        is sysread($client, my $text, 100), 11, 'what came before';
        is sysread($client, $text, 100), 0, 'the end';
        is $client->is_SSL, 'rw', 'but not one that TLS was told of';
    };
    subtest "$version: a reset" => sub {
        my ($client, $server) = settle(pair(client => { SSL_version => $version }));
        reset_on_close($server);
        $server->close(SSL_no_shutdown => 1);
        ready($client, 'r');
        my ($got, $errno) = (scalar sysread($client, my $text, 100), $! + 0);
        is $got, undef, 'an error';
        is $errno, ECONNRESET, 'by name';
    };
    subtest "$version: an end within the handshake" => sub {
        my ($client, $server) = plain_pair();
        CORE::shutdown($server, 1);
        ok !IO::Socket::SSL->start_SSL($client, client_args(SSL_version => $version)), 'no connection';
        like $SSL_ERROR, qr/^SSL connect attempt failed.*(?:eof|end|closed)/i, 'and why';
    };
}

done_testing;
