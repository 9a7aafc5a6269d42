# xs_reentrancy.t - callbacks and signal handlers that use, close, or throw away what is in use.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(setitimer ITIMER_REAL);
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

# A signal soon, and again should it have come just before the call waits.
sub soon { return setitimer(ITIMER_REAL, 0.05, 5) }

# Begun on both ends, non-blocking.
sub begun {
    my %how = @_;
    my ($client, $server) = plain_pair('unix');
    $_->blocking(0) for $client, $server;
    IO::Socket::SSL->start_SSL($client, client_args(%{ $how{client} || {} }),
        SSL_startHandshake => 0) or die $SSL_ERROR;
    IO::Socket::SSL->start_SSL($server, server_args(%{ $how{server} || {} }),
        SSL_startHandshake => 0) or die $SSL_ERROR;
    return ($client, $server);
}

# As many steps as a handshake takes; what the client's steps died with.
sub steps {
    my ($client, $server) = @_;
    my $died = '';
    for (1 .. 4) {
        eval { $client->connect_SSL; 1 } or $died ||= $@ if $client->can('connect_SSL');
        eval { $server->accept_SSL } if $server->can('accept_SSL');
    }
    return $died;
}

subtest 'a callback makes other TLS connections, as many as it likes' => sub {
    my $inner = 0;
    my ($client, $server) = begun(client => { SSL_verify_callback => sub {
        my $ok = shift;
        my ($near, $far) = pair(over => 'unix');
        print $near "inner\n";
        $inner++ if <$far> eq "inner\n";
        return $ok;
    } });
    is steps($client, $server), '', 'nothing died';
    is $client->opened, 1, 'the outer handshake is done' or diag $SSL_ERROR;
    cmp_ok $inner, '>=', 1, 'and the inner ones were';
    $_->blocking(1) for $client, $server;
    print $client "outer\n";
    is scalar(<$server>), "outer\n", 'data';
};

my %OWN = (
    connect_SSL => sub { $_[0]->connect_SSL },
    sysread     => sub { $_[0]->sysread(my $buffer, 1) },
    syswrite    => sub { $_[0]->syswrite('x') },
    close       => sub { $_[0]->close },
    stop_SSL    => sub { $_[0]->stop_SSL(SSL_no_shutdown => 1) },
);
for my $name (sort keys %OWN) {
    subtest "a callback that calls $name on its own connection ends in an error, not in a crash" => sub {
        my $handle;
        my ($client, $server) = begun(client => { SSL_verify_callback => sub {
            $OWN{$name}->($handle);
            return 1;
        } });
        $handle = $client;
        my $died = steps($client, $server);
        undef $handle;
        pass "survived: $died";
        my ($near, $far) = pair(over => 'unix');
        print $near "x\n";
        is scalar(<$far>), "x\n", 'the next connection works';
    };
}

subtest 'a callback that drops the last reference to its socket' => sub {
    my ($client, $server);
    ($client, $server) = begun(client => { SSL_verify_callback => sub { undef $client; 1 } });
    eval { $client->connect_SSL; $server->accept_SSL; $client->connect_SSL };
    is $client, undef, 'gone';
    ok pair(over => 'unix'), 'the next connection works';
};

subtest 'messages are seen, and their callback may look at the connection' => sub {
    my ($client, $server) = begun();
    my @seen;
    $client->set_msg_callback(sub {
        my ($sock, $direction, $version, $type, $bytes, $len, $ssl, @more) = @_;
        push @seen, { sock => $sock, direction => $direction, type => $type, more => "@more",
            fits => length($bytes) == $len, ssl => $ssl };
        $sock->get_sslversion;
    }, 'one', 'two');
    steps($client, $server);
    cmp_ok scalar(@seen), '>', 5, 'messages';
    is scalar(grep { $_->{sock} != $client } @seen), 0, 'of this socket';
    is scalar(grep { !$_->{fits} } @seen), 0, 'with their length';
    is $seen[0]{more}, 'one two', 'and the arguments';
    is $seen[0]{ssl}, $client->_get_ssl_object, 'and the SSL object';
    is join('', sort keys %{ { map { $_->{direction} => 1 } @seen } }), '01', 'both ways';

    my $count = @seen;
    $client->set_msg_callback(undef);
    $_->blocking(1) for $client, $server;
    print $server "x\n";
    my $line = <$client>;
    is scalar(@seen), $count, 'none after the callback was removed';
    @seen = ();

    $client->set_msg_callback(sub { die "seen enough\n" });
    print $server "y\n";
    ok !eval { my $l = <$client>; 1 }, 'one that dies';
    is $@, "seen enough\n", 'ends the read that it was called from';
    $client->set_msg_callback(sub { $client->close });
    eval { $client->syswrite('z') };
    pass 'one that closes its socket is survived';
};

