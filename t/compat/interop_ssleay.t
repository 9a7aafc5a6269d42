# interop_ssleay.t - with Net::SSLeay loaded: handles go from one to the other, in both directions, whoever
# was loaded first, and to the very end of the process.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use TLSTest '90';
use NegoTest;

plan skip_all => 'no Net::SSLeay here' if !NegoTest::net_ssleay();

# Both have to work on the very same library: handles are pointers into it.
plan skip_all => 'this Net::SSLeay is for another OpenSSL: ' . Net::SSLeay::SSLeay_version(0)
    if implementation() eq 'ours'
    && index(IO::Socket::SSL->implementation, Net::SSLeay::SSLeay_version(0)) < 0;

sub slurp { my $file = shift; open my $fh, '<', $file or return ''; local $/ = undef; return <$fh> }

# The reason why a Net::SSLeay function can't be had; '' if it can.
sub lacks { my $name = shift; return Net::SSLeay->can($name) ? '' : "this Net::SSLeay has no $name" }

subtest 'there is one OpenSSL in the process' => sub {
    plan skip_all => 'no /proc/self/maps' if !-e '/proc/self/maps';
    for my $library ('libssl', 'libcrypto') {
        my %files = map { $_ => 1 } slurp('/proc/self/maps') =~ m{(/\S*\b$library\.so\S*)}g;
        is scalar(keys %files), 1, "one $library: @{[sort keys %files]}";
    }
};

subtest 'what Net::SSLeay says of a connection of ours' => sub {
    for my $version ('TLSv1_2', 'TLSv1_3') {
        my ($client, $server) = pair(client => { SSL_hostname => 'server.test',
            SSL_version => $version });
        my ($ssl, $far) = map { $_->_get_ssl_object } $client, $server;
        is Net::SSLeay::get_version($ssl), $version =~ s/_/./r, "$version: get_version";
        is Net::SSLeay::get_cipher($ssl), $client->get_cipher, 'get_cipher';
        is Net::SSLeay::CIPHER_get_name(Net::SSLeay::get_current_cipher($ssl)), $client->get_cipher,
            'get_current_cipher';
        is Net::SSLeay::get_verify_result($ssl), Net::SSLeay::X509_V_OK(), 'get_verify_result';
        is Net::SSLeay::get_servername($far), 'server.test', 'get_servername';
        is Net::SSLeay::get_fd($ssl), fileno $client, 'get_fd';
        is Net::SSLeay::state($ssl), Net::SSLeay::state($far), 'state';
        is Net::SSLeay::session_reused($ssl), 0, 'session_reused';
        is Net::SSLeay::get_shutdown($ssl), 0, 'get_shutdown';
        my $cert = Net::SSLeay::get_peer_certificate($ssl);
        is Net::SSLeay::X509_get_fingerprint($cert, 'sha256') =~ s/://gr,
            uc(($client->get_fingerprint('sha256') =~ /\$(.*)/)[0]), 'get_peer_certificate';
        Net::SSLeay::X509_free($cert);
        my @chain = Net::SSLeay::get_peer_cert_chain($ssl);
        is_deeply \@chain, [$client->peer_certificates], 'get_peer_cert_chain: the same handles';
        like Net::SSLeay::dump_peer_certificate($ssl), qr/Subject Name: .*server\.test/,
            'dump_peer_certificate';
        is Net::SSLeay::get_SSL_CTX($ssl), $client->_get_ctx_object, 'get_SSL_CTX: our context';
        print $server "x\n";
        is scalar(<$client>), "x\n", 'and data flow';
    }
};

