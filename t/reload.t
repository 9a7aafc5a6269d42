# reload.t - servers that run for months: certificates, keys and ticket keys replaced under way,
# certificates loaded by name, client certificates asked for after the handshake.
use strict;
use warnings;
use File::Copy qw(copy);
use File::Temp ();
use Test::More;
use lib 't/lib';
use TLSTest '120';
use IO::Socket::SSL;

my $dir = File::Temp->newdir;
my ($CERT, $KEY) = ("$dir/cert.pem", "$dir/key.pem");

sub install {
    my ($name) = @_;
    copy(cert("$name.pem"), $CERT) && copy(cert("$name.key"), $KEY) or die "copy: $!";
    return;
}

# The first name in the certificate that a server with this context shows.
sub shown {
    my ($context, %client) = @_;
    my $result = handshake(over => 'unix', server => { SSL_reuse_ctx => $context },
        client => { SSL_hostname => 'server.test', SSL_verify_mode => 0, %client });
    return undef if !$result->{client_ok};
    my $name = $result->{client}->peer_certificate('cn');
    $_->close for @$result{qw(client server)};
    return $name;
}

sub name_in {
    my $pem  = shift;
    require IO::Socket::SSL::Utils;
    my $cert = IO::Socket::SSL::Utils::PEM_file2cert(cert("$pem.pem"));
    my $name = IO::Socket::SSL::_cert_cn($cert);
    IO::Socket::SSL::Utils::CERT_free($cert);
    return $name;
}

sub context_with { return IO::Socket::SSL::SSL_Context->new(SSL_server => 1, @_) }

my ($ONE, $TWO) = map { name_in($_) } 'server', 'other-name';
isnt $ONE, $TWO, 'two certificates';

subtest 'reload: new connections see the new files, open ones live on' => sub {
    install('server');
    my $context = context_with(SSL_cert_file => $CERT, SSL_key_file => $KEY) or die $SSL_ERROR;
    is shown($context), $ONE, 'the first certificate';
    my ($client, $server) = pair(over => 'unix', server => { SSL_reuse_ctx => $context });
    install('other-name');
    is shown($context), $ONE, 'a changed file alone changes nothing';
    ok $context->reload, 'reload';
    is shown($context), $TWO, 'the second';
    print $client "still here\n";
    is scalar(<$server>), "still here\n", 'the open connection';

    copy(cert('server.pem'), $CERT);
    ok !$context->reload, 'a key that isn\'t the certificate\'s';
    like $SSL_ERROR, qr/Failed to use Private Key from \Q$KEY\E: it is not the key/, 'why';
    is shown($context), $TWO, 'and the old one stays';
    unlink $CERT;
    ok !$context->reload, 'a file that is gone';
    like $SSL_ERROR, qr/\Q$CERT/, 'which one';
    is shown($context), $TWO, 'and the old one stays';
    install('server');
    ok $context->reload, 'a good one again';
    is shown($context), $ONE, 'is shown';
};

subtest 'SSL_reload: files that change are noticed' => sub {
    install('server');
    my @warned;
    local $SIG{__WARN__} = sub { push @warned, @_ };
    my $context = context_with(SSL_cert_file => $CERT, SSL_key_file => $KEY, SSL_reload => 1)
        or die $SSL_ERROR;
    is shown($context), $ONE, 'the first certificate';
    install('other-name');
    my $until = time + 60;
    1 while shown($context) ne $TWO && time < $until;
    is shown($context), $TWO, 'the second, before long';
    @warned = ();
    open my $fh, '>', $KEY or die $!;
    close $fh;
    1 while !@warned && time < $until && defined shown($context);
    like $warned[0], qr/files that changed can't be loaded, the old certificates stay.*\Q$KEY/,
        'a bad file is warned of';
    is shown($context), $TWO, 'and changes nothing';
};

subtest 'a listening socket takes it from its context' => sub {
    install('server');
    my $listener = IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1', SSL_reload => 0,
        SSL_cert_file => $CERT, SSL_key_file => $KEY, SSL_startHandshake => 0) or die $SSL_ERROR;
    install('other-name');
    ok ${*$listener}{_SSL_ctx}->reload, 'by its context';
    is shown($listener), $TWO, 'the new one';
};

