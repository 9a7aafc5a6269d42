# sess_resume.t - sessions that clients resume: where they are kept, and who may resume them.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;
use Scalar::Util qw(weaken);

# One connection over this server; the client has read something, so that tickets have arrived.
# 1 resumed, 0 not, undef with $SSL_ERROR if it failed.
sub resumed {
    my ($server, %client) = @_;
    my $sock = client($server, %client) or return undef;
    print $sock "x\n";
    my $line = <$sock>;
    my $resumed = $sock->get_session_reused;
    $sock->close;
    return $resumed;
}

sub context {
    my %more = @_;
    return IO::Socket::SSL::SSL_Context->new(client_args(%more)) || die $SSL_ERROR;
}

# A store as programs write them.
{
    package Store;
    sub new { return bless {}, shift }
    sub add_session { my ($self, $key, $session) = @_; $self->{$key} = $session; return 1 }
    sub get_session { my ($self, $key) = @_; return $self->{$key} }
    sub del_session { return 1 }
}

# The same with any number of sessions, the latest first.
{
    package Store::OfMany;
    sub new { return bless {}, shift }
    sub add_session { my ($self, $key, $session) = @_; unshift @{ $self->{$key} }, $session; return 1 }
    sub get_session { my ($self, $key) = @_; return $self->{$key}[0] }
    sub del_session {
        my ($self, $key, $session) = @_;
        @$_ = grep { $_ != $session } @$_ for values %$self;
        return 1;
    }
}

# The module's own cache with another key: how FTP clients resume the control connection's session on
# their data connections.
{
    package Cache::OfOneKey;
    our @ISA = ('IO::Socket::SSL::Session_Cache');
    sub add_session { my ($self, $key, $session) = @_; return $self->SUPER::add_session('all', $session) }
    sub get_session { my ($self) = @_; return $self->SUPER::get_session('all') }
}

