# xs_psk.t - SSL_psk on servers and clients of ours: forms, errors, what it means for verification.
use strict;
use warnings;
use utf8;
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;
use PeerTest;

plan skip_all => 'this OpenSSL has no pre-shared keys' if !IO::Socket::SSL->can_psk;
is_deeply(IO::Socket::SSL->can_psk, { client => 1, server => 1 }, 'can_psk');

# OpenSSL 3 has doubled both.
my ($LONGEST_KEY, $LONGEST_NAME) = older_openssl() ? (256, 127) : (512, 255);
my %version = (
    TLSv1_2 => { SSL_version => 'TLSv1_2', SSL_cipher_list => 'PSK' },
    TLSv1_3 => { SSL_version => 'TLSv1_3' },
);

# A handshake without certificates; the client has to verify, all the same.
sub with_keys {
    my ($version, $client, $server, %more) = @_;
    return handshake(over => 'unix',
        client => { %{ $version{$version} }, SSL_psk => $client, %{ $more{client} || {} } },
        server => { raw => 1, SSL_server => 1, %{ $version{$version} }, SSL_psk => $server,
            %{ $more{server} || {} } });
}

for my $version (sort keys %version) {
    my $key = "\0\x{e9}\xff secret";
    my @good = (
        ['a key each', $key, $key, 'io_socket_ssl'],
        ['an identity of its own', ['me', $key], { me => $key, you => 'x' }, 'me'],
        ['the default identity by name', $key, { io_socket_ssl => $key }, 'io_socket_ssl'],
        ['a default for unknown identities', ['me', $key], { you => 'x', '' => $key }, 'me'],
        ['an identity in Unicode', ['Jürgen ☺', $key], { 'Jürgen ☺' => $key }, 'Jürgen ☺'],
        ['a client\'s default', { '' => $key }, $key, 'io_socket_ssl'],
        ['a long key', 'k' x $LONGEST_KEY, 'k' x $LONGEST_KEY, 'io_socket_ssl'],
        ['a long identity', ['i' x $LONGEST_NAME, $key], $key, 'i' x $LONGEST_NAME],
    );
    for my $row (@good) {
        my ($name, $client, $server, $identity) = @$row;
        subtest "$version: $name" => sub {
            my $result = with_keys($version, $client, $server);
            ok $result->{client_ok} && $result->{server_ok}, 'connected'
                or return diag "$result->{client_error}; $result->{server_error}";
            my ($near, $far) = @$result{qw(client server)};
            print $near "hello\n";
            is scalar(<$far>), "hello\n", 'data';
            is $_->psk_identity, $identity, 'the identity' for $near, $far;
            is $near->peer_certificate, undef, 'no certificate';
            is $near->verified_name, undef, 'no name was verified';
            is $near->get_session_reused, 0, 'no session was resumed';
        };
    }

    subtest "$version: who doesn't have the key stays out" => sub {
        my $result = with_keys($version, 'one', 'another');
        ok !$result->{server_ok} && !$result->{client_ok}, 'another key';
        like $result->{server_error}, $version eq 'TLSv1_3'
            ? qr/binder does not verify: the client has another key for this identity/
            : qr/decryption failed or bad record mac/, 'the server\'s reason';
        $result = with_keys($version, ['me', $key], { you => $key });
        ok !$result->{server_ok} && !$result->{client_ok}, 'another identity';
        like $result->{server_error}, qr/no PSK for given identity 'me' and no default/,
            'the server\'s reason';
        $result = with_keys($version, $key, undef);
        ok !$result->{server_ok} && !$result->{client_ok}, 'a server without keys';
        $result = with_keys($version, undef, $key);
        ok !$result->{server_ok} && !$result->{client_ok}, 'a client without keys';
        ok with_keys($version, $key, $key)->{client_ok}, 'the next one gets in';
    };

    subtest "$version: a server that verifies its clients takes a key for a certificate" => sub {
        my %verify = (server => { SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
            SSL_ca_file => cert('ca.pem') });
        ok with_keys($version, $key, $key, %verify)->{server_ok}, 'with the key';
        ok !with_keys($version, 'other', $key, %verify)->{server_ok}, 'not without it';
    };

    subtest "$version: without a common key, the certificate of the server counts" => sub {
        my %both = $version eq 'TLSv1_2' ? (SSL_cipher_list => 'ECDHE-RSA-AES128-GCM-SHA256:PSK') : ();
        my $certificate = { SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'),
            %both };
        for my $server_key ($key, { other => 'x' }) {
            my $result = with_keys($version, undef, $server_key, server => $certificate, client => \%both);
            ok $result->{client_ok}, 'a client without key' or diag $result->{client_error};
            is $result->{client}->verified_name, 'server.test', 'verifies its name';
            is $result->{server}->psk_identity, undef, 'no key was used';
        }
        my $result = with_keys($version, undef, $key, server => $certificate,
            client => { %both, SSL_verifycn_name => 'wrong.test' });
        like $result->{client_error}, qr/^hostname verification failed/, 'which has to be right';
        if ($version eq 'TLSv1_3') {
            my @suite = (SSL_ciphersuites => 'TLS_AES_128_GCM_SHA256');
            $result = with_keys($version, $key, $key, server => { %$certificate, @suite });
            is $result->{server}->psk_identity, 'io_socket_ssl', 'with a suite for it the key is used';
        }
    };
}

