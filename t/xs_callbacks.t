# xs_callbacks.t - every callback of the module, and what becomes of whatever it does: one table.
#
# The callbacks are in %RUN: each runs an operation with the code given, and returns what came of it in
# one word: 'done', 'refused', or 'died: ...'. What a callback does is in %DOES. %WANT tells what is to
# come of it, by callback; where it says nothing, %USUAL does. After each, a connection works as ever.
use strict;
use warnings;
use Scalar::Util qw(weaken);
use Test::More;
use lib 't/lib';
use TLSTest '120';
use IO::Socket::SSL;

my $SERVING = IO::Socket::SSL::SSL_Context->new(server_args()) or die $SSL_ERROR;
my ($near, $far);       # the sockets of the operation under way; callbacks act on $near

sub outcome {
    my (%how) = @_;
    my $side = delete $how{side} || 'client';
    ($near, $far) = plain_pair('unix');
    my $result = handshake(over => [$near, $far], %how);
    ($near, $far) = ($far, $near) if $side eq 'server';
    return 'done' if $result->{"${side}_ok"};
    my $error = $result->{"${side}_error"};
    return $error =~ /^SSL (?:connect|accept) attempt failed|^hostname verification failed/
        ? 'refused' : "died: $error";
}

sub attempt {
    my ($code) = @_;
    my $result = eval { $code->() ? 'done' : 'refused' };
    return $result // "died: $@";
}

{
    package Store;
    sub new { my ($class, %code) = @_; return bless {%code}, $class }
    sub add_session { my $self = shift; return $self->{add} ? $self->{add}->(@_) : 1 }
    sub get_session { my $self = shift; return $self->{get} ? $self->{get}->(@_) : undef }
    sub del_session { my $self = shift; return $self->{del} ? $self->{del}->(@_) : 1 }
}

# A connection that is open, non-blocking callbacks set afterwards, and one read.
sub read_with {
    my ($set) = @_;
    ($near, $far) = pair(over => 'unix');
    $set->($near);
    print $far "x\n";
    return attempt(sub { my $line = <$near>; defined $line });
}

