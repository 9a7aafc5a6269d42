# SSL_client_ca and SSL_client_ca_file: the names that a server sends with its request for a certificate.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use Test::More;
use TLSTest;

plan skip_all => 'no openssl to look at the request with'
    if (`openssl version 2>/dev/null` // '') !~ /^OpenSSL/;

my ($ca) = PEM_file2cert(cert('ca.pem'));
my ($other) = PEM_file2cert(cert('other-ca.pem'));
my %NAME = map { my $info = CERT_asHash($_); ($_ => $info->{subject}{commonName}) } $ca, $other;

# The common names of the CAs that a server with these arguments asks for.
sub asked_for {
    my %args = @_;
    my $server = test_server(args => { SSL_ca_file => cert('ca.pem'), SSL_verify_mode => SSL_VERIFY_PEER,
        %args }, handler => sub { 'seen' });
    my $said = `openssl s_client -connect @{[$server->addr]} </dev/null 2>/dev/null`;
    my ($names) = $said =~ /^Acceptable client certificate CA names\n(.*?)^(?:Client|Requested)/ms;
    return $said =~ /No client certificate CA names sent/ ? 'none'
        : defined $names ? join ', ', sort $names =~ /CN ?= ?([^,\n]+)/g : "not asked";
}

subtest 'names come from a file, from handles, or from both' => sub {
    is asked_for(SSL_client_ca_file => cert('ca.pem')), $NAME{$ca}, 'a file';
    is asked_for(SSL_client_ca => [$other]), $NAME{$other}, 'a handle';
    is asked_for(SSL_client_ca => [$ca, $other]), join(', ', sort values %NAME), 'handles';
};

subtest 'whom a server asks for is not whom it trusts' => sub {
    my %client = (SSL_cert_file => cert('client.pem'), SSL_key_file => cert('client.key'));
    my %server = (SSL_ca_file => cert('ca.pem'),
        SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
    my $good = handshake(client => \%client, server => { %server, SSL_client_ca => [$other] });
    is $good->{server_error}, '', 'trusted, though not asked for';
    my $bad = handshake(client => \%client, server => { %server, SSL_ca_file => cert('other-ca.pem'),
        SSL_client_ca => [$ca] });
    like $bad->{server_error}, qr/certificate verify failed/, 'asked for, yet not trusted';
};

subtest 'without them, or without verification, nobody is named' => sub {
    is asked_for(), 'none', 'without';
    like asked_for(SSL_verify_mode => SSL_VERIFY_NONE, SSL_client_ca => [$ca]), qr/^(?:none|not asked)$/,
        'without verification';
};

subtest 'a file that is none is told' => sub {
    my $context = eval { IO::Socket::SSL::SSL_Context->new(server_args(),
        SSL_verify_mode => SSL_VERIFY_PEER, SSL_client_ca_file => cert('garbage.pem')) };
    ok !$context, 'no context';
    like $@ || $SSL_ERROR, qr/Failed to load certificate to client CA list/, 'in the known words';
};

subtest 'where no client is asked for a certificate, it is no mistake' => sub {
    my $result = handshake(server => { SSL_client_ca_file => '/nonexistent' });
    is $result->{server_error}, '', 'connected';
};

done_testing;
