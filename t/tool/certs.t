# certs.t - iossl cert make and iossl cert show; hostile content.
use strict;
use warnings;
use utf8;
use Test::More;
use lib 't/lib';
use ToolTest;

subtest 'a CA and a certificate of it, that openssl verifies' => sub {
    my ($ca, $www) = map { scratch($_) } qw(ca.pem www.pem);
    my $key = scratch('www.key');
    is iossl('cert', 'make', '--ca', '--subject', 'O=My company, CN=My CA', '-o', $ca)->{status}, 0,
        'the CA';
    is iossl('cert', 'make', 'www.example.test', '*.example.test', '10.1.2.3', '2001:db8::1',
        '--issuer', $ca, '--key', 'rsa:2048', '--days', 30, '-o', $www, '--key-out', $key)->{status},
        0, 'the certificate';
    like openssl('verify', '-CAfile', $ca, '-verify_hostname', 'www.example.test', $www), qr/: OK/,
        'verified';
    like openssl('verify', '-CAfile', $ca, '-verify_ip', '10.1.2.3', $www), qr/: OK/, 'the address';
    like openssl('x509', '-noout', '-text', '-in', $www), qr/Public-Key: \(2048 bit\)/, 'the key';
    openssl('pkey', '-noout', '-in', $key);
    is sprintf('%o', (stat $key)[2] & 07777), '600', 'the key is for its owner';
    is sprintf('%o', (stat $ca)[2] & 07777), '600', 'also where it is beside the certificate';
    unlike read_file($www), qr/PRIVATE KEY/, 'the certificate is alone in its file';

    my $run = iossl_json('cert', 'show', $www);
    my $shown = $run->{json}{certificates}[0];
    is $shown->{subject}, 'CN=www.example.test', 'subject';
    is $shown->{issuer}, 'CN=My CA, O=My company', 'issuer';
    is_deeply [map { "$_->{type}:$_->{value}" } @{ $shown->{names} }],
        ['DNS:www.example.test', 'DNS:*.example.test', 'IP:10.1.2.3', 'IP:2001:db8::1'], 'names';
    ok $shown->{days_left} == 29 || $shown->{days_left} == 30, 'days left';
    is $shown->{key_type}, 'RSA', 'key type';
    is $shown->{key_bits}, 2048, 'key size';
    ok !$shown->{is_ca}, 'no CA';
    like $shown->{pem}, qr/\A-----BEGIN CERTIFICATE-----\n/, 'PEM';
    ok iossl_json('cert', 'show', $ca)->{json}{certificates}[0]{is_ca}, 'the CA is one';
};

subtest 'a file that others may read is theirs no more once a key is in it' => sub {
    for my $option ('--key-out', '-o') {
        my $file = scratch('was-open.pem');
        open my $fh, '>', $file or die "$file: $!";
        close $fh;
        chmod 0644, $file or die "$file: $!";
        is iossl('cert', 'make', 'a.test', $option, $file)->{status}, 0, "$option: made";
        like read_file($file), qr/PRIVATE KEY/, 'the key is there';
        is sprintf('%o', (stat $file)[2] & 07777), '600', 'for its owner only';
        unlink $file;
    }
};

subtest 'validity in the past and in the future' => sub {
    for my $row ([-30, 10, qr/ended 20 days ago/, -20], [10, 10, qr/begins in \d+ days/, 20],
        [0, 5, qr/[45] days left/, 5]) {
        my ($begins, $days, $words, $left) = @$row;
        iossl('cert', 'make', 'a.test', '--begins', $begins, '--days', $days, '-o', scratch('v.pem'));
        like iossl('cert', 'show', scratch('v.pem'))->{out}, $words, "begins $begins, for $days";
        my $shown = iossl_json('cert', 'show', scratch('v.pem'))->{json}{certificates}[0];
        cmp_ok abs($shown->{days_left} - $left), '<=', 1, "days left: $shown->{days_left}";
    }
};

