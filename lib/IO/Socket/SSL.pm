# IO::Socket::SSL - sockets with TLS: the Perl side.
#
# Owns      the class, its arguments and defaults, the order of TCP and TLS in new, connect and accept,
#           what becomes of a socket after a failed handshake or a shutdown.
# Promises  loads nothing but Exporter, the socket class below and the shared object; no method here is
#           on the path of data: those are XSUBs (xs/socket.xsi, xs/handle.xsi). What few programs call
#           is below __DATA__, and costs nothing until it is called.
# Leaves    everything about TLS to libiossl (c/), Perl values to xs/glue.
#
# What is on the glob of a socket, beside what IO::Socket keeps there
#   _SSL_arguments        hash: the arguments, with the program's defaults
#   _SSL_ctx              the SSL_Context
#   _SSL_opened           1 open, -1 the handshake failed, before it the value of SSL_server
#   _SSL_opening          true while a handshake waits to be continued
#   _SSL_object, _SSL_fileno   SSL* and descriptor, while TLS is on
#   _SSL_ioclass_upgraded class before start_SSL ('' : none)
#   _SSL_deadline         of new: when connect and handshake have to be done
#   _SSL_bio_socket       the handle that ours is over (SSL_usebio), which then has no descriptor itself
#   _SSL_last_err         [dualvar, rank]
# _SSL_opened, _SSL_opening, _SSL_object and _SSL_fileno are set and deleted by xs/glue/handle.c, too.
package IO::Socket::SSL;

use 5.014;
use strict;
use warnings;

use Carp ();
use Errno ();
use Exporter ();
use Socket ();
use XSLoader;

our $VERSION = '3.000';

our ($SSL_ERROR, $ERROR, $DEBUG, @ISA);
*ERROR = \$SSL_ERROR;
{ no warnings 'once'; *DEBUG = \$Net::SSLeay::trace; }
$DEBUG //= 0;

# IO::Socket::IP comes with perl since 5.20; before that it may be missing.
our ($BASE, $IPV6);
for (['IO::Socket::IP', 0.31], ['IO::Socket::INET6', 2.62], ['IO::Socket::INET', 0]) {
    my ($class, $version) = @$_;
    $BASE = $class and last if eval "require $class; $class->VERSION($version); 1"; ## no critic: ours
}
$IPV6 = $BASE eq 'IO::Socket::INET' ? '' : $BASE;
@ISA = ($BASE);

XSLoader::load(__PACKAGE__, $VERSION) if !defined &_start;

# Last in @INC, so a real Net::SSLeay comes first wherever it is; where there is none, some programs only
# need it to be there.
push @INC, \&_wants_ssleay;

sub _wants_ssleay { return $_[1] eq 'Net/SSLeay.pm' ? _stand_in_for_ssleay() : () }

# Programs call Net::SSLeay and leave it to us to have it loaded; that happens with the first such call.
# Perl says nothing when what package autouse defined is defined again, as the real one then does.
{
    package autouse;
    our $AUTOLOAD;

    sub _of_ssleay {
        my $name = $AUTOLOAD;
        require Net::SSLeay;
        Carp::croak("Undefined subroutine &$name called")
            if !defined &$name && \&Net::SSLeay::AUTOLOAD == \&_of_ssleay;
        goto &$name;
    }
    *Net::SSLeay::AUTOLOAD = \&_of_ssleay if !defined &Net::SSLeay::AUTOLOAD;
}

# --- names that programs import -------------------------------------------------------------------

# The constants are made by xs/glue/status.c.
sub CAN_IPV6 { return $IPV6 }

our @EXPORT = qw(
    $SSL_ERROR
    SSL_WANT_READ SSL_WANT_WRITE
    SSL_VERIFY_NONE SSL_VERIFY_PEER SSL_VERIFY_FAIL_IF_NO_PEER_CERT SSL_VERIFY_CLIENT_ONCE
    SSL_OCSP_NO_STAPLE SSL_OCSP_TRY_STAPLE SSL_OCSP_MUST_STAPLE SSL_OCSP_FAIL_HARD SSL_OCSP_FULL_CHAIN
    GEN_DNS GEN_IPADD
);

our $INET4_FROM;    # who asked for IPv4 only

sub import {
    my ($class, @words) = @_;
    @_ = ($class, grep { !/^(?:inet[46]|:?debug\d+)$/i || !_import_word($_) } @words);
    goto &Exporter::import;
}

# --- defaults -------------------------------------------------------------------------------------

our %DEFAULTS = (common => {}, client => {}, server => {});
our $FILTER;

# The arguments with the program's defaults below them.
sub _with_defaults {
    my $args      = shift;
    my $is_server = $args->{SSL_server};
    my $all = _merged($DEFAULTS{common}, $DEFAULTS{ $is_server ? 'server' : 'client' }, $args);
    _without_default_context($all, $args)
        if $DEFAULTS{common}{SSL_reuse_ctx} && !exists $args->{SSL_reuse_ctx};
    return $all;
}

# --- making ---------------------------------------------------------------------------------------

# A new hash, whether the arguments came as one or as a list.
sub _hash_of { return @_ == 1 && ref $_[0] ? { %{ $_[0] } } : {@_} }

# Called by new of the base class: prepares TLS first, so that no connection is made in vain.
sub configure {
    my ($self, $args) = @_;
    my $blocking = delete $args->{Blocking};
    _choose_family($args) if $args->{Domain} || $args->{Family};
    $args->{Proto} ||= Socket::IPPROTO_TCP();   # a name would have /etc/protocols read each time
    $self->configure_SSL($args) or return;

    my $hash    = \%{*$self};
    my $timeout = $hash->{io_socket_timeout};
    $hash->{_SSL_deadline} = _now() + $timeout if $timeout && $timeout > 0;
    $args->{Blocking} = 1 if defined $blocking;
    my $made = $self->SUPER::configure($args);
    delete $hash->{_SSL_deadline};
    return $self->_internal_error("$ISA[0] configuration failed", 0) if !$made;
    $self->blocking(0) if defined $blocking && !$blocking;
    return $self;
}

