# Whom a client trusts: SSL_ca, SSL_ca_file and SSL_ca_path in every form.
use strict;
use warnings;

use lib 't/lib';
use File::Temp qw(tempdir);
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use IdentTest;
use Test::More;
use TLSTest;

without_environment();

my $ca       = PEM_file2cert(cert('ca.pem'));
my $other_ca = PEM_file2cert(cert('other-ca.pem'));
my $inter    = PEM_file2cert(cert('inter.pem'));
my $nowhere  = tempdir(CLEANUP => 1) . '/nothing';

my $ca_pem   = cert('ca.pem');
my $capath   = cert('capath');
my $other    = cert('other-ca.pem');
my $others   = cert('capath-other');
# SSL_ca_file => '' takes away the one that client_args gives.
my @trusting = (
    ['a file'                                  => SSL_ca_file => $ca_pem],
    ['a file with several certificates'        => SSL_ca_file => cert('bundle.pem')],
    ['a folder'                                => SSL_ca_file => '', SSL_ca_path => $capath],
    ['a list of folders'                       => SSL_ca_file => '',
        SSL_ca_path => [$others, $capath]],
    ['folders joined by a colon'               => SSL_ca_file => '',
        SSL_ca_path => "$others:$capath"],
    ['a list of folders, one not there'        => SSL_ca_file => '',
        SSL_ca_path => [$nowhere, $capath]],
    ['joined folders, one not there'           => SSL_ca_file => '',
        SSL_ca_path => "$nowhere:$capath"],
    ['the folder, where the file is another'   => SSL_ca_file => $other, SSL_ca_path => $capath],
    ['the file, where the folder is another'   => SSL_ca_path => $others],
    ['the file, the folder being ""'           => SSL_ca_path => ''],
    ['the file, the folder being \\undef'      => SSL_ca_path => \undef],
    ['the folder, the file being \\undef'      => SSL_ca_file => \undef, SSL_ca_path => $capath],
    ['a handle'                                => SSL_ca_file => '', SSL_ca => [$ca]],
    ['several handles'                         => SSL_ca_file => '', SSL_ca => [$other_ca, $ca]],
    ['the same handle twice'                   => SSL_ca_file => '', SSL_ca => [$ca, $ca]],
    ['handles that do not help, and the file'  => SSL_ca => [$other_ca]],
    ['an empty list of handles, and the file'  => SSL_ca => []],
    ['SSL_ca being "", and the file'           => SSL_ca => ''],
    ['an empty list of folders, and the file'  => SSL_ca_path => []],
    ['a list of folders with undef in it'      => SSL_ca_file => '', SSL_ca_path => [undef, $capath]],
);

subtest 'a server is trusted through' => sub {
    connects($_->[0], client => { @$_[1 .. $#$_] }) for @trusting;
};

my @distrusting = (
    ['another file'                    => SSL_ca_file => $other],
    ['another folder'                  => SSL_ca_file => '', SSL_ca_path => $others],
    ['another handle'                  => SSL_ca_file => '', SSL_ca => [$other_ca]],
    ['no file (\\undef)'               => SSL_ca_file => \undef],
    ['no folder (\\undef)'             => SSL_ca_file => '', SSL_ca_path => \undef],
    ['an empty list of handles'        => SSL_ca_file => '', SSL_ca => []],
    ['an empty list of folders'        => SSL_ca_file => '', SSL_ca_path => []],
    ['an intermediate that is no link' => SSL_ca_file => '', SSL_ca => [$inter]],
);

subtest 'a server is not trusted through' => sub {
    refused($_->[0], client => qr/certificate verify failed/, client => { @$_[1 .. $#$_] })
        for @distrusting;
};

subtest 'a chain is followed to' => sub {
    my %chain = files('server-chain');
    connects('the root, with the intermediate sent', server => {%chain});
    connects('the intermediate itself, if that is what is trusted',
        client => { SSL_ca_file => cert('inter.pem') }, server => {%chain});
    connects('the intermediate, even if the server does not send it',
        client => { SSL_ca => [$inter] }, server => { files('server-leaf') });
    connects('the leaf itself, if that is what is trusted',
        client => { SSL_ca_file => cert('server.pem') });
    connects('a self-signed certificate that is trusted',
        client => { SSL_ca_file => cert('self-signed.pem') }, server => { files('self-signed') });
    refused('nothing, if a link is missing', client => qr/certificate verify failed/,
        server => { files('server-leaf') });
};

subtest 'handles stay the caller\'s: they serve again after use, also for another end' => sub {
    for (1 .. 2) {
        connects("time $_", client => { SSL_ca_file => '', SSL_ca => [$ca] },
            server => { files('server'), SSL_ca => [$ca], SSL_verify_mode => SSL_VERIFY_PEER });
    }
    like PEM_cert2string($ca), qr/^-----BEGIN CERTIFICATE-----/, 'and can still be read';
};

subtest 'the caller may free a handle as soon as a context has it' => sub {
    my $short = PEM_file2cert(cert('ca.pem'));
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_ca => [$short], SSL_verify_mode => 1);
    CERT_free($short);
    connects('later', client => { raw => 1, SSL_reuse_ctx => $context,
            SSL_verifycn_name => 'server.test' });
};

subtest 'a CA that can not be used is ignored where nothing is verified' => sub {
    connects("$_->[0]", client => { SSL_verify_mode => SSL_VERIFY_NONE, @$_[1 .. 2] }) for
        ['a file that is not there'   => SSL_ca_file => $nowhere],
        ['a folder that is not there' => SSL_ca_path => $nowhere],
        ['garbage'                    => SSL_ca_file => cert('garbage.pem')];
};

subtest 'a server verifies clients by the same arguments' => sub {
    for ([SSL_ca_file => $ca_pem], [SSL_ca_path => $capath], [SSL_ca => [$ca]]) {
        my %server = (files('server'), SSL_verify_mode => 3, @$_);
        connects("$_->[0], trusted", client => { files('client') }, server => {%server});
        refused("$_->[0], not trusted", server => qr/certificate verify failed/,
            client => { files('client-other') }, server => {%server});
    }
};

CERT_free($_) for $ca, $other_ca, $inter;
done_testing;