subtest 'kinds of keys' => sub {
    for my $row (['ec:P-384', 'EC', 384, 'secp384r1'], ['ed25519', 'ED25519', qr/^25[36]$/, undef],
        ['rsa:1024', 'RSA', 1024, undef], ['ec', 'EC', 256, 'prime256v1']) {
        my ($kind, $type, $bits, $group) = @$row;
        my $run = iossl('cert', 'make', 'k.test', '--key', $kind);
        is $run->{status}, 0, $kind;
        my $shown = iossl_json({ stdin => $run->{out} }, 'cert', 'show', '-')->{json};
        my $got = $shown->{certificates}[0];
        is_deeply [@$got{qw(key_type key_group)}], [$type, $group], 'as shown';
        like $got->{key_bits}, qr/^$bits$/, 'its size, as OpenSSL has it';
    }
};

subtest 'what cannot be made is refused' => sub {
    for my $row (
        [[], qr/for whom\?/],
        [['a.test', '--key', 'ec:nonsense'], qr/unknown curve nonsense/],
        [['a.test', '--key', 'rsa:x'], qr/RSA keys have a number of bits/],
        [['a.test', '--subject', 'nonsense'], qr/"nonsense" has no "="/],
        [['a.test', '--subject', 'nonsense=x'], qr/nonsense/],
        [['a.test', '--purpose', 'nonsense'], qr/nonsense/],
        [['a.test', '--issuer', '/nonexistent'], qr{/nonexistent.*No such file}s],
        [['a.test', '--issuer-key', cert('ca.key')], qr/without --issuer/],
        [['a.test', '--issuer', cert('ca.pem'), '--issuer-key', cert('server.key')],
            qr/isn't the one of the certificate/],
        [['a.test', '-o', '/nonexistent/x'], qr{cannot write /nonexistent/x: No such file}],
        [['a b.test'], qr/"a b\.test" is no host name/],
    ) {
        my ($args, $error) = @$row;
        my $run = iossl('cert', 'make', @$args);
        is $run->{status}, 2, "@$args: status";
        $run->{err} =~ s/\s+/ /g;
        like $run->{err}, $error, 'the reason';
        is $run->{out}, '', 'nothing was made';
    }
};

subtest 'several certificates of a file, PKCS#12, PEM again' => sub {
    my $run = iossl_json('cert', 'show', cert('server-chain.pem'));
    is scalar @{ $run->{json}{certificates} }, 2, 'PEM with a chain';
    is scalar @{ iossl_json('cert', 'show', cert('server-chain.p12'))->{json}{certificates} }, 2,
        'PKCS#12 with a chain';
    my $pem = iossl('cert', 'show', '--pem', cert('server-chain.p12'));
    is scalar(() = $pem->{out} =~ /BEGIN CERTIFICATE/g), 2, 'as PEM';
    like iossl('cert', 'show', cert('server-chain.pem'))->{out},
        qr/^Certificate 1 of 2\n.*^Certificate 2 of 2\n/ms, 'as text';
};

# A certificate whose subject and names try to do something to a terminal or to JSON.
my %hostile = (
    escape    => "CN=\e[2J\e]0;owned\a",
    c1        => "CN=\x{9b}31m",
    bidi      => "CN=user\x{202e}moc.knab",
    newline   => "CN=a\nstatus: verified",
    quotes    => 'CN=a"b\\c</script>',
    invisible => "CN=bank\x{200b}.test",
    comma     => 'CN=a+O=b',
);
for my $kind (sort keys %hostile) {
    subtest "hostile content: $kind" => sub {
        utf8::encode(my $subject = $hostile{$kind});
        my $file = scratch("$kind.pem");
        is iossl('cert', 'make', '--subject', $subject, '-o', $file)->{status}, 0, 'made';
        my $run = iossl_json('cert', 'show', $file);
        unlike $run->{out}, qr/[^\x20-\x7e\n]/, 'JSON is printable ASCII';
        (my $value = $hostile{$kind}) =~ s/^CN=//;
        (my $got = $run->{json}{certificates}[0]{subject}) =~ s/^CN=//;
        $got =~ s/^"(.*)"\z/$1/s and $got =~ s/""/"/g;
        is $got, $value, 'and says what the certificate says';
        for my $locale ('C', 'C.UTF-8') {
            my $text = iossl({ env => { LC_ALL => $locale } }, 'cert', 'show', $file);
            utf8::decode(my $out = $text->{out});
            unlike $out, qr/[\x00-\x09\x0b-\x1f\x7f-\x9f\x{200b}-\x{200f}\x{202a}-\x{202e}]/,
                "text in locale $locale has no control characters";
            is scalar(grep { /^\s*status/ } split /\n/, $out), 0, 'and no line of its own making';
        }
    };
}

subtest 'names of other scripts are shown where the locale can' => sub {
    utf8::encode(my $subject = 'CN=Müller, O=日本');
    iossl('cert', 'make', '--subject', $subject, '-o', scratch('utf8.pem'));
    my $text = iossl({ env => { LC_ALL => 'C.UTF-8' } }, 'cert', 'show', scratch('utf8.pem'))->{out};
    utf8::decode($text);
    like $text, qr/CN=Müller/, 'UTF-8';
    like iossl({ env => { LC_ALL => 'C' } }, 'cert', 'show', scratch('utf8.pem'))->{out},
        qr/CN=M\\xc3\\xbcller/, 'escaped in the C locale';
};

subtest 'hostile alternative names' => sub {
    my $config = write_file('req.cnf', <<"END");
[req]
distinguished_name = dn
x509_extensions = ext
prompt = no
string_mask = utf8only
[dn]
CN = hostile
[ext]
subjectAltName = \@names
[names]
DNS.1 = "evil\e[31m.test"
DNS.2 = two\\nlines.test
DNS.3 = "a.test, DNS:www.bank.test"
email.1 = "\x{fe}\x{ff}\@x.test"
otherName.1 = 1.2.3.4;UTF8:some one
URI.1 = "http://x/\\"quote"
END
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-config', $config, '-keyout',
        '/dev/null', '-out', scratch('names.pem'), '-days', 1);
    my $run = iossl_json('cert', 'show', scratch('names.pem'));
    my @names = map { $_->{value} } @{ $run->{json}{certificates}[0]{names} };
    is scalar @names, 6, 'six names';
    is $names[0], "evil\e[31m.test", 'an escape sequence in JSON';
    is $names[1], "two\nlines.test", 'two lines';
    is $names[3], "\x{fffd}\x{fffd}\@x.test", 'what is no UTF-8';
    my $text = iossl('cert', 'show', scratch('names.pem'))->{out};
    unlike $text, qr/[^\x20-\x7e\n]/, 'text is printable';
    (my $line = $text) =~ s/\s+/ /g;
    like $line, qr/"a\.test, DNS:www\.bank\.test"/, 'a name with a comma is in quotes';
    unlike iossl('check', 'x.test', '--cert', scratch('names.pem'))->{out}, qr/[^\x20-\x7e\n]/,
        'the same from iossl check';
};

