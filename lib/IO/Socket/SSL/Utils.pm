# IO::Socket::SSL::Utils - certificates and keys from and to PEM.
#
# Owns      files, croaks and their words.
# Promises  a handle given out is a genuine X509* or EVP_PKEY* as a number: the caller frees it with
#           CERT_free or KEY_free.
# Leaves    parsing to OpenSSL (xs/utils.xsi).
package IO::Socket::SSL::Utils;

use 5.014;
use strict;
use warnings;

use Carp ();
use Exporter ();
use IO::Socket::SSL ();

our @ISA     = ('Exporter');
our $VERSION = $IO::Socket::SSL::VERSION;
our @EXPORT  = qw(
    PEM_file2cert PEM_file2certs PEM_string2cert PEM_cert2file PEM_certs2file PEM_cert2string
    PEM_file2key PEM_string2key PEM_key2file PEM_key2string
    CERT_free KEY_free KEY_create_rsa KEY_create_ec CERT_asHash CERT_create
);

sub PEM_string2cert { return _parsed(_cert_from_pem($_[0]), 'string', 'X509 cert') }
sub PEM_string2key  { return _parsed(_key_from_pem($_[0]), 'string', 'private key') }
sub PEM_file2cert   { return _parsed(_cert_from_pem(_slurp($_[0])), $_[0], 'X509 cert') }
sub PEM_file2key    { return _parsed(_key_from_pem(_slurp($_[0])), $_[0], 'private key') }

# All certificates of a file; none, or one that is broken, is an error.
sub PEM_file2certs {
    my $file = shift;
    my $pem  = _slurp($file);
    my @blocks = $pem =~ /(-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----.*?(?:-----END [^\n]*|\z))/gs;
    my @certs;
    for my $block (@blocks ? @blocks : $pem) {
        my $cert = _cert_from_pem($block);
        CERT_free(@certs) if !$cert;
        push @certs, _parsed($cert, $file, 'X509 cert');
    }
    return @certs;
}

sub PEM_cert2string {
    return _cert_to_pem($_[0]) // Carp::croak('cannot get string from cert: ' . _reasons());
}

sub PEM_key2string {
    return _key_to_pem($_[0]) // Carp::croak('cannot get string from key: ' . _reasons());
}

sub PEM_cert2file { return _spew($_[1], PEM_cert2string($_[0])) }
sub PEM_key2file  { return _spew($_[1], PEM_key2string($_[0])) }

# The file comes first here.
sub PEM_certs2file {
    my ($file, @certs) = @_;
    return _spew($file, join '', map { PEM_cert2string($_) } @certs);
}

sub _parsed {
    my ($handle, $from, $what) = @_;
    return $handle // Carp::croak("cannot parse $from as PEM $what: " . _reasons());
}

sub _reasons { return IO::Socket::SSL::get_ssleay_error() =~ s/^SSL error: //r }

sub _slurp {
    my $file = shift;
    open my $fh, '<:raw', $file or Carp::croak("cannot read $file: $!");
    local $/ = undef;
    my $content = <$fh>;
    return defined $content ? $content : Carp::croak("cannot read $file: $!");
}

sub _spew {
    my ($file, $content) = @_;
    open my $fh, '>:raw', $file or Carp::croak("cannot write $file: $!");
    (print {$fh} $content) && CORE::close $fh or Carp::croak("cannot write $file: $!");
    return 1;
}

# --- keys and certificates made -------------------------------------------------------------------

sub KEY_create_rsa { return _new_rsa($_[0] || 2048) }
sub KEY_create_ec  { return _new_ec($_[0] || 'prime256v1') }

# A certificate as a hash.
sub CERT_asHash {
    my ($cert, $algorithm) = @_;
    $algorithm //= 'sha256';
    my $info   = _describe($cert);
    my $digest = IO::Socket::SSL::_cert_fingerprint($cert, $algorithm, 0, 1);
    $info->{"x509_digest_$algorithm"}   = $digest;
    $info->{"pubkey_digest_$algorithm"} = IO::Socket::SSL::_cert_fingerprint($cert, $algorithm, 1, 1);
    $info->{"fingerprint_$algorithm"}   = join ':', unpack '(H2)*', $digest;
    $_ = uc for $info->{"fingerprint_$algorithm"};
    return $info;
}

# Description to certificate: (cert, key).
sub CERT_create {
    my %args = @_ == 1 ? %{ $_[0] } : @_;
    my $gen  = IO::Socket::SSL::Utils::Certgen->new;
    _subject($gen, delete $args{subject});
    for my $setter (qw(not_before not_after serial version digest key)) {
        my $value = delete $args{$setter};
        $gen->$setter($value) if defined $value;
    }
    my ($issuer_cert, $issuer_key) = @{ delete $args{issuer} || [] };
    $issuer_cert = $args{issuer_cert} if defined $args{issuer_cert};
    $issuer_key  = $args{issuer_key}  if defined $args{issuer_key};
    delete @args{qw(issuer_cert issuer_key)};
    $gen->issuer($issuer_cert, $issuer_key) if defined $issuer_cert || defined $issuer_key;

    $gen->altname(@$_) for @{ delete $args{subjectAltNames} || [] };
    $gen->ca(1) if delete $args{CA};
    _purposes($gen, delete $args{purpose});
    for my $ext (@{ delete $args{ext} || [] }) {
        $gen->extension($ext->{nid} || 0, $ext->{sn}, $ext->{data} // '', $ext->{critical} || 0);
    }
    my $ignores = delete $args{ignore_invalid_args};
    Carp::croak('unknown arguments: ' . join ' ', sort keys %args) if %args && !$ignores;
    return $gen->make;
}

sub _subject {
    my ($gen, $subject) = @_;
    return if !$subject;
    $gen->clear_subject if !%$subject;
    for my $name (sort keys %$subject) {
        $gen->subject($name, $_) for ref $subject->{$name} ? @{ $subject->{$name} } : $subject->{$name};
    }
    return;
}

# A text of words, a list of them, or a hash of names that are on or off.
sub _purposes {
    my ($gen, $purpose) = @_;
    return if !defined $purpose;
    if (ref $purpose eq 'HASH') {
        $gen->purpose($_, _is_on($purpose->{$_})) for sort keys %$purpose;
    } elsif (ref $purpose) {
        $gen->purpose_word($_) for @$purpose;
    } else {
        $gen->purposes($purpose);
    }
    return;
}

sub _is_on { my $value = shift; return $value && $value ne '-' ? 1 : 0 }

# A builder belongs to one thread.
sub IO::Socket::SSL::Utils::Certgen::CLONE_SKIP { return 1 }

1;
