# A session made with one host is never taken for another.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

for my $version (qw(TLSv1_2 TLSv1_3)) {
    my $server = IO::Socket::SSL::SSL_Context->new(server_args()) or die $SSL_ERROR;
    my $cache  = IO::Socket::SSL::Session_Cache->new(10);

    # [resumed, error] of a connection with these client arguments.
    my $connection = sub {
        my $result = handshake(client => { SSL_version => $version, SSL_session_cache => $cache,
            SSL_session_key => 'one key for all', @_ }, server => { SSL_reuse_ctx => $server });
        my ($client, $peer) = @$result{qw(client server)};
        return [undef, $result->{client_error}] if !$result->{client_ok};
        settle($client, $peer);
        my $resumed = $client->get_session_reused ? 1 : 0;
        $_->close for $client, $peer;
        return [$resumed, ''];
    };
    my @first = (SSL_verifycn_name => 'server.test', SSL_hostname => 'server.test');

    subtest "$version: a session is for the name that it was verified for" => sub {
        is_deeply [map { $connection->(@first)->[0] } 1, 2], [0, 1], 'the same name resumes';
        is_deeply $connection->(@first, SSL_verifycn_name => 'www.server.test'), [0, ''],
            'another name that is in the certificate: a full handshake';
        like $connection->(@first, SSL_verifycn_name => 'other.test')->[1],
            qr/hostname verification failed/, 'a name that isn\'t: refused, as without a session';
        like $connection->(@first, SSL_verifycn_name => 'other.test')->[1],
            qr/hostname verification failed/, 'again and again';
    };

    subtest "$version: a server for several hosts resumes none under another" => sub {
        my $hosts = IO::Socket::SSL::SSL_Context->new(SSL_server => 1,
            SSL_cert_file => { 'a.sni.test' => cert('a-sni.pem'), 'b.sni.test' => cert('b-sni.pem') },
            SSL_key_file => { 'a.sni.test' => cert('a-sni.key'), 'b.sni.test' => cert('b-sni.key') })
            or die $SSL_ERROR;
        my $shared = IO::Socket::SSL::Session_Cache->new(10);
        my $see = sub {
            my $name = shift;
            my ($client, $peer) = settle(pair(server => { SSL_reuse_ctx => $hosts },
                client => { SSL_version => $version, SSL_hostname => $name,
                    SSL_verifycn_name => $name, SSL_session_cache => $shared,
                    SSL_session_key => 'one key for all' }));
            my $cn = $client->peer_certificate('cn');
            $_->close for $client, $peer;
            return $cn;
        };
        is_deeply [map { $see->("$_.sni.test") } qw(a b a b)],
            [map { "$_.sni.test" } qw(a b a b)], 'each gets the certificate of its own name';
    };
}

done_testing;
