# error_texts.t - the words of errors that programs may look for, where no other test provokes them.
use strict;
use warnings;

use File::Temp qw(tempdir);
use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Intercept;
use IO::Socket::SSL::Utils;
use Test::More;
use TLSTest;

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
my ($client, $server) = pair();

# What a call dies with, or else what $SSL_ERROR is after it has returned something false.
sub error_of {
    my ($code) = @_;
    undef $SSL_ERROR;
    my $result = eval { $code->() };
    return length $@ ? "died: $@" : $result ? 'none' : "$SSL_ERROR";
}

sub context { return IO::Socket::SSL::SSL_Context->new(@_) }

subtest 'reading and writing' => sub {
    like error_of(sub { $client->syswrite('abc', 1, 9) }), qr/^Invalid offset for SSL write/, 'offset';
    like error_of(sub { scalar $client->getlines }),
        qr/^died: Use of getlines\(\) not allowed in scalar context/, 'getlines';
};

subtest 'certificates of a connection' => sub {
    for my $method (qw(peer_certificate sock_certificate)) {
        my $error = error_of(sub { ($method =~ /^peer/ ? $client : $server)->$method('nothing') });
        like $error, qr/^died: invalid argument for $method, valid are: /, $method;
        like $error, qr/\b$_\b/, $_
            for qw(authority cn commonName issuer owner subject subjectAltNames);
    }
    like error_of(sub { $server->peer_certificate }), qr/^Could not retrieve peer certificate/, 'none';
};

subtest 'keys and parameters that are too weak for OpenSSL' => sub {
    my ($cert, $key) = CERT_create(key => KEY_create_rsa(512));
    like error_of(sub { context(SSL_server => 1, SSL_cert => $cert, SSL_key => $key) }),
        qr/^Failed to use Certificate.*key too small/s, 'handles';
    open my $fh, '>', "$dir/weak.pem" or die $!;
    print $fh PEM_cert2string($cert), PEM_key2string($key);
    close $fh;
    like error_of(sub { context(SSL_server => 1, SSL_cert_file => "$dir/weak.pem") }),
        qr{^Failed to load certificate from file \Q$dir/weak.pem\E.*key too small}s, 'a file';
    CERT_free($cert);
    KEY_free($key);
};

subtest 'DH parameters' => sub {
    like error_of(sub { context(server_args(SSL_dh_file => "$dir/none")) }),
        qr{^Failed to open DH file \Q$dir/none}, 'no file';
    like error_of(sub { context(server_args(SSL_dh_file => cert('garbage.pem'))) }),
        qr{^Failed to read PEM for DH from \S+garbage\.pem - wrong format}, 'not in the file';
    open my $fh, '>', "$dir/dh.pem" or die $!;
    print $fh "-----BEGIN DH PARAMETERS-----\n",              # of 512 bits
        "MEYCQQDJYc1Qzl1ukYc3nSqZIXYHBUPbRMFbzEEq5LX5oVvI1eVHCZTH40M5F+VJ\n",
        "jrRT0slcC/RE8i7PSonWwFflYGePAgEC\n-----END DH PARAMETERS-----\n";
    close $fh;
    like error_of(sub { context(server_args(SSL_dh_file => "$dir/dh.pem")) }),
        qr{^Failed to set DH from \Q$dir/dh.pem}, 'too weak';
};

subtest 'folders and files that are closed to us' => sub {
    mkdir "$dir/closed", 0 or die $!;
    local $> = 65534 if !$>;
    opendir my $dh, "$dir/closed" and plan skip_all => 'nothing is closed to us here';
    like error_of(sub { context(SSL_ca_path => "$dir/closed") }),
        qr{^died: SSL_ca_path \Q$dir/closed\E is not accessible: }, 'SSL_ca_path';
    like error_of(sub { context(SSL_ca_file => "$dir/closed/x") }),
        qr{^died: SSL_ca_file \Q$dir/closed/x\E can't be used: }, 'SSL_ca_file';
    like error_of(sub { IO::Socket::SSL::default_ca("$dir/closed") }),
        qr{^died: SSL_ca_path \Q$dir/closed\E is not accessible: }, 'default_ca';
};

differs('error-default-ca', 'CA certificates that default_ca was given', sub {
    IO::Socket::SSL::default_ca(SSL_ca_file => cert('garbage.pem'));
    like error_of(sub { context() }), qr{^Invalid certificate authority locations: SSL_ca_file \S+garbage\.pem},
        'the file is named';
    IO::Socket::SSL::default_ca(undef);
}, sub {
    IO::Socket::SSL::default_ca(SSL_ca_file => cert('garbage.pem'));
    like error_of(sub { context() }), qr/^Invalid default certificate authority locations/, 'in other words';
});

subtest 'numbers' => sub {
    like error_of(sub { context(SSL_verify_mode => 'SSL_VERIFY_PEER') }),
        qr/^died: SSL_verify_mode must be a number and not a string/, 'SSL_verify_mode';
};

subtest 'OCSP' => sub {
    my ($ca, $ca_key)    = CERT_create(CA => 1, key => KEY_create_ec());
    my ($cert, $key)     = CERT_create(key => KEY_create_ec(), issuer => [$ca, $ca_key],
        subject => { commonName => 'foreign' },
        ext => [{ sn => 'authorityInfoAccess', data => 'OCSP;URI:http://ocsp.test/' }]);
    my $ocsp = $client->ocsp_resolver($cert);
    like $ocsp->soft_error, qr{^no certid for /CN=foreign: }, 'an issuer that is not known';
    is $ocsp->hard_error, '', 'is no hard error';
};

subtest 'Intercept' => sub {
    my ($cert, $key) = CERT_create(key => KEY_create_ec());
    like error_of(sub { IO::Socket::SSL::Intercept->new(proxy_key => $key) }),
        qr/^died: no proxy_cert or proxy_cert_file given/, 'proxy_cert';
    like error_of(sub { IO::Socket::SSL::Intercept->new(proxy_cert => $cert) }),
        qr/^died: no proxy_(?:cert or proxy_cert|key or proxy_key)_file given/, 'proxy_key';
};

done_testing;
