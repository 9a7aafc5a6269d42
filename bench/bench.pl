#!/usr/bin/perl
# bench.pl METRIC CERTDIR [SECONDS | xCOUNT [ADDRESS]] - one measurement of the IO::Socket::SSL first in @INC.
#
# ADDRESS is of a server that does what the metric needs (limit.c's); without one there is one of our own.
# Prints "METRIC VALUE UNIT". Higher is better unless the unit begins with "ms" or "kB". xCOUNT runs
# that many operations, for counting instructions or system calls. Without METRIC: lists them.
use 5.014;
use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::SSL;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

my ($metric, $dir, $amount, $given_server) = @ARGV;
$dir    //= '.';
$amount //= 2;
my $count = $amount =~ s/^x// ? $amount : 0;
my $EC     = { SSL_cert_file => "$dir/ec.pem",  SSL_key_file => "$dir/ec.key" };
my $RSA    = { SSL_cert_file => "$dir/rsa.pem", SSL_key_file => "$dir/rsa.key" };
my $RECORD = 'x' x 16384;
my $LINES  = join '', map { 'L' . ('z' x ($_ % 120)) . "\n" } 1 .. 2000;

$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "bench.pl $metric: stuck\n" };
alarm($count ? 600 : 60);

# --- both sides -----------------------------------------------------------------------------------

my $server_pid;
END { kill 'TERM', $server_pid if $server_pid }

# A server in a process of its own, for one connection after another; its address.
sub serve {
    my ($args, $answer) = @_;
    return $given_server if $given_server;
    my $listener = IO::Socket::INET->new(Listen => 128, LocalAddr => '127.0.0.1', LocalPort => 0)
        or die "listen: $!\n";
    my $address = $listener->sockhost . ':' . $listener->sockport;
    $server_pid = fork // die "fork: $!\n";
    return $address if $server_pid;

    undef $server_pid;
    $SIG{ALRM} = sub { exit };
    alarm 600;
    my $context = server_context(%$args);
    while (my $socket = $listener->accept) {
        setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
        IO::Socket::SSL->start_SSL($socket, SSL_server => 1, SSL_reuse_ctx => $context) or next;
        $answer->($socket);
        $socket->close;
    }
    exit;
}

sub drain { my $s = shift; 1 while sysread $s, my $bytes, 16384; return }
sub blast { my $s = shift; 1 while syswrite $s, $RECORD; return }
sub echo  { my ($s, $got) = shift; syswrite $s, $got while sysread $s, $got, 16384; return }
sub lines { my $s = shift; 1 while print $s $LINES; return }
sub greet { my $s = shift; print $s 'x'; return drain($s) }

sub server_context {
    return IO::Socket::SSL::SSL_Context->new(SSL_server => 1, @_) || die "context: $SSL_ERROR\n";
}

sub client_context {
    return IO::Socket::SSL::SSL_Context->new(SSL_verify_mode => SSL_VERIFY_PEER,
        SSL_ca_file => "$dir/ca.pem", @_) || die "context: $SSL_ERROR\n";
}

sub client {
    my ($address, @args) = @_;
    my $socket = IO::Socket::SSL->new(PeerAddr => $address, SSL_verifycn_name => 'localhost',
        SSL_ca_file => "$dir/ca.pem", @args) or die "connect: $! $SSL_ERROR\n";
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    return $socket;
}

# --- measuring ------------------------------------------------------------------------------------

