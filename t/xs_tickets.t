# xs_tickets.t - SSL_ticket_keycb: keys of session tickets shared by servers, and changed while they run.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

ok(IO::Socket::SSL->can_ticket_keycb, 'can_ticket_keycb');

my @VERSIONS = ('TLSv1_2', 'TLSv1_3');
my %key = map { $_ => [pack('a16', $_), $_ x 32] } 'a', 'b', 'c';

# A client's connection to this server; 1 resumed, 0 not, undef failed.
sub connect_to {
    my ($server_context, $client_context) = @_;
    my $result = handshake(over => 'unix', server => { SSL_reuse_ctx => $server_context },
        client => { SSL_reuse_ctx => $client_context, SSL_session_key => 'peer' });
    return undef if !$result->{client_ok} || !$result->{server_ok};
    settle(@$result{qw(client server)});
    my $resumed = $result->{client}->get_session_reused;
    $_->close for @$result{qw(client server)};
    return $resumed;
}

sub server_with {
    my ($callback) = @_;
    return IO::Socket::SSL::SSL_Context->new(server_args(SSL_ticket_keycb => $callback))
        || die $SSL_ERROR;
}

sub client_context {
    my ($version) = @_;
    return IO::Socket::SSL::SSL_Context->new(client_args(SSL_version => $version,
        SSL_session_cache_size => 10)) || die $SSL_ERROR;
}

# As documented: the first key is current, all are known.
sub keys_callback {
    my (@names) = @_;
    return sub {
        my ($data, $name) = @_;
        my ($known) = grep { !defined $name || $key{$_}[0] eq $name } @names;
        return defined $known ? ($key{$known}[1], $key{ $names[0] }[0]) : ();
    };
}

