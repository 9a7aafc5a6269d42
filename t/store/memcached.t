# memcached.t - IO::Socket::SSL::Store::Memcached with a real memcached, by both clients.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest '180';
use StoreTest;
use IO::Socket::SSL;
use IO::Socket::SSL::Store::Memcached;

plan skip_all => 'no memcached here' if !has_program('memcached');
my @clients = grep { eval "require $_; 1" } qw(Cache::Memcached::Fast Cache::Memcached);
plan skip_all => 'no Cache::Memcached::Fast or Cache::Memcached here' if !@clients;

sub start { my $at = shift; return start_server(sub { my ($port) = @_;
    return ('memcached', '-l', '127.0.0.1', '-p', $port, '-U', 0, '-u', 'nobody', '-m', 16) }, $at) }

# To the question whether it is there.
my %there = ('Cache::Memcached::Fast' => "VERSION 1.6.18\r\n", 'Cache::Memcached' => "STAT pid 1\r\nEND\r\n");

for my $class (@clients) {
    subtest $class => sub {
        StoreTest::store_tests(start => \&start, answers => [['VERSION '], [$there{$class}, 'STO']], new_store => sub {
            my ($addr, %args) = @_;
            return IO::Socket::SSL::Store::Memcached->new(servers => [$addr], secret => $SECRET,
                client_class => $class, timeout => $PATIENT, %args);
        });
    };
}

done_testing;
