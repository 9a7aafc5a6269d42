# pod_examples.t - every example of the manuals is run as it stands, so that none can rot.
#
# How an example is marked, by a paragraph right before it:
#
#   =for test KIND prints REGEX      runs it; standard output has to match (with /m)
#   =for test KIND with MODULE prints REGEX      where that module is installed
#   =for text                        no Perl: a table, a list of arguments
#
# Each verbatim block has one or the other. KIND is what the example finds when it begins:
#
#   script     nothing; it connects for itself
#   untrusted  the same, but the CA of t/certs isn't trusted
#   connected  $socket, a verified connection to a server that echoes lines
#   plain      $socket, a plain connection to a server that begins TLS at once
#   server     nothing; it accepts: at each accept a client connects, says "hello" and waits for an
#              answer; the third accept ends the example
#
# What stands for what in an example
#
#   www.example.com:443   a TLS server with server.pem of t/certs: echoes lines, answers HEAD
#   www.example.com       server.test, the name in that certificate
#   mail.example.com:25   a server with STARTTLS; without it, and for "plain", TLS at once
#   mail.example.com      server.test
#   0.0.0.0:8443          127.0.0.1, an ephemeral port
#   192.0.2.1:6379 and 192.0.2.*:11211    a port where nobody listens
#   'NAME.pem', 'NAME.key'  the file of t/certs
#   FINGERPRINT           that of server.pem
#
# The CA of t/certs is the default CA. Each example runs in a process of its own, with strict and
# the manual's module loaded, and a warning is a failure.
use strict;
use warnings;

use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::IP;
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use POSIX ();

my @PODS = grep { -f } glob 'lib/IO/Socket/SSL.pod lib/IO/Socket/SSL/*.pod lib/IO/Socket/SSL/*/*.pod';
watchdog(120);
plan skip_all => 'no manuals here: not a source tree' if !@PODS;

my $fingerprint = do {
    my $cert = PEM_file2cert(cert('server.pem'));
    my $text = IO::Socket::SSL::get_fingerprint(undef, 'sha256', $cert);
    CERT_free($cert);
    $text =~ s/.*\$//r;
};
my %server = (
    tls  => test_server(seconds => 110, handler => \&converse,
        args => { SSL_alpn_protocols => ['http/1.1'] }),
    mail => test_server(seconds => 110, plain => 1, handler => \&mail),
    bare => test_server(seconds => 110, plain => 1, handler => sub { begin_tls($_[0]) }),
);

my $count = 0;
for my $pod (@PODS) {
    for my $example (examples_of($pod)) {
        subtest "$pod line $example->{line} does what the manual says" => sub { check($example) };
        $count++;
    }
}
cmp_ok $count, '>=', 50, "$count examples were found";
done_testing;

# --- finding --------------------------------------------------------------------------------------

