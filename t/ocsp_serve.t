# ocsp_serve.t - servers that staple: from a file, from the program, from the responder.
use strict;
use warnings;
use B ();
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use OCSPTest;
use PeerTest;
use TLSTest '300';

my $pki = OCSPTest->new or plan skip_all => 'no openssl program here';
my $FILE = $pki->file('staple.der');

sub references { return B::svref_2object($_[0])->REFCNT }

# A server's context with this certificate.
sub server_context {
    my ($name, %args) = @_;
    return IO::Socket::SSL::SSL_Context->new(SSL_server => 1, SSL_ca_file => $pki->file('ca.pem'),
        $pki->cert_args($name), %args) || die $SSL_ERROR;
}

# 'good' or 'none': what a client gets that takes a staple if it is there; or how it failed.
sub stapled {
    my ($context, %client) = @_;
    my $got = 'none';
    my $result = handshake(server => { raw => 1, SSL_server => 1, SSL_reuse_ctx => $context },
        client => { raw => 1, SSL_ca_file => $pki->file('ca.pem'), SSL_verifycn_name => 'server.test',
            SSL_ocsp_staple_callback => sub { $got = 'some' if $_[1] }, %client });
    return $result->{server_error} || $result->{client_error} if !$result->{client_ok};
    return $got if $got eq 'none';
    # What came is good if it will do where one is required.
    my $again = handshake(server => { raw => 1, SSL_server => 1, SSL_reuse_ctx => $context },
        client => { raw => 1, SSL_ca_file => $pki->file('ca.pem'), SSL_verifycn_name => 'server.test',
            SSL_ocsp_mode => SSL_OCSP_MUST_STAPLE });
    return $again->{client_ok} ? 'good' : $again->{client_error};
}

subtest 'a file is stapled while it holds, and seen when it changes' => sub {
    my $context = server_context('server', SSL_ocsp_staple_file => $FILE);
    is stapled($context), 'none', 'there need not be one yet';
    $pki->response('server', file => $FILE);
    is stapled($context), 'good', 'now there is';
    $pki->response('server', file => $FILE, retime => [-7200, -10]);
    is stapled($context), 'none', 'one out of date isn\'t sent';
    $pki->response('revoked', file => $FILE);
    is stapled($context), 'none', 'nor one about another certificate';
    open my $fh, '>', $FILE or die $!;
    print $fh 'garbage';
    close $fh;
    is stapled($context), 'none', 'nor garbage';
    $pki->response('server', file => $FILE);
    is stapled($context), 'good', 'and again a good one';
};

subtest 'a server says nothing of its revocation' => sub {
    $pki->response('revoked', file => $FILE);
    is stapled(server_context('revoked', SSL_ocsp_staple_file => $FILE)), 'none', 'none is sent';
};

subtest 'files by host' => sub {
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_server => 1,
        SSL_cert_file => { '' => $pki->file('server.pem'), 'must.test' => $pki->file('must.pem') },
        SSL_key_file => { '' => $pki->file('server.key'), 'must.test' => $pki->file('must.key') },
        SSL_ocsp_staple_file => { '' => "$FILE.0", 'must.test' => "$FILE.1" });
    $pki->response('must', file => "$FILE.1");
    is stapled($context), 'none', 'the default host has none';
    my $result = handshake(server => { raw => 1, SSL_server => 1, SSL_reuse_ctx => $context },
        client => { raw => 1, SSL_ca_file => $pki->file('ca.pem'), SSL_hostname => 'must.test',
            SSL_verifycn_name => 'server.test', SSL_ocsp_mode => SSL_OCSP_MUST_STAPLE });
    ok $result->{client_ok}, 'the other has' or diag $result->{client_error};
    ok !eval { server_context('server', SSL_ocsp_staple_file => { 'x.test' => $FILE }) },
        'a host without a certificate is refused';
};

subtest 's_client -status sees it' => sub {
    $pki->response('chain', file => $FILE);
    my $listener = listener($pki->cert_args('chain'), SSL_ocsp_staple_file => $FILE);
    for my $flag ('-tls1_2', '-tls1_3') {
        my $peer = PeerTest->start(have('openssl'), 's_client', '-connect',
            '127.0.0.1:' . $listener->sockport, '-CAfile', $pki->file('ca.pem'), '-status', $flag,
            '-verify_return_error', '-servername', 'server.test');
        my $sock = $listener->accept or die $SSL_ERROR;
        print $sock "\n";
        close $sock;
        my $said = $peer->output;
        like $said, qr/OCSP Response Status: successful.*Cert Status: good/s, "$flag: the staple";
        like $said, qr/Verify return code: 0/, 'of a verified certificate';
    }
};

