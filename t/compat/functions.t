# Functions and class methods that belong to no option: abilities, errors, what is left from old times.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;
use NegoTest;

subtest 'each ability can be asked of the class, an object, and as a function' => sub {
    my $object = IO::Socket::SSL->new;
    my %since  = (can_ciphersuites => 2.082, can_psk => 2.087, can_nested_ssl => 2.096);
    for my $name (qw(can_client_sni can_server_sni can_multi_cert can_npn can_alpn can_ocsp
        can_ticket_keycb can_pha can_partial_chain can_ciphersuites can_ecdh can_ipv6 can_psk
        can_nested_ssl)) {
        next if $since{$name} && !since($since{$name});
        no strict 'refs';
        my @answers = (scalar IO::Socket::SSL->$name, scalar $object->$name,
            scalar &{"IO::Socket::SSL::$name"}(), scalar Subclass->$name);
        is_deeply \@answers, [($answers[0]) x 4], "$name: one answer";
    }
};

subtest 'abilities that every OpenSSL of today has' => sub {
    for my $name (qw(can_client_sni can_server_sni can_multi_cert can_alpn can_partial_chain can_pha)) {
        ok(IO::Socket::SSL->$name, $name);
    }
    is(IO::Socket::SSL->can_ecdh, 'auto', 'can_ecdh names how');
    is(IO::Socket::SSL->can_ipv6, 'IO::Socket::IP', 'can_ipv6 names the class');
    is IO::Socket::SSL::CAN_IPV6(), 'IO::Socket::IP', 'CAN_IPV6, too';
    ok !IO::Socket::SSL->can('can_ocsp_staple'), 'there is no can_ocsp_staple';
};

subtest 'functions of old times still work, without a warning' => sub {
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my ($client, $server) = pair();
    is $client->get_peer_certificate, $client, 'get_peer_certificate is the socket';
    like $client->subject_name, qr/CN=server\.test/, 'subject_name';
    like $client->issuer_name, qr/CN=IOSSL/, 'issuer_name';
    ok $client->kill_socket, 'kill_socket closes';
    ok !defined fileno $client, 'really';
    is_deeply IO::Socket::SSL::context_init({ SSL_check_crl => 0 }), { SSL_check_crl => 0 },
        'context_init takes a hash, and returns it';
    is_deeply IO::Socket::SSL::context_init(), {}, 'or nothing';
    my ($one, $other) = plain_pair();
    is IO::Socket::SSL::socketToSSL($one, { SSL_startHandshake => 0 }), $one, 'socketToSSL with a hash';
    is ref $one, 'IO::Socket::SSL', 'upgrades';
    is IO::Socket::SSL::socket_to_SSL($other, SSL_startHandshake => 0), $other, 'socket_to_SSL';
    is_deeply \@warnings, [], 'no warnings';
};

subtest 'init may be called' => sub {
    eval { IO::Socket::SSL::init() };
    is $@, '', 'and does no harm';
    my ($client) = pair();
    ok $client, 'connections work after it';
};

subtest 'get_ssleay_error tells what is left in OpenSSL\'s queue, once' => sub {
    is IO::Socket::SSL::get_ssleay_error(), '', 'nothing is left by us';
    handshake(client => { SSL_verifycn_name => 'foo.test' });
    is IO::Socket::SSL::get_ssleay_error(), '', 'not even by a failed handshake';
    plan skip_all => 'no Net::SSLeay to leave something there' if !net_ssleay();
    my $bio = Net::SSLeay::BIO_new_file('/nowhere/at/all', 'r');
    like IO::Socket::SSL::get_ssleay_error(), qr/^SSL error: .*error:\w+:/, 'what another module left';
    is IO::Socket::SSL::get_ssleay_error(), '', 'once';
};

subtest 'classes that extend this one can set errors' => sub {
    my $socket = IO::Socket::SSL->new;
    is_deeply [$socket->error('low')], [], 'error returns nothing';
    is $socket->errstr, 'low', 'and sets the error of the socket';
    is "$SSL_ERROR", 'low', 'and the global one';
    is $SSL_ERROR + 0, -1, 'as a number: -1';
    $socket->_internal_error('high', 9);
    $socket->_internal_error('later, but less severe', 4);
    is $socket->errstr, 'high', '_internal_error has a severity, and the highest stays';
};

subtest 'errstr without a socket is the last error' => sub {
    IO::Socket::SSL->start_SSL(undef);
    is IO::Socket::SSL::errstr(), 'Not a socket', 'as a function';
    is(IO::Socket::SSL->errstr, 'Not a socket', 'as a class method');
    is(IO::Socket::SSL->new->errstr, 'Not a socket', 'of a socket without errors of its own');
};

subtest 'close without a socket is an error' => sub {
    is_deeply [IO::Socket::SSL::close(undef)], [], 'returns nothing';
    like $SSL_ERROR, qr/^Undefined IO::Socket::SSL object/, 'and says so';
};

subtest 'raw handles are numbers, as long as there is TLS' => sub {
    plan skip_all => 'methods since 2.089' if !since(2.089);
    my ($client) = pair();
    like $client->_get_ssl_object, qr/^\d+$/, 'SSL*';
    like $client->_get_ctx_object, qr/^\d+$/, 'SSL_CTX*';
    isnt $client->_get_ssl_object, $client->_get_ctx_object, 'are two';
    $client->close;
    ok !$client->_get_ssl_object, 'no SSL* after close';
};

done_testing;

package Subclass;
BEGIN { our @ISA = ('IO::Socket::SSL') }
