# xs_sessions.t - caches of sessions: ours and the program's own, and what they hold.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

my $server_context = IO::Socket::SSL::SSL_Context->new(server_args()) or die $SSL_ERROR;

# One connection in which the client reads a line, so that tickets arrive; true if it was resumed.
sub resumed {
    my %client = @_;
    my ($client, $server) = pair(over => 'unix', server => { SSL_reuse_ctx => $server_context },
        client => { SSL_session_key => 'peer', %client });
    print $server "x\n";
    my $line = <$client>;
    my $resumed = $client->get_session_reused;
    $_->close for $client, $server;
    return $resumed ? 1 : 0;
}

# A store with the methods that programs have always written.
{
    package Store;
    sub new { my ($class, %die) = @_; return bless { calls => [], die => \%die, sessions => {} }, $class }
    sub called {
        my ($self, $method) = @_;
        push @{ $self->{calls} }, $method;
        die "$method\n" if $self->{die}{$method};
        return;
    }
    sub add_session {
        my ($self, $key, $session) = @_;
        $self->called('add_session');
        push @{ $self->{sessions}{$key} }, $session;
        return 1;
    }
    sub get_session {
        my ($self, $key) = @_;
        $self->called('get_session');
        return ($self->{sessions}{$key} || [])->[-1];
    }
    # A store owns what it was given: a cache of ours takes it over, and frees it.
    sub DESTROY {
        my @kept = map { @$_ } values %{ $_[0]{sessions} };
        my $cache = IO::Socket::SSL::Session_Cache->new(@kept || 1);
        $cache->add_session(x => $_) for @kept;
        return;
    }
    package Store::Full;
    our @ISA = ('Store');
    sub del_session { my ($self) = @_; $self->called('del_session'); return 1 }
}

for my $version (qw(TLSv1_2 TLSv1_3)) {
    my @version = (SSL_version => $version);
    subtest "$version: a session is resumed from where it was kept" => sub {
        my $context = IO::Socket::SSL::SSL_Context->new(client_args(), @version,
            SSL_session_cache_size => 4);
        ok $context->has_session_cache, 'SSL_session_cache_size';
        is_deeply [map { resumed(SSL_reuse_ctx => $context) } 1 .. 3], [0, 1, 1], 'a context\'s own';

        my $cache = IO::Socket::SSL::Session_Cache->new(4);
        is_deeply [map { resumed(@version, SSL_session_cache => $cache) } 1 .. 3], [0, 1, 1],
            'one cache for several contexts';
        is resumed(@version, SSL_session_cache => $cache, SSL_session_key => 'other'), 0,
            'not under another key';
        is resumed(@version, SSL_session_cache => $cache, SSL_verifycn_name => 'www.server.test'), 0,
            'not for another name';

        my $store = Store->new;
        is_deeply [map { resumed(@version, SSL_session_cache => $store) } 1 .. 3], [0, 1, 1],
            'a store of the program\'s own, without del_session';
        is $store->{calls}[0], 'get_session', 'asked first';
        ok grep({ $_ eq 'add_session' } @{ $store->{calls} }), 'and told';
    };
    subtest "$version: a store that dies ends the operation with its exception" => sub {
        for my $method (qw(get_session add_session)) {
            my $store = Store::Full->new($method => 1);
            ok !eval { resumed(@version, SSL_session_cache => $store); 1 }, "$method: dies";
            like $@, qr/\b$method\n/, 'with the exception';
        }
        is resumed(@version), 0, 'the next connection works';
    };
}

subtest 'what a store returns that is no session of ours is no session' => sub {
    my $gone = do {                     # a number that was one
        my $cache = IO::Socket::SSL::Session_Cache->new(1);
        resumed(SSL_version => 'TLSv1_2', SSL_session_cache => $cache);
        $cache->get_session('peer');
    };
    my $address = \my $x;
    for my $answer (undef, '', 0, 1, -1, 'text', 1e30, 'nan', [], {}, sub { }, $address + 0, \$gone,
        "\x{263a}") {
        package Odd { sub new { return bless { answer => $_[1] }, $_[0] } sub add_session { 1 }
            sub get_session { return $_[0]{answer} } }
        my $name = defined $answer ? $answer : 'undef';
        utf8::encode($name);
        is resumed(SSL_session_cache => Odd->new($answer)), 0, "$name: a full handshake";
    }
    # Another session of ours may lie where that one was, which would be as good as any.
    ok defined resumed(SSL_session_cache => Odd->new($gone)), 'a number that was one once: no crash';
    my $list = bless {}, 'List';
    { package List; sub add_session { return } sub get_session { return (1, 2, 3) } }
    is resumed(SSL_session_cache => $list), 0, 'so it is for a list';
    { package Nothing; sub new { return bless [], shift } }
    is resumed(SSL_session_cache => Nothing->new), 0, 'and an object without methods';
};

