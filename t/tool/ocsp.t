# ocsp.t - iossl ocsp: certificates and responses that the openssl program makes.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use ToolTest;

# A CA and a certificate that names a responder on this port of the loopback.
my $config = write_file('ca.cnf', <<'END');
[req]
distinguished_name = dn
prompt = no
[dn]
CN = leaf.test
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign,digitalSignature
[leaf]
subjectAltName = DNS:leaf.test
authorityInfoAccess = OCSP;URI:http://127.0.0.1:9/ocsp
END
my ($ca, $ca_key, $leaf) = map { scratch($_) } qw(ca.pem ca.key leaf.pem);
openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-config', $config, '-extensions', 'ca',
    '-subj', '/CN=OCSP root', '-keyout', $ca_key, '-out', $ca, '-days', 2);
openssl('req', '-newkey', 'rsa:2048', '-nodes', '-config', $config, '-keyout', scratch('leaf.key'),
    '-out', scratch('leaf.csr'));
openssl('x509', '-req', '-in', scratch('leaf.csr'), '-CA', $ca, '-CAkey', $ca_key, '-set_serial',
    '0x1234', '-days', 2, '-extfile', $config, '-extensions', 'leaf', '-out', $leaf);

# What the CA answers where its index says so.
sub response {
    my ($name, $line) = @_;
    my $index = write_file("$name.index", $line);
    openssl('ocsp', '-issuer', $ca, '-cert', $leaf, '-no_nonce', '-reqout', scratch('request'));
    openssl('ocsp', '-index', $index, '-rsigner', $ca, '-rkey', $ca_key, '-CA', $ca, '-reqin',
        scratch('request'), '-respout', scratch("$name.der"), '-ndays', 1);
    return scratch("$name.der");
}
my $good    = response('good', "V\t490101000000Z\t\t1234\tunknown\t/CN=leaf.test\n");
my $revoked = response('revoked',
    "R\t490101000000Z\t250101000000Z,keyCompromise\t1234\tunknown\t/CN=leaf.test\n");
my $unknown = response('unknown', '');

subtest 'a certificate, and an answer given: good' => sub {
    my $run = iossl_json('ocsp', $leaf, '--ca-file', $ca, '--response', $good);
    is $run->{status}, 0, 'status' or diag $run->{out};
    is $run->{json}{status}, 'good', 'the answer';
    is $run->{json}{responder}, 'http://127.0.0.1:9/ocsp', 'the responder';
    like $run->{json}{$_}, qr/^20\d\d-\d\d-\d\dT/, $_ for qw(this_update next_update);
    is $run->{json}{$_}, undef, "no $_" for qw(hard_error soft_error revocation_time);
};

subtest 'revoked' => sub {
    my $run = iossl_json('ocsp', $leaf, '--ca-file', $ca, '--response', $revoked);
    is $run->{status}, 1, 'status';
    is $run->{json}{status}, 'revoked', 'the answer';
    is $run->{json}{revocation_time}, '2025-01-01T00:00:00Z', 'since when';
    is $run->{json}{reason}, 'keyCompromise', 'why';
    like $run->{json}{hard_error}, qr/revoked/, 'the sentence';
    like iossl('ocsp', $leaf, '--ca-file', $ca, '--response', $revoked)->{out}, qr/^status +revoked$/m,
        'as text';
};

subtest 'no answer that can be relied on' => sub {
    my $run = iossl_json('ocsp', $leaf, '--ca-file', $ca, '--response', cert('server.der'));
    is $run->{status}, 3, 'something else: status';
    is $run->{json}{status}, 'no answer', 'said so';
    cmp_ok length $run->{json}{soft_error}, '>', 10, 'and why';

    $run = iossl_json('ocsp', $leaf, '--ca-file', $ca, '--timeout', 2);
    is $run->{status}, 3, 'a responder that is not there: status';
    like $run->{json}{soft_error}, qr{127\.0\.0\.1:9}, 'it is named';

    $run = iossl_json('ocsp', cert('server.pem'), '--ca-file', cert('ca.pem'));
    is $run->{status}, 3, 'a certificate without a responder: status';
    is $run->{json}{responder}, undef, 'there is none';
    like iossl('ocsp', cert('server.pem'), '--ca-file', cert('ca.pem'))->{out}, qr/nobody to ask/,
        'said so';
};

subtest 'the issuer may be given by itself' => sub {
    my $run = iossl_json('ocsp', $leaf, '--issuer', $ca, '--response', $good, '--ca-file',
        cert('ca.pem'));
    isnt $run->{json}{status}, 'revoked', 'it is found';
    is $run->{json}{responder}, 'http://127.0.0.1:9/ocsp', 'so there is something to ask';
};

subtest 'a response by itself' => sub {
    for my $row ([$good, 0, 'good'], [$revoked, 1, 'revoked'], [$unknown, 1, 'unknown']) {
        my ($file, $status, $word) = @$row;
        my $run = iossl_json('ocsp', $file);
        is $run->{status}, $status, "$word: status";
        is $run->{json}{response_status}, 'successful', 'the response';
        is $run->{json}{answers}[0]{status}, $word, 'the answer';
        is $run->{json}{answers}[0]{serial}, 0x1234, 'about which';
        like iossl('ocsp', $file)->{out}, qr/^ *status +$word$/m, 'as text';
    }
};

