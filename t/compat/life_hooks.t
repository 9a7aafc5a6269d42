# Which methods of a class built on IO::Socket::SSL are called, and in which order.
#
# A class that overrides them all writes down each call. One list of what is expected serves both
# implementations. Methods that only ask or note something (blocking, timeout, fileno, errstr,
# error ...) are called by each in its own way, and aren't in it; "peek" came with 2.09x.
use strict;
use warnings;

use lib 't/lib';
use Test::More;
use TLSTest;
use IO::Socket::SSL;

our (@calls, $depth);
$depth = 0;
{
    package Traced;
    our @ISA = ('IO::Socket::SSL');
    for my $method (qw(new configure configure_SSL socket bind listen connect connect_SSL accept
        accept_SSL start_SSL new_from_fd stop_SSL close kill_socket fatal_ssl_error DESTROY
        sysread syswrite read write print printf say readline getline getlines getc
        peer_certificate get_peer_certificate verify_hostname get_fingerprint opened pending)) {
        no strict 'refs';
        *$method = eval "package Traced; sub {
            my \$self = shift;
            push \@main::calls, ('.' x \$main::depth) . '$method';
            local \$main::depth = \$main::depth + 1;
            Traced->can('SUPER::$method') || '$method' ne 'DESTROY' ? \$self->SUPER::$method(\@_) : ();
        }" || die $@;
    }
}

# hooks($name, $code, $expected) - what $code calls, dots for the depth; returns what it returned.
sub hooks {
    my ($name, $code, $expected) = @_;
    @calls = ();
    my $result = $code->();
    is "@calls", $expected, $name;
    return $result;
}

sub traced { return client(shift, class => 'Traced', @_) }

my $CONNECTS = '.configure ..configure_SSL ..socket ..connect ...connect_SSL';

subtest 'a client from new to close' => sub {
    my $server = test_server();
    my $sock = hooks(new => sub { traced($server) }, "new $CONNECTS");
    ok $sock, 'connected' or return;
    my $buffer;
    my @cases = (
        [ 'print',            sub { print $sock "a\n" },        'print .write' ],
        [ '->print',          sub { $sock->print("a\n") },      'print .write' ],
        [ 'printf',           sub { printf $sock "%s\n", 'a' }, 'printf .write' ],
        [ '->printf',         sub { $sock->printf("a\n") },     'printf .write' ],
        [ '->say',            sub { $sock->say('a') },          'say .print ..write' ],
        [ 'syswrite',         sub { syswrite $sock, "abc\n" },  'syswrite' ],
        [ '->syswrite',       sub { $sock->syswrite("abc\n") }, 'syswrite' ],
        [ '->write',          sub { $sock->write("abc\n") },    'write' ],
        [ 'readline',         sub { my $line = <$sock> },       'readline .sysread' ],
        [ '->readline',       sub { $sock->readline },          'readline .sysread' ],
        [ '->getline',        sub { $sock->getline },           'getline .readline ..sysread' ],
        [ 'sysread',          sub { sysread $sock, $buffer, 1 },'sysread' ],
        [ 'read',             sub { read $sock, $buffer, 1 },   'sysread' ],
        [ '->read',           sub { $sock->read($buffer, 1) },  'read' ],
        [ 'getc',             sub { getc $sock },               'getc .read' ],
        [ '->getc',           sub { $sock->getc },              'getc .read' ],
        [ '->pending',        sub { $sock->pending },           'pending' ],
        [ '->opened',         sub { $sock->opened },            'opened' ],
        [ '->verify_hostname',     sub { $sock->verify_hostname('server.test') },
                              'verify_hostname .peer_certificate' ],
        [ '->get_fingerprint',     sub { $sock->get_fingerprint },
                              'get_fingerprint .peer_certificate' ],
        [ '->get_peer_certificate->subject_name',
                              sub { $sock->get_peer_certificate->subject_name },
                              'get_peer_certificate .peer_certificate' ],
        [ 'close',            sub { close $sock },              'close .stop_SSL' ],
        [ 'and forgotten',    sub { undef $sock },              'DESTROY' ],
    );
    $cases[-3][2] = 'get_peer_certificate peer_certificate';     # one after the other
    hooks(@$_) for @cases;
};

