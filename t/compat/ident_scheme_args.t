# SSL_verifycn_scheme and SSL_verifycn_publicsuffix in connections: names, hashes, code.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::PublicSuffix;
use IdentTest;
use Test::More;
use Tie::Hash;
use TLSTest;

without_environment();

my $MISMATCH = qr/hostname verification failed/;

# One certificate, a name, and a scheme: does it connect?
sub scheme_lets {
    my ($expected, $cert, $name, $scheme, $shown) = @_;
    my %how = (client => { SSL_verifycn_name => $name, SSL_verifycn_scheme => $scheme },
        server => { files($cert) });
    $shown = "$cert for $name by " . ($shown || $scheme);
    return connects($shown, %how) if $expected eq 'yes';
    return refused($shown, client => $MISMATCH, %how);
}

# cert, name, schemes that let it pass, schemes that don't
my @PREDEFINED = (
    ['cn-only',    'cn-only.test',   [qw(smtp http)], []],
    ['cn-and-san', 'cn.test',        ['smtp'],        ['http']],
    ['cn-and-san', 'san.test',       ['http'],        []],
    ['wild-part',  'www.part.test',  ['ftp'],         ['ldap']],
    ['wild-cn',    'x.wild-cn.test', ['imap'],        ['ldap']],
    ['server',     'x.wild.test',    ['gist'],        ['sip']],
    ['ip-in-cn',   '127.0.0.1',      ['www'],         ['rfc2818']],
    ['ip-only',    '::1',            ['sip'],         []],
    ['idn',        "b\xfccher.test", ['http'],        []],
    ['other-name', 'server.test',    ['none'],        ['http']],
);

subtest 'a predefined scheme decides' => sub {
    for (@PREDEFINED) {
        my ($cert, $name, $yes, $no) = @$_;
        scheme_lets(yes => $cert, $name, $_) for @$yes;
        scheme_lets(no  => $cert, $name, $_) for @$no;
    }
};

subtest 'undef, "" and 0 are the default scheme' => sub {
    for my $scheme (undef, '', 0) {
        my $shown = defined $scheme ? qq("$scheme") : 'undef';
        scheme_lets(yes => 'cn-and-san', 'cn.test', $scheme, $shown);
        scheme_lets(no => 'cn-and-san', 'else.test', $scheme, $shown);
    }
};

subtest 'a scheme that is unknown is an error, and named' => sub {
    refused($_, client => qr/scheme \Q$_\E not defined/,
        client => { SSL_verifycn_scheme => $_ }) for qw(https imaps ldaps HTTP rfc9999);
};

# cert, name, keys that let it pass, keys that don't
my @OWN = (
    ['server',     'server.test', [['wildcards_in_alt=0'], ['wildcards_in_alt=full_label']], []],
    ['server',     'x.wild.test', [['wildcards_in_alt=full_label'], ['wildcards_in_alt=leftmost'],
        ['wildcards_in_alt=anywhere']], [['wildcards_in_alt=0'], ['check_cn=always']]],
    ['wild-part',  'www.part.test', [['wildcards_in_alt=anywhere']],
        [['wildcards_in_alt=full_label'], ['wildcards_in_alt=leftmost']]],
    ['cn-only',    'cn-only.test', [['check_cn=when_only'], ['check_cn=always']],
        [['check_cn=0'], ['wildcards_in_alt=anywhere']]],
    ['cn-and-san', 'cn.test',     [['check_cn=always']], [['check_cn=when_only']]],
    ['wild-cn',    'x.wild-cn.test', [['check_cn=always', 'wildcards_in_cn=full_label'],
        ['check_cn=always', 'wildcards_in_cn=anywhere']],
        [['check_cn=always'], ['check_cn=always', 'wildcards_in_alt=anywhere']]],
    ['ip-in-cn',   '127.0.0.1',   [['check_cn=always', 'ip_in_cn=1'],
        ['check_cn=always', 'ip_in_cn=4']], [['check_cn=always'], ['check_cn=always', 'ip_in_cn=6'],
        ['ip_in_cn=1']]],
);

subtest 'a hash says what is allowed' => sub {
    for (@OWN) {
        my ($cert, $name, $yes, $no) = @$_;
        for (['yes', @$yes], ['no', @$no]) {
            my ($expected, @schemes) = @$_;
            # The incumbent wants both keys to be there.
            my %base = (check_cn => 0, wildcards_in_alt => 0);
            scheme_lets($expected, $cert, $name, { %base, map { split /=/ } @$_ }, "{@$_}")
                for @schemes;
        }
    }
    scheme_lets(yes => 'other-name', 'server.test', {}, 'an empty hash, which is like none');
};

