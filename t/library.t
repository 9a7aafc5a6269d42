# library.t - SSL_propq and SSL_libctx. What is done with them is checked in c/t/t_library.c.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

plan skip_all => 'no library contexts before OpenSSL 3' if !IO::Socket::SSL->can_library;

sub context { return IO::Socket::SSL::SSL_Context->new(server_args(@_)) }

my %default = (SSL_propq => 'provider=default');
my ($client, $server) = pair(over => 'unix', client => {%default}, server => {%default});
print $client "line\n";
is scalar(readline $server), "line\n", 'a connection whose algorithms are of the default provider';

is context(SSL_propq => 'provider=nonexistent'), undef, 'properties that nothing has';
like $SSL_ERROR, qr/^SSL_propq "provider=nonexistent": no provider of the default library context has/, 'are told of';
ok context(SSL_propq => undef), 'undef: none' or diag $SSL_ERROR;
ok context(SSL_propq => '?provider=nonexistent'), 'what is only preferred is fine' or diag $SSL_ERROR;
is eval { context(SSL_libctx => 'library') }, undef, 'a handle that is none';
like $@, qr/SSL_libctx/, 'dies, and says so';
SKIP: {
    skip 'no Net::SSLeay with library contexts here', 1
        if !eval { require Net::SSLeay; defined &Net::SSLeay::OSSL_LIB_CTX_get0_global_default };
    ok context(SSL_libctx => Net::SSLeay::OSSL_LIB_CTX_get0_global_default(), %default), 'a handle' or diag $SSL_ERROR;
}

done_testing;
