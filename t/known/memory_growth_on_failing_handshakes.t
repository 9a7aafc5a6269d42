# Handshakes that fail leave nothing behind, however they fail: what refuses is what attackers call most.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use KnownTest;
use Test::More;
use TLSTest '120';

plan skip_all => 'the sanitizer keeps what is freed, and finds leaks itself' if $ENV{IOSSL_SANITIZE};
defined kilobytes_dirty() or plan skip_all => 'needs /proc/self/smaps_rollup';

my $server = IO::Socket::SSL::SSL_Context->new(server_args()) or die $SSL_ERROR;
my $client = IO::Socket::SSL::SSL_Context->new(client_args()) or die $SSL_ERROR;
my $strange = IO::Socket::SSL::SSL_Context->new(client_args(SSL_ca_file => cert('other-ca.pem')))
    or die $SSL_ERROR;
my $asking = IO::Socket::SSL::SSL_Context->new(server_args(SSL_ca_file => cert('ca.pem'),
    SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT)) or die $SSL_ERROR;

# A server's step with these bytes in front of it.
sub server_gets {
    my $bytes = shift;
    my ($near, $far) = plain_pair('unix');
    syswrite $near, $bytes;
    CORE::shutdown($near, 1);
    IO::Socket::SSL->start_SSL($far, SSL_server => 1, SSL_reuse_ctx => $server) and die 'no failure';
    return;
}

sub fails { my $result = handshake(over => 'unix', @_); return !$result->{client_ok} || !$result->{server_ok} || die 'no failure' }

my %kind = (
    'a wrong name'      => sub { fails(server => { SSL_reuse_ctx => $server },
        client => { SSL_reuse_ctx => $client, SSL_verifycn_name => 'wrong.test' }) },
    'an unknown CA'     => sub { fails(server => { SSL_reuse_ctx => $server },
        client => { SSL_reuse_ctx => $strange }) },
    'no client certificate' => sub { fails(server => { SSL_reuse_ctx => $asking },
        client => { SSL_reuse_ctx => $client }) },
    'garbage'           => sub { server_gets("GET / HTTP/1.0\r\n\r\n") },
    'nothing'           => sub { server_gets('') },
    'half a record'     => sub { server_gets("\x16\x03\x01\x02\x00\x01") },
    'a broken hello'    => sub { server_gets("\x16\x03\x01\x00\x09\x01\x00\x00\x05\x03\x03\x00\x00\x00") },
    'a refused option'  => sub { eval { IO::Socket::SSL->start_SSL((plain_pair('unix'))[0],
        client_args(SSL_version => 'nonsense')) } and die 'no failure' },
);
for my $kind (sort keys %kind) {
    $kind{$kind}->() for 1 .. 200;
    my $before = kilobytes_dirty();
    $kind{$kind}->() for 1 .. 600;
    my $grown = kilobytes_dirty() - $before;
    cmp_ok $grown, '<', 300, "$kind: less than half a KB each (in all $grown KB)";
}

done_testing;
