# beyond_choose.t - SSL_groups, SSL_sigalgs, SSL_min_version, SSL_max_version, dated policies.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

# What a handshake agrees on; undef and the client's error where it fails.
sub agreed {
    my ($client, $server) = @_;
    my $result = handshake(over => 'unix', client => $client, server => $server || {});
    return $result->{client_ok} && $result->{server_ok} ? $result->{client}->ssl_info : undef;
}

sub context { return IO::Socket::SSL::SSL_Context->new(client_args(@_)) }

subtest 'groups, in order' => sub {
    # Which of those that a server has in common with a client is its choice, by rules that have changed.
    is agreed({ SSL_groups => 'P-384:X25519' }, { SSL_groups => 'P-384' })->{group}, 'secp384r1', 'a list';
    is agreed({ SSL_groups => ['X25519', 'P-384'] }, { SSL_groups => 'X25519:P-384' })->{group}, 'x25519',
        'as an array';
    is agreed({ SSL_groups => 'X25519' }, { SSL_groups => 'P-256' }), undef, 'nothing in common';
    is agreed({ SSL_groups => 'P-384', SSL_ecdh_curve => 'P-256' })->{group}, 'secp384r1',
        'before the old name';
    ok agreed({ SSL_groups => undef }), 'undef: OpenSSL\'s';
};

subtest 'groups that not every OpenSSL has' => sub {
    ok(IO::Socket::SSL->can_group('X25519'), 'can_group');
    ok(!IO::Socket::SSL->can_group('NoSuchGroup'), 'not this');
    ok(!IO::Socket::SSL->can_group($_), "nor \"$_\"") for '', 'X25519:P-256', '?X25519';
    is agreed({ SSL_groups => '?NoSuchGroup:P-384' })->{group}, 'secp384r1', '"?": left out';
    is context(SSL_groups => 'NoSuchGroup:P-384'), undef, 'without, it is an error';
    like $SSL_ERROR, qr/SSL_groups \(SSL_ecdh_curve\) "NoSuchGroup:P-384": OpenSSL \S+.* doesn't know "NoSuchGroup"; with a "\?" before it/,
        'that names it';
    is context(SSL_groups => '?NoSuchGroup:?Neither'), undef, 'nothing is left';
    like $SSL_ERROR, qr/knows none of them/, 'and it is told';
    my $hybrid = 'X25519MLKEM768';
    SKIP: {
        skip "this OpenSSL doesn't know $hybrid", 1 if !IO::Socket::SSL->can_group($hybrid);
        is lc agreed({ SSL_groups => "$hybrid:X25519" }, { SSL_groups => $hybrid })->{group},
            lc $hybrid, 'a hybrid post-quantum group';
    }
};

subtest 'signature algorithms' => sub {
    is agreed({ SSL_sigalgs => 'RSA-PSS+SHA512:ECDSA+SHA256' })->{signature}, 'RSA-PSS+SHA512',
        'what both have';
    is agreed({ SSL_sigalgs => 'ECDSA+SHA256' }), undef, 'none for a key of RSA';
    is agreed({}, { SSL_sigalgs => 'RSA-PSS+SHA384' })->{signature}, 'RSA-PSS+SHA384', 'on a server';
    is agreed({ SSL_sigalgs => ['?NO+SUCH', 'RSA-PSS+SHA256'] })->{signature}, 'RSA-PSS+SHA256',
        '"?": left out';
    is context(SSL_sigalgs => 'NO+SUCH'), undef, 'without, it is an error';
    like $SSL_ERROR, qr/SSL_sigalgs "NO\+SUCH": .* doesn't know "NO\+SUCH"/, 'that names it';
    ok(IO::Socket::SSL->can_sigalg('ECDSA+SHA256'), 'can_sigalg');
    ok(!IO::Socket::SSL->can_sigalg('NO+SUCH'), 'not this');
};

subtest 'oldest and newest version' => sub {
    is agreed({ SSL_max_version => 'TLSv1_2' })->{protocol}, 'TLSv1_2', 'newest';
    is agreed({ SSL_min_version => 'TLSv1_3' })->{protocol}, 'TLSv1_3', 'oldest';
    is agreed({ SSL_min_version => 'TLSv1_3' }, { SSL_max_version => 'TLSv1_2' }), undef,
        'nothing in common';
    is agreed({ SSL_version => 'SSLv23:!TLSv1_3', SSL_min_version => 'TLSv1_2' })->{protocol},
        'TLSv1_2', 'beside SSL_version';
    my @old = map { { SSL_cipher_list => 'DEFAULT:@SECLEVEL=0', %$_ } }
        { SSL_min_version => 'TLSv1' }, { SSL_min_version => 'TLSv1', SSL_max_version => 'TLSv1' };
    is agreed(@old)->{protocol}, 'TLSv1', 'an older one than is allowed by default';
    is context(SSL_min_version => 'TLSv1_3', SSL_max_version => 'TLSv1_2'), undef, 'crossed';
    like $SSL_ERROR, qr/leaves no protocol/, 'is an error';
    is eval { context(SSL_min_version => 'TLSv9'); 1 }, undef, 'no version';
    like $@, qr/SSL_min_version "TLSv9" is no protocol version; known are/, 'dies';
    is eval { context(SSL_max_version => 'SSLv23'); 1 }, undef, 'nor is SSLv23 a limit';
};

subtest 'dated policies' => sub {
    my $modern = agreed({ SSL_policy => 'modern' });
    is $modern->{protocol}, 'TLSv1_3', 'modern: TLS 1.3';
    like $modern->{group}, qr/^x25519/i, 'its first group';
    is agreed({ SSL_policy => 'modern-2026' }, { SSL_max_version => 'TLSv1_2' }), undef, 'alone';
    is agreed({ SSL_policy => 'compatible' }, { SSL_max_version => 'TLSv1_2' })->{cipher},
        'ECDHE-RSA-AES256-GCM-SHA384', 'compatible: TLS 1.2 with a good cipher';
    is agreed({ SSL_policy => 'compatible' }, { SSL_max_version => 'TLSv1_2',
        SSL_cipher_list => 'AES128-SHA' }), undef, 'and no other';
    is agreed({ SSL_policy => 'modern', SSL_version => 'TLSv1_2' })->{protocol}, 'TLSv1_2',
        'what is said beside it wins';
    is agreed({ SSL_policy => 'modern', SSL_groups => 'P-384' })->{group}, 'secp384r1', 'also of groups';
    is eval { context(SSL_policy => 'modern-1999'); 1 }, undef, 'no such year';
    like $@, qr/no policy of this name; known are .*modern-2026/, 'dies';
};

done_testing;