# Verbatim paragraphs that follow each other are one block.
sub examples_of {
    my $pod = shift;
    open my $fh, '<', $pod or die "$pod: $!";
    my $text = do { local $/ = undef; <$fh> };
    my $module = $pod =~ s{^lib/|\.pod$}{}gr =~ s{/}{::}gr;
    my ($mark, @found);
    my $line = 1;
    for my $part (split /(\n\n+)/, $text) {
        if ($part =~ /\A[ \t]/) {
            if ($found[-1] && $found[-1]{open}) { $found[-1]{code} .= "\n\n$part" }
            else { push @found, { open => 1, mark => $mark, line => $line, code => $part,
                module => $module } }
            undef $mark;
        } elsif ($part =~ /\S/) {
            $found[-1]{open} = 0 if @found;
            undef $mark;
            $mark = $1 if $part =~ /\A=for (text|test .+)\z/;
        }
        $line += $part =~ tr/\n//;
    }
    return grep { ($_->{mark} // '') ne 'text' } @found;
}

# --- running --------------------------------------------------------------------------------------

sub check {
    my $example = shift;
    my ($kind, $needed, $expected) = ($example->{mark} // '') =~ /^test (\w+)(?: with ([\w:]+))? prints (.+)$/
        or return fail 'a block has "=for test KIND prints REGEX" or "=for text" before it';
    plan skip_all => "no $needed here" if defined $needed && !eval "require $needed";    ## no critic: ours
    my $start = __PACKAGE__->can("start_$kind") or return fail "\"$kind\" is a kind of example";
    my ($output, $status) = in_child(sub {
        return run($start, $example->{module}, substituted($example->{code}));
    });
    is $status, 0, 'its process ends in the usual way';
    unlike $output, qr/^(?:died|warning): /m, 'it neither dies nor warns';
    like $output, qr/$expected/m, 'it prints what it should';
    return;
}

sub substituted {
    my $code = shift;
    my %for  = (
        'www.example.com:443' => $server{tls}->addr, 'www.example.com' => 'server.test',
        'mail.example.com:25' => $server{mail}->addr, 'mail.example.com' => 'server.test',
        '0.0.0.0:8443' => '127.0.0.1:0', FINGERPRINT => $fingerprint,
        map { $_ => '127.0.0.1:1' } '192.0.2.1:6379', '192.0.2.1:11211', '192.0.2.2:11211',
    );
    my $known = join '|', map { quotemeta } sort { length $b <=> length $a } keys %for;
    $code =~ s/($known)/$for{$1}/g;
    $code =~ s/'([\w-]+\.(?:pem|key))'/"'" . cert($1) . "'"/ge;
    return $code;
}

# In the child. Returns the output, with a line about what was no success.
sub run {
    my ($start, $module, $code) = @_;
    IO::Socket::SSL::default_ca(cert('ca.pem'));
    watchdog(20);
    local $@;
    my $output = '';
    local $SIG{__WARN__} = sub { $output .= "\nwarning: @_" };
    our $socket = $start->();
    open my $fh, '>', \$output or die $!;
    my $previous = select $fh;
    my $given = $socket ? 'my $socket = $main::socket;' : '';
    my $ok = eval "package Example; use strict; use warnings; use IO::Socket::SSL; use $module;"
        . " $given\n#line 1 \"example\"\n$code\n;1";    ## no critic: on purpose
    select $previous;
    $output .= "\ndied: $@" if !$ok && $@ ne "enough clients\n";
    return $output;
}

sub start_script { return }

sub start_untrusted { IO::Socket::SSL::default_ca(cert('other-ca.pem')); return }

sub start_connected {
    return IO::Socket::SSL->new(PeerAddr => $server{tls}->addr, SSL_hostname => 'server.test')
        || die $SSL_ERROR;
}

sub start_plain { return IO::Socket::IP->new($server{bare}->addr) || die $@ }

# From now on accept has clients; the third call ends the example.
sub start_server {
    my $accept = \&IO::Socket::SSL::accept;
    my $calls  = 0;
    no warnings 'redefine';
    *IO::Socket::SSL::accept = sub {
        my $listener = $_[0];
        die "enough clients\n" if ++$calls > 2;
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            my $client = IO::Socket::SSL->new(client_args(PeerAddr => $listener->sockhost,
                PeerPort => $listener->sockport, SSL_verify_mode => SSL_VERIFY_NONE));
            print $client 'hello' if $client;
            $client->stop_SSL(SSL_fast_shutdown => 1, Timeout => 5) if $client;
            my $answer = $client && <$client>;
            POSIX::_exit(0);
        }
        goto &$accept;
    };
    return;
}

# --- servers --------------------------------------------------------------------------------------

sub converse {
    my $sock = shift;
    my $said = answer($sock);
    close $sock;        # also for a client that has ended its side, and waits for the answer to that
    return $said;
}

sub answer {
    my $sock = shift;
    my $line = <$sock> // return 'nothing said';
    if ($line =~ /^HEAD /) {
        while (defined(my $header = <$sock>)) { last if $header =~ /^\r?$/ }
        print $sock "HTTP/1.0 200 OK\r\n\r\n";
        return 'answered';
    }
    print $sock $line;
    return TLSTest::Server::echo($sock);
}

sub mail {
    my $sock = shift;
    print $sock "220 mail.example.com\r\n";
    my $line = <$sock> // return 'nothing said';
    return "unexpected: $line" if $line !~ /^STARTTLS/;
    print $sock "220 go ahead\r\n";
    begin_tls($sock) or return "failed: $SSL_ERROR";
    print $sock "250 encrypted\r\n" if defined(<$sock>);
    return 'served';
}

sub begin_tls { return IO::Socket::SSL->start_SSL($_[0], server_args(), Timeout => 10) }
