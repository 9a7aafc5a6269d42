# Certificates and keys as numbers: what is wrong with one is told, as far as it can be known.
use strict;
use warnings;

use Config;
use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Intercept;
use IO::Socket::SSL::Utils qw(:DEFAULT DER_string2cert DER_cert2string DER_string2key DER_key2string);
use Test::More;
use TLSTest;
use NegoTest;

my ($cert, $key) = CERT_create(key => KEY_create_ec());

# Where no memory is. The sanitizer reserves most of what a process has, so it gets one beyond.
my $NOWHERE = $ENV{IOSSL_SANITIZE} ? 1 << 62 : 12345678901 * 16;

# Each function that takes a handle, with a handle of its kind.
my %takes_cert = (
    PEM_cert2string => sub { PEM_cert2string($_[0]) },
    PEM_cert2file   => sub { PEM_cert2file($_[0], '/nowhere/file') },
    PEM_certs2file  => sub { PEM_certs2file('/nowhere/file', $cert, $_[0]) },
    DER_cert2string => sub { DER_cert2string($_[0]) },
    CERT_free       => sub { CERT_free($_[0]) },
    CERT_asHash     => sub { CERT_asHash($_[0]) },
    'issuer of CERT_create' => sub { CERT_create(issuer => [$_[0], $key], key => $key) },
    get_fingerprint => sub { IO::Socket::SSL::get_fingerprint(undef, 'sha256', $_[0]) },
    verify_hostname_of_cert => sub { IO::Socket::SSL::verify_hostname_of_cert('x.test', $_[0]) },
    proxy_cert      => sub {
        IO::Socket::SSL::Intercept->new(proxy_cert => $_[0], proxy_key => $key);
    },
    SSL_ca          => sub { IO::Socket::SSL::SSL_Context->new(SSL_ca => [$_[0]]) },
    SSL_cert        => sub { IO::Socket::SSL::SSL_Context->new(SSL_cert => $_[0], SSL_key => $key) },
);
my %takes_key = (
    PEM_key2string => sub { PEM_key2string($_[0]) },
    PEM_key2file   => sub { PEM_key2file($_[0], '/nowhere/file') },
    DER_key2string => sub { DER_key2string($_[0]) },
    KEY_free       => sub { KEY_free($_[0]) },
    'key of CERT_create' => sub { CERT_create(key => $_[0]) },
    proxy_key      => sub {
        IO::Socket::SSL::Intercept->new(proxy_cert => $cert, proxy_key => $_[0]);
    },
    SSL_key        => sub { IO::Socket::SSL::SSL_Context->new(SSL_cert => $cert, SSL_key => $_[0]) },
);

subtest 'what is no handle is refused by every function' => sub {
    for my $case (
        ['a word', 'nonsense'], ['a small number', 17], ['a negative one', -1], ['a list', [1]],
        ['an object', bless {}, 'Somebody'], ['an odd number', $cert + 1],
        ['a number that is no address', $NOWHERE], ['a fraction', 0.5],
    ) {
        my ($what, $value) = @$case;
        for my $name (sort keys %takes_cert) {
            refused($takes_cert{$name}, $value, "$name: $what");
        }
        refused($takes_key{$_}, $value, "$_: $what") for sort keys %takes_key;
    }
};

subtest 'a handle that was freed is refused by every function' => sub {
    for my $name (sort keys %takes_cert) {
        my $gone = PEM_string2cert(PEM_cert2string($cert));
        CERT_free($gone);
        refused($takes_cert{$name}, $gone, $name, qr/not one that was freed/);
    }
    for my $name (sort keys %takes_key) {
        my $gone = PEM_string2key(PEM_key2string($key));
        KEY_free($gone);
        refused($takes_key{$name}, $gone, $name, qr/not one that was freed/);
    }
};