for my $version ('TLSv1_2', 'TLSv1_3') {
    my $server = test_server();
    my @version = (SSL_version => $version);

    subtest "$version: connections of one context resume a session" => sub {
        my $context = context(@version, SSL_session_cache_size => 4);
        ok $context->has_session_cache, 'it has a cache';
        is_deeply [map { resumed($server, SSL_reuse_ctx => $context) } 1 .. 3], [0, 1, 1], 'resumed';
        is resumed($server, SSL_reuse_ctx => $context, SSL_session_key => 'other'), 0,
            'not under another key';
        is resumed($server, SSL_reuse_ctx => $context, SSL_session_key => 'other'), 1, 'but under that';
        ok !context(@version)->has_session_cache, 'no cache without SSL_session_cache_size';
        ok !context(@version, SSL_session_cache_size => 0)->has_session_cache, 'nor of size 0';
        my $without = context(@version);
        is_deeply [map { resumed($server, SSL_reuse_ctx => $without) } 1 .. 2], [0, 0],
            'nothing is resumed without';
    };

    subtest "$version: a resumed connection knows its peer" => sub {
        my $context = context(@version, SSL_session_cache_size => 4);
        resumed($server, SSL_reuse_ctx => $context);
        my $sock = client($server, SSL_reuse_ctx => $context) or die $SSL_ERROR;
        is $sock->get_session_reused, 1, 'resumed';
        is $sock->peer_certificate('commonName'), 'server.test', 'the certificate';
        is $sock->get_sslversion, $version, 'the protocol';
        $sock->close;
    };

    subtest "$version: methods that a subclass of the cache overrides are called" => sub {
        my $context = context(SSL_version => $version, SSL_session_cache => Cache::OfOneKey->new(10));
        my @resumed = map { resumed($server, SSL_reuse_ctx => $context, SSL_session_key => $_) } 'a', 'b';
        is_deeply \@resumed, [0, 1], 'resumed under another key';
    };

    subtest "$version: SSL_reuse_ctx takes the context of another socket, with its sessions" => sub {
        my ($near, $far) = settle(pair(over => 'unix', client => { @version,
            SSL_session_cache_size => 4, SSL_session_key => 'peer' },
            server => { SSL_session_id_context => 'x' }));
        for my $state ('open', 'closed') {
            my ($client, $other) = settle(pair(over => 'unix', client => { SSL_reuse_ctx => $near,
                SSL_session_key => 'peer' }, server => { SSL_reuse_ctx => $far }));
            is $client->get_session_reused, 1, "resumed from one that is $state";
            $_->close for $client, $other;
            if ($state eq 'open') { $_->close for $near, $far }
        }
    };

    subtest "$version: a cache object belongs to a context that is used again" => sub {
        my $cache = IO::Socket::SSL::Session_Cache->new(4);
        my $context = context(@version, SSL_session_cache => $cache);
        is_deeply [map { resumed($server, SSL_reuse_ctx => $context) } 1 .. 2], [0, 1], 'ours';
        my $store = Store->new;
        $context = context(@version, SSL_session_cache => $store, SSL_session_cache_size => 4);
        is_deeply [map { resumed($server, SSL_reuse_ctx => $context, SSL_session_key => 'k') } 1 .. 3],
            [0, 1, 1], 'one of the program\'s own';
        ok $store->{k}, 'which got the session';
    };

    my %own = (SSL_session_key => 'k');
    differs('session-outlives-context', "$version: contexts with the same settings may share a cache",
        sub {
            my $cache = IO::Socket::SSL::Session_Cache->new(4);
            is_deeply [map { resumed($server, @version, SSL_session_cache => $cache) } 1 .. 3],
                [0, 1, 1], 'ours: resumed, as documented';
            IO::Socket::SSL::set_default_session_cache(IO::Socket::SSL::Session_Cache->new(4));
            is_deeply [map { resumed($server, @version) } 1 .. 2], [0, 1], 'ours: a default cache';
            IO::Socket::SSL::set_default_session_cache(undef);
            is_deeply [map { resumed($server, @version) } 1 .. 2], [0, 0], 'ours: none any more';
        },
        sub {
            my $cache = IO::Socket::SSL::Session_Cache->new(4);
            is_deeply [map { resumed($server, @version, SSL_session_cache => $cache) } 1 .. 3],
                [0, 0, 0], 'incumbent: never resumed';
        });

    differs('sess-other-name', "$version: a session is for the name it was made with",
        sub {
            my $context = context(@version, SSL_session_cache_size => 4);
            my @same = (SSL_reuse_ctx => $context, %own);
            is resumed($server, @same), 0, 'ours: made for server.test';
            is resumed($server, @same, SSL_verifycn_name => 'wrong.test'), undef,
                'ours: another name is verified';
            like $SSL_ERROR, qr/^hostname verification failed/, 'and refused';
            is resumed($server, @same, SSL_verifycn_name => 'www.server.test'), 0,
                'ours: a name that is right gets a session of its own';
        },
        sub {
            my $context = context(@version, SSL_session_cache_size => 4);
            my @same = (SSL_reuse_ctx => $context, %own);
            is resumed($server, @same), 0, 'made for server.test';
            is resumed($server, @same, SSL_verifycn_name => 'wrong.test'), 1,
                'incumbent: resumed for any other name, unverified';
        });

    # Handshakes of the context take it to be then.
    my $at = sub {
        my ($context, $time) = @_;
        Net::SSLeay::X509_VERIFY_PARAM_set_time(Net::SSLeay::CTX_get0_param($context->{context}), $time);
    };
    my $twice_then_later = sub {
        my $context = context(@version, SSL_session_cache_size => 4);
        $at->($context, time);
        is_deeply [map { resumed($server, SSL_reuse_ctx => $context) } 1, 2], [0, 1], 'resumed today';
        $at->($context, time + 200 * 365 * 86_400);
        return resumed($server, SSL_reuse_ctx => $context);
    };
    differs('sess-ended-cert', "$version: a session ends with the certificate that it was verified with",
        sub {
            plan skip_all => 'no Net::SSLeay that sets the time' if !eval {
                require Net::SSLeay; Net::SSLeay->can('X509_VERIFY_PARAM_set_time') && Net::SSLeay->can('CTX_get0_param')
            };
            is $twice_then_later->(), undef, 'ours: a full handshake, which tells';
            like $SSL_ERROR, qr/expired/, 'that it has ended';
        },
        sub { is $twice_then_later->(), 1, 'incumbent: resumed for as long as the server likes' });

    my $lenient = test_server(args => { SSL_ca_file => cert('ca.pem'), SSL_session_id_context => 'x',
        SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, SSL_verify_callback => sub { 1 } });
    my $let_pass = sub {
        my $context = context(@version, SSL_session_cache_size => 4,
            SSL_cert_file => cert('client-other.pem'), SSL_key_file => cert('client-other.key'));
        return [map { resumed($lenient, SSL_reuse_ctx => $context) } 1 .. 3];
    };
    differs('sess-overruled', "$version: a server's callback that lets a client pass is asked each time",
        sub { is_deeply $let_pass->(), [0, 0, 0], 'ours: nothing is resumed' },
        sub { is_deeply $let_pass->(), [0, 1, 1], 'incumbent: resumed without asking' });

    differs('sess-weaker', "$version: what was made under less verification isn't resumed under more",
        sub {
        my $cache = IO::Socket::SSL::Session_Cache->new(10);
        my @shared = (@version, SSL_session_cache => $cache, %own);
        my $strict = context(@shared);
        my %weaker = (
            'no verification'      => [SSL_verify_mode => SSL_VERIFY_NONE],
            'no verification, another CA' => [SSL_verify_mode => SSL_VERIFY_NONE,
                SSL_ca_file => cert('other-ca.pem')],
            'any name'             => [SSL_verifycn_scheme => 'none'],
            'more trust'           => [SSL_ca_path => cert('capath')],
            'a callback that accepts' => [SSL_verify_callback => sub { 1 }],
            'a fingerprint'        => [SSL_ca_file => cert('other-ca.pem'), SSL_fingerprint => do {
                my ($near, $far) = pair(over => 'unix');
                $near->get_fingerprint;
            }],
        );
        for my $name (sort keys %weaker) {
            my $weak = context(@shared, @{ $weaker{$name} });
            is resumed($server, SSL_reuse_ctx => $weak, %own), 0, "$name: a session";
            is resumed($server, SSL_reuse_ctx => $strict, %own), 0, 'is not resumed';
            $cache->del_session('k');
        }
        for my $stricter (
            ['a revocation list', SSL_check_crl => 1, SSL_crl_file => cert('crl-empty.pem')],
            ['a certificate of our own', SSL_cert_file => cert('client.pem'),
                SSL_key_file => cert('client.key')],
        ) {
            my ($name, @args) = @$stricter;
            resumed($server, SSL_reuse_ctx => $strict, %own);
            is resumed($server, SSL_reuse_ctx => context(@shared, @args), %own), 0, "nor with $name";
            $cache->del_session('k');
        }
    },
    sub {
        my $cache = IO::Socket::SSL::Session_Cache->new(10);
        my @shared = (@version, SSL_session_cache => $cache, %own);
        my $weak = context(@shared, SSL_verify_mode => SSL_VERIFY_NONE);
        is resumed($server, SSL_reuse_ctx => $weak, %own), 0, 'a session without verification';
        is resumed($server, SSL_reuse_ctx => context(@shared), %own), 1,
            'incumbent: resumed by who verifies';
    });
    $server->stop;
}