for my $version (@VERSIONS) {
    subtest "$version: servers with the same keys resume each other's sessions" => sub {
        my $client = client_context($version);
        my ($one, $same, $other) = (server_with(keys_callback('a')), server_with(keys_callback('a')),
            server_with(keys_callback('b')));
        is connect_to($one, $client), 0, 'a session';
        is connect_to($same, $client), 1, 'resumed by the other server';
        is connect_to($other, $client), 0, 'not by one with another key';
    };

    subtest "$version: a session is resumed again and again" => sub {
        my ($client, $server) = (client_context($version), server_with(keys_callback('a')));
        is_deeply [map { connect_to($server, $client) } 1 .. 4], [0, 1, 1, 1], 'from the second time on';
    };

    subtest "$version: keys are changed without losing sessions" => sub {
        my $client = client_context($version);
        my @current = ('a');
        my @asked;
        my $server = server_with([sub {
            my ($names, $name) = @_;
            push @asked, defined $name ? "decrypt " . $name =~ s/\0+//r : 'encrypt';
            return keys_callback(@$names)->(undef, $name);
        }, \@current]);
        is connect_to($server, $client), 0, 'a session';
        ok @asked && !grep({ $_ ne 'encrypt' } @asked), 'asked for a key to encrypt';
        @current = ('b', 'a');
        @asked = ();
        is connect_to($server, $client), 1, 'resumed under the old key';
        is $asked[0], 'decrypt a', 'which was asked for by name';
        ok grep({ $_ eq 'encrypt' } @asked), 'and a new ticket is made';
        @current = ('b');
        is connect_to($server, $client), 1, 'with which it goes on without the old one';
        @current = ('c');
        is connect_to($server, $client), 0, 'unknown keys cost a full handshake';
        is connect_to($server, $client), 1, 'no more';
    };

    subtest "$version: the data are handed on" => sub {
        my $seen;
        my $callback = sub { $seen = [@_]; return @{ $key{a} }[1, 0] };
        ok defined connect_to(server_with([$callback, 'data']), client_context($version)), 'connected';
        is_deeply $seen, ['data'], 'and nothing else, to encrypt';
        ok defined connect_to(server_with($callback), client_context($version)), 'connected';
        is_deeply $seen, [undef], 'undef where there are none';
        ok defined connect_to(server_with([$callback]), client_context($version)), 'connected';
    };

    my %wrong = (
        'nothing'          => [sub { return }, qr/key functions needs to return \(key,name\)/],
        'one value'        => [sub { 'k' x 32 }, qr/key functions needs to return/],
        'three values'     => [sub { ('k' x 32, 'n', 1) }, qr/key functions needs to return/],
        'undef'            => [sub { (undef, undef) }, qr/key functions needs to return/],
        'references'       => [sub { ([], {}) }, qr/key functions needs to return/],
        'a short key'      => [sub { ('k' x 31, 'n') }, qr/key must be 32 or 48 random bytes, got 31/],
        'a long name'      => [sub { ('k' x 32, 'n' x 17) }, qr/name must be at at most 16 bytes, got 17/],
        'a wide key'       => [sub { ("\x{263a}" x 32, 'n') }, qr/wide character/],
        'die'              => [sub { die "no key\n" }, qr/^no key\n\z/],
        'die with object'  => [sub { die bless { text => 'x' }, 'Oops' }, qr/^Oops=HASH/],
        'last'             => [sub { no warnings; last }, qr/Can't "last" outside a loop block/],
    );
    subtest "$version: what is no key fails the handshake, and the server's accept says why" => sub {
        for my $name (sort keys %wrong) {
            my ($callback, $why) = @{ $wrong{$name} };
            my $result = handshake(over => 'unix', client => { SSL_version => $version },
                server => { SSL_ticket_keycb => $callback });
            ok !$result->{server_ok}, "$name: no connection";
            like $result->{server_error}, $why, 'the reason';
        }
        is connect_to(server_with(keys_callback('a')), client_context($version)), 0,
            'the next connection works';
    };

    subtest "$version: a callback that fails only for what is in use already" => sub {
        for my $how ('die', 'nothing', 'wrong') {
            my $client = client_context($version);
            my $fails = 0;
            my $server = server_with(sub {
                my ($data, $name) = @_;
                return @{ $key{a} }[1, 0] if !$fails || !defined $name;
                die "not now\n" if $how eq 'die';
                return $how eq 'nothing' ? () : ('short', 'n');
            });
            is connect_to($server, $client), 0, "$how: a session";
            $fails = 1;
            my $result = eval { connect_to($server, $client) };
            is $result, $how eq 'nothing' ? 0 : undef, 'a full handshake where it says nothing';
            $fails = 0;
            ok defined connect_to($server, $client), 'and the server still works';
        }
    };

    subtest "$version: a callback that uses TLS itself, closes its socket, or is overloaded" => sub {
        my $inner = 0;
        my $server = server_with(sub {
            my ($near, $far) = pair(over => 'unix');
            print $near "x\n";
            $inner++ if <$far> eq "x\n";
            eval { IO::Socket::SSL::SSL_Context->new(SSL_cipher_list => 'none such') };
            return @{ $key{a} }[1, 0];
        });
        my $client = client_context($version);
        is connect_to($server, $client), 0, 'other connections';
        is connect_to($server, $client), 1, 'don\'t disturb';
        cmp_ok $inner, '>', 1, 'and work';

        my $socket;
        my ($near, $far) = plain_pair('unix');
        $socket = $far;
        my $result = handshake(over => [$near, $far], client => { SSL_version => $version },
            server => { SSL_ticket_keycb => sub { $socket->close; return @{ $key{a} }[1, 0] } });
        ok !$result->{server_ok}, 'closing the socket';
        like $result->{server_error}, qr/a callback of a connection can't end that connection/,
            'is refused';
        undef $socket;

        package Overloaded { use overload '&{}' => sub { my $self = shift; sub { @$self } },
            '@{}' => sub { ${ $_[0] } }, fallback => 1 }
        my $code = bless \[@{ $key{a} }[1, 0]], 'Overloaded';
        is connect_to(server_with($code), client_context($version)), 0, 'an object as code';
    };
}

subtest 'two server processes with the same keys' => sub {
    for my $version (@VERSIONS) {
        my $client = client_context($version);
        my $handler = sub { my $sock = shift; print $sock scalar <$sock>; $sock->close; 'served' };
        my @servers = map {
            test_server(handler => $handler, args => { SSL_ticket_keycb => keys_callback(@$_) })
        } ['a'], ['b', 'a'];
        my @resumed;
        for my $server (@servers[0, 1, 0, 1]) {
            my $sock = client($server, SSL_reuse_ctx => $client, SSL_session_key => 'farm')
                or die $SSL_ERROR;
            print $sock "hello\n";
            is scalar(<$sock>), "hello\n", "$version: data";
            push @resumed, $sock->get_session_reused;
            $sock->close;
            is $server->outcome, 'served', 'served';
        }
        # The second server has a newer key, which the first doesn't know yet.
        is_deeply \@resumed, [0, 1, 0, 1], "$version: as the keys have it";
    }
};

subtest 'what is no callback is refused' => sub {
    for my $wrong ('text', 1, {}, [], ['text'], [undef]) {
        ok !eval { IO::Socket::SSL::SSL_Context->new(server_args(SSL_ticket_keycb => $wrong)); 1 },
            'dies';
        like $@, qr/^SSL_ticket_keycb: a reference to code expected/, 'says why';
    }
    ok(IO::Socket::SSL::SSL_Context->new(server_args(SSL_ticket_keycb => undef)), 'undef: none');
    ok(IO::Socket::SSL::SSL_Context->new(client_args(SSL_ticket_keycb => 'x')), 'clients have none');
};

done_testing;
