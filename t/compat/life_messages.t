# life_messages.t - set_msg_callback: a program looks at the messages of TLS.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;

since(2.081) or plan skip_all => 'set_msg_callback came with 2.081';

my ($HEADER, $HANDSHAKE, $ALERT) = (256, 22, 21);     # content types

# Both ends before the handshake.
sub upgraded {
    my ($client, $server) = plain_pair();
    $_->blocking(0) for $client, $server;
    IO::Socket::SSL->start_SSL($client, client_args(SSL_startHandshake => 0)) or die $SSL_ERROR;
    IO::Socket::SSL->start_SSL($server, server_args(SSL_startHandshake => 0)) or die $SSL_ERROR;
    return ($client, $server);
}

sub shake_hands {
    my ($client, $server) = @_;
    my ($c, $s);
    for (1 .. 100) {
        $c ||= $client->connect_SSL;
        $s ||= $server->accept_SSL;
        return 1 if $c && $s;
        ready($c ? $server : $client, 'r', 1) if $_ > 3;
    }
    return 0;
}

for my $side ('client', 'server') {
    subtest "a $side sees what it sends and what comes" => sub {
        my ($client, $server) = upgraded();
        my $sock = $side eq 'client' ? $client : $server;
        my @seen;
        $sock->set_msg_callback(sub { push @seen, [@_] }, 'one', [2]);
        ok shake_hands($client, $server), 'handshake';
        my ($first) = grep { $_->[3] == $HANDSHAKE } @seen;
        is scalar @$first, 9, 'seven arguments and those of the program';
        is $first->[0], $sock, 'the socket';
        is $first->[1], $side eq 'client' ? 1 : 0, '1 for what is sent, 0 for what comes';
        is length $first->[4], $first->[5], 'the message and its length';
        is ord $first->[4], 1, 'a ClientHello';
        is $first->[6], $sock->_get_ssl_object, 'the SSL object' if since(2.089);
        is $first->[7], 'one', 'the program\'s own';
        is_deeply $first->[8], [2], 'both of them';
        my %directions = map { $_->[1] => 1 } @seen;
        is_deeply [sort keys %directions], [0, 1], 'both directions';
        my ($header) = grep { $_->[3] == $HEADER } @seen;
        is $header->[5], 5, 'headers of records are told as well';
        my ($server_hello) = grep { $_->[3] == $HANDSHAKE && ord $_->[4] == 2 } @seen;
        cmp_ok $server_hello->[2], '>=', 0x303, 'with the version' if $server_hello;
        $_->[0] = undef for @seen;
    };
}

subtest 'it can be taken away, and set in the middle of a connection' => sub {
    my ($client, $server) = upgraded();
    my $seen = 0;
    $client->set_msg_callback(sub { $seen++ });
    ok shake_hands($client, $server), 'handshake';
    ok $seen, 'seen';
    $client->set_msg_callback(undef);
    $seen = 0;
    print $client 'x';
    is $seen, 0, 'no more';
    my @types;
    $client->set_msg_callback(sub { push @types, $_[3] });
    print $client 'y';
    ok scalar(grep { $_ == $HEADER } @types), 'set again: the record is told of';
    close $client;
    ok scalar(grep { $_ == $ALERT } @types), 'and the close_notify, which is an alert';
};

subtest 'it may take itself away' => sub {
    my ($client, $server) = upgraded();
    my $seen = 0;
    $client->set_msg_callback(sub { $seen++; $_[0]->set_msg_callback(undef) });
    ok shake_hands($client, $server), 'handshake';
    is $seen, 1, 'called once';
};

subtest 'it belongs to its connection' => sub {
    my $context = IO::Socket::SSL::SSL_Context->new(client_args()) or die $SSL_ERROR;
    my ($client, $server) = pair(client => { SSL_reuse_ctx => $context });
    my $seen = 0;
    $client->set_msg_callback(sub { $seen++ });
    my ($other) = pair(client => { SSL_reuse_ctx => $context });
    is $seen, 0, 'another of the same context is not seen';
};

done_testing;
