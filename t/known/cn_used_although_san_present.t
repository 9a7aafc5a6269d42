# The common name counts only where there are no alternative names to look at (RFC 6125 6.4.4), in
# the schemes whose protocols say so. Others are documented to take it always; SSL_policy strict never.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use KnownTest;
use Test::More;
use TLSTest;

my $root = authority('Root');
my $MISMATCH = qr/hostname verification failed/;
my @only_when_alone = qw(http www rfc2818 ftp xmpp gist);

sub judged {
    my ($leaf, $scheme) = @_;
    return (client => { trusting($root), SSL_verifycn_scheme => $scheme },
        server => { served($leaf) });
}

my $both  = issue($root, subject => { commonName => 'server.test' },
    subjectAltNames => [[DNS => 'other.test']]);
my $alone = issue($root, subject => { commonName => 'server.test' }, subjectAltNames => []);
my $empty = issue($root, subject => { commonName => 'server.test' },
    subjectAltNames => [[DNS => '']]);
for my $scheme (@only_when_alone) {
    refused("$scheme: not beside an alternative name", client => $MISMATCH, judged($both, $scheme));
    refused("$scheme: not beside one that is empty", client => $MISMATCH, judged($empty, $scheme));
    connects("$scheme: without one it does", judged($alone, $scheme));
}
subtest 'SSL_policy strict never looks at it, whatever the scheme' => sub {
    for my $scheme (@only_when_alone, qw(default smtp ldap sip)) {
        my %how = judged($alone, $scheme);
        $how{client}{SSL_policy} = 'strict';
        refused($scheme, client => qr/hostname verification failed|policy|alternative name/, %how);
    }
};

done_testing;
