# Mistakes in arguments: what is wrong is told with the option and its value.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use IdentTest;
use Test::More;
use TLSTest;

without_environment();

# What making a client says to these arguments; a handshake is tried, as some come out only there.
sub complaint {
    my (%args) = @_;
    my $result = handshake(over => 'unix', blocking => 0, client => {%args});
    return $result->{client_ok} ? 'no complaint' : $result->{client_error};
}

sub server_complaint {
    my (%args) = @_;
    my $result = handshake(over => 'unix', blocking => 0, server => { files('server'), %args });
    return $result->{server_ok} ? 'no complaint' : $result->{server_error};
}

my $handle = PEM_file2cert(cert('ca.pem'));

subtest 'a value that is none is refused' => sub {
    for (
        [SSL_verify_mode     => 'PEER',        qr/^SSL_verify_mode must be a number and not a str/],
        [SSL_version         => 'TLSv9',        qr/^invalid SSL_version specified/],
        [SSL_version => 'TLSv1_2:TLSv1_3', qr/^cannot set multiple SSL protocols in SSL_version/],
        [SSL_cipher_list     => 'NO-SUCH',      qr/^Failed to set SSL cipher list/],
        [SSL_ciphersuites    => 'NO-SUCH',      qr/^Failed to set SSL cipher list/],
        [SSL_ecdh_curve      => 'no-such',      qr/^failed to set ECDH groups\/curves on context/],
        [SSL_verifycn_scheme => 'https',        qr/scheme https not defined/],
        [SSL_fingerprint     => 'zz',           qr/^invalid fingerprint 'zz'/],
        [SSL_ca_file         => '/nonexistent', qr{^SSL_ca_file /nonexistent can't be used: No s}],
        [SSL_ca_path         => '/nonexistent', qr{^SSL_ca_path /nonexistent does not exist}],
        [SSL_cert_file       => '/nonexistent', qr{^SSL_cert_file /nonexistent can't be used: N}],
    ) {
        my ($option, $value, $words) = @$_;
        like complaint($option => $value), $words, "$option => '$value'";
    }
    like server_complaint(SSL_dh_file => cert('text.pem')),
        qr/^Failed to read PEM for DH from \S*text\.pem - wrong format\?/, 'SSL_dh_file without DH';
    like server_complaint(SSL_dh_file => '/nonexistent'),
        qr{^Failed to open DH file /nonexistent}, 'SSL_dh_file that is not there';
};

differs('error-option-value', 'every such error tells the option and the value',
    sub {
        for (
            [SSL_verify_mode     => 'SSL_VERIFY_PEER'],
            [SSL_verify_mode     => 64],
            [SSL_verify_mode     => -1],
            [SSL_version         => 'TLSv9'],
            [SSL_version         => 'TLSv1_2:TLSv1_3'],
            [SSL_ecdh_curve      => 'no-such'],
            [SSL_verifycn_scheme => 'https'],
        ) {
            my ($option, $value) = @$_;
            my $text = complaint($option => $value);
            like $text, qr/\b$option\b/, "$option => '$value': the option";
            like $text, qr/\Q$value\E/, '... and the value';
        }
        like complaint(SSL_cipher_list => 'NO-SUCH'), qr/NO-SUCH/, 'SSL_cipher_list: the value';
        like complaint(SSL_ciphersuites => 'NO-SUCH'), qr/NO-SUCH/, 'SSL_ciphersuites: the value';
    },
    sub {
        unlike complaint(SSL_version => 'TLSv9'), qr/TLSv9/, 'no value';
        unlike complaint(SSL_cipher_list => 'NO-SUCH'), qr/NO-SUCH/, 'no value';
    });

differs('error-option-shape', 'a value of the wrong kind is refused with the option\'s name',
    sub {
        like complaint(@$_), qr/\b$_->[0]\b/, "$_->[0] => " . (ref $_->[1] || 'a scalar') for
            [SSL_ca              => ['no handle']],
            [SSL_ca              => { $handle => 1 }],
            [SSL_verify_callback => 'name_of_a_sub'],
            [SSL_verifycn_scheme => ['http']],
            [SSL_verifycn_scheme => sub { 1 }],
            [SSL_verifycn_scheme => { callback => 'name_of_a_sub' }],
            [SSL_verifycn_publicsuffix => 'a list'];
        like server_complaint(SSL_passwd_cb => 'secret', files('server.pem', 'server-pass.key')),
            qr/\bSSL_passwd_cb\b/, 'SSL_passwd_cb => a password';
    },
    sub {
        like complaint(SSL_ca => { $handle => 1 }), qr/Not an ARRAY ref/, 'perl complains: SSL_ca';
        like complaint(SSL_verifycn_scheme => ['http']), qr/Not a HASH reference/,
            'perl complains: SSL_verifycn_scheme';
    });

subtest 'options that nobody knows are passed over' => sub {
    is complaint(SSL_no_such_option => 1), 'no complaint', 'by a client';
    is server_complaint(SSL_no_such_option => 1), 'no complaint', 'by a server';
};

subtest 'a mistake does not harm what comes after' => sub {
    complaint(SSL_cipher_list => 'NO-SUCH');
    complaint(SSL_version => 'TLSv9');
    is complaint(), 'no complaint', 'the next is good';
    ok !$SSL_ERROR, 'and no error is left';
};

CERT_free($handle);
subtest 'what a condition leaves where code, an object or a list belongs is as if it was not given' => sub {
    my @for_both = qw(SSL_passwd_cb SSL_verify_callback SSL_ocsp_cache SSL_npn_protocols SSL_alpn_protocols
        SSL_ca SSL_cert SSL_key SSL_session_cache SSL_create_ctx_callback SSL_error_trap
        SSL_ocsp_staple_callback SSL_on_peer_shutdown);
    for my $false (undef, '', 0) {
        my %options = map { $_ => $false } @for_both;
        my $result = handshake(over => 'unix', client => {%options},
            server => { %options, server_args(), SSL_ticket_keycb => $false, SSL_client_ca => $false });
        my $what = defined $false ? "'$false'" : 'undef';
        is $result->{client_error}, '', "$what: a client";
        is $result->{server_error}, '', "$what: and a server";
        my $refused = handshake(over => 'unix', client => { %options, SSL_ca_file => cert('other-ca.pem') });
        like $refused->{client_error}, qr/certificate verify failed/, "$what: that is verified as ever";
    }
};

done_testing;
