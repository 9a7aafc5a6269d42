# SSL_fingerprint and get_fingerprint: knowing a peer by a digest.
use strict;
use warnings;

use lib 't/lib';
use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(sha1_hex sha256_hex sha512_hex);
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use IdentTest;
use MIME::Base64 qw(decode_base64);
use Test::More;
use TLSTest;

without_environment();

my ($base64) = cert_text('server.pem') =~ /-----BEGIN CERTIFICATE-----\n(.*?)-----END/s;
my $der      = decode_base64($base64);
my $sha256   = sha256_hex($der);
# The bits of the public key: what follows its algorithm in the SubjectPublicKeyInfo. An RSA key of
# 2048 bits is a SEQUENCE of two INTEGERs, 270 bytes long.
my ($bits) = $der =~ /(\x30\x82\x01\x0a\x02\x82\x01\x01\x00.{256}\x02\x03\x01\x00\x01)/s;
my $pubkey = sha256_hex($bits);
(my $colons = uc $sha256) =~ s/(..)(?!$)/$1:/g;

my %untrusted = (SSL_ca_file => cert('other-ca.pem'));
my $wrong     = 'sha256$' . '00' x 32;
my $FAILED    = qr/certificate verify failed/;

sub fingerprint {
    my $x509 = PEM_file2cert(cert(shift));
    my $text = IO::Socket::SSL->get_fingerprint('sha256', $x509);
    CERT_free($x509);
    return $text;
}

subtest 'a server that nobody vouches for is accepted by' => sub {
    connects($_->[0], client => { %untrusted, SSL_fingerprint => $_->[1] }) for
        ['sha256$'                       => "sha256\$$sha256"],
        ['sha1$'                         => 'sha1$' . sha1_hex($der)],
        ['sha512$'                       => 'sha512$' . sha512_hex($der)],
        ['md5$'                          => 'md5$' . md5_hex($der)],
        ['64 digits, which are sha256'   => $sha256],
        ['40 digits, which are sha1'     => sha1_hex($der)],
        ['32 digits, which are md5'      => md5_hex($der)],
        ['digits in capitals and colons' => $colons],
        ['algorithm in capitals'         => "SHA256\$$colons"],
        ['the digest of its public key'  => "sha256\$pub\$$pubkey"],
        ['the same, in capitals'         => "sha256\$PUB\$\U$pubkey"],
        ['one of a list'                 => [$wrong, "sha256\$$sha256"]];
};

subtest 'it is not accepted by' => sub {
    refused($_->[0], client => $FAILED, client => { %untrusted, SSL_fingerprint => $_->[1] }) for
        ['another fingerprint'                    => $wrong],
        ['a list without the right one'           => [$wrong, "sha256\$pub\$$sha256"]],
        ['that of its CA'                         => fingerprint('ca.pem')],
        ['the public key\'s, given as its own'    => "sha256\$$pubkey"],
        ['its own, given as the public key\'s'    => "sha256\$pub\$$sha256"],
        ['an empty list'                          => []],
        ['""'                                     => ''],
        ['undef'                                  => undef];
};

subtest 'nothing else can make it fail then' => sub {
    connects($_->[0], client => { @{ $_->[1] } }, server => { files($_->[2] || 'server') }) for
        ['an expired certificate', [SSL_fingerprint => fingerprint('expired.pem')], 'expired'],
        ['a self-signed one', [SSL_fingerprint => fingerprint('self-signed.pem')], 'self-signed'],
        ['another name',
            [%untrusted, SSL_fingerprint => $sha256, SSL_verifycn_name => 'other.test']],
        ['no name', [%untrusted, SSL_fingerprint => $sha256, SSL_verifycn_name => undef,
            SSL_hostname => '', SSL_verifycn_scheme => 'http']],
        ['a callback that says no',
            [SSL_fingerprint => $sha256, SSL_verify_callback => sub { 0 }]];
    ok !$SSL_ERROR, 'and no error is left';
};

subtest 'a fingerprint that does not match leaves it to the usual verification' => sub {
    connects('all is well', client => { SSL_fingerprint => $wrong });
    refused('wrong name', client => qr/hostname verification failed/,
        client => { SSL_fingerprint => $wrong, SSL_verifycn_name => 'other.test' });
    refused('expired', client => $FAILED, client => { SSL_fingerprint => $wrong },
        server => { files('expired') });
};