subtest 'data are read and written by Net::SSLeay and by ours in turn' => sub {
    my ($client, $server) = pair();
    my ($near, $far) = map { $_->_get_ssl_object } $client, $server;
    is scalar(Net::SSLeay::write($near, 'by Net::SSLeay')), 14, 'written with Net::SSLeay';
    sysread $server, my $got, 100;
    is $got, 'by Net::SSLeay', 'read with ours';
    syswrite $server, 'abcdef';
    sysread $client, $got, 2;
    is $got, 'ab', 'a part of a record is read with ours';
    is Net::SSLeay::pending($near), 4, 'the rest is pending for Net::SSLeay';
    is scalar(Net::SSLeay::read($near)), 'cdef', 'which reads it';
    is scalar(Net::SSLeay::ssl_write_all($far, 'x' x 50_000 . "\n")), 50_001, 'ssl_write_all';
    is length(<$client>), 50_001, 'a long line is read with ours';
    print $client "one\ntwo\r\n";
    is scalar(Net::SSLeay::ssl_read_until($far, "\n", 100)), "one\n", 'ssl_read_until: the first line';
    is scalar(Net::SSLeay::ssl_read_CRLF($far, 100)), "two\r\n", 'ssl_read_CRLF: the second';
    is Net::SSLeay::shutdown($near), 0, 'shutdown with Net::SSLeay';
    is sysread($server, $got, 1), 0, 'is the end for ours';
    ok Net::SSLeay::get_shutdown($far) & Net::SSLeay::RECEIVED_SHUTDOWN(), 'which Net::SSLeay sees';
    ok $_->close, 'closed' for $client, $server;
};

subtest 'a handshake that is waiting is carried on by Net::SSLeay' => sub {
    my ($client, $server) = plain_pair('unix');
    $_->blocking(0) for $client, $server;
    IO::Socket::SSL->start_SSL($client, client_args(), SSL_startHandshake => 0) or die $SSL_ERROR;
    IO::Socket::SSL->start_SSL($server, server_args(), SSL_startHandshake => 0) or die $SSL_ERROR;
    $client->connect_SSL;
    ok my $ssl = $client->_get_ssl_object, 'there is an SSL object while the handshake waits';
    is Net::SSLeay::get_error($ssl, Net::SSLeay::do_handshake($ssl)), Net::SSLeay::ERROR_WANT_READ(),
        'do_handshake: nothing has come yet';
    my ($here, $there) = (0, 0);
    for (1 .. 50) {
        $there ||= !!$server->accept_SSL;
        Net::SSLeay::do_handshake($ssl) if !$here;
        $here ||= $there && !!$client->connect_SSL;
        last if $here && $there;
    }
    is $client->opened, 1, 'the client is done';
    is $server->opened, 1, 'the server is done';
    $_->blocking(1) for $client, $server;
    print $client "hello\n";
    is scalar(<$server>), "hello\n", 'and data flow';
};

subtest 'a context of ours is changed by Net::SSLeay while it is made' => sub {
    my $number;
    my $context = IO::Socket::SSL::SSL_Context->new(client_args(), SSL_create_ctx_callback => sub {
        $number = shift;
        Net::SSLeay::CTX_set_options($number, Net::SSLeay::OP_NO_TLSv1_3());
        Net::SSLeay::CTX_set_timeout($number, 77);
    });
    is $number, $context->{context}, 'the handle is that of the context';
    is Net::SSLeay::CTX_get_timeout($context->{context}), 77, 'what was set is there';
    ok Net::SSLeay::CTX_get_options($number) & Net::SSLeay::OP_NO_TLSv1_3(), 'the options too';
    my ($client) = pair(client => { SSL_reuse_ctx => $context });
    is $client->get_sslversion, 'TLSv1_2', 'and is in force';
    is $client->_get_ctx_object, $number, '_get_ctx_object';
    ok Net::SSLeay::X509_STORE_add_cert(Net::SSLeay::CTX_get_cert_store($number),
        my $ca = PEM_file2cert(cert('other-ca.pem'))), 'a trust anchor is added';
    CERT_free($ca);
    my $result = handshake(client => { SSL_reuse_ctx => $context }, server => {
        SSL_cert_file => cert('other-server.pem'), SSL_key_file => cert('other-server.key') });
    ok $result->{client_ok}, 'and trusted' or diag $result->{client_error};
    my $plain = handshake(server => { SSL_cert_file => cert('other-server.pem'),
        SSL_key_file => cert('other-server.key') });
    ok !$plain->{client_ok}, 'by no other context';
};