subtest 'a key is no certificate, and a certificate no key' => sub {
    refused($takes_cert{$_}, $key, $_, qr/not an EVP_PKEY handle/) for sort keys %takes_cert;
    refused($takes_key{$_}, $cert, $_, qr/not an X509 handle/) for sort keys %takes_key;
};

subtest 'a handle may be freed as often as it was given' => sub {
    my $intercept = IO::Socket::SSL::Intercept->new(proxy_cert => $cert, proxy_key => $key);
    undef $intercept;
    is PEM_cert2string($cert) =~ /BEGIN/, 1, 'what another object had is still there';
    my ($twice, $same_key) = CERT_create(key => $key);
    is $same_key, $key, 'a key that was given comes back';
    KEY_free($same_key);
    like PEM_key2string($key), qr/BEGIN/, 'freed once, it is still there';
    CERT_free($twice);
    CERT_free(undef, undef);
    KEY_free(undef);
    pass 'undef is passed over';
};

subtest 'an address that is used again is a good handle' => sub {
    my %seen;
    for (1 .. 200) {
        my $handle = $_ % 2 ? PEM_string2cert(PEM_cert2string($cert)) : KEY_create_ec();
        like $_ % 2 ? PEM_cert2string($handle) : PEM_key2string($handle), qr/BEGIN/, 'works'
            or last;
        $seen{$handle}++;
        $_ % 2 ? CERT_free($handle) : KEY_free($handle);
    }
    cmp_ok scalar(keys %seen), '<', 200, 'addresses did come again'
        if !$ENV{IOSSL_SANITIZE};       # which keeps freed memory aside
};

subtest 'certificates of a connection are good handles wherever they lie' => sub {
    for (1 .. 20) {
        CERT_free(PEM_string2cert(PEM_cert2string($cert))) for 1 .. 3;
        my ($client, $server) = pair();
        like PEM_cert2string($client->peer_certificate), qr/BEGIN/, 'the peer\'s' or last;
        like PEM_cert2string(($client->peer_certificates)[0]), qr/BEGIN/, 'of the chain' or last;
        like PEM_cert2string($server->sock_certificate), qr/BEGIN/, 'our own' or last;
        my $seen = 0;
        pair(client => { SSL_verify_callback => sub { $seen++ if CERT_asHash($_[4]); $_[0] } });
        cmp_ok $seen, '>', 0, 'in a callback' or last;
    }
};

subtest 'a certificate that went with its connection is refused' => sub {
    my ($client, $server) = pair();
    my @lent = ($client->peer_certificate, ($client->peer_certificates)[-1]);
    $_->close for $client, $server;
    refused(\&PEM_cert2string, $_, 'of a closed socket', qr/not one that was freed/) for @lent;
};

subtest 'memory that cannot be read holds no object' => sub {
    my $unreadable = unreadable_address();
    plan skip_all => 'no such memory in this process' if !defined $unreadable;
    my @before = descriptors();
    refused($takes_cert{$_}, $unreadable, $_) for sort keys %takes_cert;
    refused($takes_key{$_}, $unreadable, $_) for sort keys %takes_key;
    is_deeply [descriptors()], \@before, 'and no descriptor is left behind by looking';
};

subtest 'DER and PEM say the same' => sub {
    my $der = DER_cert2string($cert);
    my $copy = DER_string2cert($der);
    is PEM_cert2string($copy), PEM_cert2string($cert), 'a certificate';
    my $key_copy = DER_string2key(DER_key2string($key));
    is PEM_key2string($key_copy), PEM_key2string($key), 'a key';
    CERT_free($copy);
    KEY_free($key_copy);
    for my $case (['cut', substr $der, 0, -1], ['with more', $der . 'x'], ['nothing', '']) {
        ok !eval { DER_string2cert($case->[1]); 1 }, "$case->[0]: refused";
        like $@, qr/cannot parse string as DER X509 cert/, "$case->[0]: told";
    }
    ok !eval { DER_string2key($der); 1 }, 'a certificate is no key';
    like $@, qr/cannot parse string as DER private key/, 'told';
};

