# IO::Socket::SSL::Intercept: a man in the middle, and what it keeps.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Intercept;
use IO::Socket::SSL::Utils;
use Storable ();
use Test::More;
use TLSTest;

# Where a certificate comes from a file, the object frees it, in both implementations.
my $dir = tempdir_of();
my ($ca, $ca_key) = CERT_create(CA => 1, key => KEY_create_ec(),
    subject => { commonName => 'Man in the middle' });
my %proxy = (proxy_cert_file => "$dir/ca.pem", proxy_key_file => "$dir/ca.key");
PEM_cert2file($ca, $proxy{proxy_cert_file});
PEM_key2file($ca_key, $proxy{proxy_key_file});
my $own_key = "$dir/clone.key";
PEM_key2file(KEY_create_ec(), $own_key);

my ($original) = CERT_create(
    subject => { commonName => 'www.made.test', organizationName => ['One', 'Two'] },
    subjectAltNames => [[DNS => 'www.made.test'], [IP => '127.0.0.1'], [IP => '2001:db8::1']],
    not_before => 1_600_000_000, not_after => 4_000_000_000, serial => 4711,
    issuer => [$ca, $ca_key], purpose => 'server', key => KEY_create_ec(),
    ext => [
        { sn => 'authorityInfoAccess', data => 'OCSP;URI:http://ocsp.test/' },
        { sn => 'crlDistributionPoints', data => 'URI:http://crl.test/' },
        { sn => 'certificatePolicies', data => '1.2.3.4' },
        { sn => 'nsComment', data => 'a comment' },
    ]);

sub interceptor { return IO::Socket::SSL::Intercept->new(%proxy, cert_key_file => $own_key, @_) }

subtest 'a client that trusts the proxy talks through it, and only such a client' => sub {
    my $origin = test_server(args => { SSL_cert_file => cert('server-chain.pem'),
        SSL_key_file => cert('server-chain.key') });
    my $proxy = test_server(plain => 1, handler => sub { between($_[0], $origin) });

    my $client = client($proxy, SSL_ca_file => $proxy{proxy_cert_file});
    ok $client, 'a client that trusts its CA is verified' or diag $SSL_ERROR;
    is $client->peer_certificate('commonName'), 'server.test', 'for the name of the origin';
    like $client->peer_certificate('issuer'), qr/Man in the middle/, 'signed by the proxy';
    print $client "hello through\n";
    is $client->getline, "hello through\n", 'the answer is the one of the origin';
    close $client;
    is $proxy->outcome, 'read: hello through', 'which the proxy could read';
    is $origin->outcome, 'echoed 1 lines', 'and the origin got';

    is client($proxy), undef, 'a client that trusts the CA of the origin is refused';
    like $SSL_ERROR, qr/certificate verify failed/, 'since the clone is no certificate of that CA';
};

subtest 'a clone says what the original says, under another key and issuer' => sub {
    my $intercept = interceptor();
    my ($cert, $key) = $intercept->clone_cert($original);
    my ($was, $is) = (CERT_asHash($original), CERT_asHash($cert));
    is_deeply $is->{$_}, $was->{$_}, $_
        for qw(subject subjectAltNames not_before not_after version keyusage);
    is_deeply $is->{issuer}, { commonName => 'Man in the middle' }, 'the issuer is the proxy';
    is PEM_key2string($key), slurp($own_key), 'the key is the one for all clones';
    is $is->{signature_alg}, 'ecdsa-with-SHA256', 'signed by the key of the proxy';
    my %ext = map { $_->{sn} => $_->{data} } @{ $is->{ext} };
    is $ext{nsComment}, 'a comment', 'other extensions are there';
    is_deeply [grep { exists $ext{$_} }
        qw(authorityInfoAccess crlDistributionPoints certificatePolicies)], [],
        'but none that speaks for the original issuer';
    isnt $ext{subjectKeyIdentifier}, (grep { $_->{sn} eq 'subjectKeyIdentifier' } @{ $was->{ext} })[0]{data},
        'the key identifier is that of the new key';
};

differs('intercept-purposes', 'a clone is for what the original is for', sub {
    is_deeply CERT_asHash((interceptor()->clone_cert($original))[0])->{extkeyusage}{sn},
        ['serverAuth'], 'for servers only';
}, sub {
    is_deeply CERT_asHash((interceptor()->clone_cert($original))[0])->{extkeyusage}{sn},
        ['clientAuth', 'serverAuth'], 'the incumbent: for clients, too';
});

subtest 'without a key for all, each clone gets its own' => sub {
    my $intercept = IO::Socket::SSL::Intercept->new(%proxy);
    my @keys = map { PEM_key2string(($intercept->clone_cert($original, $_))[1]) } 'one', 'two';
    isnt $keys[0], $keys[1], 'two clones, two keys';
};

