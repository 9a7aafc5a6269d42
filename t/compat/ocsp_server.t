# A server may ask whether the certificate of its client has been revoked.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use Test::More;
use TLSTest;

my ($ca, $ca_key) = CERT_create(CA => 1, subject => { commonName => 'client CA' },
    key => KEY_create_ec());

# A client and a server that has seen its certificate, which names this responder, if any.
sub seen {
    my ($uri, %server) = @_;
    my ($cert, $key) = CERT_create(subject => { commonName => 'client' }, issuer => [$ca, $ca_key],
        key => KEY_create_ec(), purpose => 'client',
        $uri ? (ext => [{ sn => 'authorityInfoAccess', data => "OCSP;URI:$uri" }]) : ());
    return settle(pair(client => { SSL_cert => $cert, SSL_key => $key },
        server => { SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
            SSL_ca => [$ca], %server }));
}

subtest 'the responder that the certificate of the client names is to be asked' => sub {
    my ($client, $server) = seen('http://ocsp.test/x');
    my $resolver = $server->ocsp_resolver($server->peer_certificate);
    is $resolver->hard_error, undef, 'not answered yet';
    my %requests = $resolver->requests;
    is_deeply [keys %requests], ['http://ocsp.test/x'], 'where';
    like $requests{'http://ocsp.test/x'}, qr/^\x30/, 'with what';
    is $resolver->add_response('http://ocsp.test/x', 'garbage'), '', 'an answer that says nothing';
    like $resolver->soft_error, qr/invalid response/, 'is a soft error';
};

subtest 'without a responder there is nothing to ask' => sub {
    my ($client, $server) = seen(undef);
    my $resolver = $server->ocsp_resolver($server->peer_certificate);
    is $resolver->hard_error, '', 'no hard error';
    like $resolver->soft_error, qr/no ocsp_uri/, 'but a soft one';
    is_deeply [$resolver->requests], [], 'no request';
};

subtest 'with SSL_OCSP_FAIL_HARD an answer that says nothing is a hard error' => sub {
    my ($client, $server) = seen('http://ocsp.test/x', SSL_ocsp_mode => SSL_OCSP_FAIL_HARD);
    my $resolver = $server->ocsp_resolver($server->peer_certificate);
    like $resolver->add_response('http://ocsp.test/x', 'garbage'), qr/invalid response/, 'hard';
};

done_testing;