# How many of these references are gone once nothing of the program refers to them any more.
sub let_go {
    my ($make) = @_;
    my ($near, $far) = plain_pair('unix');
    my $freed = 0;
    { package Guard; sub DESTROY { ${ $_[0][0] }++ } }
    ${*$near}{guard} = bless [\$freed], 'Guard';
    handshake(over => [$near, $far], client => { $make->($near) });
    $_->close for $near, $far;
    undef $near;
    return $freed;
}

my %holds = (
    SSL_verify_callback     => sub { my $sock = shift; sub { $sock && $_[0] } },
    SSL_verifycn_scheme     => sub { my $sock = shift; { callback => sub { $sock ? 1 : 0 } } },
    SSL_create_ctx_callback => sub { my $sock = shift; sub { $sock } },
    SSL_error_trap          => sub { my $sock = shift; sub { $sock } },
    SSL_on_peer_shutdown    => sub { my $sock = shift; sub { $sock } },
);
differs('sess-socket-closed', 'a closed socket lets go of code that holds it',
    sub {
        is let_go(sub { ($_ => $holds{$_}->($_[0])) }), 1, "ours: $_ and socket are gone"
            for sort keys %holds;
    },
    sub {
        is let_go(sub { ($_ => $holds{$_}->($_[0])) }), 0, "incumbent: $_ keeps the socket"
            for sort keys %holds;
    });