my %RUN = (
    SSL_verify_callback => sub { outcome(client => { SSL_verify_callback => shift }) },
    'SSL_verify_callback of a server' => sub { outcome(side => 'server',
        client => { SSL_version => 'TLSv1_2', SSL_cert_file => cert('client.pem'),
            SSL_key_file => cert('client.key') },
        server => { SSL_verify_mode => SSL_VERIFY_PEER, SSL_ca_file => cert('ca.pem'),
            SSL_verify_callback => shift }) },
    SSL_verifycn_scheme => sub { outcome(client => { SSL_verifycn_scheme => { callback => shift } }) },
    SSL_create_ctx_callback => sub {
        my $code = shift;
        ($near, $far) = plain_pair('unix');
        attempt(sub { IO::Socket::SSL::SSL_Context->new(client_args(
            SSL_create_ctx_callback => $code)) });
    },
    SSL_passwd_cb => sub {
        my $code = shift;
        ($near, $far) = plain_pair('unix');
        attempt(sub { IO::Socket::SSL::SSL_Context->new(SSL_server => 1,
            SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server-pass.key'),
            SSL_passwd_cb => $code) });
    },
    SSL_ticket_keycb => sub { outcome(side => 'server', client => { SSL_version => 'TLSv1_2' },
        server => { SSL_ticket_keycb => shift }) },
    'SSL_ticket_keycb, TLS 1.3' => sub { outcome(side => 'server', client => { SSL_version => 'TLSv1_3' },
        server => { SSL_ticket_keycb => shift }) },
    SSL_keylog_callback => sub { outcome(client => { SSL_keylog_callback => shift }) },
    SSL_cert_callback => sub { outcome(side => 'server', client => { SSL_hostname => 'server.test' },
        server => { SSL_cert_callback => shift }) },
    SSL_msg_callback => sub { outcome(client => { SSL_msg_callback => shift }) },
    'set_msg_callback, while reading' => sub {
        my $code = shift;
        read_with(sub { $_[0]->set_msg_callback($code) });
    },
    'get_session of a store' => sub { outcome(client => { SSL_version => 'TLSv1_2',
        SSL_session_key => 'k', SSL_session_cache => Store->new(get => shift) }) },
    'get_session of a store, TLS 1.3' => sub { outcome(client => { SSL_version => 'TLSv1_3',
        SSL_session_key => 'k', SSL_session_cache => Store->new(get => shift) }) },
    'add_session of a store' => sub { outcome(client => { SSL_version => 'TLSv1_2',
        SSL_session_key => 'k', SSL_session_cache => Store->new(add => shift) }) },
    # With TLS 1.3 tickets come while data are read.
    'add_session of a store, while reading' => sub {
        my $code = shift;
        ($near, $far) = pair(over => 'unix', client => { SSL_session_key => 'k',
            SSL_session_cache => Store->new(add => $code) });
        print $far "x\n";
        attempt(sub { my $line = <$near>; defined $line });
    },
    # A ticket of TLS 1.3 is for one connection, so the store is told to drop what it gave.
    'del_session of a store, TLS 1.3' => sub {
        my $code = shift;
        my $kept;
        my $context = IO::Socket::SSL::SSL_Context->new(client_args(SSL_version => 'TLSv1_3',
            SSL_session_cache => Store->new(add => sub { $kept = $_[1] }, get => sub { $kept },
                del => $code)));
        my @both = (server => { SSL_reuse_ctx => $SERVING },
            client => { SSL_reuse_ctx => $context, SSL_session_key => 'k' });
        my @first = settle(pair(over => 'unix', @both));
        $_->close for @first;
        outcome(@both);
    },
    set_args_filter_hack => sub {
        my $code = shift;
        ($near, $far) = plain_pair('unix');
        my $is_inside = 0;      # connections that the callback makes are filtered, too
        IO::Socket::SSL::set_args_filter_hack(sub {
            return if $_[0] || $is_inside++;
            goto &$code;
        });
        my $result = attempt(sub { IO::Socket::SSL->start_SSL($near, client_args(),
            SSL_startHandshake => 0) });
        IO::Socket::SSL::set_args_filter_hack(sub { });
        return $result;
    },
    SSL_ocsp_staple_callback => sub { outcome(client => { SSL_ocsp_staple_callback => shift }) },
    SSL_ocsp_staple_source => sub { outcome(side => 'server',
        client => { SSL_ocsp_mode => SSL_OCSP_TRY_STAPLE },
        server => { SSL_ocsp_staple_source => shift }) },
    SSL_error_trap => sub { outcome(client => { SSL_ca_file => cert('other-ca.pem'),
        SSL_error_trap => shift }) },
    SSL_on_peer_shutdown => sub {
        my $code = shift;
        ($near, $far) = pair(over => 'unix', client => { SSL_on_peer_shutdown => $code });
        $far->stop_SSL(SSL_fast_shutdown => 1);
        attempt(sub { defined $near->sysread(my $buffer, 1) });
    },
);

{
    package Overloaded;
    use overload 'bool' => sub { $_[0]{bool}->() }, '""' => sub { $_[0]{text}->() };
    sub new { my ($class, %code) = @_; return bless {%code}, $class }
    package Oops;
    use overload 'bool' => sub { 0 }, '""' => sub { 'oops' }, fallback => 1;
}

