# OCSPTest - an authority with its OCSP responder: the openssl program, asked over HTTP on the loopback.
#
# Owns      a folder with certificates that name the responder, and the processes; all go with the object.
# Promises  every answer is made by "openssl ocsp" unless a test says what to send instead. Works for
#           both implementations.
# Leaves    to the tests: what is asked, and every judgement.
#
#   my $pki = OCSPTest->new;
#   $pki->file('server.pem'), $pki->file('server.key')
#
# ca        the root; RSA. Its responder is at /ca, that of inter at /inter
# inter     an authority below it; bad-inter is revoked, and so is, by ca, revoked
# server, revoked, unknown (ca has no record of it), must (RFC 7633: demands a staple), all of ca;
# no-uri    the same, but names no responder
# chain     of inter, bad-chain of bad-inter: NAME.pem holds leaf and authority
# delegate  of ca, may sign answers; no-delegate may not; other-ca is a root by itself
#
# All leaves are for server.test, localhost and 127.0.0.1.
package OCSPTest;

use 5.014;
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use PeerTest qw(have);

my $NAMES = 'subjectAltName=DNS:server.test,DNS:localhost,IP:127.0.0.1';
my $CA    = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature";
my %CERTS = (       # name => [issuer, extensions, state in the issuer's index: V, R, none]
    'ca'          => [undef,       $CA],
    'other-ca'    => [undef,       $CA],
    'inter'       => ['ca',        "$CA\nURI", 'V'],
    'bad-inter'   => ['ca',        "$CA\nURI", 'R'],
    'server'      => ['ca',        "$NAMES\nURI", 'V'],
    'revoked'     => ['ca',        "$NAMES\nURI", 'R'],
    'unknown'     => ['ca',        "$NAMES\nURI", ''],
    'must'        => ['ca',        "$NAMES\nURI\ntlsfeature=status_request", 'V'],
    'no-uri'      => ['ca',        $NAMES, 'V'],
    'chain'       => ['inter',     "$NAMES\nURI", 'V'],
    'bad-chain'   => ['bad-inter', "$NAMES\nURI", 'V'],
    'delegate'    => ['ca',        "keyUsage=digitalSignature\nextendedKeyUsage=OCSPSigning"],
    'no-delegate' => ['ca',        "keyUsage=digitalSignature\nextendedKeyUsage=serverAuth"],
);
my @ORDER = ('ca', 'other-ca', 'inter', 'bad-inter',
    grep { !/^(?:ca|other-ca|inter|bad-inter)$/ } sort keys %CERTS);

# undef where there is no openssl program.
sub new {
    my $class   = shift;
    my $openssl = have('openssl') or return;
    my $self = bless { owner => $$, dir => tempdir('iossl-ocsp-XXXXXX', TMPDIR => 1, CLEANUP => 1),
        openssl => $openssl, serial => 0x1000 }, $class;
    my $listener = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1', LocalPort => 0)
        or die "listen: $!\n";
    $self->{port} = $listener->sockport;
    $self->_certificate($_) for @ORDER;
    $self->answer;
    $self->{pid} = fork // die "fork: $!\n";
    if (!$self->{pid}) {
        alarm 290;
        $self->_serve($listener);
        POSIX::_exit(0);
    }
    return $self;
}

