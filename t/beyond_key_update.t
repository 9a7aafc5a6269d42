# beyond_key_update.t - key_update and SSL_key_update_bytes.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

plan skip_all => 'this OpenSSL has no TLS 1.3' if !IO::Socket::SSL->can_key_update;

# A pair whose client counts the KeyUpdate messages that it sends and gets.
sub counting_pair {
    my %count = (sent => 0, got => 0);
    my ($client, $server) = pair(over => 'unix', client => { @_,
        SSL_msg_callback => sub {
            my (undef, $sent, undef, $type, $bytes) = @_;
            $count{ $sent ? 'sent' : 'got' }++ if $type == 22 && ord $bytes == 24;
        } });
    settle($client, $server);
    return ($client, $server, \%count);
}

sub exchange {
    my ($from, $to, $data) = @_;
    syswrite $from, $data;
    my $n = 0;
    while ($n < length $data) { $n += sysread($to, my $part, 65536) || last }
    return $n;
}

subtest 'on demand, both keys' => sub {
    my ($client, $server, $count) = counting_pair();
    is $client->key_update, 1, 'done';
    is $count->{sent}, 1, 'sent at once';
    is exchange($client, $server, 'x' x 100), 100, 'data under the new key';
    is exchange($server, $client, 'y' x 100), 100, 'and back';
    is $count->{got}, 1, 'the peer has renewed its own';
};

subtest 'on demand, ours alone' => sub {
    my ($client, $server, $count) = counting_pair();
    is $client->key_update(0), 1, 'done';
    exchange($client, $server, 'x');
    is exchange($server, $client, 'y' x 100), 100, 'data';
    is_deeply $count, { sent => 1, got => 0 }, 'the peer keeps its key';
    is $server->key_update, 1, 'a server can, too';
    exchange($server, $client, 'y');
    is exchange($client, $server, 'x' x 100), 100, 'data';
    is $count->{got}, 1, 'and the client hears of it';
};

subtest 'by volume' => sub {
    my ($client, $server, $count) = counting_pair(SSL_key_update_bytes => 50_000);
    my $before = $count->{sent};
    exchange($client, $server, 'x' x 10_000) for 1 .. 20;
    cmp_ok $count->{sent} - $before, '>=', 3, '200000 bytes out';
    cmp_ok $count->{sent} - $before, '<=', 4, 'and not more often';
    $before = $count->{sent};
    exchange($server, $client, 'y' x 10_000) for 1 .. 20;
    cmp_ok $count->{sent} - $before, '>=', 3, '200000 bytes in';
    my ($plain, $other, $none) = counting_pair();
    exchange($plain, $other, 'x' x 10_000) for 1 .. 20;
    is $none->{sent}, 0, 'none without being asked';
};

subtest 'where it cannot be' => sub {
    my ($client, $peer) = pair(over => "unix", client => { SSL_version => "TLSv1_2",
        SSL_key_update_bytes => 1 });
    is $client->key_update, undef, 'TLS 1.2';
    like $SSL_ERROR, qr/key update: TLSv1_2 has none; TLSv1_3 is needed/, 'and why';
    is $client->ssl_error->{code}, 'unsupported', 'its code';
    is syswrite($client, 'x' x 10), 10, 'the connection lives on';
    my ($three, $server) = pair(over => 'unix');
    $three->stop_SSL(SSL_fast_shutdown => 1);
    is $three->key_update, undef, 'after the end';
    is eval { IO::Socket::SSL::SSL_Context->new(client_args(SSL_key_update_bytes => 'lots')); 1 },
        undef, 'no number';
    like $@, qr/SSL_key_update_bytes: a number of bytes expected/, 'dies';
};

done_testing;
