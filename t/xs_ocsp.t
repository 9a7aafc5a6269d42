# xs_ocsp.t - OCSP from Perl: callbacks and caches that misbehave, what is held and given back, nonces.
use strict;
use warnings;
use B ();
use Config;
use Scalar::Util qw(weaken);
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use OCSPTest;
use TLSTest '300';

my $pki = OCSPTest->new or plan skip_all => 'no openssl program here';
$pki->response('server', file => $pki->file('good.der'));
my ($peer, $port) = $pki->start_server('server', '-status_file', $pki->file('good.der'));

sub connect_to { return $pki->client($port, @_) }

sub references { return B::svref_2object($_[0])->REFCNT }

# A cache whose methods are the code given.
{
    package My::Cache;
    sub new { my ($class, %code) = @_; return bless {%code}, $class }
    sub put { my $self = shift; return $self->{put} ? $self->{put}->(@_) : undef }
    sub get { my $self = shift; return $self->{get} ? $self->{get}->(@_) : undef }
}

# The client of a pair without a staple, so that there is something to ask.
sub unstapled {
    my @args = @_;
    my ($sock) = pair(server => { raw => 1, SSL_server => 1, $pki->cert_args('server') }, client => {
        SSL_ca_file => $pki->file('ca.pem'), SSL_ocsp_mode => SSL_OCSP_NO_STAPLE, @args });
    return $sock;
}

subtest 'a closure given as SSL_ocsp_staple_callback is freed with the connection' => sub {
    my $calls = 0;
    my $closure = do { my $count = \$calls; sub { $$count++ } };
    my $before = references($closure);
    my $sock = connect_to(SSL_ocsp_staple_callback => $closure) or die $SSL_ERROR;
    is $calls, 1, 'called once';
    undef $sock;
    is references($closure), $before, 'no reference is left';

    my $thrown = bless {}, 'Some::Exception';
    $before = references($thrown);
    ok !eval { connect_to(SSL_ocsp_staple_callback => sub { die $thrown }); 1 }, 'one that dies';
    is $@, $thrown, 'with this object';
    $@ = '';
    is references($thrown), $before, 'of which no reference is left';
};

subtest 'the callback may ask about the chain while the handshake runs' => sub {
    my @uris;
    my $sock = connect_to(SSL_ocsp_staple_callback => sub {
        my %requests = $_[0]->ocsp_resolver->requests;
        @uris = keys %requests;
    });
    ok $sock, 'connected' or diag $SSL_ERROR;
    is_deeply \@uris, [$pki->uri], 'the address of the responder';
};

subtest 'a cache is held by the context and by resolvers, and by nothing else' => sub {
    my $cache = My::Cache->new;
    my $sock = unstapled(SSL_ocsp_cache => $cache);
    my $ocsp = $sock->ocsp_resolver;
    weaken(my $weak = $cache);
    undef $cache;
    undef $sock;
    ok $weak, 'the resolver has it';
    is $ocsp->resolve_blocking, '', 'and uses it';
    undef $ocsp;
    is $weak, undef, 'it went with the resolver';
};

subtest 'a resolver outlives its socket' => sub {
    my $sock = unstapled();
    my $ocsp = $sock->ocsp_resolver;
    close $sock;
    undef $sock;
    is $ocsp->resolve_blocking, '', 'and asks';
    is $ocsp->soft_error, undef, 'without a complaint';
};

subtest 'the answer for one certificate says nothing about another' => sub {
    for my $mode (0, SSL_OCSP_FAIL_HARD) {
        my $ocsp = unstapled(SSL_ocsp_mode => SSL_OCSP_NO_STAPLE | $mode)->ocsp_resolver;
        $ocsp->add_response($pki->uri, $pki->response('revoked'));
        my $error = $mode ? $ocsp->hard_error : $ocsp->soft_error;
        like $error, qr/: no data in response; subject: .*OU=server/, "mode $mode";
    }
};

subtest 'a resolver is freed, answered or not' => sub {
    my $sock = unstapled();
    for my $asks (0, 1) {
        my $ocsp = $sock->ocsp_resolver;
        $ocsp->resolve_blocking if $asks;
        weaken(my $weak = $ocsp);
        undef $ocsp;
        is $weak, undef, $asks ? 'answered' : 'not answered';
    }
};

subtest 'a cache that dies ends what asked it, with its exception' => sub {
    my $thrown = bless {}, 'Some::Exception';
    my $before = references($thrown);
    my $dies = sub { die $thrown };
    is eval { connect_to(SSL_ocsp_cache => My::Cache->new(put => $dies)); 1 }, undef, 'a handshake';
    is $@, $thrown, 'the very object';

    my $sock = unstapled(SSL_ocsp_cache => My::Cache->new(get => $dies));
    is eval { $sock->ocsp_resolver; 1 }, undef, 'ocsp_resolver';
    is $@, $thrown, 'the very object';
    ok $sock->get_cipher, 'the connection is as it was';

    $sock = unstapled(SSL_ocsp_cache => My::Cache->new(put => $dies));
    my $ocsp = $sock->ocsp_resolver;
    is eval { $ocsp->resolve_blocking; 1 }, undef, 'resolve_blocking';
    is $@, $thrown, 'the very object';
    is $ocsp->hard_error, '', 'what was learned is learned';
    undef $_ for $sock, $ocsp;
    $@ = '';
    undef $dies;
    is references($thrown), $before, 'no reference is left';
};

