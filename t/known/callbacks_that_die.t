# Callbacks that die: the program gets the exception, the connection ends, the next one is well.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

my @cert = (SSL_cert_file => cert('client.pem'), SSL_key_file => cert('client.key'));
my @hosts = (SSL_cert_file => { 'server.test' => cert('server.pem'), '' => cert('server.pem') },
    SSL_key_file => { 'server.test' => cert('server.key'), '' => cert('server.key') });

# [side, arguments for client and server with this code as callback]
my %callback = (
    SSL_verify_callback => [client => sub { ({ SSL_verify_callback => shift }, {}) }],
    'SSL_verify_callback of a server' => [server => sub { ({@cert}, { SSL_verify_callback => shift,
        SSL_verify_mode => SSL_VERIFY_PEER, SSL_ca_file => cert('ca.pem') }) }],
    SSL_verifycn_scheme => [client => sub { ({ SSL_verifycn_scheme => { callback => shift } }, {}) }],
    SSL_ocsp_staple_callback => [client => sub { ({ SSL_ocsp_staple_callback => shift }, {}) }],
    SSL_passwd_cb => [server => sub { ({}, { SSL_cert_file => cert('server.pem'),
        SSL_key_file => cert('server-pass.key'), SSL_passwd_cb => shift }) }],
    SSL_create_ctx_callback => [client => sub { ({ SSL_create_ctx_callback => shift }, {}) }],
    SSL_ticket_keycb => [server => sub { ({}, { SSL_ticket_keycb => shift }) }],
);

for my $name (sort keys %callback) {
    my ($side, $args) = @{ $callback{$name} };
    subtest $name => sub {
        for my $thrown ("a text\n", { an => 'object' }, 0) {
            my $called = 0;
            my ($client, $server) = $args->(sub { $called++; die $thrown });
            my ($near, $far) = plain_pair('unix');
            $_->blocking(0) for $near, $far;
            my $caught;
            for (1 .. 6) {
                for my $end ([$near, 'connect_SSL', client_args(%$client)],
                    [$far, 'accept_SSL', server_args(%$server)]) {
                    my ($sock, $step, @args) = @$end;
                    local $@;
                    eval {
                        IO::Socket::SSL->start_SSL($sock, @args, SSL_startHandshake => 0)
                            if !$sock->isa('IO::Socket::SSL');
                        $sock->$step;
                        1;
                    } and next;
                    $caught //= [$@];
                }
            }
            ok $called, 'called';
            ref $thrown ? is($caught->[0], $thrown, 'the very object arrives')
                : like($caught->[0] // 'nothing', qr/^\Q$thrown\E/, 'the text arrives');
        }
        ok handshake()->{client_ok}, 'the next connection is well';
    };
}

done_testing;
