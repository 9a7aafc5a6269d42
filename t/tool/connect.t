# connect.t - iossl connect: what it says of servers that are verified, and of those that aren't.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::INET;
use ToolTest;

my @trust = ('--ca-file', cert('ca.pem'));

# A visit to a port of the loopback as server.test, unless something else is said; JSON.
sub visit {
    my ($port, @args) = @_;
    my @how = (grep { $_ eq '--name' } @args) ? () : ('--name', 'server.test');
    return iossl_json('connect', "127.0.0.1:$port", @how, @args);
}

sub words { my $text = shift; $text =~ s/\s+/ /g; return $text }

subtest 'a verified server: what was agreed on, and the chain' => sub {
    my ($server, $port) = serve('--cert', cert('server-chain.pem'), '--key', cert('server-chain.key'),
        '--alpn', 'h2,http/1.1');
    my $run = visit($port, @trust, '--alpn', 'http/1.1,h2', '--resume');
    my $got = $run->{json};
    is $run->{status}, 0, 'status';
    ok $got->{$_}, $_ for qw(connected established verified);
    is $got->{error}, undef, 'no error';
    is_deeply $got->{problems}, [], 'no problem';
    is $got->{address}, '127.0.0.1', 'the address';
    my $agreed = $got->{connection};
    is $agreed->{protocol}, 'TLSv1_3', 'protocol';
    like $agreed->{cipher}, qr/^TLS_/, 'cipher';
    like $agreed->{group}, qr/^(x25519|secp|X25519MLKEM)/i, 'group';
    is $agreed->{alpn}, 'http/1.1', 'ALPN: the first that we list and it has';
    ok $agreed->{resumed}, 'the second time it is resumed';
    is $agreed->{verified_name}, 'server.test', 'name';
    is $agreed->{staple}, 'none', 'no staple';
    is $agreed->{trust_anchor}, 'CN=IOSSL Test Root, O=IOSSL', 'trust anchor';
    is_deeply [map { $_->{subject} } @{ $got->{chain_sent} }],
        ['CN=server.test, O=IOSSL', 'CN=IOSSL Test Intermediate, O=IOSSL'], 'chain as sent';
    is scalar @{ $got->{chain_built} }, 3, 'chain as built';
    cmp_ok $got->{chain_sent}[0]{days_left}, '>', 1000, 'days left';

    my $text = iossl('connect', "127.0.0.1:$port", '--name', 'server.test', @trust);
    is $text->{status}, 0, 'as text: status';
    like $text->{out}, qr/\A127\.0\.0\.1, port \d+: verified for server\.test\n/, 'the answer first';
    like $text->{out}, qr/^  protocol +TLSv1_3$/m, 'protocol';
    like $text->{out}, qr/^  0  CN=server\.test, O=IOSSL$/m, 'the chain';
    like $text->{out}, qr/days left$/m, 'expiry';
    is $text->{err}, '', 'nothing on standard error';
};

subtest 'new keys after the handshake, and pins as curl has them' => sub {
    my ($server, $port) = serve('--cert', cert('server.pem'), '--key', cert('server.key'));
    my $run = visit($port, @trust, '--key-update');
    is $run->{status}, 0, 'status';
    ok $run->{json}{connection}{key_update}, 'renewed';
    my $old = visit($port, @trust, '--key-update', '--max-version', 'TLSv1_2');
    ok !$old->{json}{connection}{key_update}, 'not with TLS 1.2';
    like $old->{json}{connection}{key_update_error}, qr/TLSv1_3 is needed/, 'and why';
    ok !exists visit($port, @trust)->{json}{connection}{key_update}, 'not unless asked for';
    my $traced = iossl({ stdin => "x\n" }, 'connect', "127.0.0.1:$port", '--name', 'server.test', @trust,
        '--key-update', '--trace', '-i');
    is $traced->{out}, "x\n", 'data go on';
    is scalar(() = $traced->{err} =~ /KeyUpdate/ig), 2, 'both keys';
    chomp(my $pin = `openssl x509 -in @{[cert('server.pem')]} -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64`);
    is iossl('connect', "127.0.0.1:$port", '--pin', "sha256//$pin")->{status}, 0, 'a pin';
    (my $wrong = $pin) =~ tr/A-Za-z/B-ZAb-za/;
    is iossl('connect', "127.0.0.1:$port", '--pin', "sha256//$wrong")->{status}, 1, 'another one';
};

