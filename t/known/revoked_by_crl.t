# Revoked by a list: refused, and so is everybody where the list isn't to be relied on.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

my %good    = (SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'));
my %revoked = (SSL_cert_file => cert('revoked.pem'), SSL_key_file => cert('revoked.key'));

sub verdict {
    my ($server, @client) = @_;
    return handshake(client => {@client}, server => $server)->{client_error};
}

my @list = (SSL_check_crl => 1, SSL_crl_file => cert('crl.pem'));
is verdict(\%good, @list), '', 'who isn\'t on the list passes';
like verdict(\%revoked, @list), qr/certificate revoked/, 'who is on it doesn\'t';
like verdict(\%revoked, @list, SSL_check_crl => 'chain'), qr/certificate verify failed/,
    'nor where the whole chain is looked up';
like verdict(\%good, SSL_check_crl => 1), qr/unable to get certificate CRL/, 'without a list nobody does';
like verdict(\%good, SSL_check_crl => 1, SSL_crl_file => cert('crl-old.pem')),
    qr/CRL has expired/, 'by one that is overdue nobody does';
is verdict(\%revoked, SSL_check_crl => 0, SSL_crl_file => cert('crl.pem')), '',
    'where nobody asks, nobody looks';

subtest 'a list of another CA of the same kind is none' => sub {
    my $other = { SSL_cert_file => cert('other-server.pem'), SSL_key_file => cert('other-server.key') };
    like verdict($other, SSL_ca_file => cert('other-ca.pem'), @list), qr/unable to get certificate CRL/,
        'refused';
};

subtest 'resumption doesn\'t get around a list that came later' => sub {
    my $server = IO::Socket::SSL::SSL_Context->new(SSL_server => 1, %revoked) or die $SSL_ERROR;
    my $cache  = IO::Socket::SSL::Session_Cache->new(4);
    my @cache  = (SSL_session_cache => $cache, SSL_session_key => 'peer');
    my ($client, $peer) = settle(pair(client => {@cache}, server => { SSL_reuse_ctx => $server }));
    $_->close for $client, $peer;
    ok $cache->get_session('peer'), 'there is a session';
    like verdict({ SSL_reuse_ctx => $server }, @cache, @list), qr/certificate revoked/, 'refused';
};

done_testing;
