# The own certificate and key: files in PEM, DER and PKCS#12, handles, chains, and which one counts.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use IdentTest;
use Test::More;
use TLSTest;

without_environment();

my %handle = map { $_ => PEM_file2cert(cert($_)) } qw(server.pem server-leaf.pem inter.pem
    other-name.pem);
$handle{$_} = PEM_file2key(cert($_)) for qw(server.key server-leaf.key other-name.key);

my $of_server = fingerprint('server.pem');
my $of_leaf   = fingerprint('server-leaf.pem');

sub fingerprint {
    my $x509 = PEM_file2cert(cert(shift));
    my $text = IO::Socket::SSL->get_fingerprint('sha256', $x509);
    CERT_free($x509);
    return $text;
}

# What the client sees: the leaf's fingerprint, and how many certificates came.
sub shows {
    my ($name, $leaf, $sent, %server) = @_;
    my $result = connects($name, server => {%server});
    return if !$result->{client_ok};
    my @chain = $result->{client}->peer_certificates;
    is $result->{client}->get_fingerprint, $leaf, '... the right one';
    is scalar @chain, $sent, '... with the right chain';
    return;
}

subtest 'a file may be' => sub {
    shows($_->[0], $_->[1], $_->[2], files(@$_[3 .. $#$_])) for
        ['PEM, its key in another'             => $of_server, 1, 'server.pem', 'server.key'],
        ['PEM, with the key in the same'       => $of_server, 1, 'server-both.pem', undef],
        ['PEM, the key in DER'                 => $of_server, 1, 'server.pem', 'server-key.der'],
        ['PEM with a chain'                    => $of_leaf, 2, 'server-chain'],
        ['DER, the key in DER'                 => $of_server, 1, 'server.der', 'server-key.der'],
        ['DER, the key in PEM'                 => $of_server, 1, 'server.der', 'server.key'],
        ['PKCS#12 without a password'          => $of_server, 1, 'server.p12', undef],
        ['PKCS#12 with a chain'                => $of_leaf, 2, 'server-chain.p12', undef],
        ['PKCS#12, and the key in it wins'     => $of_server, 1, 'server.p12', 'client.key'];
};

subtest 'the file with the key is not needed where the key is in the same' => sub {
    shows('SSL_key_file => ""', $of_server, 1, files('server-both.pem', undef), SSL_key_file => '');
    shows('the same file given twice', $of_server, 1, files('server-both.pem', 'server-both.pem'));
};

subtest 'handles serve as well' => sub {
    my ($cert, $key) = @handle{qw(server.pem server.key)};
    shows('one', $of_server, 1, SSL_cert => $cert, SSL_key => $key);
    shows('a list of one', $of_server, 1, SSL_cert => [$cert], SSL_key => $key);
    shows('once more the same', $of_server, 1, SSL_cert => $cert, SSL_key => $key);
    shows('with a file for the key', $of_server, 1, SSL_cert => $cert,
        SSL_key_file => cert('server.key'));
    shows('a handle for the key of a file', $of_server, 1, SSL_cert_file => cert('server.pem'),
        SSL_key => $key);
    # A chain's handles become the context's own; so they are made for it.
    shows('a list with the chain', $of_leaf, 2,
        SSL_cert => [$handle{'server-leaf.pem'}, PEM_file2cert(cert('inter.pem'))],
        SSL_key => $handle{'server-leaf.key'});
};

subtest 'a handle wins over a file' => sub {
    my %other = (SSL_cert => $handle{'server.pem'}, SSL_key => $handle{'server.key'});
    shows('both given as handles', $of_server, 1, files('other-name'), %other);
    shows('the key only', $of_server, 1, files('server.pem', 'other-name.key'),
        SSL_key => $handle{'server.key'});
};

subtest '"" means: not given' => sub {
    shows('handles', $of_server, 1, files('server'), SSL_cert => '', SSL_key => '');
    shows('files', $of_server, 1, SSL_cert_file => '', SSL_key_file => '',
        SSL_cert => $handle{'server.pem'}, SSL_key => $handle{'server.key'});
};

subtest 'the caller may free its handles as soon as a context has them' => sub {
    my ($cert, $key) = (PEM_file2cert(cert('server.pem')), PEM_file2key(cert('server.key')));
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_server => 1, SSL_cert => $cert,
        SSL_key => $key);
    CERT_free($cert);
    KEY_free($key);
    connects('later', server => { SSL_server => 1, SSL_reuse_ctx => $context });
};

subtest 'the handles of a chain are the context\'s own: it frees them' => sub {
    my $resident = sub {
        open my $status, '<', '/proc/self/status' or return;
        return map { /^VmRSS:\s+(\d+)/ } <$status>;
    };
    my $many = sub {
        IO::Socket::SSL::SSL_Context->new(SSL_server => 1, SSL_key => $handle{'server-leaf.key'},
            SSL_cert => [$handle{'server-leaf.pem'}, PEM_file2cert(cert('inter.pem'))])
            or die $SSL_ERROR for 1 .. shift;
    };
    plan skip_all => 'memory can be measured neither without /proc nor under sanitizers'
        if $ENV{IOSSL_SANITIZE} || !$resident->();
    $many->(30);
    my ($before) = $resident->();
    $many->(100);
    my ($after) = $resident->();
    cmp_ok $after - $before, '<', 256, 'KiB more after a hundred of them';
};

subtest 'keys of every kind serve' => sub {
    connects($_, server => { files($_) }) for qw(server server-ec server-ed25519);
};

subtest 'a server without a certificate can be made, but nobody can connect to it' => sub {
    my $listener = IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1');
    ok $listener, 'it listens';
    my %raw = (raw => 1, SSL_server => 1);
    refused($_->[0], server => qr/no shared cipher/, server => { %raw, @$_[1 .. $#$_] })
        for ['nothing given' => ()], ['only ""' => SSL_cert_file => '', SSL_key_file => ''],
            ['a key alone' => SSL_key_file => cert('server.key')];
    refused('the client hears of it', client => qr/handshake failure/,
        server => {%raw});
};

for (['a DER file' => SSL_cert_file => cert('server.der')],
    ['a handle' => SSL_cert => $handle{'server.pem'}]) {
    my ($name, @given) = @$_;
    differs('ident-cert-without-key', "$name needs a key that goes with it",
        sub {
            refused('at once', server => qr/Failed to use Private Key.*SSL_key_file/,
                server => {@given});
        },
        sub { refused('in the handshake', server => qr/no shared cipher/, server => {@given}) });
}

subtest 'PEM files and handles are the same thing' => sub {
    my $text = PEM_cert2string($handle{'server.pem'});
    is $text, cert_text('server.pem'), 'certificate to text';
    my $again = PEM_string2cert("some words before\n$text");
    is PEM_cert2string($again), $text, 'and back';
    CERT_free($again);
    my $key = PEM_key2string($handle{'server.key'});
    like $key, qr/^-----BEGIN (?:RSA )?PRIVATE KEY-----/, 'key to text';
    my $key_again = PEM_string2key($key);
    is PEM_key2string($key_again), $key, 'and back';
    KEY_free($key_again);
};

CERT_free($handle{$_}) for grep { /pem$/ } keys %handle;
KEY_free($handle{$_})  for grep { /key$/ } keys %handle;
done_testing;