# Called by configure of the base class. Nearly all addresses are like this, which it looks for last.
sub split_addr {
    my ($self, $address) = @_;
    return $address =~ /\A([^\s:[]*):([^\s:]+)\z/ ? ($1, $2) : $self->SUPER::split_addr($address);
}

# Gives a socket its arguments and its context; does nothing to the descriptor.
sub configure_SSL {
    my ($self, $args) = @_;
    my $is_server = $args->{SSL_server} //= $args->{Listen} || 0;
    _filter_args($is_server, $args) if $FILTER;
    my $all  = _with_defaults($args);
    my $hash = \%{*$self};
    $self->_forget_error;
    # Not as a method: perl has forgotten all names of classes since the handle was made.
    my $context = IO::Socket::SSL::SSL_Context::_for('IO::Socket::SSL::SSL_Context', $all)
        or return $self->_internal_error($SSL_ERROR, 9);
    $hash->{_SSL_ctx}       = $context;
    $hash->{_SSL_arguments} = $all;
    $hash->{_SSL_opened}    = $is_server;
    if (my $callback = $all->{SSL_msg_callback}) {
        $self->set_msg_callback(ref $callback eq 'ARRAY' ? @$callback : $callback);
    }
    return $self;
}

sub connect {
    my $self = shift;
    my $hash = \%{*$self};
    return $self if defined is_SSL($self);
    if (!$hash->{_SSL_opening}) {
        my $connected = $hash->{_SSL_deadline} ? _connect_in_time($self, @_) : $self->SUPER::connect(@_);
        return $connected if !$connected;
        $! = 0;
    }
    return $self if !_starts_handshake($hash);
    return $self->connect_SSL;
}

sub _starts_handshake {
    my $start = (shift->{_SSL_arguments} || {})->{SSL_startHandshake};
    return !defined $start || $start;
}

sub connect_SSL {
    my $self = shift;
    return _negotiate($self, 0, @_ ? _hash_of(@_) : {});
}

# --- handshake ------------------------------------------------------------------------------------

# One run of the handshake, to its end or as far as a non-blocking socket goes.
sub _negotiate {
    my ($self, $is_server, $opt) = @_;
    return $self if defined is_SSL($self);
    my $hash = \%{*$self};
    if (!$hash->{_SSL_opening}) {
        _croak_in_place() if $opt->{SSL_usebio} && !$hash->{_SSL_bio_socket};
        return $self->_without_descriptor if !defined CORE::fileno($self) && !$hash->{_SSL_bio_socket};
        $self->configure_SSL({ SSL_server => $is_server }) or return if !$hash->{_SSL_ctx};
        my $context = $hash->{_SSL_ctx};
        my ($sni, $name, $from) = $is_server ? () : _names($self, $hash);
        my $key = $is_server || !$context->has_session_cache ? undef : _session_key($self);
        _start($self, $context, $is_server, $sni, $name, $key, $from)
            or return $self->fatal_ssl_error;
        my $args = $hash->{_SSL_arguments};
        return $self->fatal_ssl_error if !$is_server && defined $args->{SSL_early_data}
            && !$self->_early_data(@$args{qw(SSL_early_data SSL_early_data_unsafe)});
        $hash->{_SSL_fileno} = $self->fileno if $hash->{_SSL_bio_socket};
        _debug_start($is_server, $sni, $name) if $DEBUG > 1;
    }

    my $timeout = _handshake_timeout($self, $hash, $opt);
    my ($result, $why);
    {
        local $@;
        $result = eval {
            $hash->{_SSL_bio_socket} ? _within_outer($self, $timeout, \&_handshake)
                                     : _handshake($self, $timeout);
        };
        $why = $@;
    }
    if (!defined $result) {
        # A callback died, and the handshake with it; or a signal handler, after which it can go on.
        if ($self->_has_failed) {
            _end($self);
            $hash->{_SSL_opened} = -1;
        }
        die $why;    ## no critic: it is not our exception
    }
    if ($result > 0) {
        $self->_debug_result if $DEBUG;
        $! = 0;
        return $self;
    }
    _debug("handshake waits: $SSL_ERROR") if $result == 0 && $DEBUG > 1;
    return if $result == 0;
    $hash->{_SSL_opened} = -1;
    delete $hash->{_SSL_opening};
    return $self->fatal_ssl_error if $result < -1;
    { local $!; $self->_detach; delete $hash->{_SSL_object} }
    return;
}

# How long a handshake may take; "fd": as the descriptor is.
sub _handshake_timeout {
    my ($self, $hash, $opt) = @_;
    my $timeout = exists $opt->{Timeout} ? $opt->{Timeout} : $hash->{io_socket_timeout};
    $timeout = undef if defined $timeout && $timeout <= 0;
    return $timeout if $opt->{_always_waits};
    return 'fd' if !defined $timeout && !$hash->{_SSL_deadline} || !$self->blocking;
    return $timeout if !$hash->{_SSL_deadline};
    my $left = $hash->{_SSL_deadline} - _now();
    return $left > 0 ? $left : 0.001;
}

our $FATAL;     # within start_SSL: what a handshake failed with, for $@

# The name to send by SNI, the name to verify, and where that came from.
sub _names {
    my ($self, $hash) = @_;
    my $args = $hash->{_SSL_arguments} ||= {};
    my ($sni, $name) = @$args{qw(SSL_hostname SSL_verifycn_name)};
    my $peer = $args->{PeerAddr} // $args->{PeerHost};
    my $from = defined $args->{PeerAddr} ? 'PeerAddr' : defined $peer ? 'PeerHost' : 'peer address';
    # Over another handle the name isn't that of whoever is at the other end of that one.
    if (!defined $peer && !$hash->{_SSL_bio_socket}) {
        my ($ip, $port) = $self->_peer_ip;
        @$args{qw(PeerAddr PeerPort)} = ($ip, $port) if defined $ip;
        $peer = $ip;
    }
    $peer = _without_port($peer) if defined $peer && index($peer, ':') >= 0;

    if (defined $name && length $name) { $from = 'SSL_verifycn_name' }
    elsif (defined $sni)               { ($name, $from) = ($sni, 'SSL_hostname') }
    else                               { $name = $peer }
    $sni = $peer if !defined $sni && defined $peer && $peer =~ /[a-z_]/i && $peer !~ /:/;
    $self->_warn_without_name if !defined $name || !length $name;
    return ($sni, $name, $from);
}

# --- the end of TLS -------------------------------------------------------------------------------

for my $method (qw(blocking connected peername sockname)) {
    no strict 'refs';
    *$method = sub {
        my $self  = shift;
        my $outer = ${*$self}{_SSL_bio_socket};
        return _ask_outer($outer, $method, @_) if $outer;
        my $base = $ISA[0]->can($method);
        return $self->$base(@_);
    };
}

sub stop_SSL {
    my $self = shift || return _undefined_object();
    return _stop($self, _hash_of(@_));
}

sub _stop {
    my ($self, $opt) = @_;
    my $hash = \%{*$self};
    if (defined is_SSL($self)) {
        _debug_end($opt) if $DEBUG > 1;
        if (!$opt->{SSL_no_shutdown} && ($hash->{_SSL_opened} || 0) > 0) {
            my $timeout = exists $opt->{Timeout} ? $opt->{Timeout} : $hash->{io_socket_timeout};
            $timeout = 'fd' if !defined $timeout || $timeout <= 0 || !$self->blocking;
            my $waits  = !$opt->{SSL_fast_shutdown};
            my $result = $hash->{_SSL_bio_socket} ? _within_outer($self, $timeout, \&_shutdown, $waits)
                                                  : _shutdown($self, $waits, $timeout);
            return if $result <= 0;
            # Only our side has ended. What we write from here on is plain; what comes still isn't.
            if ($result == 2 && !$opt->{_closes}) {
                $self->_write_plain;
                return $self;
            }
        }
    }
    _end($self);
    delete $hash->{_SSL_ctx} if $opt->{SSL_ctx_free};
    _downgrade($self) if defined $hash->{_SSL_ioclass_upgraded} && !$opt->{_closes};
    return $hash->{_SSL_bio_socket} || $self;
}

# Whatever TLS has to say to it, the descriptor is given back; only a non-blocking socket that is asked
# to wait for the peer may need another call.
my %CLOSES = (SSL_fast_shutdown => 1, _closes => 1);

sub close {
    my $self = shift || return _undefined_object();
    my $how  = @_ ? { SSL_fast_shutdown => 1, %{ _hash_of(@_) }, _closes => 1 } : \%CLOSES;
    _debug('closes the socket') if $DEBUG > 1;
    my $has_tls = defined is_SSL($self);
    my $stop    = $self->can('stop_SSL');   # called also where there is nothing to stop: classes override it
    my $stopped = $stop == \&stop_SSL ? _stop($self, $how) : $self->$stop(%$how);
    return if $has_tls && !$stopped && !$how->{SSL_fast_shutdown} && _is_want($SSL_ERROR);
    my $outer = delete ${*$self}{_SSL_bio_socket};
    _let_go($self);
    return $how->{_SSL_in_DESTROY} ? 1 : _ask_outer($outer, 'close') // 1 if $outer;
    return $self->SUPER::close;
}

# A closed socket keeps its settings, but nothing that may refer to it: the two would live for ever.
sub _let_go {
    my $self = shift;
    my $hash = \%{*$self};
    _end($self, 1);
    # A context that others use as well is theirs.
    delete $hash->{_SSL_ctx} if ref $hash->{_SSL_ctx} && $hash->{_SSL_ctx}->_has_callbacks
        && Internals::SvREFCNT(%{ $hash->{_SSL_ctx} }) == 1;
    return;
}
*kill_socket = \&close;

# --- state ----------------------------------------------------------------------------------------

sub opened {
    my $self = shift;
    my $hash = \%{*$self};
    return '' if !defined fileno($self) && !$hash->{_SSL_bio_socket};
    return $hash->{_SSL_opened};
}

# --------------------------------------------------------------------------------------------------

# A context: what connections share. A hash with
#   context      SSL_CTX*, as a number
#   verify_mode  as it is in force
#   session_key  for connections that don't say under which key they keep sessions; may be missing
package IO::Socket::SSL::SSL_Context;

our @CARP_NOT = ('IO::Socket::SSL');

# The context that complete arguments ask for: the one they name, or a new one.
sub _for {
    my ($class, $args) = @_;
    if (my $given = $args->{SSL_reuse_ctx}) {
        return IO::Socket::SSL::_context_of($given)
            || Carp::croak("invalid context to reuse: $given");
    }
    IO::Socket::SSL::_will_accept() if $args->{SSL_server};
    my $self = bless { defined $args->{SSL_session_key} ? (session_key => $args->{SSL_session_key}) : () },
        $class;
    return $self->_build(_with_ca($args), $args->{SSL_server} ? 1 : 0) ? $self : ();
}

# Where no CA certificates are named, those of default_ca().
sub _with_ca {
    my $args = shift;
    return $args if $args->{SSL_ca} || grep { defined && length } @$args{qw(SSL_ca_file SSL_ca_path)};
    return $args if $args->{SSL_server} && !$args->{SSL_verify_mode};
    my %default = IO::Socket::SSL::default_ca() or return { %$args, SSL_ca => [] };     # nobody
    return { %$args, %default, _SSL_ca_by_default => 1 };
}

sub _get_ctx_object { return $_[0]{context} }

# --- what few programs call -----------------------------------------------------------------------

# It is below __DATA__, read at once, so that neither a chroot nor another release on the disk comes in
# between, but compiled when one of its subs is called first, a section at a time.
package IO::Socket::SSL;

# A sub for each of a section. What a program has put in the place of one stays there.
sub _make_stubs {
    my $line = shift;
    local $/ = undef;
    no strict 'refs';
    for my $text (split /^(?=# --- )/m, <DATA>) {
        my $section = { text => $text, line => $line };
        for my $name ($text =~ /\nsub ([\w:]+)/g) {
            *$name = $section->{stubs}{$name} = sub {
                _compile($section) if $section->{stubs};
                goto &{ $section->{subs}{$name} };
            };
        }
        $line += $text =~ tr/\n//;
    }
    CORE::close(DATA);
    return;
}

sub _compile {
    my $section = shift;
    my ($code)  = $section->{text} =~ /(.*)/s;      # which is not tainted
    my @names   = keys %{ $section->{stubs} };
    no strict 'refs';
    no warnings 'redefine';
    local ($@, $!);
    my %found = map { $_ => \&$_ } @names;
    eval qq(use strict; use warnings; no warnings 'redefine';\n#line $section->{line} ")
        . __FILE__ . qq("\n$code; 1) or die $@;    ## no critic: it is ours
    for my $name (@names) {
        $section->{subs}{$name} = \&$name;
        *$name = $found{$name} if $found{$name} != $section->{stubs}{$name};
    }
    delete @$section{qw(text stubs)};
    return;
}

_make_stubs(__LINE__ + 6);
*set_ctx_defaults = \&set_defaults;
*socket_to_SSL    = \&socketToSSL;

1;
__DATA__
# --- words of the use line ------------------------------------------------------------------------

# Words of the use line that aren't names; false for names.
sub _import_word {
    my $word = shift;
    if ($word =~ /^inet4$/i) {
        require IO::Socket::INET;
        @ISA        = ('IO::Socket::INET');
        $IPV6       = '';
        $INET4_FROM = join ' line ', (caller 1)[1, 2];
    } elsif ($word =~ /^inet6$/i) {
        Carp::croak('INET6 is not supported, install IO::Socket::IP') if $BASE eq 'IO::Socket::INET';
        warn "IPv6 support re-enabled in ", join(' line ', (caller 1)[1, 2]),
            ", got disabled in $INET4_FROM\n" if defined $INET4_FROM;
        ($IPV6, $INET4_FROM) = ($BASE, undef);
        @ISA = ($BASE);
    } elsif ($word =~ /^:?debug(\d+)$/) {
        $DEBUG = $1;
    } else {
        return 0;
    }
    return 1;
}

# --- debugging ------------------------------------------------------------------------------------

sub DEBUG {
    my ($format, @args) = @_;
    return if !$DEBUG;
    return _debug_line((caller)[1, 2], @args ? sprintf $format, @args : $format);
}

# A line about what the program's own line makes us do; bytes, if given, below it.
sub _debug {
    my ($text, $bytes) = @_;
    my ($i, @from) = 0;
    do { @from = caller $i++ } while @from && $from[0] =~ /^IO::Socket(?:::(?:SSL|IP|INET6?)\b|$)/;
    _debug_line(@from ? @from[1, 2] : ($0, 0), $text);
    for (my $at = 0; defined $bytes && $at < length $bytes; $at += 16) {
        my $row = substr $bytes, $at, 16;
        _debug_print(sprintf "    %04x  %-47s  %s\n", $at, join(' ', unpack '(H2)*', $row),
            $row =~ tr/\x20-\x7e/./cr);
    }
    return;
}

sub _debug_line {
    my ($file, $line, $text) = @_;
    $file = '...' . substr $file, -17 if length $file > 20;
    return _debug_print("DEBUG: $file:$line: $text\n");
}

sub _debug_print {
    my $text = shift;
    local ($,, $\, $!);
    utf8::encode($text) if $text =~ /[^\x00-\xff]/;
    print STDERR $text;
    return;
}

sub _debug_start {
    my ($is_server, $sni, $name) = @_;
    return _debug($is_server ? 'handshake as a server begins' : 'handshake as a client begins: '
        . 'server name ' . ($sni // '(none)') . ', name to verify ' . ($name // '(none)'));
}

sub _debug_end {
    my $opt = shift;
    return _debug('TLS ends' . ($opt->{SSL_no_shutdown} ? ', without a word to the peer' : ''));
}

sub _debug_result {
    my $self = shift;
    _debug('handshake done: ' . $self->get_sslversion . ' ' . $self->get_cipher
        . ($self->get_session_reused ? ', session resumed' : '')
        . ', peer ' . ($self->verified_name // 'without a name that was verified'));
    return _debug('agreed on: ' . $self->_summary);
}

sub implementation {
    my ($ours, $openssl) = _library();
    return "XS $VERSION (libiossl $ours, $openssl)";
}

# --- defaults -------------------------------------------------------------------------------------

my %DEFAULT_NAMES = (name => 'SSL_verifycn_name', scheme => 'SSL_verifycn_scheme',
    callback => 'SSL_verify_callback', mode => 'SSL_verify_mode');

sub _set_defaults {
    my ($args, @sets) = @_;
    for my $key (keys %$args) {
        my $name = $key =~ /^SSL_/ ? $key : $DEFAULT_NAMES{$key} // "SSL_$key";
        $DEFAULTS{$_}{$name} = $args->{$key} for @sets;
    }
    return;
}

# As a function, as it is documented, and as a class method, as some write it.
sub _function_args {
    shift if @_ % 2 && defined $_[0] && !ref $_[0] && $_[0]->isa(__PACKAGE__);
    return @_ == 1 && ref $_[0] eq 'HASH' ? %{ $_[0] } : @_;
}

sub set_defaults        { return _set_defaults({ &_function_args }, qw(common client server)) }
sub set_client_defaults { return _set_defaults({ &_function_args }, 'client') }
sub set_server_defaults { return _set_defaults({ &_function_args }, 'server') }

sub context_init {
    return $DEFAULTS{common} = { &_function_args };
}

sub set_default_context {
    my $context = pop;
    delete $DEFAULTS{common}{SSL_reuse_ctx};
    $DEFAULTS{common}{SSL_reuse_ctx} = $context if $context && $context ne __PACKAGE__;
    return;
}

sub set_default_session_cache {
    my $cache = pop;
    $DEFAULTS{common}{SSL_session_cache} = $cache;
    return;
}

sub set_args_filter_hack {
    my $filter = pop;
    Carp::croak(qq{set_args_filter_hack: code or "use_defaults" expected, not "$filter"})
        if $filter && ref $filter ne 'CODE' && $filter ne 'use_defaults';
    $FILTER = $filter;
    return;
}

# What libiossl and we have a default for, which "use_defaults" of set_args_filter_hack brings back.
my @HAVE_DEFAULTS = qw(
    SSL_policy SSL_version SSL_min_version SSL_max_version SSL_groups SSL_sigalgs
    SSL_cipher_list SSL_ciphersuites SSL_honor_cipher_order SSL_dh SSL_dh_file
    SSL_ecdh_curve SSL_ca SSL_ca_file SSL_ca_path SSL_check_crl SSL_verify_mode SSL_verify_callback
    SSL_verifycn_scheme SSL_verifycn_publicsuffix SSL_npn_protocols SSL_alpn_protocols SSL_ocsp_mode
);

sub _filter_args {
    my ($is_server, $args) = @_;
    if (ref $FILTER eq 'CODE') {
        $FILTER->($is_server, $args);
    } elsif ($FILTER eq 'use_defaults') {
        my $set = $DEFAULTS{ $is_server ? 'server' : 'client' };
        delete @$args{@HAVE_DEFAULTS};
        %$args = (%$args, %$set);
    }
    return;
}

# --- CA certificates ------------------------------------------------------------------------------

my ($CA_FROM_USER, %DEFAULT_CA, $CA_DETECTED);

# With arguments sets, and always returns, what is used where no SSL_ca* is given.
sub default_ca {
    shift if @_ && defined $_[0] && !ref $_[0] && $_[0] eq __PACKAGE__;
    @_ = %{ $_[0] } if ref $_[0] eq 'HASH';
    if (@_ > 1) {
        ($CA_FROM_USER, %DEFAULT_CA) = (1, @_);
    } elsif (@_ && $_[0]) {
        my $is_path = ref $_[0] || -d $_[0];
        my @names   = ref $_[0] ? @{ $_[0] } : $_[0];
        my @wrong   = grep { length } map { _wrong_with_ca($is_path ? 'path' : 'file', $_) } @names;
        Carp::croak($wrong[0]) if @wrong && @wrong == @names;       # of several folders one will do
        ($CA_FROM_USER, %DEFAULT_CA) = (1, ($is_path ? 'SSL_ca_path' : 'SSL_ca_file') => $_[0]);
    } elsif (@_) {
        ($CA_FROM_USER, $CA_DETECTED, %DEFAULT_CA) = (0, 0);
    }
    _detect_ca() if !$CA_FROM_USER && !$CA_DETECTED;
    return %DEFAULT_CA;
}

sub _wrong_with_ca {
    my ($kind, $name) = @_;
    return open(my $file, '<', $name) ? '' : "SSL_ca_file $name can't be used: $!" if $kind eq 'file';
    return "SSL_ca_path $name does not exist" if !-d $name;
    return opendir(my $dir, $name) ? '' : "SSL_ca_path $name is not accessible: $!";
}

sub _detect_ca {
    my ($file, $path) = _default_ca();
    $CA_DETECTED = 1;
    $DEFAULT_CA{SSL_ca_file} = $file if defined $file;
    $DEFAULT_CA{SSL_ca_path} = $path if defined $path;
    return if defined $file || defined $path || !eval { require Mozilla::CA; 1 };
    $DEFAULT_CA{SSL_ca_file} = Mozilla::CA::SSL_ca_file();
    return;
}

# --- accepting, and TLS on a socket that is there -------------------------------------------------

# Called when a server's context is made: most servers fork after it, and no child has to compile this.
sub _will_accept { return }

sub accept {
    my ($self, $class) = @_;
    my $hash = \%{*$self};
    my ($socket, $peer);
    if (ref $hash->{_SSL_opening}) {
        $socket = $hash->{_SSL_opening};
        $peer   = $socket->peername;
    } else {
        $class ||= __PACKAGE__;
        my $is_over = ($hash->{_SSL_arguments} || {})->{SSL_usebio};
        ($socket, $peer) = $self->SUPER::accept($is_over ? $ISA[0] : $class) or return;
        $socket = $class->_over($socket) if $is_over;
        $self->_adopt($socket);
    }
    if (_starts_handshake($hash)) {
        $self->accept_SSL($socket) or return;
    }
    return wantarray ? ($socket, $peer) : $socket;
}

# An accepted socket uses the context of its listener.
sub _adopt {
    my ($self, $socket) = @_;
    my ($from, $to) = (\%{*$self}, \%{*$socket});
    $to->{_SSL_ctx} ||= $from->{_SSL_ctx};
    $to->{_SSL_arguments} ||= _merged($from->{_SSL_arguments} || {}, { SSL_server => 0 });
    return;
}

# $listener->accept_SSL($socket) or $socket->accept_SSL
sub accept_SSL {
    my $self   = shift;
    my $socket = ref $_[0] && UNIVERSAL::isa($_[0], 'IO::Handle') ? shift : $self;
    my $opt    = _hash_of(@_);
    $opt->{Timeout} = $self->timeout if !exists $opt->{Timeout};
    $self->_adopt($socket) if $socket != $self;
    my $done = $socket->isa(__PACKAGE__) ? $socket->_negotiate(1, $opt)
                                         : _as_ours($socket, \&_negotiate, 1, $opt);
    ${*$self}{_SSL_opening} = $socket if $socket != $self && ${*$socket}{_SSL_opening};
    delete ${*$self}{_SSL_opening} if $done;
    return $done || ();
}

sub start_SSL {
    my ($class, $socket, @rest) = @_;
    $class = ref $class if ref $class;
    return $class->_internal_error('Not a socket', 9) if !ref $socket;
    my $args    = _hash_of(@rest);
    my $timeout = delete $args->{Timeout};
    if ($args->{SSL_usebio}) {
        $socket = $class->_over($socket);
        $args->{SSL_keepSocketOnError} = 1;
    } else {
        return $class->_internal_error('Socket has no fileno', 9) if !defined CORE::fileno($socket);
        return $class->_internal_error('start_SSL: this handle has TLS already; stop_SSL ends it, '
            . 'SSL_usebio puts another inside of it', 9) if defined is_SSL($socket);
        my $before = _is_blessed($socket) ? ref $socket : '';           # '' where it has none
        $args->{SSL_keepSocketOnError} = 1 if !defined $args->{SSL_keepSocketOnError};
        bless $socket, $class;
        ${*$socket}{_SSL_ioclass_upgraded} = $before if $before ne $class;
    }

    my ($done, $why);
    local $FATAL;
    {
        local $@;
        $done = eval { $socket->_upgrade($args, $timeout) || 0 };
        $why = $@;
    }
    return $socket if $done;
    my $errno = $! + 0;
    # An error trap keeps the socket as it is: what to do with it is up to the program.
    _downgrade($socket) if !defined $done || ref $args->{SSL_error_trap} ne 'CODE';
    $! = $errno;
    die $why if !defined $done;    ## no critic: it is not our exception
    $@ = $FATAL if defined $FATAL;
    return;
}

sub _upgrade {
    my ($socket, $args, $timeout) = @_;
    $socket->configure_SSL($args) or return;
    return 1 if !_starts_handshake(\%{*$socket});
    my %opt = (_always_waits => 1, defined $timeout ? (Timeout => $timeout) : ());
    return $args->{SSL_server} ? $socket->accept_SSL(%opt) : $socket->connect_SSL(%opt);
}

# --- sockets of other classes ---------------------------------------------------------------------

# A socket of another class, as Net::Server has accepted it, keeps that class: perl's operators on it
# reach TLS by the tie. Our methods are called like this.
sub _as_ours {
    my ($socket, $method, @args) = @_;
    my $class = ref $socket;
    bless $socket, __PACKAGE__;
    my $done = eval { $socket->$method(@args) || 0 };
    my ($why, $errno) = ($@, $! + 0);
    bless $socket, $class;
    $! = $errno;
    die $why if !defined $done;    ## no critic: it is not our exception
    return $done || ();
}

sub _close_foreign { return _as_ours(shift, \&close) }

# --- address families, time limits of new ---------------------------------------------------------

sub _choose_family {
    my $args   = shift;
    my $family = $args->{Domain} || $args->{Family};
    $args->{ $ISA[0] eq 'IO::Socket::IP' ? 'Family' : 'Domain' } = $family;
    $args->{GetAddrInfoFlags} = 0
        if $ISA[0] eq 'IO::Socket::IP' && !defined $args->{GetAddrInfoFlags};
    return;
}

# The time that new was given is for all addresses and the handshake together.
sub _connect_in_time {
    my $self = shift;
    my $hash = \%{*$self};
    my $left = $hash->{_SSL_deadline} - _now();
    if ($left <= 0) { $! = Errno::ETIMEDOUT(); return }
    local $hash->{io_socket_timeout} = $left;
    return $self->SUPER::connect(@_);
}

# --- contexts that are made or given --------------------------------------------------------------

sub IO::Socket::SSL::SSL_Context::new {
    my $class = shift;
    return $class->_for(_with_defaults(_hash_of(@_)));
}

# The SSL_Context of an object that was given as one; undef if it is none.
sub _context_of {
    my $given = shift;
    return undef if !ref $given;
    return $given if IO::Socket::SSL::SSL_Context::_is_alive($given);
    my $glob = UNIVERSAL::isa($given, 'GLOB') ? \%{*$given} : undef;
    my $context = $glob && $glob->{_SSL_ctx};
    return $context && $context->_is_alive ? $context : undef;
}

# These say something about the connection, not about its context; so they go with any context.
my %OF_CONNECTION = map { $_ => 1 } qw(
    SSL_hostname SSL_verifycn_name SSL_server SSL_startHandshake SSL_keepSocketOnError SSL_error_trap
    SSL_on_peer_shutdown SSL_session_key SSL_usebio SSL_msg_callback SSL_early_data
    SSL_early_data_unsafe
);

# A default context has no say where the call describes one of its own, or plays the other role.
sub _without_default_context {
    my ($all, $args) = @_;
    my $context = _context_of($DEFAULTS{common}{SSL_reuse_ctx});
    delete $all->{SSL_reuse_ctx}
        if (grep { /^SSL_/ && !$OF_CONNECTION{$_} } keys %$args)
        || ($context && !$context->_is_server != !$args->{SSL_server});
    return;
}

# What SSL_cert_callback gave: a context, or the arguments of one.
sub IO::Socket::SSL::SSL_Context::_of_answer {
    my $given   = shift;
    my $context = _context_of($given);
    return $context if $context && $context->_is_server;
    die 'SSL_cert_callback: a server\'s SSL_Context or a hash of arguments expected, not "'
        . $given . qq{"\n} if ref $given ne 'HASH';
    return IO::Socket::SSL::SSL_Context->new(SSL_server => 1, %$given)
        || die "SSL_cert_callback: $SSL_ERROR\n";
}

# --- over another handle --------------------------------------------------------------------------

# A new handle of the class over another one, which stays what it is.
sub _over {
    my ($class, $outer) = @_;
    my $self = IO::Handle::new($class);
    @{*$self}{qw(_SSL_bio_socket io_socket_type)} = ($outer, Socket::SOCK_STREAM());
    return $self;
}

sub _croak_in_place {
    return Carp::croak('cannot upgrade socket in-place with SSL BIO; use start_SSL(SSL_usebio => 1)');
}

# What the handle below says, if it has such a method.
sub _ask_outer {
    my ($outer, $method, @args) = @_;
    my $class = _is_blessed($outer) ? ref $outer : 'IO::File';
    return $class->can($method) ? $outer->$method(@args) : undef;
}

# An operation over another handle, which knows of no time limit: it must not wait by itself, so we do;
# and it would raise SIGPIPE where the program has written nothing.
sub _within_outer {
    my ($self, $timeout, $operation, @args) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $blocks = defined $timeout && $timeout ne 'fd' && $self->blocking;
    $self->blocking(0) if $blocks;
    my $result = eval { $self->$operation(@args, $timeout) };
    my ($why, $errno) = ($@, $! + 0);
    $self->blocking(1) if $blocks;
    $! = $errno;
    die $why if !defined $result;    ## no critic: it is not our exception
    return $result;
}

# --- a missing Net::SSLeay ------------------------------------------------------------------------

sub _stand_in_for_ssleay {
    require IO::Socket::SSL::NetSSLeay;
    return if defined IO::Socket::SSL::NetSSLeay::real_one();     # in a folder that was added behind us
    IO::Socket::SSL::NetSSLeay::stand_in();
    open my $nothing, '<', \'1;' or return;
    return $nothing;
}

# --- failed handshakes ----------------------------------------------------------------------------

# The handshake can't succeed any more: what becomes of the socket. Returns nothing.
sub _give_up {
    my $self = shift;
    my $hash = \%{*$self};
    my $args = $hash->{_SSL_arguments} || {};
    my ($error, $errno) = ($SSL_ERROR, $! + 0);
    my $text = $self->errstr;
    $hash->{_SSL_opened} = -1;
    delete $hash->{_SSL_opening};
    if (ref $args->{SSL_error_trap} eq 'CODE') {
        $self->_detach;
        delete $hash->{_SSL_object};
        $args->{SSL_error_trap}->($self, "$text\n");
    } elsif (exists $hash->{_SSL_ioclass_upgraded} || $args->{SSL_keepSocketOnError}) {
        my $saved = $hash->{_SSL_last_err};
        $self->stop_SSL(SSL_no_shutdown => 1);
        $hash->{_SSL_opened} = -1 if exists $hash->{_SSL_ctx};
        $hash->{_SSL_last_err} = $saved if $saved && exists $hash->{_SSL_ctx};
    } else {
        $self->close(SSL_no_shutdown => 1);
    }
    ($SSL_ERROR, $!, $@) = ($error, $errno, "$text");
    $FATAL = "$text";
    return;
}

sub _without_descriptor {
    my $self = shift;
    $self->_internal_error('Socket has no fileno', 9);
    return $self->fatal_ssl_error;
}

sub _warn_without_name {
    my $context = ${*{$_[0]}}{_SSL_ctx};
    return if $context->_has_scheme || !($context->{verify_mode} & SSL_VERIFY_PEER);
    Carp::carp('Cannot determine hostname of peer for verification. '
        . 'Disabling default hostname verification for now. '
        . 'Please specify hostname with SSL_verifycn_name');
    return;
}

sub _undefined_object {
    return _internal_error(undef, 'Undefined IO::Socket::SSL object', 9);
}

# --- peers named as HOST:PORT -----------------------------------------------------------------------

sub _without_port {
    my $peer = shift;
    return $1 if $peer =~ /^\[([^\]]*)\](?::.*)?$/s;
    my $colon = index $peer, ':';
    return $colon >= 0 && $colon == rindex($peer, ':') ? substr $peer, 0, $colon : $peer;
}

# --- peers without a name -------------------------------------------------------------------------

sub _peer_ip {
    my $packed = getpeername shift or return;
    my $family = Socket::sockaddr_family($packed);
    if ($family == Socket::AF_INET()) {
        my ($port, $address) = Socket::unpack_sockaddr_in($packed);
        return (Socket::inet_ntoa($address), $port);
    }
    return if !$IPV6 || $family != Socket::AF_INET6();
    my ($port, $address) = Socket::unpack_sockaddr_in6($packed);
    return (Socket::inet_ntop($family, $address), $port);
}

# --- back to what the socket was ------------------------------------------------------------------

# Makes the socket what it was before start_SSL.
sub _downgrade {
    my $self   = shift;
    my $hash   = \%{*$self};
    my $before = $hash->{_SSL_ioclass_upgraded};
    _detach($self);
    return if !defined $before;
    delete @$hash{ grep { /^_?SSL_/ } keys %$hash };
    if (length $before) { bless $self, $before }
    else                { _unbless($self) }
    return;
}

# --- other ways to a socket -----------------------------------------------------------------------

sub new_from_fd {
    my ($class, $fd, @args) = @_;
    # A mode (length 3 at most, made of <, > and +) is allowed for the sake of IO::Handle.
    shift @args if @args && defined $args[0] && length $args[0] < 4 && $args[0] =~ /^[+<>]*$/;
    my $handle = $ISA[0]->new_from_fd($fd, '+<')
        or return $class->_internal_error('Could not create socket from file descriptor.', 9);
    # Another descriptor, so that the caller's stays the caller's.
    my $socket = $ISA[0]->new_from_fd($handle, '+<')
        or return $class->_internal_error('Could not create socket from file descriptor.', 9);
    return $class->start_SSL($socket, @args) || undef;
}

sub socketToSSL { return __PACKAGE__->start_SSL(@_) }
# --- state ----------------------------------------------------------------------------------------

sub opening { return ${*{$_[0]}}{_SSL_opening} }

sub _is_want { return defined $_[0] && ($_[0] == SSL_WANT_READ() || $_[0] == SSL_WANT_WRITE()) }

sub want_read  { no warnings 'numeric'; return $_[0]->errstr == SSL_WANT_READ() }

sub want_write { no warnings 'numeric'; return $_[0]->errstr == SSL_WANT_WRITE() }

sub error {
    my ($self, $text) = @_;
    $text //= '';
    my $reasons = get_ssleay_error();
    $reasons =~ s/^SSL error: //;
    return _internal_error($self, length $reasons ? "$text $reasons" : $text, 4);
}

sub fatal_ssl_error { return $_[0]->_give_up }

sub init { return 1 }

# --- certificates ---------------------------------------------------------------------------------

my %CERT_FIELDS = (
    authority => \&_cert_issuer, issuer => \&_cert_issuer,
    owner     => \&_cert_subject, subject => \&_cert_subject,
    commonName => \&_cert_cn, cn => \&_cert_cn,
    subjectAltNames => \&_cert_altnames,
);

sub _cert_field {
    my ($cert, $field, $method) = @_;
    my $get = $CERT_FIELDS{$field} or Carp::croak(
        "invalid argument for $method, valid are: " . join(' ', sort keys %CERT_FIELDS)
        . "\nMaybe you need to upgrade your Net::SSLeay");
    return $get->($cert);
}

sub peer_certificate {
    my ($self, $field, $reload) = @_;
    my $cert = _peer_cert($self, $reload || 0);
    if (!$cert) {
        $self->_internal_error('Could not retrieve peer certificate', 4) if defined is_SSL($self);
        return;
    }
    return defined $field && length $field ? _cert_field($cert, $field, 'peer_certificate') : $cert;
}

sub sock_certificate {
    my ($self, $field) = @_;
    my $cert = _own_cert($self) or return;
    return defined $field && length $field ? _cert_field($cert, $field, 'sock_certificate') : $cert;
}

sub peer_certificates {
    my $self  = shift;
    my @chain = _peer_chain($self);
    # OpenSSL keeps the client's own certificate apart from those that came with it.
    my $leaf = defined is_SSL($self) ? _peer_cert($self) : undef;
    unshift @chain, $leaf if $leaf && (!@chain || $chain[0] != $leaf);
    return @chain;
}

sub dump_peer_certificate {
    my $self = shift;
    return if !defined is_SSL($self) && !_peer_cert($self);
    my $cert = _peer_cert($self);
    my ($subject, $issuer) = $cert ? (_cert_subject($cert), _cert_issuer($cert)) : ('undefined') x 2;
    return "Subject Name: $subject\nIssuer  Name: $issuer\n";
}

# What the XSUBs get_fingerprint, get_fingerprint_bin and verify_hostname leave to us.
sub _get_fingerprint     { return _fingerprint(0, @_) }
sub _get_fingerprint_bin { return _fingerprint(1, @_) }

sub _fingerprint {
    my ($is_binary, $self, $algorithm, $cert, $is_pubkey) = @_;
    $cert ||= $self->peer_certificate or return;
    return _cert_fingerprint($cert, $algorithm, $is_pubkey || 0, $is_binary);
}

sub _verify_hostname {
    my ($self, $host, $scheme, $suffixes) = @_;
    my $cert = $self->peer_certificate or return;
    return verify_hostname_of_cert($host, $cert, $scheme, $suffixes);
}

sub verify_hostname_of_cert {
    my ($name, $cert, $scheme, $suffixes) = @_;
    if (ref $scheme eq 'HASH' && $scheme->{callback}) {
        $name =~ s/\.+$//;
        return $scheme->{callback}->($name, scalar _cert_cn($cert), _cert_altnames($cert));
    }
    return _verify_name($name, $cert, $scheme, $suffixes);
}

sub get_peer_certificate { return shift }
sub subject_name { return $_[0]->peer_certificate('subject') }
sub issuer_name  { return $_[0]->peer_certificate('issuer') }

sub _get_ctx_object {
    my $context = ${*{$_[0]}}{_SSL_ctx} or return;
    return $context->{context};
}

# --- what can't be done through TLS ---------------------------------------------------------------

sub _not_allowed { return Carp::croak("Use of $_[0]() not allowed with SSL") }
sub truncate { return _not_allowed('truncate') }
sub stat     { return _not_allowed('stat') }
sub setbuf   { return _not_allowed('setbuf') }
sub setvbuf  { return _not_allowed('setvbuf') }
sub fdopen   { return _not_allowed('fdopen') }

sub ungetc { Carp::croak('Use of ungetc() not implemented in IO::Socket::SSL') }
sub send {
    Carp::croak('Use of send() not implemented in IO::Socket::SSL; use print/printf/syswrite instead');
}
sub recv {
    Carp::croak('Use of recv() not implemented in IO::Socket::SSL; use read/sysread instead');
}

# --- for the glue: what objects are that a callback returns ---------------------------------------

sub _as_bool { return $_[0] ? 1 : 0 }
sub _as_text { return "$_[0]" }

# --- what can be done -----------------------------------------------------------------------------

# The others are XSUBs.
sub can_server_sni { return can_client_sni() }
sub can_multi_cert { return can_client_sni() }
sub can_ecdh { return 'auto' }
sub can_ipv6 { return $IPV6 }
sub can_psk  { return _can_psk() ? { client => 1, server => 1 } : undef }
sub can_nested_ssl { return { SSL_usebio => 1 } }

# --- plain sockets: where IO::Handle has no method that would do ----------------------------------

sub _plain_peek {
    my ($self, undef, $len, $offset) = @_;
    my $result = CORE::recv($self, my $data, $len || 0, Socket::MSG_PEEK());
    return if !defined $result;
    $_[1] //= '';
    $offset ||= 0;
    $offset += length $_[1] if $offset < 0;
    $_[1] .= "\0" x ($offset - length $_[1]) if $offset > length $_[1];
    substr($_[1], $offset) = $data;
    return length $data;
}

sub _plain_syswrite {
    my ($self, undef, $len, $offset) = @_;
    return CORE::syswrite($self, $_[1]) if !$len && !$offset;
    $offset ||= 0;
    return CORE::syswrite($self, $_[1], $len || length($_[1]) - $offset, $offset);
}

sub _plain_write {
    my ($self, undef, $len, $offset) = @_;
    local $\ = undef;
    my $data = substr $_[1], $offset || 0, $len || length $_[1];
    return CORE::print({ $self } $data) ? length $data : undef;
}

# --- sessions of clients --------------------------------------------------------------------------

# Under which key sessions with this peer are kept.
sub _session_key {
    my $hash = \%{*{ $_[0] }};
    my $args = $hash->{_SSL_arguments};
    return $args->{SSL_session_key} //= $hash->{_SSL_ctx}{session_key} // do {
        my $host = $args->{PeerAddr} // $args->{PeerHost};
        my $port = $args->{PeerPort} // $args->{PeerService};
        defined $host && defined $port && length $port ? "$host:$port" : $host;
    };
}

# Sessions of clients, the latest used first, as many as it has room for.
sub IO::Socket::SSL::Session_Cache::new {
    my ($class, $size) = @_;
    return if !$size || $size <= 0;
    my $self = bless { room => $size }, $class;
    $self->_attach($size);
    return $self;
}

sub IO::Socket::SSL::Session_Cache::replace_session {
    my ($self, $key, $session) = @_;
    $self->del_session($key);
    return $self->add_session($key, $session);
}

sub IO::Socket::SSL::Session_Cache::_dump {
    my $self = shift;
    return $self->_count . " of $self->{room} sessions";
}

# --- OCSP -----------------------------------------------------------------------------------------

# Asks the responders of certificates; but for HTTP, all of it is in xs/ocsp.xsi.
sub IO::Socket::SSL::OCSP_Resolver::resolve_blocking {
    my ($self, @args) = @_;
    do { local $@; eval { require HTTP::Tiny } } or Carp::croak('need HTTP::Tiny installed');
    # Answers are signed, so whoever carries them need not be trusted.
    my $agent = HTTP::Tiny->new(verify_SSL => 0, max_size => 100 * 1024, @args);
    while (!defined $self->hard_error) {
        my ($uri, $request) = $self->requests;
        my $reply = $agent->post($uri, { content => $request,
            headers => { 'Content-type' => 'application/ocsp-request' } });
        $self->add_response($uri, $reply->{success} ? $reply->{content} : undef);
    }
    return $self->hard_error;
}