# --- the program's source -------------------------------------------------------------------------

subtest 'SSL_ocsp_staple_source is asked when there is something to ask for' => sub {
    my ($calls, $der, @args) = (0);
    my $context = server_context('server', SSL_ocsp_staple_source => sub {
        $calls++;
        @args = (ref $_[0], IO::Socket::SSL::Utils::CERT_asHash($_[1])->{subject}{organizationalUnitName});
        return $der;
    });
    require IO::Socket::SSL::Utils;
    is stapled($context), 'none', 'it may have none';
    is_deeply \@args, ['IO::Socket::SSL', 'server'], 'it gets the socket and the certificate';
    $der = $pki->response('server');
    is stapled($context), 'good', 'what it gives is sent';
    is $calls, 2, 'and kept';
    is stapled($context), 'good', 'for others';
    is $calls, 2, 'who don\'t ask again';
    ok handshake(server => { raw => 1, SSL_server => 1, SSL_reuse_ctx => $context },
        client => { raw => 1, SSL_ca_file => $pki->file('ca.pem'), SSL_verifycn_name => 'server.test',
            SSL_ocsp_mode => SSL_OCSP_NO_STAPLE })->{client_ok}, 'a client that wants none';
    is $calls, 2, 'is no reason to ask';
};

subtest 'an answer in the second half of its time is replaced' => sub {
    my @answers = ($pki->response('server', retime => [-7200, 3600]), $pki->response('server'));
    my $calls = 0;
    my $context = server_context('server', SSL_ocsp_staple_source => sub { $calls++; shift @answers });
    stapled($context) for 1 .. 3;
    is $calls, 2, 'asked for once more, then no more';
    is stapled($context), 'good', 'good';
};

subtest 'what a source gives that is no good' => sub {
    for my $row (['garbage', sub { 'garbage' }], ['an empty string', sub { '' }],
        ['out of date', sub { $pki->response('server', retime => [-7200, -10]) }],
        ['about another certificate', sub { $pki->response('revoked') }]) {
        my ($what, $code) = @$row;
        is stapled(server_context('server', SSL_ocsp_staple_source => $code)), 'none', "$what: not sent";
    }
    for my $row (['a reference', sub { [] }], ['a character that is no byte', sub { "\x{100}" }]) {
        my ($what, $code) = @$row;
        like stapled(server_context('server', SSL_ocsp_staple_source => $code)),
            qr/^SSL_ocsp_staple_source: the bytes of an OCSP response/, "$what: a mistake";
    }
};

subtest 'a source that dies, closes the socket, or makes connections' => sub {
    like stapled(server_context('server', SSL_ocsp_staple_source => sub { die "no luck\n" })),
        qr/^no luck$/, 'dies: accept does';
    like stapled(server_context('server', SSL_ocsp_staple_source => sub { close $_[0] })),
        qr/^(?!good|none)/, 'closes: the handshake fails';
    my $inner = server_context('server', SSL_ocsp_staple_file => $FILE);
    $pki->response('server', file => $FILE);
    my @within;
    is stapled(server_context('server', SSL_ocsp_staple_source => sub {
        push @within, stapled($inner);
        return $pki->response('server');
    })), 'good', 'makes others: good';
    is "@within", 'good', 'and the others too';
};

subtest 'a source is freed with its context' => sub {
    my $closure = do { my $der = $pki->response('server'); sub { $der } };
    my $before = references($closure);
    my $context = server_context('server', SSL_ocsp_staple_source => $closure);
    is stapled($context), 'good', 'used';
    undef $context;
    is references($closure), $before, 'no reference is left';
};

# --- the responder --------------------------------------------------------------------------------

# Handshakes wait for three seconds at most, which may be short for a busy machine: so the answer is made
# before.
sub ready_answer { my ($name, @how) = @_; return $pki->answer(body => $pki->response($name, @how)) }

