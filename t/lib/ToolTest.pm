# ToolTest.pm - running the iossl command in tests.
#
# Owns      where the program is, the processes it starts, a folder of files that goes with the test.
# Promises  a test that hangs is ended by its watchdog; needs no module but perl's own, so that
#           "make -C c check" can run these tests without the Perl side.
package ToolTest;

use strict;
use warnings;
use Exporter 'import';
use Encode ();
use File::Temp ();
use IO::Handle;
use JSON::PP ();
use TLSTest ();          # for its openssl.cnf
use POSIX ();

our @EXPORT = qw(iossl iossl_json start_iossl scratch write_file read_file cert der tool openssl serve
    s_server fake_server relay);

$SIG{ALRM} = sub { die "watchdog: the test took too long\n" };
alarm 280;

my $dir = File::Temp->newdir('iossl-tool-XXXXXX', TMPDIR => 1);

# The program: where the build put it.
sub tool {
    return $ENV{IOSSL_TOOL} if $ENV{IOSSL_TOOL};
    return $ENV{IOSSL_SANITIZE} ? 'c/build-sanitize/iossl' : 'c/build/iossl';
}

# A path in the folder of this test.
sub scratch { return "$dir/$_[0]" }

# DER: a tag with what is in it.
sub der {
    my ($tag, @parts) = @_;
    my $body = join '', @parts;
    my $n = length $body;
    (my $long = pack 'N', $n) =~ s/\A\0+//;
    return chr($tag) . ($n < 128 ? chr $n : chr(0x80 | length $long) . $long) . $body;
}

# A file of the test certificates.
sub cert { return "t/certs/$_[0]" }

sub write_file {
    my ($name, @text) = @_;
    my $path = scratch($name);
    open my $fh, '>:raw', $path or die "$path: $!";
    print $fh @text;
    close $fh or die "$path: $!";
    return $path;
}

sub read_file {
    my ($path) = @_;
    open my $fh, '<:raw', $path or die "$path: $!";
    local $/ = undef;
    my $text = readline $fh;
    return $text // '';
}

# Runs "iossl arguments..." to its end. A hash reference as the first argument: stdin => bytes,
# env => { changes of the environment }. Returns { status, out, err }; status -N: killed by signal N.
sub iossl {
    my $how  = ref $_[0] ? shift : {};
    my $in   = write_file('stdin', $how->{stdin} // '');
    my $err  = scratch('stderr');
    pipe my $r, my $w or die "pipe: $!";
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        alarm 60;
        my %env = %{ $how->{env} || {} };
        defined $env{$_} ? ($ENV{$_} = $env{$_}) : delete $ENV{$_} for keys %env;
        open STDIN, '<', $in and open STDOUT, '>&', $w and open STDERR, '>', $err
            or POSIX::_exit(126);
        no warnings 'exec';
        exec { tool() } 'iossl', @_;
        POSIX::_exit(127);
    }
    close $w;
    my $out = do { local $/ = undef; readline $r };
    waitpid $pid, 0;
    my $status = $? & 127 ? -($? & 127) : $? >> 8;
    return { status => $status, out => $out // '', err => read_file($err) };
}

# The same with --json; what it printed, decoded, is in {json}. Dies if it isn't valid.
sub iossl_json {
    my $result = iossl(@_, '--json');
    $result->{json} = JSON::PP->new->decode($result->{out});
    return $result;
}

# Starts "iossl arguments..." and leaves it running: { pid, out, err }; it ends with the object.
sub start_iossl { return ToolTest::Process->new(tool(), @_) }

# Starts "iossl serve arguments..." on a free port; the process, and its port.
sub serve {
    my $server = start_iossl('serve', '-l', '127.0.0.1:0', @_);
    my $port = $server->line_with(qr/^listening on 127\.0\.0\.1, port (\d+)$/)
        or die 'iossl serve: ' . $server->errors;
    return ($server, $port);
}

# The same of openssl s_server, which sends lines back in reverse.
sub s_server {
    my $server = ToolTest::Process->new('openssl', 's_server', '-accept', '127.0.0.1:0', '-rev', @_);
    my $port = $server->line_with(qr/^ACCEPT .*:(\d+)$/) or die 's_server: ' . $server->errors;
    return ($server, $port);
}

# A listening socket on the loopback and a process that gives each of $n connections to the code; the
# process ends with the object.
sub fake_server {
    my ($code, $n) = @_;
    require IO::Socket::INET;
    my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', Proto => 'tcp')
        or die "listen: $!";
    my $server = ToolTest::Process->fork_code(sub {
        for (1 .. $n || 1) {
            my $sock = $listener->accept or last;
            $sock->autoflush(1);
            eval { $code->($sock); 1 } or print STDERR $@;
            close $sock;
        }
    });
    return ($server, $listener->sockport);
}

# Moves bytes between a socket and a port of the loopback until one side ends.
sub relay {
    my ($sock, $port) = @_;
    my $other = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp')
        or die "relay: $!";
    my %to = (fileno($sock) => [$sock, $other], fileno($other) => [$other, $sock]);
    while (1) {
        my $bits = '';
        vec($bits, $_, 1) = 1 for keys %to;
        select($bits, undef, undef, undef) > 0 or return;
        for my $fd (keys %to) {
            next if !vec $bits, $fd, 1;
            my ($from, $into) = @{ $to{$fd} };
            sysread $from, my $bytes, 16384 or return;
            syswrite $into, $bytes;
        }
    }
}

# The openssl program, quietly; its output.
sub openssl {
    my @command = map { "'" . s/'/'\\''/gr . "'" } 'openssl', @_;
    my $said = `@command 2>&1 </dev/null`;
    die "openssl @_:\n$said" if $? != 0;
    return $said;
}

# --------------------------------------------------------------------------------------------------
package ToolTest::Process;

sub new {
    my ($class, @command) = @_;
    pipe my $r, my $w or die "pipe: $!";
    my $err = File::Temp->new;
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        alarm 100;
        open STDIN, '<', '/dev/null' and open STDOUT, '>&', $w and open STDERR, '>&', $err
            or POSIX::_exit(126);
        no warnings 'exec';
        exec { $command[0] } @command;
        POSIX::_exit(127);
    }
    close $w;
    return bless { pid => $pid, owner => $$, out => $r, err => $err }, $class;
}

sub fork_code {
    my ($class, $code) = @_;
    my $err = File::Temp->new;
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        $SIG{ALRM} = 'DEFAULT';
        alarm 100;
        open STDERR, '>&', $err or POSIX::_exit(126);
        $code->();
        POSIX::_exit(0);
    }
    return bless { pid => $pid, owner => $$, err => $err }, $class;
}

sub pid { return $_[0]{pid} }

# Reads lines of its output until one matches; the first group of the match, undef at the end.
sub line_with {
    my ($self, $pattern) = @_;
    while (defined(my $line = readline $self->{out})) {
        $self->{seen} .= $line;
        return $1 if $line =~ $pattern;
    }
    return;
}

# All that it still prints, to its end; then its status.
sub rest {
    my ($self) = @_;
    local $/ = undef;
    return readline($self->{out}) // '';
}

sub wait_end {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return $self->{status};
    waitpid $pid, 0;
    return $self->{status} = $? & 127 ? -($? & 127) : $? >> 8;
}

sub errors { return ToolTest::read_file($_[0]{err}->filename) }

sub stop {
    my ($self) = @_;
    return if !$self->{pid};
    kill TERM => $self->{pid};
    return $self->wait_end;
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$ || !$self->{pid};
    local ($?, $!);
    kill KILL => $self->{pid};
    waitpid $self->{pid}, 0;
    return;
}

1;