subtest 'a hint that no entry is for, and none at all' => sub {
    my $result = with_keys('TLSv1_2', { here => 'secret' }, 'secret');
    like $result->{client_error}, qr/no PSK for given hint ''/, 'TLS 1.2';
    $result = with_keys('TLSv1_3', { here => 'secret' }, 'secret');
    ok !$result->{client_ok}, 'TLS 1.3 has no hints';
};

subtest 'values of the wrong kind are refused, and no key is shown' => sub {
    my @warned;
    local $SIG{__WARN__} = sub { push @warned, @_ };
    for my $row (
        [0, ['me'], qr/^SSL_psk: \[identity, key\] expected/],
        [0, [], qr/^SSL_psk: \[identity, key\] expected/],
        [0, ['me', 'k', 'more'], qr/^SSL_psk: \[identity, key\] expected/],
        [0, ["a\0b", 'k'], qr/^SSL_psk: an identity contains a NUL/],
        [0, ['me', undef], qr/^SSL_psk: a key of random bytes expected/],
        [0, sub { 1 }, qr/^SSL_psk: a key of random bytes expected/],
        [0, "wide \x{263a}", qr/^SSL_psk: wide character in a key/],
        [1, ['me', 'k'], qr/^SSL_psk: a key, or a hash of keys by identity, expected/],
        [1, { me => [] }, qr/^SSL_psk: a key of random bytes expected/],
    ) {
        my ($is_server, $value, $why) = @$row;
        ok !eval { IO::Socket::SSL::SSL_Context->new(SSL_server => $is_server, SSL_psk => $value); 1 },
            'dies';
        like $@, $why, 'and says why';
    }
    is_deeply \@warned, [], 'no warnings';
    for my $row (['k' x 513, qr/^SSL_psk: a key of 513 bytes/], [{ me => '' }, qr/^SSL_psk: a key of 0/],
        [{ 'i' x 300, 'k' }, qr/^SSL_psk: an identity of more than/]) {
        is(IO::Socket::SSL::SSL_Context->new(SSL_server => 1, SSL_psk => $row->[0]), undef, 'no context');
        like $SSL_ERROR, $row->[1], 'the error';
    }
};

subtest 'keys of any scalar: tied, overloaded, upgraded' => sub {
    {
        package Tied;
        sub TIESCALAR { return bless {} }
        sub FETCH { return 'secret' }
        package Over;
        use overload '""' => sub { 'secret' }, fallback => 1;
    }
    tie my $tied, 'Tied';
    utf8::upgrade(my $upgraded = "\xe9");
    my %hash = (me => 'secret');
    for my $row ([$tied, 'secret'], [bless({}, 'Over'), 'secret'], [$upgraded, "\xe9"],
        [12345, '12345']) {
        my $result = with_keys('TLSv1_3', $row->[0], $row->[1]);
        ok $result->{client_ok}, 'connected' or diag $result->{client_error};
    }
    is $upgraded, "\xe9", 'the scalar is as it was';
    ok utf8::is_utf8($upgraded), 'upgraded, too';
};

subtest 'openssl s_client with a key, and our server' => sub {
    my $openssl = have('openssl') or plan skip_all => 'no openssl program here';
    for my $version (sort keys %version) {
        my $listener = IO::Socket::SSL->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0,
            %{ $version{$version} }, SSL_psk => { 'Client_identity' => 'secret' }) or die $SSL_ERROR;
        my $peer = PeerTest->start($openssl, 's_client', '-quiet', -connect =>
            '127.0.0.1:' . $listener->sockport, -psk => unpack('H*', 'secret'),
            $version eq 'TLSv1_2' ? ('-tls1_2', -cipher => 'PSK') : ('-tls1_3'));
        my $sock = $listener->accept or die $SSL_ERROR;
        is $sock->psk_identity, 'Client_identity', "$version: its identity";
        print { $peer->{in} } "hello\n";
        is scalar(<$sock>), "hello\n", 'data';
        $sock->close;
    }
};

done_testing;
