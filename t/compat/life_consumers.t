# What known programs do with a socket beyond the documentation: one subtest for each way, named after
# who does it. (Session caches, contexts and certificates as handles have their own tests.)
use strict;
use warnings;

use lib 't/lib';
use Test::More;
use TLSTest;
use IO::Socket::SSL;

# A client in a child that sends a line and reads one; returns the pid.
sub visitor {
    my ($port, %args) = @_;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    alarm 50;
    my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port, client_args(%args));
    POSIX::_exit(1) if !$sock;
    print $sock "hello\n";
    POSIX::_exit((<$sock> // '') eq "welcome\n" ? 0 : 2);
}

subtest 'HTTP::Daemon::SSL: accept of the module as a function, with a class' => sub {
    { package Daemon; our @ISA = ('IO::Socket::SSL');
      sub accept {
          my ($self, $class) = @_;
          my ($sock, $peer) = IO::Socket::SSL::accept($self, $class || 'Daemon::Client');
          ${*$sock}{httpd_daemon} = $self if $sock;
          return wantarray ? ($sock, $peer) : $sock;
      }
      package Daemon::Client; our @ISA = ('IO::Socket::SSL');
      sub welcome { my $self = shift; my $line = <$self>; print $self "welcome\n"; return $line } }
    my $daemon = Daemon->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0, server_args());
    my $pid = visitor($daemon->sockport);
    my ($sock, $peer) = $daemon->accept;
    is ref $sock, 'Daemon::Client', 'the class that was asked for' or diag $SSL_ERROR;
    ok length $peer, 'the peer\'s address comes along';
    is ${*$sock}{httpd_daemon}, $daemon, 'the daemon on the glob';
    is $sock->welcome, "hello\n", 'methods of the class, over TLS';
    $sock->close;
    waitpid $pid, 0;
    is $?, 0, 'the client is content';

    my $plain = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $daemon->sockport);
    syswrite $plain, "GET / HTTP/1.0\r\n\r\n";
    is scalar($daemon->accept), undef, 'a client that speaks HTTP';
    like $SSL_ERROR, qr/http/i, 'is told from the error text';
};

subtest 'Net::Server: configure_SSL on a listener, accept_SSL with the socket it accepted' => sub {
    { package Proto; our @ISA = ('IO::Socket::SSL');
      sub accept {
          my $self = shift;
          my ($client, $peer) = $self->IO::Socket::accept('IO::Socket::INET');
          return if !$client;
          ${*$client}{$_} = ${*$self}{$_} for grep { /^SSL_/ } keys %{*$self};
          bless $client, ref $self;
          $client->configure_SSL({ SSL_server => 1,
              map { $_ => ${*$client}{$_} } grep { /^SSL_/ } keys %{*$client} }) or return;
          $self->accept_SSL($client) or return;
          return $client;
      } }
    my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0)
        or die $!;
    bless $listener, 'Proto';
    my %args = server_args();
    ${*$listener}{$_} = $args{$_} for keys %args;
    ok $listener->configure_SSL({%args}), 'configure_SSL' or diag $SSL_ERROR;
    is ${*$listener}{SSL_cert_file}, $args{SSL_cert_file}, 'its own SSL_ keys stay on the glob';
    for my $round (1, 2) {
        my $pid = visitor($listener->sockport);
        my $client = $listener->accept;
        is ref $client, 'Proto', "round $round" or diag $SSL_ERROR;
        is scalar(<$client>), "hello\n", 'TLS';
        print $client "welcome\n";
        is ${*$client}{SSL_cert_file}, $args{SSL_cert_file}, 'keys of the program stay';
        close $client;
        waitpid $pid, 0;
        is $?, 0, 'the client is content';
    }
    # A socket that is of no class of ours.
    my $pid = visitor($listener->sockport);
    my $foreign = $listener->IO::Socket::accept('IO::Socket::INET');
    is $listener->accept_SSL($foreign), $foreign, 'accept_SSL takes any socket';
    is ref $foreign, 'IO::Socket::INET', 'whose class it leaves';
    bless $foreign, 'Proto';
    is scalar(<$foreign>), "hello\n", 'TLS is on';
    print $foreign "welcome\n";
    waitpid $pid, 0;
    is $?, 0, 'the client is content';
};

