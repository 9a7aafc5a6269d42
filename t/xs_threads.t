# xs_threads.t - ithreads: what is on a handle is cloned with it, shared where it must be, and freed once.
use strict;
use warnings;
use Config;
use Test::More;
BEGIN {
    plan skip_all => 'this perl has no threads' if !$Config{useithreads};
    require threads;
    threads->import;
}
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;
use IO::Socket::SSL::PublicSuffix ();

subtest 'a connection survives threads that come and go' => sub {
    my ($client, $server) = pair(over => 'unix');
    for my $round (1, 2) {
        my $result = threads->create(sub { $client->get_cipher })->join;
        is $result, $client->get_cipher, "round $round: the clone knows the connection";
        print $client "round $round\n";
        is scalar(<$server>), "round $round\n", 'data flow on';
    }
};

subtest 'a connection may be used in another thread' => sub {
    my ($client, $server) = pair(over => 'unix');
    my $line = threads->create(sub { print $client "from a thread\n"; scalar <$server> })->join;
    is $line, "from a thread\n", 'written and read there';
    print $server "back\n";
    is scalar(<$client>), "back\n", 'and here afterwards';
};

subtest 'connections are made in threads, with what was prepared before' => sub {
    my $calls = 0;
    my $list = IO::Socket::SSL::PublicSuffix->from_string("com\n");
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_ca_file => cert('ca.pem'),
        SSL_verify_callback => sub { $calls++; $_[0] }, SSL_verifycn_publicsuffix => $list);
    my @threads = map {
        threads->create(sub {
            my $result = handshake(over => 'unix', client => { SSL_reuse_ctx => $context,
                SSL_verifycn_name => 'x.wild.test' });
            return $result->{client_ok} ? "connected after $calls calls" : $result->{client_error};
        });
    } 1 .. 3;
    like $_->join, qr/^connected after [1-9]/, 'with the callback and list of the thread\'s own' for @threads;
    is $calls, 0, 'the one here was not called';
};

subtest 'errors belong to their thread' => sub {
    my ($client, $server) = pair(over => 'unix');
    IO::Socket::SSL->start_SSL('no socket');
    my $here = "$SSL_ERROR";
    my $there = threads->create(sub {
        IO::Socket::SSL::SSL_Context->new(SSL_cipher_list => 'no-such');
        "$SSL_ERROR";
    })->join;
    like $there, qr/^Failed to set SSL cipher list/, 'one there';
    is "$SSL_ERROR", $here, 'doesn\'t touch the one here';
    my $want = threads->create(sub {
        $client->blocking(0);
        sysread $client, my $buffer, 1;
        $SSL_ERROR == SSL_WANT_READ && "$SSL_ERROR";
    })->join;
    is $want, SSL_WANT_READ() . '', 'the constants are the same there';
};

done_testing;
