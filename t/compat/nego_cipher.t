# nego_cipher.t - SSL_cipher_list, SSL_ciphersuites, SSL_honor_cipher_order and get_cipher.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use NegoTest;

my %tls12 = (SSL_version => 'TLSv1_2');
my %tls13 = (SSL_version => 'TLSv1_3');
my ($aes128, $aes256, $chacha) =
    qw(ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-CHACHA20-POLY1305);
my ($aes128_13, $aes256_13, $chacha_13) =
    qw(TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256);

sub cipher {
    return agreed(negotiate(@_), 'get_cipher');
}

subtest 'SSL_cipher_list decides the cipher of TLS 1.2 from either end' => sub {
    for my $cipher ($aes128, $aes256, $chacha, 'AES128-GCM-SHA256', 'AES256-SHA') {
        is cipher({ %tls12, SSL_cipher_list => $cipher }, {}), $cipher, "client: $cipher";
        is cipher({%tls12}, { SSL_cipher_list => $cipher }), $cipher, "server: $cipher";
    }
};

subtest 'SSL_cipher_list takes the words of OpenSSL' => sub {
    for my $row (["ECDHE+CHACHA20:!ECDSA" => 'cca8'],
        ["$aes128 $aes256" => 'c02f c030'], ["$aes256,$aes128" => 'c030 c02f'],
        ["$aes128:$aes256:\@STRENGTH" => 'c030 c02f'], ['AES128-GCM-SHA256' => '009c']) {
        my ($list, $offer) = @$row;
        my @offered = grep { !/^00ff$/ } @{ hello(%tls12, SSL_cipher_list => $list)->{ciphers} };

        is join(' ', @offered), $offer, $list;
    }
};

subtest 'SSL_cipher_list leaves TLS 1.3 alone, SSL_ciphersuites leaves TLS 1.2 alone' => sub {
    is agreed(negotiate({ SSL_cipher_list => $aes128 }, {}), 'get_sslversion'), 'TLSv1_3',
        'TLS 1.3 is still there';
    is cipher({ %tls12, SSL_ciphersuites => $aes128_13 }, { SSL_cipher_list => $chacha }), $chacha,
        'the list still decides for TLS 1.2';
    is cipher({ SSL_cipher_list => $chacha, SSL_ciphersuites => $aes128_13 }, {}), $aes128_13,
        'each has its own';
};

subtest 'SSL_ciphersuites decides the cipher of TLS 1.3 from either end' => sub {
    for my $suite ($aes128_13, $aes256_13, $chacha_13) {
        is cipher({ %tls13, SSL_ciphersuites => $suite }, {}), $suite, "client: $suite";
        is cipher({%tls13}, { SSL_ciphersuites => $suite }), $suite, "server: $suite";
    }
    is_deeply [grep { /^13/ } @{ hello(SSL_ciphersuites => "$chacha_13:$aes128_13")->{ciphers} }],
        [qw(1303 1301)], 'a client offers them in this order';
};

subtest 'SSL_ciphersuites is of no account to a peer with TLS 1.2 only' => sub {
    is agreed(negotiate({ SSL_ciphersuites => $aes128_13 }, {%tls12}), 'get_sslversion'),
        'TLSv1_2', 'the connection comes about';
};

subtest 'a server prefers its own order unless SSL_honor_cipher_order is false' => sub {
    my @client = (SSL_cipher_list => "$aes128:$aes256",
        SSL_ciphersuites => "$aes128_13:$aes256_13");
    my @server = (SSL_cipher_list => "$aes256:$aes128",
        SSL_ciphersuites => "$aes256_13:$aes128_13");

    for my $row (['not given' => 'server'], [1 => 'server', 1], ['yes' => 'server', 'yes'],
        [0 => 'client', 0], ['' => 'client', ''], ['undef' => 'client', undef]) {
        my ($name, $who, @value) = @$row;
        my @order = @value ? (SSL_honor_cipher_order => $value[0]) : ();
        my %expected = $who eq 'server' ? (2 => $aes256, 3 => $aes256_13)
            : (2 => $aes128, 3 => $aes128_13);

        is cipher({ @client, %tls12 }, { @server, @order }), $expected{2}, "'$name', TLS 1.2";
        is cipher({ @client, %tls13 }, { @server, @order }), $expected{3}, "'$name', TLS 1.3";
    }
};

