# python.t - Python's ssl module at the other end, both ways.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;
use PeerTest;

my $python = python3() or plan skip_all => 'no python3 with ssl and TLS 1.3 here';

# Connects, sends one line, reads $count bytes, prints what it saw and a checksum.
my $CLIENT = <<'END';
import socket, ssl, sys, zlib
port, version, ca, name, count, alpn = sys.argv[1:7]
context = ssl.create_default_context(cafile=ca)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
if alpn:
    context.set_alpn_protocols(alpn.split(','))
if len(sys.argv) > 7:
    context.load_cert_chain(*sys.argv[7:9])
try:
    with socket.create_connection(('127.0.0.1', int(port))) as raw:
        with context.wrap_socket(raw, server_hostname=name) as tls:
            tls.sendall(b'from python\n')
            data = b''
            while len(data) < int(count):
                piece = tls.recv(65536)
                if not piece:
                    break
                data += piece
            print(tls.version(), tls.cipher()[0], tls.selected_alpn_protocol(), len(data),
                zlib.adler32(data))
            tls.unwrap()
            print('orderly end')
except ssl.SSLError as error:
    print('refused:', error.reason)
END

# Serves connections: says who asked, takes a number and so many bytes, answers with them.
my $SERVER = <<'END';
import socket, ssl, sys
version, cert, key, ca = sys.argv[1:5]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
context.load_cert_chain(cert, key)
context.set_alpn_protocols(['http/1.1', 'h2'])
if ca:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ca)
asked = []
context.sni_callback = lambda tls, name, context: asked.append(name)
listener = socket.create_server(('127.0.0.1', 0))
print('port', listener.getsockname()[1], flush=True)
while True:
    raw, _ = listener.accept()
    try:
        with context.wrap_socket(raw, server_side=True) as tls:
            peer = tls.getpeercert()
            who = dict(part[0] for part in peer['subject'])['commonName'] if peer else None
            with tls.makefile('rwb') as stream:
                stream.write(b'%s %s %s\n' % (str(asked[-1]).encode(), str(who).encode(),
                    str(tls.selected_alpn_protocol()).encode()))
                stream.flush()
                stream.write(stream.read(int(stream.readline())))
                stream.flush()
            tls.unwrap()
            print('orderly end', flush=True)
    except (ssl.SSLError, OSError, ValueError) as error:
        print('error:', getattr(error, 'reason', error), flush=True)
END

sub python_server {
    my ($version, $ca) = @_;
    my $peer = PeerTest->start($python, '-c', $SERVER, $version, cert('server.pem'),
        cert('server.key'), $ca || '');
    my $port = $peer->line_with(qr/^port (\d+)/) or die 'python: ' . $peer->errors;

    return ($peer, $port);
}

for my $version ('TLSv1_2', 'TLSv1_3') {
    subtest "$version: Python's client verifies our server, and data go both ways" => sub {
        my $listener = listener(SSL_alpn_protocols => ['h2', 'http/1.1']);
        my $data = payload(200_000);
        my $peer = PeerTest->start($python, '-c', $CLIENT, $listener->sockport, $version,
            cert('ca.pem'), 'server.test', length $data, 'http/1.1,h2');
        my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;

        is $sock->get_servername, 'server.test', 'the name asked for';
        is readline($sock), "from python\n", 'a line arrives here';
        ok print({ $sock } $data), 'a large one is sent';
        is $sock->sysread(my $rest, 10), 0, 'the end arrives';
        my ($cipher, $text) = ($sock->get_cipher, join '.', $version =~ /(TLSv\d)_(\d)/);
        ok $sock->close, 'closed';
        my $said = $peer->output;
        is $said, sprintf("%s %s http/1.1 %d %u\norderly end\n", $text, $cipher, length $data,
            digest_of($data)), 'Python saw the same protocol, cipher, ALPN, data and end';
        is $peer->wait_end, 0, 'without an exception' or diag $peer->errors;
    };

    subtest "$version: Python's client with a certificate of its own" => sub {
        my $listener = listener(SSL_cert_file => cert('server.pem'),
            SSL_key_file => cert('server.key'), SSL_ca_file => cert('ca.pem'),
            SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
        my $peer = PeerTest->start($python, '-c', $CLIENT, $listener->sockport, $version,
            cert('ca.pem'), 'server.test', 3, '', cert('client.pem'), cert('client.key'));
        my $sock = $listener->accept or die "accept: $SSL_ERROR, " . $peer->errors;

        is $sock->peer_certificate('commonName'), 'client', 'we know who it is';
        print { $sock } "abc";
        is $sock->alpn_selected, undef, 'no ALPN without a list';
        like $peer->line_with(qr/(.+)/), qr/ None 3 /, 'it got its data';
    };

    subtest "$version: Python's client refuses our server under another name" => sub {
        my $listener = listener();
        my $peer = PeerTest->start($python, '-c', $CLIENT, $listener->sockport, $version,
            cert('ca.pem'), 'other.test', 1, '');
        my $sock = $listener->accept;

        ok !$sock || !defined(readline $sock), 'it does not talk to us';
        is $peer->output, "refused: CERTIFICATE_VERIFY_FAILED\n", 'it says why';
    };

    subtest "$version: our client verifies Python's server, and data go both ways" => sub {
        my ($peer, $port) = python_server($version);
        my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port,
            client_args(SSL_hostname => 'server.test', SSL_alpn_protocols => ['h2']))
            or die "connect: $SSL_ERROR";
        my $data = payload(200_000);

        is $sock->get_sslversion, $version, 'the protocol';
        is $sock->alpn_selected, 'h2', 'ALPN';
        is readline($sock), "server.test None h2\n", 'Python saw the name and the protocol';
        ok print({ $sock } length($data), "\n", $data), 'a large text is sent';
        is $sock->read(my $back, length $data), length $data, 'as much comes back';
        ok $back eq $data, 'every byte of it';
        is $sock->sysread(my $rest, 1), 0, 'then the end';
        ok $sock->close, 'closed';
        is $peer->line_with(qr/(.+)/), 'orderly end', 'Python saw an orderly end';
    };

    subtest "$version: Python's server asks for our certificate" => sub {
        my ($peer, $port) = python_server($version, cert('ca.pem'));
        my %args = (PeerAddr => '127.0.0.1', PeerPort => $port,
            client_args(SSL_hostname => 'server.test'));
        my $sock = IO::Socket::SSL->new(%args, SSL_cert_file => cert('client.pem'),
            SSL_key_file => cert('client.key')) or die "connect: $SSL_ERROR";

        is readline($sock), "server.test client None\n", 'it knows who we are';
        close $sock;
        $peer->line_with(qr/(orderly|error)/);
        $sock = IO::Socket::SSL->new(%args);
        # With TLS 1.3 the client is connected before the server has asked for its certificate.
        is $sock && readline($sock), undef, 'without one there is no answer';
        is $peer->line_with(qr/^error: (.*)/), 'PEER_DID_NOT_RETURN_A_CERTIFICATE', 'it says why';
    };
}

done_testing;
