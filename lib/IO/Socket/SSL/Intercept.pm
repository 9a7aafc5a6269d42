# IO::Socket::SSL::Intercept - certificates like others, signed by a CA of one's own.
#
# Owns      the cache of clones, their serial numbers, the serialized form.
# Promises  an object has references of its own to all handles it works with, and frees just those.
# Leaves    what a clone says to libiossl: iossl_certgen_copy(), iossl_certgen_forget_issuer().
#
# An object is a hash, in the thread that made it
#   cacert, cakey  handles: who signs
#   certkey        handle: the key of all clones; undef: a new one for each
#   serial         undef: from the digest of the original; code; or the last number given
#   cache          hash: ident => { cert, key, atime }; or code
package IO::Socket::SSL::Intercept;

use 5.014;
use strict;
use warnings;

use Carp ();
use IO::Socket::SSL::Utils qw(PEM_file2cert PEM_file2key PEM_cert2string PEM_key2string
    PEM_string2cert PEM_string2key CERT_asHash CERT_free KEY_free);

our $VERSION = $IO::Socket::SSL::VERSION;

use constant FORMAT_VERSION => 2;

sub new {
    my ($class, %args) = @_;
    my $self = bless { serial => $args{serial}, cache => $args{cache} || {} }, $class;
    $self->{cacert}  = _cert($args{proxy_cert}, $args{proxy_cert_file});
    $self->{cakey}   = _key($args{proxy_key}, $args{proxy_key_file});
    $self->{certkey} = _key($args{cert_key}, $args{cert_key_file});
    for my $what (qw(cert key)) {
        Carp::croak("no proxy_$what or proxy_${what}_file given") if !$self->{"ca$what"};
    }
    $self->{cache} = _checked_cache($self->{cache}) if ref $self->{cache} eq 'CODE';
    return $self;
}

sub _cert {
    my ($handle, $file) = @_;
    return $handle ? IO::Socket::SSL::Utils::_cert_up_ref($handle)
         : defined $file ? PEM_file2cert($file) : undef;
}

sub _key {
    my ($handle, $file) = @_;
    return $handle ? IO::Socket::SSL::Utils::_key_up_ref($handle)
         : defined $file ? PEM_file2key($file) : undef;
}

# A cache of the program's: one kind makes what it doesn't have itself, by the code it is given; the
# other is asked, and told. Always of the first kind for us.
sub _checked_cache {
    my $cache = shift;
    my $type  = $cache->('type');
    return $cache if $type && $type eq '1';
    Carp::croak("invalid type of cache: $type") if $type;
    return sub {
        my ($ident, $create) = @_;
        my @clone = $cache->($ident);
        return @clone if @clone > 1 && $clone[0];
        @clone = $create->();
        $cache->($ident, @clone);
        return @clone;
    };
}

# (certificate, key): in the cache, or made.
sub clone_cert {
    my ($self, $original, $ident) = @_;
    my $info   = CERT_asHash($original, 'sha256');
    my $digest = $info->{x509_digest_sha256};
    $ident = substr unpack('H*', $digest), 0, 32 if !defined $ident;
    my $create = sub { return $self->_make($original, $info) };
    return $self->{cache}->($ident, $create) if ref $self->{cache} eq 'CODE';

    my $entry = $self->{cache}{$ident} ||= do {
        my %new;
        @new{qw(cert key)} = $create->();
        \%new;
    };
    $entry->{atime} = time;
    return @$entry{qw(cert key)};
}

sub _make {
    my ($self, $original, $info) = @_;
    my $serial = $self->{serial};
    $serial = !defined $serial      ? unpack 'L', $info->{x509_digest_sha256}
            : ref $serial eq 'CODE' ? $serial->($original, $info)
            :                         ++$self->{serial};
    my $gen = IO::Socket::SSL::Utils::Certgen->new;
    $gen->copy($original);
    $gen->forget_issuer;
    $gen->digest('sha256');     # whatever the original has: it may be too weak for clients of today
    $gen->serial($serial);
    $gen->key($self->{certkey}) if $self->{certkey};
    $gen->issuer(@$self{qw(cacert cakey)});
    return $gen->make;
}

# --- kept, and taken up again ---------------------------------------------------------------------

# Code, of the cache or for serial numbers, can't be kept.
sub serialize {
    my $self   = shift;
    my $serial = ref $self->{serial} ? 0 : $self->{serial} || 0;
    Carp::croak("serial $serial can't be kept: there is room for 32 bits") if $serial > 0xffffffff;
    my $data   = pack 'NN/aN/aN/aN', FORMAT_VERSION,
        PEM_cert2string($self->{cacert}), PEM_key2string($self->{cakey}),
        $self->{certkey} ? PEM_key2string($self->{certkey}) : '', $serial;
    my $cache = ref $self->{cache} eq 'HASH' ? $self->{cache} : {};
    for my $ident (sort keys %$cache) {
        my $entry = $cache->{$ident};
        utf8::encode(my $bytes = $ident);
        $data .= pack 'N/aN/aN/aN', $bytes, PEM_cert2string($entry->{cert}),
            PEM_key2string($entry->{key}), $entry->{atime} || 0;
    }
    return $data;
}

sub unserialize {
    my ($class, $data) = @_;
    my $self = ref $class ? $class : bless {}, $class;
    _take($data, 'N') == FORMAT_VERSION or Carp::croak('serialized with wrong version');
    $self->{cache}   = {};
    $self->{cacert}  = PEM_string2cert(_take($data, 'N/a'));
    $self->{cakey}   = PEM_string2key(_take($data, 'N/a'));
    my $certkey      = _take($data, 'N/a');
    $self->{certkey} = length $certkey ? PEM_string2key($certkey) : undef;
    $self->{serial}  = _take($data, 'N') || undef;
    while (length $data) {
        my $ident = _take($data, 'N/a');
        utf8::decode($ident);
        my $entry = $self->{cache}{$ident} = { cert => PEM_string2cert(_take($data, 'N/a')) };
        $entry->{key}   = PEM_string2key(_take($data, 'N/a'));
        $entry->{atime} = _take($data, 'N');
    }
    return $self;
}

# The next number ('N') or string ('N/a') of the data, which are cut off.
sub _take {
    my ($number, $rest) = length $_[0] < 4 ? () : unpack 'Na*', $_[0];
    my $is_string = $_[1] eq 'N/a';
    Carp::croak('serialized data end too early')
        if !defined $number || $is_string && $number > length $rest;
    return (($_[0] = $rest), $number)[1] if !$is_string;
    $_[0] = substr $rest, $number;
    return substr $rest, 0, $number;
}

sub STORABLE_freeze { return $_[0]->serialize }

sub STORABLE_thaw {
    my ($self, $cloning, $data) = @_;
    $self->unserialize($data);
    return;
}

# Handles are numbers, which a new thread would free again.
sub CLONE_SKIP { return 1 }

# Of a cache that is code the program has to take care itself.
sub DESTROY {
    my $self = shift;
    my $cache = ref $self->{cache} eq 'HASH' ? $self->{cache} : {};
    for my $ident (keys %$cache) {
        my $entry = delete $cache->{$ident};
        CERT_free($entry->{cert});
        KEY_free($entry->{key});
    }
    CERT_free(delete $self->{cacert});
    KEY_free(delete @$self{qw(cakey certkey)});
    return;
}

1;