subtest 'callbacks that Net::SSLeay puts into a context of ours are called' => sub {
    my @calls;
    my $made = sub {
        my $ctx = shift;
        Net::SSLeay::CTX_set_info_callback($ctx, sub { push @calls, 'info' }) if !lacks('CTX_set_info_callback');
        Net::SSLeay::CTX_set_keylog_callback($ctx, sub { push @calls, 'keylog' })
            if !lacks('CTX_set_keylog_callback');
    };
    my ($client, $server) = pair(client => { SSL_create_ctx_callback => $made });
    settle($client, $server);
    my %called = map { $_ => 1 } @calls;
    is $called{info}, 1, 'info' if !lacks('CTX_set_info_callback');
    is $called{keylog}, 1, 'keylog' if !lacks('CTX_set_keylog_callback');
    Net::SSLeay::CTX_set_info_callback($client->_get_ctx_object, undef);
    pass 'and taken out again';
};

subtest 'a verify callback hands out handles for Net::SSLeay' => sub {
    my @seen;
    my ($client) = pair(client => { SSL_verify_callback => sub {
        my ($ok, $store, $names, $error, $cert, $depth) = @_;
        push @seen, [
            Net::SSLeay::X509_STORE_CTX_get_current_cert($store) == $cert,
            Net::SSLeay::X509_STORE_CTX_get_error_depth($store) == $depth,
            Net::SSLeay::X509_STORE_CTX_get_error($store),
            Net::SSLeay::X509_NAME_oneline(Net::SSLeay::X509_get_subject_name($cert)),
        ];
        return $ok;
    } });
    cmp_ok scalar(@seen), '>', 1, 'called for each certificate';
    is_deeply [@{ $seen[-1] }[0, 1, 2]], [1, 1, 0], 'certificate, depth and error agree';
    is $seen[-1][3], $client->peer_certificate('subject'), 'the subject too';
};

subtest 'an SSL object that Net::SSLeay makes of a context of ours' => sub {
    local $SIG{__WARN__} = sub { };     # that there is no name to verify
    for my $case (['the client\'s', 1, 0], ['the server\'s', 0, 1], ['both', 1, 1]) {
        my ($which, $client_is_theirs, $server_is_theirs) = @$case;
        my $context = IO::Socket::SSL::SSL_Context->new(client_args());
        my $serving = IO::Socket::SSL::SSL_Context->new(server_args(
            SSL_ticket_keycb => sub { return ('k' x 32, 'n' x 16) }, SSL_alpn_protocols => ['x']));
        my ($near, $far) = plain_pair('unix');
        $_->blocking(0) for $near, $far;
        my ($ssl, $peer);
        if ($client_is_theirs) {
            $ssl = Net::SSLeay::new($context->{context}) or die;
            Net::SSLeay::set_fd($ssl, fileno $near);
            Net::SSLeay::set_connect_state($ssl);
        } else {
            IO::Socket::SSL->start_SSL($near, SSL_reuse_ctx => $context, SSL_startHandshake => 0,
                SSL_verifycn_name => 'server.test') or die $SSL_ERROR;
        }
        if ($server_is_theirs) {
            $peer = Net::SSLeay::new($serving->{context}) or die;
            Net::SSLeay::set_fd($peer, fileno $far);
            Net::SSLeay::set_accept_state($peer);
        } else {
            IO::Socket::SSL->start_SSL($far, SSL_reuse_ctx => $serving, SSL_server => 1,
                SSL_startHandshake => 0) or die $SSL_ERROR;
        }
        my ($here, $there) = (0, 0);
        for (1 .. 50) {
            $here  ||= $ssl  ? Net::SSLeay::do_handshake($ssl) == 1  : !!$near->connect_SSL;
            $there ||= $peer ? Net::SSLeay::do_handshake($peer) == 1 : !!$far->accept_SSL;
            last if $here && $there;
        }
        ok $here && $there, "$which: the handshake is done"
            or diag Net::SSLeay::print_errs(''), $SSL_ERROR;
        $_->blocking(1) for $near, $far;
        $ssl ? Net::SSLeay::write($ssl, "to\n") : syswrite $near, "to\n";
        my $got = '';
        $peer ? ($got = Net::SSLeay::read($peer)) : sysread $far, $got, 10;
        is $got, "to\n", 'data';
        undef $context;
        undef $serving;
        Net::SSLeay::free($_) for grep { $_ } $ssl, $peer;
    }
};