subtest 'clones are cached by the original, or by what the caller says' => sub {
    my $intercept = interceptor();
    my @first = $intercept->clone_cert($original);
    is_deeply [$intercept->clone_cert($original)], \@first, 'the same original, the same clone';
    my $ident = substr unpack('H*', CERT_asHash($original)->{x509_digest_sha256}), 0, 32;
    is_deeply [keys %{ $intercept->{cache} }], [$ident], 'kept by the start of its digest';
    my $entry = $intercept->{cache}{$ident};
    is_deeply [@$entry{qw(cert key)}], \@first, 'the entry has both';
    cmp_ok abs($entry->{atime} - time), '<', 30, 'and the time it was used';

    my @named = $intercept->clone_cert($original, 'www');
    isnt $named[0], $first[0], 'under a name, another one';
    my ($other) = CERT_create(subject => { commonName => 'other' }, key => KEY_create_ec());
    is_deeply [$intercept->clone_cert($other, 'www')], \@named, 'which is found by the name alone';
};

subtest 'serial numbers come from the digest, a counter, or the program' => sub {
    my $digest = CERT_asHash($original)->{x509_digest_sha256};
    is serial_of(interceptor()), unpack('L', $digest), 'the digest of the original';
    my $counting = interceptor(serial => 41);
    is serial_of($counting, 'a'), 42, 'a number is the last one given';
    is serial_of($counting, 'b'), 43, 'and counted up';
    my @got;
    my $by_code = interceptor(serial => sub { @got = @_; return 77 });
    is serial_of($by_code), 77, 'what the code returned';
    is $got[0], $original, 'it got the original';
    is $got[1]{subject}{commonName}, 'www.made.test', 'and its description';
};

subtest 'a cache of the program that makes what it has not' => sub {
    my (%store, @calls);
    my $intercept = interceptor(cache => sub {
        my ($ident, $create) = @_;
        return 1 if $ident eq 'type';
        push @calls, $ident;
        $store{$ident} ||= [$create->()];
        return @{ $store{$ident} };
    });
    my @first = $intercept->clone_cert($original, 'x');
    is_deeply [$intercept->clone_cert($original, 'x')], \@first, 'the same clone twice';
    is_deeply \@calls, ['x', 'x'], 'the cache was asked twice';
    is CERT_asHash($first[0])->{subject}{commonName}, 'www.made.test', 'it is a clone';
    quietly(sub { undef $intercept });
    is CERT_asHash($first[0])->{subject}{commonName}, 'www.made.test', 'and the program\'s to free';
};

subtest 'a cache of the program that is asked and told' => sub {
    my (%store, @calls);
    my $intercept = interceptor(cache => sub {
        my ($ident, @clone) = @_;
        return 0 if $ident eq 'type';
        push @calls, @clone ? 'set' : 'get';
        $store{$ident} = [@clone] if @clone;
        return @{ $store{$ident} || [] };
    });
    my @first = $intercept->clone_cert($original, 'x');
    is_deeply [$intercept->clone_cert($original, 'x')], \@first, 'the same clone twice';
    is_deeply \@calls, [qw(get set get)], 'asked, told, asked';
    quietly(sub { undef $intercept });
};

subtest 'clones on disk serve the next process' => sub {
    my $cache = disk_cache("$dir/cache");
    my $intercept = interceptor(cache => $cache);
    my $pem = PEM_cert2string(($intercept->clone_cert($original, 'www.made.test'))[0]);
    ok -s "$dir/cache.www.made.test.pem", 'a file was written';
    my $text = in_child(sub {
        my $next = interceptor(cache => disk_cache("$dir/cache"), serial => sub { die "made anew\n" });
        return PEM_cert2string(($next->clone_cert($original, 'www.made.test'))[0]);
    });
    is $text, $pem, 'another process finds it';
    quietly(sub { undef $intercept });
};

subtest 'an object without clones is serialized and comes back' => sub {
    my $intercept = interceptor(serial => 7);
    my $back = IO::Socket::SSL::Intercept->unserialize($intercept->serialize);
    isa_ok $back, 'IO::Socket::SSL::Intercept';
    is PEM_cert2string($back->{cacert}), slurp($proxy{proxy_cert_file}), 'the CA';
    is PEM_key2string($back->{cakey}), slurp($proxy{proxy_key_file}), 'its key';
    is PEM_key2string($back->{certkey}), slurp($own_key), 'the key of clones';
    is serial_of($back), 8, 'the counter goes on';
};

