# Verification of the server: SSL_verify_mode, bad certificates, SSL_verify_callback.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use IdentTest;
use Test::More;
use TLSTest;

without_environment();

my %distrust = (SSL_ca_file => cert('other-ca.pem'));
my $FAILED   = qr/certificate verify failed/;

subtest 'a server is verified unless SSL_VERIFY_NONE is asked for' => sub {
    refused('nothing said', client => $FAILED, client => {%distrust});
    refused("SSL_verify_mode => $_", client => $FAILED,
        client => { %distrust, SSL_verify_mode => $_ }) for 1, '1', 2, 3, 5, 7;
    connects('SSL_verify_mode => 0', client => { %distrust, SSL_verify_mode => $_ })
        for 0, '0', SSL_VERIFY_NONE;
};

subtest 'SSL_verify_mode is a number' => sub {
    refused("'$_'", client => qr/SSL_verify_mode/, client => { %distrust, SSL_verify_mode => $_ })
        for 'SSL_VERIFY_PEER', 'none', '0E0', '0x1';
};

differs('ident-verify-mode-unset', 'verification is never off by accident',
    sub {
        refused(defined $_ ? "'$_'" : 'undef', client => qr/SSL_verify_mode|$FAILED/,
            client => { %distrust, SSL_verify_mode => $_ }) for undef, '';
    },
    sub {
        connects(defined $_ ? "'$_'" : 'undef', client => { %distrust, SSL_verify_mode => $_ })
            for undef, '';
    });

subtest 'a client refuses a certificate that is' => sub {
    refused($_->[0], client => $FAILED, server => { files($_->[1]) }) for
        ['expired'         => 'expired'],
        ['not yet valid'   => 'not-yet'],
        ['self-signed'     => 'self-signed'],
        ['of another CA'   => 'other-server'];
};

differs('error-verify-reason', 'the error tells what is wrong with which certificate',
    sub {
        refused($_->[0], client => qr/certificate verify failed.*$_->[1].*CN=server\.test/s,
            server => { files($_->[0]) }) for
            ['expired'      => 'expired'],
            ['not-yet'      => 'not yet valid'],
            ['self-signed'  => 'self.signed'],
            ['other-server' => 'issuer'];
    },
    sub {
        my $result = handshake(server => { files('expired') });
        like $result->{client_error}, qr/certificate verify failed$/, 'no more than that';
    });

subtest 'the server is told why' => sub {
    refused($_->[0], server => $_->[1], server => { files($_->[0]) }) for
        ['expired'      => qr/alert certificate expired/],
        ['other-server' => qr/alert unknown ca/];
};

# --- SSL_verify_callback --------------------------------------------------------------------------

# A callback that notes its arguments and answers by the given code, or agrees with OpenSSL.
sub noting {
    my ($calls, $answer) = @_;
    return (SSL_verify_callback => sub {
        push @$calls, { ok => $_[0], names => $_[2], error => $_[3], depth => $_[5],
            pem => PEM_cert2string($_[4]), count => scalar @_, store => $_[1] };
        return $answer ? $answer->(@_) : $_[0];
    });
}

subtest 'the callback is called for each certificate, from the root to the leaf' => sub {
    my @calls;
    connects('a chain of three', client => { noting(\@calls) },
        server => { files('server-chain') });
    is_deeply [map { $_->{depth} } @calls], [2, 1, 0], 'depths';
    is_deeply [map { $_->{count} } @calls], [6, 6, 6], 'six arguments';
    ok !(grep { !$_->{ok} } @calls), 'OpenSSL agrees';
    ok !(grep { $_->{error} } @calls), 'no error';
    ok !(grep { $_->{store} !~ /^[1-9]\d*$/ } @calls), 'the store is a handle';
    is $calls[2]{names}, '/O=IOSSL/CN=IOSSL Test Intermediate/O=IOSSL/CN=server.test',
        'issuer and subject in one string';
    is_deeply [map { $_->{pem} } @calls],
        [map { cert_text($_) } qw(ca.pem inter.pem server-leaf.pem)], 'each its certificate';
};

subtest 'it hears of what is wrong, and decides' => sub {
    my @calls;
    refused('agreeing with OpenSSL', client => $FAILED, client => { %distrust, noting(\@calls) });
    ok !$calls[0]{ok}, 'OpenSSL does not agree';
    like $calls[0]{error}, qr/20/, 'because of X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY';
    is $calls[0]{depth}, 0, 'which is about the leaf';

    connects('saying yes', client => { %distrust, noting(\@calls, sub { 1 }) });
    connects('saying yes to an expired one', client => { noting(\@calls, sub { 1 }) },
        server => { files('expired') });
    refused($_->[0], client => $FAILED, client => { noting(\@calls, $_->[1]) }) for
        ['saying no'      => sub { 0 }],
        ['saying nothing' => sub { return }],
        ['saying undef'   => sub { undef }],
        ['saying ""'      => sub { '' }];
};

subtest 'the name is verified after it, whatever it says about the chain' => sub {
    refused('another name', client => qr/hostname verification failed/,
        client => { %distrust, SSL_verifycn_name => 'other.test', noting([], sub { 1 }) });
};

subtest 'what it dies with reaches the caller' => sub {
    my $result = refused('die', client => qr/^no thanks$/,
        client => { SSL_verify_callback => sub { die "no thanks\n" } });
    connects('and the next connection is not affected');
};

subtest 'a server has one too' => sub {
    my %server = (files('server'), SSL_verify_mode => 1, SSL_ca_file => cert('ca.pem'));
    my @calls;
    connects('for the client\'s certificate', client => { files('client') },
        server => { %server, noting(\@calls) });
    is $calls[-1]{names}, '/O=IOSSL/CN=IOSSL Test Root/O=IOSSL/CN=client', 'its names';
    connects('to accept an untrusted one', client => { files('client-other') },
        server => { %server, noting([], sub { 1 }) });
    @calls = ();
    connects('not without a certificate', server => { %server, noting(\@calls) });
    is scalar @calls, 0, 'no call';
};

subtest 'undef is no callback' => sub {
    connects('good',       client => { SSL_verify_callback => undef });
    refused('bad', client => $FAILED, client => { %distrust, SSL_verify_callback => undef });
};

done_testing;