subtest 'a line is read by few calls, and no further than its end' => sub {
    my ($client, $server) = settle(pair(client_class => 'Traced'));
    my $long = 'x' x 1000;
    print $server "$long\nrest\n";
    @calls = ();
    is scalar(<$client>), "$long\n", 'a long line';
    cmp_ok scalar(grep { /sysread/ } @calls), '<=', 2, 'not byte by byte';
    is sysread($client, my $buffer, 100), 5, 'the rest is still there';
    print $server "one\n\n\n\ntwo\n\nabcdef";
    { local $/ = ''; like scalar(<$client>), qr/^one\n\n/, 'a paragraph';
      like scalar(<$client>), qr/^two\n\n/, 'another'; }
    { local $/ = \3; is scalar(<$client>), 'abc', 'a record'; }
    { local $/ = 'ef'; is scalar(<$client>), 'def', 'another separator'; }
};

subtest 'a separator in two records is found' => sub {
    my ($client, $server) = settle(pair(client_class => 'Traced', blocking => 1));
    local $/ = 'END';
    syswrite $server, "textE";
    syswrite $server, "NDmore";
    is scalar(<$client>), 'textEND', 'the line';
    is sysread($client, my $buffer, 100), 4, 'what follows';
};

subtest 'ways to connect and to fail' => sub {
    my $server = test_server();
    my $sock = hooks('new without handshake' => sub { traced($server, SSL_startHandshake => 0) },
        'new .configure ..configure_SSL ..socket ..connect');
    hooks('connect_SSL' => sub { $sock->connect_SSL }, 'connect_SSL');
    hooks('dropped while it is open' => sub { undef $sock }, 'DESTROY .close ..stop_SSL');
    $sock = hooks('Timeout' => sub { traced($server, Timeout => 20) }, "new $CONNECTS");
    undef $sock;
    $sock = hooks('Blocking => 0' => sub { traced($server, Blocking => 0) }, "new $CONNECTS");
    undef $sock;
    hooks('the wrong name' => sub { traced($server, SSL_verifycn_name => 'wrong.test') },
        "new $CONNECTS ....fatal_ssl_error .....close ......stop_SSL .DESTROY");
    hooks('nobody listens' => sub {
        my $port = TLSTest::plain_listener('127.0.0.1')->sockport;
        Traced->new(PeerAddr => '127.0.0.1', PeerPort => $port);
    }, 'new .configure ..configure_SSL ..socket ..connect .DESTROY');
    hooks('no context' => sub { traced($server, SSL_ca_file => cert('empty.pem')) },
        'new .configure ..configure_SSL .DESTROY');
};

subtest 'start_SSL and stop_SSL' => sub {
    my $server = test_server();
    my $plain = sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->port) };
    my $sock = hooks('start_SSL' => sub { Traced->start_SSL($plain->(), client_args()) },
        'start_SSL .configure_SSL .connect_SSL');
    hooks('stop_SSL' => sub { $sock->stop_SSL(SSL_no_shutdown => 1); 1 }, 'stop_SSL');
    $sock = hooks('without handshake' => sub {
        Traced->start_SSL($plain->(), client_args(), SSL_startHandshake => 0)
    }, 'start_SSL .configure_SSL');
    hooks('dropped' => sub { undef $sock }, 'DESTROY');
    hooks('failed' => sub {
        Traced->start_SSL($plain->(), client_args(SSL_verifycn_name => 'wrong.test'))
    }, 'start_SSL .configure_SSL .connect_SSL ..fatal_ssl_error ...stop_SSL');
    my $first = $plain->();
    $sock = hooks('new_from_fd' => sub { Traced->new_from_fd(fileno $first, client_args()) },
        'new_from_fd .start_SSL ..configure_SSL ..connect_SSL');
};