subtest 'code that holds the socket weakly goes with it, closed or not' => sub {
    for my $option (sort keys %holds) {
        my ($near, $far) = plain_pair('unix');
        weaken(my $weak = $near);
        my $code = sub { $weak ? 1 : 0 };
        pair(over => [$near, $far], client => {
            $option => $option eq 'SSL_verifycn_scheme' ? { callback => $code } : $code });
        undef $code;
        undef $near;
        is $weak, undef, $option;
    }
};

subtest 'a ticket of TLS 1.3 is for one connection, and comes with the first data' => sub {
    my $server = test_server(args => { SSL_version => 'TLSv1_3' });
    for my $cache ([SSL_session_cache_size => 10], [SSL_session_cache => Store::OfMany->new]) {
        my $context = context(@$cache);
        my @reused;
        for my $reads (1, 1, 1, 0, 0, 0, 1) {
            my $sock = client($server, SSL_reuse_ctx => $context) or die $SSL_ERROR;
            push @reused, $sock->get_session_reused ? 1 : 0;
            if ($reads) {
                print $sock "a line\n";
                $sock->getline;
            }
            $sock->close;
        }
        # OpenSSL's servers give two tickets in a full handshake, one in a resumed one.
        is "@reused", '0 1 1 1 1 0 0', "$cache->[0]: who reads nothing runs out of tickets";
    }
};

subtest 'a connection that was dropped takes only its latest ticket along' => sub {
    my ($client, $server) = map { IO::Socket::SSL::SSL_Context->new(%$_) || die $SSL_ERROR }
        { client_args(SSL_session_cache_size => 10, SSL_version => 'TLSv1_3') }, { server_args() };
    my @reused = map {
        my ($near) = settle(pair(over => 'unix', server => { SSL_reuse_ctx => $server },
            client => { SSL_reuse_ctx => $client, SSL_session_key => 'k' }));
        $near->get_session_reused ? 1 : 0;
    } 1 .. 3;
    is "@reused", '0 1 0', 'there were two, then none';
};

subtest 'the key is the host and port that was connected to' => sub {
    my @servers = (test_server(), test_server());
    my $context = context(SSL_session_cache_size => 10);
    for my $server (@servers) {
        is resumed($server, SSL_reuse_ctx => $context), 0, 'a session for each';
        is resumed($server, SSL_reuse_ctx => $context), 1, 'which is its own';
    }
    my $sock = client($servers[0], SSL_reuse_ctx => $context) or die $SSL_ERROR;
    is ${*$sock}{_SSL_arguments}{SSL_session_key}, $servers[0]->addr, 'HOST:PORT';
    $sock->close;
};

subtest 'a server that verifies its clients resumes sessions, with and without an id of its own' => sub {
    for my $id (undef, 'an id') {
        my $server_context = IO::Socket::SSL::SSL_Context->new(server_args(
            SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
            SSL_ca_file => cert('ca.pem'), defined $id ? (SSL_session_id_context => $id) : ()));
        my $client_context = context(SSL_session_cache_size => 4, SSL_cert_file => cert('client.pem'),
            SSL_key_file => cert('client.key'));
        my @resumed;
        for (1, 2) {
            my ($client, $server) = settle(pair(over => 'unix',
                client => { SSL_reuse_ctx => $client_context, SSL_session_key => 'k' },
                server => { SSL_reuse_ctx => $server_context }));
            push @resumed, $server->get_session_reused;
            ok $server->peer_certificate, 'by its certificate';
            $_->close for $client, $server;
        }
        is_deeply \@resumed, [0, 1], 'resumed, ' . ($id // 'without SSL_session_id_context');
    }
};

done_testing;
