# Certificates made and described: KEY_create_*, CERT_create, CERT_asHash.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use Test::More;
use TLSTest;

my ($ca, $ca_key) = CERT_create(CA => 1, subject => { commonName => 'The CA', countryName => 'DE' });

subtest 'a certificate says what it was asked to say' => sub {
    my ($cert, $key) = CERT_create(
        subject         => { commonName => 'www.made.test' },
        subjectAltNames => [[DNS => 'www.made.test'], [IP => '127.0.0.1'], [IP => '2001:db8::1']],
        not_before => 1_600_000_000, not_after => 4_000_000_000, serial => 4711,
        issuer => [$ca, $ca_key], purpose => 'server', key => KEY_create_ec());
    my $info = CERT_asHash($cert);

    is $info->{subject}{commonName}, 'www.made.test', 'subject';
    is_deeply $info->{issuer}, { commonName => 'The CA', countryName => 'DE' }, 'issuer';
    is_deeply $info->{subjectAltNames},
        [[DNS => 'www.made.test'], [IP => '127.0.0.1'], [IP => '2001:db8::1']], 'other names';
    is $info->{not_before}, 1_600_000_000, 'valid from';
    is $info->{not_after}, 4_000_000_000, 'valid until';
    is $info->{serial}, 4711, 'serial';
    is $info->{version}, 2, 'version 3 is 2';
    is_deeply [sort @{ $info->{keyusage} }], [qw(digitalSignature keyEncipherment)], 'key usage';
    is_deeply $info->{extkeyusage}{sn}, ['serverAuth'], 'extended key usage';
    is $info->{signature_alg}, 'sha256WithRSAEncryption', 'signed by the RSA key of the CA';
    is length $info->{x509_digest_sha256}, 32, 'a digest';
    CERT_free($cert);
    KEY_free($key);
};

subtest 'what was made is good for a handshake' => sub {
    my ($cert, $key) = CERT_create(subject => { commonName => 'x' }, purpose => 'server',
        subjectAltNames => [[DNS => 'made.test']], issuer => [$ca, $ca_key]);
    my %server = (raw => 1, SSL_server => 1, SSL_cert => $cert, SSL_key => $key);
    my %client = (raw => 1, SSL_ca => [$ca], SSL_verifycn_scheme => 'http');
    my $good = handshake(server => {%server}, client => { %client, SSL_verifycn_name => 'made.test' });
    is $good->{client_error}, '', 'for its name';
    my $bad = handshake(server => {%server}, client => { %client, SSL_verifycn_name => 'bad.test' });
    like $bad->{client_error}, qr/^hostname verification failed/, 'and no other';
    CERT_free($cert);
    KEY_free($key);
};

subtest 'a CA may sign, others may not' => sub {
    my ($basic) = grep { $_->{sn} eq 'basicConstraints' } @{ CERT_asHash($ca)->{ext} };
    is $basic->{data}, 'CA:TRUE', 'a CA says so';
    ok $basic->{critical}, 'critically';
};

subtest 'mistakes are told' => sub {
    for my $case (
        [[purpose => 'nonsense'], qr/unknown purpose nonsense/],
        [[subject => { noSuchPart => 'x' }], qr/failed to add entry for noSuchPart/],
        [[ext => [{ sn => 'noSuchExtension', data => 'x' }]], qr/cannot determine NID/],
    ) {
        my ($args, $words) = @$case;
        ok !eval { CERT_create(@$args); 1 }, "$args->[0]: dies";
        like $@, $words, "$args->[0]: with the reason";
    }
};

done_testing;
