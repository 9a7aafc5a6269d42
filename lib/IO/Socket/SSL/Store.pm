# IO::Socket::SSL::Store - sessions, ticket keys and OCSP answers that many processes and machines share.
#
# Owns      the order of things around a server that may be slow, dead or hostile: one attempt within
#           a time limit, then none for a while; what a value is called, and how long it is kept.
# Promises  no method dies or waits beyond its limit because of the server: without it, handshakes are full
#           ones. What is kept there is sealed. Signals that arrive meanwhile are seen to afterwards
#           (xs/glue/signals.c). A connection to it belongs to the process and thread that made it.
# Leaves    how to talk to the server to Store::Redis and Store::Memcached; the end of a wait that takes
#           too long to xs/glue/cutoff.c; the seal, sessions as bytes and the schedule of ticket keys to
#           libiossl (xs/store.xsi).
#
# Classes below have
#   _places()                         [HOST:PORT or path, ...], of all servers that a client may talk to
#   _connect()                        a client, or dies
#   _read(CLIENT, NAME)               the value, undef: there is none
#   _write(CLIENT, NAME, VALUE, SECONDS)
#   _write_new(CLIENT, NAME, VALUE, SECONDS)    true if there was none before
#   _remove(CLIENT, NAME)
# and die where the server doesn't answer as it should.
package IO::Socket::SSL::Store;

use 5.014;
use strict;
use warnings;

use Carp ();
use IO::Socket::SSL ();

our $VERSION = '3.000';

# Sockets that a client may open in one call, beside one to each server.
my $NEW_SOCKETS = 4;

# Sessions that were read and are in a handshake now; the number goes to C at once.
my $ALIVE = 16;

my %DEFAULT = (prefix => 'iossl', timeout => 0.25, retry => 1, max_retry => 30, rotate => 3600,
    keep => 24, max_lifetime => 86400);

sub new {
    my ($class, %args) = @_;
    my $self = bless { %DEFAULT, %args }, $class;
    my $secret = delete $self->{secret};
    Carp::croak("$class: secret: the bytes that all of the fleet know expected") if !defined $secret;
    for my $name (qw(timeout retry max_retry rotate max_lifetime)) {
        Carp::croak("$class: $name: a number above 0 expected, not \"$self->{$name}\"")
            if $self->{$name} !~ /^\d*\.?\d+$/ || $self->{$name} <= 0;
    }
    Carp::croak("$class: rotate, keep: whole numbers below 2**31 expected")
        if grep { !/^\d{1,10}\z/ || $_ >= 2**31 } @$self{qw(rotate keep)};
    Carp::croak("$class: prefix: letters, digits and .:-_ expected, not \"$self->{prefix}\"")
        if $self->{prefix} !~ /^[\w.:-]{0,100}\z/a;
    $self->_attach($secret);
    $self->_check;
    $self->{ports} = [map { _port($_) } @{ $self->_places }];
    @$self{qw(pause alive keys own)} = (0, IO::Socket::SSL::Session_Cache->new($ALIVE), {}, {});
    return $self;
}

# What else is to be right from the start.
sub _check { return }

# The port of HOST:PORT; 0: the path of a Unix socket.
sub _port {
    my $place = shift;
    return $1 if $place =~ /:(\d{1,5})\z/;
    return 0 if $place =~ m{/};
    Carp::croak("a server is HOST:PORT or the path of a Unix socket, not \"$place\"");
}

# --- the server ---------------------------------------------------------------------------------------

# Calls a method with a client; undef where the server fails, or has failed not long ago.
sub _try {
    my ($self, $method, @args) = @_;
    my $now = IO::Socket::SSL::_now();
    return undef if $self->{wait_until} && $now < $self->{wait_until};

    local ($@, $!, $?, $IO::Socket::SSL::SSL_ERROR);
    my $answer;
    _with_signals_held(sub {
        my $done;
        ($answer, $done) = $self->_within_time_limit($method, @args);
        if ($done) {
            $self->{pause} = 0;
        } else {
            $self->_drop_client;
            my $pause = $self->{pause} ? 2 * $self->{pause} : $self->{retry};
            $self->{pause} = $pause > $self->{max_retry} ? $self->{max_retry} : $pause;
            $self->{wait_until} = IO::Socket::SSL::_now() + $self->{pause};
        }
    });
    return $answer;
}

