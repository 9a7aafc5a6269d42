# serve.t - iossl serve, with openssl s_client and our own command as clients.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use Cwd ();
use IO::Socket::INET;
use ToolTest;

subtest 'a self-made certificate, saved and pinned' => sub {
    my $ca = scratch('serve.pem');
    my $server = start_iossl('serve', '-l', '127.0.0.1:0', '--save-cert', $ca, '--self-made',
        'one.test', '--self-made', '127.0.0.1');
    my $pin = $server->line_with(qr/--pin '(\S+)'/);
    my $port = $server->line_with(qr/^listening on 127\.0\.0\.1, port (\d+)$/);
    is iossl('connect', "127.0.0.1:$port", '--ca-file', $ca)->{status}, 0, 'by its file';
    is iossl('connect', "127.0.0.1:$port", '--ca-file', $ca, '--name', 'one.test')->{status}, 0,
        'its other name';
    is iossl('connect', "127.0.0.1:$port", '--pin', $pin)->{status}, 0, 'by its fingerprint';
    is iossl('connect', "127.0.0.1:$port")->{status}, 1, 'not without';
};

my @own = ('--cert', cert('server.pem'), '--key', cert('server.key'));
my @client = ('--name', 'server.test', '--ca-file', cert('ca.pem'), '-i', '-q', '--timeout', 5);

subtest 'lines come back, and openssl likes it too' => sub {
    my ($server, $port) = serve(@own);
    my $said = openssl('s_client', '-connect', "127.0.0.1:$port", '-CAfile', cert('ca.pem'),
        '-verify_return_error', '-verify_hostname', 'server.test');
    like $said, qr/Verify return code: 0 \(ok\)/, 's_client verifies';
    is iossl({ stdin => "a\nb\n" }, 'connect', "127.0.0.1:$port", @client)->{out}, "a\nb\n", 'echo';
};

subtest 'certificate and key by URI' => sub {
    my $here = Cwd::getcwd();
    my ($server, $port) = serve('--cert', "file:$here/" . cert('server.pem'), '--key',
        "file:$here/" . cert('server.key'));
    is iossl({ stdin => "a\n" }, 'connect', "127.0.0.1:$port", @client)->{out}, "a\n", 'a server with it';
    my $run = iossl('serve', '--cert', 'strange:x');
    is $run->{status}, 2, 'no store for it';
    like $run->{err}, qr/no store for "strange:"/, 'is told';
};

subtest 'a fixed answer; each client is told of; --count ends it' => sub {
    my $file = write_file('answer', "fixed\0answer\n");
    my ($server, $port) = serve(@own, '--answer', $file, '--count', 2, '--alpn', 'x');
    for (1 .. 2) {
        is iossl({}, 'connect', "127.0.0.1:$port", @client, '--alpn', 'x', '--sni', 'sni.test')
            ->{out}, "fixed\0answer\n", 'the answer';
    }
    my $told = $server->rest;
    is $server->wait_end, 0, 'ended by itself';
    like $told, qr/^127\.0\.0\.1: TLSv1_3, TLS_\w+, name asked for: sni\.test, ALPN: x, client certificate: none/m,
        'who came';
};

subtest 'client certificates' => sub {
    my ($server, $port) = serve(@own, '--client-ca', cert('ca.pem'), '--http');
    my $ask = { stdin => "GET / HTTP/1.0\n\n" };
    like iossl($ask, 'connect', "127.0.0.1:$port", @client, '--crlf', '--cert', cert('client.pem'),
        '--key', cert('client.key'))->{out}, qr/client certificate: CN=/, 'one is told of';
    like iossl($ask, 'connect', "127.0.0.1:$port", @client, '--crlf')->{out},
        qr/client certificate: none/, 'none is fine unless required';
};

subtest 'client certificates that are asked for later' => sub {
    my ($server, $port) = serve(@own, '--client-ca', cert('ca.pem'), '--http', '--later-client-cert',
        '--require-client');
    my $ask = { stdin => "GET / HTTP/1.0\n\n" };
    like iossl($ask, 'connect', "127.0.0.1:$port", @client, '--crlf', '--cert', cert('client.pem'),
        '--key', cert('client.key'))->{out}, qr/client certificate: CN=/, 'one is told of';
    $server->line_with(qr/client certificate: (none)/);
    like $server->line_with(qr/client certificate: (CN=.*)/), qr/^CN=/, 'after the handshake had none';
    is iossl($ask, 'connect', "127.0.0.1:$port", @client, '--crlf')->{out}, '', 'who offers none has no answer';
    like $server->line_with(qr/(no client certificate can be requested.*)/), qr/didn't offer/, 'and it is told why';
};

