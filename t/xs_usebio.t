# SSL_usebio where there may be no descriptor at all: objects, tied handles, deeper nesting, listeners,
# and outer handles that misbehave.
use strict;
use warnings;

use Config;
use lib 't/lib';
use Errno qw(EAGAIN EIO EPERM);
use Symbol;
use Test::More;
use TLSTest;
use IO::Socket::SSL;

# One end of a connection in memory. Only what SSL_usebio needs: no glob, no descriptor.
{
    package Memory;
    sub pair {
        my $class = shift;
        my ($a, $b) = ('', '');
        return map { bless { in => $_->[0], out => $_->[1], %{ $_[0] || {} } }, $class }
            [ \$a, \$b ], [ \$b, \$a ];
    }
    sub sysread {
        my ($self, undef, $len, $offset) = @_;
        return $self->{sysread}->(@_) if $self->{sysread};
        if (!length ${ $self->{in} }) {
            return 0 if $self->{at_end};
            $! = Errno::EAGAIN();
            return undef;
        }
        $_[1] = '' if !defined $_[1];
        substr($_[1], $offset || 0) = substr ${ $self->{in} }, 0, $len, '';
        return length($_[1]) - ($offset || 0);
    }
    sub syswrite {
        my ($self, $data, $len, $offset) = @_;
        return $self->{syswrite}->(@_) if $self->{syswrite};
        $data = substr $data, $offset || 0, $len if defined $len;
        ${ $self->{out} } .= $data;
        return length $data;
    }
}
# The same as a tied handle.
{
    package TiedMemory;
    sub TIEHANDLE { return $_[1] }
    sub READ  { my $self = shift; return $self->Memory::sysread(@_) }
    sub WRITE { my $self = shift; return $self->Memory::syswrite(@_) }
    sub CLOSE { my $self = shift; return ++$self->{closed} }
    our @ISA = ('Memory');
}

# Puts TLS over both ends and shakes hands.
sub over {
    my ($client, $server, %args) = @_;
    my $c = IO::Socket::SSL->start_SSL($client, client_args(), SSL_usebio => 1,
        SSL_startHandshake => 0, %{ $args{client} || {} }) or die "client: $SSL_ERROR";
    my $s = IO::Socket::SSL->start_SSL($server, server_args(), SSL_usebio => 1,
        SSL_startHandshake => 0, %{ $args{server} || {} }) or die "server: $SSL_ERROR";
    my ($c_ok, $s_ok);
    for (1 .. 50) {
        $c_ok ||= $c->connect_SSL || ($SSL_ERROR == SSL_WANT_READ ? 0 : die "client: $SSL_ERROR");
        $s_ok ||= $s->accept_SSL  || ($SSL_ERROR == SSL_WANT_READ ? 0 : die "server: $SSL_ERROR");
        return ($c, $s) if $c_ok && $s_ok;
    }
    die 'no end of the handshake';
}

sub talk {
    my ($client, $server) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    print $client "request\n";
    is scalar(<$server>), "request\n", 'to the server';
    print $server "answer\n";
    return is scalar(<$client>), "answer\n", 'to the client';
}

subtest 'an object with sysread and syswrite is enough' => sub {
    my ($client, $server) = over(Memory->pair);
    talk($client, $server);
    is $client->opened, 1, 'opened';
    is $client->fileno, undef, 'without a descriptor';
    ok !$client->blocking, 'it never blocks';
    is sysread($client, my $buffer, 10), undef, 'nothing to read';
    is $! + 0, EAGAIN, 'EAGAIN';
    cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'want read';
    my $long = join '', map { chr($_ % 256) } 1 .. 100_000;
    is $client->write($long), length $long, 'a long write';
    my $got = '';
    1 while length $got < length $long && sysread $server, $got, 20_000, length $got;
    ok $got eq $long, 'arrives';
    is $client->close, 1, 'close';
    is sysread($server, $buffer, 10), 0, 'is the end for the other';
};

