# Does a certificate fit a name? Every scheme and alias, wildcards, addresses, other scripts.
#
# Each row is a certificate made for it: identity, common name, subjectAltNames, and the schemes by
# which they match. verify_hostname_of_cert is what connections and verify_hostname use too.
use strict;
use warnings;
use utf8;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use IdentTest;
use Test::More;
use TLSTest;

my $builder = Test::More->builder;
binmode $_, ':encoding(UTF-8)' for $builder->output, $builder->failure_output;

# The schemes that differ, by the letter that the tables use.
my %LETTER = (D => 'default', H => 'http', R => 'rfc2818', S => 'smtp', L => 'ldap', P => 'sip',
    G => 'gist');
my $EVERY = 'DHRSLPG';

sub matches {
    my ($identity, $cert, $scheme, @suffix) = @_;
    return scalar IO::Socket::SSL::verify_hostname_of_cert($identity, $cert, $scheme, @suffix);
}

# The letters of the schemes by which the row matches.
sub matching {
    my ($identity, $cn, $san) = @_;
    my $cert = made_cert(cn => $cn, san => $san);
    my $letters = join '', grep { matches($identity, $cert, $LETTER{$_}) } split //, $EVERY;
    CERT_free($cert);
    return $letters;
}

sub rows {
    my ($sentence, @rows) = @_;
    return subtest $sentence => sub {
        for (@rows) {
            my ($identity, $cn, $san, $letters) = @$_;
            (my $shown = join ' ', "'$identity'", 'CN', $cn // '-', 'SAN', @{ $san || ['-'] })
                =~ s/([^\x20-\x7e])/sprintf '\\x{%x}', ord $1/ge;
            is matching($identity, $cn, $san), $letters, $shown;
        }
    };
}

rows 'the common name counts always, or where there is no dNSName' => (
    ['a.test', 'a.test', undef,                    'DHRSLPG'],
    ['a.test', 'a.test', [dns => 'b.test'],        'DSLP'],
    ['a.test', 'a.test', [ip => '1.2.3.4'],        'DHRSLPG'],
    ['a.test', 'a.test', [email => 'x@b.test'],    'DHRSLPG'],
    ['a.test', 'a.test', [uri => 'http://b.test'], 'DHRSLPG'],
    ['a.test', 'b.test', [dns => 'a.test'],        'DHRSLPG'],
    ['a.test', 'a.test', [dns => ''],              'DSLP'],
    ['a.test', 'x', [dns => 'b.test', dns => 'a.test'], 'DHRSLPG'],
    ['a.test', 'x', [email => 'x@a.test', uri => 'a.test'], ''],
);

differs('ident-several-cn', 'of several common names the most specific counts, which is the last',
    sub { is matching('b.test', ['a.test', 'b.test']), $EVERY, 'the last';
          is matching('a.test', ['a.test', 'b.test']), '', 'not the first' },
    sub { is matching('a.test', ['a.test', 'b.test']), $EVERY, 'the first' });

rows 'a name is equal or it is another, but for case and trailing dots' => (
    ['a.test',      'x', [dns => 'A.TEST'],      $EVERY],
    ['A.Test',      'x', [dns => 'a.test'],      $EVERY],
    ['a.test.',     'x', [dns => 'a.test'],      $EVERY],
    ['a.test..',    'x', [dns => 'a.test'],      $EVERY],
    ['a.test',      'x', [dns => 'a.test.'],     $EVERY],
    ['a.test',      'x', [dns => ' a.test '],    $EVERY],
    ['a.test',      ' a.test', undef,            ''],
    ['a.test.evil', 'x', [dns => 'a.test'],      ''],
    ['xa.test',     'x', [dns => 'a.test'],      ''],
    ['axtest',      'x', [dns => 'a.test'],      ''],
    ['a_b.test',    'x', [dns => 'a_b.test'],    $EVERY],
    ['localhost',   'x', [dns => 'localhost'],   $EVERY],
    ['a.test',      '',  [dns => '.'],           ''],
);

rows 'a wildcard stands for one label, the leftmost' => (
    ['www.a.test',  'x', [dns => '*.a.test'],    'DHRSLG'],
    ['www.a.test',  '*.a.test', undef,           'DHRSG'],
    ['a_b.w.test',  'x', [dns => '*.w.test'],    'DHRSLG'],
    ['a.test',      'x', [dns => '*.a.test'],    ''],
    ['.a.test',     'x', [dns => '*.a.test'],    ''],
    ['x.y.a.test',  'x', [dns => '*.a.test'],    ''],
    ['x.y.a.test',  'x', [dns => '*.*.a.test'],  ''],
    ['www.a.test',  'x', [dns => 'www.*.test'],  ''],
    ['www.a.test',  'x', [dns => 'www.a.*'],     ''],
    ['www.a.test',  'x', [dns => '*'],           ''],
    ['www.a.test',  'x', [dns => '*.'],          ''],
    ['www.a.test',  'x', [dns => '**.a.test'],   ''],
    ['*.a.test',    'x', [dns => 'w.a.test'],    ''],
);

rows 'part of a label only where the scheme allows wildcards anywhere' => (
    ['www.a.test',  'x', [dns => 'w*.a.test'],   'DHR'],
    ['www.a.test',  'x', [dns => '*w.a.test'],   'DHR'],
    ['www.a.test',  'x', [dns => 'w*w.a.test'],  'DHR'],
    ['www.a.test',  'w*.a.test', undef,          'DHR'],
    ['w.a.test',    'x', [dns => 'w*.a.test'],   ''],       # it stands for one character at least
    ['ww.a.test',   'x', [dns => 'w*w.a.test'],  ''],
    ['www.a.test',  'x', [dns => 'w*w*.a.test'], ''],
    ['www.a.test',  'x', [dns => 'x*.a.test'],   ''],
);

rows 'a wildcard does not cover a public suffix' => (
    ['a.test',      'x', [dns => '*.test'],      ''],
    ['a.com',       'x', [dns => '*.com'],       ''],
    ['a.co.uk',     'x', [dns => '*.co.uk'],     ''],
    ['x.a.com',     'x', [dns => '*.a.com'],     'DHRSLG'],
    ['x.a.co.uk',   'x', [dns => '*.a.co.uk'],   'DHRSLG'],
    ['a.com',       '*.com', undef,              ''],
    ['a.co.uk',     'x', [dns => 'a.co.uk'],     $EVERY],
);

rows 'an address is compared with addresses' => (
    ['1.2.3.4',         'x', [ip => '1.2.3.4'],              $EVERY],
    ['1.2.3.4',         'x', [ip => '1.2.3.5', ip => '1.2.3.4'], $EVERY],
    ['1.2.3.4',         'x', [ip => '4.3.2.1'],              ''],
    ['2001:db8::1',     'x', [ip => '2001:db8::1'],          $EVERY],
    ['2001:DB8:0:0::1', 'x', [ip => '2001:db8::1'],          $EVERY],
    ['::ffff:1.2.3.4',  'x', [ip => '::ffff:1.2.3.4'],       $EVERY],
    ['::ffff:1.2.3.4',  'x', [ip => '1.2.3.4'],              ''],
    ['1.2.3.4',         'x', [ip => '::ffff:1.2.3.4'],       ''],
    ['1.2.3.4',         'x', [dns => '1.2.3.4'],             ''],
    ['1.2.3.4',         'x', [dns => '*.2.3.4'],             ''],
    ['1.2.3.4',         'x', [uri => '1.2.3.4', email => '1.2.3.4'], ''],
    ['::1',             'x', [dns => '::1'],                 ''],
);

rows 'an address as common name counts where the scheme says so' => (
    ['1.2.3.4',         '1.2.3.4', undef,                    'DH'],
    ['1.2.3.4',         '*.2.3.4', undef,                    ''],
    ['2001:db8::1',     '2001:db8::1', undef,                'D'],
    ['2001:DB8::1',     '2001:db8::1', undef,                ''],
);

differs('ident-ip-in-cn', 'an address in the common name counts less than alternative names',
    sub {
        is matching('1.2.3.4', '1.2.3.4', $_), 'D', "SAN @$_: not for http"
            for [dns => 'a.test'], [ip => '1.2.3.5'];
    },
    sub {
        is matching('1.2.3.4', '1.2.3.4', $_), 'DH', "SAN @$_: for http too"
            for [dns => 'a.test'], [ip => '1.2.3.5'];
    });

rows 'names in other scripts are compared as A-labels' => (
    ['bücher.a.test',      'x', [dns => 'xn--bcher-kva.a.test'], $EVERY],
    ['BÜCHER.a.test',      'x', [dns => 'xn--bcher-kva.a.test'], $EVERY],
    ['bücher.a.test',      'xn--bcher-kva.a.test', undef,        $EVERY],
    ['xn--bcher-kva.test', 'x', [dns => 'XN--bcher-KVA.test'],   $EVERY],
    ['bücher.a.test',      'x', [dns => '*.a.test'],             'DHRSLG'],
    ['www.bücher.test',    'x', [dns => '*.xn--bcher-kva.test'], 'DHRSLG'],
    ['bücher.a.test',      'x', [dns => 'bucher.a.test'],        ''],
    ['bücher.a.test',      'x', [dns => 'b*.a.test'],            ''],
    ['bücher.a.test',      'x', [dns => 'x*.a.test'],            ''],
    ['bücher.a.test',      'x', [dns => 'xn--*.a.test'],         ''],
);

differs('ident-wildcard-alabel', 'part of an A-label is never matched, before the star or after',
    sub { is matching('bücher.a.test', $_->[0], $_->[1]), '', 'no scheme'
            for ['x', [dns => '*a.a.test']], ['*kva.a.test', undef] },
    sub { is matching('bücher.a.test', $_->[0], $_->[1]), 'DHR', 'where wildcards are allowed'
            for ['x', [dns => '*a.a.test']], ['*kva.a.test', undef] });

subtest 'each scheme has its names' => sub {
    my %group = (
        D => ['default'],                   H => [qw(http www)],
        R => [qw(rfc2818 rfc3920 xmpp rfc4217 ftp)],
        S => [qw(rfc2595 smtp rfc4642 imap pop3 acap rfc5539 nntp rfc5538 netconf rfc5425 syslog
            rfc5953 snmp)],
        L => [qw(rfc4513 ldap)],            P => [qw(rfc5922 sip)],
        G => [qw(rfc5971 gist)],
    );
    my %probe = (
        'wildcard'            => ['x.a.test',   made_cert(cn => 'x', san => [dns => '*.a.test'])],
        'partial wildcard'    => ['www.a.test', made_cert(cn => 'x', san => [dns => 'w*.a.test'])],
        'wildcard in CN'      => ['x.a.test',   made_cert(cn => '*.a.test')],
        'partial in CN'       => ['www.a.test', made_cert(cn => 'w*.a.test')],
        'CN beside a dNSName' => ['a.test', made_cert(cn => 'a.test', san => [dns => 'b.test'])],
        'IPv4 in CN'          => ['1.2.3.4', made_cert(cn => '1.2.3.4')],
        'IPv6 in CN'          => ['::1', made_cert(cn => '::1')],
    );
    my %expected = (
        'wildcard' => 'DHRSLG', 'partial wildcard' => 'DHR', 'wildcard in CN' => 'DHRSG',
        'partial in CN' => 'DHR', 'CN beside a dNSName' => 'DSLP', 'IPv4 in CN' => 'DH',
        'IPv6 in CN' => 'D',
    );
    for my $letter (sort keys %group) {
        for my $scheme (@{ $group{$letter} }) {
            my @yes = grep { matches(@{ $probe{$_} }, $scheme) } sort keys %probe;
            is "@yes", join(' ', grep { $expected{$_} =~ /$letter/ } sort keys %expected), $scheme;
        }
    }
    is matches('else.test', $probe{wildcard}[1], 'none'), 1, 'none matches everything';
    CERT_free($_->[1]) for values %probe;
};

done_testing;
