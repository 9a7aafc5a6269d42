# nego_sni_server.t - certificates by the name that the client asks for.
use strict;
use warnings;
use Test::More;
use Tie::Hash;
use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use TLSTest;
use NegoTest;

my %two = (
    SSL_cert_file => { 'a.sni.test' => cert('a-sni.pem'), 'b.sni.test' => cert('b-sni.pem') },
    SSL_key_file => { 'a.sni.test' => cert('a-sni.key'), 'b.sni.test' => cert('b-sni.key') },
);
my %three = (
    SSL_cert_file => { %{ $two{SSL_cert_file} }, '' => cert('server.pem') },
    SSL_key_file => { %{ $two{SSL_key_file} }, '' => cert('server.key') },
);

# The common name that a client of this server name is shown, or "failed: ..."; undef: no name.
sub shown {
    my ($name, $server, %client) = @_;
    my $result = negotiate({ SSL_hostname => defined $name ? $name : '',
        SSL_verify_mode => SSL_VERIFY_NONE, %client }, $server);

    return $result->{client} ? $result->{client}->peer_certificate('commonName')
        : "failed: $result->{client_error}";
}

subtest 'each name has its certificate, verified, with either protocol' => sub {
    for my $version ('TLSv1_2', 'TLSv1_3') {
        for my $name ('a.sni.test', 'b.sni.test', 'server.test') {
            my $result = negotiate({ SSL_hostname => $name, SSL_version => $version }, {%three});

            is agreed($result, 'get_servername'), $name, "$version: $name is told at both ends";
            is shown($name, {%three}, SSL_version => $version), $name, 'its certificate is shown';
            is $result->{server} && $result->{server}->sock_certificate('commonName'), $name,
                'the server knows which one';
        }
    }
};

subtest 'names are compared without case' => sub {
    is shown('A.Sni.TEST', {%three}), 'a.sni.test', 'asked for in capitals';
    my $result = negotiate({ SSL_hostname => 'A.Sni.TEST' }, {%three});
    is agreed($result, 'get_servername'), 'A.Sni.TEST', 'the server sees it as it was sent';
    is shown('a.sni.test', {
        SSL_cert_file => { 'A.SNI.Test' => cert('a-sni.pem'), '' => cert('server.pem') },
        SSL_key_file => { 'A.SNI.Test' => cert('a-sni.key'), '' => cert('server.key') },
    }), 'a.sni.test', 'configured in capitals';
};

subtest 'the entry of the empty name is for all other names, and for no name' => sub {
    is shown($_, {%three}), 'server.test', "'$_'" for 'c.sni.test', 'sni.test', 'x.a.sni.test',
        'a.sni.test.evil.test', 'b';
    is shown(undef, {%three}), 'server.test', 'no name';
};

subtest 'the hashes may be tied' => sub {
    my %tied;
    for my $option (keys %three) {
        tie my %hash, 'Tie::StdHash';
        %hash = %{ $three{$option} };
        $tied{$option} = \%hash;
    }
    is shown($_, {%tied}), $_, $_ for 'a.sni.test', 'b.sni.test', 'server.test';
};

subtest 'a host that is named has a certificate and a key, or there is no context' => sub {
    my $context = sub { return IO::Socket::SSL::SSL_Context->new(SSL_server => 1, %three, @_) };
    for my $none (undef, '') {
        my $what = defined $none ? "''" : 'undef';
        for my $option ('SSL_cert_file', 'SSL_key_file') {
            like raised(sub { $context->($option => { %{ $three{$option} }, 'a.sni.test' => $none }) }),
                qr/^$option .*can't be used: /, "$option with $what dies";
        }
    }
    ok !$context->(SSL_key_file => { %{ $three{SSL_key_file} }, 'c.sni.test' => cert('a-sni.key') }),
        'a key for a host without certificate';
    like $SSL_ERROR, qr/^Failed to load certificate from file/, 'is refused';
};

subtest 'without that entry other names are refused with the alert unrecognized_name' => sub {
    is shown('a.sni.test', {%two}), 'a.sni.test', 'a known name works';
    is shown('B.sni.test', {%two}), 'b.sni.test', 'so does the other';
    for my $name ('c.sni.test', '') {
        for my $version ('TLSv1_2', 'TLSv1_3') {
            my $result = negotiate({ SSL_hostname => $name, SSL_version => $version,
                SSL_verifycn_name => 'a.sni.test' }, {%two});

            like $result->{client_error},
                qr/^SSL connect attempt failed .*tlsv1 unrecognized name/,
                "$version, '$name': client";
            like $result->{server_error}, qr/^SSL accept attempt failed .*callback failed/,
                'server';
        }
    }
    is shown('b.sni.test', {%two}), 'b.sni.test', 'the next client is served';
};

subtest 'there are no wildcards among the names' => sub {
    is shown('q.wild.test', {
        SSL_cert_file => { '*.wild.test' => cert('a-sni.pem'), '' => cert('server.pem') },
        SSL_key_file => { '*.wild.test' => cert('a-sni.key'), '' => cert('server.key') },
    }), 'server.test', 'the default entry answers';
};

