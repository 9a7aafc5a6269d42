# uri.t - certificates and keys named by a URI: file: always, pkcs11: where a token can be had.
use strict;
use warnings;
use File::Copy qw(copy);
use File::Temp ();
use Cwd ();
use Test::More;
use lib 't/lib';
use TLSTest '120';
use IO::Socket::SSL;

my $dir  = File::Temp->newdir;
my $HERE = Cwd::getcwd();
sub absolute { return Cwd::abs_path(cert($_[0])) }

# A file of the test's own, made by openssl.
sub made {
    my ($name, @command) = @_;
    system('openssl', @command, '-out', "$dir/$name") == 0 or die "openssl @command";
    return "$dir/$name";
}

# The name of the certificate that a server with these arguments shows, verified; or why there is none.
sub shown {
    my (%args) = @_;
    my $context = ref $args{context} ? $args{context} : IO::Socket::SSL::SSL_Context->new(SSL_server => 1, %args)
        or return "$SSL_ERROR";
    my $result = handshake(over => 'unix', server => { raw => 1, SSL_reuse_ctx => $context },
        client => {});
    return "no handshake: $result->{client_error}" if !$result->{client_ok};
    my $name = $result->{client}->peer_certificate('cn');
    $_->close for @$result{qw(client server)};
    return $name;
}

sub file { return 'file:' . absolute($_[0]) }

