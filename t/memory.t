# No kind of operation grows the process; refused and failing ones least of all.
#
# Each kind runs until memory has settled, then some hundred times more. What is looked at is private
# dirty memory, which is what a process really takes.
# Failing handshakes have a file of their own: t/known/memory_growth_on_failing_handshakes.t.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Intercept;
use IO::Socket::SSL::PublicSuffix;
use IO::Socket::SSL::Utils qw(:DEFAULT DER_string2cert DER_cert2string DER_string2key DER_key2string);
use KnownTest;
use Test::More;
use TLSTest '280';

plan skip_all => 'the sanitizer keeps what is freed, and finds leaks itself' if $ENV{IOSSL_SANITIZE};
defined kilobytes_dirty() or plan skip_all => 'needs /proc/self/smaps_rollup';

my $key  = KEY_create_ec();
my ($ca, $ca_key) = (PEM_file2cert(cert('ca.pem')), PEM_file2key(cert('ca.key')));
my $pem  = cert_text('server.pem');
my $x509 = PEM_file2cert(cert('server.pem'));
my $der  = DER_cert2string($x509);
my $server = IO::Socket::SSL::SSL_Context->new(server_args()) or die $SSL_ERROR;
my $client = IO::Socket::SSL::SSL_Context->new(client_args()) or die $SSL_ERROR;
my $cache  = IO::Socket::SSL::Session_Cache->new(5);
my $suffix = IO::Socket::SSL::PublicSuffix->default;
my @open   = settle(pair(over => 'unix'));

sub context { return IO::Socket::SSL::SSL_Context->new(@_) }

# It has to fail, or the row says nothing.
sub fails { my $code = shift; return sub { eval { $code->() } and die "no failure\n"; 1 } }

my @by_name = (SSL_server => 1,
    SSL_cert_file => { 'a.sni.test' => cert('a-sni.pem'), 'b.sni.test' => cert('b-sni.pem'),
        '' => cert('server.pem') },
    SSL_key_file => { 'a.sni.test' => cert('a-sni.key'), 'b.sni.test' => cert('b-sni.key'),
        '' => cert('server.key') });

