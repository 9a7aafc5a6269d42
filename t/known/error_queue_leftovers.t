# What OpenSSL's error queue holds of one connection isn't taken for the error of another.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;
use NegoTest;

# Something that fails, each kind in its own way, on a socket that has nothing to do with the rest.
my %failing = (
    'a handshake that is refused' => sub { handshake(client => { SSL_ca_file => cert('other-ca.pem') }) },
    'a handshake with garbage' => sub {
        my ($client, $server) = plain_pair();
        syswrite $server, "HTTP/1.1 400 Bad Request\r\n\r\n";
        IO::Socket::SSL->start_SSL($client, client_args());
    },
    'a handshake that is cut' => sub {
        my ($client, $server) = plain_pair();
        close $server;
        IO::Socket::SSL->start_SSL($client, client_args());
    },
    'a context that can\'t be made' => sub {
        eval { IO::Socket::SSL::SSL_Context->new(server_args(SSL_cert_file => cert('garbage.pem'))) };
    },
    'a cipher list of nothing' => sub {
        eval { IO::Socket::SSL::SSL_Context->new(client_args(SSL_cipher_list => 'NONSENSE')) };
    },
    'a record that was tampered with' => sub {
        my ($client, $server) = settle(pair());
        open my $raw, '+<&', fileno $server or die "dup: $!";
        CORE::syswrite($raw, "\x17\x03\x03\x00\x20" . 'x' x 32);
        sysread $client, my $text, 1;
    },
    'a PEM that can\'t be read' => sub {
        require IO::Socket::SSL::Utils;
        eval { IO::Socket::SSL::Utils::PEM_string2cert("-----BEGIN CERTIFICATE-----\nAAAA\n"
            . "-----END CERTIFICATE-----\n") };
    },
    'what a program left there with Net::SSLeay' => sub {
        net_ssleay() or return;
        my $ctx = Net::SSLeay::CTX_new() or return;
        Net::SSLeay::CTX_use_certificate_file($ctx, '/nonexistent', 1);
        Net::SSLeay::CTX_free($ctx);
    },
);

for my $failure (sort keys %failing) {
    subtest $failure => sub {
        my ($client, $server) = settle(pair());
        my ($idle, $other) = settle(pair());
        $idle->blocking(0);
        $failing{$failure}->();
        print $client "to the server\n";
        is scalar(<$server>), "to the server\n", 'a line one way';
        $failing{$failure}->();
        is $idle->sysread(my $nothing, 1), undef, 'nothing to read';
        cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'is a want, not an error';
        $failing{$failure}->();
        print $server "to the client\n";
        $failing{$failure}->();
        is scalar(<$client>), "to the client\n", 'and the other way';
        $server->close;
        $failing{$failure}->();
        is scalar(<$client>), undef, 'an end is an end';
        $failing{$failure}->();
        ok handshake()->{client_ok}, 'and the next handshake is as good as any';
    };
}

done_testing;
