# nego_keyexchange.t - SSL_ecdh_curve, SSL_dh and SSL_dh_file.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use NegoTest;

my %tls13 = (SSL_version => 'TLSv1_3');
my %ecdhe = (SSL_version => 'TLSv1_2', SSL_cipher_list => 'ECDHE-RSA-AES128-GCM-SHA256');
my %dhe = (SSL_version => 'TLSv1_2', SSL_cipher_list => 'DHE-RSA-AES128-GCM-SHA256');
my %group = ('P-256' => '0017', 'P-384' => '0018', 'P-521' => '0019', X25519 => '001d',
    prime256v1 => '0017', secp384r1 => '0018', X448 => '001e');

sub cipher {
    return agreed(negotiate(@_), 'get_cipher');
}

subtest 'a client offers the groups of SSL_ecdh_curve in this order and no others' => sub {
    for my $curves ('P-521:P-384:P-256', 'P-256', 'X25519:P-256', 'prime256v1', 'secp384r1:X448') {
        my $expected = join ' ', map { $group{$_} } split /:/, $curves;

        is join(' ', @{ hello(SSL_ecdh_curve => $curves)->{groups} }), $expected, $curves;
    }
};

subtest 'a server takes the groups of SSL_ecdh_curve and no others' => sub {
    for my $server ('P-256', 'P-384', 'X25519', 'P-521:P-384') {
        for my $client ('P-256', 'P-384', 'X25519') {
            my $common = grep { $_ eq $client } split /:/, $server;

            for my $version ([%ecdhe], [%tls13]) {
                my $result = negotiate({ @$version, SSL_ecdh_curve => $client },
                    { SSL_ecdh_curve => $server });

                is !!$result->{client}, !!$common, "$version->[1], server $server, client $client"
                    or diag "$result->{client_error}, $result->{server_error}";
            }
        }
    }
};

subtest 'without a common group TLS 1.2 goes on without elliptic curves, if it may' => sub {
    is cipher({ SSL_version => 'TLSv1_2', SSL_ecdh_curve => 'P-384' },
        { SSL_ecdh_curve => 'P-256' }), 'DHE-RSA-AES256-GCM-SHA384', 'DHE takes its place';
    my $result = negotiate({ %ecdhe, SSL_ecdh_curve => 'P-384' }, { SSL_ecdh_curve => 'P-256' });
    like $result->{server_error}, qr/^SSL accept attempt failed .*no shared cipher/,
        'where only ECDHE is possible it fails';
    like $result->{client_error}, qr/^SSL connect attempt failed .*alert handshake failure/,
        'at both ends';
    $result = negotiate({ %tls13, SSL_ecdh_curve => 'P-384' }, { SSL_ecdh_curve => 'P-256' });
    like $result->{server_error}, qr/^SSL accept attempt failed .*no suitable key share/,
        'TLS 1.3 has nothing else';
};

subtest 'undef, an empty text, and auto on a server leave the choice to OpenSSL' => sub {
    my @default = @{ hello()->{groups} };

    cmp_ok scalar(@default), '>', 2, 'several groups are offered by default';
    is_deeply hello(SSL_ecdh_curve => $_)->{groups}, \@default,
        (defined $_ ? 'an empty text' : 'undef') . ': the same ones' for undef, '';
    for my $value ('auto', undef, '') {
        my $name = defined $value ? "'$value'" : 'undef';

        for my $client ('X25519', 'P-256', 'P-384') {
            is cipher({ %ecdhe, SSL_ecdh_curve => $client }, { SSL_ecdh_curve => $value }),
                $ecdhe{SSL_cipher_list}, "$name on a server takes $client";
        }
    }
};

subtest 'an unknown group is an error on either end' => sub {
    my $expected = qr{^failed to set ECDH groups/curves on context};

    for my $curves ('FOO', 'P-256:FOO', 'FOO:P-256', 'P-256:') {
        my @context = ('before');

        @context = IO::Socket::SSL::SSL_Context->new(SSL_ecdh_curve => $curves);
        is_deeply \@context, [], "'$curves': no context";
        like $SSL_ERROR, $expected, 'the error says what failed';
        like negotiate({ SSL_ecdh_curve => $curves }, {})->{client_error}, $expected, 'client';
        like negotiate({}, { SSL_ecdh_curve => $curves })->{server_error}, $expected, 'server';
    }
};