subtest 'one key may serve the certificates of all names' => sub {
    my $result = negotiate({ SSL_hostname => 'server.test' }, {
        SSL_cert_file => { 'server.test' => cert('server.pem'),
            'www.server.test' => cert('server.pem') },
        SSL_key_file => cert('server.key'),
    });

    ok $result->{client}, 'certificates by name, one key' or diag $result->{server_error};
};

subtest 'a PEM file of certificate and key needs no SSL_key_file' => sub {
    my $result = negotiate({ SSL_hostname => 'www.server.test' }, {
        SSL_cert_file => { 'www.server.test' => cert('server-both.pem') }, SSL_key_file => undef,
    });

    ok $result->{client}, 'the key is found beside the certificate' or diag $result->{server_error};
};

subtest 'SSL_cert and SSL_key may be hashes of handles' => sub {
    my %cert = map { $_ => PEM_file2cert(cert("$_.pem")) } 'a-sni', 'server';
    my %key = map { $_ => PEM_file2key(cert("$_.key")) } 'a-sni', 'server';
    my %server = (
        SSL_cert_file => undef, SSL_key_file => undef,
        SSL_cert => { 'a.sni.test' => $cert{'a-sni'}, '' => $cert{server} },
        SSL_key => { 'a.sni.test' => $key{'a-sni'}, '' => $key{server} },
    );

    is shown('a.sni.test', {%server}), 'a.sni.test', 'by name';
    is shown('x.sni.test', {%server}), 'server.test', 'default';
    CERT_free($_) for values %cert;
    KEY_free($_) for values %key;
};

subtest 'a listening socket serves one name after another' => sub {
    my $server = test_server(args => {%three}, handler => sub {
        my $name = $_[0]->get_servername;
        return (defined $name ? $name : 'none') . ' ' . $_[0]->sock_certificate('commonName');
    });

    for my $row (['b.sni.test' => 'b.sni.test'], ['a.sni.test' => 'a.sni.test'],
        ['www.server.test' => 'server.test'], ['b.sni.test' => 'b.sni.test']) {
        my ($name, $cn) = @$row;
        my $client = IO::Socket::SSL->new(PeerAddr => $server->host, PeerPort => $server->port,
            SSL_ca_file => cert('ca.pem'), SSL_hostname => $name) or diag $SSL_ERROR;

        is $server->outcome, "$name $cn", "server: $name";
        is $client && $client->peer_certificate('commonName'), $cn, "client: $cn";
    }
};

subtest 'the options of the server hold for every name' => sub {
    for my $name ('a.sni.test', 'server.test') {
        my $result = negotiate({ SSL_hostname => $name, SSL_alpn_protocols => ['h2'] },
            { %three, SSL_version => 'TLSv1_2', SSL_alpn_protocols => ['h2'] });

        is agreed($result, 'get_sslversion'), 'TLSv1_2', "$name: SSL_version";
        is agreed($result, 'alpn_selected'), 'h2', 'SSL_alpn_protocols';
        $result = negotiate({ SSL_hostname => $name }, { %three, SSL_ca_file => cert('ca.pem'),
            SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT });
        like $result->{server_error}, qr/peer did not return a certificate/, 'SSL_verify_mode';
    }
};

subtest 'SSL_create_ctx_callback sees the context of each name' => sub {
    my @seen;
    my $context = IO::Socket::SSL::SSL_Context->new(%three, SSL_server => 1,
        SSL_create_ctx_callback => sub { push @seen, $_[0] });

    ok $context, 'context made';
    is scalar(@seen), 3, 'once for each of the three names';
    is scalar(keys %{ { map { $_ => 1 } @seen } }), 3, 'three different handles';
};

subtest 'a mistake in one entry is a mistake of all' => sub {
    my $missing = cert('a-sni.pem') . '.missing';
    my %bad_file = (%three, SSL_cert_file => { %{ $three{SSL_cert_file} }, 'c.test' => $missing });
    my %bad_key = (%three, SSL_key_file => { %{ $three{SSL_key_file} },
        'a.sni.test' => cert('b-sni.key') });
    my %no_key = (%three, SSL_key_file => { '' => cert('server.key') });

    like negotiate({}, \%bad_file)->{server_error},
        qr/^SSL_cert_file \Q$missing\E can't be used: No such file/, 'a missing file is named';
    like negotiate({}, \%bad_key)->{server_error}, qr/^Failed to (?:load key|use Private Key)/,
        'the key of another certificate';
    like negotiate({}, \%no_key)->{server_error}, qr/^Failed to (?:load key|use Private Key)/,
        'no key for a name';
};

subtest 'a client takes no certificates by name' => sub {
    like negotiate({ SSL_cert_file => { '' => cert('client.pem') },
        SSL_key_file => { '' => cert('client.key') } }, {})->{client_error}, qr/SSL_cert_file|HASH/,
        'a hash is an error there';
};

done_testing;
