# IdentTest.pm - who connects to whom, and certificates with any names.
#
# Owns      the checks "this connects" and "this is refused, for that reason"; a writer of X.509
#           certificates whose names a certificate tool would not let pass.
# Promises  made_cert() returns a handle as programs pass it around; the caller frees it.
# Leaves    the handshake itself to TLSTest, files of certificates to t/certs.
#
# The certificates made here carry a signature of zeroes: names are compared without looking at it,
# and no handshake uses them.
package IdentTest;

use strict;
use warnings;
use Exporter 'import';
use Socket qw(AF_INET6 inet_aton inet_pton);
use Test::More;
use IO::Socket::SSL;
use IO::Socket::SSL::PublicSuffix;
use IO::Socket::SSL::Utils;
use TLSTest;

# Where the incumbent is installed too, a part that is missing here would be loaded from there.
for my $part (grep { m{^IO/Socket/SSL/} } keys %INC) {
    (my $home = $INC{'IO/Socket/SSL.pm'}) =~ s/SSL\.pm\z//;
    index($INC{$part}, $home) == 0 or die "$part came from $INC{$part}, not from below $home\n";
}

our @EXPORT = qw(made_cert made_pem files connects refused raised without_environment);

my %OID = (cn => "\x55\x04\x03", o => "\x55\x04\x0a", san => "\x55\x1d\x11",
    ed25519 => "\x2b\x65\x70");
# Context tags of GeneralName, RFC 5280 4.2.1.6.
my %GENERAL_NAME = (email => 0x81, dns => 0x82, uri => 0x86, ip => 0x87);

# made_cert(cn => $name | [names], san => [type => value, ...]) - an X509 handle. type is dns, ip
# (text form), email or uri; values are taken byte by byte, NUL included.
sub made_cert { return PEM_string2cert(made_pem(@_)) }

sub made_pem {
    my (%want) = @_;
    my $cn      = $want{cn};
    my $subject = _name($cn);
    my $key     = _sequence(_sequence(_der(0x06, $OID{ed25519})), _der(0x03, "\0" . 'k' x 32));
    my $algorithm = _sequence(_der(0x06, $OID{ed25519}));
    my @version = _der(0xa0, _der(0x02, "\2"));
    my $validity = _sequence(_der(0x17, '200101000000Z'), _der(0x18, '21200101000000Z'));

    my $content = _sequence(@version, _der(0x02, "\1"), $algorithm, _name('IdentTest'), $validity,
        $subject, $key, $want{san} ? _der(0xa3, _sequence(_alternatives(@{ $want{san} }))) : ());
    my $der = _sequence($content, $algorithm, _der(0x03, "\0" x 65));
    (my $base64 = pack 'u', $der) =~ s/^.//mg;
    $base64 =~ tr{` -_}{AA-Za-z0-9+/};
    $base64 =~ s/\n//g;
    my $pad = (3 - length($der) % 3) % 3;
    substr($base64, -$pad) = '=' x $pad if $pad;
    $base64 =~ s/(.{1,64})/$1\n/g;
    return "-----BEGIN CERTIFICATE-----\n$base64-----END CERTIFICATE-----\n";
}

sub _name {
    my ($cn) = @_;
    my @part = map { [cn => $_] } ref $cn ? @$cn : defined $cn ? $cn : ();

    return _sequence(map { _der(0x31, _sequence(_der(0x06, $OID{ $_->[0] }), _der(0x0c, $_->[1]))) }
        [o => 'IOSSL'], @part);
}

sub _alternatives {
    my @pair = @_;
    my @name;

    while (my ($type, $value) = splice @pair, 0, 2) {
        $value = $value =~ /:/ ? inet_pton(AF_INET6, $value) : inet_aton($value) if $type eq 'ip';
        push @name, _der($GENERAL_NAME{$type}, $value);
    }
    return _sequence(_der(0x06, $OID{san}), _der(0x04, _sequence(@name)));
}

sub _sequence { return _der(0x30, join '', @_) }

sub _der {
    my ($tag, $content) = @_;
    my $length = length $content;

    return pack 'C C/a', $tag, $content if $length < 128;
    return pack 'C C n a*', $tag, 0x82, $length, $content;
}

# files('NAME') - the arguments for NAME.pem and NAME.key of t/certs; with two names the certificate
# is the first, as it is called, and the key the second.
sub files {
    my ($cert, $key) = @_;

    ($cert, $key) = ("$cert.pem", "$cert.key") if @_ < 2;
    return (SSL_cert_file => cert($cert), defined $key ? (SSL_key_file => cert($key)) : ());
}

# connects($name, client => {...}, server => {...}) - both ends succeed; takes what handshake() of
# TLSTest takes, and returns its result.
sub connects {
    my ($name, %how) = @_;
    my $result = handshake(over => 'unix', blocking => 0, %how);
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    ok $result->{client_ok} && $result->{server_ok}, $name
        or diag("client: $result->{client_error}\nserver: $result->{server_error}");
    return $result;
}

# refused($name, 'client', qr/why/, ...) - that end fails, and says why.
sub refused {
    my ($name, $side, $why, %how) = @_;
    my $result = handshake(over => 'unix', blocking => 0, %how);
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    subtest $name => sub {
        ok !$result->{"${side}_ok"}, "the $side refuses";
        like $result->{"${side}_error"}, $why, 'with the reason';
    };
    return $result;
}

# raised(sub {...}) - the text of the exception of the code, '' if there was none.
sub raised {
    my ($code) = @_;

    return eval { $code->(); 1 } ? '' : $@;
}

# Takes away what this machine says about CA certificates; a test that needs it sets its own.
sub without_environment {
    delete @ENV{qw(SSL_CERT_FILE SSL_CERT_DIR)};
    return;
}

1;
