# nego_defaults.t - defaults of the program: set_defaults, set_client_defaults,
# set_server_defaults, set_ctx_defaults, context_init; each test sets back what it sets.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use NegoTest;

my ($aes128, $aes256, $chacha) =
    qw(ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-CHACHA20-POLY1305);
my %tls12 = (SSL_version => 'TLSv1_2');
my @any = (SSL_version => 'SSLv23:!TLSv1:!TLSv1_1', SSL_cipher_list => 'DEFAULT');

sub version {
    return agreed(negotiate(@_), 'get_sslversion');
}

sub cipher {
    return agreed(negotiate(@_), 'get_cipher');
}

subtest 'set_client_defaults counts for clients' => sub {
    IO::Socket::SSL::set_client_defaults(%tls12, SSL_cipher_list => $aes128);
    is cipher({}, {}), $aes128, 'used';
    is version({ SSL_version => 'TLSv1_3' }, {}), 'TLSv1_3', 'arguments of the call beat it';
    is version({}, {%tls12}), 'TLSv1_2', 'a server is still made by its own arguments';
    is version({ SSL_version => 'TLSv1_3' }, { SSL_cipher_list => $aes256 }), 'TLSv1_3',
        'and is not touched';
    IO::Socket::SSL::set_client_defaults(@any);
    is version({}, {}), 'TLSv1_3', 'set anew';
};

subtest 'set_server_defaults counts for servers' => sub {
    IO::Socket::SSL::set_server_defaults(%tls12, SSL_cipher_list => $chacha);
    is cipher({}, {}), $chacha, 'used';
    is cipher({}, { SSL_cipher_list => $aes128 }), $aes128, 'arguments of the call beat it';
    is version({}, { SSL_version => 'TLSv1_3' }), 'TLSv1_3', 'each of them';
    IO::Socket::SSL::set_server_defaults(@any);
    is version({}, {}), 'TLSv1_3', 'set anew';
};

subtest 'the server has its identity from its defaults' => sub {
    my @none = (SSL_cert_file => undef, SSL_key_file => undef);

    IO::Socket::SSL::set_server_defaults(SSL_cert_file => cert('a-sni.pem'),
        SSL_key_file => cert('a-sni.key'));
    my $server = IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1') or diag $SSL_ERROR;
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_server => 1) or diag $SSL_ERROR;
    IO::Socket::SSL::set_server_defaults(@none);
    for my $made ($server, $context) {
        my $result = negotiate({ SSL_hostname => 'a.sni.test' }, { SSL_reuse_ctx => $made });

        ok $result->{client}, ref $made or diag $result->{server_error};
    }
};

subtest 'set_defaults counts for both, and beats earlier defaults of one role' => sub {
    IO::Socket::SSL::set_client_defaults(SSL_version => 'TLSv1_3');
    IO::Socket::SSL::set_defaults(%tls12, SSL_cipher_list => $aes128);
    is cipher({}, {}), $aes128, 'of both ends';
    is version({}, { SSL_version => 'SSLv23' }), 'TLSv1_2', 'of the client';
    is version({ SSL_version => 'SSLv23' }, {}), 'TLSv1_2', 'of the server';
    IO::Socket::SSL::set_client_defaults(SSL_cipher_list => $aes256);
    like negotiate({}, {})->{server_error}, qr/no shared cipher/,
        'later defaults of one role beat it in turn';
    IO::Socket::SSL::set_defaults(@any);
    is version({}, {}), 'TLSv1_3', 'set anew';
};

subtest 'defaults add up' => sub {
    IO::Socket::SSL::set_defaults(%tls12);
    IO::Socket::SSL::set_defaults(SSL_cipher_list => $chacha);
    IO::Socket::SSL::set_defaults();
    is cipher({}, {}), $chacha, 'the second call and the empty one leave the first';
    is version({}, {}), 'TLSv1_2', 'which still counts';
    IO::Socket::SSL::set_defaults(@any);
};

