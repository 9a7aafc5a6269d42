# ocsp_modes.t - every combination of the flags of SSL_ocsp_mode, with every kind of staple.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use OCSPTest;
use TLSTest '300';

my $pki = OCSPTest->new or plan skip_all => 'no openssl program here';

# What is served by the kind of the staple: certificate and arguments of the server.
my %served = (none => ['server'], chain => ['chain']);

sub stapling {
    my ($name, $cert, $der) = @_;
    if (defined $der) {
        open my $fh, '>:raw', $pki->file("$name.der") or die $!;
        print $fh $der;
        close $fh;
    }
    return $served{$name} = [$cert, '-status_file', $pki->file("$name.der")];
}

# The port of such a server. It says a lot, which nobody reads: now and then another takes its place.
my (%server, %connections);

sub port_of {
    my $name = shift;
    $server{$name} = [$pki->start_server(@{ $served{$name} })] if $connections{$name}++ % 12 == 0;
    return $server{$name}[1];
}

sub element { return chr($_[0]) . (length $_[1] < 128 ? '' : "\x81") . chr(length $_[1]) . $_[1] }

for my $row (
    ['good',             'server'],
    ['revoked',          'revoked'],
    ['unknown',          'unknown'],
    ['expired',          'server', retime => [-3 * 86400, -86400]],
    ['wrong signer',     'server', signer => 'other-ca'],
    ['another\'s',       'no-uri'],
) {
    my ($name, $cert, @how) = @$row;
    $pki->response($cert, @how, file => $pki->file("$name.der"));
    stapling($name, $cert eq 'no-uri' ? 'server' : $cert);
}
stapling('try later', 'server', "\x30\x03\x0a\x01\x03");
# A response as far as it goes, whose content is none.
stapling('garbage', 'server', element(0x30, "\x0a\x01\x00" . element(0xa0, element(0x30,
    "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01" . element(0x04, 'garbage')))));

# --- what a mode means ----------------------------------------------------------------------------

my ($NO, $MUST, $HARD, $FULL, $TRY) = (SSL_OCSP_NO_STAPLE, SSL_OCSP_MUST_STAPLE, SSL_OCSP_FAIL_HARD,
    SSL_OCSP_FULL_CHAIN, SSL_OCSP_TRY_STAPLE);

sub with_any_of {
    my ($mode, @flags) = @_;
    my @modes = $mode;
    for my $flag (@flags) { push @modes, map { $_ | $flag } @modes }
    return @modes;
}

my %MODES = (
    'no staple is asked for'  => [0, with_any_of($NO, $TRY, $HARD, $FULL)],
    'a staple is asked for'   => [undef, with_any_of($TRY, $HARD, $FULL)],
    'a staple is required'    => [with_any_of($MUST, $TRY, $HARD, $FULL)],
    'one is required that may not be asked for' => [with_any_of($NO | $MUST, $TRY, $HARD, $FULL)],
);
my @ALONE = grep { $_ } with_any_of(0, $HARD, $FULL);      # see differences.md

sub name_of {
    my $mode = shift;
    return 'the default' if !defined $mode;
    my @names = qw(NO_STAPLE MUST_STAPLE FAIL_HARD FULL_CHAIN TRY_STAPLE);
    return "$mode: " . (join('|', map { $mode >> $_ & 1 ? $names[$_] : () } 0 .. 4) || 'no flag');
}

subtest 'no combination is forgotten' => sub {
    my @all = sort { $a <=> $b } @ALONE, map { grep { defined } @$_ } values %MODES;
    is_deeply \@all, [0 .. 31], 'each of 32 is in one row';
};

# --- what comes of it -----------------------------------------------------------------------------

my $REVOKED  = qr/^certificate status is revoked/;
my $UNKNOWN  = qr/^certificate status is unknown/;
my $REQUIRED = qr/^did not receive the required stapled OCSP response/;

# The connection, or nothing; checks the outcome. The server serves one after the other.
my $sock;

sub connects {
    my ($server, $mode, $expected, @args) = @_;
    undef $sock;
    $sock = $pki->client(port_of($server), SSL_ocsp_mode => $mode, @args);
    return ok($sock, name_of($mode) . ': connected') || diag $SSL_ERROR if !$expected;
    ok !$sock, name_of($mode) . ': refused';
    return like $SSL_ERROR, $expected, 'for that reason';
}

# By kind of staple: what is told where one is asked for, and where one is required; '': nothing.
my %OUTCOMES = (
    'good'         => ['',       ''],
    'revoked'      => [$REVOKED, $REVOKED],
    'unknown'      => [$UNKNOWN, $UNKNOWN],
    'none'         => ['',       $REQUIRED],
    'try later'    => ['',       $REQUIRED],
    'garbage'      => ['',       $REQUIRED],
    'wrong signer' => ['',       $REQUIRED],
    'another\'s'   => ['',       $REQUIRED],
    'expired'      => ['',       undef],                    # see differences.md
);

