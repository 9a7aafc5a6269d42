# Revoked by the responder that the certificate names.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

use OCSPTest;

my $pki = OCSPTest->new or plan skip_all => 'no openssl program here';
eval { require HTTP::Tiny } or plan skip_all => 'no HTTP::Tiny here';

# What the resolver says: '' where nothing bad is known.
sub verdict {
    my ($name, $mode) = @_;
    my ($process, $port) = $pki->start_server($name);
    my $sock = $pki->client($port, SSL_ocsp_mode => SSL_OCSP_NO_STAPLE | ($mode // 0)) or die $SSL_ERROR;
    return $sock->ocsp_resolver->resolve_blocking(timeout => 20);
}

is verdict('server'), '', 'a good one';
like verdict('revoked'), qr/certificate status is revoked/, 'a revoked one';
like verdict('unknown'), qr/certificate status is unknown/, 'one that its issuer doesn\'t know';
is verdict('bad-chain'), '', 'a revoked CA: not looked at where only the leaf is asked for';
like verdict('bad-chain', SSL_OCSP_FULL_CHAIN), qr/certificate status is revoked/,
    'but where the chain is';

subtest 'an answer that isn\'t to be relied on clears nobody, and condemns nobody' => sub {
    for my $row (['a stranger\'s signature' => signer => 'other-ca'],
        ['one who may not sign' => signer => 'no-delegate'], ['a broken signature' => args => ['-badsig']],
        ['garbage' => body => 'garbage'],
        ['nothing' => close => 1]) {
        my ($what, @answer) = @$row;
        $pki->answer(@answer);
        is verdict($_), '', "$what about $_: no verdict" for qw(server revoked);
        isnt verdict('revoked', SSL_OCSP_FAIL_HARD), '', "$what: an error where a verdict is required";
    }
};

subtest 'an answer out of date clears nobody; but time doesn\'t heal what it says was revoked' => sub {
    $pki->answer(retime => [-3 * 86400, -86400]);
    like verdict('server', SSL_OCSP_FAIL_HARD), qr/not yet valid or expired/, 'good: no verdict';
    like verdict('revoked'), qr/certificate status is revoked/, 'revoked: it still is';
};

done_testing;
