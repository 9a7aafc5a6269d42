# A leaf that signed itself: refused unless it is itself what is trusted.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use KnownTest;
use Test::More;
use TLSTest;

my $root  = authority('Root');
my $alone = issue(undef);
my $twin  = issue(undef);                       # the same names, another key
my $MISMATCH = qr/hostname verification failed/;

refused('not trusted', client => qr/self.signed certificate/, client => { trusting($root) },
    server => { served($alone) });
connects('trusted', client => { trusting($alone) }, server => { served($alone) });
refused('trusted, for another name', client => $MISMATCH,
    client => { trusting($alone), SSL_verifycn_name => 'other.test' }, server => { served($alone) });
refused('another with the same names is trusted', client => qr/verify failed/,
    client => { trusting($twin) }, server => { served($alone) });
refused('sent along as its own CA', client => qr/verify failed/, client => { trusting($root) },
    server => { served($alone, $twin) });
connects('by its fingerprint', client => { trusting($root),
        SSL_fingerprint => 'sha256$' . unpack('H*', IO::Socket::SSL::Utils::CERT_asHash(
            $alone->cert)->{x509_digest_sha256}) }, server => { served($alone) });
refused('by that of its twin', client => qr/fingerprint|verify failed/,
    client => { trusting($root), SSL_fingerprint => 'sha256$' . unpack('H*',
            IO::Socket::SSL::Utils::CERT_asHash($twin->cert)->{x509_digest_sha256}) },
    server => { served($alone) });

done_testing;
