# Classes built on IO::Socket::SSL: what they may override, and what they get.
use strict;
use warnings;

use lib 't/lib';
use Test::More;
use TLSTest;
use IO::Socket::SSL;

# Records each call of a method that a program is known to override, and passes it on.
{
    package Recorder;
    our @ISA = ('IO::Socket::SSL');
    our @calls;
    for my $method (qw(configure connect close print printf sysread syswrite readline getc
        connect_SSL)) {
        no strict 'refs';
        *$method = eval "package Recorder; sub { push \@calls, '$method'; my \$self = shift;
            \$self->SUPER::$method(\@_) }" || die $@;
    }
}
# A protocol class with TLS first among its parents, as Net::SMTP and friends make it.
{
    package Protocol;
    sub greet { my $self = shift; print $self "greetings\n"; return 'greeted' }
    sub option { my $self = shift; return ${*$self}{protocol_option} }

    package Protocol::TLS;
    our @ISA = ('IO::Socket::SSL', 'Protocol');
    sub starttls {
        my ($class, $self, %args) = @_;
        return $class->SUPER::start_SSL($self, %args);
    }

    package Protocol::Plain;
    our @ISA = ('IO::Socket::INET', 'Protocol');
}
# Adds arguments of its own in configure.
{
    package Preset;
    our @ISA = ('IO::Socket::SSL');
    our $name;
    sub configure {
        my ($self, $args) = @_;
        $args->{SSL_ca_file}       = TLSTest::cert('ca.pem');
        $args->{SSL_verifycn_name} = $name;
        ${*$self}{preset} = 'kept';
        return $self->SUPER::configure($args);
    }
}

sub called { my $method = shift; return scalar grep { $_ eq $method } @Recorder::calls }

subtest 'new goes through configure, connect and connect_SSL of the class' => sub {
    my $server = test_server();
    @Recorder::calls = ();
    my $sock = client($server, class => 'Recorder');
    is ref $sock, 'Recorder', 'an object of the class' or diag $SSL_ERROR;
    is called($_), 1, $_ for qw(configure connect connect_SSL);
};

subtest 'perl\'s builtins on the handle reach the methods of the class' => sub {
    my ($client, $server) = settle(pair(client_class => 'Recorder'));
    my %builtin = (
        print    => sub { print $client 'a' },
        printf   => sub { printf $client '%s', 'b' },
        syswrite => sub { syswrite $client, 'c' },
        sysread  => sub { sysread $client, my $buffer, 1 },
        readline => sub { my $line = <$client> },
        getc     => sub { getc $client },
    );
    print $server "some\nlines\nto\nread\n";
    for my $name (sort keys %builtin) {
        @Recorder::calls = ();
        $builtin{$name}->();
        cmp_ok called($name), '>=', 1, $name;
    }
    @Recorder::calls = ();
    read $client, my $buffer, 1;
    is called('sysread'), 1, 'read is sysread';
    @Recorder::calls = ();
    close $client;
    is called('close'), 1, 'close';
};

subtest 'configure may change the arguments' => sub {
    my $server = test_server();
    $Preset::name = 'server.test';
    my $sock = Preset->new(PeerAddr => $server->addr);
    ok $sock, 'with the right name it connects' or diag $SSL_ERROR;
    is ${*$sock}{preset}, 'kept', 'what it left on the glob is there';
    undef $sock;
    $Preset::name = 'wrong.test';
    is(Preset->new(PeerAddr => $server->addr), undef, 'with a wrong one it doesn\'t');
    like $SSL_ERROR, qr/^hostname verification failed/, 'why';
};

subtest 'configure_SSL prepares a handle that something else made' => sub {
    my $listener = IO::Socket::SSL->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0,
        SSL_startHandshake => 0, server_args());
    my $fresh = bless IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1'),
        'IO::Socket::SSL';
    is $fresh->configure_SSL({ server_args() }), $fresh, 'returns the handle' or diag $SSL_ERROR;
    ok ${*$fresh}{_SSL_ctx}, 'with a context';
    ok !$fresh->configure_SSL({ server_args(), SSL_cipher_list => 'no-such-cipher' }),
        'or nothing if a setting is wrong';
    like $SSL_ERROR, qr/^Failed to set SSL cipher list/, 'with the reason';
};

subtest 'a plain protocol object becomes a TLS one and keeps what it knows' => sub {
    my ($client, $server) = plain_pair();
    bless $client, 'Protocol::Plain';
    ${*$client}{protocol_option} = 42;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        close $client;
        IO::Socket::SSL->start_SSL($server, server_args()) or POSIX::_exit(1);
        my $line = <$server>;
        print $server "heard $line";
        POSIX::_exit(0);
    }
    close $server;
    ok(Protocol::TLS->starttls($client, client_args()), 'through SUPER::start_SSL')
        or diag $SSL_ERROR;
    is ref $client, 'Protocol::TLS', 'its class';
    is $client->option, 42, 'its own data';
    is $client->greet, 'greeted', 'its other parent\'s methods';
    is scalar(<$client>), "heard greetings\n", 'over TLS';
    ok $client->stop_SSL(SSL_no_shutdown => 1), 'stop_SSL';
    is ref $client, 'Protocol::Plain', 'gives the first class back';
    is $client->option, 42, 'with its data';
    waitpid $pid, 0;
};

{
    package Leaving;
    our @ISA = ('IO::Socket::SSL');
    our $now;
    sub write { no warnings 'exiting'; last if $now; my $self = shift; return $self->SUPER::write(@_) }
}

subtest 'a write of the class that leaves by "last" without a loop of its own' => sub {
    my ($client, $server) = pair(over => 'unix', client_class => 'Leaving');
    my ($turns, $died) = (0, '');
    {
        local $Leaving::now = 1;
        for my $turn (1, 2) {
            $turns++;
            eval { $client->print('x'); 1 } or $died = $@;
        }
    }
    differs('data-last', 'leads to a loop of the program, or dies', sub {
        is $turns, 2, 'the loop goes its way';
        like $died, qr/^Can't "last" outside a loop block/, 'it dies';
    }, sub {
        is $turns, 1, 'the loop is left';
        is $died, '', 'nothing dies';
    });
    $client->print("line\n");
    is $server->getline, "line\n", 'afterwards all is as before';
};

subtest 'methods may be called by their full name' => sub {
    my ($client, $server) = settle(pair(client_class => 'Recorder'));
    print $server "one\ntwo\n";
    is IO::Socket::SSL::getline($client), "one\n", 'getline';
    is IO::Socket::SSL::readline($client), "two\n", 'readline';
    ok IO::Socket::SSL::print($client, 'abc'), 'print';
    is sysread($server, my $buffer, 10), 3, 'arrived';
    is IO::Socket::SSL::opened($client), 1, 'opened';
    ok $client->isa('IO::Socket::SSL'), 'isa';
    ok $client->isa('IO::Handle'), 'and an IO::Handle';
};

done_testing;