subtest 'files that are neither' => sub {
    for my $file ('/nonexistent', cert('garbage.pem'), cert('empty.pem')) {
        my $run = iossl('ocsp', $file);
        is $run->{status}, 2, $file;
        like $run->{err}, qr/\Q$file\E/, 'is named';
    }
    is iossl('ocsp', $good, '--response', $good)->{status}, 2, 'a response about a response';
};

# What "iossl connect" says of a server with this staple.
sub visit {
    my ($server_args, @args) = @_;
    my ($server, $port) = @$server_args;
    return iossl_json('connect', "127.0.0.1:$port", '--name', 'leaf.test', '--ca-file', $ca, @args);
}
my @identity = ('--cert', $leaf, '--key', scratch('leaf.key'));
my @openssl_identity = ('-cert', $leaf, '-key', scratch('leaf.key'));

subtest 'connect: a good staple of serve is shown, and is enough where one is demanded' => sub {
    for my $run (visit([serve(@identity, '--staple', $good)]),
        visit([serve(@identity, '--staple', $good)], '--must-staple')) {
        is $run->{status}, 0, 'status' or diag $run->{out}, $run->{err};
        is $run->{json}{connection}{staple}, 'good', 'the staple';
        ok !$run->{json}{connection}{ocsp_asked}, 'no responder was asked';
    }
};

subtest 'connect: a staple that says revoked is a problem with a remedy' => sub {
    my $run = visit([s_server(@openssl_identity, '-status_file', $revoked)]);
    is $run->{status}, 1, 'status' or diag $run->{out}, $run->{err};
    like $run->{json}{problems}[0]{what} // $run->{out}, qr/revoked/, 'which';
};

subtest 'serve: only a good answer is stapled' => sub {
    my $run = visit([serve(@identity, '--staple', $revoked)]);
    is $run->{status}, 0, 'status' or diag $run->{out}, $run->{err};
    is $run->{json}{connection}{staple}, 'none', 'no staple came';
    $run = visit([serve(@identity, '--staple', $revoked)], '--must-staple');
    is $run->{status}, 1, 'which is refused where one is demanded';
    like $run->{out}, qr/staple/, 'and told';
};

subtest 'serve: a staple from the responder, which is asked once for all clients' => sub {
    my $chain = write_file('chain.pem', map { read_file($_) } $leaf, $ca);
    my $asked = scratch('asked');
    my ($responder, $at) = fake_server(sub {
        my $sock = shift;
        my ($head, $len) = ('', 0);
        while (defined(my $line = readline $sock)) {
            last if $line =~ /^\r?$/;
            $len = $1 if $line =~ /^Content-Length: (\d+)/i;
        }
        read $sock, my $request, $len if $len;
        open my $log, '>>', $asked or die $!;
        print $log "asked\n";
        close $log or die $!;
        my $answer = read_file($good);
        print $sock "HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: ",
            length $answer, "\r\n\r\n", $answer;
    }, 9);
    my @served = serve('--cert', $chain, '--key', scratch('leaf.key'), '--staple-responder',
        "http://127.0.0.1:$at/");
    for (1 .. 3) {
        my $run = visit(\@served, '--must-staple');
        is $run->{status}, 0, 'a client that demands one' or diag $run->{out}, $served[0]->errors;
        is $run->{json}{connection}{staple}, 'good', 'has a good one';
    }
    is read_file($asked), "asked\n", 'the responder was asked once';
    my @vain = serve('--cert', $chain, '--key', scratch('leaf.key'), '--staple-responder', '');
    is visit(\@vain)->{json}{connection}{staple}, 'none', 'the one that the certificate names is away: none';
    like $vain[0]->errors, qr{no staple: .*127\.0\.0\.1:9}s, 'which is told';
    is iossl('serve', '--staple-responder', '')->{status}, 2, 'a certificate that names none';
};

subtest 'connect --ocsp: a responder that cannot be reached is told, not taken for a no' => sub {
    my $run = visit([serve(@identity)], '--ocsp');
    ok $run->{json}{connection}{ocsp_asked}, 'it was asked';
    is $run->{json}{connection}{staple}, 'none', 'no staple came';
    like $run->{json}{connection}{ocsp_soft_error}, qr{127\.0\.0\.1:9}, 'whom, in the soft error';
    is $run->{json}{connection}{ocsp_hard_error}, undef, 'no hard one';
};

subtest 'a serial number without measure is in hex, whose digits cost little' => sub {
    my $id = der(0x30, pack('H*', '300906052b0e03021a0500'), der(0x04, 'n' x 20), der(0x04, 'k' x 20),
        der(0x02, 'Z' x 600));
    my $time = der(0x18, '20250101000000Z');
    my $data = der(0x30, der(0xa2, der(0x04, 'r' x 20)), $time,
        der(0x30, der(0x30, $id, "\x80\0", $time)));
    my $basic = der(0x30, $data, pack('H*', '300a06082a8648ce3d040302'), der(0x03, "\0" x 9));
    my $file = write_file('long.der',
        der(0x30, "\x0a\1\0", der(0xa0, der(0x30, pack('H*', '06092b0601050507300101'), der(0x04, $basic)))));
    my $run = iossl_json('ocsp', $file);
    is $run->{json}{answers}[0]{serial}, '0x' . '5A' x 600, 'all of it';
};

done_testing;