# what, certificate, options, then of each problem: kind, depth, OpenSSL's code, what, remedy
my @refused = (
    ['unknown CA', 'server', ['--ca-file', cert('other-ca.pem')],
        ['chain', 0, 20, qr{issued by "/O=IOSSL/CN=IOSSL Test Root", which is none of the CAs},
            qr/SSL_ca_file/]],
    ['expired', 'expired', [@trust],
        ['chain', 0, 10, qr/expired on 2001-01-01; today is \d{4}-/, qr/renewed/]],
    ['not yet valid', 'not-yet', [@trust], ['chain', 0, 9, qr/begins on/, qr/clock/]],
    ['another name', 'server', [@trust, '--name', 'other.test'],
        ['name', 0, 62, qr/is for "server\.test".*not for "other\.test"/, qr/SSL_verifycn_name/]],
    ['self-signed', 'self-signed', [],
        ['chain', 0, 18, qr/is self-signed/, qr/SSL_fingerprint => 'sha256\$[0-9a-f]{64}'/]],
    ['missing intermediate', 'server-leaf', [@trust],
        ['chain', 0, 20, qr/IOSSL Test Intermediate.*nothing that leads to one was sent/,
            qr/intermediate CA, the other side has to send its certificate/]],
    ['revoked by a CRL', 'revoked', [@trust, '--crl-file', cert('crl.pem')],
        ['chain', 0, 23, qr/was revoked by/, qr/don't trust it/]],
    ['everything at once', 'expired', ['--ca-file', cert('other-ca.pem'), '--name', 'other.test'],
        ['chain', 0, 20, qr/none of the CAs/, qr/./],
        ['chain', 0, 10, qr/expired/, qr/./],
        ['name', 0, 62, qr/other\.test/, qr/./]],
);

for my $row (@refused) {
    my ($what, $name, $args, @problems) = @$row;
    subtest "refused: $what" => sub {
        my ($server, $port) = serve('--cert', cert("$name.pem"), '--key', cert("$name.key"));
        my $run = visit($port, @$args);
        my $got = $run->{json};
        is $run->{status}, 1, 'status';
        ok $got->{connected}, 'connected';
        ok !$got->{$_}, "not $_" for qw(established verified);
        is $got->{connection}, undef, 'nothing was agreed on';
        is scalar @{ $got->{chain_sent} }, 1, 'the chain that came is there';
        like $got->{chain_sent}[0]{fingerprint}, qr/^sha256\$[0-9a-f]{64}$/, 'with its fingerprint';
        is scalar @{ $got->{problems} }, scalar @problems, 'as many problems'
            or diag explain $got->{problems};
        for my $i (0 .. $#problems) {
            my ($kind, $depth, $code, $sentence, $remedy) = @{ $problems[$i] };
            my $problem = $got->{problems}[$i];
            is $problem->{kind}, $kind, "$i: kind";
            is $problem->{depth}, $depth, 'which certificate';
            is $problem->{verify_code}, $code, 'code of OpenSSL';
            like $problem->{what}, $sentence, 'what it is';
            like $problem->{remedy}, $remedy, 'what to do';
        }
        my $text = iossl('connect', "127.0.0.1:$port",
            (grep { $_ eq '--name' } @$args) ? () : ('--name', 'server.test'), @$args);
        is $text->{status}, 1, 'as text: status';
        like $text->{out}, qr/NOT VERIFIED, and refused/, 'the answer';
        like words($text->{out}), $problems[0][3], 'the first problem';
        like $text->{out}, qr/^  -> /m, 'a remedy';

        my $insecure = visit($port, @$args, '--insecure');
        is $insecure->{status}, 0, '--insecure goes on';
        ok $insecure->{json}{established} && !$insecure->{json}{verified}, 'but not as verified';
        is scalar @{ $insecure->{json}{problems} }, scalar @problems, 'and tells the same problems';
    };
}

subtest 'the failing certificate need not be the first' => sub {
    my $ca = scratch('ca.pem');
    iossl('cert', 'make', '--ca', '--subject', 'CN=Root', '-o', $ca);
    iossl('cert', 'make', '--ca', '--subject', 'CN=Old middle', '--begins', -20, '--days', 10,
        '--issuer', $ca, '-o', scratch('middle.pem'));
    iossl('cert', 'make', 'server.test', '--issuer', scratch('middle.pem'), '-o', scratch('leaf.pem'));
    my $chain = write_file('chain.pem',
        map { read_file(scratch($_)) =~ /(-----BEGIN C.*?-----END.*?\n)/s } 'leaf.pem', 'middle.pem');
    my ($server, $port) = serve('--cert', $chain, '--key', scratch('leaf.pem'));
    my $run = visit($port, '--ca-file', $ca);
    is $run->{status}, 1, 'status';
    my $problem = $run->{json}{problems}[0];
    is $problem->{depth}, 1, 'depth';
    is $problem->{certificate}, 'CN=Old middle', 'subject';
    like $problem->{what}, qr{^certificate 1 of the chain, "/CN=Old middle", expired}, 'sentence';
};

subtest 'pins' => sub {
    my ($server, $port) = serve('--cert', cert('self-signed.pem'), '--key', cert('self-signed.key'));
    my $pin = visit($port)->{json}{chain_sent}[0]{fingerprint};
    my $run = visit($port, '--pin', $pin);
    is $run->{status}, 0, 'the fingerprint that the report told is accepted';
    ok $run->{json}{verified}, 'verified';
    like join(' ', @{ $run->{json}{remarks} }), qr/accepted for its fingerprint, though .*self-signed/,
        'what is wrong with it is a remark';
    (my $other = $pin) =~ s/(\$)(.)/$1 . ($2 eq '0' ? '1' : '0')/e;
    is visit($port, '--pin', $other)->{status}, 1, 'another one is not';
    is iossl('connect', "127.0.0.1:$port", '--pin', 'nonsense')->{status}, 2, 'nonsense is none';
};

subtest 'TLSA records' => sub {
    my ($server, $port) = serve('--cert', cert('self-signed.pem'), '--key', cert('self-signed.key'));
    my ($record) = iossl('cert', 'show', cert('self-signed.pem'))->{out}
        =~ /^ *TLSA record +([32] 1 1 [0-9a-f]{64})/m;
    ok $record, 'cert show tells the record of a certificate';
    $record =~ s/^2/3/;
    my $run = visit($port, '--tlsa', '3 1 1 ' . '00' x 32, '--tlsa', $record);
    is $run->{status}, 0, 'one of them fits';
    is $run->{json}{connection}{tlsa}, $record, 'it is told';
    like join(' ', @{ $run->{json}{remarks} }), qr/accepted for its TLSA record, though .*self-signed/,
        'what is wrong with it is a remark';
    $run = visit($port, '--tlsa', '3 1 1 ' . '00' x 32);
    is $run->{status}, 1, 'none fits';
    is @{ $run->{json}{problems} }, 1, 'that is the one problem';
    like $run->{json}{problems}[0]{what}, qr/TLSA records \(SSL_tlsa\) are old, or this is another/, 'it';
    like $run->{json}{problems}[0]{remedy}, qr/publish one of its present certificate, as "$record"/,
        'what to do';
    like iossl('connect', "127.0.0.1:$port", '--tlsa', '3 1 1 00')->{err},
        qr/TLSA record 3 1 1: a SHA-256 digest has 32 bytes/, 'nonsense is none';
};

subtest 'signed certificate timestamps' => sub {
    my ($server, $port) = serve('--cert', cert('server.pem'), '--key', cert('server.key'));
    my $run = visit($port, '--ca-file', cert('ca.pem'), '--name', 'server.test');
    is_deeply $run->{json}{connection}{scts}, [], 'a server without';
    like iossl('connect', "127.0.0.1:$port", '--ctlog', scratch('none'))->{err},
        qr/SSL_ctlog_file \(--ctlog\) .* can't be used as a list\s+of\s+logs/s, 'no list of logs';
};

subtest 'remarks: expiring soon, a root that needn\'t be sent' => sub {
    my $ca = scratch('soon-ca.pem');
    iossl('cert', 'make', '--ca', '--subject', 'CN=Soon root', '-o', $ca);
    iossl('cert', 'make', 'server.test', '--days', 3, '--issuer', $ca, '-o', scratch('soon.pem'));
    my $chain = write_file('soon-chain.pem',
        map { read_file($_) =~ /(-----BEGIN C.*?-----END.*?\n)/s } scratch('soon.pem'), $ca);
    my ($server, $port) = serve('--cert', $chain, '--key', scratch('soon.pem'));
    my $run = visit($port, '--ca-file', $ca);
    is $run->{status}, 0, 'verified all the same';
    my $remarks = join "\n", @{ $run->{json}{remarks} };
    like $remarks, qr/^CN=server\.test expires in [23] days$/m, 'expiry';
    like $remarks, qr/sends its root certificate, CN=Soon root/, 'root';
    my $text = iossl('connect', "127.0.0.1:$port", '--name', 'server.test', '--ca-file', $ca);
    like $text->{out}, qr/^Note: CN=server\.test expires/m, 'as text';
};

subtest 'a server with old protocols only' => sub {
    my ($server, $port) = eval {
        s_server('-cert', cert('server.pem'), '-key', cert('server.key'), '-tls1', '-cipher',
            'ALL:@SECLEVEL=0');
    } or plan skip_all => 'this openssl has no TLS 1.0';
    my $run = visit($port, @trust);
    is $run->{status}, 4, 'status';
    is $run->{json}{alert}, 'protocol version', 'the alert';
    my $problem = $run->{json}{problems}[0];
    is $problem->{kind}, 'handshake', 'kind';
    like $problem->{remedy}, qr/the server takes TLSv1 with .*SSL_version/, 'what the server has';
};

subtest 'a server that wants a certificate of ours' => sub {
    my @asks = ('--cert', cert('server.pem'), '--key', cert('server.key'), '--client-ca',
        cert('ca.pem'), '--require-client');
    for my $version ('TLSv1_2', 'TLSv1_3') {
        my ($server, $port) = serve(@asks, '--protocol', $version);
        my $run = visit($port, @trust);
        is $run->{status}, 4, "$version, without: status";
        my $problem = $run->{json}{problems}[-1];
        like $problem->{remedy}, qr/asks for a certificate of ours: give SSL_cert_file/, 'remedy';
        my $with = visit($port, @trust, '--cert', cert('client.pem'), '--key', cert('client.key'));
        is $with->{status}, 0, 'with one: status';
        ok $with->{json}{connection}{client_certificate_requested}, 'it is told';
        my $untrusted = visit($port, @trust, '--cert', cert('client-other.pem'), '--key',
            cert('client-other.key'));
        is $untrusted->{status}, 4, 'with one by a CA that the server does not know';
    }
};

# What is sent to whoever connects, and what it is taken for.
my @plain = (
    ['HTTP',   "HTTP/1.0 400 Bad Request\r\n\r\n",  qr/speaks plain HTTP/],
    ['SMTP',   "220 mail.test ESMTP\r\n",           qr/try --starttls smtp/],
    ['IMAP',   "* OK IMAP4rev1\r\n",                qr/try --starttls imap/],
    ['POP3',   "+OK POP3 ready\r\n",                qr/try --starttls pop3/],
    ['SSH',    "SSH-2.0-OpenSSH\r\n",               qr/speaks SSH/],
);
for my $row (@plain) {
    my ($protocol, $banner, $remedy) = @$row;
    subtest "a server that speaks plain $protocol" => sub {
        my ($server, $port) = fake_server(sub {
            my $sock = shift;
            print $sock $banner;
            shutdown $sock, 1;
            1 while sysread $sock, my $buf, 1024;
        });
        my $run = visit($port, @trust);
        is $run->{status}, 4, 'status';
        like $run->{json}{problems}[0]{remedy}, $remedy, 'what it is, and what to do';
    };
}

subtest 'nobody there' => sub {
    my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
    my $port = $listener->sockport;
    close $listener;
    my $run = visit($port);
    is $run->{status}, 3, 'refused: status';
    is $run->{json}{problems}[0]{kind}, 'unreachable', 'kind';
    ok !$run->{json}{connected}, 'not connected';
    like $run->{json}{error}, qr/refused/i, 'the reason';

    $run = iossl_json('connect', 'host.invalid');
    is $run->{status}, 3, 'unknown host: status';
    is $run->{json}{problems}[0]{kind}, 'host_unknown', 'kind';
    is $run->{json}{port}, '443', 'the default port';
};

subtest 'a server that is silent, and one that hangs up' => sub {
    my ($server, $port) = fake_server(sub { my $sock = shift; 1 while sysread $sock, my $buf, 1024 });
    my $run = visit($port, '--timeout', 1);
    is $run->{status}, 3, 'silent: status';
    like $run->{json}{error}, qr/time is up/, 'the reason';

    ($server, $port) = fake_server(sub { sysread $_[0], my $buf, 1 });
    is visit($port)->{status}, 4, 'hangs up: status';
};

subtest '-i sends standard input and prints what comes' => sub {
    my ($server, $port) = serve('--cert', cert('server.pem'), '--key', cert('server.key'), '--http');
    my @args = ('connect', "127.0.0.1:$port", '--name', 'server.test', '-i');
    my $run = iossl({ stdin => "GET / HTTP/1.0\n\n" }, @args, @trust, '--crlf');
    is $run->{status}, 0, 'status';
    like $run->{out}, qr/\AHTTP\/1\.0 200 OK\r\n.*\r\n\r\nTLSv1_3, /s, 'the answer on standard output';
    like $run->{err}, qr/verified for server\.test/, 'the report on standard error';
    is iossl({ stdin => "GET / HTTP/1.0\n\n" }, @args, @trust, '--crlf', '-q')->{err}, '', '-q';

    my $closed = join ' ', ToolTest::tool(), @args, @trust, '-q --timeout 1 <&-';
    is `$closed`, '', 'closed standard input: there is none, the connection is not read as such';
    is $? >> 8, 0, 'and it ends with the silence of the other side';

    $run = iossl({ stdin => "secret\n\n" }, @args, '--crlf');
    is $run->{status}, 1, 'an unverified server: status';
    is $run->{out}, '', 'gives nothing';
    like $run->{err}, qr/NOT VERIFIED, and refused/, 'the report';
};

subtest 'bytes go through unchanged, many of them' => sub {
    my ($server, $port) = serve('--cert', cert('server.pem'), '--key', cert('server.key'));
    my $bytes = join '', map { chr($_ & 255) } 0 .. 300_000;
    my $run = iossl({ stdin => $bytes }, 'connect', "127.0.0.1:$port", '--name', 'server.test',
        @trust, '-i', '-q', '--timeout', 5);
    is length $run->{out}, length $bytes, 'as many';
    ok $run->{out} eq $bytes, 'the same';
};

subtest '--save writes the chain as it came' => sub {
    my ($server, $port) = serve('--cert', cert('server-chain.pem'), '--key',
        cert('server-chain.key'));
    my $file = scratch('saved.pem');
    is visit($port, '--save', $file)->{status}, 1, 'also of a server that is refused';
    is scalar @{ iossl_json('cert', 'show', $file)->{json}{certificates} }, 2, 'both certificates';
};

subtest 'forms of HOST[:PORT]' => sub {
    my ($server, $port) = serve('--cert', cert('server.pem'), '--key', cert('server.key'));
    for my $form ("127.0.0.1:$port", "https://127.0.0.1:$port/path?x=y:z") {
        my $run = iossl_json('connect', $form, @trust);
        is $run->{status}, 0, $form;
        is $run->{json}{port}, $port, 'port';
        is $run->{json}{host}, '127.0.0.1', 'host';
    }
    for my $row (['[::1]:1', '::1', 1], ['::1', '::1', 443], ['host.invalid:', 'host.invalid', 443]) {
        my ($form, $host, $want) = @$row;
        my $run = iossl_json('connect', $form, '--timeout', 1);
        is $run->{json}{host}, $host, "$form: host";
        is $run->{json}{port}, $want, 'port';
    }
    is iossl('connect', $_)->{status}, 2, "refused: \"$_\"" for '', ':443', '[::1]x';
    is iossl_json('connect', "127.0.0.1:$port", @trust, '-4')->{status}, 0, '-4';
    is iossl_json('connect', "127.0.0.1:$port", @trust, '-6')->{status}, 3, '-6 of an IPv4 address';
    is iossl('connect', "127.0.0.1:$port", '-4', '-6')->{status}, 2, 'both';
};

subtest 'wrong options are status 2 and nothing is connected to' => sub {
    for my $row (
        [['--ca-file', '/nonexistent'],         qr{/nonexistent}],
        [['--protocol', 'TLSv9'],               qr/SSL_version \(--protocol\)/],
        [['--ciphers', 'nonsense'],             qr/cipher/],
        [['--scheme', 'nonsense'],              qr/scheme "nonsense" is unknown/],
        [['--starttls', 'nonsense'],            qr/there are smtp\|imap\|/],
        [['--key', cert('client.key')],         qr/--key without --cert/],
        [['--cert', cert('client.pem'), '--key', cert('server.key')], qr/key/],
        [['--json', '-i'],                      qr/don't go together/],
        [['--resume', '-i'],                    qr/don't go together/],
        [['--timeout', '0'],                    qr/from 1 to/],
    ) {
        my ($args, $error) = @$row;
        my $run = iossl('connect', 'host.invalid', @$args);
        is $run->{status}, 2, "@$args";
        like words($run->{err}), $error, 'the reason';
        is $run->{out}, '', 'no report';
    }
};

subtest 'a hostile server certificate in a report' => sub {
    my $file = scratch('hostile.pem');
    iossl('cert', 'make', 'server.test', '--subject', "CN=\e[2J\e]0;x\a\nverified: yes", '-o', $file);
    my ($server, $port) = serve('--cert', $file);
    my $run = visit($port);
    is $run->{status}, 1, 'status';
    unlike $run->{out}, qr/[^\x20-\x7e\n]/, 'JSON is printable';
    my $text = iossl('connect', "127.0.0.1:$port", '--name', 'server.test');
    unlike $text->{out}, qr/[\x00-\x09\x0b-\x1f\x7f]/, 'text has no control characters';
    unlike $text->{out}, qr/^verified/m, 'nor a line of the certificate\'s own';
};

subtest 'policies, versions, groups, signatures' => sub {
    my ($server, $port) = serve('--cert', cert('server.pem'), '--key', cert('server.key'),
        '--policy', 'compatible');
    my @to = ("127.0.0.1:$port", '--name', 'server.test', '--ca-file', cert('ca.pem'));
    my $json = iossl_json('connect', @to, '--policy', 'modern', '--groups', '?None:P-256',
        '--sigalgs', 'RSA-PSS+SHA256')->{json}{connection};
    is_deeply [@$json{qw(protocol group signature)}], ['TLSv1_3', 'secp256r1', 'RSA-PSS+SHA256'],
        'what was asked for';
    is iossl_json('connect', @to, '--max-version', 'TLSv1_2')->{json}{connection}{cipher},
        'ECDHE-RSA-AES256-GCM-SHA384', 'and what the server allows';
    is iossl('connect', @to, '--max-version', 'TLSv1_1')->{status}, 2, 'none that is left';
    my $refused = iossl('connect', @to, '--policy', 'none-such');
    like $refused->{err}, qr/no policy of this name; known are/, 'no such policy';
};

subtest 'messages as they go by, and the chain as it was verified' => sub {
    my ($server, $port) = serve('--cert', cert('server.pem'), '--key', cert('server.key'));
    my $result = iossl('connect', "127.0.0.1:$port", '--name', 'server.test', '--ca-file',
        cert('ca.pem'), '--trace');
    is $result->{status}, 0, 'verified';
    like $result->{err}, qr/^\* TLSv1\.\d \(OUT\), TLS handshake, ClientHello \(1\), \d+ bytes$/m,
        'out';
    like $result->{err}, qr/^\* TLSv1\.3 \(IN\), TLS handshake, Finished \(20\), \d+ bytes$/m, 'in';
    like $result->{out}, qr/^Chain, as it was verified\n  0 CN=server\.test.*\n  1 CN=IOSSL Test Root/m,
        'up to the trust anchor';
    like $result->{out}, qr/^  signature +RSA-PSS\+SHA256$/m, 'what the server signed with';
};

done_testing;
