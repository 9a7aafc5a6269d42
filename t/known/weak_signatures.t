# Signatures and keys that can be forged today.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use KnownTest;
use Test::More;
use TLSTest;

use IO::Socket::SSL::Utils;

my $root = authority('Root');
my $WEAK = qr/too weak|too small/;

# OpenSSL's default level (2: 112 bits) trusts none of these. It keeps a server from sending them, too,
# so this is a server that has lowered its own.
my @lax = (SSL_cipher_list => 'DEFAULT@SECLEVEL=0');
# That of OpenSSL 1.1.1 comes from the system's openssl.cnf.
my @usual = older_openssl() ? (SSL_cipher_list => 'DEFAULT@SECLEVEL=2') : ();

sub args { my ($trusted, @sent) = @_; return (client => { trusting($trusted), @usual },
    server => { served(@sent), @lax }) }

connects('SHA-256 and up', args($root, issue($root, digest => $_))) for qw(sha256 sha384 sha512);
refused('SHA-1 on the leaf', client => $WEAK, args($root, issue($root, digest => 'sha1')));

my $weak = authority('Weakly signed', issuer => $root, digest => 'sha1');
refused('SHA-1 on a CA', client => $WEAK, args($root, issue($weak), $weak));
my $weak_root = authority('Root of old', digest => 'sha1');
connects('SHA-1 on a root, whose signature nobody relies on', args($weak_root, issue($weak_root)));

subtest 'an RSA key of 1024 bits' => sub {
    my $key = KEY_create_rsa(1024);
    my ($cert, $same) = CERT_create(key => $key, issuer => [$root->cert, $root->key],
        purpose => 'server', subjectAltNames => [[DNS => 'server.test']]);
    refused('on the leaf', client => $WEAK, client => { trusting($root), @usual },
        server => { raw => 1, SSL_server => 1, SSL_cert => $cert, SSL_key => $key, @lax });
    KEY_free($key, $same);
    CERT_free($cert);
};

subtest 'MD5' => sub {
    my $key = KEY_create_rsa(2048);
    my ($ca, $same) = CERT_create(CA => 1, purpose => 'CA', key => $key,
        subject => { commonName => 'RSA root' });
    my ($cert, $leaf_key) = CERT_create(digest => 'md5', issuer => [$ca, $key],
        purpose => 'server', subjectAltNames => [[DNS => 'server.test']]);
    refused('on the leaf', client => $WEAK, client => { SSL_ca => [$ca], SSL_ca_file => undef, @usual },
        server => { raw => 1, SSL_server => 1, SSL_cert => $cert, SSL_key => $leaf_key, @lax });
    KEY_free($key, $same, $leaf_key);
    CERT_free($ca, $cert);
};

subtest 'a signature that is wrong' => sub {
    my $impostor = authority('Root');           # the same name, another key
    refused('by another key of the same name', client => qr/verify failed/,
        args($root, issue($impostor)));
    my $leaf = issue($root);
    my $changed = IO::Socket::SSL::Utils::DER_cert2string($leaf->cert);
    (my $start = index $changed, 'server.test') > 0 or die 'no name in it';
    substr $changed, $start, 11, 'sErver.test';
    my $cert = IO::Socket::SSL::Utils::DER_string2cert($changed);
    refused('a byte of the name changed', client => qr/signature failure/,
        client => { trusting($root) },
        server => { raw => 1, SSL_server => 1, SSL_cert => $cert, SSL_key => $leaf->key });
    CERT_free($cert);
};

done_testing;