{
    package My::Tied;
    require Tie::Hash;
    our @ISA = 'Tie::StdHash';
    sub FETCH { die "fetched\n" }
}

subtest 'what a cache gives out that makes no sense counts as nothing' => sub {
    tie my %tied, 'My::Tied';
    for my $row (['a text', 'x'], ['an array', []], ['code', sub { }], ['an empty hash', {}],
        ['a hash of references', { statusType => [], nextUpdate => {}, hard_error => \1 }],
        ['a tied hash', \%tied], ['words for numbers', { statusType => 'good', nextUpdate => 'soon' }],
        (map { ["the status $_", { statusType => $_, nextUpdate => time + 1000 }] } 2**32, 'nan', 0.5, -0.5),
        ['a time without a status', { nextUpdate => time + 1000 }],
        ['what is out of date', { statusType => 0, nextUpdate => time - 1000 }]) {
        my ($what, $entry) = @$row;
        my $sock = unstapled(SSL_ocsp_cache => My::Cache->new(get => sub { $entry }));
        my $ocsp = $sock->ocsp_resolver;
        is scalar(() = $ocsp->requests), 2, "$what: asked all the same";
        is $ocsp->hard_error, undef, 'open';
    }
};

subtest 'what a cache knows to be bad is a hard error' => sub {
    for my $row ([{ statusType => 1, nextUpdate => time + 1000 }, qr/^certificate status is revoked/],
        [{ statusType => 0, expire => time + 1000, hard_error => 'we know' }, qr/^we know; subject/]) {
        my ($entry, $text) = @$row;
        my $ocsp = unstapled(SSL_ocsp_cache => My::Cache->new(get => sub { $entry }))->ocsp_resolver;
        like $ocsp->hard_error, $text, 'told';
        is_deeply [$ocsp->requests], [], 'nothing is asked';
    }
};

subtest 'a cache that closes the socket, or throws it away' => sub {
    my $sock;
    my $cache = My::Cache->new(get => sub { close $sock; undef });
    $sock = unstapled(SSL_ocsp_cache => $cache);
    ok $sock->ocsp_resolver, 'there is a resolver all the same';
    $cache = My::Cache->new(get => sub { undef $sock });
    $sock = unstapled(SSL_ocsp_cache => $cache);
    my $ocsp = $sock->ocsp_resolver;
    is $sock, undef, 'gone';
    is $ocsp->resolve_blocking, '', 'and asks';
};

subtest 'a cache that is told of a staple while the handshake runs, and acts' => sub {
    my ($plain, $puts, $inner) = (undef, 0, 0);
    my $connect = sub {
        my $put = shift;
        $plain = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $!;
        return eval { IO::Socket::SSL->start_SSL($plain, SSL_ca_file => $pki->file('ca.pem'),
            SSL_verifycn_name => 'server.test',
            SSL_ocsp_cache => My::Cache->new(put => sub { $puts++; $put->(@_) })) };
    };
    is $connect->(sub { $plain->close }), undef, 'by closing the socket: refused';
    like $@, qr/^a callback of a connection can't end that connection/, 'with the reason';
    ok $connect->(sub { my ($one, $other) = pair(); print $one "x\n"; $inner++ if <$other> eq "x\n" }),
        'by TLS of its own: connected' or diag $@;
    is $inner, 1, 'which worked';
    my $code = sub { undef $plain };
    ok eval { $connect->($code); 1 }, 'by throwing the socket away: no harm' or diag $@;
    is $puts, 3, 'it was told each time';
};

subtest 'a cache that uses the resolver that asks it, or throws it away' => sub {
    my $ocsp;
    my $cache = My::Cache->new(put => sub { $ocsp->add_response($pki->uri, 'x') });
    $ocsp = unstapled(SSL_ocsp_cache => $cache)->ocsp_resolver;
    is eval { $ocsp->resolve_blocking; 1 }, undef, 'it can\'t';
    like $@, qr/can't use the resolver that asks it/, 'and is told';
    $cache = My::Cache->new(put => sub { undef $ocsp });
    $ocsp = unstapled(SSL_ocsp_cache => $cache)->ocsp_resolver;
    is eval { $ocsp->add_response($pki->uri, $pki->response('server')) }, '', 'throws it away';
    is $ocsp, undef, 'gone';
};

subtest 'a cache that makes TLS connections, with a cache of their own' => sub {
    my @calls;
    my $inner = My::Cache->new(put => sub { push @calls, 'inner'; undef });
    my $outer = My::Cache->new(put => sub {
        push @calls, 'outer';
        connect_to(SSL_ocsp_cache => $inner) or push @calls, $SSL_ERROR;
        push @calls, 'end';
    });
    my $ocsp = unstapled(SSL_ocsp_cache => $outer)->ocsp_resolver;
    is $ocsp->resolve_blocking, '', 'good';
    is "@calls", 'outer inner end', 'each got its own';
};

