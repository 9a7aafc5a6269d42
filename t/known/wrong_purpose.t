# A certificate for something else than being this peer.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use KnownTest;
use Test::More;
use TLSTest;

my $root = authority('Root');
my $WRONG = qr/purpose|unsuitable|unsupported certificate|invalid CA|issuer certificate/;

sub of_server { return (client => { trusting($root) }, server => { served(@_) }) }

sub of_client {
    my $leaf = shift;
    return (server => { served(issue($root)), trusting($root),
            SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT },
        client => { trusting($root), SSL_cert => $leaf->cert, SSL_key => $leaf->key });
}

connects('a server\'s of a server', of_server(issue($root)));
connects('one for both of a server', of_server(issue($root, purpose => 'server, client')));
refused("one for $_ of a server", client => $WRONG, of_server(issue($root, purpose => $_)))
    for 'client', 'email', 'codeSigning', 'timeStamping';
connects('a client\'s of a client', of_client(issue($root, purpose => 'client')));
refused("one for $_ of a client", server => $WRONG, of_client(issue($root, purpose => $_)))
    for 'server', 'email', 'codeSigning';
refused('one whose key may sign certificates only', client => $WRONG,
    of_server(issue($root, purpose => 'keyCertSign')));

subtest 'a CA that may not sign for servers' => sub {
    my $other = authority('For clients', issuer => $root, purpose => 'CA, clientAuth');
    refused('extendedKeyUsage of the CA', client => $WRONG, of_server(issue($other), $other));
};

subtest 'who is no CA signs for nobody (CVE-2002-0862)' => sub {
    my $leaf = issue($root);
    refused('a leaf that signs', client => $WRONG, of_server(issue($leaf), $leaf));
    my $trusted = issue(undef);
    refused('also one that is trusted itself', client => $WRONG,
        client => { trusting($trusted) }, server => { served(issue($trusted)) });
};

done_testing;