subtest 'Net::SMTP, Net::POP3: a class with the protocol behind TLS, upgraded in place' => sub {
    { package Cmd;
      sub command { my ($self, $text) = @_; print $self "$text\n"; return scalar <$self> }
      package Smtp; our @ISA = ('Cmd', 'IO::Socket::INET');
      sub starttls { my ($self, %args) = @_; return Smtp::SSL->start_SSL($self, %args) }
      package Smtp::SSL; our @ISA = ('IO::Socket::SSL', 'Smtp');
      sub start_SSL {
          my ($class, $smtp, %args) = @_;
          delete @args{ grep { !/^SSL_|^Timeout$/ } keys %args };
          return ($smtp->isa($class) || $class->SUPER::start_SSL($smtp, %args)) && $smtp;
      } }
    my $server = test_server(plain => 1, handler => sub {
        my $sock = shift;
        my $line = <$sock>;
        print $sock "plain $line";
        IO::Socket::SSL->start_SSL($sock, server_args()) or return $SSL_ERROR;
        while (defined($line = <$sock>)) { print $sock "secret $line" }
        return 'done';
    });
    my $smtp = Smtp->new($server->addr) or die $!;
    ${*$smtp}{net_cmd_debug} = 7;
    $smtp->autoflush(1);
    is $smtp->command('EHLO'), "plain EHLO\n", 'before';
    ok $smtp->starttls(client_args(), Timeout => 20, Port => 25), 'starttls' or diag $SSL_ERROR;
    is ref $smtp, 'Smtp::SSL', 'its class';
    is ${*$smtp}{net_cmd_debug}, 7, 'keys of the protocol survive';
    is $smtp->command('EHLO'), "secret EHLO\n", 'after';
    is $smtp->starttls(client_args()), $smtp, 'a second starttls is none';
    is IO::Socket::SSL::getline($smtp) // 'timeout', "secret x\n", 'getline by its full name'
        if print {$smtp} "x\n";
    ok $smtp->close, 'close';
    is $server->outcome, 'done', 'the server is content';
};

subtest 'Net::FTP: TLS from birth, begun and ended on demand; data connections in both directions' => sub {
    my $server = test_server(plain => 1, handler => sub {
        my $sock = shift;
        print $sock "220 plain\n";
        IO::Socket::SSL->start_SSL($sock, server_args()) or return $SSL_ERROR;
        print $sock '230 ', scalar <$sock>;
        $sock->stop_SSL or return "stop: $SSL_ERROR";
        print $sock "200 plain again\n";
        my $line = <$sock>;
        print $sock "150 $line";
        return 'done';
    });
    my $ftp = IO::Socket::SSL->new(PeerAddr => $server->addr, SSL_startHandshake => 0, client_args())
        or die $SSL_ERROR;
    $ftp->autoflush(1);
    ok $ftp->can_client_sni, 'can_client_sni of an object' if IO::Socket::SSL->can_client_sni;
    ok !$ftp->is_SSL, 'born plain';
    is $ftp->getline, "220 plain\n", 'read as plain';
    ok $ftp->connect_SSL, 'AUTH TLS' or diag $SSL_ERROR;
    ok $ftp->is_SSL, 'is_SSL';
    print $ftp "user\n";
    is $ftp->getline, "230 user\n", 'TLS';
    ok $ftp->stop_SSL, 'CCC';
    ok !$ftp->is_SSL, 'plain';
    is ref $ftp, 'IO::Socket::SSL', 'still of its class';
    is $ftp->getline, "200 plain again\n", 'plain';
    $ftp->print("list\n");
    is $ftp->getline, "150 list\n", 'both ways';

    # The server connects to us, and we are the client of TLS; with the context of the control
    # connection.
    { package DataConn; our @ISA = ('IO::Socket::SSL'); sub reading { 'reading' } }
    my $listen = DataConn->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0,
        SSL_reuse_ctx => $ftp, SSL_startHandshake => 0, SSL_verifycn_name => 'server.test')
        or die $SSL_ERROR;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        alarm 50;
        my $data = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $listen->sockport);
        IO::Socket::SSL->start_SSL($data, server_args()) or POSIX::_exit(1);
        print $data "a file\n";
        close $data;
        POSIX::_exit(0);
    }
    my $data = $listen->accept('DataConn');
    is ref $data, 'DataConn', 'accepted';
    ok !$data->is_SSL, 'no handshake yet';
    ok $data->connect_SSL, 'a handshake as client on an accepted socket' or diag $SSL_ERROR;
    is $data->reading, 'reading', 'its class';
    is join('', <$data>), "a file\n", 'data';
    waitpid $pid, 0;
    is $?, 0, 'the server is content';
};

