# $SSL_ERROR is of the last operation, whichever socket's; each socket's own is its errstr.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

subtest 'a socket knows its own error after those of others' => sub {
    my $wrong_ca   = handshake(client => { SSL_ca_file => cert('other-ca.pem') });
    my $wrong_name = handshake(client => { SSL_verifycn_name => 'wrong.test' });
    like $wrong_name->{client_error}, qr/hostname verification failed/, 'one';
    like $wrong_ca->{client_error}, qr/certificate verify failed/, 'the other';
    my ($client, $server) = settle(pair());
    is $SSL_ERROR // '', '', 'a connection that is well clears the variable';
    unlike $client->errstr // '', qr/failed/, 'and has no error of its own';
};

subtest 'two connections, one of which fails' => sub {
    my ($well, $its_peer) = settle(pair());
    my ($ill, $other)     = settle(pair());
    open my $raw, '+<&', fileno $other or die "dup: $!";
    CORE::syswrite($raw, "\x17\x03\x03\x00\x20" . 'x' x 32);
    is sysread($ill, my $text, 10), undef, 'reading from it fails';
    like $SSL_ERROR, qr/^SSL read error/, 'the variable tells';
    print $its_peer "x\n";
    is scalar(<$well>), "x\n", 'the other reads';
    is $SSL_ERROR // '', '', 'the variable is of that';
    unlike $well->errstr // '', qr/read error/, 'which has no error';
    like $ill->errstr, qr/^SSL read error/, 'while the first keeps its own';
    $well->blocking(0);
    sysread $well, $text, 1;
    cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'a want of one';
    like $ill->errstr, qr/^SSL read error/, 'isn\'t the error of the other';
};

subtest 'wants of non-blocking handshakes that take turns' => sub {
    my @pairs = map { [plain_pair()] } 1, 2;
    for my $pair (@pairs) {
        $_->blocking(0) for @$pair;
        IO::Socket::SSL->start_SSL($pair->[0], client_args(), SSL_startHandshake => 0);
        $pair->[0]->connect_SSL;
    }
    syswrite $pairs[0][1], "garbage, not TLS\r\n";
    ready($pairs[0][0], 'r');
    ok !$pairs[0][0]->connect_SSL, 'one fails';
    unlike $SSL_ERROR, qr/^SSL wants/, 'for good';
    ok !$pairs[1][0]->connect_SSL, 'the other goes on';
    cmp_ok $SSL_ERROR, '==', SSL_WANT_READ, 'as its own want says';
};

done_testing;