subtest 'no common cipher: both ends fail, each with its reason' => sub {
    for my $row ([{ %tls12, SSL_cipher_list => $aes128 }, { SSL_cipher_list => $aes256 }],
        [{ %tls13, SSL_ciphersuites => $aes128_13 }, { SSL_ciphersuites => $aes256_13 }]) {
        my $result = negotiate(@$row);

        like $result->{client_error},
            qr/^SSL connect attempt failed .*(?:sslv3|ssl\/tls) alert handshake failure/, 'client';
        like $result->{server_error}, qr/^SSL accept attempt failed .*no shared cipher/, 'server';
        ok !$result->{client} && !$result->{server}, 'no connection';
    }
};

subtest 'a list without a known cipher is an error on either end' => sub {
    for my $option (qw(SSL_cipher_list SSL_ciphersuites)) {
        for my $value ('FOO', 'FOO:BAR', '!ALL') {
            next if $option eq 'SSL_ciphersuites' && $value eq '!ALL';
            my $expected = qr/^Failed to set SSL cipher list.*no cipher match/;
            my @context = ('before');

            @context = IO::Socket::SSL::SSL_Context->new($option => $value);
            is_deeply \@context, [], "$option => $value: no context";
            like $SSL_ERROR, $expected, 'the error says what failed';
            like negotiate({ $option => $value }, {})->{client_error}, $expected, 'client';
            like negotiate({}, { $option => $value })->{server_error}, $expected, 'server';
        }
    }
};

subtest 'unknown words beside a known cipher are passed over' => sub {
    is cipher({ %tls12, SSL_cipher_list => "FOO:$aes128" }, {}), $aes128, 'SSL_cipher_list';
    SKIP: {
        skip 'OpenSSL 1.1.1 takes it for an error', 1 if older_openssl();
        is cipher({ %tls13, SSL_ciphersuites => "FOO:$aes128_13" }, {}), $aes128_13,
            'SSL_ciphersuites';
    }
};

subtest 'undef leaves OpenSSL its own list' => sub {
    is cipher({ %tls12, SSL_cipher_list => undef }, {}), $aes256, 'SSL_cipher_list';
    is cipher({ %tls13, SSL_ciphersuites => undef }, {}), $aes256_13, 'SSL_ciphersuites';
};

subtest 'an empty text counts as not given' => sub {
    is_deeply hello(%tls12, SSL_cipher_list => '')->{ciphers}, hello(%tls12)->{ciphers},
        'SSL_cipher_list: the default list';
    is_deeply hello(%tls13, SSL_ciphersuites => '')->{ciphers}, hello(%tls13)->{ciphers},
        'SSL_ciphersuites';
    is cipher({%tls13}, { SSL_ciphersuites => '' }), $aes256_13, 'on a server too';
};

subtest 'the default list has forward secrecy first and nothing weak' => sub {
    my $offer = hello(%tls12)->{ciphers};
    my %offered = map { $_ => 1 } @$offer;
    my %weak = (
        '0001' => 'RSA NULL MD5', '0002' => 'RSA NULL SHA', '003b' => 'RSA NULL SHA256',
        '0004' => 'RC4 MD5', '0005' => 'RC4 SHA', 'c011' => 'ECDHE RC4', '0009' => 'DES',
        '000a' => '3DES', '0016' => 'DHE 3DES', 'c012' => 'ECDHE 3DES', '0003' => 'export',
        '0018' => 'anonymous RC4', '0034' => 'anonymous AES128', '003a' => 'anonymous AES256',
        '006c' => 'anonymous AES128 SHA256', '00a6' => 'anonymous GCM', 'c018' => 'anonymous ECDH',
        '008c' => 'PSK', '00a8' => 'PSK GCM', 'c01d' => 'SRP', 'c020' => 'SRP AES256',
        '0007' => 'IDEA', '0096' => 'SEED', 'c010' => 'ECDHE NULL',
    );

    ok $offered{c02f}, 'ECDHE-RSA-AES128-GCM-SHA256 is offered';
    ok $offered{c02b}, 'ECDHE-ECDSA-AES128-GCM-SHA256 is offered';
    like $offer->[0], qr/^(?:c0|cc|009f)/, 'the first has forward secrecy';
    ok !$offered{$_}, "not offered: $weak{$_} ($_)" for sort keys %weak;
};

