# redis.t - IO::Socket::SSL::Store::Redis with a real redis-server.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest '120';
use StoreTest;
use IO::Socket::SSL;
use IO::Socket::SSL::Store::Redis;

plan skip_all => 'no Redis.pm here' if !eval { require Redis; 1 };
plan skip_all => 'no redis-server here' if !has_program('redis-server');

sub start { my ($at, @more) = @_; return start_server(sub { my ($port, $dir) = @_;
    return ('redis-server', '--port', $port, '--bind', '127.0.0.1', '--save', '', '--dir', $dir, @more) }, $at) }

sub new_store {
    my ($addr, %args) = @_;
    return IO::Socket::SSL::Store::Redis->new(server => $addr, secret => $SECRET, timeout => $PATIENT, %args);
}

StoreTest::store_tests(start => \&start, new_store => \&new_store, 
    answers => [['+'], ['$1000000'], ["+OK\r\n", '-']]);

subtest 'a password, and another database' => sub {
    my $server = start(undef, '--requirepass', 'sesame');
    my $store = new_store($server->addr, password => 'sesame', database => 3);
    $store->put(k => { statusType => 0, nextUpdate => time + 60 });
    ok $store->get('k'), 'with the password';
    my $other = new_store($server->addr, password => 'sesame');
    is $other->get('k'), undef, 'not in another database';
    my $wrong = new_store($server->addr, password => 'wrong');
    is $wrong->get('k'), undef, 'nothing with a wrong one';
    like $wrong->last_error, qr/auth|WRONGPASS|invalid/i, 'and last_error tells';
};

subtest 'a Unix socket' => sub {
    my $folder = File::Temp->newdir;
    my $server = start(undef, '--unixsocket', "$folder/redis.sock");
    my $store = IO::Socket::SSL::Store::Redis->new(sock => "$folder/redis.sock", secret => $SECRET, timeout => $PATIENT);
    $store->put(k => { statusType => 0, nextUpdate => time + 60 });
    ok $store->get('k'), 'works as well' or diag $store->last_error;
};

subtest 'values go when their time is over' => sub {
    my $server = start();
    my $store = new_store($server->addr);
    $store->_keep('iossl:x:1', 'value', 100);
    my $redis = Redis->new(server => $server->addr);
    my $ttl = $redis->ttl('iossl:x:1');
    ok $ttl > 90 && $ttl <= 100, 'the server knows when';
    $store->_keep('iossl:x:2', 'value', 1e9);
    cmp_ok $redis->ttl('iossl:x:2'), '<=', 86400, 'never more than max_lifetime';
};

done_testing;
