# Which names a star stands for: RFC 6125 6.4.3 and 7.2, and what others got wrong.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use KnownTest;
use Test::More;
use TLSTest;

my $root = authority('Root');

# pattern, name, then whether it fits under http (a star may be part of the first label) and smtp
# (a star is a whole label).
my @cases = (
    ['a whole label',                    '*.example.test', 'www.example.test', 1, 1],
    ['not two labels',                   '*.example.test', 'a.b.example.test', 0, 0],
    ['not no label',                     '*.example.test', 'example.test', 0, 0],
    ['not an empty label',               '*.example.test', '.example.test', 0, 0],
    ['a part of a label, at its end',    'w*.example.test', 'www.example.test', 1, 0],
    ['a part of a label, at its start',  '*w.example.test', 'www.example.test', 1, 0],
    ['a part of a label, in its middle', 'w*w.example.test', 'www.example.test', 1, 0],
    ['only in the first label',          'www.*.test', 'www.example.test', 0, 0],
    ['not across a dot',                 'w*.test', 'www.example.test', 0, 0],
    ['not several in one label',         'w*w*.example.test', 'wwww.example.test', 0, 0],
    ['not several in two labels',        '*.*.test', 'www.example.test', 0, 0],
    ['not two stars side by side',       '**.example.test', 'www.example.test', 0, 0],
    ['not alone',                        '*', 'localhost', 0, 0],
    ['not for all names of the root',    '*.', 'www.', 0, 0],
    ['an A-label as a whole',            '*.example.test', 'xn--bcher-kva.example.test', 1, 1],
    ['not within an A-label',            'xn--*.example.test', 'xn--bcher-kva.example.test', 0, 0],
    ['not before the end of an A-label', '*kva.example.test', 'xn--bcher-kva.example.test', 0, 0],
    ['not after the start of an A-label', 'x*.example.test', 'xn--bcher-kva.example.test', 0, 0],
    ['not below a public suffix',        '*.com', 'example.com', 0, 0],
    ['not below one of two labels',      '*.co.uk', 'example.co.uk', 0, 0],
    ['but below a name under it',        '*.example.co.uk', 'www.example.co.uk', 1, 1],
    ['not below one that a rule makes',  '*.any.ck', 'example.any.ck', 0, 0],
    ['not for an IPv4 address',          '*.0.0.1', '127.0.0.1', 0, 0],
    ['not for a part of one',            '127.0.0.*', '127.0.0.1', 0, 0],
    ['not for an IPv6 address',          '*', '::1', 0, 0],
);
for my $case (@cases) {
    my ($what, $pattern, $name, @fits) = @$case;
    my $leaf = issue($root, subjectAltNames => [[DNS => $pattern]]);
    for my $scheme (qw(http smtp)) {
        my @args = ("$scheme: $what ($pattern, $name)");
        my %how = (client => { trusting($root), SSL_verifycn_name => $name,
                SSL_verifycn_scheme => $scheme }, server => { served($leaf) });
        if (shift @fits) { connects(@args, %how) }
        else { refused(@args, client => qr/hostname verification failed|SSL_verifycn_name/, %how) }
    }
}

subtest 'an address is never compared with a dNSName' => sub {
    for my $ip ('127.0.0.1', '::1') {
        refused("$ip as dNSName", client => qr/hostname verification failed/,
            client => { trusting($root), SSL_verifycn_name => $ip },
            server => { served(issue($root, subjectAltNames => [[DNS => $ip]])) });
        connects("$ip as iPAddress", client => { trusting($root), SSL_verifycn_name => $ip },
            server => { served(issue($root, subjectAltNames => [[IP => $ip]])) });
    }
};

done_testing;
