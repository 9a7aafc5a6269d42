# StoreTest - servers that stores talk to, and what is tested of every store.
#
# Owns      the redis-server or memcached of a test, on an ephemeral port of the loopback; it goes with
#           its object.
package StoreTest;

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();
use IO::Socket::INET;
use POSIX ();
use Test::More;
use TLSTest;
use Time::HiRes ();
use IO::Socket::SSL;

our @EXPORT = qw(start_server deaf_server has_program store_tests $SECRET $PATIENT);

our $SECRET = join '', map { chr } 1 .. 32;

# The time limit of a store whose server is well: a busy machine is no failure of it.
our $PATIENT = 20;

sub has_program { my $name = shift; return scalar grep { -x "$_/$name" } split /:/, $ENV{PATH} }

sub free_port {
    my $probe = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
    return $probe->sockport;
}

# A server process; command is a sub of port and folder. Where another took the port meanwhile: again.
sub start_server {
    my ($command, $at) = @_;
    for (1 .. 5) {
        my $self = bless { owner => $$, port => $at // free_port(), dir => File::Temp->newdir }, __PACKAGE__;
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            open STDOUT, '>', "$self->{dir}/log";
            open STDERR, '>&', \*STDOUT;
            open STDIN, '<', '/dev/null';
            { no warnings; exec $command->($self->{port}, "$self->{dir}") }
            POSIX::_exit(127);
        }
        $self->{pid} = $pid;
        while (waitpid($pid, POSIX::WNOHANG()) == 0) {
            return $self if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$self->{port}");
            select undef, undef, undef, 0.02;
        }
        delete $self->{pid};
    }
    die "the server doesn't start\n";
}

sub addr { return "127.0.0.1:$_[0]{port}" }

sub stop {
    my $self = shift;
    my $pid = delete $self->{pid} or return;
    local ($?, $!);
    kill CONT => $pid;
    kill KILL => $pid;
    waitpid $pid, 0;
    return;
}
# Returns when it stands still; until then it may answer.
sub pause {
    my $self = shift;
    kill STOP => $self->{pid};
    waitpid $self->{pid}, POSIX::WUNTRACED();
    return;
}
sub resume { kill CONT => $_[0]{pid}; return }
sub DESTROY { my $self = shift; $self->stop if $self->{owner} == $$; return }

# Takes connections (in its backlog) and never says a word.
sub deaf_server {
    return IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1') || die $!;
}

# A process that gives these answers, whatever it is asked, then a byte each 50 milliseconds, without end; or, "flood", all that the other side takes. Tells how many of these bytes a connection got when
# it ends, if it came that far.
sub dripping_server {
    my ($answers, $flood) = @_;
    my $listener = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1') or die $!;
    pipe my $read, my $write or die $!;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        close $read;
        TLSTest::watchdog(60);
        $SIG{CHLD} = 'IGNORE';
        while (my $sock = $listener->accept) {
            next if fork;
            close $listener;
            TLSTest::watchdog(60);
            my ($sent, $asked) = (0, 0);
            for my $answer (@$answers) {
                $asked = sysread $sock, my $command, 65536 or last;
                syswrite $sock, $answer;
            }
            while ($asked && defined(my $n = syswrite $sock, $flood ? '1' x 65536 : '1')) {
                $sent += $n;
                select undef, undef, undef, 0.05 if !$flood;
            }
            syswrite $write, "$sent\n" if $asked;
            POSIX::_exit(0);
        }
        POSIX::_exit(0);
    }
    close $write;
    return bless { owner => $$, pid => $pid, port => $listener->sockport, told => $read }, __PACKAGE__;
}

# --- TLS servers of a fleet ---------------------------------------------------------------------------

# Two processes that accept on one listening socket, one after the other: each serves one connection
# when it is told to. new_store makes a store; mode is "id" or "ticket".
sub fleet {
    my ($new_store, $mode, %args) = @_;
    my $listener = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1') or die $!;
    my @members = map { member($listener, $new_store, $mode, %args) } 1, 2;
    return { port => $listener->sockport, members => \@members, owner => $$ };
}

