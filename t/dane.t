# dane.t - SSL_tlsa: servers verified by TLSA records.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex sha512_hex sha256);
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;

plan skip_all => 'this OpenSSL has no DANE' if !IO::Socket::SSL->can_dane;

my $CERT = PEM_file2cert(cert('server.pem'));
my $CA   = PEM_file2cert(cert('ca.pem'));
my ($cert, $ca) = map { der($_) } $CERT, $CA;
my $leaf = '3 0 1 ' . sha256_hex($cert);

sub der {
    require MIME::Base64;
    return MIME::Base64::decode_base64(PEM_cert2string($_[0]) =~ s/^-.*\n//gmr);
}

# The client of a connection to server.pem, or undef; the CA isn't trusted unless the options say so.
my $why;                # the last one's error
sub visit {
    my %options = (SSL_ca_file => \undef, @_);
    my $result = handshake(over => 'unix', client => \%options);
    $why = $result->{client_error};
    return $result->{client_ok} ? $result->{client} : undef;
}

my %trusting = (SSL_ca_file => cert('ca.pem'));
my %misnamed = (SSL_verifycn_name => 'other.test');

subtest 'usage 3: the certificate itself, by nothing else' => sub {
    ok !visit(), 'without a record: refused';
    my $client = visit(SSL_tlsa => $leaf, %misnamed) or diag $why;
    ok $client, 'with one: whatever chain and name are';
    is $client->ssl_info->{tlsa}, $leaf, 'ssl_info tells which';
    my $server = test_server();
    ok !client($server, SSL_tlsa => '3 0 1 ' . sha256_hex('x')), 'another one: refused, trusted or not';
    like $SSL_ERROR, qr/TLSA records \(SSL_tlsa\) are old, or this is another server/, 'says so';
    my $error = IO::Socket::SSL->ssl_error;
    is_deeply [@$error{qw(code verify_code depth)}], ['verify', 65, 0], 'ssl_error tells where';
    like $error->{remedy}, qr/publish one of its present certificate, as "3 1 1 [0-9a-f]{64}"/,
        'and what to do';
};

subtest 'usage 2: a CA in place of those that are trusted' => sub {
    my ($root, $root_key) = CERT_create(CA => 1, subject => { commonName => 'root' });
    my ($leaf, $key) = CERT_create(subject => { commonName => 'a.test' }, purpose => 'server',
        subjectAltNames => [[DNS => 'a.test']], issuer => [$root, $root_key]);
    my ($late, $late_key) = CERT_create(subject => { commonName => 'a.test' }, purpose => 'server',
        subjectAltNames => [[DNS => 'a.test']], issuer => [$root, $root_key],
        not_before => time - 7200, not_after => time - 3600);
    my $record = '2 0 1 ' . sha256_hex(der($root));
    my $try = sub {
        my ($with, $with_key, $name) = @_;
        my $sent = PEM_string2cert(PEM_cert2string($root));
        return handshake(over => 'unix',
            server => { SSL_cert => [$with, $sent], SSL_key => $with_key },
            client => { SSL_ca_file => \undef, SSL_verifycn_name => $name, SSL_tlsa => $record });
    };
    my $result = $try->($leaf, $key, 'a.test');
    ok $result->{client_ok}, 'accepted' or diag $result->{client_error};
    is $result->{client}->ssl_info->{tlsa}, $record, 'by that record';
    ok !$try->($leaf, $key, 'b.test')->{client_ok}, 'not for another name';
    ok !$try->($late, $late_key, 'a.test')->{client_ok}, 'nor after its time';
    CERT_free($_) for $root, $leaf, $late;
    KEY_free($_) for $root_key, $key, $late_key;
};

subtest 'usages 0 and 1: besides a chain that is trusted' => sub {
    my %record = (0 => '0 0 1 ' . sha256_hex($ca), 1 => '1 0 1 ' . sha256_hex($cert));
    for my $usage (0, 1) {
        ok !visit(SSL_tlsa => $record{$usage}), "$usage: the chain has to be trusted";
        my $client = visit(SSL_tlsa => $record{$usage}, %trusting);
        ok $client, 'trusted' or diag $why;
        is $client->ssl_info->{tlsa}, $record{$usage}, 'by that record';
        ok !visit(SSL_tlsa => $record{$usage}, %trusting, %misnamed), 'not for another name';
        ok !visit(SSL_tlsa => "$usage 0 1 " . sha256_hex('x'), %trusting), 'nor without the record';
    }
};

subtest 'forms of records' => sub {
    my $hex = sha256_hex($cert);
    my $wrapped = "3 0 1 (\n\t" . join("\n\t", uc($hex) =~ /(.{16})/g) . ' )';
    my %forms = (
        'text'              => $leaf,
        'as a zone file'    => $wrapped,
        'parts, hex'        => [3, 0, 1, $hex],
        'parts, bytes'      => [3, 0, 1, sha256($cert)],
        'SHA-512, hex'      => [3, 0, 2, sha512_hex($cert)],
        'SHA-512, bytes'    => [3, 0, 2, pack 'H*', sha512_hex($cert)],
        'whole, bytes'      => [3, 0, 0, $cert],
        'whole, hex'        => [3, 0, 0, unpack 'H*', $cert],
        'list of texts'     => ['3 0 1 ' . '00' x 32, $leaf],
        'list of parts'     => [[3, 0, 1, "\0" x 32], [3, 0, 1, $hex]],
        'both'              => ['3 0 1 ' . '00' x 32, [3, 0, 1, $hex]],
        'four texts'        => [$leaf, map { "3 1 1 $_" } ('00' x 32, '11' x 32, '22' x 32)],
        'with unknown ones' => ['9 1 1 aabb', [3, 0, 77, "\1\2"], $leaf],
    );
    for my $form (sort keys %forms) {
        my $copy = ref $forms{$form} ? [@{ $forms{$form} }] : $forms{$form};
        ok visit(SSL_tlsa => $forms{$form}), $form or diag $why;
        is_deeply $forms{$form}, $copy, 'left as it was';
    }
    ok visit(SSL_tlsa => $_, %trusting), 'none, and the chain decides' for undef, '';
};

subtest 'what is no record' => sub {
    my %errors = (
        '3 1 1'                  => qr/TLSA record "3 1 1": write it as DNS has it/,
        '3 1 1 ab'               => qr/TLSA record 3 1 1: a SHA-256 digest has 32 bytes/,
        "3 1 1 ab\0"             => qr/SSL_tlsa contains a NUL/,
        '3 0 0 aabb'             => qr/TLSA record 3 0 0: its data are no certificate in DER/,
    );
    for my $text (sort keys %errors) {
        ok !visit(SSL_tlsa => [$text]), 'refused';
        like $why, $errors{$text}, 'says why';
    }
    my @dies = (
        [[3, 0, 'x', 'aa'], qr/SSL_tlsa: a number from 0 to 255 expected, not "x" at \Q$0\E line/],
        [[[3, 0, 256, 'aa']], qr/SSL_tlsa: a number from 0 to 255 expected, not "256"/],
        [[[3, 0, 1, undef]], qr/SSL_tlsa: the data of a record, .* expected, not undef/],
        [[[3, 0, 1, "\x{263a}"]], qr/SSL_tlsa: the data of a record, as bytes or in hex/],
        [[[3, 0, 1]], qr/SSL_tlsa: a record, as '3 1 1 HEX' or \[usage, .*\], expected/],
        [{}, qr/SSL_tlsa: a record, as '3 1 1 HEX'/],
        [[undef], qr/SSL_tlsa: a record, .* expected, not undef/],
    );
    for my $case (@dies) {
        ok !eval { IO::Socket::SSL::SSL_Context->new(SSL_tlsa => $case->[0]); 1 }, 'dies';
        like $@, $case->[1], 'says why';
    }
    is(IO::Socket::SSL::SSL_Context->new(SSL_tlsa => []), undef, 'an empty list is refused');
    like $SSL_ERROR, qr/SSL_tlsa: there are no TLSA records in it; leave it out/, 'says what to do';
    is(IO::Socket::SSL::SSL_Context->new(SSL_tlsa => ['4 1 1 00']), undef, 'so are unknown ones alone');
    like $SSL_ERROR, qr/SSL_tlsa: of 1 TLSA records none can be used/, 'says so';
    ok visit(SSL_tlsa => $leaf), 'the next connection works';
};

subtest 'beside fingerprints and without verification' => sub {
    my %wrong = (SSL_tlsa => '3 0 1 ' . '00' x 32);
    my $print = 'sha256$' . sha256_hex($cert);
    ok visit(%wrong, SSL_fingerprint => $print), 'a fingerprint that fits is enough';
    ok visit(%wrong, SSL_verify_mode => SSL_VERIFY_NONE), 'without verification nothing is verified';
    my $other = 'sha256$' . '00' x 32;
    ok visit(SSL_tlsa => $leaf, SSL_fingerprint => $other), 'one that doesn\'t fit leaves it to others';
    ok !visit(SSL_tlsa => $leaf, SSL_fingerprint => $other, SSL_force_fingerprint => 1),
        'unless it is required';
};

subtest 'a verify callback hears of it, and may overrule' => sub {
    for my $answer (0, 1) {
        my @heard;
        my $ok = visit(%trusting, SSL_tlsa => '3 0 1 ' . '00' x 32,
            SSL_verify_callback => sub { push @heard, $_[0]; return $_[0] || $answer });
        ok grep({ !$_ } @heard), 'it hears of the failure';
        is !!$ok, !!$answer, $answer ? 'it lets pass' : 'it does not';
    }
};

subtest 'sessions are resumed under the same records only' => sub {
    my $cache  = IO::Socket::SSL::Session_Cache->new(10);
    my $server = IO::Socket::SSL::SSL_Context->new(server_args());
    my $try = sub {
        my @pair = pair(over => 'unix', server => { SSL_reuse_ctx => $server }, client => {
            SSL_session_cache => $cache, SSL_session_key => 'x', SSL_tlsa => shift });
        settle(@pair);
        return ($pair[0]->get_session_reused, $pair[0]->ssl_info->{tlsa});
    };
    is_deeply [$try->($leaf)], [0, $leaf], 'a new one';
    is_deeply [$try->($leaf)], [1, undef], 'resumed under the same record';
    is_deeply [$try->([3, 0, 0, $cert])], [0, '3 0 0 ' . unpack 'H*', $cert], 'not under another';
    is_deeply [$try->(undef)], [0, undef], 'nor without';
};

CERT_free($_) for $CERT, $CA;
done_testing;