subtest 'names may be given without SSL_, and four have short forms' => sub {
    my $called = 0;

    IO::Socket::SSL::set_defaults(version => 'TLSv1_2', cipher_list => $aes128);
    is cipher({}, {}), $aes128, 'version and cipher_list';
    IO::Socket::SSL::set_defaults(@any);

    IO::Socket::SSL::set_client_defaults(name => 'other.test');
    like negotiate({}, {})->{client_error}, qr/^hostname verification failed/,
        'name: SSL_verifycn_name';
    ok(negotiate({ SSL_verifycn_name => 'server.test' }, {})->{client}, 'beaten by the call');
    IO::Socket::SSL::set_client_defaults(name => undef);

    IO::Socket::SSL::set_client_defaults(scheme => 'none');
    ok(negotiate({ SSL_hostname => 'other.test' }, {})->{client}, 'scheme: SSL_verifycn_scheme');
    IO::Socket::SSL::set_client_defaults(scheme => undef);
    like negotiate({ SSL_hostname => 'other.test' }, {})->{client_error},
        qr/^hostname verification failed/, 'undef takes it back';

    IO::Socket::SSL::set_client_defaults(mode => SSL_VERIFY_NONE);
    ok(negotiate({ SSL_hostname => 'other.test' }, {})->{client}, 'mode: SSL_verify_mode');
    IO::Socket::SSL::set_client_defaults(mode => SSL_VERIFY_PEER);

    IO::Socket::SSL::set_client_defaults(callback => sub { $called++; return $_[0] });
    ok(negotiate({}, {})->{client}, 'callback: SSL_verify_callback');
    ok $called, 'it was called';
    IO::Socket::SSL::set_client_defaults(callback => undef);
    $called = 0;
    ok(negotiate({}, {})->{client}, 'without it again');
    is $called, 0, 'it was not called';
};

subtest 'an undefined default stands for no setting' => sub {
    IO::Socket::SSL::set_client_defaults(SSL_version => undef);
    my $offer = hello(SSL_cipher_list => 'DEFAULT@SECLEVEL=0')->{versions};
    IO::Socket::SSL::set_client_defaults(@any);

    ok scalar(grep { $_ eq '0302' } @$offer), 'the restriction to TLS 1.2 and later is gone';
};

subtest 'set_ctx_defaults is another name of set_defaults' => sub {
    IO::Socket::SSL::set_ctx_defaults(version => 'TLSv1_2', SSL_cipher_list => $chacha);
    is cipher({}, {}), $chacha, 'it does the same';
    IO::Socket::SSL::set_ctx_defaults(@any);
};

subtest 'the trust of clients may be a default' => sub {
    IO::Socket::SSL::set_client_defaults(ca_file => cert('ca.pem'));
    my $server = test_server(handler => sub { 'served' });
    my $client = IO::Socket::SSL->new(PeerAddr => $server->host, PeerPort => $server->port);
    my $error = $SSL_ERROR;
    my $outcome = $server->outcome;
    IO::Socket::SSL::set_client_defaults(ca_file => undef);

    ok $client, 'verified' or diag $error;
    is $outcome, 'served', 'the server agrees';
};

subtest 'a default with a mistake is reported where it is used' => sub {
    IO::Socket::SSL::set_client_defaults(SSL_cipher_list => 'FOO');
    like negotiate({}, {})->{client_error}, qr/^Failed to set SSL cipher list/, 'by a client';
    IO::Socket::SSL::set_client_defaults(@any);
    ok(negotiate({}, {})->{client}, 'and gone with it');
};

subtest 'context_init replaces the defaults of both roles' => sub {
    my $defaults = IO::Socket::SSL::context_init({ %tls12, SSL_ca_file => cert('ca.pem') });

    is ref $defaults, 'HASH', 'it returns them';
    is $defaults->{SSL_version}, 'TLSv1_2', 'as given';
    IO::Socket::SSL::context_init({});
};

done_testing;
