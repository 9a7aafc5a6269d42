# Suites.pm - the cases of public certificate suites, in one form for the programs beside it.
#
# A case: id, suite, expected (1 accept, 0 reject), soft (1: the suite counts a failure as a warning
# only), role of whose chain it is ("server", "client"), name, time, depth (undef: none), and root,
# leaf, chain, crl: lists of base64 DER; key: PEM of the leaf's key, where the suite gives it.
package Suites;

use strict;
use warnings;
use IO::Uncompress::Gunzip '$GunzipError';
use JSON::PP;
use Time::Local 'timegm';

my %READER = (limbo => \&read_limbo, nameconstraints => \&read_bettertls,
    pathbuilding => \&read_bettertls);

sub names { return qw(limbo nameconstraints pathbuilding) }

# The cases of a suite, from the folder of vectors.
sub cases {
    my ($folder, $suite) = @_;
    my $read = $READER{$suite} or die "unknown suite $suite\n";
    return $read->($folder, $suite);
}

sub pem_to_base64 {
    return map { my $b = $_; $b =~ s/-----[^\n]*-----//g; $b =~ s/\s//g; $b } @_;
}

sub base64_to_pem {
    my ($kind, @base64) = @_;
    return join '', map { "-----BEGIN $kind-----\n" . s/(.{1,64})/$1\n/gr . "-----END $kind-----\n" }
        @base64;
}

sub read_json { my $f = shift; open my $h, '<', $f or die "$f: $!\n"; local $/; decode_json(<$h>) }

sub read_limbo {
    my $folder = shift;
    my @cases;
    for my $t (@{ read_json("$folder/x509-limbo/limbo.json")->{testcases} }) {
        my %c = (id => $t->{id}, expected => $t->{expected_result} eq 'SUCCESS' ? 1 : 0,
            suite => 'limbo', soft => 0, role => lc $t->{validation_kind});
        $c{name} = $t->{expected_peer_name}{value}
            if $t->{expected_peer_name} && $t->{expected_peer_name}{kind} ne 'RFC822';
        if (($t->{validation_time} // '') =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/) {
            $c{time} = timegm($6, $5, $4, $3, $2 - 1, $1) || 1;
        }
        $c{depth} = $t->{max_chain_depth} if defined $t->{max_chain_depth};
        $c{root}  = [pem_to_base64(@{ $t->{trusted_certs} })];
        $c{chain} = [pem_to_base64(@{ $t->{untrusted_intermediates} })];
        $c{leaf}  = [pem_to_base64($t->{peer_certificate})];
        $c{crl}   = [pem_to_base64(@{ $t->{crls} || [] })];
        $c{key}   = $t->{peer_certificate_key};
        push @cases, \%c;
    }
    return @cases;
}

sub read_bettertls {
    my ($folder, $suite) = @_;
    my $file = "$folder/bettertls/$suite.jsonl.gz";
    my $z    = IO::Uncompress::Gunzip->new($file) or die "$file: $GunzipError\n";
    open my $r, '<', "$folder/bettertls/root.pem" or die "root.pem: $!\n";
    my ($root) = pem_to_base64(do { local $/; <$r> });
    my @cases;
    while (defined(my $line = <$z>)) {
        my $t = decode_json($line);
        my ($leaf, @chain) = @{ $t->{certs} };
        push @cases, { id => "$suite/$t->{id}", expected => $t->{expected} eq 'ACCEPT' ? 1 : 0,
            suite => $suite, soft => $t->{soft}, role => 'server', name => $t->{host},
            leaf  => [$leaf], chain => \@chain, root => [$root], crl => [],
            time  => timegm(0, 0, 12, 24, 10, 2026),
            key   => base64_to_pem('PRIVATE KEY', $t->{key}) };
    }
    return @cases;
}

1;
