# PeerTest.pm - other programs as the other end: openssl, curl, Python.
#
# Owns      the processes it starts; they end with their object.
# Promises  nothing is waited for without end: TLSTest's watchdog ends the test, and the programs
#           end when their pipes or sockets do.
# Leaves    to the tests: what is asked of the programs, and every judgement.
package PeerTest;

use strict;
use warnings;
use Exporter 'import';
use File::Temp ();
use IO::Handle;
use POSIX ();
use IO::Socket::SSL;
use TLSTest qw(server_args);

our @EXPORT = qw(have python3 listener payload digest_of);

# The path of a program, undef if it isn't installed.
sub have {
    my ($name) = @_;

    for my $dir (split /:/, $ENV{PATH}) {
        return "$dir/$name" if -x "$dir/$name" && !-d _;
    }
    return;
}

# A Python that has ssl with TLS 1.3, undef if there is none.
sub python3 {
    my $python = have('python3') or return;

    return system("$python -c 'import ssl; assert ssl.HAS_TLSv1_3' 2>/dev/null") == 0
        ? $python : undef;
}

# A listening socket of ours on the loopback, with server.pem unless something else is given.
sub listener {
    my (%args) = @_;

    return IO::Socket::SSL->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0,
        server_args(%args)) || die "listen: $SSL_ERROR $!";
}

# Bytes of all values, the same ones every time; $n of them.
sub payload {
    my ($n) = @_;
    my $block = join '', map { chr(($_ * 7 + ($_ >> 8)) & 255) } 0 .. 65_520;

    return substr $block x (1 + int($n / length $block)), 0, $n;
}

# A checksum of bytes as Python's zlib.adler32 makes it: simple enough to be in both.
sub digest_of {
    my ($low, $high) = (1, 0);

    for my $byte (unpack 'C*', $_[0]) {
        $low = ($low + $byte) % 65_521;
        $high = ($high + $low) % 65_521;
    }
    return $high << 16 | $low;
}

# PeerTest->start(program, arguments...) - runs it with a pipe to its input ($it->{in}) and one from
# its output ($it->{out}); what it says on standard error goes to a file.
sub start {
    my ($class, @command) = @_;
    my $err = File::Temp->new;

    pipe my $child_in, my $in or die "pipe: $!";
    pipe my $out, my $child_out or die "pipe: $!";
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        TLSTest::watchdog(50);
        open STDIN, '<&', $child_in and open STDOUT, '>&', $child_out
            and open STDERR, '>&', $err or POSIX::_exit(126);
        close $_ for $in, $out;
        no warnings 'exec';
        exec @command;
        POSIX::_exit(127);
    }
    $in->autoflush(1);
    binmode $_ for $in, $out;
    return bless { pid => $pid, owner => $$, in => $in, out => $out, err => $err }, $class;
}

# Reads lines of its output until one matches; returns the first group of the match, or undef at
# the end.
sub line_with {
    my ($self, $pattern) = @_;

    while (defined(my $line = readline $self->{out})) {
        return $1 if $line =~ $pattern;
    }
    return;
}

# All of its output from here to its end.
sub output {
    my ($self) = @_;
    local $/ = undef;
    my $text = readline $self->{out};

    return defined $text ? $text : '';
}

# What it has said on standard error so far.
sub errors {
    my ($self) = @_;

    open my $fh, '<', $self->{err}->filename or return '';
    local $/ = undef;
    my $text = readline $fh;
    return defined $text ? $text : '';
}

# Waits for its end; returns its wait status.
sub wait_end {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return $self->{status};

    close $self->{in};
    waitpid $pid, 0;
    return $self->{status} = $?;
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
