# ocsp_staple.t - clients: the answer of a responder that the server sends along.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use OCSPTest;
use TLSTest '300';

my $pki = OCSPTest->new or plan skip_all => 'no openssl program here';

# What a server with this certificate staples: the name of a file below; '' for nothing.
my %server;
my %staple = (
    good    => [server => ()], revoked => [revoked => ()], unknown => [unknown => ()],
    stale   => [server => retime => [-3 * 86400, -86400]],
    wrong   => [server => signer => 'no-delegate'],
    foreign => [server => signer => 'other-ca'],
    delegate => [server => signer => 'delegate'],
    must    => [must => ()],
);
for my $name (keys %staple) {
    my ($cert, @how) = @{ $staple{$name} };
    $pki->response($cert, @how, file => $pki->file("$name.der"));
}
$server{none}     = [$pki->start_server('server')];
$server{mustnone} = [$pki->start_server('must')];
$server{$_} = [$pki->start_server($staple{$_}[0], '-status_file', $pki->file("$_.der"))]
    for keys %staple;

sub connect_to {
    my ($name, $mode, %args) = @_;
    return $pki->client($server{$name}[1], defined $mode ? (SSL_ocsp_mode => $mode) : (), %args);
}

my $REQUIRED = qr/^did not receive the required stapled OCSP response/;

