# IO::Socket::SSL::Utils - certificates and keys: from and to PEM and DER, made, described.
#
# Owns      the shapes of arguments to CERT_create.
# Promises  a handle given out is a genuine X509* or EVP_PKEY* as a number: the caller frees it with
#           CERT_free or KEY_free.
# Leaves    files, parsing, making and describing to libiossl (xs/utils.xsi, xs/certs.xsi).
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
our @EXPORT_OK = qw(DER_string2cert DER_cert2string DER_string2key DER_key2string);

sub PEM_cert2file { return PEM_certs2file($_[1], $_[0]) }

# --- keys and certificates made -------------------------------------------------------------------

sub KEY_create_rsa { return _new_rsa($_[0] || 2048) }
sub KEY_create_ec  { return _new_ec($_[0] || 'prime256v1') }

# A certificate as a hash.
sub CERT_asHash {
    my ($cert, $algorithm) = @_;
    $algorithm ||= 'sha256';
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
    _description($gen, \%args) if exists $args{signature_alg} && ref $args{ext};
    my %subject = map { $_ => ref $args{subject}{$_} ? $args{subject}{$_} : [$args{subject}{$_}] }
        keys %{ $args{subject} || {} };
    _subject($gen, \%subject) if delete $args{subject};
    delete $args{digest} if !length($args{digest} // '');
    for my $setter (qw(not_before not_after serial version digest key)) {
        my $value = delete $args{$setter};
        $gen->$setter($value) if defined $value;
    }
    my ($issuer_cert, $issuer_key) = @{ delete $args{issuer} || [] };
    $issuer_cert = $args{issuer_cert} if defined $args{issuer_cert};
    $issuer_key  = $args{issuer_key}  if defined $args{issuer_key};
    delete @args{qw(issuer_cert issuer_key)};
    $gen->issuer($issuer_cert, $issuer_key) if defined $issuer_cert || defined $issuer_key;

    for my $name (@{ delete $args{subjectAltNames} || [] }) {
        my ($type, $value, $der) = @$name;
        if (defined $der) { $gen->altname_der($der) }
        elsif (lc $type eq 'email' && $value eq 'copy') {
            $gen->altname($type, $_) for @{ $subject{emailAddress} || [] };
        }
        else              { $gen->altname($type, $value) }
    }
    $gen->ca(1) if delete $args{CA};
    _purposes($gen, delete $args{purpose});
    for my $ext (@{ delete $args{ext} || [] }) {
        $gen->extension($ext->{nid} || 0, $ext->{sn} // $ext->{oid}, @$ext{qw(data der)},
            $ext->{critical} || 0);
    }
    my $ignores = delete $args{ignore_invalid_args};
    Carp::croak('unknown arguments: ' . join ' ', sort keys %args) if %args && !$ignores;
    return $gen->make;
}

# What CERT_asHash says of another certificate: its extensions are all that there are to be, unless a
# purpose is given, and the rest of the keys only repeats what they say.
sub _description {
    my ($gen, $args) = @_;
    $gen->digest_of(delete $args->{signature_alg});
    $gen->plain if !$args->{CA} && !defined $args->{purpose};
    delete $args->{issuer} if ref $args->{issuer} eq 'HASH';
    delete @$args{qw(keyusage extkeyusage crl_uri ocsp_uri),
        grep { /^(?:x509_digest|pubkey_digest|fingerprint)_/ } keys %$args};
    return;
}

sub _subject {
    my ($gen, $subject) = @_;
    $gen->clear_subject if !grep { @$_ } values %$subject;
    for my $name (sort keys %$subject) {
        $gen->subject($name, $_) for @{ $subject->{$name} };
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