subtest 'a server' => sub {
    my $listener = hooks('new' => sub {
        Traced->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0, server_args())
    }, 'new .configure ..configure_SSL ..socket ..bind ..listen');
    my $client_in_child = sub {
        my %args = @_;
        my $pid = fork // die "fork: $!";
        return $pid if $pid;
        alarm 50;
        my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $listener->sockport,
            client_args(%args));
        my $line = $sock && <$sock>;
        POSIX::_exit(0);
    };
    my $pid = $client_in_child->();
    my $sock = hooks('accept' => sub { $listener->accept }, 'accept .accept_SSL');
    is ref $sock, 'IO::Socket::SSL', 'gives one of the base class';
    undef $sock;
    waitpid $pid, 0;

    $pid = $client_in_child->();
    $sock = hooks('accept(class)' => sub { $listener->accept('Traced') },
        'accept .new .accept_SSL');
    is ref $sock, 'Traced', 'gives one of that class';
    hooks('dropped' => sub { undef $sock }, 'DESTROY .close ..stop_SSL');
    waitpid $pid, 0;

    $pid = $client_in_child->(SSL_verifycn_name => 'wrong.test');
    hooks('a client that refuses' => sub { $listener->accept('Traced') },
        'accept .new .accept_SSL ..fatal_ssl_error ...close ....stop_SSL .DESTROY');
    waitpid $pid, 0;
    hooks('the listener, dropped' => sub { undef $listener }, 'DESTROY');
};

subtest 'close asks for stop_SSL, with its own arguments, whatever state the handle is in' => sub {
    my $server = test_server();
    my $sock = traced($server, SSL_startHandshake => 0);
    hooks('before the handshake' => sub { $sock->close; 1 }, 'close .stop_SSL');
    $sock = traced($server);
    $sock->stop_SSL(SSL_no_shutdown => 1);
    hooks('after stop_SSL' => sub { $sock->close; 1 }, 'close .stop_SSL');
    { package Args; our @ISA = ('IO::Socket::SSL'); our (%close, %stop);
      sub close    { my ($self, %args) = @_; %close = %args; $self->SUPER::close(%args) }
      sub stop_SSL { my ($self, %args) = @_; %stop = %args; $self->SUPER::stop_SSL(%args) } }
    my $other = test_server();
    $sock = client($other, class => 'Args') or die $SSL_ERROR;
    $sock->close;
    is $Args::stop{SSL_fast_shutdown}, 1, 'close doesn\'t wait for the peer';
    $sock = client($other, class => 'Args') or die $SSL_ERROR;
    undef $sock;
    is $Args::close{SSL_no_shutdown}, 1, 'a dropped handle doesn\'t tell the peer';
    is $Args::close{_SSL_in_DESTROY}, 1, 'and close knows where it is called from';
    is $Args::stop{SSL_no_shutdown}, 1, 'stop_SSL too';
};

subtest 'what is still there when everything ends is closed by its method, too' => sub {
    my ($server, $ca) = (test_server(), cert('ca.pem'));
    # What perl never freed is the point here.
    local $ENV{ASAN_OPTIONS} = "$ENV{ASAN_OPTIONS}:detect_leaks=0" if $ENV{IOSSL_SANITIZE};
    my %kept = ('in a package variable' => '', 'in a cycle' => '$sock = { sock => $sock };
        $sock->{self} = $sock;', 'by itself' => '${*$sock}{self} = $sock; undef $sock;');
    for my $how (sort keys %kept) {
        my $port = $server->port;
        is perl_output(<<"END"), "connected\nclose\n", $how;
use IO::Socket::SSL;
{ package Sub; our \@ISA = 'IO::Socket::SSL';
  sub close { my \$self = shift; print "close\\n"; \$self->SUPER::close(\@_) } }
our \$sock = Sub->new(PeerAddr => '127.0.0.1', PeerPort => $port, SSL_ca_file => '$ca',
    SSL_verifycn_name => 'server.test') or die \$SSL_ERROR;
print "connected\\n";
$kept{$how}
END
    }
};

done_testing;
