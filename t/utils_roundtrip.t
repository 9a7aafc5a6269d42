# A certificate that is described, and made again from its description, has the same description.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils qw(:DEFAULT DER_string2key DER_key2string);
use Test::More;
use TLSTest;

my $KEY = KEY_create_ec();
my ($CA, $CA_KEY) = CERT_create(CA => 1, key => $KEY, subject => { CN => 'The CA' });

# Everything but what has to differ: the digests of the whole, and with another key or issuer theirs.
sub said {
    my ($cert, @not) = @_;
    my $info = CERT_asHash($cert);
    delete @$info{qw(x509_digest_sha256 fingerprint_sha256), @not};
    return $info;
}

sub same_again {
    my ($what, $cert, $key, @issuer) = @_;
    my ($again) = eval { CERT_create(%{ CERT_asHash($cert) }, key => $key, @issuer) };
    return fail "$what: $@" if !$again;
    is_deeply said($again), said($cert), $what;
    CERT_free($again);
    return;
}

subtest 'whatever is in a certificate' => sub {
    my %made = (
        nothing       => [],
        'a server'    => [purpose => 'server'],
        'a CA'        => [CA => 1],
        'odd purposes' => [purpose => 'keyAgreement decipherOnly timeStamping'],
        'all names'   => [subjectAltNames => [[DNS => 'a.test'], [DNS => '*.b.test'], [EMAIL => 'a@b'],
            [IP => '192.0.2.1'], [IP => '2001:db8::1'], [URI => 'http://x/'], [RID => '1.2.3.4'],
            [DIRNAME => '/C=DE/CN=x'], [OTHERNAME => '1.2.3.4;UTF8:text'],
            [OTHERNAME => '1.2.3.4;INTEGER:7']]],
        'a subject of many parts' => [subject => { C => 'DE', O => ['One', 'Two'], OU => ['x', 'y', 'z'],
            CN => "Stra\xc3\x9fe", emailAddress => 'a@b.test', '1.2.3.4' => 'by number' }],
        'no subject'  => [subject => {}],
        'a long serial' => [serial => '123456789012345678901234567890123456789'],
        'a negative serial' => [serial => -12],
        'version 1'   => [version => 0],
        'times far away' => [not_before => -10_000_000_000, not_after => 250_000_000_000],
        'sha512'      => [digest => 'sha512'],
        extensions    => [ext => [
            { sn => 'nsComment', data => 'a comment', critical => 1 },
            { sn => 'authorityInfoAccess', data => "OCSP;URI:http://o/" },
            { sn => 'crlDistributionPoints', data => 'URI:http://c/' },
            { sn => 'certificatePolicies', data => '1.2.3.4' },
            { sn => 'nameConstraints', data => 'permitted;DNS:x.test', critical => 1 },
            { sn => 'tlsfeature', data => 'status_request' },
            { sn => '1.2.3.4.5', data => 'DER:0500' },
            { sn => '1.2.3.4.6', data => 'DER:DEADBEEF', critical => 1 },
        ]],
    );
    for my $what (sort keys %made) {
        my ($cert) = CERT_create(key => $KEY, @{ $made{$what} });
        same_again("$what, self-signed", $cert, $KEY);
        my ($signed) = CERT_create(key => $KEY, @{ $made{$what} }, issuer => [$CA, $CA_KEY]);
        same_again("$what, by a CA", $signed, $KEY, issuer_cert => $CA, issuer_key => $CA_KEY);
    }
};

subtest 'keys of every kind that this OpenSSL has' => sub {
    my @curves = map { /^\s*([\w-]+)\s*:/ } `openssl ecparam -list_curves`;
    plan skip_all => 'no openssl to name the curves' if !@curves;
    my $count = 0;
    for my $kind (@curves, qw(ED25519 ED448), 'RSA 2048', 'RSA 3072') {
        my $key = eval { $kind =~ /^RSA (\d+)/ ? KEY_create_rsa($1) : KEY_create_ec($kind) };
        if (!$key) {
            # OpenSSL names some curves that it can't put into a key file.
            like $@, qr/^unknown curve \Q$kind\E/, "$kind: refused with its name";
            next;
        }
        is PEM_key2string(PEM_string2key(PEM_key2string($key))), PEM_key2string($key), "$kind: PEM";
        is DER_key2string(DER_string2key(DER_key2string($key))), DER_key2string($key), "$kind: DER";
        my ($cert) = eval { CERT_create(key => $key, digest => 'sha384') };
        ok $cert, "$kind: signs" or diag($@), next;
        same_again("$kind: a certificate", $cert, $key);
        $count++;
    }
    cmp_ok $count, '>', 10, "$count kinds were tried";
};

subtest 'the certificates of t/certs' => sub {
    my $count = 0;
    for my $file (glob cert('ca.pem') =~ s/ca\.pem$/*.pem/r) {
        my $cert = eval { PEM_file2cert($file) } or next;
        my ($again) = CERT_create(%{ CERT_asHash($cert) }, key => $KEY, issuer_cert => $cert,
            issuer_key => $KEY);
        my @of_keys = qw(issuer signature_alg pubkey_digest_sha256 ext);
        is_deeply said($again, @of_keys), said($cert, @of_keys), $file =~ s{.*/}{}r;
        is_deeply without_identifiers($again), without_identifiers($cert), '... its extensions';
        CERT_free($cert, $again);
        $count++;
    }
    cmp_ok $count, '>', 20, "$count were tried";
};

done_testing;

sub without_identifiers {
    return [sort map { ($_->{sn} // $_->{oid}) . ($_->{critical} ? '!' : '') . unpack 'H*', $_->{der} }
        grep { ($_->{sn} // '') !~ /KeyIdentifier$/ } @{ CERT_asHash($_[0])->{ext} }];
}
