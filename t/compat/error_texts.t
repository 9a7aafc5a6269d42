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
    like error_of(sub { context() }), qr{^Invalid\ default\ certificate\ authority\ locations:
        \ SSL_ca_file\ \S+garbage\.pem\ holds\ no\ certificate}x, 'the file is named';
    for my $nobody ([SSL_ca_file => \undef], [SSL_ca_path => []], [SSL_ca => []]) {
        IO::Socket::SSL::default_ca(@$nobody);
        my $result = handshake(client => { raw => 1, SSL_verifycn_name => 'server.test' });
        like $result->{client_error}, qr/certificate verify failed/, "no $nobody->[0]: nobody is trusted";
    }
    my %hash = (SSL_ca_file => cert('ca.pem'));
    is_deeply {IO::Socket::SSL::default_ca({%hash})}, \%hash, 'a reference to a hash is taken for one';
    IO::Socket::SSL::default_ca(undef);
}, sub {
    IO::Socket::SSL::default_ca(SSL_ca_file => cert('garbage.pem'));
    like error_of(sub { context() }), qr/^Invalid default certificate authority locations(?: error:|$)/, 'no file';
    IO::Socket::SSL::default_ca(SSL_ca_path => []);
    like error_of(sub { context() }), qr/^Invalid default certificate authority locations/, 'no path';
});

subtest 'a default that can not be used fails whoever needs it, in order' => sub {
    my %need = (
        'a context'  => sub { IO::Socket::SSL::SSL_Context->new(@_) },
        'new'        => sub { IO::Socket::SSL->new(PeerAddr => '127.0.0.1:1', @_) },
        'start_SSL'  => sub { IO::Socket::SSL->start_SSL((plain_pair())[0], SSL_startHandshake => 0, @_) },
        'a server that verifies' => sub {
            IO::Socket::SSL::SSL_Context->new(server_args(SSL_verify_mode => SSL_VERIFY_PEER, @_)) },
    );
    my %unusable = ("$dir/none.pem" => 'ENOENT', $dir => 'EISDIR', cert('empty.pem') => undef);
    for my $file (sort keys %unusable) {
        IO::Socket::SSL::default_ca(SSL_ca_file => "$file");
        for my $who (sort keys %need) {
            ($SSL_ERROR, $!) = (undef, 0);
            my @got = eval { $need{$who}->() };
            my ($died, $errno) = ($@, { %! });
            is_deeply \@got, [], "$file, $who: nothing is returned";
            unlike $died, qr/ at \S+ line /, 'and nobody dies';
            like $SSL_ERROR, qr/^Invalid default certificate authority locations/, 'with the reason';
            is $SSL_ERROR + 0, -1, 'an error';
            ok $errno->{ $unusable{$file} }, "\$! is $unusable{$file}" if $unusable{$file};
            my @other = eval { $need{$who}->(SSL_ca_file => cert('ca.pem')) };
            unlike $SSL_ERROR // '', qr/authority/, 'who names CAs has no need of it' if $who eq 'new';
            is scalar @other, 1, 'who names CAs has no need of it' if $who ne 'new';
        }
        ok(IO::Socket::SSL::SSL_Context->new(SSL_verify_mode => SSL_VERIFY_NONE), 'nor who verifies nobody');
        ok(IO::Socket::SSL::SSL_Context->new(server_args()), 'such as a server');
    }
    IO::Socket::SSL::default_ca(SSL_ca_file => undef);
    like error_of(sub { context() }), qr/^Invalid default certificate authority locations/, 'a file of undef';
    IO::Socket::SSL::default_ca(SSL_other => 1);
    like error_of(sub { context() }), qr/^Invalid default certificate authority locations/, 'no file at all';
    IO::Socket::SSL::default_ca(undef);
};

subtest 'a default folder that is not there has nothing in it' => sub {
    my $outcome = sub { handshake(client => { raw => 1, SSL_verifycn_name => 'server.test' })->{client_error} };
    IO::Socket::SSL::default_ca(SSL_ca_path => "$dir/none");
    like $outcome->(), qr/certificate verify failed/, 'nobody is trusted';
    IO::Socket::SSL::default_ca(SSL_ca_path => "$dir/none", SSL_ca_file => cert('ca.pem'));
    is $outcome->(), '', 'a file beside it counts';
    IO::Socket::SSL::default_ca(SSL_ca_path => "$dir/none:" . cert('capath'));
    is $outcome->(), '', 'so does another folder';
    IO::Socket::SSL::default_ca(["$dir/none", cert('capath')]);
    is $outcome->(), '', 'given as a list, too';
    like error_of(sub { IO::Socket::SSL::default_ca(["$dir/none", "$dir/nil"]) }),
        qr{^died: SSL_ca_path \Q$dir\E/none does not exist}, 'of which one has to be there';
    IO::Socket::SSL::default_ca(undef);
};

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