# How often the operation runs in a second; the clock is looked at after each batch.
sub rate {
    my ($operation, $unit, $batch, $scale) = @_;
    $batch //= 1;
    $operation->() for 1 .. 2;
    my ($n, $start, $taken) = (0, time);
    if ($count) {
        $operation->() for 1 .. $count;
        ($n, $taken) = ($count, time - $start);
    } else {
        do {
            $operation->() for 1 .. $batch;
            $n += $batch;
            $taken = time - $start;
        } while $taken < $amount;
    }
    return ($n * ($scale // 1) / $taken, $unit);
}

# Blocks of operations, so that the call of a closure isn't what is measured.
sub rate_of_block {
    my ($block, $size, $unit, $scale) = @_;
    $count = int(($count + $size - 1) / $size) if $count;
    return rate($block, $unit, 1, $size * ($scale // 1));
}

sub resident_kb {
    open my $f, '<', '/proc/self/statm' or die "/proc/self/statm: $!\n";
    return 4 * (split ' ', <$f>)[1];
}

# --- metrics --------------------------------------------------------------------------------------

my %METRICS = (
    ctx_default_ca => sub {
        return rate(sub {
            IO::Socket::SSL::SSL_Context->new(SSL_verify_mode => SSL_VERIFY_PEER)
                or die "context: $SSL_ERROR\n";
        }, 'ctx/s');
    },
    ctx_small_ca  => sub { return rate(sub { client_context() },      'ctx/s', 5) },
    ctx_server_ec => sub { return rate(sub { server_context(%$EC) }, 'ctx/s', 5) },
    ctx_sni200    => sub { return rate(sub { server_context(hosts(200)) }, 'ctx/s') },

    # The first one in a process, with the big bundle.
    ctx_first_ms => sub {
        my $start = time;
        client_context(SSL_ca_file => "$dir/all.pem");
        return ((time - $start) * 1000, 'ms');
    },

    hs_full_ec  => sub { return handshakes($EC,  sub { SSL_reuse_ctx => $_[0] }) },
    hs_full_rsa => sub { return handshakes($RSA, sub { SSL_reuse_ctx => $_[0] }) },
    # A context for each connection, with the big bundle.
    hs_defaultca_ec => sub { return handshakes($EC, sub { SSL_ca_file => "$dir/all.pem" }) },
    hs_sni200 => sub {
        my $i = 0;
        return handshakes({ hosts(200) }, sub {
            my $name = 'h' . ($i++ % 200 + 1) . '.bench.example';
            return (SSL_reuse_ctx => $_[0], SSL_hostname => $name, SSL_verifycn_name => $name);
        });
    },
    hs_resumed_TLSv1_2 => sub { return resumptions('TLSv1_2') },
    hs_resumed_TLSv1_3 => sub { return resumptions('TLSv1_3') },

    bulk_read => sub {
        my $socket = client(serve($EC, \&blast));
        return rate_of_block(sub {
            for (1 .. 64) { sysread $socket, my $bytes, 16384 or die "read: $!\n" }
        }, 64, 'MiB/s', 1 / 64);
    },
    bulk_write => sub {
        my $socket = client(serve($EC, \&drain));
        return rate_of_block(sub {
            for (1 .. 64) { syswrite $socket, $RECORD or die "write: $!\n" }
        }, 64, 'MiB/s', 1 / 64);
    },
    pingpong64 => sub {
        my $socket  = client(serve($EC, \&echo));
        my $message = 'y' x 64;
        return rate(sub { syswrite $socket, $message; sysread $socket, my $bytes, 16384 },
            'rt/s', 50);
    },
    print_small => sub {
        my $socket = client(serve($EC, \&drain));
        return rate(sub { print $socket "0123456789abcdef0123456789abcdef\n" }, 'print/s', 100);
    },
    readline => sub {
        my $socket = client(serve($EC, \&lines));
        return rate_of_block(sub {
            for (1 .. 500) { my $line = <$socket>; defined $line or die "read: $!\n" }
        }, 500, 'lines/s');
    },
    # Whole connections, as there is no other end to a list; the lines are what counts.
    readlines => sub {
        my $address = serve($EC, sub { print { $_[0] } $LINES x 20 });
        my $context = client_context();
        return rate(sub {
            my $socket = client($address, SSL_reuse_ctx => $context);
            my @lines  = <$socket>;
            @lines == 40_000 or die 'read: ' . @lines . " lines\n";
        }, 'lines/s', 1, 40_000);
    },
    sysread1 => sub {
        my $socket = client(serve($EC, \&blast));
        return rate_of_block(sub {
            my $byte;
            for (1 .. 5000) { sysread $socket, $byte, 1 }
        }, 5000, 'read/s');
    },
    getc => sub {
        my $socket = client(serve($EC, \&blast));
        return rate_of_block(sub { for (1 .. 5000) { getc $socket } }, 5000, 'getc/s');
    },

    verify_hostname => sub {
        my $socket = client(serve($EC, \&drain));
        return rate(sub { $socket->verify_hostname('www.bench.example', 'http') or die }, 'verify/s',
            200);
    },
    fingerprint => sub {
        my $socket = client(serve($EC, \&drain));
        return rate(sub { $socket->get_fingerprint }, 'fp/s', 200);
    },
    publicsuffix => sub {
        require IO::Socket::SSL::PublicSuffix;
        my $list = IO::Socket::SSL::PublicSuffix->default;
        return rate(sub { $list->public_suffix('a.b.www.example.co.uk') }, 'lookup/s', 500);
    },

    mem_idle => sub { return idle_memory(400) },
);

# n names, all with the same certificate.
sub hosts {
    my $n = shift;
    my @names = ('', map { "h$_.bench.example" } 1 .. $n);
    return (SSL_cert_file => { map { $_ => "$dir/ec.pem" } @names },
        SSL_key_file => { map { $_ => "$dir/ec.key" } @names });
}

sub handshakes {
    my ($server, $args) = @_;
    my $address = serve($server, \&drain);
    my $context = client_context();
    return rate(sub { client($address, $args->($context))->close }, 'conn/s', 5);
}

sub resumptions {
    my $version = shift;
    my $address = serve({ %$EC, SSL_session_id_context => 'b' }, \&greet);
    my $context = client_context(SSL_version => $version, SSL_session_cache_size => 10);
    my ($resumed, $all) = (0, 0);
    my ($value, $unit) = rate(sub {
        my $socket = client($address, SSL_reuse_ctx => $context);
        sysread $socket, my $bytes, 10;
        $resumed++ if $socket->get_session_reused;
        $all++;
        $socket->close;
    }, 'conn/s', 5);
    return ($value, sprintf '%s (%.0f%% resumed)', $unit, 100 * $resumed / $all);
}

# Both ends of n connections in this process, idle.
sub idle_memory {
    my $n = shift;
    my $listener = IO::Socket::INET->new(Listen => 512, LocalAddr => '127.0.0.1')
        or die "listen: $!\n";
    my $address   = $listener->sockhost . ':' . $listener->sockport;
    my $of_server = server_context(%$EC, SSL_mode_release_buffers => 1);
    my $of_client = client_context(SSL_mode_release_buffers => 1);
    my (@all, $before);
    for my $i (1 .. $n + 20) {
        $before = resident_kb() if $i == 21;
        my $client = IO::Socket::INET->new($address) or die "connect: $!\n";
        my $server = $listener->accept;
        $_->blocking(0) for $client, $server;
        IO::Socket::SSL->start_SSL($client, SSL_reuse_ctx => $of_client, SSL_startHandshake => 0,
            SSL_verifycn_name => 'localhost') or die "start_SSL: $SSL_ERROR\n";
        IO::Socket::SSL->start_SSL($server, SSL_server => 1, SSL_reuse_ctx => $of_server,
            SSL_startHandshake => 0) or die "start_SSL: $SSL_ERROR\n";
        my ($client_done, $server_done);
        for (1 .. 20) {
            $client_done ||= $client->connect_SSL;
            $server_done ||= $server->accept_SSL;
            last if $client_done && $server_done;
        }
        die "handshake: $SSL_ERROR\n" if !$client_done || !$server_done;
        syswrite $server, 'hi';
        for (1 .. 3) { sysread $client, my $bytes, 10 }
        push @all, $client, $server;
    }
    return ((resident_kb() - $before) / @all, 'kB/socket');
}

# --------------------------------------------------------------------------------------------------

if (!defined $metric || !$METRICS{$metric}) {
    print "$_\n" for sort keys %METRICS;
    exit;
}
my ($value, $unit) = $METRICS{$metric}->();
printf "%s %.6g %s\n", $metric, $value, $unit;
