# Name constraints of a CA hold for all below it (RFC 5280 4.2.1.10).
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use KnownTest;
use Test::More;
use TLSTest;

my $root = authority('Root');

# constraints, the leaf's names, the name that is asked for, whether it may be
for my $case (
    ['permitted, and within',         'permitted;DNS:test', [[DNS => 'server.test']], 1],
    ['permitted, itself',             'permitted;DNS:server.test', [[DNS => 'server.test']], 1],
    ['permitted, and outside',        'permitted;DNS:example', [[DNS => 'server.test']], 0],
    ['permitted, with a tail like it', 'permitted;DNS:erver.test', [[DNS => 'server.test']], 0],
    ['another name is outside',       'permitted;DNS:server.test',
        [[DNS => 'server.test'], [DNS => 'evil.example']], 0],
    ['excluded',                      'excluded;DNS:test', [[DNS => 'server.test']], 0],
    ['excluded, and outside',         'excluded;DNS:example', [[DNS => 'server.test']], 1],
    ['excluded, in capitals',         'excluded;DNS:TEST', [[DNS => 'server.test']], 0],
    ['an address within',             'permitted;IP:127.0.0.0/255.0.0.0', [[IP => '127.0.0.1']], 1],
    ['an address outside',            'permitted;IP:10.0.0.0/255.0.0.0', [[IP => '127.0.0.1']], 0],
    ['a name, where only addresses are excluded', 'excluded;IP:0.0.0.0/0.0.0.0',
        [[DNS => 'server.test']], 1],
) {
    my ($what, $constraints, $names, $good) = @$case;
    my $inter = authority('Constrained', issuer => $root,
        ext => [{ sn => 'nameConstraints', data => $constraints, critical => 1 }]);
    my $below = authority('Below', issuer => $inter);
    for my $signer ([direct => $inter], ['two levels up' => $below, $inter]) {
        my ($where, @cas) = @$signer;
        my %how = (client => { trusting($root), SSL_verifycn_name => $names->[0][1] },
            server => { served(issue($cas[0], subjectAltNames => $names), @cas) });
        if ($good) { connects("$what, $where", %how) }
        else { refused("$what, $where", client => qr/subtree violation/, %how) }
    }
}

subtest 'a name that hides in the common name escapes none' => sub {
    for my $row (['a host name', 'permitted;DNS:example', 'server.test', 'server.test'],
        ['an address', 'permitted;IP:10.0.0.0/255.0.0.0', '127.0.0.1', '127.0.0.1']) {
        my ($what, $constraints, $cn, $name) = @$row;
        my $inter = authority('Constrained', issuer => $root,
            ext => [{ sn => 'nameConstraints', data => $constraints, critical => 1 }]);
        for my $scheme (qw(default http)) {
            refused("$what, scheme $scheme", client => qr/\S/,
                client => { trusting($root), SSL_verifycn_name => $name,
                    SSL_verifycn_scheme => $scheme },
                server => { served(issue($inter, subject => { commonName => $cn },
                        subjectAltNames => []), $inter) });
        }
    }
};

done_testing;
