# nego_version.t - SSL_version in all its forms, and what get_sslversion tells afterwards.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use NegoTest;

# OpenSSL has TLS 1.0 and 1.1 at security level 0 only: their signatures use SHA-1.
my @old = (SSL_cipher_list => 'DEFAULT@SECLEVEL=0');

subtest 'every name of a protocol, in any case, fixes that protocol on either end' => sub {
    for my $row (
        [TLSv1 => 'TLSv1', @old], [tlsv1 => 'TLSv1', @old],
        [TLSv1_1 => 'TLSv1_1', @old], [TLSv11 => 'TLSv1_1', @old], [tlsv11 => 'TLSv1_1', @old],
        [TLSv1_2 => 'TLSv1_2'], [TLSv12 => 'TLSv1_2'], [tlsv1_2 => 'TLSv1_2'],
        [TLSV12 => 'TLSv1_2'], [TLSv1_3 => 'TLSv1_3'], [TLSv13 => 'TLSv1_3'],
        [TLSV1_3 => 'TLSv1_3'], [tLsV13 => 'TLSv1_3'],
    ) {
        my ($name, $expected, @common) = @$row;
        my @fixed = (SSL_version => $name, @common);
        my @open = (SSL_version => 'SSLv23', @common);

        is agreed(negotiate({@fixed}, {@open}), 'get_sslversion'), $expected, "client: $name";
        is agreed(negotiate({@open}, {@fixed}), 'get_sslversion'), $expected, "server: $name";
    }
};

subtest 'SSLv23 and SSLv2/3 stand for the best protocol that both ends have' => sub {
    for my $name ('SSLv23', 'sslv23', 'SSLv2/3', 'sslv2/3', 'SSLv23:!SSLv3:!SSLv2') {
        my $any = negotiate({ SSL_version => $name }, { SSL_version => $name });
        my $limited = negotiate({ SSL_version => $name }, { SSL_version => 'TLSv1_2' });

        is agreed($any, 'get_sslversion'), 'TLSv1_3', $name;
        is agreed($limited, 'get_sslversion'), 'TLSv1_2', "$name with a server that has TLS 1.2";
    }
};

subtest 'a leading ! takes protocols away' => sub {
    for my $row (
        ['!TLSv1_3' => 'TLSv1_2'], ['!TLSv13' => 'TLSv1_2'], ['!tlsv1_3' => 'TLSv1_2'],
        ['!TLSv1' => 'TLSv1_3'], ['!TLSv1:!TLSv1_1:!TLSv1_3' => 'TLSv1_2'],
        ['!TLSv1:!TLSv1_1:!TLSv1_2' => 'TLSv1_3'], ['SSLv23:!TLSv1_3' => 'TLSv1_2'],
        ['!TLSv1_3:SSLv23' => 'TLSv1_2'], ['SSLv23:!SSLv2:!SSLv3:!TLSv1:!TLSv1_1' => 'TLSv1_3'],
        ['SSLv2/3:!SSLv3:!SSLv2:!TLSv13' => 'TLSv1_2'], ['TLSv1_2:!TLSv1_3' => 'TLSv1_2'],
        ['TLSv1_2:!TLSv1' => 'TLSv1_2'],
    ) {
        my ($version, $expected) = @$row;

        is agreed(negotiate({}, { SSL_version => $version }), 'get_sslversion'), $expected,
            "server: $version";
        is agreed(negotiate({ SSL_version => $version }, { SSL_version => 'SSLv23' }),
            'get_sslversion'), $expected, "client: $version";
    }
};

subtest 'spaces may stand around the colon' => sub {
    for my $version ('SSLv23 : !TLSv1_3', 'SSLv23: !TLSv1_3', 'SSLv23 :!TLSv1_3') {
        is agreed(negotiate({ SSL_version => $version }, {}), 'get_sslversion'), 'TLSv1_2',
            "'$version'";
    }
};

subtest 'old protocols are left where all newer ones are taken away' => sub {
    my $result = negotiate({ SSL_version => 'SSLv23:!TLSv1_3:!TLSv1_2', @old },
        { SSL_version => 'SSLv23', @old });

    is agreed($result, 'get_sslversion'), 'TLSv1_1', 'the best of those that are left';
    $result = negotiate({ SSL_version => 'SSLv23:!SSLv2:!SSLv3:!TLSv1_1:!TLSv1_2:!TLSv1_3', @old },
        { SSL_version => 'SSLv23', @old });
    is agreed($result, 'get_sslversion'), 'TLSv1', 'only TLS 1.0 is left';
};

subtest 'a text that names no protocol is refused by an exception' => sub {
    for my $version ('TLSv1_4', 'TLSv1.2', 'TLS', 'SSL', 'SSLv23:!FOO', 'SSLv23:FOO', '!',
        ' TLSv1_2', 'TLSv1_2 ', 'TLSv1_2,TLSv1_3', 'TLSv1_2 TLSv1_3', '0', '1', '!!TLSv1') {
        my %args = (SSL_version => $version);

        like raised(sub { IO::Socket::SSL::SSL_Context->new(%args) }),
            qr/invalid SSL_version specified/, "context: '$version'";
        like negotiate(\%args, {})->{client_error}, qr/invalid SSL_version specified/,
            "client: '$version'";
        like negotiate({}, \%args)->{server_error}, qr/invalid SSL_version specified/,
            "server: '$version'";
        like raised(sub { IO::Socket::SSL->new(%args, Listen => 1, LocalAddr => '127.0.0.1') }),
            qr/invalid SSL_version specified/, "new: '$version'";
    }
};

