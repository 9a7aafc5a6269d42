# SIGPIPE: only writing raises it, as with any socket; ending a connection never kills a program.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

# True if the code in a child, with SIGPIPE's own effect, came to its end.
sub survives {
    my $code = shift;
    my ($text, $status) = in_child(sub { $SIG{PIPE} = 'DEFAULT'; $code->(); return 'alive' });
    return $text eq 'alive' && $status == 0;
}

# A connection whose peer is gone, so that what is sent is answered by a reset.
sub widow {
    my ($client, $server) = settle(pair(@_));
    reset_on_close($server);
    $server->close(SSL_no_shutdown => 1);
    ready($client, 'r');
    return $client;
}

my %quiet = (
    close     => sub { $_[0]->close },
    stop_SSL  => sub { $_[0]->stop_SSL },
    'stop_SSL(SSL_fast_shutdown)' => sub { $_[0]->stop_SSL(SSL_fast_shutdown => 1) },
    shutdown  => sub { $_[0]->shutdown(2) },
    undef     => sub { undef $_[0] },
    DESTROY   => sub { $_[0]->DESTROY },
    sysread   => sub { $_[0]->sysread(my $x, 10) for 1 .. 3 },
    readline  => sub { my $sock = $_[0]; my @lines = <$sock> },
    pending   => sub { $_[0]->pending },
);
for my $version (qw(TLSv1_2 TLSv1_3)) {
    for my $what (sort keys %quiet) {
        ok survives(sub { my $sock = widow(client => { SSL_version => $version }); $quiet{$what}->($sock);
            eval { $sock->close } if $sock }), "$version: $what after a reset";
    }
    ok survives(sub {
        my ($client, $server) = plain_pair();
        close $server;
        IO::Socket::SSL->start_SSL($client, client_args(SSL_version => $version));
        undef $client;
    }), "$version: a handshake with one who is gone";
    ok survives(sub {
        my $result = handshake(client => { SSL_version => $version, SSL_ca_file => cert('other-ca.pem') });
        $_->close for @$result{qw(client server)};
    }), "$version: a handshake that is refused";
}

subtest 'a write to one who is gone raises it, and is an error where it is ignored' => sub {
    my $raised = 0;
    local $SIG{PIPE} = sub { $raised++ };
    my $sock = widow();
    $sock->syswrite('x') for 1 .. 3;
    ok $raised, 'raised';
    $SIG{PIPE} = 'IGNORE';
    is $sock->syswrite('x'), undef, 'an error';
};

done_testing;
