# The programs of c/examples, as a user would run them: what they print, and how they end.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use IPC::Open3 qw(open3);
use Symbol qw(gensym);
use Test::More;

use lib 't/lib';
use TLSTest '120';
use IO::Socket::SSL;

my $programs = 'c/' . ($ENV{IOSSL_SANITIZE} ? 'build-sanitize' : 'build') . '/examples';
plan skip_all => 'the C library is not built here: make -C c' if !-d $programs;

# The tests' own preload is for perl, which isn't instrumented; these programs are.
sub start {
    my ($name, @args) = @_;
    local %ENV = %ENV;
    delete $ENV{LD_PRELOAD};
    my $it = { err => gensym };
    $it->{pid} = open3($it->{in}, $it->{out}, $it->{err}, "$programs/$name", @args);
    return $it;
}

# All that it printed, what it complained of, and its status.
sub finish_program {
    my $it = shift;
    close $it->{in};
    my $out = do { local $/; readline $it->{out} };
    my $err = do { local $/; readline $it->{err} };
    waitpid $it->{pid}, 0;
    return ($out // '', $err // '', $? & 127 ? "signal $?" : $? >> 8);
}

sub run_program { return finish_program(start(@_)) }

sub port_of {
    my $it = shift;
    my $line = readline $it->{out};
    my ($port) = ($line // '') =~ /listening on port (\d+)/
        or die 'no port: ' . join ' ', finish_program($it);
    return $port;
}

my $CA = cert('ca.pem');

subtest 'every example is run here' => sub {
    my @sources = sort map { m{(\w+)\.c$} } glob 'c/examples/*.c';
    my $self    = do { open my $fh, '<', __FILE__ or die $!; local $/; <$fh> };
    is_deeply [grep { $self !~ /^\s*subtest ['"]$_: /m } @sources], [], 'each has a subtest';
    ok @sources >= 6, 'and they are there';
};

# --- https_get ------------------------------------------------------------------------------------

sub http_server {
    my ($body, %how) = @_;
    return test_server(%how, handler => sub {
        my $sock = shift;
        my $head = '';
        while (defined(my $line = $sock->getline)) {
            $head .= $line;
            last if $line eq "\r\n";
        }
        print $sock "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n$body";
        $how{cut} ? $sock->close(SSL_no_shutdown => 1) : $sock->close;
        return $head;
    });
}

subtest 'https_get: the whole page of a verified server' => sub {
    my $server = http_server("the page\n");
    my ($out, $err, $status) = run_program('https_get', 'localhost', $server->port, $CA);
    like $out, qr/\A HTTP.* the\ page \n \z/xs, 'is printed';
    is $err, '', 'without complaint';
    is $status, 0, 'status 0';
    like $server->outcome, qr/^Host: localhost\r$/m, 'the server was asked by its name';
};

subtest 'https_get: a page that was cut off is no page' => sub {
    my $server = http_server('half a pa', cut => 1);
    my ($out, $err, $status) = run_program('https_get', 'localhost', $server->port, $CA);
    like $err, qr/ended without a close_notify/, 'is told';
    is $status, 1, 'status 1';
};

subtest 'https_get: a server that no one vouches for' => sub {
    my $server = http_server("never\n");
    my ($out, $err, $status) =
        run_program('https_get', 'localhost', $server->port, cert('other-ca.pem'));
    is $out, '', 'nothing is printed';
    like $err, qr/certificate verify failed.*with "localhost" at 127\.0\.0\.1/s, 'and why';
    is $status, 1, 'status 1';
};

# --- echo_poll ------------------------------------------------------------------------------------

subtest 'echo_poll: many clients at once, in one thread' => sub {
    my $server = start('echo_poll', cert('server.pem'), cert('server.key'), '0', '127.0.0.1');
    my $port = port_of($server);
    my @idle = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) } 1 .. 3;
    my @clients = map {
        IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port, client_args())
            || die "client: $SSL_ERROR";
    } 1 .. 10;
    print { $clients[$_] } "line of $_\n" for 0 .. 9;
    is_deeply [map { scalar readline $_ } reverse @clients],
        [map { "line of $_\n" } reverse 0 .. 9],
        'each gets its own words back, while others never say anything';

    my $big = join '', map { chr($_ % 251) } 1 .. 300_000;
    my $pid = fork // die "fork: $!";
    if (!$pid) { print { $clients[0] } $big; POSIX::_exit(0) }
    my $back = '';
    while (length $back < length $big) {
        $clients[0]->sysread($back, 65_536, length $back) or last;
    }
    ok $back eq $big, 'also more than fits into a record or a socket';
    waitpid $pid, 0;

    $clients[1]->close;
    $clients[2]->blocking(1);
    shutdown $clients[2], 1;
    close $_ for @idle;
    print { $clients[3] } "still\n";
    is scalar readline $clients[3], "still\n", 'clients that go, in order or not, disturb no other';
    my ($out, $err, $status) = finish_program($server);
    is $status, 0, 'it ends with its input';
};

# --- starttls -------------------------------------------------------------------------------------

# A mail server; $injected follows its "go ahead" in the same packet.
sub mail_server {
    my ($injected, %says) = @_;
    return test_server(plain => 1, handler => sub {
        my $sock = shift;
        print $sock "220-mail.test\r\n220 ready\r\n";
        $sock->getline;
        print $sock "250-mail.test\r\n250 STARTTLS\r\n";
        $sock->getline;
        if ($says{refuses}) { print $sock "454 not now\r\n"; return 'refused' }
        syswrite $sock, "220 go ahead\r\n$injected";
        IO::Socket::SSL->start_SSL($sock, SSL_server => 1, server_args()) or return 'no TLS';
        my $line = $sock->getline;
        print $sock "250-hidden.test\r\n250 AUTH PLAIN\r\n";
        return $line . ($sock->getline // '');
    });
}

subtest 'starttls: TLS on a connection that began in the clear' => sub {
    my $server = mail_server('');
    my ($out, $err, $status) = run_program('starttls', 'localhost', $server->port, $CA);
    is $out, "250-hidden.test\r\n250 AUTH PLAIN\r\n", 'what it prints came through TLS';
    is $err, '', 'without complaint';
    is $status, 0, 'status 0';
    is $server->outcome, "EHLO localhost\r\nQUIT\r\n", 'the server was greeted anew';
};

subtest 'starttls: commands put in by someone on the way' => sub {
    my $server = mail_server("250 AUTH PLAIN\r\n");
    my ($out, $err, $status) = run_program('starttls', 'localhost', $server->port, $CA);
    is $out, '', 'are not believed';
    like $err, qr/16 bytes in the clear|wrong version number/, 'but told';
    is $status, 1, 'status 1';
    is $server->outcome, 'no TLS', 'nothing was said to that server';
};

subtest 'starttls: a server that will not' => sub {
    my $server = mail_server('', refuses => 1);
    my ($out, $err, $status) = run_program('starttls', 'localhost', $server->port, $CA);
    like $err, qr/doesn't offer STARTTLS/, 'ends it';
    is $status, 1, 'status 1: no mail in the clear';
};

# --- mutual_tls -----------------------------------------------------------------------------------

sub mutual {
    my ($client) = @_;
    my $server = start('mutual_tls', 'server', cert('server.pem'), cert('server.key'), $CA, '0',
        '127.0.0.1');
    my @said = run_program('mutual_tls', 'client', cert("$client.pem"), cert("$client.key"),
        $CA, port_of($server), 'localhost');
    return (\@said, [finish_program($server)]);
}

subtest 'mutual_tls: both ends know each other' => sub {
    my ($client, $server) = mutual('client');
    like $client->[0], qr{\Ahello .*CN=}, 'the server greets the client by its name';
    is "$client->[1]$server->[1]", '', 'without complaint';
    is_deeply [$client->[2], $server->[2]], [0, 0], 'both have status 0';
};

subtest 'mutual_tls: a client that another authority vouches for' => sub {
    my ($client, $server) = mutual('client-other');
    like $server->[1], qr/certificate verify failed/, 'is refused by the server';
    is $client->[0], '', 'and gets nothing';
    is_deeply [$client->[2], $server->[2]], [1, 1], 'both have status 1';
};

# --- resume ---------------------------------------------------------------------------------------

for my $version ('TLSv1_2', 'TLSv1_3') {
    subtest "resume: the second handshake is short ($version)" => sub {
        my $server = http_server("page\n", args => { SSL_version => $version });
        my ($out, $err, $status) = run_program('resume', 'localhost', $server->port, $CA, 3);
        is $out, "full\nresumed\nresumed\n", 'one full handshake, then none';
        is $err, '', 'without complaint';
        is $status, 0, 'status 0';
    };
}

# --- ocsp_check -----------------------------------------------------------------------------------

# An answer about a certificate by its issuer: "good" or "revoked"; undef where openssl can't.
sub ocsp_answer {
    my ($name, $verdict) = @_;
    my $dir = tempdir(CLEANUP => 1);
    my $serial = `openssl x509 -noout -serial -in @{[cert("$name.pem")]}` =~ /=(\w+)/ ? $1 : return;
    open my $index, '>', "$dir/index.txt" or die $!;
    print $index join("\t", $verdict eq 'good' ? 'V' : 'R', '21200101000000Z',
        $verdict eq 'good' ? '' : '250101000000Z', $serial, 'unknown', '/CN=x'), "\n";
    close $index;
    my @made = ('openssl', 'ocsp', '-index', "$dir/index.txt", '-CA', $CA, '-rsigner', $CA,
        '-rkey', cert('ca.key'), '-issuer', $CA, '-cert', cert("$name.pem"), '-ndays', 3,
        '-respout', "$dir/answer.der", '-noverify');
    my $pid = open3(my $in, my $out, undef, @made);
    close $in;
    my $said = do { local $/; <$out> };
    waitpid $pid, 0;
    return -s "$dir/answer.der" ? "$dir/answer.der" : do { diag $said; undef };
}

# The openssl program as a server, and its port.
sub stapling_server {
    my ($answer) = @_;
    my $it = { err => gensym };
    $it->{pid} = open3($it->{in}, $it->{out}, $it->{err}, 'openssl', 's_server', '-accept',
        '127.0.0.1:0', '-cert', cert('server.pem'), '-key', cert('server.key'), '-status_file',
        $answer);
    while (defined(my $line = readline $it->{out})) {
        return ($it, $1) if $line =~ /^ACCEPT .*:(\d+)/;
    }
    die 'openssl s_server: ' . join ' ', finish_program($it);
}

subtest 'ocsp_check: a stapled proof, a stapled revocation, and neither' => sub {
    plan skip_all => 'the openssl program is not here' if system('openssl version >/dev/null 2>&1');
    for my $case (
        ['good',    qr/^good: the server stapled a proof$/, 0, 'is good'],
        ['revoked', qr/^\z/,                                1, 'ends it'],
    ) {
        my ($verdict, $prints, $wanted, $what) = @$case;
        my $answer = ocsp_answer('server', $verdict) or return fail 'openssl made no answer';
        my ($server, $port) = stapling_server($answer);
        my ($out, $err, $status) = run_program('ocsp_check', 'localhost', $port, $CA);
        kill TERM => $server->{pid};
        finish_program($server);
        like $out, $prints, "$verdict: $what";
        $wanted ? like $err, qr/revoked/i, 'and says why' : is $err, '', 'without complaint';
        is $status, $wanted, "status $wanted";
    }
    my $server = test_server();
    my ($out, $err, $status) = run_program('ocsp_check', 'localhost', $server->port, $CA);
    like $out, qr/^unknown: /, 'a certificate that names no responder';
    is $status, 2, 'status 2';
};

done_testing;
