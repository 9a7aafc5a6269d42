# Which name a client verifies: SSL_verifycn_name, SSL_hostname, PeerAddr, PeerHost, the address.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use Test::More;
use TLSTest;

without_environment();

my $MISMATCH = qr/hostname verification failed/;
my $good     = 'server.test';       # a name of server.pem
my $bad      = 'other.test';        # none
# Older incumbents warn about themselves when they take a port from a name.
local $SIG{__WARN__} = sub { print STDERR @_ if $_[0] !~ /uninitialized/ };

# client_args' own SSL_verifycn_name is taken away by undef.
sub naming { return (SSL_verifycn_name => undef, @_) }

subtest 'the first of these that is given is the name to verify' => sub {
    my @both = ([good => $good, $bad], [bad => $bad, $good]);
    my @order = qw(SSL_verifycn_name SSL_hostname PeerAddr PeerHost);
    for my $i (0 .. $#order) {
        for (@both) {
            my ($kind, $name, $later) = @$_;
            my %client = naming($order[$i] => $name,
                map { $_ => $later } @order[$i + 1 .. $#order]);
            if ($kind eq 'good') { connects("$order[$i]: $name", client => {%client}) }
            else { refused("$order[$i]: $name", client => $MISMATCH, client => {%client}) }
        }
    }
};

subtest 'SSL_verifycn_name that is empty or undef is not given' => sub {
    for my $empty ('', undef) {
        my $shown = defined $empty ? '""' : 'undef';
        connects("$shown: SSL_hostname counts",
            client => { SSL_verifycn_name => $empty, SSL_hostname => $good });
        refused("$shown: a wrong SSL_hostname counts", client => $MISMATCH,
            client => { SSL_verifycn_name => $empty, SSL_hostname => $bad });
    }
};

subtest 'PeerAddr and PeerHost may hold a port or service' => sub {
    for my $option (qw(PeerAddr PeerHost)) {
        connects("$option => '$_'", client => { naming($option => $_) })
            for "$good:443", "$good:https", '127.0.0.1:443', '::1';
        refused("$option => '$_'", client => $MISMATCH, client => { naming($option => $_) })
            for "$bad:443", '127.0.0.2:443', '::2';
    }
};

differs('ident-peeraddr-brackets', 'an IPv6 address may stand in brackets, with a port',
    sub {
        for my $option (qw(PeerAddr PeerHost)) {
            connects("$option => '$_'", client => { naming($option => $_) })
                for '[::1]:443', '[::1]';
            refused("$option => '[::2]:443'", client => $MISMATCH,
                client => { naming($option => '[::2]:443') });
        }
    },
    sub {
        refused('it never matches', client => $MISMATCH,
            client => { naming(PeerAddr => '[::1]:443') });
    });

subtest 'without any name the address of the peer is verified' => sub {
    connects('127.0.0.1, in the certificate', over => 'tcp', client => { naming() });
    refused('127.0.0.1, not in the certificate', client => $MISMATCH, over => 'tcp',
        client => { naming() }, server => { files('other-name') });
};

SKIP: {
    skip 'no IPv6 here', 2 if !can_ipv6_here();
    differs('ident-peer-ipv6', 'that holds for IPv6 too',
        sub {
            connects('::1, in the certificate', over => 'tcp6', client => { naming() });
            refused('::1, not in the certificate', client => $MISMATCH, over => 'tcp6',
                client => { naming() }, server => { files('other-name') });
        },
        sub {
            refused('it is never found', client => $MISMATCH, over => 'tcp6',
                client => { naming() });
        });

    subtest 'new() knows the IPv6 address that it connects to, in every form' => sub {
        my $server = test_server(addr => '::1', args => { files('server') });
        for ([PeerAddr => $server->addr], [PeerHost => $server->addr],
            [PeerAddr => '::1', PeerPort => $server->port],
            [PeerHost => '[::1]', PeerService => $server->port]) {
            my $sock = IO::Socket::SSL->new(SSL_ca_file => cert('ca.pem'), @$_);
            ok $sock, "@$_" or diag $SSL_ERROR;
            undef $sock;
            $server->outcome;
        }
    };
}

subtest 'where the peer has no address either' => sub {
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, grep { !/uninitialized/ } @_ };
    connects('the chain alone is verified', client => { naming() });
    is scalar @warnings, 1, 'with a warning';
    like $warnings[0], qr/^Cannot determine hostname of peer for verification\..*SSL_verifycn_name/,
        'that tells what to do';
    @warnings = ();
    connects('SSL_hostname => "" means that there is none', over => 'tcp',
        client => { naming(SSL_hostname => '') });
    is scalar @warnings, 1, 'which is worth the warning too';

    @warnings = ();
    refused('but with a scheme given it fails', client =>
        qr/Cannot determine peer hostname for verification/,
        client => { naming(SSL_verifycn_scheme => 'http') });
    connects('unless that scheme is none', client => { naming(SSL_verifycn_scheme => 'none') });
    is_deeply \@warnings, [], 'without a warning';
};

subtest 'names that are none never match' => sub {
    refused($_->[0], client => qr/$MISMATCH|^SSL_verifycn_name/,
        client => { SSL_verifycn_name => $_->[1] }) for
        ['with a NUL'          => "$good\0.evil.test"],
        ['a short address'     => '127.0.1'],
        ['a port'              => "$good:443"],
        ['blanks'              => " $good"],
        ['a wildcard'          => '*.wild.test'];
};

subtest 'case and a trailing dot do not count' => sub {
    connects($_, client => { SSL_verifycn_name => $_ }) for 'SERVER.Test', 'server.test.',
        'x.WILD.test';
};

differs('error-hostname-names', 'the error tells the name that was wanted, and those there are',
    sub {
        my $result = refused('both', client =>
            qr/hostname verification failed.*server\.test.*other\.example/s,
            client => { SSL_verifycn_name => 'other.example' });
    },
    sub {
        my $result = handshake(client => { SSL_verifycn_name => $bad });
        like $result->{client_error}, qr/^hostname verification failed/, 'neither';
    });

subtest 'nothing is verified with SSL_VERIFY_NONE' => sub {
    connects('a wrong name', client => { SSL_verifycn_name => $bad, SSL_verify_mode => 0 });
    my $result = connects('a wrong name and a scheme',
        client => { SSL_verifycn_name => $bad, SSL_verifycn_scheme => 'http',
            SSL_verify_mode => 0 });
    is $result->{client}->verify_hostname($bad, 'http'), 0, 'the program can still do it';
    is $result->{client}->verify_hostname($good, 'http'), 1, 'by itself';
};

subtest 'new() verifies the name that it connects to' => sub {
    my $server = test_server(args => { files('server') });
    my $new = sub {
        my $sock = IO::Socket::SSL->new(SSL_ca_file => cert('ca.pem'), @_);
        my $error = "$SSL_ERROR";
        undef $sock;
        $server->outcome;
        return $error;
    };
    is $new->(PeerAddr => $server->addr), '', 'PeerAddr with port';
    is $new->(PeerHost => 'localhost', PeerPort => $server->port, Family => Socket::AF_INET()), '',
        'a host name';
    is $new->(PeerAddr => '127.0.0.1', PeerPort => $server->port), '', 'an address';
    like $new->(PeerAddr => $server->addr, SSL_verifycn_name => $bad), $MISMATCH, 'another name';
    like $new->(PeerAddr => $server->addr, SSL_hostname => $bad), $MISMATCH, 'another SSL_hostname';
};

subtest 'the server sees an alert, and no connection' => sub {
    refused('a wrong name', server => qr/^SSL accept attempt failed.*alert/,
        client => { SSL_verifycn_name => $bad });
};

done_testing;
