# nego_dual_cert.t - RSA and ECDSA certificates side by side: "host%tag" entries.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use NegoTest;

my ($rsa, $ecdsa) = qw(ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-GCM-SHA256);
my %dual = (
    SSL_cert_file => {
        'a.sni.test' => cert('a-sni.pem'), 'a.sni.test%ecc' => cert('a-sni-ec.pem'),
        'b.sni.test' => cert('b-sni.pem'),
        '' => cert('server.pem'), '%ecc' => cert('server-ec.pem'),
    },
    SSL_key_file => {
        'a.sni.test' => cert('a-sni.key'), 'a.sni.test%ecc' => cert('a-sni-ec.key'),
        'b.sni.test' => cert('b-sni.key'),
        '' => cert('server.key'), '%ecc' => cert('server-ec.key'),
    },
);

# One entry and its tagged one, both for the default name.
sub side_by_side {
    my ($tag, $first, $second) = @_;

    return (
        SSL_cert_file => { '' => cert("$first.pem"), $tag => cert("$second.pem") },
        SSL_key_file => { '' => cert("$first.key"), $tag => cert("$second.key") },
    );
}

sub agreed_cipher {
    my ($client, $server) = @_;

    return agreed(negotiate({ SSL_version => 'TLSv1_2', %$client }, $server), 'get_cipher');
}

subtest 'several certificates for one name are there' => sub {
    ok(IO::Socket::SSL->can_multi_cert, 'as a class method');
    ok IO::Socket::SSL::can_multi_cert(), 'as a function';
};

subtest 'a client gets the certificate that it has ciphers for' => sub {
    for my $name ('a.sni.test', 'server.test', 'www.server.test') {
        for my $cipher ($rsa, $ecdsa) {
            my $result = negotiate({ SSL_version => 'TLSv1_2', SSL_hostname => $name,
                SSL_cipher_list => $cipher }, {%dual});
            my $cn = $name eq 'a.sni.test' ? $name : 'server.test';

            is agreed($result, 'get_cipher'), $cipher, "$name: $cipher";
            is $result->{client} && $result->{client}->peer_certificate('commonName'), $cn,
                "with the certificate of $cn";
        }
    }
};

subtest 'a name without a tagged entry has the one kind only' => sub {
    is agreed_cipher({ SSL_hostname => 'b.sni.test', SSL_cipher_list => $rsa }, {%dual}), $rsa,
        'RSA';
    like agreed_cipher({ SSL_hostname => 'b.sni.test', SSL_cipher_list => $ecdsa }, {%dual}),
        qr/^failed: .*alert handshake failure/, 'no ECDSA';
};

subtest 'with SSL_honor_cipher_order the server prefers a kind, without it the client does' => sub {
    my %server = (%dual, SSL_cipher_list => "$ecdsa:$rsa");
    my %client = (SSL_cipher_list => "$rsa:$ecdsa");

    is agreed_cipher({%client}, { %server, SSL_honor_cipher_order => 1 }), $ecdsa, 'server';
    is agreed_cipher({%client}, {%server}), $ecdsa, 'which is the default';
    is agreed_cipher({%client}, { %server, SSL_honor_cipher_order => 0 }), $rsa, 'client';
};

subtest 'both certificates are verified with TLS 1.3 too' => sub {
    for my $pair (['server', 'server-ec'], ['server-ec', 'server']) {
        my $result = negotiate({ SSL_version => 'TLSv1_3' }, { side_by_side('%other', @$pair) });

        ok $result->{client}, "$pair->[0] with $pair->[1] beside it"
            or diag $result->{client_error};
    }
};

subtest 'the tag is any text, and the order of kinds is free' => sub {
    for my $tag ('%ecc', '%ec', '%1', '%whatever', '%') {
        my %server = side_by_side($tag, 'server', 'server-ec');

        is agreed_cipher({ SSL_cipher_list => $_ }, {%server}), $_, "'$tag': $_" for $rsa, $ecdsa;
    }
    my %server = side_by_side('%rsa', 'server-ec', 'server');
    is agreed_cipher({ SSL_cipher_list => $_ }, {%server}), $_, "ECDSA first: $_"
        for $rsa, $ecdsa;
};

subtest 'three kinds may stand side by side' => sub {
    my %server = side_by_side('%ecc', 'server', 'server-ec');
    $server{SSL_cert_file}{'%ed'} = cert('server-ed25519.pem');
    $server{SSL_key_file}{'%ed'} = cert('server-ed25519.key');

    is agreed_cipher({ SSL_cipher_list => $_ }, {%server}), $_, $_ for $rsa, $ecdsa;
    ok(negotiate({ SSL_version => 'TLSv1_3' }, {%server})->{client}, 'TLS 1.3 works');
};

subtest 'a tagged entry of the same kind takes the place of the first' => sub {
    my %server = side_by_side('%again', 'server', 'a-sni');
    my $result = negotiate({ SSL_hostname => 'a.sni.test' }, {%server});

    ok $result->{client}, 'verified by the name of the second' or diag $result->{client_error};
};

subtest 'a tag without an entry of its name is an error' => sub {
    my %lonely = (
        SSL_cert_file => { %{ $dual{SSL_cert_file} }, 'c.test%ecc' => cert('server-ec.pem') },
        SSL_key_file => { %{ $dual{SSL_key_file} }, 'c.test%ecc' => cert('server-ec.key') },
    );

    like negotiate({}, {%lonely})->{server_error},
        qr/^SSL Context init for c\.test%ecc failed - no config for c\.test/, 'both are named';
};

# What a server says to a second certificate (ECDSA) with this key.
sub with_key {
    my ($key) = @_;
    my %server = side_by_side('%ecc', 'server', 'server-ec');

    $server{SSL_key_file}{'%ecc'} = cert($key);
    return negotiate({}, {%server})->{server_error};
}

subtest 'a tagged certificate needs its own key' => sub {
    like with_key('a-sni-ec.key'), qr/^Failed to (?:load key|use Private Key)/,
        'the key of another certificate is refused';
};

differs('nego-tagged-key-kind', 'a tagged certificate with a key of another kind is refused',
    sub { like with_key('server.key'), qr/^Failed to (?:load key|use Private Key)/, 'refused' },
    sub { is with_key('server.key'), '', 'taken, and the certificate is never shown' });

subtest 'tags are found in any case of the name' => sub {
    my $result = negotiate({ SSL_version => 'TLSv1_2', SSL_hostname => 'a.sni.test',
        SSL_cipher_list => $ecdsa }, {
        SSL_cert_file => { 'A.sni.test' => cert('a-sni.pem'),
            'a.SNI.test%ecc' => cert('a-sni-ec.pem') },
        SSL_key_file => { 'A.sni.test' => cert('a-sni.key'),
            'a.SNI.test%ecc' => cert('a-sni-ec.key') },
    });

    is agreed($result, 'get_cipher'), $ecdsa, 'as host names are';
};

done_testing;
