# interop_ssleay_unloaded.t - programs that call Net::SSLeay, and load only IO::Socket::SSL.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

sub says {
    my ($code) = @_;
    return perl_output("BEGIN { \$^W = 1 } use strict; use IO::Socket::SSL; $code");
}

is says('print Net::SSLeay::VERIFY_NONE() | Net::SSLeay::VERIFY_FAIL_IF_NO_PEER_CERT()'), 2, 'constants are there';
like says('print Net::SSLeay::SSLeay_version(0)'), qr/^OpenSSL \d[^\n]+\z/, 'and functions';
is says('Net::SSLeay::VERIFY_PEER(); require Net::SSLeay; print Net::SSLeay::VERIFY_PEER()'), 1,
    'loading it afterwards says nothing';
is says('require Net::SSLeay; print Net::SSLeay::VERIFY_PEER(), Net::SSLeay::VERIFY_NONE()'), '10', 'nor before';
like says('print eval { Net::SSLeay::no_such_function(); 1 } ? "called" : "died: $@"'), qr/^died: .*no_such_fu/s,
    'what isn\'t there can\'t be called';
is perl_output('BEGIN { $^W = 1 } use Net::SSLeay; use IO::Socket::SSL; print Net::SSLeay::VERIFY_PEER()'), 1,
    'in the other order';

done_testing;