# The limit is of the processor's time: with the square of the number it took minutes.
subtest 'names without number are shown in time that grows with them' => sub {
    plan skip_all => 'the sanitizer takes time of its own' if $ENV{IOSSL_SANITIZE};
    my $n    = 700_000;
    my $ecdsa = der(0x30, pack 'H*', '06082a8648ce3d040302');
    my $name = der(0x30, der(0x31, der(0x30, pack('H*', '0603550403'), der(0x0c, 'x'))));
    my $sans = der(0x30, "\x82\x01a" x $n);
    my $tbs  = der(
        0x30, pack('H*', 'a003020102020101'), $ecdsa, $name,
        der(0x30, der(0x17, '250101000000Z'), der(0x17, '350101000000Z')), $name,
        pack('H*', '302a300506032b6570032100') . 'k' x 32,
        der(0xa3, der(0x30, der(0x30, pack('H*', '0603551d11'), der(0x04, $sans)))));
    my $file = write_file('many.der', der(0x30, $tbs, $ecdsa, der(0x03, "\0" x 9)));
    my $out  = scratch('many.out');
    is system('sh', '-c', 'ulimit -t 20; exec "$0" cert show "$1" >"$2"', tool(), $file, $out), 0, 'shown';
    my $shown = () = read_file($out) =~ /\ba\b/g;
    cmp_ok $shown, '>=', $n, 'all of them';
};

done_testing;