subtest 'a subclass of OCSP_Cache has its methods called' => sub {
    my @calls;
    no warnings 'once';
    local @My::Subclass::ISA = 'IO::Socket::SSL::OCSP_Cache';
    local *My::Subclass::put = sub { push @calls, 'put'; return IO::Socket::SSL::OCSP_Cache::put(@_) };
    local *My::Subclass::get = sub { push @calls, 'get'; return IO::Socket::SSL::OCSP_Cache::get(@_) };
    my $cache = My::Subclass->new(10);
    isa_ok $cache, 'My::Subclass';
    is unstapled(SSL_ocsp_cache => $cache)->ocsp_resolver->resolve_blocking, '', 'good';
    is_deeply [unstapled(SSL_ocsp_cache => $cache)->ocsp_resolver->requests], [], 'kept';
    is "@calls", 'get put get', 'in this order';
};

subtest 'OCSP_Cache: the least recently used goes first; wrong arguments are refused' => sub {
    my $cache = IO::Socket::SSL::OCSP_Cache->new(2);
    my $entry = sub { return { statusType => shift, nextUpdate => time + 1000 } };
    $cache->put($_, $entry->(0)) for qw(a b);
    $cache->get('a');
    $cache->put('c', $entry->(1));
    is_deeply [map { $cache->get($_) ? 1 : 0 } qw(a b c)], [1, 0, 1], 'b went';
    ok !eval { $cache->put('d', 'x'); 1 }, 'an entry that is no hash';
    ok !eval { IO::Socket::SSL::OCSP_Cache::get({}, 'a'); 1 }, 'an object that is no cache';
    ok !eval { IO::Socket::SSL::OCSP_Resolver::requests(bless {}, 'IO::Socket::SSL::OCSP_Resolver'); 1 },
        'one that is no resolver';
    my %full = (statusType => 1, revocationReason => 1, thisUpdate => time, nextUpdate => time + 9,
        revocationTime => 5, expire => time + 8, hard_error => 'h', soft_error => 's');
    $cache->put('full', \%full);
    is_deeply $cache->get('full'), { %full, revocationReason_str => 'keyCompromise' }, 'all fields';
};

subtest 'a nonce has to be repeated' => sub {
    my $ocsp = unstapled()->ocsp_resolver;
    my (undef, $plain) = $ocsp->requests;
    $ocsp->set_nonce(1);
    my ($uri, $request) = $ocsp->requests;
    cmp_ok length $request, '>', length $plain, 'it is in the request';
    is $ocsp->resolve_blocking, '', 'the responder repeats it';
    is $ocsp->soft_error, undef, 'which is good';

    $ocsp = unstapled()->ocsp_resolver;
    $ocsp->set_nonce(1);
    is $ocsp->add_response($uri, $pki->response('server')), '', 'an answer without it';
    like $ocsp->soft_error, qr/doesn't repeat our nonce/, 'isn\'t believed';
};

SKIP: {
    skip 'this perl has no threads', 1 if !$Config{useithreads};
    subtest 'threads share a cache, and have no part in a resolver' => sub {
        require threads;
        my $cache = IO::Socket::SSL::OCSP_Cache->new;
        my $sock = unstapled(SSL_ocsp_cache => $cache);
        my $ocsp = $sock->ocsp_resolver;
        my @there = threads->create({ context => 'list' }, sub {
            $cache->put('there', { statusType => 0, nextUpdate => time + 1000 });
            my $used = eval { $ocsp->requests; 1 };
            return ($used ? 'used' : $@, $sock->ocsp_resolver ? 'made' : 'none');
        })->join;
        ok $cache->get('there'), 'what a thread puts in is here';
        like $there[0], qr/of this thread expected/, 'our resolver can\'t be used there';
        is $there[1], 'made', 'but one be made';
        is $ocsp->resolve_blocking, '', 'ours works on';
    };
}

subtest 'after 200 rounds memory doesn\'t grow' => sub {
    plan skip_all => 'needs /proc' if !-r '/proc/self/statm';
    plan skip_all => 'the sanitizer keeps what is freed, and finds leaks itself' if $ENV{IOSSL_SANITIZE};
    my $kb = sub { open my $f, '<', '/proc/self/statm' or die $!; (split ' ', <$f>)[1] * 4 };
    my $der = $pki->response('server');
    my %kept;
    my $cache = My::Cache->new(put => sub { $kept{ $_[0] } = $_[1] }, get => sub { undef });
    my $sock  = unstapled(SSL_ocsp_cache => $cache);
    my $round = sub {
        my $ocsp = $sock->ocsp_resolver;
        my ($uri) = $ocsp->requests;
        $ocsp->add_response($uri, $_[0] % 2 ? $der : 'garbage');
    };
    $round->($_) for 1 .. 200;
    my $before = $kb->();
    $round->($_) for 1 .. 2000;
    cmp_ok $kb->() - $before, '<', 1000, 'less than 1000 KB';
};

done_testing;
