# beyond.t - what docs/beyond.md has, on the command line: bindings, kernel TLS, properties, files that
# change while a server runs, certificates by name, ticket keys that servers share.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use ToolTest;

my @own   = ('--cert', cert('server.pem'), '--key', cert('server.key'));
my @trust = ('--name', 'server.test', '--ca-file', cert('ca.pem'));

sub agreed {
    my ($port, @args) = @_;
    my $run = iossl_json('connect', "127.0.0.1:$port", @trust, @args);
    is $run->{status}, 0, "connected: @args" or diag $run->{err};
    return $run->{json}{connection} || {};
}

sub copy { return write_file($_[1], read_file($_[0])) }

subtest 'channel bindings and exported keys are the same on both ends' => sub {
    for my $type (qw(tls-exporter tls-server-end-point tls-unique)) {
        my @version = $type eq 'tls-unique' ? ('--max-version', 'TLSv1_2') : ();
        my @proof = ('--channel-binding', $type, '--export-key', 'EXPORTER-test');
        my ($server, $port) = serve(@own, @version, @proof);
        my $ours = agreed($port, @proof);
        like $ours->{channel_binding}, qr/^[0-9a-f]{24,64}$/, "$type: ours";
        like $ours->{exported_key}, qr/^[0-9a-f]{64}$/, 'a key';
        is $server->line_with(qr/, (channel binding \w+, exported key \w+)/),
            "channel binding $ours->{channel_binding}, exported key $ours->{exported_key}",
            'the server has the same';
        my $next = agreed($port, @proof);
        ($type eq 'tls-server-end-point' ? \&is : \&isnt)->($next->{channel_binding},
            $ours->{channel_binding}, 'of the next connection');
        isnt $next->{exported_key}, $ours->{exported_key}, 'whose key is another one';
    }
    my ($server, $port) = serve(@own);
    my $none = agreed($port, '--channel-binding', 'tls-unique', '--export-key', 'x' x 250);
    like $none->{channel_binding_error}, qr/TLS 1\.3 has no such binding; use tls-exporter/, 'one that there isn\'t: why';
    like $none->{exported_key_error}, qr/label/, 'a label that is too long';
    like iossl('connect', "127.0.0.1:$port", @trust, '--channel-binding', 'tls-exporter')->{out},
        qr/^  binding +[0-9a-f]{64}$/m, 'as text';
};

subtest 'kernel TLS is told of, whether it is there or not' => sub {
    my ($server, $port) = serve(@own, '--ktls');
    my $info = agreed($port, '--ktls');
    my $has = $info->{ktls_send} || $info->{ktls_recv};
    ok exists $info->{$_}, "as JSON: $_" for qw(ktls_send ktls_recv);
    $server->line_with($has ? qr/kernel TLS: the kernel/ : qr/(kernel TLS: OpenSSL encrypts and decrypts)/)
        or fail 'the server tells, too';
    like iossl('connect', "127.0.0.1:$port", @trust, '--ktls')->{out},
        qr/^  kernel TLS +(?:the kernel|OpenSSL encrypts and decrypts, the kernel doesn't)/m, 'as text';
    unlike iossl('connect', "127.0.0.1:$port", @trust)->{out}, qr/kernel TLS/, 'if asked for';
};

subtest 'algorithms by their properties' => sub {
    plan skip_all => 'OpenSSL has no properties' if openssl('version') !~ /OpenSSL 3/;
    my ($server, $port) = serve(@own, '--propq', 'provider=default');
    agreed($port, '--propq', 'provider=default');
    for my $command (['connect', "127.0.0.1:$port", @trust], ['serve', '-l', '127.0.0.1:0']) {
        my $run = iossl(@$command, '--propq', 'provider=none-such');
        is $run->{status}, 2, "$command->[0]: properties that nothing has";
        (my $said = $run->{err}) =~ s/\s+/ /g;
        like $said, qr/SSL_propq \(--propq\) "provider=none-such": no provider/, 'is told';
    }
};

subtest 'new keys by volume' => sub {
    my ($server, $port) = serve(@own);
    my $run = iossl({ stdin => 'x' x 40_000 }, 'connect', "127.0.0.1:$port", @trust, '-i', '--trace',
        '--timeout', 5, '--key-update-bytes', 10_000);
    is length $run->{out}, 40_000, 'all came back';
    like $run->{err}, qr/\(OUT\), TLS handshake, KeyUpdate/, 'with keys renewed on the way';
};

subtest 'certificates by the name that a client asks for' => sub {
    write_file('one.test.pem', map { read_file(cert("server-chain.$_")) } qw(pem key));
    write_file('bad.test.pem', "nothing\n");
    (my $folder = scratch('one.test.pem')) =~ s{/one[^/]*$}{};
    my ($server, $port) = serve(@own, '--certs', $folder);
    my $sent = sub {
        my @args = @_;
        my $run = iossl_json('connect', "127.0.0.1:$port", @trust, @args);
        return scalar @{ $run->{json}{chain_sent} };
    };
    is $sent->('--sni', 'one.test'), 2, 'its own';
    is $sent->('--sni', 'two.test'), 1, 'no file: the default';
    is $sent->(), 1, 'no name: the default';
    copy(scratch('one.test.pem'), 'two.test.pem');
    is $sent->('--sni', 'two.test'), 2, 'a file that has come since';
    isnt iossl('connect', "127.0.0.1:$port", @trust, '--sni', 'bad.test')->{status}, 0,
        'a file that is none ends the handshake';
    like $server->errors, qr{/bad\.test\.pem}, 'and is told';
    is $sent->('--sni', 'one.test'), 2, 'the next goes on';
};

subtest 'a certificate that is replaced while the server runs' => sub {
    my ($cert, $key) = (copy(cert('server.pem'), 'live.pem'), copy(cert('server.key'), 'live.key'));
    my ($server, $port) = serve('--cert', $cert, '--key', $key, '--reload', 1);
    my $sent = sub { scalar @{ iossl_json('connect', "127.0.0.1:$port", @trust)->{json}{chain_sent} } };
    # Files are looked at once a second, so what is new is seen by then; the watchdog ends a wait in vain.
    my $until = sub { my $is_so = shift; select undef, undef, undef, 0.2 until $is_so->(); return 1 };
    is $sent->(), 1, 'the first';
    write_file('live.pem', "half a certif");
    ok $until->(sub { $sent->(); $server->errors =~ /not reloaded: .*live\.pem/s }),
        'a bad file is told of';
    is $sent->(), 1, 'and changes nothing';
    copy(cert('server-chain.key'), 'live.key');
    copy(cert('server-chain.pem'), 'live.pem');
    ok $until->(sub { $sent->() == 2 }), 'a good one is served from then on';
};

subtest 'servers that share ticket keys resume each other\'s sessions' => sub {
    my $file = scratch('ticket-keys');
    is iossl('ticket-keys', 'rotate', $file)->{status}, 0, 'a file of keys';
    my ($server, $port) = serve(@own, '--ticket-keys', $file);
    ok agreed($port, '--resume')->{resumed}, 'resumed, in another process than the first time';
    is iossl('ticket-keys', 'rotate', $file)->{status}, 0, 'a new key comes first';
    ok agreed($port, '--resume')->{resumed}, 'the server goes on';
    like iossl('serve', '--ticket-keys', scratch('none'))->{err}, qr{/none}, 'no such file';
};

done_testing;
