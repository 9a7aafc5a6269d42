# IPv6 addresses have many spellings; all are one address, and no other.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use KnownTest;
use Test::More;
use TLSTest;

my $root = authority('Root');
my $leaf = issue($root, subjectAltNames => [[IP => '2001:db8::7f00:a']]);
my $mapped = issue($root, subjectAltNames => [[IP => '::ffff:127.0.0.1']]);
my $v4   = issue($root, subjectAltNames => [[IP => '127.0.0.1']]);
my $text = issue($root, subjectAltNames => [[DNS => '2001:db8::7f00:a'], [URI => 'https://[::1]/']],
    subject => { commonName => '::1' });

sub args { my ($cert, $name) = @_; return (client => { trusting($root), SSL_verifycn_name => $name,
    SSL_verifycn_scheme => 'http' }, server => { served($cert) }) }

connects("$_ is it", args($leaf, $_)) for '2001:db8::7f00:a', '2001:DB8::7F00:A',
    '2001:0db8:0000:0000:0000:0000:7f00:000a', '2001:db8:0:0:0:0:7f00:a', '2001:db8::127.0.0.10',
    '2001:db8:0::0:7f00:a';
my $MISMATCH = qr/hostname verification failed|SSL_verifycn_name|Cannot determine/;
refused("$_ is another, or none", client => $MISMATCH, args($leaf, $_)) for '2001:db8::7f00:b',
    '2001:db8::7f00:0a0', '2001:db8::7f00:a%eth0', '2001:db8:::7f00:a', '2001:db8::7f00::a',
    '2001:db8::7f00', '12001:db8::7f00:a', '2001:db8::127.0.0.010', '2001:db8::7f00:a:', ':', '::';
refused('an IPv4 address isn\'t the IPv6 one that maps it', client => $MISMATCH,
    args($mapped, '127.0.0.1'));
refused('nor the other way round', client => $MISMATCH, args($v4, '::ffff:127.0.0.1'));
refused("$_ isn't found in names that aren't addresses", client => $MISMATCH, args($text, $_))
    for '2001:db8::7f00:a', '::1';

SKIP: {
    skip 'no IPv6 here', 1 if !can_ipv6_here();
    my $local = issue($root, subjectAltNames => [[IP => '::1']]);
    subtest 'the address that was connected to, in brackets or not' => sub {
        my $server = test_server(addr => '::1', args => { served($local) });
        for my $peer ([PeerAddr => '[::1]:' . $server->port],
            [PeerAddr => '::1', PeerPort => $server->port],
            [PeerHost => '0:0:0:0:0:0:0:1', PeerPort => $server->port]) {
            ok +IO::Socket::SSL->new(@$peer, trusting($root)), "@$peer" or diag $SSL_ERROR;
            $server->outcome;
        }
    };
}

done_testing;