subtest 'passwords and callbacks are asked again' => sub {
    my ($asked, $made, $password) = (0, 0, 'bluebell');
    copy(cert('server.pem'), $CERT) && copy(cert('server-pass.key'), $KEY) or die $!;
    my $context = context_with(SSL_cert_file => $CERT, SSL_key_file => $KEY,
        SSL_passwd_cb => sub { $asked++; die "no password\n" if !defined $password; $password },
        SSL_create_ctx_callback => sub { $made++ });
    plan skip_all => "the test key has another password: $SSL_ERROR" if !$context;
    ok $context->reload, 'reload';
    is_deeply [$asked, $made], [2, 2], 'each is called';
    $password = 'wrong';
    ok !$context->reload, 'a wrong password';
    undef $password;
    ok !eval { $context->reload; 1 }, 'one that dies';
    is $@, "no password\n", 'is what reload dies with';
    is shown($context), $ONE, 'the old certificate stays';
};

subtest 'what can\'t be reloaded' => sub {
    my $client = IO::Socket::SSL::SSL_Context->new(client_args()) or die $SSL_ERROR;
    ok !$client->reload, 'a client that wasn\'t made for it';
    like $SSL_ERROR, qr/^reload: this context was not made to be reloaded; give it SSL_reload/, 'why';
    my $made = IO::Socket::SSL::SSL_Context->new(client_args(SSL_reload => 0)) or die $SSL_ERROR;
    ok $made->reload, 'one that was';
    ok !eval { context_with(SSL_reload => $_, SSL_cert_file => cert('server.pem'),
        SSL_key_file => cert('server.key')); 1 }, "SSL_reload => $_" for 'soon', -1, [];
    like $@, qr/^SSL_reload: a number of seconds/, 'says so';
};