subtest 'such an SSL object refuses a peer that the context doesn\'t trust' => sub {
    my $context = IO::Socket::SSL::SSL_Context->new(client_args(SSL_ca_file => cert('other-ca.pem')));
    my ($near, $far) = plain_pair('unix');
    $_->blocking(0) for $near, $far;
    IO::Socket::SSL->start_SSL($far, server_args(), SSL_startHandshake => 0) or die $SSL_ERROR;
    my $ssl = Net::SSLeay::new($context->{context}) or die;
    Net::SSLeay::set_fd($ssl, fileno $near);
    Net::SSLeay::set_connect_state($ssl);
    my $result = Net::SSLeay::do_handshake($ssl);
    $far->accept_SSL;
    $result = Net::SSLeay::do_handshake($ssl);
    is $result, -1, 'no handshake';
    is Net::SSLeay::get_error($ssl, $result), Net::SSLeay::ERROR_SSL(), 'an error of TLS';
    isnt Net::SSLeay::get_verify_result($ssl), Net::SSLeay::X509_V_OK(), 'of verification';
    Net::SSLeay::free($ssl);
    Net::SSLeay::ERR_clear_error();
};

subtest 'certificates and keys of ours in Net::SSLeay' => sub {
    my ($cert, $key) = CERT_create(subject => { CN => 'interop.test' },
        subjectAltNames => [[DNS => 'interop.test'], [IP => '192.0.2.7']], key => KEY_create_ec());
    my $subject = Net::SSLeay::X509_get_subject_name($cert);
    like Net::SSLeay::X509_NAME_oneline($subject), qr{/CN=interop\.test$}, 'X509_get_subject_name';
    is Net::SSLeay::X509_NAME_get_text_by_NID($subject, 13) =~ s/\0//r, 'interop.test',
        'X509_NAME_get_text_by_NID';
    my @names = Net::SSLeay::X509_get_subjectAltNames($cert);
    is_deeply [@names[0, 1]], [2, 'interop.test'], 'X509_get_subjectAltNames';
    is Net::SSLeay::PEM_get_string_X509($cert), PEM_cert2string($cert), 'PEM_get_string_X509';
    my $until = Net::SSLeay::P_ASN1_TIME_get_isotime(Net::SSLeay::X509_get_notAfter($cert));
    like $until, qr/^20\d\d-\d\d-\d\dT/, 'X509_get_notAfter';
    my $ctx = Net::SSLeay::CTX_new();
    is Net::SSLeay::CTX_use_certificate($ctx, $cert), 1, 'CTX_use_certificate';
    is Net::SSLeay::CTX_use_PrivateKey($ctx, $key), 1, 'CTX_use_PrivateKey';
    is Net::SSLeay::CTX_check_private_key($ctx), 1, 'they belong together';
    Net::SSLeay::CTX_free($ctx);
    # Each of the two frees what the other one made.
    Net::SSLeay::X509_free($cert);
    Net::SSLeay::EVP_PKEY_free($key);
    my ($again) = CERT_create();
    like PEM_cert2string($again), qr/BEGIN CERTIFICATE/, 'the address may be used again';
    CERT_free($again);
};

subtest 'certificates and keys of Net::SSLeay in ours' => sub {
    my $read = sub {
        my ($file, $function) = @_;
        my $bio = Net::SSLeay::BIO_new_file(cert($file), 'r') or die;
        no strict 'refs';
        my $object = &{"Net::SSLeay::$function"}($bio) or die "$function: $file";
        Net::SSLeay::BIO_free($bio);
        return $object;
    };
    my $cert = $read->('server.pem', 'PEM_read_bio_X509');
    my $key  = $read->('server.key', 'PEM_read_bio_PrivateKey');
    my $ca   = $read->('ca.pem',     'PEM_read_bio_X509');
    is CERT_asHash($cert)->{subject}{commonName}, 'server.test', 'CERT_asHash';
    like PEM_key2string($key), qr/BEGIN (?:RSA )?PRIVATE KEY/, 'PEM_key2string';
    for (1, 2) {
        my ($client, $server) = pair(server => { SSL_cert => $cert, SSL_key => $key },
            client => { raw => 1, SSL_ca => [$ca], SSL_verifycn_name => 'server.test' });
        is $client->peer_certificate('cn'), 'server.test', 'SSL_cert, SSL_key and SSL_ca';
    }
    my ($made, $made_key) = CERT_create(issuer => [$ca, my $ca_key = $read->('ca.key', 'PEM_read_bio_PrivateKey')]);
    is Net::SSLeay::X509_NAME_oneline(Net::SSLeay::X509_get_issuer_name($made)),
        Net::SSLeay::X509_NAME_oneline(Net::SSLeay::X509_get_subject_name($ca)), 'issuer of CERT_create';
    CERT_free($cert, $ca, $made);
    KEY_free($key, $ca_key, $made_key);
    # An address that was ours, was freed by Net::SSLeay and made into something of its own.
    for (1 .. 50) {
        my $ours = PEM_file2cert(cert('server.pem'));
        Net::SSLeay::X509_free($ours);
        my $theirs = $read->('ca.pem', 'PEM_read_bio_X509');
        like PEM_cert2string($theirs), qr/BEGIN/, 'an address that was used before' or last;
        Net::SSLeay::X509_free($theirs);
    }
};

