# ocsp_resolver.t - has the peer's certificate been revoked? Its issuer's responder is asked.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use OCSPTest;
use TLSTest '300';

my $pki = OCSPTest->new or plan skip_all => 'no openssl program here';
eval { require HTTP::Tiny } or plan skip_all => 'no HTTP::Tiny here';
my $URI = $pki->uri('ca');
my %server = map { $_ => [$pki->start_server($_)] } qw(server revoked unknown no-uri chain bad-chain);

# A connection to the server with this certificate that asked for no staple, and its resolver. The
# connection lasts until the next call: the incumbent's resolver needs it.
my $last;

sub resolver {
    my ($name, $mode, %args) = @_;
    undef $last;
    $last = $pki->client($server{$name}[1], SSL_ocsp_mode => SSL_OCSP_NO_STAPLE | ($mode || 0),
        %args) or die "$name: $SSL_ERROR";
    return $last->ocsp_resolver;
}

sub subject { return "/O=IOSSL/OU=$_[0]/CN=server.test" }

subtest 'a good certificate: one request, then the final answer' => sub {
    my $ocsp = resolver('server');
    isa_ok $ocsp, 'IO::Socket::SSL::OCSP_Resolver';
    my %requests = $ocsp->requests;
    is_deeply [keys %requests], [$URI], 'the address is that in the certificate';
    is $ocsp->hard_error, undef, 'nothing is known yet';
    is $ocsp->soft_error, undef, 'and nothing failed';
    $pki->requests;
    is $ocsp->resolve_blocking(agent => 'Test/1'), '', 'not revoked';
    is_deeply [$pki->requests], ['POST /ca application/ocsp-request Test/1'],
        'asked once, and the arguments went to HTTP::Tiny';
    is $ocsp->hard_error, '', 'that stays the answer';
    is $ocsp->soft_error, undef, 'without a complaint';
    is_deeply [$ocsp->requests], [], 'there is nothing more to ask';
};

subtest 'a revoked certificate is a hard error in any mode' => sub {
    for my $mode (0, SSL_OCSP_FAIL_HARD, SSL_OCSP_FULL_CHAIN) {
        my $ocsp  = resolver('revoked', $mode);
        my $error = $ocsp->resolve_blocking;
        like $error, qr/^\Q$URI: certificate status is revoked\E.*; subject: \Q@{[subject 'revoked']}\E/,
            "mode $mode";
        is $ocsp->hard_error, $error, 'the same again';
        is_deeply [$ocsp->requests], [], 'nothing more is asked';
    }
};

subtest 'so is one that its issuer has no record of' => sub {
    like resolver('unknown')->resolve_blocking,
        qr/^\Q$URI: certificate status is unknown\E.*; subject: \Q@{[subject 'unknown']}\E/, 'unknown';
};

subtest 'a certificate that names no responder can\'t be asked about' => sub {
    for my $mode (0, SSL_OCSP_FAIL_HARD) {
        my $ocsp = resolver('no-uri', $mode);
        is $ocsp->hard_error, '', "mode $mode: not an error";
        is $ocsp->soft_error, 'no ocsp_uri for ' . subject('no-uri'), 'but told';
    }
};

for my $row (
    ['no answer',           [close => 1],              qr/http request for OCSP failed/],
    ['an empty answer',     [body => ''],              qr/http request for OCSP failed/],
    ['an error of HTTP',    [http => 500],             qr/http request for OCSP failed/],
    ['garbage',             [body => 'garbage'],       qr/invalid response \(no OCSP_RESPONSE\)/],
    ['"try later"', [body => "\x30\x03\x0a\x01\x03"],  qr/OCSP response failed: trylater/],
    ['a broken signature',  [args => ['-badsig']],     qr/signature failure/],
    ['a foreign signer',    [signer => 'other-ca'],    qr/\S/],
    ['a signer of the same authority who may not', [signer => 'no-delegate'], qr/\S/],
    ['an answer out of date', [retime => [-3 * 86400, -86400]], qr/response not yet valid or expired/],
    ['an answer of the future', [retime => [86400, 2 * 86400]], qr/response not yet valid or expired/],
) {
    my ($what, $answer, $text) = @$row;
    subtest "$what is a soft error, or a hard one where asked for" => sub {
        $pki->answer(@$answer);
        my $ocsp = resolver('server');
        is $ocsp->resolve_blocking, '', 'not revoked as far as is known';
        like $ocsp->soft_error, qr/^\Q$URI\E: .*$text/, 'the soft error';
        $ocsp = resolver('server', SSL_OCSP_FAIL_HARD);
        my $error = $ocsp->resolve_blocking;
        like $error, qr/^\Q$URI\E: .*$text/, 'with FAIL_HARD a hard one';
        is $ocsp->hard_error, $error, 'which stays';
        is $ocsp->soft_error, undef, 'and no soft one';
        $pki->answer;
    };
}