subtest 'two protocols at once are refused by an exception' => sub {
    for my $version ('TLSv1_2:TLSv1_3', 'SSLv23:TLSv1_2', 'TLSv1_3:!TLSv1:TLSv1_2') {
        like raised(sub { IO::Socket::SSL::SSL_Context->new(SSL_version => $version) }),
            qr/cannot set multiple SSL protocols in SSL_version/, $version;
    }
};

subtest 'a protocol that OpenSSL does not have is an error, not an exception' => sub {
    for my $version ('SSLv2', 'sslv2') {
        my @context = ('before');

        is raised(sub { @context = IO::Socket::SSL::SSL_Context->new(SSL_version => $version) }),
            '', "$version: no exception";
        is_deeply \@context, [], 'nothing is returned';
        like $SSL_ERROR, qr/^SSL Version SSLv2 not supported/i, 'the error names the protocol';
        like negotiate({ SSL_version => $version }, {})->{client_error},
            qr/SSL Version SSLv2 not supported/i, 'start_SSL fails in the same way';
    }
};

subtest 'no common protocol: both ends fail, each with its reason' => sub {
    my $result = negotiate({ SSL_version => 'TLSv1_2' }, { SSL_version => 'TLSv1_3' });

    like $result->{client_error}, qr/^SSL connect attempt failed .*tlsv1 alert protocol version/,
        'client';
    like $result->{server_error}, qr/^SSL accept attempt failed .*unsupported protocol/, 'server';
    $result = negotiate({ SSL_version => 'TLSv1_3' }, { SSL_version => 'TLSv1_2' });
    like $result->{client_error}, qr/^SSL connect attempt failed error:\w+:SSL routines:/,
        'the other way round: client';
    like $result->{server_error}, qr/^SSL accept attempt failed error:\w+:SSL routines:/, 'server';
    is agreed(negotiate({ SSL_version => 'TLSv1_2' }, {}), 'get_sslversion'), 'TLSv1_2',
        'the next handshake works';
};

subtest 'an explicit undef lifts the restrictions' => sub {
    my $hello = hello(SSL_version => undef, @old);

    ok scalar(grep { $_ eq '0302' } @{ $hello->{versions} }), 'TLS 1.1 is offered';
    ok scalar(grep { $_ eq '0304' } @{ $hello->{versions} }), 'as is TLS 1.3';
    is agreed(negotiate({ SSL_version => undef }, { SSL_version => undef }), 'get_sslversion'),
        'TLSv1_3', 'and the best is taken';
};

subtest 'the ClientHello offers the protocols of SSL_version and no others' => sub {
    for my $row (['TLSv1_3' => '0304'], ['TLSv1_2' => '0303'],
        ['SSLv23:!TLSv1:!TLSv1_1' => '0304 0303'], ['SSLv23:!TLSv1' => '0304 0303 0302', @old]) {
        my ($version, $offer, @args) = @$row;

        is join(' ', @{ hello(SSL_version => $version, @args)->{versions} }), $offer, $version;
    }
};

subtest 'TLS 1.0 and 1.1 are off until asked for (since 2.082)' => sub {
    is join(' ', @{ hello(@old)->{versions} }),
        since(2.082) ? '0304 0303' : '0304 0303 0302 0301', 'offered by a client';
    my $result = negotiate({ SSL_version => 'TLSv1_1', @old }, {@old});
    like agreed($result, 'get_sslversion'), since(2.082) ? qr/^failed: / : qr/^TLSv1_1$/,
        'taken by a server';
};

differs('nego-version-grammar', 'an empty, unfinished or contradictory SSL_version is refused',
    sub {
        for my $version ('', ':', 'SSLv23:', "TLSv1_2\n") {
            like raised(sub { IO::Socket::SSL::SSL_Context->new(SSL_version => $version) }),
                qr/invalid SSL_version specified/, "'$version'";
        }
        my $all = 'SSLv23:!TLSv1:!TLSv1_1:!TLSv1_2:!TLSv1_3';
        ok !eval { IO::Socket::SSL::SSL_Context->new(SSL_version => $all) }, 'no protocol is left';
        like $@ || $SSL_ERROR, qr/SSL_version/, 'and the error says so';
    },
    sub {
        ok ref IO::Socket::SSL::SSL_Context->new(SSL_version => $_), "'$_' is taken"
            for '', ':', 'SSLv23:', "TLSv1_2\n";
    });

subtest 'get_sslversion_int is the number on the wire' => sub {
    for my $row ([TLSv1 => 0x0301, @old], [TLSv1_1 => 0x0302, @old], [TLSv1_2 => 0x0303],
        [TLSv1_3 => 0x0304]) {
        my ($version, $number, @args) = @$row;
        my $result = negotiate({ SSL_version => $version, @args },
            { SSL_version => 'SSLv23', @args });

        is agreed($result, 'get_sslversion_int'), $number, $version;
        is agreed($result, 'get_sslversion'), $version, 'the name goes with it';
    }
};

done_testing;
