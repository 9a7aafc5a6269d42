# verify_hostname_of_cert and verify_hostname: what they return, and names that are none.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::PublicSuffix;
use IO::Socket::SSL::Utils;
use IdentTest;
use Test::More;
use TLSTest;

without_environment();

my $cert = made_cert(cn => 'a.test',
    san => [dns => '*.w.test', ip => '1.2.3.4', email => 'x@y.test']);
my $wide = made_cert(cn => '*.test');
my $list = IO::Socket::SSL::PublicSuffix->from_string("w.test\n");

# The whole list that is returned, or the exception.
sub verdict {
    return eval { [IO::Socket::SSL::verify_hostname_of_cert(@_)] } || ["died: $@"];
}

subtest '1 for a match, 0 for none, nothing for what is neither name nor address' => sub {
    is_deeply verdict(@{ $_->[0] }), $_->[1], $_->[2] for
        [['a.test', $cert],              [1], 'a match'],
        [['a.test', $cert, undef],       [1], 'scheme undef'],
        [['a.test', $cert, ''],          [1], 'scheme ""'],
        [['b.test', $cert],              [0], 'none'],
        [['b.test', $cert, 'smtp'],      [0], 'none by another scheme'],
        [['b.test', $cert, 'none'],      [1], 'the scheme none'],
        [['b.test', $cert, {}],          [1], 'the empty scheme'],
        [['1.2.3.4', $cert, 'sip'],      [1], 'an address'];
    for my $identity ('1.2.3', '1.2.3.400', '1.2.3.4.5', '123', '[::1]', '::1%lo', ':', 'a b.test',
        'a.test:443', "a.test\0", "a.test\0.evil.test", 'a/b.test', '*.w.test') {
        (my $shown = $identity) =~ s/\0/\\0/g;
        is_deeply verdict($identity, $cert), [], "nothing: $shown";
        is scalar(IO::Socket::SSL::verify_hostname_of_cert($identity, $cert)), undef,
            '... which is undef for a scalar';
    }
};

subtest 'a name with a NUL matches nothing, and nothing matches it' => sub {
    for ([cn => 'x', san => [dns => "a.test\0.evil.test"]], [cn => "a.test\0.evil.test"]) {
        my $evil = made_cert(@$_);
        ok !@{ verdict($_, $evil) } || !verdict($_, $evil)->[0], join ' ', split /\0/, $_
            for 'a.test', 'evil.test', '.evil.test', "a.test\0.evil.test", "a.test\0";
        CERT_free($evil);
    }
};

differs('ident-odd-names', 'names with empty labels, and octal addresses, are not matched',
    sub {
        my $odd = made_cert(cn => '01.02.03.04', san => [dns => 'a..test', dns => '.a.test']);
        ok !@{ verdict($_, $odd) } || !verdict($_, $odd)->[0], "'$_'"
            for 'a..test', '.a.test', '01.02.03.04';
        CERT_free($odd);
    },
    sub {
        my $odd = made_cert(cn => '01.02.03.04', san => [dns => 'a..test', dns => '.a.test']);
        is_deeply verdict($_, $odd), [1], "'$_'" for 'a..test', '.a.test', '01.02.03.04';
        CERT_free($odd);
    });

subtest 'the empty name matches nothing' => sub {
    for my $empty ('', '.') {
        my $odd = made_cert(cn => $empty, san => [dns => $empty]);
        ok !@{ verdict($_, $odd) } || !verdict($_, $odd)->[0], "'$_' by '$empty'" for '', '.';
        CERT_free($odd);
    }
};

subtest 'an own scheme' => sub {
    is_deeply verdict(@{ $_->[0] }), [$_->[1]], $_->[2] for
        [['a.test', $cert, { check_cn => 'always' }],              1, 'the common name'],
        [['a.test', $cert, { check_cn => 0, wildcards_in_alt => 0 }], 0, 'not the common name'],
        [['x.w.test', $cert, { check_cn => 0, wildcards_in_alt => 'leftmost' }], 1, 'a wildcard'],
        [['x.w.test', $cert, { check_cn => 0, wildcards_in_alt => 0 }],          0, 'no wildcard'];
    for my $answer (1, 0) {
        my @asked;
        my $scheme = { callback => sub { push @asked, [@_]; return $answer } };
        is_deeply verdict('A.test..', $cert, $scheme), [$answer], "a callback says $answer";
        is_deeply \@asked, [['A.test', 'a.test', GEN_DNS, '*.w.test', GEN_IPADD, "\1\2\3\4", 1,
            'x@y.test']], 'and sees name, common name and alternative names';
    }
    is verdict('a.test', $cert, { callback => sub { die "not today\n" } })->[0],
        "died: not today\n", 'what it dies with reaches the caller';
    like verdict('a.test', $cert, 'https')->[0], qr/^died: .*scheme https not defined/,
        'an unknown name is an exception';
};

subtest 'public suffixes' => sub {
    is_deeply verdict(@{ $_->[0] }), [$_->[1]], $_->[2] for
        [['any.test', $wide, 'http'],            0, 'the built-in list'],
        [['any.test', $wide, 'http', undef],     0, 'undef: the built-in list'],
        [['any.test', $wide, 'http', ''],        1, '"": no list'],
        [['x.w.test', $cert, 'http'],            1, 'below a suffix'],
        [['x.w.test', $cert, 'http', $list],     0, 'an own list'],
        [['a.test',   $cert, 'smtp', $list],     1, 'only wildcards are looked up'];
};

subtest 'verify_hostname does the same for the certificate of the peer' => sub {
    my ($client, $server) = pair(client => { files('client') },
        server => { files('server'), SSL_verify_mode => 1, SSL_ca_file => cert('ca.pem') });
    is_deeply [$client->verify_hostname(@{ $_->[0] })], $_->[1], $_->[2] for
        [['server.test'],              [1], 'a match'],
        [['server.test', 'http'],      [1], 'by a scheme'],
        [['x.wild.test', 'sip'],       [0], 'not by another'],
        [['x.wild.test', 'http', IO::Socket::SSL::PublicSuffix->from_string("wild.test\n")], [0],
            'with a list of public suffixes'],
        [['other.test'],               [0], 'no match'],
        [['127.0.0.1'],                [1], 'an address'],
        [['1.2.3'],                    [],  'neither'];
    is $server->verify_hostname('client', 'smtp'), 1, 'a server can do it too';
    like raised(sub { $client->verify_hostname('server.test', 'https') }),
        qr/scheme https not defined/, 'an unknown scheme is an exception';
};

differs('ident-no-certificate', 'where there is no certificate there is no match, and no harm',
    sub {
        my ($client, $server) = pair();
        is_deeply [$server->verify_hostname('client')], [], 'the client has not sent any';
        my ($plain, $other) = plain_pair();
        IO::Socket::SSL->start_SSL($plain, SSL_startHandshake => 0);
        is_deeply [$plain->verify_hostname('client')], [], 'there is no connection yet';
        is_deeply [$server->get_fingerprint], [], 'nor is there a fingerprint';
    },
    sub {
        my ($client, $server) = pair();
        local $SIG{__WARN__} = sub { };
        my (undef, $status) = in_child(sub { $server->verify_hostname('client'); 'alive' });
        ok $status & 127, 'the process dies of a signal';
    });

CERT_free($_) for $cert, $wide;
done_testing;