for my $staple (sort keys %OUTCOMES) {
    my ($asked, $required) = @{ $OUTCOMES{$staple} };
    my %expected = ('no staple is asked for' => '', 'a staple is asked for' => $asked,
        'a staple is required' => $required,
        'one is required that may not be asked for' => $REQUIRED);
    for my $kind (sort keys %MODES) {
        next if !defined $expected{$kind};
        subtest "staple: $staple; $kind" => sub {
            connects($staple, $_, $expected{$kind}) for @{ $MODES{$kind} };
        };
    }
}

differs('ocsp-staple-out-of-date', 'staple: expired; a staple is required', sub {
    connects('expired', $_, $REQUIRED) for @{ $MODES{'a staple is required'} };
}, sub {
    connects('expired', $_, '') for @{ $MODES{'a staple is required'} };
});

differs('ocsp-staple-with-other-flags', 'flags that say nothing of staples leave the default', sub {
    for my $mode (@ALONE) {
        connects($_, $mode, $OUTCOMES{$_}[0]) for sort keys %OUTCOMES;
    }
}, sub {
    for my $mode (@ALONE) { connects($_, $mode, '') for sort keys %OUTCOMES }
});

# --- what the resolver does then ------------------------------------------------------------------

subtest 'a staple that says nothing leaves the question to the resolver, hard or soft' => sub {
    for my $staple ('none', 'try later', 'garbage', 'wrong signer', 'another\'s') {
        for my $mode (with_any_of($TRY, $HARD, $FULL)) {
            connects($staple, $mode, '');
            my $ocsp = $sock->ocsp_resolver;
            is $ocsp->hard_error, undef, "$staple: no error";
            my %requests = $ocsp->requests;
            is_deeply [keys %requests], [$pki->uri('ca')], 'the responder is to be asked';
        }
    }
};

subtest 'FULL_CHAIN has the whole chain asked about, whatever goes with it' => sub {
    for my $mode (grep { $_ < 2 || $_ & $NO || $_ & $TRY } grep { !($_ & $MUST) } 0 .. 31) {
        connects('chain', $mode, '');
        my %requests = $sock->ocsp_resolver->requests;
        is_deeply [sort keys %requests],
            [map { $pki->uri($_) } $mode & $FULL ? qw(ca inter) : 'inter'], 'the responders';
    }
};

# --- who asks for none ----------------------------------------------------------------------------

subtest 'who verifies nothing asks for a staple only where the mode says so' => sub {
    my @args = (SSL_verify_mode => SSL_VERIFY_NONE);
    connects('revoked', $_, '', @args) for undef, 0, $NO, $NO | $TRY;
    connects('revoked', $_, $REVOKED, @args) for $TRY, $MUST;
    connects('good', $_, '', @args) for $TRY, $MUST;
    connects('none', $MUST, $REQUIRED, @args);
};

my $other = 'sha256$' . '00' x 32;

sub fingerprint_of {
    my $name = shift;
    connects($name, $NO, '');
    return $sock->get_fingerprint;
}

subtest 'a certificate whose fingerprint fits is believed whatever is stapled' => sub {
    my $print = fingerprint_of('revoked');
    connects('revoked', $_, '', SSL_fingerprint => $print) for undef, 0, $NO, $TRY, $TRY | $HARD;
    connects('none', $MUST, $REQUIRED, SSL_fingerprint => fingerprint_of('none'));
};

differs('ocsp-staple-with-fingerprint', 'with fingerprints a staple is asked for if the mode says so', sub {
    connects('revoked', undef, '', SSL_fingerprint => $other);
    connects('revoked', $_, $REVOKED, SSL_fingerprint => $other) for $TRY, $MUST, $HARD;
    connects('good', $_, '', SSL_fingerprint => $other) for $TRY, $MUST;
    connects('good', $MUST, '', SSL_fingerprint => fingerprint_of('good'));
}, sub {
    connects('revoked', $_, '', SSL_fingerprint => $other) for undef, $TRY, $HARD;
    connects('good', $MUST, $REQUIRED, SSL_fingerprint => $other);
});

# --- the callback ---------------------------------------------------------------------------------

subtest 'what SSL_ocsp_staple_callback returns means nothing' => sub {
    for my $staple ('none', 'revoked', 'good') {
        for my $answer (sub { 1 }, sub { 0 }, sub { undef }, sub { () }, sub { 'x' }, sub { -1 }, sub { [] }) {
            my $has;
            connects($staple, $TRY, '', SSL_ocsp_staple_callback => sub { $has = $_[1] ? 1 : 0; $answer->() });
            is $has, $staple eq 'none' ? 0 : 1, 'it was called';
        }
    }
};

done_testing;
