# Files of certificates, keys and CAs that are of no use: each error tells the file and the reason.
use strict;
use warnings;
use Config;

use lib 't/lib';
use Errno qw(ENOENT);
use File::Temp qw(tempdir);
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use IdentTest;
use Test::More;
use TLSTest;

without_environment();

my $dir     = tempdir(CLEANUP => 1);
my $missing = "$dir/missing.pem";
my ($secret, $public) = ("$dir/unreadable.pem", "$dir/readable.pem");
for my $file ($secret, $public) {
    open my $fh, '>', $file or die "$file: $!";
    print $fh cert_text('server-both.pem');
    close $fh or die $!;
    chmod $file eq $secret ? 0 : 0644, $file or die $!;
}

# What a context says to these arguments: "died: ...", or $SSL_ERROR.
sub complaint {
    my (%args) = @_;
    my $context = eval { IO::Socket::SSL::SSL_Context->new(%args) };
    return 'no complaint' if $context;
    return $@ ? "died: $@" : "$SSL_ERROR";
}

sub server_says { return complaint(SSL_server => 1, @_) }

my %SERVER = (SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'));

subtest 'a file that is not there is an exception that tells option, file and reason' => sub {
    for my $option (qw(SSL_cert_file SSL_key_file)) {
        like server_says(%SERVER, $option => $missing),
            qr/^died: $option \Q$missing\E can't be used: No such file or directory/, $option;
        like complaint(%SERVER, SSL_ca_file => cert('ca.pem'), $option => $missing),
            qr/^died: $option \Q$missing\E can't be used: No such file/, "$option of a client";
    }
    like server_says(SSL_cert_file => { 'a.test' => cert('server.pem'), '' => $missing },
        SSL_key_file => cert('server.key')),
        qr/^died: SSL_cert_file \Q$missing\E can't be used: No such file/, 'one for a host';
    like complaint(SSL_ca_file => $missing),
        qr/^died: SSL_ca_file \Q$missing\E can't be used: No such file or directory/, 'SSL_ca_file';
    like complaint(SSL_ca_path => $missing), qr/^died: SSL_ca_path \Q$missing\E does not exist/,
        'SSL_ca_path';
    like complaint(SSL_ca_path => [$missing, "$dir/none"]),
        qr/^died: SSL_ca_path \Q$missing\E\b.*\Q$dir\E\/none does not exist/s,
        'each of several folders';
    like complaint(SSL_ca_path => cert('ca.pem')), qr/^died: SSL_ca_path \S*ca\.pem /,
        'a file instead of a folder';
};

# Root may read everything, so a child asks that is nobody; who may not even see our folder.
sub complaint_of_nobody {
    my (%args) = @_;
    return in_child(sub {
        ($), $>) = (65534, 65534) if $> == 0;
        return -r $secret ? 'still allowed' : complaint(%args);
    });
}