my $inner = 0;
my %DOES = (
    'returns 1'             => sub { 1 },
    'returns 0'             => sub { 0 },
    'returns nothing'       => sub { return },
    'returns undef'         => sub { undef },
    'returns the empty text' => sub { '' },
    'returns a reference'   => sub { [] },
    'returns wide text'     => sub { "\x{263a}" x 3000 },
    'returns an object that is true'  => sub { Overloaded->new(bool => sub { 1 }, text => sub { 't' }) },
    'returns an object that is false' => sub { Overloaded->new(bool => sub { 0 }, text => sub { 'f' }) },
    'returns an object that dies' => sub {
        Overloaded->new(bool => sub { die "inside\n" }, text => sub { die "inside\n" }) },
    'returns a list'        => sub { (1, 2, 3, 4) },
    'dies with text'        => sub { die "oops\n" },
    'dies with an object'   => sub { die bless {}, 'Oops' },
    'dies and catches it'   => sub { eval { die "caught\n" }; 1 },
    'leaves by last'        => sub { no warnings; last },
    'leaves by next'        => sub { no warnings; next },
    'leaves by goto'        => sub { no warnings; goto OUTSIDE },
    'sets globals'          => sub { $@ = 'x'; $! = 5; $_ = 'y'; $SSL_ERROR = 'z'; 1 },
    'shuffles its arguments' => sub { @_ = (1) x 100; $_[0] = 5; shift for 1 .. 3; 1 },
    'closes the socket'     => sub { $near->close; $far->close; 1 },
    'throws the sockets away' => sub { undef $near; undef $far; 1 },
    'uses TLS itself'       => sub {
        my ($one, $other) = pair(over => 'unix');
        print $one "inner\n";
        $inner++ if <$other> eq "inner\n";
        handshake(over => 'unix', client => { SSL_verifycn_name => 'wrong.test' });
        eval { IO::Socket::SSL::SSL_Context->new(SSL_cert_file => '/none') };
        1;
    },
    'calls itself by another connection' => do {
        my $depth = 0;
        sub {
            return 1 if $depth >= 2;
            $depth++;
            my ($one, $other) = plain_pair('unix');
            handshake(over => [$one, $other], client => { SSL_verify_callback => sub { 1 } });
            $depth--;
            return 1;
        };
    },
);

my $answer_ignored = { map { $_ => 'done' } grep { /^returns/ && !/dies/ } keys %DOES };
my %USUAL = (
    'returns 1' => 'done', 'returns 0' => 'refused', 'returns nothing' => 'refused',
    'returns undef' => 'refused', 'returns the empty text' => 'refused',
    'returns a reference' => 'done', 'returns wide text' => 'done',
    'returns an object that is true' => 'done', 'returns an object that is false' => 'refused',
    'returns an object that dies' => qr/^died: inside\n/, 'returns a list' => 'done',
    'dies with text' => qr/^died: oops\n/, 'dies with an object' => qr/^died: oops/,
    'dies and catches it' => 'done',
    'leaves by last' => qr/^died: Can't "last" outside a loop block/,
    'leaves by next' => qr/^died: Can't "next" outside a loop block/,
    'leaves by goto' => qr/^died: Can't (?:find label OUTSIDE|"goto")/,
    'sets globals' => 'done', 'shuffles its arguments' => 'done',
    'closes the socket' => qr/^died: a callback of a connection can't (?:end|use) that connection/,
    'throws the sockets away' => 'done', 'uses TLS itself' => 'done',
    'calls itself by another connection' => 'done',
);
# What a callback answers is of no account; an object it returns isn't looked into.
my %ignored = (%$answer_ignored, 'returns an object that dies' => 'done');
my %free = ('closes the socket' => 'done');     # outside of any operation
# Plain calls of Perl: what leaves a sub there leads where it leads.
my %plain = map { $_ => undef } 'leaves by last', 'leaves by next', 'leaves by goto';
my %no_key = map { $_ => qr/^died: SSL_ticket_keycb: / } grep { /^returns/ } keys %DOES;
my %keys = (%no_key, map { $_ => qr/^died: SSL_ticket_keycb: key functions needs to return/ }
    grep { !ref $USUAL{$_} && !/^returns/ } keys %USUAL);
my $no_context = qr/^died: SSL_cert_callback: a server's SSL_Context or a hash of arguments expected/;
my $no_staple = qr/^died: SSL_ocsp_staple_source: the bytes of an OCSP response/;