my $NAME = shown(SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'));

subtest 'file: in every form of it, and every format' => sub {
    is shown(SSL_cert_file => file('server.pem'), SSL_key_file => file('server.key')), $NAME, 'two URIs';
    is shown(SSL_cert_file => 'file://' . absolute('server.pem'), SSL_key_file => cert('server.key')),
        $NAME, 'with an empty host; beside a file';
    is shown(SSL_cert_file => { '' => 'file://localhost' . absolute('server.pem') },
        SSL_key_file => { '' => file('server.key') }), $NAME, 'with a host of its own; by server name';
    my $p12 = made('id.p12', 'pkcs12', '-export', '-inkey', cert('server-chain.key'), '-in',
        cert('server-chain.pem'), '-passout', 'pass:secret');
    my $asked = 0;
    is shown(SSL_cert_file => "file:$p12", SSL_passwd_cb => sub { $asked++; 'secret' }), $NAME,
        'PKCS#12: certificate, chain and key';
    is $asked, 1, 'the password was asked for once';
    my $der = made('key.der', 'pkcs8', '-topk8', '-outform', 'DER', '-in', cert('server.key'), '-passout',
        'pass:secret');
    is shown(SSL_cert_file => file('server.pem'), SSL_key_file => "file:$der",
        SSL_passwd_cb => sub { 'secret' }), $NAME, 'an encrypted key';
    copy(cert('server.pem'), "$dir/odd:name") or die $!;
    my $key = absolute('server.key');
    chdir $dir or die $!;
    my $odd = IO::Socket::SSL::SSL_Context->new(SSL_server => 1, SSL_cert_file => 'odd:name', SSL_key_file => $key);
    ok $odd, 'a file that is named like a URI is a file' or diag $SSL_ERROR;
    chdir $HERE or die $!;
};

subtest 'what is wrong is told with the URI' => sub {
    for my $row (
        ['file:/nonexistent/cert', undef, qr{^SSL_cert_file file:/nonexistent/cert can't be used: No such file}],
        ['strange:cert', undef, qr/^SSL_cert_file strange:cert can't be used: OpenSSL has no store for "strange:"/],
        [file('server.key'), undef, qr/^Failed to load certificate from URI file:\S+: it holds a private key, no cert/],
        [file('server.pem'), file('ca.pem'), qr/^Failed to load key from URI file:\S+: it holds a cert|no private key/],
        [file('server.pem'), file('other-name.key'), qr/^Failed to use Private Key from file:\S+: it is not the key/],
        [file('empty.pem'), undef, qr/^Failed to load certificate from URI file:\S+: no certificate is there/],
    ) {
        my ($cert, $key, $error) = @$row;
        my $got = eval { shown(SSL_cert_file => $cert, $key ? (SSL_key_file => $key) : ()) } // "$@";
        like $got, $error, $error;
    }
    my $der = made('locked.pem', 'pkcs8', '-topk8', '-in', cert('server.key'), '-passout', 'pass:secret');
    my @locked = (SSL_cert_file => file('server.pem'), SSL_key_file => "file:$der");
    like shown(@locked), qr/needs a password or PIN, and there is no callback to ask \(SSL_passwd_cb\)/, 'no callback';
    like shown(@locked, SSL_passwd_cb => sub { 'wrong' }), qr/the password or PIN is wrong/, 'a wrong password';
    is shown(SSL_cert_file => file('server.pem'), SSL_key_file => file('server.key')), $NAME, 'the next is fine';
    ok(IO::Socket::SSL->can_uri('file:'), 'can_uri: files');
    ok(!IO::Socket::SSL->can_uri($_), "not $_") for 'strange:', '/a/path', '';
};

subtest 'read again' => sub {
    my ($cert, $key) = ("$dir/cert.pem", "$dir/key.pem");
    my $install = sub { my $n = shift; copy(cert("$n.pem"), $cert) && copy(cert("$n.key"), $key) or die $! };
    $install->('server');
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_server => 1, SSL_cert_file => "file:$cert",
        SSL_key_file => "file:$key") or die $SSL_ERROR;
    is shown(context => $context), $NAME, 'the first';
    $install->('other-name');
    ok $context->reload, 'reload';
    like shown(context => $context), qr/^no handshake: .*(?:hostname|name)/s, 'the other one';
    $install->('server');
    ok $context->reload, 'and back';
    is shown(context => $context), $NAME, 'the first';
};

subtest 'a token (SoftHSM)' => sub {
    my ($module) = grep { -e } map { "$_/softhsm/libsofthsm2.so" } '/usr/lib', glob('/usr/lib/*-linux-gnu'),
        '/usr/local/lib';
    plan skip_all => 'no SoftHSM here' if !$module || system('softhsm2-util --version >/dev/null 2>&1') != 0;
    plan skip_all => 'OpenSSL has neither a store nor an engine for pkcs11: here'
        if !IO::Socket::SSL->can_uri('pkcs11:');
    mkdir "$dir/tokens" or die $!;
    open my $conf, '>', "$dir/softhsm2.conf" or die $!;
    print $conf "directories.tokendir = $dir/tokens\nlog.level = ERROR\n";
    close $conf or die $!;
    local $ENV{SOFTHSM2_CONF}      = "$dir/softhsm2.conf";
    local $ENV{PKCS11_MODULE_PATH} = $module;
    made("$_.k8", 'pkcs8', '-topk8', '-nocrypt', '-in', cert("$_.key")) for 'server', 'client';
    for my $command ('--init-token --free --label iossl --pin 1234 --so-pin 5678',
        "--import $dir/server.k8 --token iossl --label server --id 01 --pin 1234",
        "--import $dir/client.k8 --token iossl --label client --id 02 --pin 1234") {
        system("softhsm2-util $command >$dir/log 2>&1") == 0 or die `cat $dir/log`;
    }
    my $uri  = 'pkcs11:token=iossl;object=server;type=private';
    my @cert = (SSL_cert_file => cert('server.pem'));
    # Who is logged in once stays so in this process: wrong PINs first.
    my $wrong = shown(@cert, SSL_key_file => "$uri?pin-value=98765");
    like $wrong, qr/^Failed to load key from URI pkcs11:token=iossl;object=server;\S+pin-value=\*{5}: /, 'a wrong one';
    unlike $wrong, qr/98765/, "isn't told";
    like shown(@cert, SSL_key_file => $uri, SSL_passwd_cb => sub { '9' }), qr/the password or PIN is wrong/,
        'from the callback';
    is shown(@cert, SSL_key_file => $uri, SSL_passwd_cb => sub { '1234' }), $NAME,
        'its key signs a handshake; the callback knows the PIN';
    is shown(@cert, SSL_key_file => "$uri?pin-value=1234"), $NAME, 'so does the URI';
    like shown(@cert, SSL_key_file => 'pkcs11:token=iossl;object=none', SSL_passwd_cb => sub { '1234' }),
        qr/from URI pkcs11:token=iossl;object=none: no private key is there/, 'a key that is not there';
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_server => 1, @cert, SSL_key_file => "$uri?pin-value=1234")
        or die $SSL_ERROR;
    ok $context->reload, 'reload' or diag $SSL_ERROR;
    is shown(context => $context), $NAME, 'with the token';
    my ($client, $server) = pair(over => 'unix', server => { SSL_verify_mode => SSL_VERIFY_PEER, SSL_ca_file => cert('ca.pem') },
        client => { SSL_cert_file => cert('client.pem'), SSL_key_file => 'pkcs11:token=iossl;object=client?pin-value=1234' });
    ok $server->peer_certificate('cn'), 'a client signs with one, too';
    $_->close for $client, $server;
    is shown(@cert, SSL_key_file => "org.openssl.engine:pkcs11:$uri?pin-value=1234"), $NAME,
        'by the name that OpenSSL\'s own commands have for it' if IO::Socket::SSL->can_uri('org.openssl.engine:pkcs11:');

    made('cert.der', 'x509', '-in', cert('server.pem'), '-outform', 'DER');
    SKIP: {
        skip 'no pkcs11-tool here', 1 if system("pkcs11-tool --module $module --token-label iossl --login --pin 1234"
            . " --write-object $dir/cert.der --type cert --label server --id 01 >$dir/log 2>&1") != 0;
        is shown(SSL_cert_file => 'pkcs11:token=iossl;object=server', SSL_passwd_cb => sub { '1234' }), $NAME,
            'certificate and key by one URI';
    }
};

done_testing;
