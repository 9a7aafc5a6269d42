# CERT_create and its relatives: each purpose, extension form, name, key; chains; and what is refused.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use Test::More;
use TLSTest;

my $KEY = KEY_create_ec();

sub describe { return CERT_asHash((CERT_create(key => $KEY, @_))[0]) }

# What extensions say, by short name; "!" is for critical ones.
sub extensions {
    my $info = describe(@_);
    my %data = map { $_->{sn} => ($_->{critical} ? '!' : '') . ($_->{data} // '') } @{ $info->{ext} };
    s/^(!?)\n/$1/, s/\n\z// for values %data;     # which OpenSSL 1.1.1 has more of
    return \%data;
}

# --- purposes -------------------------------------------------------------------------------------

my $USUAL = '!Digital Signature, Key Encipherment';
my $SIGN  = '!Digital Signature, Certificate Sign';
my ($TO_CLIENT, $TO_SERVER) = ('TLS Web Client Authentication', 'TLS Web Server Authentication');
my $BOTH  = ['!CA:FALSE', $USUAL, "$TO_CLIENT, $TO_SERVER", 'SSL Client, SSL Server'];

# arguments => [basicConstraints, keyUsage, extendedKeyUsage, nsCertType]
my @PURPOSES = (
    [[purpose => 'client']          => '!CA:FALSE', $USUAL, $TO_CLIENT, 'SSL Client'],
    [[purpose => 'server']          => '!CA:FALSE', $USUAL, $TO_SERVER, 'SSL Server'],
    [[purpose => 'email']           => '!CA:FALSE', $USUAL, 'E-mail Protection', 'S/MIME'],
    [[purpose => 'emailProtection'] => '!CA:FALSE', $USUAL, 'E-mail Protection', 'S/MIME'],
    [[purpose => 'objsign']         => '!CA:FALSE', $USUAL, 'Code Signing', 'Object Signing'],
    [[purpose => 'codeSigning']     => '!CA:FALSE', $USUAL, 'Code Signing', 'Object Signing'],
    [[purpose => 'CA']              => '!CA:TRUE', $SIGN, undef, undef],
    [[purpose => 'sslCA']           => '!CA:TRUE', $SIGN, undef, 'SSL CA'],
    [[purpose => 'emailCA']         => '!CA:TRUE', $SIGN, undef, 'S/MIME CA'],
    [[purpose => 'objCA']           => '!CA:TRUE', $SIGN, undef, 'Object Signing CA'],
    [[purpose => 'timeStamping']    => '!CA:FALSE', undef, 'Time Stamping', undef],
    [[purpose => 'clientAuth']      => '!CA:FALSE', undef, $TO_CLIENT, undef],
    [[purpose => 'serverAuth']      => '!CA:FALSE', undef, $TO_SERVER, undef],
    [[purpose => 'digitalSignature'] => '!CA:FALSE', '!Digital Signature', undef, undef],
    [[purpose => 'nonRepudiation']   => '!CA:FALSE', '!Non Repudiation', undef, undef],
    [[purpose => 'keyEncipherment']  => '!CA:FALSE', '!Key Encipherment', undef, undef],
    [[purpose => 'dataEncipherment'] => '!CA:FALSE', '!Data Encipherment', undef, undef],
    [[purpose => 'keyAgreement']     => '!CA:FALSE', '!Key Agreement', undef, undef],
    [[purpose => 'keyCertSign']      => '!CA:FALSE', '!Certificate Sign', undef, undef],
    [[purpose => 'cRLSign']          => '!CA:FALSE', '!CRL Sign', undef, undef],
    [[purpose => 'encipherOnly']     => '!CA:FALSE', '!Encipher Only', undef, undef],
    [[purpose => 'decipherOnly']     => '!CA:FALSE', '!Decipher Only', undef, undef],
    # in any case, with anything between
    [[purpose => 'SERVER']          => '!CA:FALSE', $USUAL, $TO_SERVER, 'SSL Server'],
    [[purpose => 'server,client']   => @$BOTH],
    [[purpose => 'server;email']    => '!CA:FALSE', $USUAL, "E-mail Protection, $TO_SERVER",
        'SSL Server, S/MIME'],
    # off takes away what others share
    [[purpose => '+server -client'] => '!CA:FALSE', undef, $TO_SERVER, 'SSL Server'],
    [[purpose => 'CA,-sslCA']       => '!CA:FALSE', undef, undef, undef],
    [[purpose => '-server']         => '!CA:FALSE', undef, undef, undef],
    # lists and hashes
    [[purpose => ['server', '-client']]             => '!CA:FALSE', undef, $TO_SERVER, 'SSL Server'],
    [[purpose => ['+server', '+client']]            => @$BOTH],
    [[purpose => { server => 1, client => 0 }]      => '!CA:FALSE', undef, $TO_SERVER, 'SSL Server'],
    [[purpose => { server => 1, client => '-' }]    => '!CA:FALSE', undef, $TO_SERVER, 'SSL Server'],
    # no purpose is for servers and clients
    [[]                  => @$BOTH],
    [[purpose => '']     => @$BOTH],
    [[purpose => undef]  => @$BOTH],
    [[purpose => []]     => @$BOTH],
    [[purpose => {}]     => @$BOTH],
    [[CA => 0]           => @$BOTH],
    # a CA, with others beside or against it
    [[CA => 1]           => '!CA:TRUE', $SIGN, undef, 'SSL CA, S/MIME CA, Object Signing CA'],
    [[CA => 1, purpose => 'server'] => '!CA:TRUE',
        '!Digital Signature, Key Encipherment, Certificate Sign', $TO_SERVER,
        'SSL Server, SSL CA, S/MIME CA, Object Signing CA'],
    [[CA => 1, purpose => '-emailCA'] => '!CA:FALSE', undef, undef, 'SSL CA, Object Signing CA'],
);

subtest 'purposes make extensions' => sub {
    for my $case (@PURPOSES) {
        my ($args, @expected) = @$case;
        my $got = extensions(@$args);
        is_deeply [@$got{qw(basicConstraints keyUsage extendedKeyUsage nsCertType)}], \@expected,
            join ' ', map { shown($_) } @$args;
    }
};

# --- other extensions -----------------------------------------------------------------------------

my @EXTENSIONS = (
    ['by short name', [{ sn => 'nsComment', data => 'x y' }] => 'nsComment', 'x y'],
    ['by number', [{ nid => 78, data => 'x' }] => 'nsComment', 'x'],
    ['critical', [{ sn => 'nsComment', data => 'x', critical => 1 }] => 'nsComment', '!x'],
    ['critical in its text', [{ sn => 'nsComment', data => 'critical,x' }] => 'nsComment', '!x'],
    ['as DER', [{ sn => 'nsComment', data => 'DER:160178' }] => 'nsComment', 'x'],
    ['as in openssl.cnf', [{ sn => 'authorityInfoAccess', data => 'OCSP;URI:http://a/' }] =>
        'authorityInfoAccess', 'OCSP - URI:http://a/'],
    ['as it is printed', [{ sn => 'authorityInfoAccess', data => 'OCSP - URI:http://a/' }] =>
        'authorityInfoAccess', 'OCSP - URI:http://a/'],
    ['of CRLs', [{ sn => 'crlDistributionPoints', data => 'URI:http://c/' }] =>
        'crlDistributionPoints', "Full Name:\n  URI:http://c/"],
    ['alternative names', [{ sn => 'subjectAltName', data => 'DNS:a.test' }] =>
        'subjectAltName', 'DNS:a.test'],
    ['a purpose that is there already stays', [{ sn => 'extendedKeyUsage', data => 'codeSigning' }] =>
        'extendedKeyUsage', "$TO_CLIENT, $TO_SERVER"],
);

subtest 'extensions in all forms' => sub {
    for my $case (@EXTENSIONS) {
        my ($what, $ext, $name, $data) = @$case;
        is extensions(ext => $ext)->{$name}, $data, $what;
    }
    is extensions(subjectAltNames => [[DNS => 'x.test']],
        ext => [{ sn => 'subjectAltName', data => 'DNS:y.test' }])->{subjectAltName}, 'DNS:x.test',
        'subjectAltNames come before an extension of that kind';
    my $info = describe(ext => [{ sn => 'authorityInfoAccess', data => 'OCSP;URI:http://o/' },
        { sn => 'crlDistributionPoints', data => 'URI:http://c/' }]);
    is_deeply [@$info{qw(ocsp_uri crl_uri)}], [['http://o/'], ['http://c/']], 'and are described';
};

subtest 'the names that are exported' => sub {
    is_deeply [sort @IO::Socket::SSL::Utils::EXPORT], [sort(qw(PEM_file2cert PEM_file2certs
        PEM_string2cert PEM_cert2file PEM_certs2file PEM_cert2string PEM_file2key PEM_string2key
        PEM_key2file PEM_key2string KEY_free CERT_free KEY_create_rsa KEY_create_ec CERT_asHash
        CERT_create))], 'are these';
};

subtest 'key identifiers are always there' => sub {
    my $got = extensions();
    like $got->{subjectKeyIdentifier}, qr/^(?:[0-9A-F]{2}:){19}[0-9A-F]{2}$/, 'of the subject';
    my ($ca, $ca_key) = CERT_create(CA => 1, key => KEY_create_ec());
    my $of_ca = (grep { $_->{sn} eq 'subjectKeyIdentifier' } @{ CERT_asHash($ca)->{ext} })[0]{data};
    like extensions(issuer => [$ca, $ca_key])->{authorityKeyIdentifier}, qr/^(?:keyid:)?$of_ca$/,
        'of the issuer';
};

# --- names, numbers, times ------------------------------------------------------------------------

subtest 'alternative names of all kinds that have a text' => sub {
    my @names = ([DNS => 'a.test'], [DNS => '*.b.test'], [IP => '192.0.2.1'], [IP => '2001:db8::1'],
        [IP => '::'], [URI => 'http://x.test/y'], [RID => '1.2.3.4']);
    is_deeply describe(subjectAltNames => \@names)->{subjectAltNames}, \@names, 'come back';
    is_deeply describe(subjectAltNames => [['email', 'a@b.test']])->{subjectAltNames},
        [['EMAIL', 'a@b.test']], 'and email, in lower case';
    ok !exists describe()->{subjectAltNames}, 'without any there is no such key';
    is_deeply describe(subject => { CN => 'x', emailAddress => 'a@b.test' },
        subjectAltNames => [[email => 'copy'], [DNS => 'x.test']])->{subjectAltNames},
        [[EMAIL => 'a@b.test'], [DNS => 'x.test']], 'an email address that is copied from the subject';
};

subtest 'parts of the subject' => sub {
    my %cases = (
        'long names'  => [{ commonName => 'a', countryName => 'DE' }, undef],
        'short names' => [{ CN => 'a', C => 'DE' }, { commonName => 'a', countryName => 'DE' }],
        'a part that occurs again' => [{ CN => 'a', OU => ['x', 'y'] },
            { commonName => 'a', organizationalUnitName => ['x', 'y'] }],
        'longer than is usual' => [{ C => 'DEUTSCHLAND' }, { countryName => 'DEUTSCHLAND' }],
        'UTF-8'       => [{ CN => "\xc3\xa4" }, { commonName => "\xc3\xa4" }],
        'nothing'     => [{}, undef],
        'a part without values' => [{ CN => [] }, {}],
    );
    for my $what (sort keys %cases) {
        my ($subject, $expected) = @{ $cases{$what} };
        my $info = describe(subject => $subject);
        is_deeply $info->{subject}, $expected || $subject, $what;
        is_deeply $info->{issuer}, $info->{subject}, "$what: self-signed, so the issuer is the same";
    }
    is_deeply describe()->{subject},
        { organizationName => 'IO::Socket::SSL', commonName => 'IO::Socket::SSL Test' }, 'the default';
};

subtest 'numbers, times, digests' => sub {
    is describe(serial => $_)->{serial}, $_, "serial $_" for 1, 4711, 4294967295, -5;
    isnt describe()->{serial}, describe()->{serial}, 'by default it is random';
    is describe(version => $_)->{version}, $_, "version $_" for 2;
    is describe(digest => lc $_)->{signature_alg}, "ecdsa-with-$_", $_ for qw(SHA1 SHA256 SHA384 SHA512);
    is describe(digest => $_)->{signature_alg}, 'ecdsa-with-SHA256', 'no digest is the default' for '', undef;
    my $info = describe(not_before => 1_000_000_000, not_after => 2_600_000_000);
    is_deeply [@$info{qw(not_before not_after)}], [1_000_000_000, 2_600_000_000], 'times';
    $info = describe();
    cmp_ok abs($info->{not_before} - time), '<', 60, 'by default it begins now';
    is $info->{not_after} - $info->{not_before}, 365 * 86400, 'and ends in a year';
    is_deeply [sort keys %{ CERT_asHash((CERT_create(key => $KEY))[0], 'sha1') }],
        [sort(qw(version serial not_before not_after subject issuer signature_alg crl_uri ocsp_uri
            keyusage extkeyusage ext fingerprint_sha1 x509_digest_sha1 pubkey_digest_sha1))],
        'the keys of a description';
    my ($cert) = CERT_create(key => $KEY);
    is_deeply CERT_asHash($cert, $_), CERT_asHash($cert), 'without an algorithm: SHA-256' for undef, '';
};

subtest 'arguments as a list or as a hash' => sub {
    is_deeply CERT_asHash((CERT_create({ key => $KEY, serial => 7 }))[0])->{serial}, 7, 'a hash';
    is describe(issuer_cert => (CERT_create(key => $KEY, subject => { CN => 'other' }))[0],
        issuer_key => $KEY)->{issuer}{commonName}, 'other', 'issuer_cert and issuer_key';
};

# --- keys and chains ------------------------------------------------------------------------------

subtest 'keys of all kinds are good for a handshake, and come back' => sub {
    my %keys = (
        'RSA 2048' => sub { KEY_create_rsa() }, 'RSA 3072' => sub { KEY_create_rsa(3072) },
        map { my $curve = $_; ("EC $curve" => sub { KEY_create_ec($curve) }) }
            qw(prime256v1 secp384r1 secp521r1 P-256),
    );
    for my $kind (sort keys %keys) {
        my $key = $keys{$kind}->();
        my ($cert, $same) = CERT_create(key => $key, subjectAltNames => [[DNS => 'server.test']]);
        is $same, $key, "$kind: the key comes back";
        is PEM_key2string(PEM_string2key(PEM_key2string($key))), PEM_key2string($key),
            "$kind: and survives PEM";
        my $result = handshake(server => { raw => 1, SSL_server => 1, SSL_cert => $cert,
            SSL_key => $key }, client => { raw => 1, SSL_ca => [$cert],
            SSL_verifycn_name => 'server.test' });
        is $result->{client_error}, '', "$kind: a handshake";
    }
    like DER_of(KEY_create_ec(415)), qr/\x2a\x86\x48\xce\x3d\x03\x01\x07/, 'a curve by OpenSSL\'s number';
};

subtest 'a chain of issuers is verified from leaf to root' => sub {
    my ($root, $root_key) = CERT_create(CA => 1, key => KEY_create_ec(), subject => { CN => 'root' });
    my ($middle, $middle_key) = CERT_create(CA => 1, key => KEY_create_ec('secp384r1'),
        subject => { CN => 'middle' }, issuer => [$root, $root_key]);
    my ($leaf, $leaf_key) = CERT_create(key => KEY_create_rsa(), purpose => 'server',
        subject => { CN => 'leaf' }, subjectAltNames => [[DNS => 'leaf.test']],
        issuer => [$middle, $middle_key]);
    is CERT_asHash($leaf)->{issuer}{commonName}, 'middle', 'the leaf is of the one in the middle';
    my %client = (raw => 1, SSL_ca => [$root], SSL_verifycn_name => 'leaf.test');
    my $whole = handshake(client => \%client,
        server => { raw => 1, SSL_server => 1, SSL_cert => [$leaf, $middle], SSL_key => $leaf_key });
    is $whole->{client_error}, '', 'with the middle it is complete';
    is scalar(my @chain = $whole->{client}->peer_certificates), 2, 'two were sent';
    my $part = handshake(client => \%client,
        server => { raw => 1, SSL_server => 1, SSL_cert => $leaf, SSL_key => $leaf_key });
    like $part->{client_error}, qr/certificate verify failed/, 'without it, it is not';
};

subtest 'files with one certificate, several, and a key' => sub {
    require File::Temp;
    my $file = File::Temp->new;
    my ($cert) = CERT_create(key => $KEY);
    PEM_cert2file($cert, "$file");
    is PEM_cert2string(PEM_file2cert("$file")), PEM_cert2string($cert), 'one';
    PEM_key2file($KEY, "$file");
    is PEM_key2string(PEM_file2key("$file")), PEM_key2string($KEY), 'a key';
    PEM_certs2file("$file", $cert, $cert, $cert);
    is scalar(my @certs = PEM_file2certs("$file")), 3, 'several';
    is scalar(@certs = PEM_file2certs(cert('bundle.pem'))) > 1, 1, 'a bundle';
    is PEM_cert2string(PEM_file2cert("$file")), PEM_cert2string($cert), 'of several, the first';
    like PEM_cert2string(PEM_file2cert(cert('server-both.pem'))), qr/BEGIN CERTIFICATE/,
        'whatever else is in the file';
};

# --- what is refused ------------------------------------------------------------------------------

subtest 'mistakes die, and say why' => sub {
    my @cases = (
        [sub { describe(purpose => 'nonsense') }, qr/^unknown purpose nonsense/],
        [sub { describe(purpose => ['server client']) }, qr/^invalid entry in purpose: server client/],
        [sub { describe(purpose => { nonsense => 1 }) }, qr/^unknown purpose nonsense/],
        [sub { describe(digest => 'nonsense') }, qr/^Digest algorithm nonsense is not available/],
        [sub { describe(subject => { nonsense => 1 }) }, qr/^failed to add entry for nonsense - /],
        [sub { describe(ext => [{ sn => 'nonsense', data => 'x' }]) },
            qr/^cannot determine NID of extension/],
        [sub { KEY_create_ec('nonsense') }, qr/^unknown curve nonsense/],
        [sub { PEM_string2cert('nonsense') }, qr/^cannot parse string as PEM X509 cert: /],
        [sub { PEM_string2key('nonsense') }, qr/^cannot parse string as PEM private key: /],
        [sub { PEM_file2cert('/nowhere/at/all') },
            qr{^cannot read /nowhere/at/all: No such file or directory}],
        [sub { PEM_file2key('/nowhere/at/all') }, qr{^cannot read /nowhere/at/all: }],
        [sub { PEM_file2certs('/nowhere/at/all') }, qr{^cannot read /nowhere/at/all: }],
        [sub { PEM_file2cert(cert('ca.key')) }, qr{^cannot parse \S+ca\.key as PEM X509 cert: }],
        [sub { PEM_file2key(cert('ca.pem')) }, qr{^cannot parse \S+ca\.pem as PEM private key: }],
        [sub { PEM_cert2file((CERT_create(key => $KEY))[0], '/nowhere/at/all') },
            qr{^cannot write /nowhere/at/all: }],
        [sub { PEM_key2file($KEY, '/nowhere/at/all') }, qr{^cannot write /nowhere/at/all: }],
    );
    push @cases, [sub { describe(nonsense => 1, other => 2) }, qr/^unknown arguments: nonsense other/]
        if since(2.082);
    for my $case (@cases) {
        my ($code, $words) = @$case;
        ok !eval { $code->(); 1 }, 'dies';
        like $@, $words, 'why';
    }
    is describe(nonsense => 1, ignore_invalid_args => 1)->{version}, 2, 'unless it is to be ignored';
};

differs('utils-silent-loss', 'what can not be used is not left out in silence', sub {
    is describe(not_before => 0)->{not_before}, 0, 'the time 0';
    is describe(version => 0)->{version}, 0, 'version 0';
    is describe(serial => '12345678901234567890')->{serial}, '12345678901234567890', 'a long serial';
    is_deeply describe(subjectAltNames => [[EMAIL => 'a@b'], [DNS => 'x']])->{subjectAltNames},
        [[EMAIL => 'a@b'], [DNS => 'x']], 'EMAIL as a description has it';
    is extensions(ext => [{ sn => 'authorityInfoAccess',
        data => "OCSP - URI:http://a/\nCA Issuers - URI:http://b/" }])->{authorityInfoAccess},
        "OCSP - URI:http://a/\nCA Issuers - URI:http://b/", 'two in one extension';
    ok !eval { describe(ext => [{ sn => 'crlDistributionPoints', data => 'garbage' }]); 1 }, 'garbage';
    like $@, qr/^extension crlDistributionPoints: "garbage" can't be used/, 'is told';
    ok !eval { describe(digest => 'md5'); 1 }, 'a digest that the key can not sign';
    like $@, qr/^cannot sign the certificate with this key and digest MD5/, 'is told';
}, sub {
    isnt describe(not_before => 0)->{not_before}, 0, 'the time 0 is now';
    isnt describe(version => 0)->{version}, 0, 'version 0 is another one';
    isnt describe(serial => '12345678901234567890')->{serial}, '12345678901234567890', 'a long serial';
});

differs('utils-description', 'a description makes such a certificate again', sub {
    my ($ca, $ca_key) = CERT_create(CA => 1, key => KEY_create_ec());
    my $info = describe(purpose => 'server', serial => 4711, issuer => [$ca, $ca_key],
        digest => 'sha384', subjectAltNames => [[DNS => 'x.test']],
        subject => { CN => 'x', OU => ['a', 'b'] }, ext => [{ sn => 'nsComment', data => 'x' }]);
    my ($again) = CERT_create(%$info, key => $KEY, issuer_cert => $ca, issuer_key => $ca_key);
    is_deeply without_digests(CERT_asHash($again)), without_digests($info), 'it says the same';
}, sub {
    my $info = describe(purpose => 'server');
    my ($again) = CERT_create(%$info, key => $KEY, issuer => [(CERT_create(key => $KEY))[0], $KEY],
        ignore_invalid_args => 1);
    is_deeply CERT_asHash($again)->{extkeyusage}{sn}, ['clientAuth', 'serverAuth'], 'for more than before';
});

done_testing;

# The bytes in the PEM of a key.
sub DER_of {
    my ($base64) = PEM_key2string(shift) =~ /-----\n(.*?)\n-----END/s;
    require MIME::Base64;
    return MIME::Base64::decode($base64);
}

sub without_digests {
    my $info = shift;
    return { map { $_ => $info->{$_} } grep { !/^(?:x509_digest|fingerprint)_/ } keys %$info };
}

sub shown {
    my $value = shift;
    return !defined $value ? 'undef'
        : ref $value eq 'ARRAY' ? "[@$value]"
        : ref $value ? '{' . join(' ', map { "$_=$value->{$_}" } sort keys %$value) . '}' : "'$value'";
}