# (answer, true: the server did what it should). The clients have limits of their own for each read and
# write; for all of it together, their sockets are shut down.
sub _within_time_limit {
    my ($self, $method, @args) = @_;
    $self->_drop_client if defined $self->{owner} && $self->{owner} ne _owner();
    my ($answer, $done);
    my $call = sub {
        local $SIG{__DIE__};
        local $SIG{__WARN__} = sub { };     # of a server that fails last_error tells
        eval { $answer = $self->$method($self->_client, @args); $done = 1 } or $self->{last_error} = "$@";
    };
    (my $late, $self->{sockets}) = _with_cutoff($self->{timeout}, pack('i*', @{ $self->{ports} }),
        $self->{sockets} // '', $NEW_SOCKETS + @{ $self->{ports} }, $call);
    return ($answer, $done) if defined $late && !$late;
    $self->{last_error} = defined $late
        ? "no whole answer from @{ $self->_places } within $self->{timeout} seconds\n"
        : "no thread to watch over the time limit: $!\n";
    return;
}

sub _owner { return $INC{'threads.pm'} ? "$$." . threads->tid : $$ }

sub _client {
    my $self = shift;
    return $self->{client} ||= do { $self->{owner} = _owner(); $self->_connect };
}

sub _drop_client {
    my $self = shift;
    delete @$self{qw(client owner sockets)};
    return;
}

# Why the server was last found wanting; undef: never.
sub last_error { return $_[0]{last_error} }

# --- values ---------------------------------------------------------------------------------------

sub _full_name {
    my ($self, $kind, $key) = @_;
    return "$self->{prefix}:$kind:" . $self->_name($kind, $key);
}

sub _fetch {
    my ($self, $name) = @_;
    my $sealed = $self->_try(_read => $name);
    return defined $sealed ? $self->_open($name, $sealed) : undef;
}

sub _keep {
    my ($self, $name, $value, $seconds) = @_;
    $seconds = $self->{max_lifetime} if $seconds > $self->{max_lifetime};
    return $seconds < 1 ? undef
        : $self->_try(_write => $name, $self->_close($name, $value), int $seconds);
}

# --- sessions: what SSL_session_cache and SSL_session_store ask for -------------------------------

sub add_session {
    my ($self, $key, $session) = @_;
    my ($bytes, $seconds) = _session_bytes($session, time);
    _session_free($session);                        # ours, as that of every cache
    return 0 if !defined $bytes;
    return $self->_keep($self->_full_name(session => $key), $bytes, $seconds) ? 1 : 0;
}

sub get_session {
    my ($self, $key) = @_;
    my $bytes   = $self->_fetch($self->_full_name(session => $key)) // return undef;
    my $session = _session_from_bytes($bytes) // return undef;
    $self->{alive}->add_session($key, $session);    # which frees it later
    return $session;
}

sub del_session {
    my ($self, $key) = @_;
    $self->{alive}->del_session($key) if defined $key;
    return defined $key && $self->_try(_remove => $self->_full_name(session => $key)) ? 1 : 0;
}

# --- OCSP answers: what SSL_ocsp_cache asks for -----------------------------------------------------

my @FIELDS = qw(statusType thisUpdate nextUpdate revocationTime revocationReason expire hard_error
    soft_error);

sub put {
    my ($self, $key, $entry) = @_;
    my $until = $entry->{expire} // $entry->{nextUpdate} // 0;
    my @pairs = map { defined $entry->{$_} ? ($_, $entry->{$_}) : () } @FIELDS;
    utf8::encode($_) for @pairs;
    $self->_keep($self->_full_name(ocsp => $key), pack('(n/a)*', @pairs), $until - time);
    return $entry;
}

sub get {
    my ($self, $key) = @_;
    my $bytes = $self->_fetch($self->_full_name(ocsp => $key)) // return undef;
    my %entry = unpack '(n/a)*', $bytes;
    utf8::decode($_) for grep { defined } @entry{qw(hard_error soft_error)};
    delete $entry{$_} for grep { !defined $entry{$_} } keys %entry;
    my $until = $entry{expire} // $entry{nextUpdate} // 0;
    return $until > time ? \%entry : undef;
}

# --- ticket keys: what SSL_ticket_keycb asks for ------------------------------------------------------

sub ticket_keycb {
    my $self = shift;
    return [sub { return $_[0]->_ticket_key($_[1]) }, $self];
}

sub _schedule { return @{ $_[0] }{qw(rotate keep)} }

# (key, name of the current key), for this name or to encrypt.
sub _ticket_key {
    my ($self, $name) = @_;
    my $now     = time;
    my @current = $self->_key_of(_ticket_period($self->_schedule, $now), $now);
    return @current if !defined $name || $name eq $current[1];
    my $period = _ticket_period_of($name, $self->_schedule, $now) // return;
    for my $known ($self->{own}{$period}, [$self->_key_of($period, $now)]) {
        return ($known->[0], $current[1]) if $known && defined $known->[1] && $known->[1] eq $name;
    }
    return;
}

# The key of a period. Whoever comes first makes it; where the store is out of reach, the process has
# one of its own for the time being.
sub _key_of {
    my ($self, $period, $now) = @_;
    my ($known, $own) = @$self{qw(keys own)};
    if (!$known->{$period}) {
        delete @$known{ grep { !_ticket_seconds_left($self->_schedule, $_, $now) } keys %$known };
        delete @$own{ grep { !_ticket_seconds_left($self->_schedule, $_, $now) } keys %$own };
        my $current = $period == _ticket_period($self->_schedule, $now);
        my $shared  = $self->_shared_key($period, $now, $current);
        if ($shared)      { $known->{$period} = $shared }
        elsif (!$current) { return @{ $own->{$period} || [] } }
        else              { return @{ $own->{$period} ||= [_ticket_key_make($period)] } }
    }
    return @{ $known->{$period} };
}

sub _shared_key {
    my ($self, $period, $now, $makes) = @_;
    my $name  = $self->_full_name('ticket' => "$self->{rotate}:$period");
    my $bytes = $self->_fetch($name);
    if (!defined $bytes && $makes) {
        my $new  = join '', _ticket_key_make($period);
        my $left = _ticket_seconds_left($self->_schedule, $period, $now);
        $bytes = $self->_try(_write_new => $name, $self->_close($name, $new), $left) ? $new
               : $self->_fetch($name);
    }
    return defined $bytes && length $bytes == 80 ? [unpack 'a64 a16', $bytes] : undef;
}

1;
