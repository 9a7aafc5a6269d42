# XMPP: clients of Net::XMPP log in at Prosody with STARTTLS and with TLS from the first byte, and exchange messages.
# XML::Stream finds a connection by what its socket looked like before TLS, whichever IO::Socket::SSL there is, so
# the session tells it how it looks now.
# servers: prosody lua-sec
# perl: libnet-xmpp-perl libauthen-sasl-perl
use strict;
use warnings;

use IO::Socket::SSL;
use Net::XMPP;
use Session;
use Test::More;

my ($starttls, $direct) = (free_port(), free_port());
my $dir  = folder();
folder('data');
folder('data/localhost');
folder('data/localhost/accounts');
file("data/localhost/accounts/$_.dat", qq(return { ["password"] = "secret of $_"; };\n)) for qw(me you);
start('prosody', [$starttls, $direct], 'prosody', '-F', '--config', file('prosody.cfg.lua', <<"EOS"));
run_as_root = true
pidfile = "$dir/prosody.pid"
data_path = "$dir/data"
log = { debug = "*console" }
interfaces = { "127.0.0.1" }
c2s_ports = { $starttls }
c2s_direct_tls_ports = { $direct }
modules_enabled = { "roster", "saslauth", "tls", "disco" }
modules_disabled = { "s2s" }
authentication = "internal_plain"
c2s_require_encryption = true
ssl = { certificate = "${\cert('server.pem')}", key = "${\cert('server.key')}" }
VirtualHost "localhost"
EOS

# A client that is logged in, or undef.
sub login {
    my ($name, $way, $ca) = @_;
    my $client = Net::XMPP::Client->new;
    my $connected = eval { $client->Connect(hostname => 'localhost', componentname => 'localhost',
        $way eq 'direct' ? (port => $direct, ssl => 1) : (port => $starttls, tls => 1), ssl_verify => 1, ssl_ca_path => cert($ca)) } or return;
    my @result = $client->AuthSend(username => $name, password => "secret of $name", resource => 'test');
    return if ($result[0] // '') ne 'ok';
    my ($stream, $id) = ($client->{STREAM}, $client->{SESSION}{id});
    $stream->{SOCKETS}{$stream->GetSock($id)} = $id;
    $client->PresenceSend;
    return $client;
}

my %client;
for my $way ('starttls', 'direct') {
    subtest "clients log in, $way" => sub {
        for my $name ('me', 'you') {
            ok $client{$name} = login($name, $way, 'ca.pem'), $name or return diag log_of('prosody');
            my $sock = $client{$name}{STREAM}->GetSock($client{$name}{SESSION}{id});
            isa_ok $sock, 'IO::Socket::SSL';
            like $sock->get_sslversion, qr/^TLSv1/, 'TLS';
            is $sock->peer_certificate('cn'), 'server.test', 'the certificate';
        }
        ok !login('me', $way, 'other-ca.pem'), 'refused where another CA is trusted';
        like $SSL_ERROR, qr/certificate verify failed/, 'why';
    };
}

subtest 'messages both ways' => sub {
    my %got = (me => '', you => '');
    for my $name ('me', 'you') {
        $client{$name}->SetCallBacks(message => sub { $got{$name} .= $_[1]->GetBody . "\n" });
    }
    for my $way (['me', 'you', 'hello'], ['you', 'me', "a long story, " x 3000 . "the end"], ['me', 'you', 'x' x 100_000]) {
        my ($from, $to, $text) = @$way;
        $got{$to} = '';
        $client{$from}->MessageSend(to => "$to\@localhost/test", type => 'chat', body => $text);
        ok until_true(sub { $client{$to}->Process(0.1); length $got{$to} }), "from $from to $to";
        is length $got{$to}, 1 + length $text, 'whole';
    }
};

$_->Disconnect for values %client;
done_testing;
