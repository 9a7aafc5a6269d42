# beyond_early.t - SSL_early_data and SSL_max_early_data. What they promise is checked in c/t/t_early.c.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

plan skip_all => 'this OpenSSL has no TLS 1.3' if !IO::Socket::SSL->can_early_data;

my $GET     = "GET / HTTP/1.0\r\n\r\n";
my $context = IO::Socket::SSL::SSL_Context->new(client_args(SSL_session_cache_size => 10));

# The server tells whether the request was early, and what it was.
my $server = test_server(args => { SSL_max_early_data => 1000 }, handler => sub {
    my $socket = shift;
    my $early  = $socket->is_early ? 'early' : 'late';
    my $line   = readline $socket;
    print $socket "$early $line";
    return $socket->close ? 'closed' : 'not closed';
});

sub ask {
    my (%args) = @_;
    my $socket = IO::Socket::SSL->new(PeerAddr => $server->addr, SSL_reuse_ctx => $context,
        SSL_session_key => 'peer', SSL_verifycn_name => 'server.test', %args)
        or return "failed: $SSL_ERROR";
    my $answer = readline $socket;
    my $state  = $socket->ssl_info->{early_data};
    $socket->close;
    return "$state: " . ($answer // 'nothing');
}

is ask(SSL_early_data => $GET), "none: late GET / HTTP/1.0\r\n", 'the first time: after the handshake';
is ask(SSL_early_data => $GET), "accepted: early GET / HTTP/1.0\r\n", 'then with the first message';
like ask(SSL_early_data => "POST / HTTP/1.0\r\n\r\n"), qr/^failed: SSL_early_data isn't a whole request that changes nothing/,
    'not what changes something';
is ask(SSL_early_data => "POST / HTTP/1.0\r\n\r\n", SSL_early_data_unsafe => 1),
    "accepted: late POST / HTTP/1.0\r\n", 'a client may insist; the server waits all the same';
is ask(SSL_early_data => $GET), "accepted: early GET / HTTP/1.0\r\n", 'and the next one';

# Another server doesn't know the session: what went early is rejected, and comes once all the same.
my $other = test_server(args => { SSL_max_early_data => 1000 }, handler => sub {
    my $socket = shift;
    my @lines = (scalar readline($socket), scalar readline $socket);
    print $socket join '|', $socket->is_early ? 'early' : 'late', map { tr/\r\n//dr } @lines;
    return $socket->close ? 'closed' : 'not closed';
});
like ask(SSL_early_data => $GET, SSL_session_key => 'third'), qr/^none: /, 'a session';
is ask(SSL_early_data => $GET, SSL_session_key => 'third', PeerAddr => $other->addr),
    'rejected: late|GET / HTTP/1.0|', 'rejected, and sent again';

like ask(SSL_early_data => $GET, SSL_session_key => 'slow'), qr/^none: /, 'sessions under another key';
{   # Without waiting: the handshake is over when the data are out.
    my $socket = IO::Socket::SSL->new(PeerAddr => $server->addr, SSL_reuse_ctx => $context, Blocking => 0,
        SSL_session_key => 'slow', SSL_verifycn_name => 'server.test', SSL_early_data => $GET,
        SSL_startHandshake => 0) or die $SSL_ERROR;
    until ($socket->connect_SSL) {
        ready($socket, $SSL_ERROR == SSL_WANT_WRITE ? 'w' : 'r') or die "$SSL_ERROR";
    }
    is $socket->ssl_info->{early_data}, 'accepted', 'by a socket that does not wait, too';
    my $answer;
    ready($socket, 'r') until defined($answer = readline $socket) || $SSL_ERROR != SSL_WANT_READ;
    is $answer, "early GET / HTTP/1.0\r\n", 'and answered';
    $socket->close;
}

my $plain = IO::Socket::SSL->new(PeerAddr => $server->addr, SSL_verifycn_name => 'server.test',
    SSL_ca_file => cert('ca.pem')) or die $SSL_ERROR;
print $plain $GET;
is scalar(readline $plain), "late GET / HTTP/1.0\r\n", 'who asks for nothing gets nothing';
$plain->close;

is(IO::Socket::SSL::SSL_Context->new(server_args(SSL_max_early_data => 100_000)), undef, 'too much');
like $SSL_ERROR, qr/SSL_max_early_data 100000: up to 16384/, 'is told';
is(IO::Socket::SSL::SSL_Context->new(server_args(SSL_max_early_data => 100,
    SSL_ticket_keycb => sub { })), undef, 'keys of tickets beside it');
like $SSL_ERROR, qr/doesn't go with ticket keys/, 'are refused';

done_testing;