for my $row (
    ['a responder that the issuer appointed' => signer => 'delegate'],
    ['one that is named by its key'          => args => ['-resp_key_id']],
    ['one that sends no certificate'         => args => ['-resp_no_certs']],
) {
    my ($what, @answer) = @$row;
    subtest "an answer of $what is believed" => sub {
        $pki->answer(@answer);
        my $ocsp = resolver('server', SSL_OCSP_FAIL_HARD);
        is $ocsp->resolve_blocking, '', 'good';
        is $ocsp->soft_error, undef, 'without a complaint';
        like resolver('revoked')->resolve_blocking, qr/revoked/, 'revoked';
        $pki->answer;
    };
}

subtest 'the leaf alone, or with FULL_CHAIN the whole chain' => sub {
    my %leaf = resolver('chain')->requests;
    is_deeply [keys %leaf], [$pki->uri('inter')], 'the leaf';
    my $ocsp  = resolver('chain', SSL_OCSP_FULL_CHAIN);
    my %chain = $ocsp->requests;
    is_deeply [sort keys %chain], [sort map { $pki->uri($_) } qw(ca inter)], 'the chain';
    is $ocsp->resolve_blocking, '', 'all of it good';
    is resolver('bad-chain')->resolve_blocking, '', 'a good leaf of a revoked authority';
    like resolver('bad-chain', SSL_OCSP_FULL_CHAIN)->resolve_blocking,
        qr/revoked.*; subject: \S*CN=bad-inter/, 'is found out in its chain';
};

subtest 'certificates that are named are asked about instead' => sub {
    resolver('server');
    my $cert = PEM_file2cert($pki->file('revoked.pem'));
    my $ocsp = $last->ocsp_resolver($cert);
    like $ocsp->resolve_blocking, qr/revoked.*\Q@{[subject 'revoked']}\E/, 'one';
    CERT_free($cert);
};

subtest 'a program may carry requests and answers itself' => sub {
    plan skip_all => 'this openssl is no responder on a free port' if `$pki->{openssl} version` =~ /^OpenSSL 1/;
    my ($peer, $port) = $pki->start_responder('ca');
    my $carry = sub {
        my ($ocsp) = @_;
        my ($uri, $request) = $ocsp->requests;
        my $reply = HTTP::Tiny->new->post("http://127.0.0.1:$port/", { content => $request,
            headers => { 'Content-Type' => 'application/ocsp-request' } });
        return $ocsp->add_response($uri, $reply->{content});
    };
    my $ocsp = resolver('server');
    is $carry->($ocsp), '', 'a real responder: good';
    is_deeply [$ocsp->requests], [], 'done';
    like $carry->(resolver('revoked')), qr/certificate status is revoked/, 'revoked';
    like $carry->(resolver('unknown')), qr/certificate status is unknown/, 'unknown';

    $ocsp = resolver('server');
    is $ocsp->add_response('http://elsewhere.test/', 'x'), undef, 'an answer nobody asked for';
    is $ocsp->hard_error, undef, 'changes nothing';
    is $ocsp->add_response($URI, ''), '', 'an empty one means: none came';
    like $ocsp->soft_error, qr/^\Q$URI\E: http request for OCSP failed/, 'and is told';
    is $ocsp->add_response($URI, 'x'), undef, 'a second answer to the same request';
};

subtest 'without a connection there is no resolver' => sub {
    my $sock = IO::Socket::SSL->new;
    is $sock->ocsp_resolver, undef, 'none';
    is $SSL_ERROR, 'Undefined SSL object', 'which is told';
};

differs('ocsp-resolver-new', 'a resolver is made by the connection', sub {
    ok !IO::Socket::SSL::OCSP_Resolver->can('new'), 'and by nothing else';
}, sub {
    ok(IO::Socket::SSL::OCSP_Resolver->can('new'), 'or by its constructor');
});