subtest 'so does a tied hash, of which only tie knows that it isn\'t empty' => sub {
    my $tied = sub { tie my %hash, 'Tie::StdHash'; %hash = @_; return \%hash };
    for (@OWN) {
        my ($cert, $name, $yes, $no) = @$_;
        scheme_lets($_->[0], $cert, $name, $tied->(check_cn => 0, wildcards_in_alt => 0,
            map { split /=/ } @{ $_->[1][0] }), "tied {@{ $_->[1][0] }}") for grep { @{ $_->[1] } } ['yes', $yes], ['no', $no];
    }
    refused('another name', client => $MISMATCH, client => { SSL_verifycn_name => 'else.test',
        SSL_verifycn_scheme => $tied->(check_cn => 0, wildcards_in_alt => 0) });
    my $asked;
    connects('a callback in it', client => { SSL_verifycn_scheme => $tied->(check_cn => 0,
        callback => sub { $asked = $_[0]; return 1 }) });
    is $asked, 'server.test', 'is asked';
};

subtest 'a callback decides alone' => sub {
    my @calls;
    my $scheme = sub { my $answer = shift; { check_cn => 0,
            callback => sub { push @calls, [@_]; return $answer } } };
    my $yes = connects('yes', client => { SSL_verifycn_name => 'Whatever.test.',
            SSL_verifycn_scheme => $scheme->(1) });
    my @names = $yes->{client}->peer_certificate('subjectAltNames');
    is_deeply \@calls, [['Whatever.test', 'server.test', @names]],
        'it gets the name without trailing dots, the common name and the alternative names';
    is scalar @{ $calls[0] }, 2 + 2 * 6, 'which are all there';

    refused("it says " . (defined $_ ? "'$_'" : 'undef'), client => $MISMATCH,
        client => { SSL_verifycn_scheme => $scheme->($_) }) for 0, '', undef;
    @calls = ();
    connects('it is asked without a name too', client => { SSL_verifycn_name => undef,
            SSL_verifycn_scheme => $scheme->(1) });
    is $calls[0][0], 'unknown', 'which is called unknown then';

    refused('what it dies with reaches the caller', client => qr/^not today$/,
        client => { SSL_verifycn_scheme => { callback => sub { die "not today\n" } } });
    connects('and nobody else');
    refused('the chain is verified all the same', client => qr/certificate verify failed/,
        client => { SSL_ca_file => cert('other-ca.pem'), SSL_verifycn_scheme => $scheme->(1) });
};

subtest 'a wildcard that covers a public suffix is refused' => sub {
    my $list = sub { IO::Socket::SSL::PublicSuffix->from_string(@_) };
    my %tld = (server => { files('wild-tld') });        # *.test
    my %client = (SSL_verifycn_name => 'any.test');
    refused('by the built-in list', client => $MISMATCH, client => {%client}, %tld);
    refused('by undef, which is the built-in list', client => $MISMATCH,
        client => { %client, SSL_verifycn_publicsuffix => undef }, %tld);
    connects('not with ""', client => { %client, SSL_verifycn_publicsuffix => '' }, %tld);
    connects('not with a list that does not have it', client => { %client,
            SSL_verifycn_publicsuffix => $list->("foo\n", min_suffix => 0) }, %tld);

    %client = (SSL_verifycn_name => 'x.wild.test');     # server.pem has *.wild.test
    connects('what is below one may have wildcards', client => {%client});
    refused('an own list can be stricter', client => $MISMATCH,
        client => { %client, SSL_verifycn_publicsuffix => $list->("wild.test\n") });
    connects('names without a wildcard are not its business', client => {
            SSL_verifycn_name => 'server.test',
            SSL_verifycn_publicsuffix => $list->("server.test\n") });
};

subtest 'the rules belong to the connection, also where the context is shared' => sub {
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_ca_file => cert('ca.pem'),
        SSL_verifycn_scheme => 'http');
    my $with = sub { (client => { raw => 1, SSL_reuse_ctx => $context, @_ }) };
    connects('a right name', $with->(SSL_verifycn_name => 'server.test'));
    refused('a wrong one', client => $MISMATCH, $with->(SSL_verifycn_name => 'other.test'));
    connects('and a right one again', $with->(SSL_verifycn_name => 'www.server.test'));
    refused('the scheme of the context counts', client => $MISMATCH,
        $with->(SSL_verifycn_name => 'cn.test'), server => { files('cn-and-san') });
};

done_testing;