subtest 'a store that drops a session frees it, and may be asked for it later' => sub {
    package Dropping {
        sub new { return bless { kept => [] }, shift }
        sub add_session { my ($self, $key, $session) = @_;
            push @{ $self->{kept} }, $session;
            IO::Socket::SSL::Session_Cache->new(1)->add_session(x => $session);    # which frees it
            return 1 }
        sub get_session { return $_[0]{kept}[-1] }
    }
    for my $version (qw(TLSv1_2 TLSv1_3)) {
        my $store = Dropping->new;
        my @resumed = map { resumed(SSL_version => $version, SSL_session_cache => $store) } 1 .. 3;
        is scalar(grep { defined } @resumed), 3, "$version: three connections, no crash";
    }
};

subtest 'a key may be any text' => sub {
    for my $key ("k\x{e9}", "\x{263a}", 0, ' ', 'k' x 10_000) {
        my $cache = IO::Socket::SSL::Session_Cache->new(4);
        is_deeply [map { resumed(SSL_session_cache => $cache, SSL_session_key => $key) } 1 .. 2],
            [0, 1], 'resumed';
    }
    my $cache = IO::Socket::SSL::Session_Cache->new(4);
    ok !eval { resumed(SSL_session_cache => $cache, SSL_session_key => "a\0b"); 1 }, 'but for a NUL';
    like $@, qr/SSL_session_key contains a NUL/, 'which says so';
};

subtest 'with TLS 1.3 the session comes with the first data, and only then' => sub {
    my $cache = IO::Socket::SSL::Session_Cache->new(4);
    for my $version ('TLSv1_2', 'TLSv1_3') {
        my ($client, $server) = pair(over => 'unix', server => { SSL_reuse_ctx => $server_context },
            client => { SSL_version => $version, SSL_session_cache => $cache,
                SSL_session_key => $version });
        is !!$cache->get_session($version), $version eq 'TLSv1_2', "$version: after the handshake";
        settle($client, $server);
        ok $cache->get_session($version), "$version: after data";
        $_->close for $client, $server;
    }
};

subtest 'a failed handshake leaves no session, and takes away the one it offered' => sub {
    for my $version ('TLSv1_2', 'TLSv1_3') {
        my $cache = IO::Socket::SSL::Session_Cache->new(4);
        my %client = (SSL_version => $version, SSL_session_cache => $cache, SSL_session_key => 'k');
        my $result = handshake(over => 'unix', client => { %client, SSL_ca_file => cert('other-ca.pem') });
        ok !$result->{client_ok}, "$version: refused";
        is $cache->get_session('k'), undef, 'no session';
    }
};

subtest 'a cache holds as many sessions as it has room for, latest first' => sub {
    my $cache = IO::Socket::SSL::Session_Cache->new(2);
    my $store = Store->new;
    resumed(SSL_version => 'TLSv1_2', SSL_session_cache => $store, SSL_session_key => $_)
        for 'a', 'b', 'c';
    my %session = map { $_ => shift @{ $store->{sessions}{$_} } } 'a', 'b', 'c';
    ok $cache->add_session($_ => $session{$_}), "add_session $_" for 'a', 'b';
    is $cache->get_session('a'), $session{a}, 'get_session';
    ok $cache->add_session(c => $session{c}), 'a third one';
    is $cache->get_session('b'), undef, 'drops the one that was not used for longest';
    is $cache->get_session('c', $session{a}), undef, 'another session is not under this key';
    is $cache->get_session('c', $session{c}), $session{c}, 'this one is';
    is $cache->del_session('c'), 1, 'del_session of a key';
    is $cache->del_session(undef, $session{a}), 1, 'del_session of a session';
    is $cache->get_session($_), undef, "no $_ any more" for 'a', 'b', 'c';
    is(IO::Socket::SSL::Session_Cache->new($_), undef, 'no cache of size ' . ($_ // 'undef'))
        for 0, -1, undef;
};

subtest 'what is no cache and no session is refused' => sub {
    for my $wrong ('text', [], 42) {
        ok !eval { IO::Socket::SSL::SSL_Context->new(client_args(), SSL_session_cache => $wrong); 1 },
            "SSL_session_cache => $wrong";
        like $@, qr/^SSL_session_cache: /, 'says why';
    }
    my $cache = IO::Socket::SSL::Session_Cache->new(2);
    ok !eval { $cache->add_session(key => 1); 1 }, 'a number that is no handle';
    like $@, qr/SSL_SESSION handle/, 'says why';
};

done_testing;