# --- caches ---------------------------------------------------------------------------------------

{
    package My::Cache;
    sub new { return bless { kept => {}, calls => '' }, shift }
    sub put { my ($self, $key, $entry) = @_; $self->{calls} .= 'p'; return $self->{kept}{$key} = $entry }
    sub get { my ($self, $key) = @_; $self->{calls} .= 'g'; return $self->{kept}{$key} }
}

subtest 'a cache of the program\'s own is asked first and told what was learned' => sub {
    my $cache = My::Cache->new;
    my $ocsp  = resolver('server', 0, SSL_ocsp_cache => $cache);
    is $cache->{calls}, 'g', 'asked';
    is $ocsp->resolve_blocking, '', 'good';
    is $cache->{calls}, 'gp', 'told';
    my ($key)   = keys %{ $cache->{kept} };
    my ($entry) = values %{ $cache->{kept} };
    cmp_ok length $key, '>', 50, 'the key is an id of the certificate';
    is $entry->{statusType}, 0, 'it is good';
    cmp_ok $entry->{thisUpdate}, '<=', time, 'since';
    cmp_ok $entry->{nextUpdate}, '>', time, 'until';

    my $again = resolver('server', 0, SSL_ocsp_cache => $cache);
    is_deeply [$again->requests], [], 'nothing to ask then, on another connection';
    is $again->hard_error, '', 'good';

    like resolver('revoked', 0, SSL_ocsp_cache => $cache)->resolve_blocking, qr/revoked/, 'revoked';
    ($entry) = grep { $_->{statusType} == 1 } values %{ $cache->{kept} };
    is $entry->{revocationTime}, 1_704_067_200, 'since when';
    is $entry->{revocationReason}, 1, 'why';
    is $entry->{revocationReason_str}, 'keyCompromise', 'in words';
};

differs('ocsp-cache-revoked', 'what the cache knows as revoked is not asked again, and is revoked', sub {
    my $cache = My::Cache->new;
    like resolver('revoked', 0, SSL_ocsp_cache => $cache)->resolve_blocking, qr/revoked/, 'at first';
    my $again = resolver('revoked', 0, SSL_ocsp_cache => $cache);
    is_deeply [$again->requests], [], 'not asked again';
    like $again->hard_error, qr/^certificate status is revoked.*; subject: \S*OU=revoked/, 'revoked';
}, sub {
    my $cache = My::Cache->new;
    like resolver('revoked', 0, SSL_ocsp_cache => $cache)->resolve_blocking, qr/revoked/, 'at first';
    my $again = resolver('revoked', 0, SSL_ocsp_cache => $cache);
    is $again->hard_error, '', 'forgotten';
});

differs('ocsp-cache-expiry', 'a cache keeps answers while they hold, and no longer', sub {
    my $cache = IO::Socket::SSL::OCSP_Cache->new;
    my $entry = { statusType => 0, nextUpdate => time + 1000 };
    is $cache->put('a', $entry), $entry, 'put returns the entry';
    is $cache->get('a')->{nextUpdate}, $entry->{nextUpdate}, 'it is there';
    is $cache->get('b'), undef, 'another is not';
    $cache->put('a', { nextUpdate => time - 1 });
    is $cache->get('a'), undef, 'out of date';
    $cache->put('c', { nextUpdate => time + 1000, expire => time - 1 });
    is $cache->get('c'), undef, 'expired';
    $cache->put('d', { nextUpdate => time - 1, expire => time + 1000 });
    ok $cache->get('d'), 'expire counts before nextUpdate';

    ok resolver('server', 0, SSL_ocsp_cache => $cache)->requests, 'asked at first';
    is resolver('server', 0, SSL_ocsp_cache => $cache)->resolve_blocking, '', 'good';
    is_deeply [resolver('server', 0, SSL_ocsp_cache => $cache)->requests], [], 'then known';
}, sub {
    my $cache = IO::Socket::SSL::OCSP_Cache->new;
    $cache->put('a', { nextUpdate => time + 1000 });
    is $cache->get('a'), undef, 'what holds is lost';
    $cache->put('a', { nextUpdate => time - 1 });
    ok $cache->get('a'), 'what doesn\'t is kept';
});

done_testing;
