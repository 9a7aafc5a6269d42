# What programs read in the error of a handshake: the words for each way in which a peer fails.
use strict;
use warnings;

use lib 't/lib';
use Errno qw(ECONNRESET);
use IO::Socket::INET;
use IO::Socket::SSL;
use IdentTest;
use Test::More;
use TLSTest;

without_environment();

my $CONNECT = 'SSL connect attempt failed';
my $ACCEPT  = 'SSL accept attempt failed';
my $EOF     = qr/unexpected eof while reading|handshake problems/;

# A TLS server, what somebody without TLS sends to it, and what the server says.
sub server_hears {
    my ($bytes) = @_;
    my $server = test_server();
    my $plain = IO::Socket::INET->new(PeerAddr => $server->addr) or die "connect: $@";
    print $plain $bytes;
    shutdown $plain, 1;
    return $server->outcome;
}

# A server without TLS, what it answers, and what the client says.
sub client_hears {
    my ($bytes) = @_;
    my $server = test_server(plain => 1, handler => sub {
        my $sock = shift;
        sysread $sock, my $hello, 4096;
        print $sock $bytes;
        return 1;
    });
    my $client = client($server);
    return defined $client ? 'connected' : "$SSL_ERROR";
}

subtest 'a server hears from a client that does not speak TLS' => sub {
    like server_hears("GET / HTTP/1.0\r\n\r\n"), qr/^accept failed: $ACCEPT.*http request/, 'HTTP';
    like server_hears("CONNECT a:1 HTTP/1.0\r\n\r\n"), qr/$ACCEPT.*https proxy request/, 'a proxy';
    like server_hears("HELO me\r\n" x 10),
        qr/$ACCEPT.*(?:wrong version number|unsupported protocol)/, 'SMTP';
    like server_hears(''), qr/$ACCEPT.*$EOF/, 'silence';
};

subtest 'a client hears from a server that does not speak TLS' => sub {
    like client_hears("220 ready\r\n"), qr/^$CONNECT.*wrong version number/, 'a greeting';
    like client_hears("HTTP/1.0 400 Bad\r\n\r\n"), qr/^$CONNECT.*wrong version number/, 'HTTP';
};

subtest 'a peer that goes away during the handshake' => sub {
    my ($near, $far) = plain_pair();
    close $far;
    ok !IO::Socket::SSL->start_SSL($near, client_args()), 'closed: the client fails';
    like $SSL_ERROR, qr/^$CONNECT.*$EOF/, 'and says so';

    ($near, $far) = plain_pair();
    reset_on_close($far);
    close $far;
    ok !IO::Socket::SSL->start_SSL($near, client_args()), 'reset: the client fails';
    is $! + 0, ECONNRESET, '$! is ECONNRESET';
    like $SSL_ERROR, qr/^$CONNECT/, 'the error is that of connecting';
};

subtest 'no protocol, no cipher in common' => sub {
    my %v12 = (SSL_version => 'TLSv1_2');
    my %how = (client => {%v12}, server => { files('server'), SSL_version => 'TLSv1_3' });
    refused('versions, the client', client => qr/^$CONNECT.*alert protocol version/, %how);
    refused('versions, the server', server => qr/^$ACCEPT.*unsupported protocol/, %how);
    %how = (client => { %v12, SSL_cipher_list => 'AES128-SHA256' },
        server => { files('server'), %v12, SSL_cipher_list => 'AES256-SHA256' });
    refused('ciphers, the client', client => qr/^$CONNECT.*handshake failure/, %how);
    refused('ciphers, the server', server => qr/^$ACCEPT.*no shared cipher/, %how);
};

subtest 'certificates' => sub {
    refused('a client refuses the server\'s', client => qr/^$CONNECT.*certificate verify failed/,
        client => { SSL_ca_file => cert('other-ca.pem') });
    refused('the server hears of it', server => qr/^$ACCEPT.*alert unknown ca/,
        client => { SSL_ca_file => cert('other-ca.pem') });
    my %server = (files('server'), SSL_ca_file => cert('ca.pem'), SSL_verify_mode => 3);
    refused('a server refuses the client\'s', server => qr/^$ACCEPT.*certificate verify failed/,
        client => { files('client-other') }, server => {%server});
    refused('a server misses the client\'s',
        server => qr/^$ACCEPT.*peer did not return a certificate/, server => {%server});
};

subtest 'a name for which the server has no certificate' => sub {
    my %how = (client => { SSL_hostname => 'c.sni.test' },
        server => { SSL_cert_file => { 'a.sni.test' => cert('a-sni.pem') },
            SSL_key_file => { 'a.sni.test' => cert('a-sni.key') } });
    refused('the client', client => qr/^$CONNECT.*unrecognized name/, %how);
    refused('the server', server => qr/^$ACCEPT/, %how);
};

subtest 'nothing of an error shows up in the next' => sub {
    refused('one', client => qr/certificate verify failed/,
        client => { SSL_ca_file => cert('other-ca.pem') });
    my $text = client_hears("220 ready\r\n");
    unlike $text, qr/verify failed/, 'another';
    connects('and then none');
    ok !$SSL_ERROR, 'at all';
};

done_testing;