sub dir  { return $_[0]{dir} }
sub file { return "$_[0]{dir}/$_[1]" }
sub port { return $_[0]{port} }
sub uri  { return "http://127.0.0.1:$_[0]{port}/" . ($_[1] // 'ca') }

# SSL_cert_file and SSL_key_file of a name.
sub cert_args {
    my ($self, $name) = @_;
    return (SSL_cert_file => $self->file("$name.pem"), SSL_key_file => $self->file("$name.key"));
}

# What the responder does from now on: answers by "openssl ocsp" with these arguments more.
#
#   $pki->answer;                           good ones, for a day
#   $pki->answer(signer => 'delegate');     signed by this certificate
#   $pki->answer(args => ['-badsig']);
#   $pki->answer(through => $port);         hands on to another server
#   $pki->answer(body => $bytes)            this, or with http => 500 such a status;
#   $pki->answer(close => 1);               nothing at all
#   $pki->answer(retime => [$from, $to]);   seconds from now, instead of thisUpdate and nextUpdate
sub answer {
    my ($self, %how) = @_;
    my $file = $self->file('answer');
    _write("$file.new", join '', map { pack 'N/a* N/a*', $_, ref $how{$_} ? join "\0", @{ $how{$_} }
            : $how{$_} } sort keys %how);
    rename "$file.new", $file or die "$file: $!\n";
    return;
}

# The requests since last time: "METHOD PATH CONTENT-TYPE AGENT".
sub requests {
    my $self = shift;
    my $file = $self->file('requests');
    return if !-e $file;
    my @lines = split /\n/, _slurp($file);
    unlink $file;
    return @lines;
}

# An answer about a certificate, made without the responder; %how as for answer(); in a file where
# "file" names one.
sub response {
    my ($self, $name, %how) = @_;
    my $issuer = $CERTS{$name}[0];
    $self->_openssl('ocsp', '-issuer', $self->file("$issuer.pem"), '-cert', $self->file("$name.pem"),
        '-no_nonce', '-reqout', $self->file('response-request'));
    my $der = $self->_make(_slurp($self->file('response-request')), $issuer, %how);
    _write($how{file}, $der) if defined $how{file};
    return $der;
}

# Starts "openssl s_server" with a certificate, the arguments given added; returns (process, port).
sub start_server {
    my ($self, $name, @args) = @_;
    my @chain = $name =~ /chain$/ ? ('-cert_chain', $self->file("$name.pem")) : ();
    my $peer  = PeerTest->start($self->{openssl}, 's_server', '-accept', '127.0.0.1:0',
        '-cert', $self->file("$name.pem"), '-key', $self->file("$name.key"), @chain, @args);
    my $port = $peer->line_with(qr/^ACCEPT .*:(\d+)$/) or die 's_server: ' . $peer->errors;
    return ($peer, $port);
}

# A client that verifies server.test by this authority.
sub client {
    my ($self, $port, %args) = @_;
    return IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 20,
        SSL_ca_file => $self->file('ca.pem'), SSL_verifycn_name => 'server.test', %args);
}

# Starts "openssl ocsp" as a server for an authority, a real one; returns (process, port).
sub start_responder {
    my ($self, $authority, %how) = @_;
    my $peer = PeerTest->start($self->{openssl}, 'ocsp', '-port', 0, '-timeout', 20,
        $self->_responder_args($authority, %how));
    my $port = $peer->line_with(qr/^ACCEPT .*:(\d+)/) or die 'openssl ocsp: ' . $peer->errors;
    return ($peer, $port);
}

# --- certificates ---------------------------------------------------------------------------------

sub _certificate {
    my ($self, $name) = @_;
    my ($issuer, $extensions, $state) = @{ $CERTS{$name} };
    my ($key, $pem) = map { $self->file("$name.$_") } qw(key pem);
    my $uri = defined $issuer ? 'authorityInfoAccess=OCSP;URI:' . $self->uri($issuer) : '';
    $extensions =~ s/URI$/$uri/m;
    my $subject = $name =~ /inter|ca$|delegate/ ? "/O=IOSSL/CN=$name" : "/O=IOSSL/OU=$name/CN=server.test";
    my $serial  = sprintf '%04X', $self->{serial}++;
    _write($self->file('ext'), "$extensions\n");
    $self->_openssl('genpkey', '-algorithm', $name eq 'ca' ? ('RSA', '-pkeyopt', 'rsa_keygen_bits:2048')
        : ('EC', '-pkeyopt', 'ec_paramgen_curve:P-256'), '-out', $key);
    $self->_openssl('req', '-new', '-key', $key, '-subj', $subject, '-out', $self->file('csr'));
    $self->_openssl('x509', '-req', '-in', $self->file('csr'), '-set_serial', "0x$serial", '-days', 30,
        '-extfile', $self->file('ext'), '-out', $pem, defined $issuer
            ? ('-CA', $self->file($issuer =~ /inter/ ? "$issuer.ca" : "$issuer.pem"),
               '-CAkey', $self->file("$issuer.key")) : ('-signkey', $key));
    _write($self->file("$name.ca"), _slurp($pem)) if $name =~ /inter/;
    _append($self->file("$issuer.txt"), join("\t", $state, '491231235959Z',
        $state eq 'R' ? '240101000000Z,keyCompromise' : '', $serial, 'unknown', $subject) . "\n")
        if $state;
    _append($pem, _slurp($self->file("$issuer.pem"))) if $name =~ /chain$/;
    return;
}

# --- answers --------------------------------------------------------------------------------------

sub _responder_args {
    my ($self, $authority, %how) = @_;
    my $signer = $how{signer} // $authority;
    return ('-index', $self->file("$authority.txt"), '-CA', $self->file("$authority.pem"),
        '-rsigner', $self->file("$signer.pem"), '-rkey', $self->file("$signer.key"),
        '-ndays', 1, @{ $how{args} || [] });
}

sub _make {
    my ($self, $request, $authority, %how) = @_;
    my ($in, $out) = map { $self->file("$$.$_") } qw(request response);
    _write($in, $request);
    $self->_openssl('ocsp', '-reqin', $in, '-respout', $out,
        $self->_responder_args($authority, %how));
    my $der = _slurp($out);
    unlink $in, $out;
    return $how{retime} ? $self->_retime($der, $authority, @{ $how{retime} }) : $der;
}

# Other times in an answer signed with RSA, and the signature made anew: lengths don't change.
sub _retime {
    my ($self, $der, $authority, $from, $to) = @_;
    my @times = map { POSIX::strftime('%Y%m%d%H%M%SZ', gmtime(time + $_)) } $from, $to;
    my $seen = 0;
    # producedAt, thisUpdate, nextUpdate
    $der =~ s/(\x18\x0f)(\d{14}Z)/$1 . ($seen++ == 0 ? $2 : $times[$seen - 2] \/\/ $2)/ge;
    my $at = index $der, "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01";    # id-pkix-ocsp-basic
    $at >= 0 or die "not the answer that was expected\n";
    my ($basic)  = _element($der, $at + 11);                 # the octets hold...
    my ($start)  = _element($der, $basic);                   # a sequence, whose first element...
    my ($content, $end) = _element($der, $start);            # is what is signed
    _write($self->file('signed'), substr $der, $start, $end - $start);
    $self->_openssl('dgst', '-sha256', '-sign', $self->file("$authority.key"),
        '-out', $self->file('signature'), $self->file('signed'));
    my (undef, $after) = _element($der, $end);               # the algorithm; then the signature
    my ($bits) = _element($der, $after);
    substr($der, $bits + 1, 256) = _slurp($self->file('signature'));
    return $der;
}

# Where the content of a DER element begins, and where it ends.
sub _element {
    my ($der, $at) = @_;
    my $length = ord substr $der, $at + 1, 1;
    return ($at + 2, $at + 2 + $length) if $length < 128;
    my $n = $length & 127;
    $length = 0;
    $length = $length << 8 | ord substr $der, $at + 1 + $_, 1 for 1 .. $n;
    return ($at + 2 + $n, $at + 2 + $n + $length);
}

# --- the server -----------------------------------------------------------------------------------

sub _serve {
    my ($self, $listener) = @_;
    while (1) {
        my $sock = $listener->accept or next;
        eval { $self->_serve_one($sock); 1 } or warn "# responder: $@";
        close $sock;
    }
}

sub _serve_one {
    my ($self, $sock) = @_;
    my $line = <$sock> // return;
    my ($method, $path) = $line =~ m{^(\w+) (?:http://[^/ ]+)?/(\S*) HTTP/} or return;
    my ($head, $body) = ($line, '');
    while (defined($line = <$sock>)) {
        $head .= $line;
        last if $line =~ /^\r?\n/;
    }
    my ($length) = $head =~ /^Content-Length: *(\d+)/mi;
    my ($type)   = $head =~ /^Content-Type: *(\S+)/mi;
    read $sock, $body, $length if $length;
    my ($agent)  = $head =~ /^User-Agent: *(\S+)/mi;
    _append($self->file('requests'),
        join(' ', $method, "/$path", $type // 'none', $agent // 'nobody') . "\n");

    my %how = unpack '(N/a*)*', _slurp($self->file('answer'));
    $how{$_} = [split /\0/, $how{$_}] for grep { exists $how{$_} } qw(args retime);
    return if $how{close};
    return print $sock _exchange($how{through}, $head . $body) if $how{through};
    my $answer = $how{body} // $self->_make($body, $path, %how);
    print $sock 'HTTP/1.0 ', $how{http} // 200, " x\r\nContent-Type: application/ocsp-response\r\n",
        'Content-Length: ', length $answer, "\r\n\r\n", $answer;
    return;
}

sub _exchange {
    my ($port, $request) = @_;
    my $to = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "connect: $!\n";
    print $to $request;
    local $/ = undef;
    return scalar <$to>;
}

# --- tools ----------------------------------------------------------------------------------------

sub _openssl {
    my ($self, @args) = @_;
    my $said = $self->file("$$.said");
    my $pid  = fork // die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>', $said or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
        no warnings 'exec';
        exec $self->{openssl}, @args;
        POSIX::_exit(127);
    }
    waitpid $pid, 0;
    $? == 0 or die "openssl @args: " . _slurp($said);
    return;
}

sub _write  { my ($file, $bytes) = @_; return _put('>:raw', $file, $bytes) }
sub _append { my ($file, $bytes) = @_; return _put('>>:raw', $file, $bytes) }

sub _put {
    my ($how, $file, $bytes) = @_;
    open my $fh, $how, $file or die "$file: $!\n";
    print $fh $bytes;
    return close $fh || die "$file: $!\n";
}

sub _slurp {
    my $file = shift;
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/ = undef;
    return scalar(<$fh>) // '';
}

sub DESTROY {
    my $self = shift;
    return if $self->{owner} != $$ || !$self->{pid};
    local ($?, $!);
    kill KILL => $self->{pid};
    waitpid $self->{pid}, 0;
    return;
}

1;