subtest 'sessions go both ways' => sub {
    my $cache = IO::Socket::SSL::Session_Cache->new(4);
    my $context = IO::Socket::SSL::SSL_Context->new(server_args());
    my @args = (server => { SSL_reuse_ctx => $context },
        client => { SSL_version => 'TLSv1_2', SSL_session_cache => $cache, SSL_session_key => 'k' });
    my ($client, $server) = settle(pair(@args));
    my $kept = $cache->get_session('k');
    ok $kept, 'a session of ours';
    cmp_ok Net::SSLeay::SESSION_get_timeout($kept), '>', 0, 'which Net::SSLeay reads';
    my $session = Net::SSLeay::get1_session($client->_get_ssl_object);
    is unpack('H*', Net::SSLeay::SESSION_get_master_key($session)),
        unpack('H*', Net::SSLeay::SESSION_get_master_key($kept)), 'get1_session: the same secrets';
    $cache->del_session('k');
    $cache->add_session(k => $session);     # the reference is the cache's now
    $_->close for $client, $server;
    my ($next) = pair(@args);
    is $next->get_session_reused, 1, 'a session from Net::SSLeay is resumed';
};

subtest 'errors of the one are no errors of the other' => sub {
    my ($client, $server) = pair();
    Net::SSLeay::BIO_new_file('/nowhere/at/all', 'r');
    print $server "x\n";
    is scalar(<$client>), "x\n", 'an error that Net::SSLeay left spoils no reading';
    Net::SSLeay::BIO_new_file('/nowhere/at/all', 'r');
    ok pair(), 'nor a handshake';
    Net::SSLeay::ERR_clear_error();
    ok pair(), 'a handshake';
    is Net::SSLeay::ERR_get_error(), 0, 'leaves no error';
    $client->blocking(0);
    sysread $client, my $got, 1;
    is Net::SSLeay::get_error($client->_get_ssl_object, -1), Net::SSLeay::ERROR_WANT_READ(),
        'get_error tells what a read waited for';
    ok $SSL_ERROR == SSL_WANT_READ, 'as $SSL_ERROR does';
};

subtest 'the level of debugging is one variable' => sub {
    local $Net::SSLeay::trace = 0;
    is $IO::Socket::SSL::DEBUG, 0, 'Net::SSLeay\'s';
    $IO::Socket::SSL::DEBUG = 0;
    is $Net::SSLeay::trace, 0, 'ours';
};

# --- a process from beginning to end --------------------------------------------------------------