my @KINDS = (
    # Refused and failing.
    ['context: bad SSL_version',      400, fails(sub { context(client_args(SSL_version => 'x')) })],
    ['context: bad SSL_cipher_list',  400, fails(sub { context(client_args(SSL_cipher_list => 'x')) })],
    ['context: no such file',         400, fails(sub { context(SSL_ca_file => '/nonexistent') })],
    ['context: garbage as CA file',   400, fails(sub { context(SSL_ca_file => cert('garbage.pem')) })],
    ['context: cut certificate',      400, fails(sub { context(server_args(SSL_cert_file => cert('truncated.pem'))) })],
    ['context: another\'s key',       200, fails(sub { context(server_args(SSL_cert_file => cert('server.pem'),
        SSL_key_file => cert('client.key'))) })],
    ['context: wrong password',       60, fails(sub { context(server_args(SSL_cert_file => cert('server.pem'),
        SSL_key_file => cert('server-pass.key'), SSL_passwd_cb => sub { 'wrong' })) })],
    ['context: a hash of hosts, one bad', 200, fails(sub { context(@by_name, SSL_key_file =>
        { 'a.sni.test' => cert('a-sni.key'), '' => cert('client.key') }) })],
    ['context: an option of a wrong shape', 400, fails(sub { context(client_args(SSL_verify_callback => 1)) })],
    ['context: a callback that dies', 400, fails(sub { context(client_args(SSL_create_ctx_callback => sub { die "x\n" })) })],
    ['PEM_string2cert: garbage',      1000, fails(sub { PEM_string2cert($pem =~ s/A/!/gr) })],
    ['PEM_string2key: garbage',       1000, fails(sub { PEM_string2key($pem) })],
    ['DER_string2cert: cut',          1000, fails(sub { DER_string2cert(substr $der, 0, 300) })],
    ['CERT_create: impossible',       400, fails(sub { CERT_create(key => $key, digest => 'nonsense') })],
    ['CERT_create: unknown argument', 1000, fails(sub { CERT_create(key => $key, nonsense => 1) })],
    ['KEY_create_ec: unknown curve',  1000, fails(sub { KEY_create_ec('nonsense') })],
    ['start_SSL on what is none',     1000, fails(sub { IO::Socket::SSL->start_SSL(\my $x) })],
    ['new: connection refused',       200, fails(sub { IO::Socket::SSL->new(PeerAddr => '127.0.0.1:1', Timeout => 5) })],
    ['verify_hostname: no match',     2000, fails(sub { IO::Socket::SSL::verify_hostname_of_cert('x.y', $x509, 'http') })],
    ['fingerprint: unknown digest',   1000, fails(sub { $open[0]->get_fingerprint('nonsense') })],
    ['idn_to_ascii: impossible',      1000, fails(sub { IO::Socket::SSL::idn_to_ascii("\x{e9}\x{301}\x{200b} x") })],
    ['a read that would block',       1000, fails(sub { $open[0]->blocking(0); $open[0]->sysread(my $x, 1) })],
    # What succeeds.
    ['context: client',               300, sub { context(client_args()) }],
    ['context: server',               200, sub { context(server_args()) }],
    ['context: three names',          100, sub { context(@by_name) }],
    ['handshake',                     150, sub { handshake(over => 'unix', client => { SSL_reuse_ctx => $client },
        server => { SSL_reuse_ctx => $server })->{client_ok} or die }],
    ['handshake over an own context', 100, sub { handshake(over => 'unix')->{client_ok} or die }],
    ['handshake with a cache',        150, sub { my ($c, $s) = settle(pair(over => 'unix', client => {
        SSL_session_cache => $cache, SSL_session_key => 'x' }, server => { SSL_reuse_ctx => $server })) }],
    ['a line each way',               2000, sub { $open[0]->blocking(1); print { $open[0] } "x\n"; readline $open[1];
        print { $open[1] } "y\n"; readline $open[0] }],
    ['peer_certificate',              2000, sub { $open[0]->peer_certificate('subjectAltNames');
        $open[0]->peer_certificate('cn'); $open[0]->dump_peer_certificate }],
    ['get_fingerprint',               2000, sub { $open[0]->get_fingerprint; $open[0]->get_fingerprint_bin }],
    ['verify_hostname',               2000, sub { $open[0]->verify_hostname('server.test', 'http') }],
    ['certificate made and described', 300, sub { my ($c, $k) = CERT_create(key => $key, issuer => [$ca, $ca_key],
        subjectAltNames => [[DNS => 'x.test']]); CERT_asHash($c); CERT_free($c); KEY_free($k) }],
    ['key made',                      300, sub { KEY_free(KEY_create_ec()) }],
    ['PEM and DER there and back',    1000, sub { my $c = PEM_string2cert($pem); PEM_cert2string($c);
        my $d = DER_string2cert(DER_cert2string($c)); CERT_free($c, $d);
        KEY_free(DER_string2key(DER_key2string($key)), PEM_string2key(PEM_key2string($key))) }],
    ['certificate cloned',            60, sub { my $i = IO::Socket::SSL::Intercept->new(proxy_cert => $ca,
        proxy_key => $ca_key, cert_key => $key); my @clone = $i->clone_cert($x509) }],
    ['public suffix',                 2000, sub { $suffix->public_suffix("www.example$_[0].co.uk") }],
    ['suffix list of an own',         300, sub { IO::Socket::SSL::PublicSuffix->from_string("a.b\nc\n") }],
    ['session cache',                 300, sub { my $c = IO::Socket::SSL::Session_Cache->new(3); $c->get_session('x') }],
    ['handle made and dropped before its handshake', 200, sub { my ($c) = plain_pair('unix');
        IO::Socket::SSL->start_SSL($c, SSL_reuse_ctx => $client, SSL_startHandshake => 0,
            SSL_verifycn_name => 'x') }],
);

# KB by which the process still grows in so many calls once it has settled, which it has when a third
# round or a later one adds less than two pages: the first ones use up what lay free, and where calls
# leave holes of odd sizes it takes more of them. At most forty rounds.
sub growth {
    my ($times, $code) = @_;
    my $grown;
    for my $round (1 .. 40) {
        my $before = kilobytes_dirty();
        $code->($_) for 1 .. $times;
        $grown = kilobytes_dirty() - $before;
        last if $round > 2 && $grown <= 8;
    }
    return $grown;
}

my @kept;
cmp_ok growth(400, sub { push @kept, 'x' x 1000 }), '>', 8, 'what keeps a kilobyte each time is seen here';
for my $row (@KINDS) {
    my ($kind, $times, $code) = @$row;
    my $grown = growth($times, $code);
    cmp_ok $grown, '<=', 8, "$kind: memory stays" or diag sprintf '%d bytes each', $grown * 1024 / $times;
}

KEY_free($key, $ca_key);
CERT_free($ca, $x509);
done_testing;