sub words { my $text = shift; $text =~ s/\s+/ /g; return $text }

subtest 'early data' => sub {
    my ($server, $port) = serve(@own, '--http', '--early-data', 1000, '--count', 4);
    my $request = write_file('request', "GET / HTTP/1.0\r\nHost: server.test\r\n\r\n");
    my @how = ('connect', "127.0.0.1:$port", '--name', 'server.test', '--ca-file', cert('ca.pem'));
    my $got = iossl(@how, '--early-data', $request);
    is $got->{status}, 0, 'status';
    like words($got->{out}), qr{ early data accepted: .*answer: HTTP/1\.0 200 OK}, 'accepted';
    $got = iossl_json(@how, '--early-data', $request);
    is $got->{json}{connection}{early_data}, 'accepted', 'as JSON';
    is $got->{json}{connection}{early_answer}, 'HTTP/1.0 200 OK', 'with the answer';
    my $told = $server->rest;
    is scalar(() = $told =~ /, resumed, early data$/mg), 2, 'the server says so';

    my ($none, $other) = serve(@own, '--http');
    $how[1] = "127.0.0.1:$other";
    $got = iossl(@how, '--early-data', $request);
    like words($got->{out}), qr{ early data sent after.*answer: HTTP/1\.0 200 OK}, 'a server that takes none';
    my $post = write_file('post', "POST / HTTP/1.0\r\n\r\n");
    $got = iossl(@how, '--early-data', $post);
    like words($got->{out} . $got->{err}), qr/isn't a whole request that changes nothing/, 'what could do harm';
    $got = iossl(@how, '--early-data', $post, '--early-data-unsafe');
    like words($got->{out}), qr{early data sent after}, 'unless one insists';
    is iossl(@how, '--early-data-unsafe')->{status}, 2, 'on something';
};

subtest 'both sides log the same secrets, where they are asked to' => sub {
    my ($near, $far) = (scratch('near.keys'), scratch('far.keys'));
    my ($server, $port) = serve(@own, '--keylog', $far, '--count', 1);
    is iossl({ stdin => "x\n" }, 'connect', "127.0.0.1:$port", @client, '--keylog', $near)->{out},
        "x\n", 'a connection';
    $server->rest;
    like read_file($near), qr/^\w+ [0-9a-f]{64} [0-9a-f]+$/m, 'secrets';
    is_deeply [sort split /^/, read_file($far)], [sort split /^/, read_file($near)], "the same";
    chmod 0644, $near;
    my $refused = iossl('connect', "127.0.0.1:$port", '--keylog', $near);
    is $refused->{status}, 2, 'a file that others can read';
    like $refused->{err}, qr/--keylog\) \S+ can be read by others/, 'and why';
};

subtest 'a client that fails or stalls keeps nobody else' => sub {
    my ($server, $port) = serve(@own);
    my $stall = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $!;
    is iossl('connect', "127.0.0.1:$port", '--ca-file', cert('other-ca.pem'))->{status}, 1, 'refuses';
    is iossl({ stdin => "x\n" }, 'connect', "127.0.0.1:$port", @client)->{out}, "x\n", 'the next';
};

subtest 'what cannot be served' => sub {
    my ($server, $port) = serve(@own);
    for my $row (
        [['-l', "127.0.0.1:$port"],             qr/in use/],
        [['--cert', '/nonexistent'],            qr{/nonexistent}],
        [['--answer', '/nonexistent'],          qr{/nonexistent can't be read}],
        [['--require-client'],                  qr/without --client-ca/],
        [['--later-client-cert'],               qr/without --client-ca/],
        [['--early-data', '20000'],             qr/a number from 1 to 16384/],
        [['--count', '0'],                      qr/a number from 1/],
        [['operand'],                           qr/one argument too many/],
    ) {
        my ($args, $error) = @$row;
        my $run = iossl('serve', @$args);
        is $run->{status}, 2, "@$args";
        $run->{err} =~ s/\s+/ /g;
        like $run->{err}, $error, 'the reason';
    }
};

done_testing;