subtest 'a file with a new key is for its owner' => sub {
    my $file = "/tmp/iossl-handles-$$.key";
    umask 0;
    PEM_key2file($key, $file);
    is +(stat $file)[2] & 07777, 0600, 'mode 0600';
    unlink $file;
    ok !eval { PEM_key2file($key, '/nowhere/at/all'); 1 }, 'no such folder: dies';
    like $@, qr{^cannot write /nowhere/at/all: No such file or directory at \Q$0\E}, 'names file and line';
    ok $!{ENOENT}, '$! too';
    ok !eval { PEM_file2cert("a\0b"); 1 }, 'a name that no file has';
    like $@, qr/^cannot read "a\0b": no file can have this name/, 'told';
};

# From here on Net::SSLeay is loaded.
subtest 'beside Net::SSLeay' => sub {
    net_ssleay() or plan skip_all => 'Net::SSLeay is not installed';
    Net::SSLeay::initialize();
    for my $name (sort keys %takes_cert) {
        my $gone = PEM_string2cert(PEM_cert2string($cert));
        CERT_free($gone);
        refused($takes_cert{$name}, $gone, "$name, freed by us", qr/not one that was freed/);
        $gone = PEM_string2cert(PEM_cert2string($cert));
        Net::SSLeay::X509_free($gone);
        refused($takes_cert{$name}, $gone, "$name, freed by Net::SSLeay", qr/not one that was freed/);
    }
    refused($takes_cert{$_}, $key, $_, qr/not an EVP_PKEY handle/) for sort keys %takes_cert;
    SKIP: {
        skip 'keys are announced since OpenSSL 3.0', 1
            if Net::SSLeay::OPENSSL_VERSION_NUMBER() < 0x30000000;
        refused($takes_key{$_}, $cert, $_, qr/not an X509 handle/) for sort keys %takes_key;
        my $gone = PEM_string2key(PEM_key2string($key));
        Net::SSLeay::EVP_PKEY_free($gone);
        refused($takes_key{$_}, $gone, $_, qr/not one that was freed/) for sort keys %takes_key;
    }

    # What it makes is good wherever it lies, be it where one of ours was.
    my (%ours, $again);
    for (1 .. 200) {
        my $one = PEM_string2cert(PEM_cert2string($cert));
        $ours{$one}++;
        CERT_free($one);
        my $theirs = Net::SSLeay::X509_new() or die 'no certificate';
        $again++ if $ours{$theirs};
        my $described = eval { PEM_cert2string($theirs); 1 } || $@;
        unlike $described, qr/expected/, 'taken' or last;
        Net::SSLeay::X509_free($theirs);
    }
    cmp_ok $again, '>', 0, 'some did lie there' if !$ENV{IOSSL_SANITIZE};
    my $extra = PEM_string2cert(PEM_cert2string($cert));
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_ca => [$extra]);
    Net::SSLeay::X509_free($extra);
    like PEM_cert2string($extra), qr/BEGIN/, 'a context has it still';
    undef $context;
    refused(\&PEM_cert2string, $extra, 'with the context it is gone', qr/not one that was freed/);
};

done_testing;

# A page that is reserved without leave to read it: mmap(2) with PROT_NONE, by its number here.
sub unreadable_address {
    my ($number) = map { /^x86_64-linux/ ? 9 : /^aarch64-linux/ ? 222 : () } $Config{archname};
    return if !defined $number;
    my $address = syscall $number, 0, 4096, 0, 0x22, -1, 0;
    return $address > 4096 ? $address : undef;
}

sub descriptors {
    opendir my $dir, '/proc/self/fd' or return;
    return sort grep { /^\d+$/ } readdir $dir;
}

sub refused {
    my ($code, $value, $name, $words) = @_;
    my $lived = eval { $code->($value); 1 };
    ok !$lived, "$name dies";
    like $@, $words // qr/expected|SSL_\w+/, "$name says why";
    return;
}