my %load = (
    'ours first' => 'require IO::Socket::SSL; require Net::SSLeay;',
    'Net::SSLeay first' => 'require Net::SSLeay; require IO::Socket::SSL;',
    'Net::SSLeay set up by the program first' => 'require Net::SSLeay; Net::SSLeay::load_error_strings(); '
        . 'Net::SSLeay::SSLeay_add_ssl_algorithms(); Net::SSLeay::randomize(); require IO::Socket::SSL;',
    'Net::SSLeay set up by the program last' => 'require IO::Socket::SSL; require Net::SSLeay; '
        . 'Net::SSLeay::load_error_strings(); Net::SSLeay::SSLeay_add_ssl_algorithms(); '
        . 'Net::SSLeay::OpenSSL_add_all_digests();',
);
my $body = <<'END';
    package main;
    import IO::Socket::SSL;
    require IO::Socket::SSL::Utils;
    my ($ca, $cert, $key) = @ARGV;
    socketpair our $near, our $far, Socket::AF_UNIX(), Socket::SOCK_STREAM(), 0 or die;
    defined(my $pid = fork) or die;
    if (!$pid) {
        close $near;
        IO::Socket::SSL->start_SSL($far, SSL_server => 1, SSL_cert_file => $cert, SSL_key_file => $key);
        print $far "hello\n";
        <$far>;
        close $far;
        require POSIX;
        POSIX::_exit(0);
    }
    close $far;
    our $client = IO::Socket::SSL->start_SSL($near, SSL_ca_file => $ca, SSL_verifycn_name => 'server.test',
        SSL_verify_callback => sub { Net::SSLeay::X509_get_subject_name($_[4]); $_[0] },
        SSL_create_ctx_callback => sub { Net::SSLeay::CTX_set_info_callback($_[0], sub { our $info++ }) })
        or die $IO::Socket::SSL::SSL_ERROR;
    our $line = <$client>;
    our $context = IO::Socket::SSL::SSL_Context->new(SSL_ca_file => $ca);
    our $of_ours = IO::Socket::SSL::Utils::PEM_file2cert($cert);
    our $ssl = Net::SSLeay::new($context->{context});
    our $theirs = Net::SSLeay::get_peer_certificate($client->_get_ssl_object);
    our $cycle = {}; $cycle->{self} = $cycle; $cycle->{socket} = $client;
    { package AtTheEnd; sub new { bless {}, shift }
      sub DESTROY { local $?; Net::SSLeay::X509_NAME_oneline(Net::SSLeay::X509_get_subject_name($main::theirs))
          if $main::theirs; IO::Socket::SSL->can('new') } }
    our $last = AtTheEnd->new;
    print $line;
    END { print "end ", $client->get_cipher ? 'open' : 'closed', "\n" }
END
for my $order (sort keys %load) {
    subtest "$order: a program with both, to the end of the process" => sub {
        my $code = '@INC = (@INC, split /:/, $ENV{IOSSL_TEST_INC}); ' . "$load{$order} $body";
        local $ENV{IOSSL_TEST_INC} = join ':', $INC{'Net/SSLeay.pm'} =~ s{/Net/SSLeay\.pm$}{}r;
        is perl_output($code, map { cert($_) } 'ca.pem', 'server.pem', 'server.key'),
            "hello\nend open\n", 'says what it should, and nothing else';
        is $? & 127, 0, 'no signal';
        is $? >> 8, 0, 'status 0';
    };
}

subtest 'threads with both' => sub {
    require Config;
    plan skip_all => 'this perl has no threads' if !$Config::Config{useithreads};
    my $code = '@INC = (@INC, split /:/, $ENV{IOSSL_TEST_INC}); use threads; ' . <<'END';
        require Net::SSLeay;
        require IO::Socket::SSL;
        my $context = IO::Socket::SSL::SSL_Context->new(SSL_ca_file => $ARGV[0]);
        my $number = $context->{context};
        my @all = map { threads->create(sub {
            my $ssl = Net::SSLeay::new($number);
            my $bio = Net::SSLeay::BIO_new_file($ARGV[0], 'r');
            my $cert = Net::SSLeay::PEM_read_bio_X509($bio);
            Net::SSLeay::BIO_free($bio);
            my $name = Net::SSLeay::X509_NAME_oneline(Net::SSLeay::X509_get_subject_name($cert));
            Net::SSLeay::X509_free($cert);
            Net::SSLeay::free($ssl);
            return IO::Socket::SSL::SSL_Context->new(SSL_ca_file => $ARGV[0]) ? $name : 'none';
        }) } 1 .. 3;
        print $_->join, "\n" for @all;
END
    local $ENV{IOSSL_TEST_INC} = $INC{'Net/SSLeay.pm'} =~ s{/Net/SSLeay\.pm$}{}r;
    my @lines = split /\n/, perl_output($code, cert('ca.pem'));
    is scalar(@lines), 3, 'three threads';
    like $_, qr{^/.*CN=}, 'each has read a certificate' for @lines;
    is $?, 0, 'status 0';
};

done_testing;