my %WAIT = (
    sysread  => sub { sysread $_[0], my $buffer, 1 },
    '->read' => sub { $_[0]->read(my $buffer, 10) },
    readline => sub { my $line = readline $_[0] },
    eof      => sub { eof $_[0] },
    getc     => sub { getc $_[0] },
);
for my $name (sort keys %WAIT) {
    subtest "a signal handler that closes the handle while $name waits" => sub {
        my ($client, $server) = pair(over => 'unix');
        local $SIG{ALRM} = sub { $client->close };
        soon();
        my $result = $WAIT{$name}->($client);
        watchdog(60);
        ok !defined fileno($client), 'closed';
        pass 'and survived: ' . ($result // 'undef');
    };
    subtest "a signal handler that throws the handle away while $name waits" => sub {
        my @pair = pair(over => 'unix');
        local $SIG{ALRM} = sub { @pair = () };
        soon();
        my $result = eval { $WAIT{$name}->($pair[0]) };
        watchdog(60);
        is scalar(@pair), 0, 'gone';
        pass 'and survived: ' . ($result // 'undef');
    };
    subtest "a signal handler that dies while $name waits" => sub {
        my ($client, $server) = pair(over => 'unix');
        local $SIG{ALRM} = sub { die "time\n" };
        ok !eval { soon(); $WAIT{$name}->($client); 1 }, 'ends it';
        watchdog(60);
        is $@, "time\n", 'with its exception';
        print $server "after\n";
        is scalar(<$client>), "after\n", 'the connection is as it was';
    };
}

subtest 'a handle of a foreign class: perl\'s operators work, and don\'t run in a circle' => sub {
    my ($client, $server) = pair(over => 'unix');
    bless $client, 'IO::Socket::UNIX';      # whose methods are perl's operators
    print $server "one\ntwo\nthree\n";
    is scalar(<$client>), "one\n", 'readline';
    is $client->getline, "two\n", 'getline';
    is sysread($client, my $buffer, 10), 6, 'sysread';
    ok $client->printf("%s\n", 'answer'), 'printf';
    is syswrite($client, "more\n"), 5, 'syswrite';
    is getc($server), 'a', 'arrives';
    print $server 'x';
    ok !$client->eof, 'eof';
    is getc($client), 'x', 'getc';
    is fileno $client, $client->fileno, 'fileno';
    ok close $client, 'close';
};

{
    package Leaving;
    our @ISA = ('IO::Socket::SSL');
    our $now;
    sub sysread { no warnings 'exiting'; last if $now; return shift->SUPER::sysread(@_) }
    sub read    { no warnings 'exiting'; last if $now; return shift->SUPER::read(@_) }
    sub write   { no warnings 'exiting'; last if $now; return shift->SUPER::write(@_) }
}

subtest 'methods of a class that ours call can\'t leave by "last", to a loop of the program' => sub {
    my ($client, $server) = pair(over => 'unix', client_class => 'Leaving');
    print $server "line\n";
    my %call = (getline => [], getc => [], print => ['x'], printf => ['%s', 'x']);
    for my $method (sort keys %call) {
        local $Leaving::now = 1;
        my @came_to;
        for my $turn (1, 2) {
            push @came_to, eval { $client->$method(@{ $call{$method} }); 'back' } // $@;
        }
        is scalar @came_to, 2, "$method: the loop goes its way";
        like $came_to[0], qr/^Can't "last" outside a loop block/, 'and learns why';
    }
    is $client->getline, "line\n", 'afterwards all is as before';
    ok $client->print("answer\n"), 'both';
    is $server->getline, "answer\n", 'ways';
};

subtest 'nor can SSL_on_peer_shutdown' => sub {
    no warnings 'exiting';
    my ($client, $server) = pair(over => 'unix', client => { SSL_on_peer_shutdown => sub { last } });
    $server->stop_SSL(SSL_fast_shutdown => 1);
    $client->blocking(0);         # behind that end nothing comes
    my @came_to;
    for my $turn (1, 2) {
        push @came_to, eval { $client->sysread(my $buffer, 1); 'back' } // $@;
        last if $turn == 2;
    }
    is scalar @came_to, 2, 'the loop goes its way';
    like $came_to[0], qr/^Can't "last" outside a loop block/, 'and learns why';
};

subtest 'a signal handler in a handshake that throws the socket away' => sub {
    my ($near, $far) = plain_pair('unix');
    local $SIG{ALRM} = sub { undef $near };
    soon();
    eval { IO::Socket::SSL->start_SSL($near, client_args(Timeout => 2)) };
    watchdog(60);
    pass 'survived';
};

done_testing;
