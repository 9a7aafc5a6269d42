# STARTTLS: what was sent in the clear, before the handshake, is never taken for protected (CVE-2011-0411).
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

# A plain pair, and what the attacker puts behind the line that starts TLS.
for my $injected ("INJECTED command\r\n", "INJECTED " . 'x' x 3000 . "\r\n", "INJECTED without end") {
    my $what = length($injected) . ' bytes';
    subtest "a server that has read the line with its buffer, $what behind it" => sub {
        my ($client, $server) = plain_pair();
        syswrite $client, "STARTTLS\r\n$injected";
        is scalar(<$server>), "STARTTLS\r\n", 'the line';
        my $result = handshake(over => [$client, $server]);
        if ($result->{server_ok}) {
            print $client "protected\r\n";
            is scalar(<$server>), "protected\r\n", 'only what came under TLS is read';
        } else {
            unlike $result->{server_error}, qr/^$/, 'there is no connection, for a reason';
        }
    };
    subtest "a server that reads byte by byte, $what behind it" => sub {
        my ($client, $server) = plain_pair();
        syswrite $client, "STARTTLS\r\n$injected";
        sysread $server, my $line, 10;
        my $result = handshake(over => [$client, $server]);
        ok !$result->{server_ok}, 'there is no connection';
        like $result->{server_error}, qr/^SSL accept attempt failed.*\S/, 'for a reason';
    };
    subtest "a client that has read the answer with its buffer, $what behind it" => sub {
        my ($client, $server) = plain_pair();
        syswrite $server, "220 go ahead\r\n$injected";
        is scalar(<$client>), "220 go ahead\r\n", 'the line';
        my $result = handshake(over => [$client, $server]);
        if ($result->{client_ok}) {
            print { $result->{server} } "protected\r\n";
            is scalar(<$client>), "protected\r\n", 'only what came under TLS is read';
        } else {
            unlike $result->{client_error}, qr/^$/, 'there is no connection, for a reason';
        }
    };
}

subtest 'after stop_SSL, bytes of TLS that were read ahead aren\'t plain text' => sub {
    my ($client, $server) = settle(pair());
    print $client "secret line\nsecond line\n";
    is scalar(<$server>), "secret line\n", 'one of two lines is read';
    $client->stop_SSL(SSL_fast_shutdown => 1);
    is scalar(<$server>), "second line\n", 'the other, still under TLS';
    $server->stop_SSL(SSL_fast_shutdown => 1);
    syswrite $client, "plain line\n";
    is sysread($server, my $plain, 100), 0, 'TLS ends';
    is sysread($server, $plain, 100), 11, 'something comes after it';
    is $plain, "plain line\n", 'and is what was sent then';
};

done_testing;
