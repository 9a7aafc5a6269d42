# fleet.t - two server processes behind one port, each with a listening socket of its own (SO_REUSEPORT), so
# that the kernel chooses: which of them resumes whose sessions, by their pids, before and after the keys
# of tickets change.
use strict;
use warnings;

my $clock;                          # a file; its size is how many seconds the time of stores is ahead
BEGIN { *CORE::GLOBAL::time = sub () { return CORE::time() + (defined $clock ? -s $clock // 0 : 0) } }

use File::Temp ();
use Socket qw(SOL_SOCKET SO_REUSEPORT);
use Test::More;
use lib 't/lib';
use TLSTest '180';
use StoreTest;
use IO::Socket::SSL;

plan skip_all => 'no SO_REUSEPORT here' if !eval { SO_REUSEPORT() };

my $dir = File::Temp->newdir;
$clock = "$dir/clock";

# Two processes; args is what each adds to its server, made there. Returns {port, pids}.
sub fleet {
    my ($args) = @_;
    my $first = listener(0);
    my %fleet = (port => $first->sockport, pids => []);
    for my $listener ($first, undef) {
        pipe my $read, my $write or die $!;
        my $pid = fork // die $!;
        if (!$pid) {
            TLSTest::watchdog(120);
            close $first if !$listener;
            my $own = $listener || listener($fleet{port});
            my $context = IO::Socket::SSL::SSL_Context->new(server_args(ref $args ? $args->() : ())) or die $SSL_ERROR;
            syswrite $write, 'x';
            serve($own, $context);
        }
        close $write;
        sysread $read, my $ready, 1 or die "a server doesn't start\n";
        push @{ $fleet{pids} }, $pid;
    }
    close $first;
    return \%fleet;
}

sub listener {
    my $port = shift;
    return IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1', LocalPort => $port, ReusePort => 1)
        || die "listen: $@";
}

# Each line of a client is answered with the server's pid, and whether the session was resumed.
sub serve {
    my ($listener, $context) = @_;
    while (my $plain = $listener->accept) {
        my $sock = IO::Socket::SSL->start_SSL($plain, SSL_server => 1, SSL_reuse_ctx => $context) or next;
        my $line = <$sock> // next;
        printf $sock "%d %d\n", $$, $sock->get_session_reused;
        close $sock;
    }
    POSIX::_exit(0);
}

sub end_fleet {
    my $fleet = shift;
    kill KILL => @{ $fleet->{pids} };
    waitpid $_, 0 for @{ $fleet->{pids} };
    return;
}

sub context {
    my $version = shift;
    return IO::Socket::SSL::SSL_Context->new(client_args(SSL_version => $version, SSL_session_cache_size => 10))
        || die $SSL_ERROR;
}

# (pid of the server, resumed)
sub connect_to {
    my ($fleet, $context) = @_;
    my $sock = IO::Socket::SSL->new(PeerAddr => "127.0.0.1:$fleet->{port}", SSL_reuse_ctx => $context,
        SSL_session_key => 'fleet') or return (0, "client: $SSL_ERROR");
    print $sock "who\n";
    my $answer = <$sock> // '';
    my $reused = $sock->get_session_reused;
    close $sock;
    my ($pid, $server_says) = $answer =~ /^(\d+) (\d)$/ or return (0, "answer \"$answer\"");
    return ($pid, $server_says == $reused ? $reused : 'the two disagree');
}

# Connects until another server than this one answers; the sum of what was resumed by the first, and the other's.
sub until_other {
    my ($fleet, $context, $pid) = @_;
    my ($answers, $not_resumed) = (0, 0);
    while (1) {
        my ($who, $resumed) = connect_to($fleet, $context);
        return "$who: $resumed" if !$who || $who != $pid;
        $not_resumed++ if $resumed ne '1';
        return "$not_resumed of $answers not resumed by $pid itself" if ++$answers == 500;
    }
    return;
}

# A new session from each of the two, with a client of its own: {pid => context}.
sub sessions_of_both {
    my ($fleet, $version) = @_;
    my %session;
    for (1 .. 500) {
        my $context = context($version);
        my ($pid, $resumed) = connect_to($fleet, $context);
        return {$pid => $resumed} if $resumed ne '0';
        $session{$pid} ||= $context;
        last if keys %session == 2;
    }
    return \%session;
}

# What is true of any fleet: each of the two resumes what the other made, also when "rotated" was called
# after it was made; after "forgotten" neither does.
sub fleet_tests {
    my ($version, $args, %change) = @_;
    my $fleet = fleet($args);
    my ($one, $two) = @{ $fleet->{pids} };
    my %other = ($one => $two, $two => $one);
    for my $when ('at once', $change{rotated} ? 'after the keys were changed' : ()) {
        my $session = sessions_of_both($fleet, $version);
        is_deeply [sort keys %$session], [sort $one, $two], 'both serve' or diag explain $session;
        $change{rotated}->() if $when ne 'at once';
        is until_other($fleet, $session->{$_}, $_), "$other{$_}: 1",
            ($_ == $one ? 'the second resumes a session of the first' : 'the first one of the second') . ", $when"
            for $one, $two;
    }
    if ($change{forgotten}) {
        my $session = sessions_of_both($fleet, $version);
        $change{forgotten}->();
        is +(connect_to($fleet, $session->{$_}))[1], 0, 'a key that was forgotten: a full handshake' for $one, $two;
    }
    end_fleet($fleet);
    return;
}

sub ahead {
    my $seconds = shift;
    open my $out, '>>', $clock or die "$clock: $!";
    print $out 'x' x $seconds;
    close $out or die "$clock: $!";
    return;
}

for my $version ('TLSv1_2', 'TLSv1_3') {
    subtest "$version, nothing shared: a server resumes its own only" => sub {
        my $fleet   = fleet();
        my $session = sessions_of_both($fleet, $version);
        my ($one, $two) = @{ $fleet->{pids} };
        is_deeply [sort keys %$session], [sort $one, $two], 'both serve';
        is until_other($fleet, $session->{$one}, $one), "$two: 0", 'the other makes a full handshake';
        end_fleet($fleet);
    };

    subtest "$version, a file of ticket keys" => sub {
        my $file = "$dir/keys-$version";
        IO::Socket::SSL::rotate_ticket_keys($file) or die $SSL_ERROR;
        my $rotate = sub { IO::Socket::SSL::rotate_ticket_keys($file, 2) or die $SSL_ERROR };
        my $args = sub { (SSL_ticket_keys_file => $file) };
        fleet_tests($version, $args, rotated => $rotate);

        my $old     = fleet($args);
        my $session = sessions_of_both($old, $version);
        $rotate->();
        my $new       = fleet($args);
        my $newer     = sessions_of_both($new, $version);
        my @contexts  = map { @$_{sort keys %$_} } $newer, $session;
        my ($one, $two) = @{ $old->{pids} };
        is until_other($old, $contexts[0], $one), "$two: 1", 'tickets under a new key are taken by a server with the old file';
        is until_other($old, $contexts[1], $two), "$one: 1", 'and by the other';
        end_fleet($_) for $old, $new;
        $rotate->() for 1 .. 2;
        my $last = fleet($args);
        is +(connect_to($last, $_))[1], 0, 'a key that was forgotten: a full handshake' for @contexts;
        end_fleet($last);
    };

    for my $case (redis_case(), memcached_cases()) {
        my ($name, $server, $new_store) = @$case;
        subtest "$version, $name: sessions" => sub {
            fleet_tests($version, sub { (SSL_session_store => $new_store->()) });
        };
        subtest "$version, $name: keys of tickets" => sub {
            my %schedule = (rotate => 100, keep => 1);
            fleet_tests($version, sub { (SSL_ticket_keycb => $new_store->(%schedule)->ticket_keycb) },
                rotated => sub { ahead(100) }, forgotten => sub { ahead(200) });
        };
    }
}

# [name, server, how to make a store]
sub redis_case {
    return if !eval { require Redis } || !has_program('redis-server');
    require IO::Socket::SSL::Store::Redis;
    my $server = start_server(sub { my ($port, $folder) = @_;
        return ('redis-server', '--port', $port, '--bind', '127.0.0.1', '--save', '', '--dir', $folder) });
    return ['Redis', $server, sub { IO::Socket::SSL::Store::Redis->new(server => $server->addr, secret => $SECRET,
        timeout => $PATIENT, @_) }];
}

sub memcached_cases {
    return if !has_program('memcached');
    require IO::Socket::SSL::Store::Memcached;
    my $server = start_server(sub { my ($port) = @_;
        return ('memcached', '-l', '127.0.0.1', '-p', $port, '-U', 0, '-u', 'nobody', '-m', 16) });
    return map { my $class = $_;
        [$class, $server, sub { IO::Socket::SSL::Store::Memcached->new(servers => [$server->addr], secret => $SECRET,
            client_class => $class, timeout => $PATIENT, @_) }] }
        grep { eval "require $_; 1" } qw(Cache::Memcached::Fast Cache::Memcached);
}

done_testing;