chmod 0711, $dir or die "$dir: $!";
# Before glibc 2.33, faccessat(2) asks for the real user all the same, who is root then.
my ($glibc) = ($Config{gnulibc_version} // '') =~ /^2\.(\d+)/;
subtest 'so is a file that may not be read' => sub {
    plan skip_all => 'access is told by the real user here' if $< == 0 && $glibc && $glibc < 33;
    like complaint_of_nobody(%{ $_->[1] }),
        qr/^died: $_->[0] \Q$secret\E can't be used: Permission denied/, $_->[0] for
        [SSL_cert_file => { SSL_server => 1, SSL_cert_file => $secret }],
        [SSL_key_file  => { SSL_cert_file => $public, SSL_server => 1, SSL_key_file => $secret }],
        [SSL_ca_file   => { SSL_ca_file => $secret }];
};

# file => what OpenSSL finds wrong with it
my %broken_cert = (
    'empty.pem'      => qr/no start line|empty/,
    'garbage.pem'    => qr/no start line|header too long/,
    'text.pem'       => qr/no start line/,
    'truncated.pem'  => qr/bad end line/,
    'bad-base64.pem' => qr/bad base64 decode/,
    'half-chain.pem' => qr/bad end line/,
    'truncated.der'  => qr/not enough data|too long/,
    'truncated.p12'  => qr/not enough data|too long/,
    'server.key'     => qr/no start line|private key/,
    'capath'         => qr/[Ii]s a directory/,
);

for my $file (sort keys %broken_cert) {
    subtest "$file is no certificate" => sub {
        my $path = cert($file);
        my $text = server_says(%SERVER, SSL_cert_file => $path);
        like $text, qr/^(?:died: SSL_cert_file|Failed to load certificate from file) \Q$path\E\b/,
            'the file';
        like $text, $broken_cert{$file}, 'the reason';
    };
}

subtest 'a hash of certificates without a host in it is refused, in the known words' => sub {
    for my $key ({}, cert('server.key')) {
        $! = 0;
        like server_says(SSL_cert_file => {}, SSL_key_file => $key),
            qr/^Failed to load certificate from file \S/, 'SSL_cert_file';
        cmp_ok $!, '==', ENOENT, 'no such file';
    }
    like server_says(SSL_cert_file => cert('server.pem'), SSL_key_file => {}),
        qr/^Failed to load key from file/, 'SSL_key_file: then the key is looked for in the certificate';
    for my $hash ({}, { 'a.test' => cert('client.pem') }) {
        like eval { complaint(SSL_ca_file => cert('ca.pem'), SSL_cert_file => $hash) },
            qr/^Failed to load certificate from file \S/, 'a client has one certificate';
        cmp_ok $!, '==', ENOENT, 'no such file';
    }
    is server_says(%SERVER), 'no complaint', 'the next one is not affected';
};

my @broken_key = qw(empty.pem garbage.pem text.pem truncated.key server.pem capath);

subtest 'a file without a key is refused' => sub {
    like server_says(%SERVER, SSL_key_file => cert($_)),
        qr/^Failed to load key from file \(no PEM or DER\)|^died: SSL_key_file/, $_ for @broken_key;
    like server_says(SSL_cert_file => cert('server.pem')), qr/^Failed to load key from file/,
        'also that of the certificate, where no other is given';
};

differs('error-key-file-named', 'the error about a key tells its file',
    sub {
        for (@broken_key) {
            my $path = cert($_);
            like server_says(%SERVER, SSL_key_file => $path), qr/\Q$path\E\b/, $_;
        }
    },
    sub {
        unlike server_says(%SERVER, SSL_key_file => cert('text.pem')), qr/text\.pem/, 'nothing';
    });

subtest 'a key that is not that of the certificate is refused' => sub {
    my ($cert, $key) = (PEM_file2cert(cert('server.pem')), PEM_file2key(cert('server-leaf.key')));
    like server_says(@{ $_->[1] }), qr/key values mismatch/, $_->[0] for
        ['files'   => [files('server.pem', 'server-leaf.key')]],
        ['DER'     => [files('server.der', 'server-leaf.key')]],
        ['handles' => [SSL_cert => $cert, SSL_key => $key]],
        ['a handle and a file' => [SSL_cert => $cert, SSL_key_file => cert('server-leaf.key')]];
    like complaint(SSL_ca_file => cert('ca.pem'), files('client.pem', 'server.key')),
        qr/key values mismatch/, 'a client';
    CERT_free($cert);
    KEY_free($key);
};

differs('error-key-mismatch', 'the mismatch is told with both files, for every kind of key',
    sub {
        for (['server.pem', 'server-leaf.key'], ['server.pem', 'server-ec.key'],
            ['server-ec.pem', 'server.key'], ['server-ec.pem', 'a-sni-ec.key']) {
            my ($cert, $key) = map { cert($_) } @$_;
            my $text = server_says(SSL_cert_file => $cert, SSL_key_file => $key);
            like $text, qr/mismatch/, "@$_";
            like $text, qr/\Q$_\E/, "... $_" for $cert, $key;
        }
    },
    sub {
        is server_says(files('server.pem', 'server-ec.key')), 'no complaint',
            'an EC key for an RSA certificate';
    });

my %broken_ca = (
    'empty.pem'      => qr/no certificate|empty/,
    'garbage.pem'    => qr/no certificate/,
    'text.pem'       => qr/no certificate/,
    'truncated.pem'  => qr/bad end line|ends within it/,
    'bad-base64.pem' => qr/bad base64 decode|base64 is damaged/,
    'half-chain.pem' => qr/bad end line|ends within it/,
    'ca.key'         => qr/no certificate|private key/,
    'capath'         => qr/no certificate|[Ii]s a directory/,
);

subtest 'a file without CA certificates is refused' => sub {
    for my $file (sort keys %broken_ca) {
        my $text = complaint(SSL_ca_file => cert($file));
        like $text, qr/^Invalid certificate authority locations|^died: SSL_ca_file/, $file;
        like $text, $broken_ca{$file}, '... and the reason';
    }
};

differs('error-ca-file-named', 'the error about a CA tells its file',
    sub {
        for (sort keys %broken_ca) {
            my $path = cert($_);
            like complaint(SSL_ca_file => $path), qr/\Q$path\E\b/, $_;
        }
    },
    sub { unlike complaint(SSL_ca_file => cert('text.pem')), qr/text\.pem/, 'nothing' });

subtest 'after each of these the same context can be made from good files' => sub {
    is server_says(%SERVER), 'no complaint', 'a server';
    is complaint(SSL_ca_file => cert('ca.pem')), 'no complaint', 'a client';
};

done_testing;
