# IO::Socket::SSL::NetSSLeay - stands in for a Net::SSLeay that isn't installed.
#
# Owns      finding out whether there is a real one; the package Net::SSLeay where there is none.
# Promises  a real one that any folder of @INC has is loaded instead of this, whatever the order. Only
#           what Debian's programs were found to call is here (docs/ssleay-uses.md); for anything else
#           the program is told to install the real one.
# Leaves    the functions themselves to xs/glue/ssleay.c.
#
# Loaded when a program asks for Net::SSLeay, by the hook that IO::Socket::SSL puts at the end of @INC, or
# by fallback/Net/SSLeay.pm, which is installed where Makefile.PL finds no Net::SSLeay.
package IO::Socket::SSL::NetSSLeay;

use 5.014;
use strict;
use warnings;

use Carp ();
use Exporter ();
use IO::Socket::SSL ();

our $VERSION = '3.000';

# Of the Net::SSLeay whose functions these are like.
my $LIKE = '1.92';

my @NAMES = sort 'X509_free', 'print_errs', 'dump_peer_certificate',
    IO::Socket::SSL::_define_ssleay(__PACKAGE__);

sub _names { return @NAMES }

# A real Net::SSLeay in @INC, but for the file given; undef if there is none.
sub real_one {
    my $but = shift;
    for my $folder (grep { !ref } @INC) {
        my $file = "$folder/Net/SSLeay.pm";
        return $file if (!defined $but || $file ne $but) && -f $file && !_is_ours($file);
    }
    return undef;
}

# Is that another copy of fallback/Net/SSLeay.pm?
sub _is_ours {
    my $file = shift;
    open my $fh, '<', $file or return 0;
    my $line = <$fh>;
    return defined $line && $line =~ /stands in for a Net::SSLeay/;
}

# Makes the package Net::SSLeay.
sub stand_in {
    require IO::Socket::SSL::Utils;
    no strict 'refs';
    *{"Net::SSLeay::$_"} = \&$_ for @NAMES, 'AUTOLOAD';
    no warnings 'once';
    $Net::SSLeay::VERSION   = $LIKE;
    @Net::SSLeay::ISA       = ('Exporter');
    @Net::SSLeay::EXPORT_OK = @NAMES;
    $INC{'Net/SSLeay.pm'} = __FILE__;
    return 1;
}

sub X509_free { goto &IO::Socket::SSL::Utils::CERT_free }

# What OpenSSL has queued, with the text in front of each line; also printed where $trace asks for it.
sub print_errs {
    my $text = shift // '';
    my ($all, $count) = ('', 0);
    while (my $error = ERR_get_error()) {
        $all .= sprintf "%s %d: %d - %s\n", $text, $$, ++$count, ERR_error_string($error);
    }
    warn $all if $Net::SSLeay::trace && length $all;
    return $all;
}

sub dump_peer_certificate {
    my $cert = get_peer_certificate(shift) or return undef;
    my ($subject, $issuer) = map { X509_NAME_oneline($_) } X509_get_subject_name($cert),
        X509_get_issuer_name($cert);
    X509_free($cert);
    return "Subject Name: $subject\nIssuer  Name: $issuer\n";
}

our $AUTOLOAD;

sub AUTOLOAD {
    my $name = $AUTOLOAD =~ s/.*:://r;
    return if $name eq 'DESTROY';
    return Carp::croak("Net::SSLeay isn't installed, and what stands in for it has no $name: "
        . 'install Net::SSLeay (Debian: libnet-ssleay-perl)');
}

1;