subtest 'HTTP::Tiny: CONNECT through a TLS proxy ends TLS and begins it again on the same handle' => sub {
    my $server = test_server(handler => sub {
        my $sock = shift;
        my $line = <$sock>;
        print $sock "200 $line";
        $sock->stop_SSL or return "stop: $SSL_ERROR";
        IO::Socket::SSL->start_SSL($sock, server_args()) or return "start: $SSL_ERROR";
        $line = <$sock>;
        print $sock "inner $line";
        return 'done';
    });
    my $fh = IO::Socket::INET->new($server->addr) or die $!;
    IO::Socket::SSL->start_SSL($fh, client_args(), SSL_create_ctx_callback => sub { });
    ok ref $fh eq 'IO::Socket::SSL', 'success is told from ref' or diag $SSL_ERROR;
    ok $fh->can('start_SSL'), 'can(start_SSL)';
    print {$fh} "CONNECT\n";
    is scalar(<$fh>), "200 CONNECT\n", 'to the proxy';
    ok $fh->stop_SSL, 'stop_SSL is true' or diag $SSL_ERROR;
    IO::Socket::SSL->start_SSL($fh, client_args());
    ok ref $fh eq 'IO::Socket::SSL', 'and start_SSL works again' or diag $SSL_ERROR;
    print {$fh} "GET\n";
    is scalar(<$fh>), "inner GET\n", 'to the server behind it';
    is $server->outcome, 'done', 'which is content';

    $fh = IO::Socket::INET->new(test_server(plain => 1, handler => sub { syswrite $_[0], "no TLS\n" })
        ->addr) or die $!;
    my $ssl = IO::Socket::SSL->start_SSL($fh, client_args());
    ok !$ssl, 'a failure';
    isnt ref $fh, 'IO::Socket::SSL', 'is told from ref too';
};

subtest 'IO::Async, Mojo: errors arrive in the trap only, and the socket stays open' => sub {
    my ($client, $server) = plain_pair();
    my @trapped;
    $client->blocking(0);
    my $sock = IO::Socket::SSL->start_SSL($client, client_args(), SSL_startHandshake => 0,
        SSL_error_trap => sub { push @trapped, [@_] }) or die $SSL_ERROR;
    ok !$sock->connect_SSL, 'not at once';
    cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'want read, compared as a number';
    is_deeply \@trapped, [], 'which is no error';
    syswrite $server, "HTTP/1.0 400 speak plainly\r\n\r\n";
    ready($client, 'r');
    ok !$sock->connect_SSL, 'then it fails';
    is scalar @trapped, 1, 'the trap is called once';
    is $trapped[0][0], $sock, 'with the socket';
    like $trapped[0][1], qr/SSL connect attempt failed/, 'and the text';
    ok defined fileno $client, 'the descriptor is open';
    like IO::Socket::SSL::errstr(), qr/SSL connect attempt failed/, 'errstr as a function';
};

