# What the other side hears when a certificate is refused: the alerts of RFC 8446 section 6.2.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use Test::More;
use TLSTest;

without_environment();

# What a server's error says after a client has refused it.
sub server_hears {
    my $result = handshake(@_);
    isnt $result->{client_error}, '', 'the client refuses';
    return $result->{server_error};
}

subtest 'a chain that leads nowhere is an unknown ca' => sub {
    like server_hears(client => { SSL_ca_file => cert('other-ca.pem') }), qr/unknown ca\b/,
        'the server hears it';
};

subtest 'an expired certificate is told as expired' => sub {
    like server_hears(server => { files('expired') }), qr/certificate expired/, 'the server hears it';
};

differs('ident-name-alert', 'a certificate for another name is a bad certificate', sub {
    like server_hears(client => { SSL_verifycn_name => 'other.test' }), qr/bad certificate/,
        'the server hears what is wrong with it';
}, sub {
    like server_hears(client => { SSL_verifycn_name => 'other.test' }), qr/internal error/,
        'the server hears of an internal error';
});

done_testing;