# Server, then by mode: undef (the default), NO_STAPLE, TRY_STAPLE, MUST_STAPLE, MUST and NO.
for my $row (
    [none     => '', '', '', $REQUIRED, $REQUIRED],
    [good     => '', '', '', '',        $REQUIRED],
    [delegate => '', '', '', '',        $REQUIRED],
    [revoked  => qr/^certificate status is revoked/, '', qr/^certificate status is revoked/,
                 qr/^certificate status is revoked/, $REQUIRED],
    [unknown  => qr/^certificate status is unknown/, '', qr/^certificate status is unknown/,
                 qr/^certificate status is unknown/, $REQUIRED],
    [wrong    => '', '', '', $REQUIRED, $REQUIRED],
    [foreign  => '', '', '', $REQUIRED, $REQUIRED],
    [stale    => '', '', '', undef,     $REQUIRED],
    [must     => '', '', '', '',        $REQUIRED],
) {
    my ($name, @outcomes) = @$row;
    subtest "a server that staples \"$name\"" => sub {
        for my $mode (undef, SSL_OCSP_NO_STAPLE, SSL_OCSP_TRY_STAPLE, SSL_OCSP_MUST_STAPLE,
            SSL_OCSP_MUST_STAPLE | SSL_OCSP_NO_STAPLE) {
            my $expected = shift @outcomes;
            next if !defined $expected;
            my $sock = connect_to($name, $mode);
            my $what = 'mode ' . ($mode // 'default');
            if (!ref $expected) {
                ok $sock, "$what: connected" or diag $SSL_ERROR;
            } else {
                is $sock, undef, "$what: refused";
                like $SSL_ERROR, $expected, 'for that reason';
            }
        }
    };
}

subtest 'who verifies nothing asks for no staple' => sub {
    ok connect_to('revoked', undef, SSL_verify_mode => SSL_VERIFY_NONE), 'connected';
};

subtest 'SSL_ocsp_staple_callback judges in place of the module' => sub {
    for my $row ([none => 0], [good => 1], [revoked => 1], [stale => 1]) {
        my ($name, $has) = @$row;
        for my $return (0, 1) {
            my @args;
            my $sock = connect_to($name, SSL_OCSP_TRY_STAPLE,
                SSL_ocsp_staple_callback => sub { @args = ("$_[0]", @_[1 .. $#_]); return $return });
            ok $sock, "$name: connected, though it returns $return" or diag $SSL_ERROR;
            is scalar(@args), 2, 'two arguments';
            is $args[0], "$sock", 'the socket';
            is !!$args[1], !!$has, $has ? 'the response' : 'none';
        }
    }
    my $called = 0;
    ok connect_to('good', SSL_OCSP_NO_STAPLE, SSL_ocsp_staple_callback => sub { $called++ }), 'connected';
    is $called, 0, 'it isn\'t called where no staple was asked for';
};

subtest 'a callback that dies ends the handshake, and the exception arrives' => sub {
    my $thrown = bless {}, 'Some::Exception';
    my $sock = eval { connect_to('good', undef, SSL_ocsp_staple_callback => sub { die $thrown }) };
    is $@, $thrown, 'the very object';
    is $sock, undef, 'no connection';
    ok connect_to('good'), 'the next works';
};

subtest 'a callback that closes the socket ends the handshake' => sub {
    my $sock = connect_to('good', undef, SSL_ocsp_staple_callback => sub { close $_[0] });
    is $sock, undef, 'no connection';
    like $SSL_ERROR, qr/^SSL connect attempt failed/, 'which is an error';
};

subtest 'a callback may make other connections' => sub {
    my $inner = 0;
    my $sock = connect_to('good', undef, SSL_ocsp_staple_callback => sub {
        $inner++ if connect_to('delegate', SSL_OCSP_MUST_STAPLE);
    });
    ok $sock, 'connected' or diag $SSL_ERROR;
    is $inner, 1, 'and within';
};

{
    package My::Cache;
    sub new { return bless {}, shift }
    sub put { my ($self, $key, $entry) = @_; return $self->{$key} = $entry }
    sub get { my ($self, $key) = @_; return $self->{$key} }
}

subtest 'what a staple said is in the cache, and need not be asked' => sub {
    my $cache = My::Cache->new;
    my $sock  = connect_to('good', undef, SSL_ocsp_cache => $cache) or die $SSL_ERROR;
    my ($entry) = values %$cache;
    is $entry->{statusType}, 0, 'good';
    cmp_ok $entry->{nextUpdate}, '>', time, 'until';
    is_deeply [$sock->ocsp_resolver->requests], [], 'nothing is to be asked';
    is $sock->ocsp_resolver->hard_error, '', 'and nothing is revoked';

    $cache = My::Cache->new;
    is connect_to('revoked', undef, SSL_ocsp_cache => $cache), undef, 'refused';
    ($entry) = values %$cache;
    is $entry->{statusType}, 1, 'revoked';
    like $entry->{hard_error}, qr/^certificate status is revoked/, 'with the error';
};

differs('ocsp-staple-with-other-flags', 'FULL_CHAIN and FAIL_HARD don\'t take the staple away', sub {
    for my $mode (SSL_OCSP_FULL_CHAIN, SSL_OCSP_FAIL_HARD) {
        is connect_to('revoked', $mode), undef, "mode $mode: refused";
        like $SSL_ERROR, qr/^certificate status is revoked/, 'as revoked';
    }
}, sub {
    ok connect_to('revoked', $_), "mode $_: connected" for SSL_OCSP_FULL_CHAIN, SSL_OCSP_FAIL_HARD;
});

differs('ocsp-staple-out-of-date', 'a required staple has to be of now', sub {
    is connect_to('stale', SSL_OCSP_MUST_STAPLE), undef, 'refused';
    like $SSL_ERROR, qr/$REQUIRED: response not yet valid or expired/, 'and why';
}, sub {
    ok connect_to('stale', SSL_OCSP_MUST_STAPLE), 'connected';
});

differs('ocsp-must-staple-certificate', 'a certificate that demands a staple is believed only with one', sub {
    is connect_to('mustnone'), undef, 'refused';
    like $SSL_ERROR, qr/$REQUIRED.*the certificate itself demands one/, 'and why';
    ok connect_to('mustnone', SSL_OCSP_NO_STAPLE), 'unless the program asks for no staple';
    ok connect_to('must'), 'with one: connected';
}, sub {
    ok connect_to('mustnone'), 'connected';
});

differs('ocsp-staple-callback-required', 'with a callback a required staple is judged all the same', sub {
    my $called = 0;
    ok connect_to('good', SSL_OCSP_MUST_STAPLE, SSL_ocsp_staple_callback => sub { $called++ }), 'good';
    is $called, 1, 'called';
    is connect_to('wrong', SSL_OCSP_MUST_STAPLE, SSL_ocsp_staple_callback => sub { 1 }), undef, 'wrong';
    like $SSL_ERROR, $REQUIRED, 'refused';
}, sub {
    is connect_to('good', SSL_OCSP_MUST_STAPLE, SSL_ocsp_staple_callback => sub { 1 }), undef, 'refused';
});

differs('ocsp-option-value', 'values that make no sense are refused', sub {
    for my $row ([SSL_ocsp_mode => 'must', qr/SSL_ocsp_mode.*"must"/], [SSL_ocsp_mode => 1024, qr/SSL_ocsp_mode/],
        [SSL_ocsp_cache => 'x', qr/SSL_ocsp_cache.*put and get/],
        [SSL_ocsp_cache => bless({}, 'My::Nothing'), qr/SSL_ocsp_cache.*put and get/],
        [SSL_ocsp_staple_callback => 'x', qr/SSL_ocsp_staple_callback.*code/]) {
        my ($option, $value, $text) = @$row;
        ok !eval { IO::Socket::SSL::SSL_Context->new($option => $value); 1 }, "$option => $value";
        like $@, $text, 'which tells the option';
    }
}, sub {
    ok(IO::Socket::SSL::SSL_Context->new(SSL_ocsp_mode => 'must'), 'they are not');
});

done_testing;