subtest 'Net::HTTPS: blocking overridden as a no-op; LWP: what it asks of a connection' => sub {
    { package Https; our @ISA = ('IO::Socket::SSL');
      sub blocking { return }
      sub configure { my ($self, $args) = @_; ${*$self}{http_host} = 'x'; $self->SUPER::configure($args) } }
    my $server = test_server();
    my $sock = client($server, class => 'Https');
    ok $sock, 'connects' or diag $SSL_ERROR;
    print $sock "hello\n";
    # Old versions of the incumbent took such a socket for a non-blocking one.
    is finish($sock, sub { scalar <$sock> }), "hello\n", 'data' if since('2.090');
    like $sock->get_peer_certificate->subject_name, qr/server\.test/, 'subject_name';
    like $sock->get_peer_certificate->issuer_name, qr/./, 'issuer_name';
    ok $sock->get_cipher, 'get_cipher';
    ok $sock->can('get_sslversion') && $sock->get_sslversion, 'get_sslversion';
    my %names = reverse $sock->peer_certificate('subjectAltNames');
    is $names{'server.test'}, GEN_DNS, 'subjectAltNames';
    ${*$sock}{io_socket_timeout} = 20;
    is $sock->timeout, 20, 'io_socket_timeout is the timeout';
    is $sock->pending, 0, 'pending, before select';
    ok $sock->isa('IO::Socket::SSL'), 'isa';
};

subtest 'Net::HTTPS::NB, Event::RPC, Net::SMTPS: the variables' => sub {
    no warnings 'once';
    local *MINE = \$SSL_ERROR;
    our $MINE;
    my $server = test_server();
    client($server, SSL_verifycn_name => 'wrong.test');
    like $MINE, qr/^hostname verification failed/, 'an alias made before sees the error';
    like $IO::Socket::SSL::ERROR, qr/^hostname verification failed/, '$ERROR is the same';
    { local $IO::Socket::SSL::DEBUG = 0; ok client($server), '$DEBUG can be localized' }
    cmp_ok $IO::Socket::SSL::VERSION, '>', 1.964, 'the version is a number';
    ok eval { IO::Socket::SSL->VERSION('2.009'); 1 }, 'and new enough';
};

subtest 'arguments given as empty strings are as none' => sub {
    my $server = test_server();
    my $sock = client($server, SSL_ca_path => '', SSL_cert_file => '', SSL_key_file => '',
        SSL_fingerprint => '');
    ok $sock, 'connects' or diag $SSL_ERROR;
};

subtest 'o-saft: close(SSL_ctx_free => 1)' => sub {
    my $server = test_server();
    my $sock = client($server) or die $SSL_ERROR;
    ok $sock->close(SSL_ctx_free => 1), 'closes';
    ok client($server), 'and the next connects';
};

subtest 'what is on the glob' => sub {
    my $server = test_server();
    my $sock = client($server) or die $SSL_ERROR;
    ok exists ${*$sock}{$_}, $_ for qw(_SSL_arguments _SSL_ctx _SSL_fileno _SSL_object _SSL_opened);
    is ${*$sock}{_SSL_fileno}, fileno $sock, '_SSL_fileno';
    is ${*$sock}{_SSL_opened}, 1, '_SSL_opened';
    is ref ${*$sock}{_SSL_ctx}, 'IO::Socket::SSL::SSL_Context', '_SSL_ctx';
    like ${*$sock}{_SSL_ctx}{context}, qr/^\d+$/, 'with its number';
    like ${*$sock}{_SSL_object}, qr/^\d+$/, '_SSL_object';
    is $sock->_get_ssl_object, ${*$sock}{_SSL_object}, 'which _get_ssl_object returns';
    is $sock->_get_ctx_object, ${*$sock}{_SSL_ctx}{context}, 'and _get_ctx_object the context\'s';
    my $other = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $server->port, client_args(),
        SSL_reuse_ctx => $sock, SSL_startHandshake => 0);
    is $other->_get_ctx_object, $sock->_get_ctx_object, 'a socket lends its context';
};

done_testing;
