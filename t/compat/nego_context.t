# nego_context.t - contexts made once and used for many connections: SSL_Context, SSL_reuse_ctx,
# set_default_context.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use NegoTest;

my @identity = (SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'));
my @trust = (SSL_ca_file => cert('ca.pem'));

sub context {
    return IO::Socket::SSL::SSL_Context->new(@_);
}

subtest 'a context is made from a list or from a hash' => sub {
    isa_ok context(@trust), 'IO::Socket::SSL::SSL_Context', 'of a list';
    isa_ok context({@trust}), 'IO::Socket::SSL::SSL_Context', 'of a hash';
    isa_ok context(SSL_server => 1, @identity), 'IO::Socket::SSL::SSL_Context', 'of a server';
    isa_ok context(), 'IO::Socket::SSL::SSL_Context', 'of nothing';
};

subtest 'a hash of arguments can be used again and again' => sub {
    my %args = (@trust, SSL_version => 'TLSv1_2', SSL_verifycn_scheme => 'http');

    for my $attempt (1, 2, 3) {
        my $result = negotiate({ SSL_reuse_ctx => context(\%args) }, {});

        is agreed($result, 'get_sslversion'), 'TLSv1_2', "attempt $attempt";
    }
};

subtest 'a mistake in the arguments gives no context' => sub {
    my @context = ('before');

    @context = context(SSL_cipher_list => 'FOO');
    is_deeply \@context, [], 'an empty list';
    ok !defined scalar(context(SSL_cipher_list => 'FOO')), 'or undef';
    like $SSL_ERROR, qr/^Failed to set SSL cipher list/, 'with the reason';
    like IO::Socket::SSL::errstr(), qr/^Failed to set SSL cipher list/, 'by the function too';
    like raised(sub { context(SSL_server => 1, SSL_cert_file => '/nonexistent.pem') }),
        qr{^SSL_cert_file /nonexistent\.pem can't be used: No such file}, 'a missing file dies';
};

subtest 'the settings of a reused context hold, those beside it do not' => sub {
    my $client = context(@trust, SSL_version => 'TLSv1_2',
        SSL_cipher_list => 'ECDHE-RSA-AES128-GCM-SHA256');
    my $server = context(SSL_server => 1, @identity, SSL_alpn_protocols => ['h2']);
    my $result = negotiate({ SSL_reuse_ctx => $client }, { SSL_reuse_ctx => $server });

    is agreed($result, 'get_cipher'), 'ECDHE-RSA-AES128-GCM-SHA256', 'those of the context';
    $result = negotiate(
        { SSL_reuse_ctx => $client, SSL_version => 'TLSv1_3', SSL_cipher_list => 'FOO',
            SSL_ca_file => '/nonexistent.pem', SSL_cert_file => '/nonexistent.pem' },
        { SSL_reuse_ctx => $server, SSL_cert_file => '/nonexistent.pem',
            SSL_version => 'TLSv1_1' });
    is agreed($result, 'get_cipher'), 'ECDHE-RSA-AES128-GCM-SHA256', 'not those beside it';
};

subtest 'a socket can be given in place of its context' => sub {
    my $first = negotiate({ SSL_version => 'TLSv1_2' }, { SSL_alpn_protocols => ['h2'] });
    my $second = negotiate({ SSL_reuse_ctx => $first->{client} },
        { SSL_reuse_ctx => $first->{server} });

    is agreed($second, 'get_sslversion'), 'TLSv1_2', 'its settings hold';
    undef $first;
    my $third = negotiate({ SSL_reuse_ctx => $second->{client} },
        { SSL_reuse_ctx => $second->{server} });
    is agreed($third, 'get_sslversion'), 'TLSv1_2', 'they outlive the first socket';
};

subtest 'a context outlives its variable in the connections that use it' => sub {
    my $context = context(@trust);
    my $first = negotiate({ SSL_reuse_ctx => $context }, {});

    undef $context;
    ok print({ $first->{client} } "still\n"), 'the connection can be written to';
    is readline($first->{server}), "still\n", 'and read from';
    ok(negotiate({ SSL_reuse_ctx => $first->{client} }, {})->{client}, 'and reused');
};

subtest 'names belong to the connection, whatever the context' => sub {
    my $context = context(@trust);
    my $server = context(SSL_server => 1,
        SSL_cert_file => { '' => cert('server.pem'), 'a.sni.test' => cert('a-sni.pem') },
        SSL_key_file => { '' => cert('server.key'), 'a.sni.test' => cert('a-sni.key') });

    for my $name ('server.test', 'a.sni.test', 'www.server.test') {
        my $result = negotiate({ SSL_reuse_ctx => $context, SSL_hostname => $name },
            { SSL_reuse_ctx => $server });

        is agreed($result, 'get_servername'), $name, "SSL_hostname $name";
    }
    my $result = negotiate({ SSL_reuse_ctx => $context, SSL_hostname => 'other.test' },
        { SSL_reuse_ctx => $server });
    like $result->{client_error}, qr/^hostname verification failed/, 'a wrong SSL_hostname';
    $result = negotiate({ SSL_reuse_ctx => $context, SSL_hostname => 'server.test',
        SSL_verifycn_name => 'other.test' }, { SSL_reuse_ctx => $server });
    like $result->{client_error}, qr/^hostname verification failed/, 'a wrong SSL_verifycn_name';
    $result = negotiate({ SSL_reuse_ctx => $context, SSL_hostname => 'other.test',
        SSL_verifycn_name => 'server.test' }, { SSL_reuse_ctx => $server });
    ok $result->{client}, 'the right one' or diag $result->{client_error};
};

# Two handshakes on one context, each step of one followed by a step of the other.
sub interleaved {
    my @name = @_;
    my $context = context(@trust);
    my (@todo, @result);

    for my $i (0 .. $#name) {
        my ($c, $s) = plain_pair('unix');
        $_->blocking(0) for $c, $s;
        my $server = IO::Socket::SSL->start_SSL($s, SSL_server => 1, SSL_startHandshake => 0,
            @identity) or die $SSL_ERROR;
        my $client = IO::Socket::SSL->start_SSL($c, SSL_startHandshake => 0,
            SSL_reuse_ctx => $context, SSL_hostname => 'server.test',
            SSL_verifycn_name => $name[$i]) or die $SSL_ERROR;
        push @todo, { id => $i, client => $client, server => $server };
    }
    for (1 .. 10) {
        for my $pair (@todo) {
            next if defined $result[$pair->{id}];
            if ($pair->{client}->connect_SSL) { $result[$pair->{id}] = 'connected' }
            elsif ($SSL_ERROR != SSL_WANT_READ && $SSL_ERROR != SSL_WANT_WRITE) {
                $result[$pair->{id}] = "$SSL_ERROR";
            }
        }
        # A server that has failed is a plain socket again.
        $_->{server}->accept_SSL for grep { $_->{server}->isa('IO::Socket::SSL') } @todo;
    }
    return @result;
}

differs('nego-shared-context-names', 'interleaved handshakes on one context keep their own names',
    sub {
        my @result = interleaved('other.test', 'server.test');

        like $result[0], qr/^hostname verification failed/, 'the wrong name fails';
        is $result[1], 'connected', 'the right one does not';
        @result = interleaved('server.test', 'other.test');
        is $result[0], 'connected', 'whichever comes first';
        like $result[1], qr/^hostname verification failed/, 'and fails whichever comes last';
    },
    sub {
        my @result = interleaved('other.test', 'server.test');

        is $result[0], 'connected', 'the name of the latest handshake is checked for both';
    });

subtest 'set_default_context gives the context of later connections' => sub {
    my $context = context(@trust, SSL_version => 'TLSv1_2');

    IO::Socket::SSL::set_default_context($context);
    my ($c) = plain_pair('unix');
    my $client = IO::Socket::SSL->start_SSL($c, SSL_startHandshake => 0,
        SSL_hostname => 'server.test');
    IO::Socket::SSL::set_default_context(undef);
    ok $client, 'a client of no other arguments' or diag $SSL_ERROR;
    is ${*$client}{_SSL_ctx}, $context, 'has that context';
    is agreed(negotiate({}, {}), 'get_sslversion'), 'TLSv1_3', 'undef takes it back';
};

# A server whose own certificate is given while a default context is set.
sub server_beside_default {
    IO::Socket::SSL::set_default_context(context(@trust, SSL_version => 'TLSv1_2'));
    my $version = eval { agreed(negotiate({ SSL_version => undef }, {}), 'get_sslversion') };
    IO::Socket::SSL::set_default_context(undef);
    return $version;
}

differs('nego-default-context', 'a default context gives way where SSL_ arguments are given',
    sub { is server_beside_default(), 'TLSv1_3', 'both ends use their own' },
    sub { isnt server_beside_default(), 'TLSv1_3', 'even a server gets the context of a client' });

subtest 'SSL_reuse_ctx that is false counts as not given' => sub {
    ok(negotiate({ SSL_reuse_ctx => $_ }, {})->{client}, defined $_ ? "'$_'" : 'undef')
        for undef, 0, '';
};

subtest 'SSL_reuse_ctx that is no context is refused, never replaced' => sub {
    my $gone = context(@trust);
    $gone->DESTROY;

    for my $row (['text' => 'x'], ['number' => 1], ['hash' => {}], ['destroyed' => $gone]) {
        my ($name, $value) = @$row;
        my $result = negotiate({ SSL_reuse_ctx => $value, @trust }, {});

        ok !$result->{client}, "$name: no connection";
        like $result->{client_error}, since(2.094) && $name ne 'hash'
            ? qr/^invalid context to reuse: / : qr/./, 'with a reason';
    }
};

subtest 'a default context that is none is refused where it is used' => sub {
    plan skip_all => 'since 2.094' if !since(2.094);
    IO::Socket::SSL::set_default_context('text');
    like raised(sub { IO::Socket::SSL::SSL_Context->new }), qr/^invalid context to reuse: text/, 'by a context';
    IO::Socket::SSL::set_default_context(undef);
    ok(negotiate({}, {})->{client}, 'and undef takes it away');
};

subtest 'the raw handle of a context is a number' => sub {
    my $context = context(@trust);

    like $context->{context}, qr/^[1-9][0-9]*$/, 'as hash key';
    my $result = negotiate({ SSL_reuse_ctx => $context }, {});
    is ${*{ $result->{client} }}{_SSL_ctx}{context}, $context->{context},
        'the same one in the connection';
    is $result->{client}->_get_ctx_object, $context->{context}, '_get_ctx_object (2.089)'
        if since(2.089);
};

{
    my %context = %{ IO::Socket::SSL::SSL_Context->new(client_args()) };
    differs('nego-context-hash', 'a context is a hash with its handle and its mode', sub {
        is_deeply [sort keys %context], ['context', 'verify_mode'], 'and nothing else';
    }, sub {
        ok exists $context{$_}, $_ for qw(context verify_mode ocsp_mode);
    });
    cmp_ok $context{context}, '>', 0, 'the handle';
    is $context{verify_mode}, SSL_VERIFY_PEER, 'the mode';
}

subtest 'has_session_cache tells whether sessions are kept' => sub {
    ok !context(@trust)->has_session_cache, 'not by default';
    ok context(@trust, SSL_session_cache_size => 4)->has_session_cache, 'with a size';
};

done_testing;