subtest 'unless SSL_force_fingerprint asks for one that matches' => sub {
    plan skip_all => 'the option is of 2.089' if !since(2.089);
    my @force = (SSL_force_fingerprint => 1);
    connects('it does', client => { @force, SSL_fingerprint => [$wrong, $sha256] });
    refused('it does not', client => $FAILED, client => { @force, SSL_fingerprint => $wrong });
};

subtest 'a server can know its clients by fingerprint' => sub {
    my %server = (files('server'), SSL_verify_mode => 3, SSL_ca_file => cert('ca.pem'));
    my $theirs = fingerprint('client-other.pem');
    connects('the right one', client => { files('client-other') },
        server => { %server, SSL_fingerprint => $theirs });
    refused('another', server => $FAILED, client => { files('client-other') },
        server => { %server, SSL_fingerprint => $wrong });
};

subtest 'a reused context does not remember that a handshake failed' => sub {
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_ca_file => cert('ca.pem'),
        SSL_fingerprint => $wrong);
    my %with = (client => { raw => 1, SSL_reuse_ctx => $context,
            SSL_verifycn_name => 'server.test' });
    connects('good', %with);
    refused('bad', client => $FAILED, %with, server => { files('expired') });
    differs('ident-context-after-failure', 'good again',
        sub { connects('as before', %with) },
        sub { refused('refused for the other\'s fault', client => $FAILED, %with) });
};

subtest 'a fingerprint that is none is an error, and quoted' => sub {
    refused("'$_->[0]'", client => $_->[1], client => { SSL_fingerprint => $_->[0] }) for
        ['foo'              => qr/^invalid fingerprint 'foo'/],
        ['sha256$zz'        => qr/^invalid fingerprint 'sha256\$zz'/],
        ['sha256$'          => qr/^invalid fingerprint 'sha256\$'/],
        ["\$$sha256"        => qr/^invalid fingerprint '\$$sha256'/],
        ['abcd'             => qr/^cannot detect hash algorithm from fingerprint 'abcd'/],
        ["nope\$$sha256"    => qr/^Digest algorithm nope is not available/],
        ["pub\$$pubkey"     => qr/^Digest algorithm pub is not available/];
    refused('one bad one in a list', client => qr/^invalid fingerprint 'foo'/,
        client => { SSL_fingerprint => ["sha256\$$sha256", 'foo'] });
};

differs('ident-fingerprint-length', 'a digest that is too short or too long can\'t be meant',
    sub {
        refused("'$_'", client => qr/^invalid fingerprint '\Q$_\E'/,
            client => { SSL_fingerprint => $_ })
            for "sha256\$" . substr($sha256, 0, 62), "sha256\$${sha256}00";
    },
    sub {
        connects("'$_' never matches", client => { SSL_fingerprint => $_ })
            for "sha256\$" . substr($sha256, 0, 62), "sha256\$${sha256}00";
    });

subtest 'get_fingerprint' => sub {
    my ($client, $server) = pair(client => { files('client') },
        server => { files('server'), SSL_verify_mode => 1, SSL_ca_file => cert('ca.pem') });
    my $other = PEM_file2cert(cert('other-name.pem'));
    is $client->get_fingerprint, "sha256\$$sha256", 'of the peer, sha256';
    is $client->get_fingerprint('sha1'), 'sha1$' . sha1_hex($der), 'by another algorithm';
    is $client->get_fingerprint(undef), "sha256\$$sha256", 'undef is sha256';
    is $client->get_fingerprint('sha256', undef, 1), "sha256\$pub\$$pubkey", 'of the public key';
    is $client->get_fingerprint('sha256', $other), fingerprint('other-name.pem'), 'of another one';
    is $client->get_fingerprint_bin, pack('H*', $sha256), 'binary';
    is $client->get_fingerprint_bin('md5'), pack('H*', md5_hex($der)), 'binary, md5';
    is $client->get_fingerprint_bin('sha256', undef, 1), pack('H*', $pubkey), 'binary, public key';
    is $server->get_fingerprint, fingerprint('client.pem'), 'a server\'s, of the client';
    like raised(sub { $client->get_fingerprint('nope') }),
        qr/^Digest algorithm nope is not available/, 'an unknown algorithm is an exception';
    connects('its answer serves as SSL_fingerprint',
        client => { %untrusted, SSL_fingerprint => $client->get_fingerprint });
    CERT_free($other);
};

done_testing;
