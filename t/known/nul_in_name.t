# A NUL byte in a name: what follows it must not be overlooked (the Null Prefix attack, CVE-2009-2408).
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
my %wrong = (
    'in an alternative name' => [subjectAltNames => [[DNS => "server.test\0.evil.test"]]],
    'at the end of an alternative name' => [subjectAltNames => [[DNS => "server.test\0"]]],
    'in a common name, without alternative names' =>
        [subject => { commonName => "server.test\0.evil.test" }, subjectAltNames => []],
    'in a wildcard' => [subjectAltNames => [[DNS => "*.test\0.evil.test"]]],
);
for my $where (sort keys %wrong) {
    my $leaf = issue($root, @{ $wrong{$where} });
    for my $scheme (undef, 'http', 'smtp', 'ldap') {
        refused("$where, scheme " . ($scheme // 'default'), client => $MISMATCH,
            client => { trusting($root), defined $scheme ? (SSL_verifycn_scheme => $scheme) : () },
            server => { served($leaf) });
    }
}

subtest 'in the name to verify' => sub {
    my $leaf = issue($root);
    for my $name ("server.test\0", "server.test\0.evil.test", "\0server.test", "\0") {
        (my $shown = $name) =~ s/\0/\\0/;
        refused($shown, client => qr/NUL|SSL_verifycn_name|$MISMATCH/,
            client => { trusting($root), SSL_verifycn_name => $name }, server => { served($leaf) });
    }
};

subtest 'what the program sees of it is whole' => sub {
    my $leaf = issue($root, subject => { commonName => "server.test\0.evil.test" },
        subjectAltNames => [[DNS => "server.test\0.evil.test"]]);
    my $result = connects('unverified', client => { raw => 1, SSL_verify_mode => 0 },
        server => { served($leaf) });
    is $result->{client}->peer_certificate('cn'), "server.test\0.evil.test", 'common name';
    my %names = reverse $result->{client}->peer_certificate('subjectAltNames');
    is_deeply [keys %names], ["server.test\0.evil.test"], 'alternative name';
};

connects('the same without it', client => { trusting($root) }, server => { served(issue($root)) });

done_testing;