subtest 'the responder that the certificate names is asked, once' => sub {
    my $context = server_context('server', SSL_ocsp_staple_responder => 1);
    ready_answer('server');
    $pki->requests;
    is_deeply [$pki->requests], [], 'not before a client wants to know';
    is stapled($context), 'good', 'a client gets the answer';
    is stapled($context), 'good', 'and the next';
    is scalar(() = $pki->requests), 1, 'for which the responder was asked once';
    ready_answer('chain');
    is stapled(server_context('chain', SSL_ocsp_staple_responder => 1)), 'good', 'also inter\'s';
    like +($pki->requests)[0], qr{^POST /inter application/ocsp-request}, 'at its address';
};

subtest 'an answer that is half over serves, and who gave it is left alone for a while' => sub {
    my $context = server_context('server', SSL_ocsp_staple_responder => 1);
    ready_answer('server', retime => [-7200, 3600]);
    $pki->requests;
    is stapled($context, SSL_ocsp_mode => SSL_OCSP_TRY_STAPLE), 'good', 'the first';
    is stapled($context, SSL_ocsp_mode => SSL_OCSP_TRY_STAPLE), 'good', 'the second';
    is scalar(() = $pki->requests), 1, 'asked once: not again by each client, but in a minute';
    $pki->answer(close => 1);
    $context = server_context('server', SSL_ocsp_staple_responder => 1);
    is stapled($context), 'none', 'without an answer there is none';
    is stapled($context), 'none', 'again';
    is scalar(() = $pki->requests), 1, 'asked once: not each client waits for it';
    $pki->answer;
};

for my $row (
    ['revoked', revoked => []], ['unknown', unknown => []],
    ['a foreign signer', server => [signer => 'other-ca']],
    ['a signer that may not', server => [signer => 'no-delegate']],
    ['out of date', server => [retime => [-7200, -10]]], ['garbage', server => [body => 'garbage']],
    ['"try later"', server => [body => "\x30\x03\x0a\x01\x03"]],
) {
    my ($what, $cert, $answer) = @$row;
    subtest "an answer that can't be used isn't stapled: $what" => sub {
        $pki->answer(@$answer);
        my $context = server_context($cert, SSL_ocsp_staple_responder => 1);
        is stapled($context, SSL_ocsp_mode => SSL_OCSP_TRY_STAPLE), 'none', 'none';
        is $context->refresh_staples(30), undef, 'refresh_staples fails';
        like $SSL_ERROR, qr/^no OCSP response to staple: \Q@{[$pki->uri]}\E: ./, 'and tells';
        $pki->answer;
    };
}

subtest 'refresh_staples asks ahead of clients' => sub {
    my $context = server_context('server', SSL_ocsp_staple_responder => $pki->uri('ca'));
    $pki->requests;
    $pki->answer;
    my $seconds = $context->refresh_staples(30);
    cmp_ok $seconds, '>', 40_000, 'half a day until the next time';
    cmp_ok $seconds, '<=', 43_200, 'of a day';
    is scalar(() = $pki->requests), 1, 'asked';
    cmp_ok $context->refresh_staples(30), '<=', $seconds, 'not yet due';
    is stapled($context), 'good', 'a client gets it';
    is scalar(() = $pki->requests), 0, 'without asking';
    is server_context('server')->refresh_staples, 9**9**9, 'without a responder it is never due';
};

subtest 'a certificate that can\'t be asked about is refused at once' => sub {
    for my $row ([{ $pki->cert_args('no-uri') }, qr/names no OCSP responder/],
        [{ $pki->cert_args('server'), SSL_ca_file => cert('ca.pem') }, qr/the issuer .* isn't known/]) {
        my ($args, $text) = @$row;
        my $context = eval { IO::Socket::SSL::SSL_Context->new(SSL_server => 1,
                SSL_ocsp_staple_responder => 1, %$args) };
        ok !$context, 'no context';
        like $@ || $SSL_ERROR, $text, 'and why';
    }
    ok !eval { server_context('server', SSL_ocsp_staple_responder => 'https://x/') }, 'https';
    like $@, qr{http:// expected}, 'isn\'t for responders';
};

subtest 'a file steps in where the responder fails' => sub {
    $pki->answer(close => 1);
    $pki->response('server', file => $FILE);
    is stapled(server_context('server', SSL_ocsp_staple_responder => 1, SSL_ocsp_staple_file => $FILE)),
        'good', 'good';
    $pki->answer;
};

done_testing;