subtest 'a whole record that comes byte by byte is one read' => sub {
    my @ends = Memory->pair;
    my ($client, $server) = over(@ends);
    print $server 'x' x 16384;
    $ends[0]{sysread} = sub { delete local $_[0]{sysread}; Memory::sysread($_[0], $_[1], 1, $_[3]) };
    is sysread($client, my $buffer, 20_000), 16384, 'read';
};

subtest 'a tied handle is enough' => sub {
    my @end = TiedMemory->pair;
    my ($c, $s) = map { my $handle = Symbol::gensym(); tie *$handle, 'TiedMemory', $_; $handle } @end;
    my ($client, $server) = over($c, $s);
    talk($client, $server);
    is ref $c, 'GLOB', 'it stays unblessed';
    ok $client->close, 'close';
    is $end[0]{closed}, 1, 'closes it too';
};

subtest 'a blocking handshake over what can\'t wait fails with what it waits for' => sub {
    my ($end) = Memory->pair;
    is(IO::Socket::SSL->start_SSL($end, client_args(), SSL_usebio => 1), undef, 'no object');
    cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'want read';
};

subtest 'three deep in memory, and back layer by layer' => sub {
    my @ends = Memory->pair;
    my @layers = ([@ends]);
    push @layers, [ over(@{ $layers[-1] }) ] for 1 .. 4;
    talk(@{ $layers[-1] });
    for my $depth (reverse 1 .. 4) {
        my ($client, $server) = @{ $layers[$depth] };
        # Our end is sent; the peer answers it; then both are done.
        ok !$client->stop_SSL, "layer $depth: the peer's end isn't there yet";
        cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'and is waited for';
        is $server->stop_SSL, $layers[ $depth - 1 ][1], 'the server ends TLS';
        is $client->stop_SSL, $layers[ $depth - 1 ][0], 'and the client has its outer handle back';
        talk(@{ $layers[ $depth - 1 ] }) if $depth > 1;
    }
};

subtest 'three deep over TCP, blocking' => sub {
    my ($client, $server) = plain_pair();
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        alarm 50;
        my $sock = $server;
        $sock = IO::Socket::SSL->start_SSL($sock, server_args(), SSL_usebio => 1) for 1 .. 3;
        while (defined(my $line = <$sock>)) { print $sock "echo $line" }
        close $sock;
        POSIX::_exit(0);
    }
    close $server;
    my $sock = $client;
    $sock = IO::Socket::SSL->start_SSL($sock, client_args(), SSL_usebio => 1, Timeout => 30)
        || die $SSL_ERROR for 1 .. 3;
    print $sock "hello\n";
    is scalar(<$sock>), "echo hello\n", 'a line';
    print $sock 'y' x 50_000, "\n";
    is length(<$sock>), 50_006, 'a long one';
    is $sock->fileno, $client->fileno, 'the descriptor at the bottom';
    is $sock->peerhost, '127.0.0.1', 'and its peer';
    ok $client->blocking, 'which blocks, as before the handshakes';
    ok $sock->close, 'close';
    ok !defined fileno $client, 'closes all of them';
    waitpid $pid, 0;
    is $?, 0, 'the other end is content';
};

subtest 'a listener wraps each socket that it accepts' => sub {
    my $server = test_server(args => { SSL_usebio => 1 }, handler => sub {
        my $sock = shift;
        print $sock "from the inner\n";
        my $answer = <$sock>;
        return ref($sock) . ' over ' . ref(${*$sock}{_SSL_bio_socket}) . ", $answer";
    });
    my $sock = client($server) or die $SSL_ERROR;
    is scalar(<$sock>), "from the inner\n", 'TLS';
    print $sock "thanks\n";
    is $server->outcome, "IO::Socket::SSL over $IO::Socket::SSL::ISA[0], thanks\n", 'the objects';

    is(client($server, SSL_verifycn_name => 'wrong.test'), undef, 'a client that refuses');
    like $server->outcome, qr/^accept failed: SSL accept attempt failed/, 'makes accept fail';
    ok client($server), 'and the next one is served';
};

