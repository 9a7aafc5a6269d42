# scts.t - SSL_scts, SSL_ctlog_file, peer_scts: signed certificate timestamps are told.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use File::Temp ();
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use MIME::Base64 qw(encode_base64);
use PeerTest;

plan skip_all => 'this OpenSSL has no Certificate Transparency' if !IO::Socket::SSL->can_scts;

# One by a log that nobody knows: version, log, time, extensions, SHA-256, ECDSA, signature.
my $LOG  = join '', map { chr } 1 .. 32;
my $TIME = 1_700_000_000;
my $sct  = "\0" . $LOG . pack('NN', int($TIME * 1000 / 2**32), $TIME * 1000 % 2**32) . "\0\0"
    . "\4\3" . pack('n/a', pack 'H*', '3006020101020101');
my $list = pack 'n/a', pack 'n/a', $sct;

my ($ca, $ca_key) = CERT_create(CA => 1, subject => { commonName => 'root' });
my ($cert, $key) = CERT_create(subject => { commonName => 'a.test' }, purpose => 'server',
    subjectAltNames => [[DNS => 'a.test']], issuer => [$ca, $ca_key],
    ext => [{ sn => '1.3.6.1.4.1.11129.2.4.2', data => 'DER:04' . unpack 'H*', pack 'C/a', $list }]);

sub visit {
    my ($client) = pair(over => 'unix', server => { SSL_cert => $cert, SSL_key => $key },
        client => { raw => 1, SSL_ca => [$ca], SSL_verifycn_name => 'a.test', @_ });
    return $client;
}

my $told = { source => 'certificate', status => 'unverified', log => undef, log_id => $LOG,
    time => $TIME, signature => 'ecdsa-with-SHA256' };

subtest 'those of the certificate are there without asking' => sub {
    my $client = visit();
    is_deeply [$client->peer_scts], [$told], 'peer_scts';
    is_deeply $client->ssl_info->{scts}, [$told], 'ssl_info';
    my ($plain) = pair(over => 'unix');
    is_deeply [$plain->peer_scts], [], 'a certificate without';
};

subtest 'asked for, they are judged' => sub {
    is_deeply [visit(SSL_scts => 1)->peer_scts], [{ %$told, status => 'unknown log' }],
        'a log that is in no list';
    my ($client) = pair(over => 'unix', client => { SSL_scts => 1 });
    is_deeply [$client->peer_scts], [], 'a server that sends none';
};

subtest 'in the handshake, as openssl s_server sends it' => sub {
    my $openssl = have('openssl') or plan skip_all => 'no openssl program here';
    my $dir = File::Temp->newdir;
    # In ClientHello, ServerHello of TLS 1.2, Certificate of TLS 1.3 (SSL_CTX_use_serverinfo_ex(3)).
    my $info = encode_base64(pack 'N n n/a', 0x1180, 18, $list);
    open my $fh, '>', "$dir/info.pem" or die $!;
    print $fh map { "-----$_ SERVERINFOV2 FOR 18-----\n" . ($_ eq 'BEGIN' ? $info : '') } 'BEGIN', 'END';
    close $fh or die $!;
    for my $flag ('-tls1_2', '-tls1_3') {
        my $peer = PeerTest->start($openssl, 's_server', '-accept', '127.0.0.1:0', '-rev', $flag,
            '-cert', cert('server.pem'), '-key', cert('server.key'), '-serverinfo', "$dir/info.pem");
        my $port = $peer->line_with(qr/^ACCEPT .*:(\d+)$/) or die $peer->errors;
        my $client = IO::Socket::SSL->new(PeerAddr => "127.0.0.1:$port",
            client_args(SSL_hostname => 'server.test', SSL_scts => 1)) or die $SSL_ERROR;
        is_deeply $client->ssl_info->{scts},
            [{ %$told, source => 'handshake', status => 'unknown log' }], $flag;
    }
};

subtest 'without verification nothing is verified' => sub {
    is_deeply [visit(SSL_scts => 1, SSL_ca => [], SSL_verify_mode => SSL_VERIFY_NONE)->peer_scts],
        [$told], 'nor a timestamp';
};

subtest 'a list of logs that can\'t be used' => sub {
    is(IO::Socket::SSL::SSL_Context->new(SSL_ctlog_file => '/no/such/file'), undef, 'refused');
    like $SSL_ERROR, qr{SSL_ctlog_file /no/such/file can't be used as a list of logs}, 'says so';
};

subtest 'a server has none of them' => sub {
    my (undef, $server) = pair(over => 'unix', client => { SSL_scts => 1 });
    is_deeply [$server->peer_scts], [], 'an empty list';
};

CERT_free($_) for $ca, $cert;
KEY_free($_) for $ca_key, $key;
done_testing;