subtest 'SSL_cipher_list can be a hash by the name that the client asks for' => sub {
    my %server = (
        SSL_cert_file => { 'a.sni.test' => cert('a-sni.pem'), '' => cert('server.pem'),
            'b.sni.test' => cert('b-sni.pem') },
        SSL_key_file => { 'a.sni.test' => cert('a-sni.key'), '' => cert('server.key'),
            'b.sni.test' => cert('b-sni.key') },
        SSL_cipher_list => { 'a.sni.test' => $aes128, '' => $chacha },
    );

    for my $row (['a.sni.test' => $aes128], ['A.Sni.TEST' => $aes128], ['b.sni.test' => $chacha],
        ['server.test' => $chacha]) {
        my ($name, $expected) = @$row;

        is cipher({ %tls12, SSL_hostname => $name }, \%server), $expected, $name;
    }
    is cipher({ %tls12, SSL_hostname => '', SSL_verifycn_name => 'server.test' }, \%server),
        $chacha, 'no name';
    like negotiate({}, { %server, SSL_cipher_list => { 'a.sni.test' => 'FOO' } })->{server_error},
        qr/Failed to set SSL cipher list/, 'a bad list of one name is an error';
};

subtest 'a hash of lists without certificates by name stands for its default entry' => sub {
    is cipher({ %tls12, SSL_cipher_list => { '' => $aes128 } }, {}), $aes128, 'client';
    is cipher({%tls12}, { SSL_cipher_list => { '' => $aes128 } }), $aes128, 'server';
    is cipher({%tls13}, { SSL_ciphersuites => { '' => $aes128_13 } }), $aes128_13, 'suites';
};

differs('nego-ciphersuites-by-name', 'SSL_ciphersuites by name holds for TLS 1.3 itself',
    sub {
        for my $row (['a.sni.test' => $aes128_13], ['server.test' => $chacha_13]) {
            is suite_for($row->[0]), $row->[1], $row->[0];
        }
    },
    sub {
        is suite_for($_), $chacha_13, "$_: the default entry" for 'a.sni.test', 'server.test';
    });

sub suite_for {
    my ($name) = @_;

    return cipher({ %tls13, SSL_hostname => $name }, {
        SSL_cert_file => { 'a.sni.test' => cert('a-sni.pem'), '' => cert('server.pem') },
        SSL_key_file => { 'a.sni.test' => cert('a-sni.key'), '' => cert('server.key') },
        SSL_ciphersuites => { 'a.sni.test' => $aes128_13, '' => $chacha_13 },
    });
}

differs('nego-cipher-host-case', 'host names of a cipher hash may be written in any case',
    sub {
        is list_for('A.SNI.test'), $aes128, 'found';
    },
    sub {
        is list_for('A.SNI.test'), $chacha, 'not found, so the default entry';
    });

sub list_for {
    my ($key) = @_;

    return cipher({ %tls12, SSL_hostname => 'a.sni.test' }, {
        SSL_cert_file => { 'a.sni.test' => cert('a-sni.pem'), '' => cert('server.pem') },
        SSL_key_file => { 'a.sni.test' => cert('a-sni.key'), '' => cert('server.key') },
        SSL_cipher_list => { $key => $aes128, '' => $chacha },
    });
}

done_testing;