subtest 'a time limit holds although the outer handle blocks' => sub {
    my ($client, $server) = plain_pair();
    is(IO::Socket::SSL->start_SSL($client, client_args(), SSL_usebio => 1, Timeout => 0.2), undef,
        'nobody answers');
    ok $!{ETIMEDOUT}, 'ETIMEDOUT' or diag $!;
    cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'want read';
    ok $client->blocking, 'the outer handle blocks as before';
};

subtest 'an exception of the outer handle comes through, and OpenSSL survives it' => sub {
    for my $method (qw(sysread syswrite)) {
        my @ends = Memory->pair;
        my ($client, $server) = over(@ends);
        syswrite $server, 'data';
        $ends[0]{$method} = sub { die { from => $method } };
        my $done = eval { $method eq 'sysread' ? sysread $client, my $buffer, 10
                                               : syswrite $client, 'x'; 1 };
        ok !$done, "$method died";
        is ref $@ && $@->{from}, $method, 'with its exception';
        delete $ends[0]{$method};
        ok $client->close(SSL_no_shutdown => 1), 'close';
    }
    my ($end) = Memory->pair({ sysread => sub { die "no\n" } });
    ok !eval { IO::Socket::SSL->start_SSL($end, client_args(), SSL_usebio => 1); 1 }, 'in a handshake';
    is $@, "no\n", 'as well';
    my ($client, $server) = over(Memory->pair);
    talk($client, $server);
};

subtest 'nor does "last" lead out of the outer handle, to a loop of the program' => sub {
    for my $method (qw(sysread syswrite)) {
        my @ends = Memory->pair;
        my ($client, $server) = over(@ends);
        syswrite $server, 'data';
        no warnings 'exiting';
        $ends[0]{$method} = sub { last };
        my @came_to;
        for my $turn (1, 2) {       # the method, since a tie is a barrier by itself
            push @came_to, eval { $client->$method(my $buffer = 'x', 1); 'back' } // $@;
        }
        is scalar @came_to, 2, "$method: the loop goes its way";
        like $came_to[0], qr/^Can't "last" outside a loop block/, 'and learns why';
        is $client->close(SSL_no_shutdown => 1), 1, 'close';
    }
};

subtest 'answers that make no sense are errors' => sub {
    my %answer = (
        'more than asked for'      => sub { $_[1] = 'x' x ($_[2] + 1); $_[2] + 1 },
        'a count without bytes'    => sub { $_[2] },
        'less than it says'        => sub { $_[1] = 'x'; 3 },
        'a reference as buffer'    => sub { $_[1] = {}; 3 },
        'wide characters'          => sub { $_[1] = "\x{263a}" x 3; 3 },
        'a text'                   => sub { $_[1] = 'xyz'; 'three' },
        'an object'                => sub { $_[1] = 'xyz'; bless [], 'Overloaded' },
        'a negative number'        => sub { $_[1] = 'xyz'; -3 },
    );
    { package Overloaded; use overload '0+' => sub { die "converted\n" }, fallback => 1; }
    for my $what (sort keys %answer) {
        my @ends = Memory->pair;
        my ($client, $server) = over(@ends);
        $ends[0]{sysread} = $answer{$what};
        is eval { sysread $client, my $buffer, 10 }, undef, "$what: undef" or diag $@;
        ok $SSL_ERROR, "an error: $SSL_ERROR";
    }
    my @ends = Memory->pair;
    my ($client) = over(@ends);
    $ends[0]{syswrite} = sub { length($_[1]) + 1 };
    is syswrite($client, 'x'), undef, 'more written than given: undef';
    is $! + 0, EIO, 'EIO';

    @ends = Memory->pair;
    ($client, my $server) = over(@ends);
    $ends[0]{syswrite} = sub { ${ $ends[0]{out} } .= substr $_[1], 0, 1; 1 };
    is syswrite($client, 'byte by byte'), 12, 'a byte at a time is slow, but right';
    is sysread($server, my $buffer, 100), 12, 'all arrives';
};

