# Revoked by the answer that the server itself sends along (a staple).
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

use OCSPTest;

my $pki = OCSPTest->new or plan skip_all => 'no openssl program here';
my %staple = (                          # a server's certificate, and how the answer is made
    good    => [server => ()],
    revoked => [revoked => ()],
    unknown => [unknown => ()],
    'out of date'        => [server => retime => [-3 * 86400, -86400]],
    'by a stranger'      => [server => signer => 'other-ca'],
    'by one who may not' => [server => signer => 'no-delegate'],
    'about another'      => [server => about => 'revoked'],
    none    => [server => none => 1],
    'none, though the certificate demands one' => [must => none => 1],
);

# The error of a client under this mode; '' for none.
sub verdict {
    my ($name, $mode) = @_;
    my ($cert, %how) = @{ $staple{$name} };
    my @file;
    if (!delete $how{none}) {
        my $file = $pki->file('staple.der');
        $pki->response(delete $how{about} // $cert, %how, file => $file);
        @file = ('-status_file', $file);
    }
    my ($process, $port) = $pki->start_server($cert, @file);
    my $sock = $pki->client($port, defined $mode ? (SSL_ocsp_mode => $mode) : ());
    return $sock ? '' : $SSL_ERROR;
}

for my $name ('good', 'none', 'out of date', 'by a stranger', 'by one who may not', 'about another') {
    is verdict($name), '', "$name: passes by default, as it tells nothing bad";
    next if $name eq 'good';
    like verdict($name, SSL_OCSP_MUST_STAPLE), qr/required stapled OCSP response/,
        "$name: not where a staple is required";
}
is verdict('good', SSL_OCSP_MUST_STAPLE), '', 'good: passes where a staple is required';
for my $name ('revoked', 'unknown') {
    like verdict($name, $_), qr/^certificate status is $name/, "$name: refused in mode " . ($_ // 'default')
        for undef, SSL_OCSP_TRY_STAPLE, SSL_OCSP_MUST_STAPLE;
}
like verdict('none, though the certificate demands one'), qr/required stapled OCSP response/,
    'a certificate that demands a staple isn\'t believed without one (RFC 7633)';

done_testing;
