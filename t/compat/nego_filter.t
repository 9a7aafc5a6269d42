# nego_filter.t - set_args_filter_hack: a program overrides the TLS arguments of its modules.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use NegoTest;

# A filter can't be removed, only be replaced by one that does nothing.
sub no_filter {
    return IO::Socket::SSL::set_args_filter_hack(sub { });
}

subtest 'the filter sees the role and the arguments of the call' => sub {
    my %seen;

    IO::Socket::SSL::set_args_filter_hack(sub {
        my ($is_server, $args) = @_;
        $seen{ $is_server ? 'server' : 'client' } = {%$args};
    });
    ok(negotiate({ SSL_version => 'TLSv1_2' }, {})->{client}, 'a handshake works under it');
    no_filter();
    is $seen{client}{SSL_version}, 'TLSv1_2', 'client: what was given';
    ok !exists $seen{client}{SSL_cipher_list}, 'no defaults are among it';
    is $seen{server}{SSL_cert_file}, cert('server.pem'), 'server: what was given';
};

subtest 'the filter changes arguments in place' => sub {
    IO::Socket::SSL::set_args_filter_hack(sub {
        my ($is_server, $args) = @_;
        $args->{SSL_version} = 'TLSv1_2' if !$is_server;
        delete $args->{SSL_cipher_list};
    });
    my $result = negotiate({ SSL_version => 'TLSv1_3' }, { SSL_cipher_list => 'FOO' });
    is agreed($result, 'get_sslversion'), 'TLSv1_2', 'replaced and deleted ones';
    no_filter();
    is agreed(negotiate({ SSL_version => 'TLSv1_3' }, {}), 'get_sslversion'), 'TLSv1_3',
        'another filter takes its place';
};

subtest 'the filter holds for new' => sub {
    IO::Socket::SSL::set_args_filter_hack(sub { $_[1]{SSL_version} = 'TLSv1_4' });
    like raised(sub { IO::Socket::SSL->new(Listen => 1, LocalAddr => '127.0.0.1') }),
        qr/invalid SSL_version specified/, 'a listening socket';
    like raised(sub { IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => 1) }),
        qr/invalid SSL_version specified/, 'a connecting one';
    no_filter();
};

subtest 'contexts made by hand are not filtered' => sub {
    my $calls = 0;

    IO::Socket::SSL::set_args_filter_hack(sub { $calls++ });
    ok(IO::Socket::SSL::SSL_Context->new(SSL_ca_file => cert('ca.pem')), 'made');
    no_filter();
    is $calls, 0, 'without a call of the filter';
};

differs('error-option-shape', 'a filter that is neither code nor "use_defaults"', sub {
    for my $wrong ('nonsense', [], {}, 1) {
        like raised(sub { IO::Socket::SSL::set_args_filter_hack($wrong) }),
            qr/^set_args_filter_hack: code or "use_defaults" expected, not /, 'is refused at once';
    }
    IO::Socket::SSL::set_args_filter_hack(sub { die "filter\n" });
    for my $none (undef, 0, '') {
        IO::Socket::SSL::set_args_filter_hack($none);
        ok(negotiate({}, {})->{client}, 'none takes the filter away');
    }
}, sub {
    IO::Socket::SSL::set_args_filter_hack([]);
    like negotiate({}, {})->{client_error}, qr/^Not a CODE reference/, 'is no code where it is used';
    no_filter();
});

subtest 'an exception of the filter reaches the program' => sub {
    IO::Socket::SSL::set_args_filter_hack(sub { die "not today\n" });
    my $result = negotiate({}, {});
    no_filter();

    is $result->{client_error}, "not today\n", 'out of start_SSL of a client';
    is $result->{server_error}, "not today\n", 'and of a server';
    ok(negotiate({}, {})->{client}, 'the next handshake works');
};

subtest 'use_defaults lets the defaults beat the arguments' => sub {
    IO::Socket::SSL::set_args_filter_hack('use_defaults');
    my $result = negotiate({ SSL_ca_file => cert('ca.pem') }, {});
    like $result->{client_error}, qr/certificate verify failed/, 'the trust of the call is gone';

    IO::Socket::SSL::set_client_defaults(SSL_version => 'TLSv1_2', SSL_ca_file => cert('ca.pem'));
    $result = negotiate({ SSL_version => 'TLSv1_3' }, { SSL_cipher_list => 'FOO' });
    is agreed($result, 'get_sslversion'), 'TLSv1_2', 'those set by the program';
    is $result->{server_error}, '', 'and the ones built in, on a server as well';

    $result = negotiate({ SSL_verify_mode => SSL_VERIFY_NONE, SSL_hostname => 'other.test' }, {});
    like $result->{client_error}, qr/^hostname verification failed/,
        'verification cannot be switched off';
    no_filter();
    IO::Socket::SSL::set_client_defaults(SSL_version => 'SSLv23:!TLSv1:!TLSv1_1');
    is agreed(negotiate({ SSL_version => 'TLSv1_3' }, {}), 'get_sslversion'), 'TLSv1_3',
        'a filter that does nothing ends it';
};

done_testing;
