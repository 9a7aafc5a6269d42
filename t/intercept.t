# IO::Socket::SSL::Intercept: odd originals, odd data, threads.
use strict;
use warnings;

use lib 't/lib';
use Config;
use IO::Socket::SSL;
use IO::Socket::SSL::Intercept;
use IO::Socket::SSL::Utils;
use Test::More;
use TLSTest;

my $key = KEY_create_ec();
my ($ca, $ca_key) = CERT_create(CA => 1, key => KEY_create_ec(), subject => { CN => 'proxy' });

sub interceptor {
    return IO::Socket::SSL::Intercept->new(proxy_cert => $ca, proxy_key => $ca_key, cert_key => $key, @_);
}

sub clone_of {
    my ($original, %how) = @_;
    return CERT_asHash((interceptor(%how)->clone_cert($original))[0]);
}

sub names { return [map { $_->{sn} // $_->{oid} } @{ $_[0]{ext} }] }

subtest 'what only the original issuer can promise is not in the clone' => sub {
    my ($original) = CERT_create(key => $key, purpose => 'server', ext => [
        { sn => 'tlsfeature', data => 'status_request' },
        { sn => '1.3.6.1.4.1.11129.2.4.2', data => 'DER:04020000' },
        { sn => '1.2.3.4', data => 'DER:0500', critical => 1 },
        { sn => 'freshestCRL', data => 'URI:http://crl.test/' },
    ]);
    my $info = clone_of($original);
    is_deeply [sort @{ names($info) }], [sort qw(subjectKeyIdentifier authorityKeyIdentifier
        basicConstraints keyUsage nsCertType extendedKeyUsage)], 'only what the clone can stand for';
};

subtest 'certificates of all kinds can be cloned' => sub {
    my %originals = (
        'version 1' => [version => 0], 'a CA' => [CA => 1], 'no subject' => [subject => {}],
        'of Ed25519' => [key => KEY_create_ec('ED25519')], 'signed by SHA-1' => [digest => 'sha1'],
        'long expired' => [not_before => 1, not_after => 2],
    );
    for my $what (sort keys %originals) {
        my ($original) = CERT_create(key => $key, @{ $originals{$what} });
        my ($was, $is) = (CERT_asHash($original), clone_of($original));
        is_deeply [@$is{qw(subject version not_before not_after)}],
            [@$was{qw(subject version not_before not_after)}], "$what: says the same";
        is $is->{signature_alg}, 'ecdsa-with-SHA256', "$what: signed as a proxy signs";
    }
    for my $kind (qw(ED25519 secp384r1)) {
        my ($other, $other_key) = CERT_create(CA => 1, key => KEY_create_ec($kind));
        my ($original) = CERT_create(key => $key);
        my $info = clone_of($original, proxy_cert => $other, proxy_key => $other_key);
        ok $info->{signature_alg}, "by a CA with $kind: $info->{signature_alg}";
    }
};

subtest 'data that were cut, at any place, are refused' => sub {
    my $intercept = interceptor(serial => 7);
    my ($original) = CERT_create(key => $key);
    $intercept->clone_cert($original, 'x');
    my $data = $intercept->serialize;
    my %ends = map { $_ => 1 } length interceptor()->serialize, length $data;
    my ($lived, $undead) = (0, 0);
    for my $length (grep { !$ends{$_} } map { ($_ * 13 .. $_ * 13 + 1) } 0 .. length($data) / 13) {
        next if $length >= length $data;
        $lived++ if eval { IO::Socket::SSL::Intercept->unserialize(substr $data, 0, $length); 1 };
        $undead++ if !length $@;
    }
    is $lived, 0, 'none is taken';
    is $undead, 0, 'each dies with a reason';
    ok !eval { IO::Socket::SSL::Intercept->unserialize(pack 'NN', 2, 0xffffffff); 1 }, 'a length beyond';
    like $@, qr/^serialized data end too early at \Q$0\E/, 'is told';
    ok !eval { IO::Socket::SSL::Intercept->unserialize(''); 1 }, 'nothing at all';
    my $back = IO::Socket::SSL::Intercept->unserialize($data);
    is $back->serialize, $data, 'whole, they give the same again';
};

subtest 'what can not be kept' => sub {
    my $by_code = interceptor(serial => sub { 1 }, cache => sub { 1 });
    my $back = IO::Socket::SSL::Intercept->unserialize($by_code->serialize);
    is $back->{serial}, undef, 'code for serial numbers: the digest takes over';
    is_deeply $back->{cache}, {}, 'a cache of code: a new one';
    ok !eval { interceptor(serial => 2**33)->serialize; 1 }, 'a serial number that is too long';
    like $@, qr/^serial 8589934592 can't be kept/, 'is told';
};

subtest 'the object frees what is in its cache, and cleans the hash' => sub {
    my %cache;
    my $intercept = interceptor(cache => \%cache);
    my ($original) = CERT_create(key => $key);
    my ($cert) = $intercept->clone_cert($original);
    is scalar keys %cache, 1, 'the hash of the program is used';
    undef $intercept;
    is_deeply \%cache, {}, 'and empty when the object is gone';
    ok !eval { PEM_cert2string($cert); 1 }, 'the clone is gone with it';
};

subtest 'an object is its thread\'s' => sub {
    plan skip_all => 'this perl has no threads' if !$Config{useithreads};
    require threads;
    my $intercept = interceptor();
    my ($original) = CERT_create(key => $key);
    my ($cert) = $intercept->clone_cert($original);
    my $there = threads->create(sub {
        return ref($intercept) eq 'IO::Socket::SSL::Intercept' ? 'there' : 'undefined';
    })->join;
    is $there, 'undefined', 'in another one it is undefined';
    like PEM_cert2string($cert), qr/BEGIN/, 'here all is as it was';
    is_deeply [($intercept->clone_cert($original))[0]], [$cert], 'and found';
};

done_testing;