my %WANT = (
    SSL_create_ctx_callback => { %ignored, %free },
    SSL_passwd_cb => { %free,
        (map { $_ => 'refused' } grep { $USUAL{$_} && !ref $USUAL{$_} } keys %USUAL),
        'closes the socket' => 'refused' },
    'SSL_ticket_keycb, TLS 1.3' => \%keys,
    SSL_keylog_callback => \%ignored,
    SSL_cert_callback => { (map { $_ => $no_context } grep { !ref $USUAL{$_} } keys %USUAL),
        map { $_ => 'refused' } 'returns nothing', 'returns undef', 'returns the empty text', 'returns 0' },
    SSL_msg_callback => \%ignored,
    'set_msg_callback, while reading' => \%ignored,
    'get_session of a store' => \%ignored,
    'get_session of a store, TLS 1.3' => \%ignored,
    'add_session of a store' => \%ignored,
    'add_session of a store, while reading' => \%ignored,
    'del_session of a store, TLS 1.3' => \%ignored,
    SSL_ocsp_staple_callback => \%ignored,
    SSL_ocsp_staple_source => { (map { $_ => $no_staple } grep { !ref $USUAL{$_} } keys %USUAL),
        'returns an object that dies' => $no_staple,
        map { $_ => 'done' } 'returns nothing', 'returns undef', 'returns the empty text' },
    set_args_filter_hack => { %ignored, %plain, %free },
    SSL_ticket_keycb => \%keys,
    # The handshake has failed before it is called, so 'refused' is all that can come of it.
    SSL_error_trap => { %plain,
        (map { $_ => 'refused' } grep { !ref $USUAL{$_} } keys %USUAL),
        'returns an object that dies' => 'refused', 'closes the socket' => 'refused' },
    # Its answer is the answer of the read.
    SSL_on_peer_shutdown => { %ignored, %plain, 'closes the socket' => 'done',
        'returns an object that dies' => qr/^died: inside\n/,
        'returns nothing' => 'refused', 'returns undef' => 'refused',
        'throws the sockets away' => 'done' },
);

for my $callback (sort keys %RUN) {
    subtest $callback => sub {
        for my $does (sort keys %DOES) {
            my $want = exists $WANT{$callback}{$does} ? $WANT{$callback}{$does} : $USUAL{$does};
            next if !defined $want;
            my $code = $DOES{$does};
            my $calls = 0;
            my $counted = sub { $calls++; goto &$code };
            my $got = do {
                local $_ = 'mine';
                local $SIG{__WARN__} = sub { };     # of odd answers taken as numbers
                $RUN{$callback}->($counted);
            };
            cmp_ok $calls, '>', 0, "$does: called";
            if (ref $want) { like $got, $want, 'what came of it' }
            else           { is $got, $want, 'what came of it' }
            if ($got eq 'done' && $does eq 'sets globals' && $callback !~ /peer_shutdown|filter/) {
                is $SSL_ERROR // '', '', 'the error of the operation is its own';
            }
            undef $near;
            undef $far;
        }
        my ($one, $other) = pair(over => 'unix');
        print $one "next\n";
        is scalar(<$other>), "next\n", 'the next connection works';
    };
}
cmp_ok $inner, '>', 10, 'TLS worked within callbacks';

subtest 'exceptions of callbacks are freed, and so are callbacks and sockets' => sub {
    for my $callback (sort keys %RUN) {
        my $alive = 0;
        package Counted { sub new { my ($class, $n) = @_; $$n++; return bless [$n], $class }
            sub DESTROY { ${ $_[0][0] }-- } }
        my $guard = Counted->new(\$alive);
        my $code = sub { my $keep = $guard; die Counted->new(\$alive) };
        undef $guard;
        eval { $RUN{$callback}->($code) };
        undef $@;
        undef $_ for $near, $far;
        undef $code;
        is $alive, 0, $callback;
    }
};

done_testing;
