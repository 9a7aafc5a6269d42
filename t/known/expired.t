# Certificates after their time: the leaf, or any CA above it.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use KnownTest;
use Test::More;
use TLSTest;

my @over  = (not_before => time - 3 * 86400, not_after => time - 86400);
my $root  = authority('Root');
my $inter = authority('Middle', issuer => $root);
my $old_inter = authority('Old middle', issuer => $root, @over);
my $old_root  = authority('Old root', @over);

sub args { my ($trusted, @sent) = @_; return (client => { trusting($trusted) },
    server => { served(@sent) }) }

connects('none is', args($root, issue($inter), $inter));
refused('the leaf', client => qr/expired/, args($root, issue($inter, @over), $inter));
refused('a CA between', client => qr/expired/, args($root, issue($old_inter), $old_inter));
refused('the root', client => qr/expired/, args($old_root, issue($old_root)));
refused('a leaf that expired a second ago', client => qr/expired/,
    args($root, issue($root, not_before => time - 100, not_after => time - 2)));

subtest 'a server judges its clients in the same way' => sub {
    my $server = issue($root);
    for ([good => 0], [expired => 1]) {
        my ($what, $expired) = @$_;
        my $leaf = issue($root, purpose => 'client', $expired ? @over : ());
        my %how = (server => { served($server), trusting($root), SSL_verify_mode =>
                SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT },
            client => { trusting($root), SSL_cert => $leaf->cert, SSL_key => $leaf->key });
        if ($expired) { refused($what, server => qr/expired/, %how) } else { connects($what, %how) }
    }
};

done_testing;