subtest 'the end of the outer handle is the end of the inner' => sub {
    my @ends = Memory->pair;
    my ($client, $server) = over(@ends);
    $ends[1]{at_end} = 1;
    is sysread($server, my $buffer, 10), 0, 'as an end without close_notify of a socket is';
    ok !$SSL_ERROR, 'no error';
};

subtest 'one-sided ends: what is plain then goes through the outer handle' => sub {
    my ($client, $server) = over(Memory->pair);
    is $client->stop_SSL(SSL_fast_shutdown => 1), $client, 'only our end is sent';
    is $client->is_SSL, 'r', 'we still read TLS';
    is sysread($server, my $buffer, 10), 0, 'the peer sees it';
    is $server->is_SSL, '', 'and answers';
    is syswrite($server, 'x'), undef, 'then it may not write';
    is $! + 0, EPERM, 'EPERM';
    is syswrite($client, 'plain'), 5, 'we may, in plain';
    is sysread($client, $buffer, 10), 0, 'the answer ends our TLS';
    ok !defined $client->is_SSL, 'wholly';
    my $outer = $server->stop_SSL;
    is $outer->sysread($buffer, 10), 5, 'what was plain is read from the outer handle';
    is $buffer, 'plain', 'as it was sent';

    my ($c, $s) = over(Memory->pair, server => {
        SSL_on_peer_shutdown => sub { return 0 },
    });
    $c->stop_SSL(SSL_fast_shutdown => 1);
    is sysread($s, $buffer, 10), 0, 'with SSL_on_peer_shutdown';
    is $s->is_SSL, 'w', 'only reading is plain';
    syswrite $c, "more\nand more\n";
    is sysread($s, $buffer, 5), 5, 'plain data are read';
    is scalar(<$s>), "and more\n", 'as lines too';
    syswrite $s, 'still TLS';
    is sysread($c, $buffer, 20), 9, 'while writing is TLS';
};

subtest 'dropped in any order, nothing happens' => sub {
    my @ends = Memory->pair;
    my ($client, $server) = over(@ends);
    my ($inner) = over($client, $server);
    my $length = length ${ $ends[0]{out} };
    undef $client;
    undef $inner;
    is length ${ $ends[0]{out} }, $length, 'nothing is sent';
    ok 1, 'and nothing crashes';
};

subtest 'a handle over itself, by mistake' => sub {
    my ($end) = Memory->pair;
    my $tls = IO::Socket::SSL->start_SSL($end, client_args(), SSL_usebio => 1, SSL_startHandshake => 0);
    $end->{sysread} = sub { $tls->sysread($_[1], 5) };
    ok !eval { $tls->connect_SSL }, 'fails';
    like $@ || $SSL_ERROR, qr/can't use that connection itself/, 'and is told';
};

subtest 'threads: a copy is used and freed by its own thread' => sub {
    plan skip_all => 'this perl has no threads' if !$Config{useithreads};
    my $server = test_server();
    my ($port, $ca) = ($server->port, cert('ca.pem'));
    my $said = perl_output(<<"END");
use threads;
use IO::Socket::SSL;
my \$plain = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die;
my \$sock = IO::Socket::SSL->start_SSL(\$plain, SSL_usebio => 1, SSL_ca_file => '$ca',
    SSL_verifycn_name => 'server.test') or die \$SSL_ERROR;
sub talk { print \$sock "\$_[0]\\n"; return scalar <\$sock> }
print talk('before');
print threads->create(sub { talk('in a thread') })->join;
print threads->create(sub { undef \$sock; undef \$plain; "dropped\\n" })->join;
print talk('after');
END
    is $said, "before\nin a thread\ndropped\nafter\n", 'one connection across threads';
};

done_testing;
