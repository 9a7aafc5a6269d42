# After stop_SSL and after close no method of TLS answers, crashes, or sends in the clear what it shouldn't.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

my %method = map { my $name = $_; $name => sub { scalar $_[0]->$name } } qw(
    get_cipher get_sslversion get_sslversion_int dump_peer_certificate pending errstr is_SSL
    get_session_reused alpn_selected next_proto_negotiated get_servername get_fingerprint
    get_fingerprint_bin peer_certificate peer_certificates sock_certificate opened opening
    want_read want_write stat blocking ocsp_resolver getline getc ungetc eof);
$method{'peer_certificate(cn)'} = sub { $_[0]->peer_certificate('cn') };
$method{verify_hostname}        = sub { $_[0]->verify_hostname('server.test', 'http') };
$method{sysread}  = sub { $_[0]->sysread(my $x, 10) };
$method{read}     = sub { $_[0]->read(my $x, 10) };
$method{peek}     = sub { $_[0]->peek(my $x, 10) };
$method{'export_keying_material'} = sub { $_[0]->export_keying_material('EXPORTER-x', 16, '') };
$method{stop_SSL} = sub { $_[0]->stop_SSL };
$method{accept_SSL} = sub { $_[0]->accept_SSL(Timeout => 1) };

# In a child each, since a crash is what is feared: its answer, or "crash".
sub answer {
    my ($state, $name) = @_;
    my ($text, $status) = in_child(sub {
        my ($client, $server) = settle(pair());
        $_->stop_SSL(SSL_fast_shutdown => 1) for $client, $server;
        if ($state eq 'closed') { $client->close }
        else { $_->blocking(0) for $client, $server }
        local $SIG{__WARN__} = sub { };
        my $answer = eval { $method{$name}->($client) };
        return $@ ? "died: $@" : 'answered ' . ($answer // 'undef');
    });
    return $status ? "crash: $status" : $text;
}

for my $state ('stopped', 'closed') {
    for my $name (sort keys %method) {
        like answer($state, $name), qr/^(?:answered|died: (?!.*panic))/, "$state: $name";
    }
}

subtest 'what is written after stop_SSL of both is plain, after that of the peer alone is nothing' => sub {
    my ($client, $server) = settle(pair());
    $server->stop_SSL(SSL_fast_shutdown => 1);
    is sysread($client, my $text, 10), 0, 'the peer has stopped';
    is $client->syswrite('secret'), undef, 'nothing is sent';
    $client->stop_SSL(SSL_fast_shutdown => 1);
    is syswrite($client, "plain\n"), 6, 'until this end stops too';
    is sysread($server, my $got, 100), 0, 'the peer hears of the end first';
    is sysread($server, $got, 100), 6, 'then of what is plain';
    is $got, "plain\n", 'and of nothing else';
};

done_testing;
