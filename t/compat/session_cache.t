# Sessions of clients: which cache keeps them, under which key, and what a cache does with them.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

my %servers = map { $_ => test_server(args => { SSL_version => $_, %{ client_certs() } }) }
    qw(TLSv1_2 TLSv1_3);

# Contexts that are still there, where a test wants it: see the difference below.
my @contexts;

# Connects, has a line echoed (with TLS 1.3 sessions come with the first data), closes; 1 if resumed.
sub visit {
    my ($version, %args) = @_;
    my $socket = client($servers{$version}, %args) or return "failed: $SSL_ERROR";
    my $reused = $socket->get_session_reused;
    push @contexts, ${*$socket}{_SSL_ctx};
    print $socket "hello\n";
    $socket->getline;
    $socket->close;
    return $reused ? 1 : 0;
}

sub visits { my ($version, %args) = @_; return join ' ', map { visit($version, %args) } 1 .. 3 }

subtest 'without a cache nothing is resumed' => sub {
    is visits($_), '0 0 0', $_ for sort keys %servers;
};

subtest 'SSL_session_cache_size keeps sessions in the context' => sub {
    for my $version (sort keys %servers) {
        my $context = IO::Socket::SSL::SSL_Context->new(client_args(), SSL_session_cache_size => 10);
        ok $context->has_session_cache, "$version: the context says so";
        is visits($version, SSL_reuse_ctx => $context), '0 1 1', "$version: resumed by the same context";
    }
    ok !IO::Socket::SSL::SSL_Context->new(client_args())->has_session_cache, 'another one has none';
};

subtest 'SSL_session_cache serves several contexts' => sub {
    for my $version (sort keys %servers) {
        my $cache = IO::Socket::SSL::Session_Cache->new(10);
        is visits($version, SSL_session_cache => $cache), '0 1 1', "$version: each call has its own";
    }
};

differs('session-outlives-context', 'a cache keeps its sessions when their context goes', sub {
    my $cache = IO::Socket::SSL::Session_Cache->new(10);
    is visit('TLSv1_2', SSL_session_cache => $cache), 0, 'made under a context';
    @contexts = ();
    is visit('TLSv1_2', SSL_session_cache => $cache), 1, 'resumed when that is gone';
}, sub {
    my $cache = IO::Socket::SSL::Session_Cache->new(10);
    is visit('TLSv1_2', SSL_session_cache => $cache), 0, 'made under a context';
    @contexts = ();
    is visit('TLSv1_2', SSL_session_cache => $cache), 0, 'not resumed when that is gone';
});

subtest 'SSL_session_key tells which sessions are whose' => sub {
    my $cache = IO::Socket::SSL::Session_Cache->new(10);
    my @visit = ('TLSv1_2', SSL_session_cache => $cache);
    is visit(@visit, SSL_session_key => 'one'), 0, 'a new key';
    is visit(@visit, SSL_session_key => 'two'), 0, 'another one';
    is visit(@visit, SSL_session_key => 'one'), 1, 'the first again';
    is visit(@visit), 0, 'the default is another one still';
    ok $cache->get_session('one'), 'a session is under its key';
    my $server = $servers{TLSv1_2};
    ok $cache->get_session($server->host . ':' . $server->port), 'or under HOST:PORT';
};

subtest 'set_default_session_cache serves whoever names none' => sub {
    my $cache = IO::Socket::SSL::Session_Cache->new(10);
    IO::Socket::SSL::set_default_session_cache($cache);
    is visits('TLSv1_2'), '0 1 1', 'it is used';
    IO::Socket::SSL::set_default_session_cache(undef);
    is visit('TLSv1_2'), 0, 'and no longer, once it is gone';
};

subtest 'a session that is resumed has the certificate of its peer' => sub {
    my $cache = IO::Socket::SSL::Session_Cache->new(10);
    visit('TLSv1_2', SSL_session_cache => $cache);
    my $socket = client($servers{TLSv1_2}, SSL_session_cache => $cache);
    ok $socket->get_session_reused, 'resumed';
    is $socket->peer_certificate('cn'), 'server.test', 'its name';
};

subtest 'a cache of the program needs add_session and get_session only' => sub {
    my $cache = bless { of => {}, log => [] }, 'Cache';
    is visits('TLSv1_2', SSL_session_cache => $cache, SSL_session_key => 'key'), '0 1 1', 'resumed';
    is $cache->{log}[0], 'get key', 'asked first';
    is $cache->{log}[1], 'add key', 'then told';
};

subtest 'the methods of a cache' => sub {
    is_deeply [IO::Socket::SSL::Session_Cache->new($_)], [], "no cache for $_" for 0, -1;
    my @sessions = map { a_session() } 1 .. 5;
    my $cache = IO::Socket::SSL::Session_Cache->new(3);
    isa_ok $cache, 'IO::Socket::SSL::Session_Cache';
    is $cache->get_session('a'), undef, 'nothing there yet';
    $cache->add_session(a => $sessions[0]);
    is $cache->get_session('a'), $sessions[0], 'added, and found';
    $cache->add_session(a => $sessions[1]);
    is $cache->get_session('a'), $sessions[1], 'of several, the latest';
    is $cache->get_session('a', $sessions[0]), $sessions[0], 'or the one that is asked for';
    is $cache->get_session('b', $sessions[0]), undef, 'not under another key';
    $cache->add_session(b => $sessions[2]);
    $cache->add_session(c => $sessions[3]);
    is $cache->get_session('a', $sessions[1]), undef, 'with too many, the least recently used goes';
    is $cache->get_session('a'), $sessions[0], 'not the others';
    is $cache->del_session('a', $sessions[0]), 1, 'one of a key is dropped';
    is $cache->get_session('a'), undef, 'and gone';
    is $cache->del_session('nobody'), 0, 'of none, none';
    is $cache->del_session(undef, $sessions[2]), 1, 'found without its key';
    $cache->replace_session(c => $sessions[4]);
    is $cache->get_session('c'), $sessions[4], 'replaced';
    is $cache->del_session('c'), 1, 'by one';
};

subtest 'a server names its sessions, or a name is found for it' => sub {
    for my $id (undef, 'ours') {
        my $server = test_server(args => { SSL_version => 'TLSv1_2', %{ client_certs() },
            SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
            defined $id ? (SSL_session_id_context => $id) : () });
        local $servers{here} = $server;
        is visits('here', SSL_session_cache => IO::Socket::SSL::Session_Cache->new(10),
            SSL_cert_file => cert('client.pem'), SSL_key_file => cert('client.key')), '0 1 1',
            'clients with certificates resume ' . (defined $id ? 'under its name' : 'without one');
    }
};

done_testing;

sub client_certs { return { SSL_ca_file => cert('ca.pem') } }

# A session that is ours to give away: what a cache got.
sub a_session {
    my $cache = bless { of => {}, log => [], kept => [] }, 'Cache';
    visit('TLSv1_2', SSL_session_cache => $cache);
    return $cache->{kept}[-1];
}

package Cache;

sub add_session {
    my ($self, $key, $session) = @_;
    push @{ $self->{log} }, "add $key";
    push @{ $self->{kept} }, $session;
    $self->{of}{$key} = $session;
    return $session;
}

sub get_session {
    my ($self, $key) = @_;
    push @{ $self->{log} }, "get $key";
    return $self->{of}{$key};
}
