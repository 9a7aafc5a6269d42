# TLSTest - what TLS tests share: certificates, servers, connected pairs, the implementation's name.
#
# Owns      the processes and sockets that it makes; they go when their object goes, and only in
#           the process that made them.
# Promises  works with our IO::Socket::SSL and with the incumbent alike; core modules only; a test
#           that uses it can't hang (watchdog) and can't be killed by SIGPIPE (ignored; a test about
#           that signal sets its own handler).
# Leaves    to the tests: importing IO::Socket::SSL, and every judgement.
#
#   use lib 't/lib';
#   use TLSTest;                # watchdog of 60 seconds; "use TLSTest '120'" for another number
#   use IO::Socket::SSL;
#
# Which IO::Socket::SSL is tested is decided by @INC. With IOSSL_EXPECT=FOLDER in the environment
# the test dies unless it was loaded from below that folder; tools/differential sets it.
package TLSTest;

use 5.014;
use strict;
use warnings;

use Cwd qw(abs_path);
use Errno qw(EINTR);
use Exporter ();
use File::Basename qw(dirname);
use IO::Handle;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_LINGER);
use Test::More;

our @ISA    = qw(Exporter);
our @EXPORT = qw(
    cert cert_text implementation incumbent_version since differs watchdog
    test_server client client_args server_args plain_pair pair handshake
    settle finish can_ipv6_here ready reset_on_close in_child perl_output
    older_openssl
);

my $LIB   = dirname(abs_path(__FILE__));
my $CERTS = abs_path("$LIB/../certs");
my $DOCS  = "$LIB/../../docs/differences.md";

