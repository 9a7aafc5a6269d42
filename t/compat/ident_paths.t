# Which of several ways to a trust anchor counts, and what a CA with constraints may vouch for.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use Test::More;
use TLSTest;

sub authority {
    my ($name, %more) = @_;
    return CERT_create(CA => 1, subject => { commonName => $name }, key => KEY_create_ec(), %more);
}

# Arguments of a server with this certificate (handles are given away, so copies).
sub showing {
    my ($key, @chain) = @_;
    return { SSL_cert => [map { PEM_string2cert(PEM_cert2string($_)) } @chain], SSL_key => $key };
}

sub trusting {
    my ($ca, %more) = @_;
    return { raw => 1, SSL_ca => [$ca], SSL_verifycn_name => 'server.test', %more };
}

my ($good, $good_key)   = authority('good root');
my ($other, $other_key) = authority('other root');
my $inter_key = KEY_create_ec();
my ($by_good)  = authority('inter', key => $inter_key, issuer => [$good, $good_key]);
my ($by_other) = authority('inter', key => $inter_key, issuer => [$other, $other_key]);
my ($leaf, $leaf_key) = CERT_create(subject => { commonName => 'server.test' }, key => KEY_create_ec(),
    subjectAltNames => [[DNS => 'server.test']], issuer => [$by_good, $inter_key]);

sub verdict {
    my ($server, %client) = @_;
    my $result = handshake(over => 'unix', client => trusting($good, %client), server => $server);
    return $result->{client_ok} ? 'accepted' : $result->{client_error};
}

subtest 'a way that leads to a trust anchor' => sub {
    is verdict(showing($leaf_key, $leaf, $by_good)), 'accepted', 'is taken';
    is verdict(showing($leaf_key, $leaf, $by_good, $by_other)), 'accepted', 'where it comes first';
    like verdict(showing($leaf_key, $leaf, $by_other)), qr/certificate verify failed/,
        'without one there is none';
};

differs('ident-path-search', 'a way that leads to a trust anchor, behind one that leads nowhere', sub {
    is verdict(showing($leaf_key, $leaf, $by_other, $by_good)), 'accepted', 'ours: is found';
}, sub {
    like verdict(showing($leaf_key, $leaf, $by_other, $by_good)), qr/certificate verify failed/,
        'incumbent: is not looked for';
});

# A CA that may vouch for one domain only.
my ($bound, $bound_key) = authority('bound root', ext => [
    { sn => 'nameConstraints', data => 'permitted;DNS:allowed.test', critical => 1 }]);
my ($both, $both_key) = CERT_create(subject => { commonName => 'evil.test' }, key => KEY_create_ec(),
    subjectAltNames => [[DNS => 'www.allowed.test']], issuer => [$bound, $bound_key]);
my ($wrong, $wrong_key) = CERT_create(subject => { commonName => 'x' }, key => KEY_create_ec(),
    subjectAltNames => [[DNS => 'www.evil.test']], issuer => [$bound, $bound_key]);

sub bound_verdict {
    my ($name, @server) = @_;
    return verdict(showing(@server), SSL_ca => [$bound], SSL_verifycn_name => $name,
        SSL_verifycn_scheme => 'default');
}

subtest 'name constraints hold for alternative names' => sub {
    is bound_verdict('www.allowed.test', $both_key, $both), 'accepted', 'one that is permitted';
    like bound_verdict('www.evil.test', $wrong_key, $wrong), qr/certificate verify failed/,
        'one that is not';
};

differs('ident-name-constraints', 'a commonName that the CA may not vouch for, beside a good name', sub {
    like bound_verdict('evil.test', $both_key, $both),
        qr/^hostname verification failed: .*name constraints of its CA don't permit it/, 'ours: refused';
}, sub {
    is bound_verdict('evil.test', $both_key, $both), 'accepted', 'incumbent: accepted';
});

done_testing;
