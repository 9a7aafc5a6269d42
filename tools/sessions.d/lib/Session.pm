# Session - what the sessions share: a folder, ports, servers that end with the session, certificates.
#
# Owns      the folder and the processes it starts; they are gone at the end of the session.
# Promises  waiting is for an event, asked again and again for at most a minute; a session ends
#           by SIGALRM if it hangs; ports are the loopback's, and free when they are handed out.
# Leaves    the configuration of a server, and every judgement but one (loaded_in), to the session.
package Session;

use 5.014;
use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(time);

our @EXPORT = qw(folder file slurp cert free_port start stop log_of until_true run_program loaded_in);

use constant PATIENCE => 60;        # seconds for any one event; a busy machine is slow

my $CERTS  = abs_path(dirname(__FILE__) . '/../../../t/certs');
my $owner  = $$;
my $folder = tempdir('iossl-session-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my @pids;
chmod 0755, $folder;                # servers that change their user have to get in
alarm 280;

sub folder {
    my ($name, $user) = @_;
    return $folder if !defined $name;
    mkdir "$folder/$name" or -d "$folder/$name" or die "$folder/$name: $!\n";
    chown((getpwnam $user)[2, 3], "$folder/$name") if defined $user;
    return "$folder/$name";
}

# Writes a file of the session's folder; returns its path.
sub file {
    my ($name, $text) = @_;
    open my $out, '>', "$folder/$name" or die "$folder/$name: $!\n";
    print $out $text;
    close $out or die "$folder/$name: $!\n";
    return "$folder/$name";
}

sub slurp {
    my ($path) = @_;
    open my $in, '<', $path or return '';
    local $/ = undef;
    return scalar(<$in>) // '';
}

# One of the project's test certificates: server.pem is for localhost and 127.0.0.1, signed by ca.pem.
sub cert { return "$CERTS/$_[0]" }

sub free_port {
    my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "no port: $@\n";
    return $socket->sockport;
}

# Asks until the answer is true; returns it, or nothing when patience is at its end.
sub until_true {
    my ($question) = @_;
    my $end = time + PATIENCE;
    while (time < $end) {
        my $answer = $question->();
        return $answer if $answer;
        select undef, undef, undef, 0.02;
    }
    return;
}

# Starts a server and returns its pid once it listens on all of the ports. It has to stay in the
# foreground, so that its pid is the one to end.
sub start {
    my ($name, $ports, @command) = @_;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', "$folder/$name.log";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }
    push @pids, $pid;
    for my $port (@$ports) {
        my $ready = until_true(sub {
            return 'dead' if waitpid($pid, WNOHANG) == $pid;
            return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) ? 'up' : undef;
        }) // 'silent';
        BAIL_OUT("$name is $ready: " . log_of($name)) if $ready ne 'up';
    }
    return $pid;
}

sub log_of { return slurp("$folder/$_[0].log") }

sub stop {
    my ($pid) = @_;
    @pids = grep { $_ != $pid } @pids;
    kill 'TERM', $pid;
    until_true(sub { waitpid($pid, WNOHANG) != 0 }) or kill('KILL', $pid) && waitpid $pid, 0;
    return;
}

# Runs a program with this input; returns (status, all that it printed).
sub run_program {
    my ($input, @command) = @_;
    my $in = file('input', $input);
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDIN,  '<', $in;
        open STDOUT, '>', "$folder/output";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return ($?, slurp("$folder/output"));
}

# A check: a process of this program (a pattern for $0) had IO::Socket::SSL; which one, the runner
# judges (tools/lib/TestRun.pm), for all that were recorded.
sub loaded_in {
    my ($program) = @_;
    my $found = until_true(sub { slurp($ENV{CONSUMERS_RECORD}) =~ /\t.*$program/ });
    return ok $found, "IO::Socket::SSL was loaded in $program";
}

END {
    if ($$ == $owner) {
        my $status = $?;
        stop($_) for reverse my @left = @pids;       # which stop() shortens
        $? = $status;
    }
}

1;