differs('intercept-serialize', 'clones are serialized with the object', sub {
    my $intercept = interceptor();
    my $pem = PEM_cert2string(($intercept->clone_cert($original, "caf\x{e9}"))[0]);
    my $other = PEM_cert2string(($intercept->clone_cert($original, "\x{263a}"))[0]);
    $intercept->{cache}{"caf\x{e9}"}{atime} = 1_700_000_000;
    for my $way (
        ['serialize', sub { IO::Socket::SSL::Intercept->unserialize($_[0]->serialize) }],
        ['dclone', \&Storable::dclone],
        ['freeze and thaw', sub { Storable::thaw(Storable::freeze($_[0])) }],
        ['store and retrieve', sub {
            Storable::nstore($_[0], "$dir/stored");
            return Storable::retrieve("$dir/stored");
        }],
    ) {
        my ($name, $code) = @$way;
        my $back = $code->($intercept);
        is $back->{cache}{"caf\x{e9}"}{atime}, 1_700_000_000, "$name: when a clone was used";
        is PEM_cert2string(($back->clone_cert($original, "caf\x{e9}"))[0]), $pem, "$name: the clone";
        is PEM_cert2string(($back->clone_cert($original, "\x{263a}"))[0]), $other, "$name: another";
        is keys %{ $back->{cache} }, 2, "$name: both are in the cache";
    }
}, sub {
    my $intercept = interceptor();
    $intercept->clone_cert($original, 'x');
    my $back = eval { IO::Socket::SSL::Intercept->unserialize($intercept->serialize) };
    ok !$back, 'the incumbent dies of it';
});

subtest 'what was serialized by somebody else is refused' => sub {
    ok !eval { IO::Socket::SSL::Intercept->unserialize("\0\0\0\1" . "\0" x 40) }, 'another version';
    like $@, qr/^serialized with wrong version/, 'says so';
};

differs('intercept-handles', 'handles that were given stay the caller\'s', sub {
    my $intercept = IO::Socket::SSL::Intercept->new(proxy_cert => $ca, proxy_key => $ca_key,
        cert_key => $ca_key);
    $intercept->clone_cert($original);
    undef $intercept;
    is CERT_asHash($ca)->{subject}{commonName}, 'Man in the middle', 'and are as they were';
    is serial_of(IO::Socket::SSL::Intercept->new(proxy_cert => $ca, proxy_key => $ca_key,
        cert_key => $ca_key, serial => 1)), 2, 'for the next object, too';
}, sub {
    my ($mine, $key) = (PEM_string2cert(PEM_cert2string($ca)), PEM_string2key(PEM_key2string($ca_key)));
    my $intercept = IO::Socket::SSL::Intercept->new(proxy_cert => $mine, proxy_key => $key);
    is $intercept->{cacert}, $mine, 'the incumbent takes the handle itself, and frees it';
});

subtest 'mistakes are told' => sub {
    for my $case (
        [[], qr/^no proxy_cert or proxy_cert_file given/],
        [[proxy_cert_file => "$dir/none.pem", proxy_key_file => $own_key], qr/^cannot read .*none\.pem/],
        [[proxy_cert_file => $own_key, proxy_key_file => $own_key], qr/^cannot parse .* as PEM X509 cert/],
    ) {
        my ($args, $words) = @$case;
        ok !eval { IO::Socket::SSL::Intercept->new(@$args) }, "refused: $words";
        like $@, $words, 'with the reason';
    }
    my $died = quietly(sub { !eval { interceptor(cache => sub { 2 }); 1 } });
    ok $died, 'a cache of no known kind is refused';
    like $@, qr/^invalid type of cache: 2/, 'with the reason';
};

done_testing;

# --- the man in the middle ------------------------------------------------------------------------

# Serves one plain connection: TLS to the origin first, then TLS to the client with a clone.
sub between {
    my ($client, $origin) = @_;
    my $intercept = interceptor();
    my $upstream = client($origin) or return "origin: $SSL_ERROR";
    my ($cert, $key) = $intercept->clone_cert($upstream->peer_certificate);
    IO::Socket::SSL->start_SSL($client, SSL_server => 1, SSL_cert => $cert, SSL_key => $key)
        or return "client: $SSL_ERROR";
    my $line = $client->getline // return 'client left';
    print $upstream $line;
    print $client $upstream->getline;
    close $upstream;
    chomp $line;
    return "read: $line";
}

# --- helpers --------------------------------------------------------------------------------------

sub serial_of {
    my ($intercept, @ident) = @_;
    return CERT_asHash(($intercept->clone_cert($original, @ident))[0])->{serial};
}

# A cache of the older kind, in files.
sub disk_cache {
    my $prefix = shift;
    return sub {
        my ($ident, $cert, $key) = @_;
        return 0 if $ident eq 'type';
        my @files = map { "$prefix.$ident.$_" } 'pem', 'key';
        if ($cert) {
            PEM_cert2file($cert, $files[0]);
            PEM_key2file($key, $files[1]);
            return;
        }
        return if !-e $files[0];
        return (PEM_file2cert($files[0]), PEM_file2key($files[1]));
    };
}

# The newest incumbent complains when an object with a cache of code goes.
sub quietly {
    my $code = shift;
    local $SIG{__WARN__} = sub {
        implementation() eq 'incumbent' && $_[0] =~ /Not a HASH/ or fail "warned: $_[0]";
    };
    return $code->();
}

sub tempdir_of { require File::Temp; return File::Temp->newdir('intercept-XXXXXX', TMPDIR => 1) }

sub slurp {
    my $file = shift;
    open my $fh, '<', $file or die "$file: $!";
    local $/ = undef;
    return scalar <$fh>;
}