sub member {
    my ($listener, $new_store, $mode, %args) = @_;
    socketpair my $near, my $far, Socket::AF_UNIX(), Socket::SOCK_STREAM(), 0 or die $!;
    my $pid = fork // die $!;
    if (!$pid) {
        close $near;
        TLSTest::watchdog(60);
        my $store   = $new_store->();
        my $context = IO::Socket::SSL::SSL_Context->new(server_args(%args,
            $mode eq 'id' ? (SSL_session_store => $store) : (SSL_ticket_keycb => $store->ticket_keycb)))
            or die $SSL_ERROR;
        while (sysread $far, my $go, 1) {
            my $plain = $listener->accept;
            my $began = Time::HiRes::time();
            my $sock  = IO::Socket::SSL->start_SSL($plain, SSL_server => 1, SSL_reuse_ctx => $context);
            my $took  = Time::HiRes::time() - $began;
            my $line  = $sock ? <$sock> : undef;
            print $sock $line if defined $line;
            syswrite $far, sprintf "%s %.3f\n", $sock ? $sock->get_session_reused : "failed: $SSL_ERROR", $took;
            close $sock if $sock;
        }
        POSIX::_exit(0);
    }
    return { pid => $pid, control => $near };
}

# One connection to this member; 'resumed', 'full' or what failed, and the seconds that the server took.
sub connect_to {
    my ($fleet, $member, $client) = @_;
    syswrite $fleet->{members}[$member]{control}, 'x';
    my $sock = IO::Socket::SSL->new(PeerAddr => "127.0.0.1:$fleet->{port}", SSL_reuse_ctx => $client,
        SSL_session_key => 'fleet') or return "client: $SSL_ERROR";
    print $sock "hello\n";
    my $answer = <$sock>;
    my $reused = $sock->get_session_reused;
    my $report = readline $fleet->{members}[$member]{control};
    close $sock;
    return "no answer: $SSL_ERROR" if ($answer // '') ne "hello\n";
    my ($server_says, $took) = $report =~ /^(\d) ([\d.]+)/ or return $report;
    return 'the two disagree' if $server_says != $reused;
    return wantarray ? ($reused ? 'resumed' : 'full', $took) : $reused ? 'resumed' : 'full';
}

sub end_fleet {
    my $fleet = shift;
    # All of them first: the second has a copy of what the first waits on.
    close $_->{control} for @{ $fleet->{members} };
    waitpid $_->{pid}, 0 for @{ $fleet->{members} };
    return;
}

sub client_context {
    my $version = shift;
    return IO::Socket::SSL::SSL_Context->new(client_args(SSL_version => $version,
        SSL_session_cache_size => 10)) || die $SSL_ERROR;
}

# Everything that holds for any store. new_store takes arguments; start makes its server (on a port).
sub store_tests {
    my (%how) = @_;
    my $new_store = $how{new_store};
    my $server = $how{start}->();

    for my $mode ('id', 'ticket') {
        for my $version ('TLSv1_2', 'TLSv1_3') {
            subtest "$version, by $mode: two processes behind one port resume each other's sessions" => sub {
                my $fleet  = fleet(sub { $new_store->($server->addr) }, $mode);
                my $client = client_context($version);
                is_deeply [map { scalar connect_to($fleet, $_, $client) } 0, 1, 0, 1, 1],
                    [qw(full resumed resumed resumed resumed)], 'in turn';
                end_fleet($fleet);
                my $other = fleet(sub { $new_store->($server->addr, secret => 'x' x 32) }, $mode);
                is connect_to($other, 0, $client), 'full', 'not with another secret';
                end_fleet($other);
            };
        }
    }

    subtest 'a server that verifies clients, with a session id context' => sub {
        my $fleet = fleet(sub { $new_store->($server->addr) }, 'id', SSL_session_id_context => 'farm',
            SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
            SSL_ca_file => cert('ca.pem'));
        my $client = IO::Socket::SSL::SSL_Context->new(client_args(SSL_session_cache_size => 10,
            SSL_cert_file => cert('client.pem'), SSL_key_file => cert('client.key'))) or die $SSL_ERROR;
        is_deeply [map { scalar connect_to($fleet, $_, $client) } 0, 1], [qw(full resumed)], 'resumed';
        end_fleet($fleet);
    };

    subtest 'keys of tickets change on schedule, for all at once' => sub {
        no warnings 'redefine';
        my @stores = map { $new_store->($server->addr, rotate => 100, keep => 2) } 1, 2;
        my $now = 1_000_000_050 + 100 * int rand 1000;
        my @first = $stores[0]->_key_of(int $now / 100, $now);
        is_deeply [$stores[1]->_key_of(int $now / 100, $now)], \@first, 'one key for both';
        is length $first[0], 64, 'of 64 bytes';
        $now += 100;
        my @second = $stores[1]->_key_of(int $now / 100, $now);
        isnt $second[0], $first[0], 'another one in the next period';
        is_deeply [$stores[0]->_key_of(int $now / 100, $now)], \@second, 'for both again';
        is IO::Socket::SSL::Store::_ticket_period_of($first[1], 100, 2, $now), int($now / 100) - 1,
            'the old one is still of use';
        is IO::Socket::SSL::Store::_ticket_period_of($first[1], 100, 2, $now + 200), undef,
            'and in the end it isn\'t';
        $stores[0]->_key_of(int(($now + 400) / 100), $now + 400);
        is scalar(keys %{ $stores[0]{keys} }), 1, 'then the process forgets it';
    };

    subtest 'clients in several processes share sessions' => sub {
        my $listener = test_server(handler => sub { my $sock = shift; my $line = <$sock> // '?'; print $sock $line; $sock->close;
            'served' });
        my @resumed = map { scalar in_child(sub {
            my $sock = client($listener, SSL_session_cache => $new_store->($server->addr)) or return $SSL_ERROR;
            print $sock "x\n";
            my $answer = <$sock>;
            return $sock->get_session_reused;
        }) } 1 .. 2;
        is_deeply \@resumed, [0, 1], 'the second resumes the session of the first';
        is in_child(sub {
            my $sock = client($listener, SSL_session_cache => $new_store->($server->addr),
                SSL_verify_callback => sub { $_[0] }) or return $SSL_ERROR;
            print $sock "x\n";
            my $answer = <$sock>;
            return $sock->get_session_reused;
        }), 0, 'one that verifies otherwise doesn\'t';
    };

    subtest 'answers about revocation are shared' => sub {
        my ($one, $other) = map { $new_store->($server->addr) } 1, 2;
        my %entry = (statusType => 1, thisUpdate => time, nextUpdate => time + 3600,
            revocationTime => time - 10, hard_error => "revoked: M\x{fc}ller \x{263a}");
        $one->put("key \xff", \%entry);
        is_deeply $other->get("key \xff"), \%entry, 'as they were put';
        is $other->get('key'), undef, 'no other';
        $one->put('old', { %entry, nextUpdate => time - 1 });
        is $other->get('old'), undef, 'none out of date';
    };

    subtest 'what is in the store is of no use without the secret' => sub {
        my $store = $new_store->($server->addr);
        my $name  = $store->_full_name(session => 'host.example:443');
        like $name, qr/^iossl:session:[0-9a-f]{64}\z/, 'a name doesn\'t tell of what';
        $store->_keep($name, 'the master secret', 60);
        my $raw = $store->_try(_read => $name);
        ok length $raw, 'there is a value';
        unlike $raw, qr/master secret/, 'which is encrypted';
        is $store->_fetch($name), 'the master secret', 'and can be read with the secret';
        my $other = $store->_full_name(session => 'evil.example:443');
        $store->_try(_write => $other, $raw, 60);
        is $store->_fetch($other), undef, 'not under another name';
        for my $at (0, 5, 20, length($raw) - 1) {
            my $changed = $raw;
            substr($changed, $at, 1) ^= "\x01";
            $store->_try(_write => $name, $changed, 60);
            is $store->_fetch($name), undef, "nor with byte $at changed";
        }
        for my $odd ('', 'x', "\x01" x 32, 'y' x 10_000) {
            $store->_try(_write => $name, $odd, 60);
            is $store->_fetch($name), undef, 'nor is anything else a value';
        }
        is $store->last_error, undef, 'all of which is no failure of the server';
    };

    subtest 'an alarm of the program comes through' => sub {
        my $store = $new_store->(deaf_addr(my $deaf = deaf_server()), timeout => 0.5);
        my $rang  = 0;
        local $SIG{ALRM} = sub { $rang++; die "rang\n" };
        Time::HiRes::ualarm(100_000);
        ok !eval { $store->get_session('x'); 1 }, 'its handler may die';
        Time::HiRes::ualarm(0);
        is "$@ $rang", "rang\n 1", 'with its own words, once';
        TLSTest::watchdog(60);
    };

    for my $case (['is not there', sub { '127.0.0.1:' . free_port() }],
        ['takes connections and says nothing', sub { deaf_addr($_[0] = deaf_server()) }]) {
        my ($what, $where) = @$case;
        subtest "a server that $what costs full handshakes, and little time" => sub {
            my $keep;
            my $addr = $where->($keep);
            for my $mode ('id', 'ticket') {
                my $fleet  = fleet(sub { $new_store->($addr, timeout => 0.3, retry => 20) }, $mode);
                my $client = client_context('TLSv1_3');
                my @all = map { [connect_to($fleet, $_, $client)] } 0, 1, 0, 1, 0;
                is_deeply [map { $_->[0] } @all[0, 1]], [qw(full full)], "$mode: connections are made";
                ok !(grep { $_->[0] !~ /^(?:full|resumed)$/ } @all), 'all of them'
                    or diag explain \@all;
                end_fleet($fleet);
            }
            my $store = $new_store->($addr, timeout => 0.2, retry => 20);
            my $began = Time::HiRes::time();
            $store->get_session('x') for 1 .. 100;
            cmp_ok Time::HiRes::time() - $began, '<', 10, 'a hundred calls wait for one time limit';
            ok length $store->last_error, 'last_error: ' . ($store->last_error // '') =~ s/\n.*//sr;
        };
    }

    # None of its bytes comes later than the client's own limits, so that these never end it.
    for my $flood (0, 1) {
        my $how_it_answers = $flood ? 'floods' : 'deals out';
        for my $answers (@{ $how{answers} }) {
            my $words = join ' and ', map { /(\S+)/ } @$answers;
            subtest "a server that $how_it_answers its answer, after \"$words\", without end" => sub {
                my $dripping = dripping_server($answers, $flood);
                my $own = IO::Socket::INET->new(PeerAddr => $dripping->addr) or die $!;
                my $store = $new_store->($dripping->addr, timeout => 0.3, retry => 1000, max_retry => 1000);
                my $context = IO::Socket::SSL::SSL_Context->new(server_args(SSL_session_store => $store))
                    or die $SSL_ERROR;
                # Answers of use, one that isn't, and no question any more.
                for my $which (1 .. @$answers + 2) {
                    my $done = handshake(server => { SSL_reuse_ctx => $context }, client => { SSL_version => 'TLSv1_2' });
                    ok $done->{client_ok} && $done->{server_ok}, "handshake $which is made"
                        or diag explain [@$done{qw(client_error server_error)}];
                    settle(@$done{qw(client server)});
                }
                # Of the end of a flood the kernel tells late.
                like readline $dripping->{told}, qr/^\d+$/, 'the server would have gone on' if !$flood;
                like $store->last_error, $flood ? qr/\S/ : qr/^no whole answer from 127\.0\.0\.1:\d+ within 0\.3 sec/, 'last_error';
                is syswrite($own, 'x'), 1, 'a connection of the program\'s own';
                is sysread($own, my $answer, 1), 1, 'goes on';
            };
        }
    }

    subtest 'a server that ends in the middle, and comes back' => sub {
        my $fleet  = fleet(sub { $new_store->($server->addr, timeout => 1, retry => 0.05, max_retry => 0.05) }, 'id');
        my $client = client_context('TLSv1_3');
        is_deeply [map { scalar connect_to($fleet, $_, $client) } 0, 1], [qw(full resumed)], 'before';
        my $port = $server->{port};
        $server->stop;
        is_deeply [map { scalar connect_to($fleet, $_, $client) } 0, 1, 0], [qw(full full full)], 'while it is gone';
        $server = $how{start}->($port);
        my @after;
        for (1 .. 20) {
            push @after, scalar connect_to($fleet, $_ % 2, $client);
            last if $after[-1] eq 'resumed';
            select undef, undef, undef, 0.05;
        }
        is $after[-1], 'resumed', 'and resumed once it is back';
        $server->pause;
        is_deeply [map { scalar connect_to($fleet, $_, $client) } 0, 1], [qw(full full)], 'one that stands still';
        $server->resume;
        end_fleet($fleet);
    };

    subtest 'a store in a child is another connection' => sub {
        my $store = $new_store->($server->addr);
        $store->put(a => { nextUpdate => time + 60, statusType => 0 });
        my @children = map { scalar in_child(sub { join ' ', map {
            $store->put("$$ $_" => { nextUpdate => time + 60, statusType => $_ });
            ($store->get("$$ $_") || {})->{statusType} // 'none' } 1 .. 20 }) } 1 .. 2;
        is $_, join(' ', 1 .. 20), 'each reads what it wrote' for @children;
        ok $store->get('a'), 'and the parent goes on';
    };

    subtest 'mistakes of the program die' => sub {
        for my $case ([[secret => undef], 'secret'], [[secret => 'short'], '5 bytes'], [[timeout => 0], 'timeout'],
            [[timeout => 'x'], 'timeout'], [[rotate => 1.5], 'rotate'], [[prefix => "a b"], 'prefix']) {
            my ($args, $words) = @$case;
            ok !eval { $new_store->('127.0.0.1:1', @$args); 1 }, "@{[map { $_ // 'undef' } @$args]}";
            like $@, qr/$words/, 'says why';
        }
    };
    return;
}

sub deaf_addr { return '127.0.0.1:' . $_[0]->sockport }

1;