subtest 'SSL_cert_callback: certificates that are loaded by name' => sub {
    my (@asked, $answer);
    my $server = context_with(SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'),
        SSL_cert_callback => sub { push @asked, [@_]; return ref $answer eq 'CODE' ? $answer->() : $answer })
        or die $SSL_ERROR;
    my @files = (SSL_cert_file => cert('other-name.pem'), SSL_key_file => cert('other-name.key'));
    for my $version ('TLSv1_2', 'TLSv1_3') {
        my @tls = (SSL_version => $version);
        for my $nothing (undef, '', 0) {
            $answer = $nothing;
            is shown($server, @tls), $ONE, "$version: nothing: the usual one";
        }
        is $asked[-1][0], 'server.test', 'asked by name';
        ok UNIVERSAL::isa($asked[-1][1], 'IO::Socket::SSL'), 'and with the socket';
        $answer = {@files};
        is shown($server, @tls), $TWO, "$version: arguments";
        $answer = context_with(@files);
        is shown($server, @tls), $TWO, "$version: a context that the program keeps" for 1, 2;
        $answer = sub { die "not today\n" };
        my %wrong = ('a callback that dies' => [$answer, qr/^not today$/],
            'text' => ['other-name.pem', qr/^SSL_cert_callback: a server's SSL_Context or a hash/],
            'a list' => [[], qr/^SSL_cert_callback: a server's SSL_Context or a hash .*ARRAY/],
            'a client\'s context' => [IO::Socket::SSL::SSL_Context->new(client_args()),
                qr/^SSL_cert_callback: a server's SSL_Context/],
            'no such file' => [{ SSL_cert_file => "$dir/none" }, qr/can't be used/],
            'a key that doesn\'t fit' => [{ @files, SSL_key_file => cert('server.key') },
                qr/^SSL_cert_callback: Failed to use Private Key/]);
        for my $what (sort keys %wrong) {
            ($answer, my $why) = @{ $wrong{$what} };
            my $result = handshake(over => 'unix', server => { SSL_reuse_ctx => $server },
                client => { SSL_hostname => 'server.test', @tls });
            ok !$result->{server_ok} && !$result->{client_ok}, "$version: $what: no connection";
            like $result->{server_error}, $why, 'the reason';
        }
        $answer = undef;
        is shown($server, @tls), $ONE, "$version: the next one is as ever";
    }
    my $alone = context_with(SSL_cert_callback => sub { $_[0] eq 'server.test' ? {@files} : () });
    is shown($alone), $TWO, 'a server that has no other certificate';
    is shown($alone, SSL_hostname => 'x.test'), undef, 'and none for another name';
    ok !eval { context_with(SSL_cert_callback => 'x') }, 'what is no code';
    like $@, qr/^SSL_cert_callback: a reference to code expected/, 'is refused';
};

sub resumed {
    my ($server, $client) = @_;
    my $result = handshake(over => 'unix', server => { SSL_reuse_ctx => $server },
        client => { SSL_reuse_ctx => $client, SSL_session_key => 'peer' });
    die "$result->{client_error} $result->{server_error}" if !$result->{client_ok};
    settle(@$result{qw(client server)});
    my $resumed = $result->{client}->get_session_reused;
    $_->close for @$result{qw(client server)};
    return $resumed;
}

subtest 'SSL_ticket_keys_file: shared by servers, rotated by one call' => sub {
    my $file = "$dir/tickets";
    for my $version ('TLSv1_2', 'TLSv1_3') {
        unlink $file;
        ok IO::Socket::SSL::rotate_ticket_keys($file), "$version: a file is made";
        is +(stat $file)[2] & 07777, 0600, 'private';
        my @servers = map { IO::Socket::SSL::SSL_Context->new(
            server_args(SSL_ticket_keys_file => $file)) || die $SSL_ERROR } 1, 2;
        my $client = IO::Socket::SSL::SSL_Context->new(client_args(SSL_version => $version,
            SSL_session_cache_size => 10)) || die $SSL_ERROR;
        is resumed($servers[0], $client), 0, 'a session';
        is resumed($servers[1], $client), 1, 'is resumed by another server';
        ok IO::Socket::SSL::rotate_ticket_keys($file, 2), 'a new key';
        my $new = IO::Socket::SSL::SSL_Context->new(server_args(SSL_ticket_keys_file => $file));
        is resumed($new, $client), 1, 'the old one decrypts';
        is resumed($servers[0], $client), 1, 'who has the old file looks again';
    }
    chmod 0644, $file;
    ok !defined IO::Socket::SSL::SSL_Context->new(server_args(SSL_ticket_keys_file => $file)),
        'a file that others can read is refused';
    like $SSL_ERROR, qr/ticket keys \Q$file\E: others may read or change it \(mode 0644\)/, 'why';
    ok !IO::Socket::SSL::rotate_ticket_keys("$dir/no/such"), 'no folder';
    like $SSL_ERROR, qr{ticket keys \Q$dir/no/such}, 'why';
    ok !eval { IO::Socket::SSL::rotate_ticket_keys($file, 0); 1 }, 'no key to keep';
    ok !eval { IO::Socket::SSL::rotate_ticket_keys("$dir/cut\0off"); 1 }, 'a NUL in the name';
    ok !-e "$dir/cut", 'doesn\'t end it';
};

subtest 'a file of ticket keys that goes bad is warned of, and its keys stay' => sub {
    my $file = "$dir/going-bad";
    IO::Socket::SSL::rotate_ticket_keys($file) or die $SSL_ERROR;
    my $server = IO::Socket::SSL::SSL_Context->new(server_args(SSL_ticket_keys_file => $file));
    my $client = IO::Socket::SSL::SSL_Context->new(client_args(SSL_session_cache_size => 10));
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, "@_" };
    is resumed($server, $client), 0, 'a session';
    open my $fh, '>', $file or die "$file: $!";
    print $fh "nonsense\n";
    close $fh or die "$file: $!";
    my $end = time + 60;
    my $all = 1;
    $all &&= resumed($server, $client) while !@warnings && time < $end;
    ok $all, 'sessions are resumed';
    like $warnings[0], qr/^IO::Socket::SSL: ticket keys \Q$file\E: line 1 is no key; its last keys stay in use/,
        'a warning';
    resumed($server, $client) for 1, 2;
    is @warnings, 1, 'one';
};

subtest 'SSL_ticket_keys: the first encrypts, all decrypt' => sub {
    my @keys = map { [$_, $_ x 32] } 'a', 'b';
    my $with = sub { IO::Socket::SSL::SSL_Context->new(server_args(SSL_ticket_keys => [@_])) };
    my $client = IO::Socket::SSL::SSL_Context->new(client_args(SSL_session_cache_size => 10));
    is resumed($with->($keys[0]), $client), 0, 'a session';
    is resumed($with->(@keys[1, 0]), $client), 1, 'under the second key of the next server';
    is resumed($with->($keys[1]), $client), 1, 'which made a ticket under its first';
    is resumed($with->($keys[0]), $client), 0, 'an unknown key: a full handshake';
    for my $wrong ('x', ['x'], [[]], [['a', 'x' x 31]], [['n' x 17, 'x' x 32]], [[undef, 'x' x 32]],
        [["\x{263a}", 'x' x 32]], {}) {
        ok !eval { IO::Socket::SSL::SSL_Context->new(server_args(SSL_ticket_keys => $wrong)); 1 },
            'what are no keys';
        like $@, qr/^SSL_ticket_keys: /, 'is refused';
    }
};

subtest 'request_client_cert: after the handshake' => sub {
    my $mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        | IO::Socket::SSL::SSL_VERIFY_POST_HANDSHAKE();
    my @cert = (SSL_cert_file => cert('client.pem'), SSL_key_file => cert('client.key'));
    my %server = (SSL_verify_mode => $mode, SSL_ca_file => cert('ca.pem'));
    my $two = sub {
        my (%client) = @_;
        my ($client, $server) = pair(over => 'unix', server => \%server, client => \%client);
        is $server->peer_certificate, undef, 'nobody is asked in the handshake';
        $_->blocking(0) for $client, $server;
        return ($client, $server);
    };
    my ($client, $server) = $two->(@cert, SSL_version => 'TLSv1_3');
    is $server->request_client_cert, undef, 'asked';
    is $SSL_ERROR, SSL_WANT_READ, 'the answer takes a while';
    is $client->sysread(my $buf, 1), undef, 'the client reads';
    is $server->request_client_cert, 1, 'there it is';
    like $server->peer_certificate('subject'), qr/CN=/, 'the certificate';
    is $server->get_fingerprint, $client->sock_certificate && IO::Socket::SSL::get_fingerprint(undef,
        undef, $client->sock_certificate), 'the client\'s';

    ($client, $server) = $two->(@cert, SSL_version => 'TLSv1_3');
    syswrite $client, 'first';
    is $server->request_client_cert, '', 'data that come first';
    is sysread($server, $buf, 10), 5, 'are read';

    ($client, $server) = $two->(SSL_version => 'TLSv1_3', SSL_post_handshake_auth => 1);
    is $server->request_client_cert, undef, 'a client without certificate';
    $client->sysread($buf, 1);
    is $server->request_client_cert, undef, 'is refused where one is required';
    like $SSL_ERROR, qr/peer did not return a certificate/, 'why';

    ($client, $server) = $two->(@cert, SSL_version => 'TLSv1_3', SSL_post_handshake_auth => 0);
    is $server->request_client_cert, undef, 'a client that doesn\'t do it';
    like $SSL_ERROR, qr/the client didn't offer post-handshake authentication/, 'why';
    ok syswrite($server, 'x'), 'the connection goes on';

    ($client, $server) = pair(over => 'unix', server => { %server, SSL_verify_mode => 0 },
        client => { @cert, SSL_version => 'TLSv1_3' });
    is $server->request_client_cert, undef, 'a server that verifies nothing';
    like $SSL_ERROR, qr/SSL_verify_mode has no SSL_VERIFY_PEER/, 'why';
    ($client, $server) = pair(over => 'unix', client => { SSL_version => 'TLSv1_2' });
    is $server->request_client_cert, undef, 'TLS 1.2';
    like $SSL_ERROR, qr/renegotiation, which is refused/, 'why';
};

subtest 'request_client_cert on blocking sockets' => sub {
    my $server = test_server(handler => sub {
        my $sock = shift;
        my $line = <$sock>;
        my $got = $sock->request_client_cert(30) or die "no certificate: $SSL_ERROR";
        print $sock $sock->peer_certificate('cn'), "\n";
        return 'served';
    }, args => { SSL_ca_file => cert('ca.pem'),
        SSL_verify_mode => SSL_VERIFY_PEER | IO::Socket::SSL::SSL_VERIFY_POST_HANDSHAKE() });
    my $sock = client($server, SSL_cert_file => cert('client.pem'), SSL_key_file => cert('client.key'),
        SSL_version => 'TLSv1_3') or die $SSL_ERROR;
    print $sock "who am I?\n";
    my $answer = <$sock>;
    chomp $answer;
    is $answer, name_in('client'), 'the server has seen the certificate';
    $sock->close;
    is $server->outcome, 'served', 'and served';
};

done_testing;