differs('nego-curve-number', 'a group may be given by NID or OID, and as auto on a client',
    sub {
        for my $curve (415, '1.2.840.10045.3.1.7') {
            is join(' ', @{ hello(SSL_ecdh_curve => $curve)->{groups} }), '0017', "client: $curve";
            is !!negotiate({ %ecdhe, SSL_ecdh_curve => 'P-256' }, { SSL_ecdh_curve => $curve })
                ->{client}, 1 == 1, "server: $curve";
            ok !negotiate({ %ecdhe, SSL_ecdh_curve => 'P-384' }, { SSL_ecdh_curve => $curve })
                ->{client}, 'and no other group';
        }
        is_deeply hello(SSL_ecdh_curve => 'auto')->{groups}, hello()->{groups}, 'auto';
    },
    sub {
        like negotiate({ SSL_ecdh_curve => $_ }, {})->{client_error},
            qr{failed to set ECDH groups/curves on context}, "$_ is refused"
            for 415, '1.2.840.10045.3.1.7', 'auto';
    });

subtest 'a server has DH parameters of its own' => sub {
    is cipher({%dhe}, {}), $dhe{SSL_cipher_list}, 'DHE works without any option';
};

subtest 'SSL_dh => undef switches DHE off' => sub {
    my $result = negotiate({%dhe}, { SSL_dh => undef });

    like $result->{server_error}, qr/^SSL accept attempt failed .*no shared cipher/, 'server';
    like $result->{client_error}, qr/^SSL connect attempt failed .*alert handshake failure/,
        'client';
    is cipher({%ecdhe}, { SSL_dh => undef }), $ecdhe{SSL_cipher_list}, 'ECDHE stays';
    ok !negotiate({%dhe}, { SSL_dh => $_ })->{client}, "so does '$_'" for '', 0;
};

subtest 'SSL_dh_file gives the parameters' => sub {
    is cipher({%dhe}, { SSL_dh_file => cert('dh2048.pem') }), $dhe{SSL_cipher_list}, 'used';
    is cipher({%dhe}, { SSL_dh_file => cert('dh2048.pem'), SSL_dh => undef }),
        $dhe{SSL_cipher_list}, 'also beside SSL_dh => undef';
    is cipher({%dhe}, { SSL_dh_file => '' }), $dhe{SSL_cipher_list}, 'an empty one is not given';
    is cipher({%ecdhe}, { SSL_dh_file => cert('dh2048.pem') }), $ecdhe{SSL_cipher_list},
        'ECDHE stays';
};

subtest 'a file without DH parameters is an error that names it' => sub {
    my $missing = cert('dh2048.pem') . '.missing';

    for my $row (["$missing" => qr/^Failed to open DH file \Q$missing\E.*No such file/],
        map { my $file = cert($_);
            [$file => qr/^Failed to read PEM for DH from \Q$file\E - wrong format\?/] }
            'server.pem', 'empty.pem', 'garbage.pem', 'server.key') {
        my ($file, $expected) = @$row;
        my $result = negotiate({}, { SSL_dh_file => $file });

        like $result->{server_error}, $expected, $file;
        is_deeply [IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1', SSL_dh_file => $file,
            SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'))], [],
            'new fails';
        like $SSL_ERROR, $expected, 'with the same reason';
    }
};

subtest 'a client does not look at the DH options' => sub {
    my $missing = cert('dh2048.pem') . '.missing';

    is cipher({ %dhe, SSL_dh_file => $missing }, {}), $dhe{SSL_cipher_list}, 'SSL_dh_file';
    is cipher({ %dhe, SSL_dh => undef }, {}), $dhe{SSL_cipher_list}, 'SSL_dh';
};

subtest 'SSL_dh takes a DH handle of Net::SSLeay' => sub {
    net_ssleay() or plan skip_all => 'no Net::SSLeay to make a handle with';
    my $bio = Net::SSLeay::BIO_new_file(cert('dh2048.pem'), 'r');
    my $dh = Net::SSLeay::PEM_read_bio_DHparams($bio);

    Net::SSLeay::BIO_free($bio);
    is cipher({%dhe}, { SSL_dh => $dh }), $dhe{SSL_cipher_list}, 'used';
    is cipher({%dhe}, { SSL_dh => $dh }), $dhe{SSL_cipher_list}, 'it stays ours to use again';
    like negotiate({%dhe}, { SSL_dh => $dh, SSL_dh_file => cert('server.pem') })->{server_error},
        qr/Failed to read PEM for DH/, 'SSL_dh_file beats it';
    Net::SSLeay::DH_free($dh);
};

done_testing;