# Before OpenSSL is first used, by us or by its tool.
BEGIN { $ENV{OPENSSL_CONF} //= dirname(abs_path(__FILE__)) . '/openssl.cnf' }

sub import {
    my ($class, @names) = @_;
    my $seconds = @names && $names[0] =~ /^\d+$/ ? shift @names : 60;
    watchdog($seconds);
    $SIG{PIPE} = 'IGNORE';              ## no critic: for the whole test, on purpose
    check_loaded();
    return $class->export_to_level(1, $class, @names);
}

# No handler: the signal's own effect ends the process even where perl would never get to run one.
# Seconds are those of an idle machine; with sanitizers, or beside other work, all takes longer.
my $PATIENCE = $ENV{IOSSL_SANITIZE} ? 8 : 3;
sub watchdog { my $seconds = shift; return alarm $seconds * $PATIENCE }

# --- which implementation -------------------------------------------------------------------------

sub check_loaded {
    require IO::Socket::SSL;
    my $from = abs_path($INC{'IO/Socket/SSL.pm'});
    if (defined(my $expected = $ENV{IOSSL_EXPECT})) {
        my $prefix = abs_path($expected) // $expected;
        index($from, "$prefix/") == 0
            or die "IO::Socket::SSL came from $from, expected below $prefix\n";
    }
    my $version = IO::Socket::SSL->VERSION;
    note "implementation: ", implementation(), " $version, $from";
    return;
}

# 'ours' or 'incumbent'.
sub implementation { return IO::Socket::SSL->can('implementation') ? 'ours' : 'incumbent' }

# The incumbent's version; undef if ours is tested.
sub incumbent_version {
    return implementation() eq 'ours' ? undef : IO::Socket::SSL->VERSION;
}

# True where behaviour that the incumbent has since this version is to be expected: in such
# incumbents, and in ours, which follows the newest.
sub since {
    my $version = shift;
    return implementation() eq 'ours' || incumbent_version() >= $version;
}

# True with OpenSSL 1.1.1, which knows and says less than those that followed.
sub older_openssl {
    my ($number) = implementation() eq 'ours' ? IO::Socket::SSL->implementation =~ /OpenSSL (\d+)/
        : Net::SSLeay::SSLeay_version(0) =~ /OpenSSL (\d+)/;
    return $number < 3;
}

# A deliberate difference: both sides are tested, each on its implementation, in a subtest.
#
#   differs('life-close-after-reset', 'close gives back the descriptor after a reset',
#       sub { ok $sock->close, 'ours: closed' },
#       sub { ok !$sock->close, 'incumbent: refused' });
#
# docs/differences.md has to describe it under that id, or the test fails.
sub differs {
    my ($id, $sentence, $ours, $incumbent) = @_;
    ref $ours eq 'CODE' && ref $incumbent eq 'CODE' or die "differs '$id': takes two subs\n";
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return subtest "$sentence ($id)" => sub {
        ok documented($id), "docs/differences.md tells of `$id`";
        (implementation() eq 'ours' ? $ours : $incumbent)->();
    };
}

sub documented {
    my $id = shift;
    open my $fh, '<', $DOCS or return 0;
    return scalar grep { index($_, "`$id`") >= 0 } <$fh>;
}

# --- certificates ---------------------------------------------------------------------------------

# The path of a file of t/certs; tools/make-test-pki tells what each is.
sub cert {
    my $file = shift;
    my $path = "$CERTS/$file";
    -e $path or die "no $path; see tools/make-test-pki\n";
    return $path;
}

sub cert_text {
    my $path = cert(shift);
    open my $fh, '<:raw', $path or die "$path: $!\n";
    local $/ = undef;
    return scalar <$fh>;
}

# Arguments that make a verified connection; what is given replaces or adds. A name is verified
# because SSL_verifycn_name says which, wherever the socket leads.
sub client_args {
    my %given = @_;
    return (SSL_ca_file => cert('ca.pem'), SSL_verifycn_name => 'server.test', %given);
}

# A certificate, key or context that is given takes the place of server.pem and its key.
sub server_args {
    my %given = @_;
    return (%given, SSL_server => 1) if grep { /^SSL_(?:cert|key(?!log)|reuse_ctx)/ } keys %given;
    return (SSL_server => 1, SSL_cert_file => cert('server.pem'),
        SSL_key_file => cert('server.key'), %given);
}

# --- plain sockets --------------------------------------------------------------------------------

# Two connected plain sockets: 'tcp' (default: what most programs have), 'tcp6' or 'unix'.
sub plain_pair {
    my $kind = shift // 'tcp';
    if ($kind eq 'unix') {
        my @pair = IO::Socket::UNIX->socketpair(AF_UNIX, SOCK_STREAM, PF_UNSPEC)
            or die "socketpair: $!\n";
        return @pair;
    }
    my $listener = plain_listener($kind eq 'tcp6' ? '::1' : '127.0.0.1');
    my $class    = ref $listener;
    my $client   = $class->new(PeerAddr => $listener->sockhost, PeerPort => $listener->sockport)
        or die "connect: $!\n";
    my $server = $listener->accept or die "accept: $!\n";
    # Many small messages, each to be seen at once.
    setsockopt $_, IPPROTO_TCP, TCP_NODELAY, 1 for $client, $server;
    return ($client, $server);
}

sub plain_listener {
    my $addr  = shift;
    my $class = 'IO::Socket::INET';
    if ($addr =~ /:/) {
        require IO::Socket::IP;
        $class = 'IO::Socket::IP';
    }
    return $class->new(Listen => 10, LocalAddr => $addr, LocalPort => 0, Proto => 'tcp',
        ReuseAddr => 1) || die "listen on $addr: $@ $!\n";
}

sub can_ipv6_here { return scalar eval { plain_listener('::1') } }

# Waits until the socket can be read ('r') or written ('w'); false if it can't within the time.
sub ready {
    my ($sock, $way, $seconds) = @_;
    my $fd = ref $sock || ref \$sock eq 'GLOB' ? fileno $sock : $sock;
    return 0 if !defined $fd;
    my $end = time() + ($seconds // 10);
    while (1) {
        my $bits = '';
        vec($bits, $fd, 1) = 1;
        my @sets = $way eq 'w' ? (undef, $bits, undef) : ($bits, undef, undef);
        my $n = select $sets[0], $sets[1], $sets[2], $seconds // 10;
        return $n > 0 if $n >= 0 || $! != EINTR || time() >= $end;
    }
}

# From now on, closing this TCP socket sends a reset instead of an orderly end.
sub reset_on_close {
    my $sock = shift;
    return setsockopt $sock, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
}

# --- connected pairs ------------------------------------------------------------------------------

# A client and a server in this process, handshake done, both blocking:
#
#   my ($client, $server) = pair(client => { ... }, server => { ... }, over => 'unix');
#
# client, server  SSL_ arguments beside client_args and server_args; "raw" => 1 in one of them
#                 leaves these away
# over            'tcp' (default), 'tcp6' or 'unix', or an array of two connected sockets
# class           of both objects; client_class, server_class of one
# blocking        0 to get them non-blocking
#
# Dies if the handshake fails; a test that expects failure uses handshake().
sub pair {
    my %how = @_;
    my $result = handshake(%how);
    $result->{client_ok} && $result->{server_ok}
        or die "pair: client: $result->{client_error}; server: $result->{server_error}\n";
    return @$result{qw(client server)};
}

# The same; returns { client, server, client_ok, server_ok, client_error, server_error }. The errors
# are $SSL_ERROR at the moment of failure, or what a callback died with; '' where all went well.
# The sockets of a failed handshake are still there, plain (see start_SSL).
sub handshake {
    my %how = @_;
    my ($client, $server) = ref $how{over} ? @{ $how{over} } : plain_pair($how{over});
    my $result = { client => $client, server => $server, client_error => '', server_error => '' };
    my %todo;
    for my $side (qw(client server)) {
        my %args  = %{ $how{$side} || {} };
        my $class = $how{"${side}_class"} || $how{class} || 'IO::Socket::SSL';
        if (!delete $args{raw}) {
            %args = $side eq 'client' ? client_args(%args) : server_args(%args);
        }
        my $sock = $result->{$side};
        $sock->blocking(0);
        my $ok = eval { $class->start_SSL($sock, %args, SSL_startHandshake => 0) };
        if ($ok) { $todo{$side} = 1 }
        else     { note_failure($result, $side, $@) }
    }
    while (%todo) {
        my $moved = 0;
        for my $side (sort keys %todo) {
            my $step = handshake_step($result, $side);
            next if !$step;
            $moved = 1;
            delete $todo{$side} if $step ne 'again';
        }
        next if $moved || !%todo;
        wait_for_any(map { $result->{$_} } keys %todo)
            or do { note_failure($result, $_, 'no progress') for keys %todo; last };
    }
    if ($how{blocking} // 1) {
        $_->blocking(1) for grep { defined fileno $_ } @$result{qw(client server)};
    }
    return $result;
}

# Exchanges a byte each way, so that the client has read the session tickets that TLS 1.3 servers
# send after the handshake. A socket closed with unread data makes the kernel send a reset; after
# this, what the peer sees of a close is what TLS said. Returns its arguments.
sub settle {
    my ($client, $server) = @_;
    for my $way ([$server, $client], [$client, $server]) {
        my ($from, $to) = @$way;
        syswrite $from, '.';
        ready($to, 'r');
        my $got = '';
        until (sysread $to, $got, 1) {
            wants($IO::Socket::SSL::SSL_ERROR) && ready($to, 'r')
                or die "settle: $! $IO::Socket::SSL::SSL_ERROR\n";
        }
    }
    return ($client, $server);
}

# Repeats a non-blocking operation (a sub) on a socket, waiting as $SSL_ERROR asks, until it returns
# something true or fails for another reason; returns what it returned last.
sub finish {
    my ($sock, $code) = @_;
    for (1 .. 1000) {
        my $result = $code->();
        return $result if $result;
        my $error = $IO::Socket::SSL::SSL_ERROR;
        return $result if !wants($error);
        ready($sock, $error == IO::Socket::SSL::SSL_WANT_WRITE() ? 'w' : 'r') or return $result;
    }
    die "finish: no end of it\n";
}

# One attempt. 'done' if that side needs no more, '' if it waits for the other.
sub handshake_step {
    my ($result, $side) = @_;
    my $sock = $result->{$side};
    my $done = eval { $side eq 'client' ? $sock->connect_SSL : $sock->accept_SSL };
    my $died = $@;
    if ($done) {
        $result->{"${side}_ok"} = 1;
        return 'done';
    }
    my $error = $IO::Socket::SSL::SSL_ERROR;
    if (!length $died || $died eq ($error // '')) {
        return '' if wants($error);
        $died = '';
    }
    note_failure($result, $side, $died);
    return 'done';
}

sub wants {
    my $error = shift;
    no warnings 'numeric';
    return defined $error && length $error
        && ($error == IO::Socket::SSL::SSL_WANT_READ()
            || $error == IO::Socket::SSL::SSL_WANT_WRITE());
}

# Records why a side failed, and lets the other see the end of the stream.
sub note_failure {
    my ($result, $side, $died) = @_;
    my $error = length $died ? $died : $IO::Socket::SSL::SSL_ERROR;
    $result->{"${side}_error"} =
        defined $error && length $error ? "$error" : 'failed without reason';
    $result->{"${side}_ok"}    = 0;
    CORE::shutdown($result->{$side}, 1) if defined fileno $result->{$side};
    return;
}

sub wait_for_any {
    my $bits = '';
    for my $sock (@_) {
        my $fd = fileno $sock;
        vec($bits, $fd, 1) = 1 if defined $fd;
    }
    return select($bits, undef, undef, 10) > 0;
}

# --- processes ------------------------------------------------------------------------------------

# A server in a process of its own, on an ephemeral port of the loopback. It serves one connection
# after the other: the next is accepted when the handler has returned.
#
#   my $server = test_server(handler => sub { my $sock = shift; print $sock "hi\n"; 'said' });
#   my $sock   = client($server);
#   is $server->outcome, 'said';
#
# handler  gets each accepted connection; what it returns is the outcome; default: echoes lines
# args     { arguments of the listening IO::Socket::SSL }; server_args are added
# plain    1 for a server without TLS
# addr     default 127.0.0.1
# seconds  its own watchdog, default 60
#
# Methods: port, addr (HOST:PORT), host, pid, outcome (of the next connection, in order: what the
# handler returned, "accept failed: $SSL_ERROR", or "died: $@"), stop.
sub test_server {
    my %how = @_;
    return TLSTest::Server->new(%how);
}

# A verified client of a test_server; undef if it failed, as with IO::Socket::SSL->new.
sub client {
    my ($server, %args) = @_;
    my $class = delete $args{class} || 'IO::Socket::SSL';
    return $class->new(PeerAddr => $server->host, PeerPort => $server->port, client_args(%args));
}

# Runs code in a child process; returns what it returned (a string) and the child's wait status.
# Nothing of the parent's is destroyed there.
sub in_child {
    my $code = shift;
    pipe my $r, my $w or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        watchdog(50);
        close $r;
        my $text = eval { $code->() } // "died: $@";
        syswrite $w, $text;
        POSIX::_exit(0);
    }
    close $w;
    my $text = do { local $/ = undef; <$r> };
    waitpid $pid, 0;
    return wantarray ? ($text, $?) : $text;
}

# What a new perl with our @INC prints when it runs this code; standard error included.
sub perl_output {
    my ($code, @args) = @_;
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
        my @inc = map { "-I$_" } grep { !ref } @INC;
        no warnings 'exec';
        exec $^X, @inc, '-e', $code, @args;
        POSIX::_exit(127);
    }
    local $/ = undef;
    my $text = <$out>;
    close $out;
    return $text // '';
}

# --------------------------------------------------------------------------------------------------
package TLSTest::Server;

sub new {
    my ($class, %how) = @_;
    my $addr     = $how{addr} // '127.0.0.1';
    my $listener = $how{plain} ? TLSTest::plain_listener($addr) : IO::Socket::SSL->new(
        Listen => 10, LocalAddr => $addr, LocalPort => 0, ReuseAddr => 1,
        TLSTest::server_args(%{ $how{args} || {} }),
    ) || die "test_server: $IO::Socket::SSL::SSL_ERROR $!\n";
    pipe my $r, my $w or die "pipe: $!\n";
    $w->autoflush(1);
    my $self = bless {
        owner => $$, host => $listener->sockhost, port => $listener->sockport, outcomes => $r,
    }, $class;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        close $r;
        TLSTest::watchdog($how{seconds} // 60);
        serve($listener, $w, $how{handler} || \&echo);
        POSIX::_exit(0);
    }
    close $w;
    close $listener;
    $self->{pid} = $pid;
    return $self;
}

sub serve {
    my ($listener, $report, $handler) = @_;
    while (1) {
        my $sock = $listener->accept;
        my $outcome = $sock
            ? eval { $handler->($sock) // 'undef' } // "died: $@"
            : 'accept failed: ' . ($IO::Socket::SSL::SSL_ERROR // '');
        undef $sock;                    # closed before the test learns that it is over
        print $report pack 'N/a*', $outcome;
    }
}

sub echo {
    my $sock = shift;
    my $count = 0;
    while (defined(my $line = $sock->getline)) {
        print $sock $line or last;
        $count++;
    }
    return "echoed $count lines";
}

sub pid  { return $_[0]{pid} }
sub host { return $_[0]{host} }
sub port { return $_[0]{port} }

sub addr {
    my $self = shift;
    return ($self->{host} =~ /:/ ? "[$self->{host}]" : $self->{host}) . ":$self->{port}";
}

sub outcome {
    my $self = shift;
    my $fh   = $self->{outcomes};
    read($fh, my $head, 4) or return 'server gone';
    my $length = unpack 'N', $head;
    read $fh, my $text, $length if $length;
    return $length ? $text : '';
}

sub stop {
    my $self = shift;
    my $pid = delete $self->{pid} or return;
    local ($?, $!);                     # this may run at the very end of a test
    kill KILL => $pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY {
    my $self = shift;
    $self->stop if $self->{owner} == $$;
    return;
}

1;
