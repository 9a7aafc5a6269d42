# SIP over TLS to Kamailio, registrar and proxy: user agents of Net::SIP register, call each other, hang up.
# Kamailio connects to the agent that is called, so agents are clients and servers of TLS; each end verifies the other.
# servers: kamailio kamailio-tls-modules
# perl: libnet-sip-perl libnet-dns-perl
use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use Net::SIP;
use Session;
use Test::More;

my $dir = folder();

# Certificates for both roles, which those of the project aren't: {ca, cert, key} by name, all paths.
sub authority {
    my ($name, @holders) = @_;
    my ($ca, $ca_key) = CERT_create(CA => 1, key => KEY_create_ec(), subject => {commonName => "$name CA"});
    my %of;
    for my $holder (@holders) {
        my ($cert, $key) = CERT_create(issuer => [$ca, $ca_key], key => KEY_create_ec(),
            purpose => ['server', 'client'], subject => {commonName => $holder},
            subjectAltNames => [['DNS', 'sip.test'], ['IP', '127.0.0.1']]);
        $of{$holder} = {ca => "$dir/$name.ca", cert => "$dir/$holder.pem", key => "$dir/$holder.key"};
        PEM_cert2file($cert, $of{$holder}{cert});
        PEM_key2file($key, $of{$holder}{key});
    }
    PEM_cert2file($ca, "$dir/$name.ca");
    return %of;
}

my %of   = (authority('good', qw(proxy me you)), authority('other', 'stranger'));
my $port = free_port();
my $tls  = join "\n", 'method = TLSv1.2+', 'verify_certificate = yes', 'require_certificate = yes',
    "certificate = $of{proxy}{cert}", "private_key = $of{proxy}{key}", "ca_list = $of{proxy}{ca}";
file('tls.cfg', "[server:default]\n$tls\n[client:default]\n$tls\n");
my $conf = file('kamailio.cfg', <<"EOF");
#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=2
tcp_rd_buf_size=65536
enable_tls=yes
dns=no
rev_dns=no
auto_aliases=no
alias="sip.test"
listen=tls:127.0.0.1:$port
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "xlog.so"
loadmodule "tls.so"
modparam("tls", "config", "$dir/tls.cfg")
modparam("usrloc", "db_mode", 0)
request_route {
    xlog("L_NOTICE", "seen: \$rm from \$fU by \$tls_version of \$tls_peer_subject_cn, verified \$tls_peer_verified\\n");
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops");
        exit;
    }
    if (has_totag()) {
        if (!loose_route()) {
            if (method == "ACK" && t_check_trans()) t_relay();
            else sl_send_reply("404", "No Such Dialog");
            exit;
        }
        t_relay();
        exit;
    }
    if (method == "REGISTER") {
        save("location");
        exit;
    }
    record_route();
    if (!lookup("location")) {
        sl_send_reply("404", "Nobody There");
        exit;
    }
    t_relay();
}
reply_route {
    xlog("L_NOTICE", "answered: \$rm with \$rs by \$tls_peer_subject_cn\\n");
}
EOF
start('kamailio', [$port], 'kamailio', '-DD', '-m', 32, '-f', $conf, '-Y', $dir, '-w', $dir);

# The agent that is called, in a process of its own: answers OPTIONS and calls, sends back the text of a
# MESSAGE, ends a call itself when its subject says so, and prints what happens.
my $you = file('you.pl', <<"EOF");
use strict; use warnings;
use IO::Socket::INET;
use Net::SIP;
\$| = 1;
\$SIG{TERM} = sub { exit };
my \$leg = Net::SIP::Leg->new(sock => IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1'),
    tls => {SSL_cert_file => '$of{you}{cert}', SSL_key_file => '$of{you}{key}', SSL_ca_file => '$of{you}{ca}',
        verify_client => 1});
my \$ua = Net::SIP::Simple->new(from => 'sips:you\@sip.test', registrar => 'sips:127.0.0.1:$port', legs => [\$leg],
    options => {organization => 'you'});
my \$calls = \$ua->listen(
    cb_create => sub {
        my (\$call, \$request) = \@_;
        \$call->set_param(subject => scalar \$request->get_header('subject'));
        return 1;
    },
    cb_established => sub {
        my (\$status, \$call) = \@_;
        print "established: \$status\\n";
        \$call->bye(cb_final => sub { print "I hung up\\n" }) if \$call->get_param('subject') eq 'you hang up';
    },
    recv_bye => sub { print "hung up\\n" },
);
sub Echo::receive {
    my (undef, \$packet, \$leg, \$from) = \@_;
    return if !\$packet->is_request || \$packet->method ne 'MESSAGE';
    my (undef, undef, undef, \$text) = \$packet->as_parts;
    \$leg->deliver(\$packet->create_response(200, 'OK', {'content-type' => 'text/plain',
        organization => \$from->{socket}->peer_certificate('cn')}, \$text), \$from);
    return 200;
}
\$ua->create_chain([bless({}, 'Echo'), \$calls]);
my \$expires = \$ua->register(expires => 120) or die 'not registered: ' . \$ua->error . "\\n";
print "registered for \$expires\\n";
\$ua->loop;
EOF

# The agent that calls, on an ephemeral port; more settings of TLS.
sub agent {
    my ($name, %more) = @_;
    return Net::SIP::Simple->new(from => "sips:$name\@sip.test", registrar => "sips:127.0.0.1:$port",
        outgoing_proxy => "sips:127.0.0.1:$port",
        legs => [IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1')],
        tls  => {SSL_cert_file => $of{$name}{cert}, SSL_key_file => $of{$name}{key}, SSL_ca_file => $of{$name}{ca},
            %more});
}

# Registers; returns what became of it, and the contacts that the registrar has now.
sub registered {
    my ($ua, $expires) = @_;
    my ($done, %said) = '';
    $ua->register(expires => $expires, cb_final => sub { ($done, %said) = @_ });
    $ua->loop(60, \$done);
    return ($done, $said{packet} ? $said{packet}->get_header('contact') : ());
}

# Sends a request; returns the response.
sub asked {
    my ($ua, $method, $body, %header) = @_;
    my ($done, $response);
    $ua->{endpoint}->new_request($method, {from => 'sips:me@sip.test', to => 'sips:you@sip.test'},
        sub { (undef, undef, undef, undef, $response) = @_; $done = 1 }, $body, %header);
    $ua->loop(60, \$done);
    return $response // Net::SIP::Response->new(408, 'Nothing Came', {});
}

for my $version ('TLSv1_2', 'TLSv1_3') {
    subtest "registration, $version" => sub {
        my $ua = agent('me', SSL_version => $version);
        my ($done, @contacts) = registered($ua, 60);
        is $done, 'OK', 'accepted' or diag $ua->error, log_of('kamailio');
        like "@contacts", qr/^<sips:me\@127\.0\.0\.1:\d+>;expires=(?:60|59)$/, 'the registrar has it';
        my $name = $version =~ s/_/./r;
        like log_of('kamailio'), qr/seen: REGISTER from me by $name of me, verified 1/, 'and it verified who sent it';
        ($done, @contacts) = registered($ua, 0);
        is $done, 'OK', 'taken back';
        is "@contacts", '', 'the registrar has none any more';
    };
}

my $me = agent('me');
is asked($me, 'OPTIONS')->code, 404, 'nobody is known at the proxy yet';
my $agent = start('you', [], $^X, $you);
ok until_true(sub { log_of('you') =~ /^registered for 120$/m }), 'another agent is registered' or diag log_of('you');

subtest 'requests that the proxy takes to the other agent' => sub {
    my $response = asked($me, 'OPTIONS');
    is $response->code, 200, 'OPTIONS';
    is $response->get_header('organization'), 'you', 'answered by the agent';
    my $text = join '', map { "line $_ of a message\r\n" } 1 .. 1500;
    $response = asked($me, 'MESSAGE', $text, 'content-type' => 'text/plain');
    is $response->code, 200, 'MESSAGE';
    is $response->get_header('organization'), 'proxy', 'the agent, a server of TLS there, has the proxy\'s certificate';
    ok +($response->as_parts)[3] eq $text, 'its text came back, ' . length $text;
};

subtest 'a call' => sub {
    my $call = $me->invite('sips:you@sip.test', sip_header => {subject => 'I hang up'}) or return fail($me->error);
    ok !$call->error, 'answered' or diag $call->error;
    ok until_true(sub { $me->loop(0.05); log_of('you') =~ /^established: OK$/m }), 'and established there';
    my $done;
    $call->bye(cb_final => \$done);
    $me->loop(60, \$done);
    like log_of('kamailio'), qr/answered: BYE with 200 by you/, 'BYE is answered';
    ok until_true(sub { log_of('you') =~ /^hung up$/m }), 'it came to the other agent' or diag log_of('you');
};

subtest 'a call that the other agent ends' => sub {
    my $bye;
    registered($me, 60);
    my $call = $me->invite('sips:you@sip.test', sip_header => {subject => 'you hang up'}, recv_bye => \$bye)
        or return fail($me->error);
    ok !$call->error, 'answered' or diag $call->error;
    $me->loop(60, \$bye);
    ok $bye, 'BYE';
    ok until_true(sub { $me->loop(0.05); log_of('you') =~ /^I hung up$/m }), 'the other agent is done';
    like log_of('kamailio'), qr/answered: BYE with 200 by me/, 'and was answered';
};
stop($agent);
loaded_in('you.pl');

subtest 'refused' => sub {
    for my $way (['another CA', qr/certificate verify failed/, SSL_ca_file => $of{stranger}{ca}],
        ['another name', qr/hostname verification failed/, SSL_verifycn_name => 'other.test']) {
        my ($name, $why, @tls) = @$way;
        my $ua = agent('me', @tls);
        is +(registered($ua, 60))[0], 'FAIL', $name;
        like $ua->error, $why, 'and it tells why';
    }
    my $stranger = agent('stranger', SSL_ca_file => $of{me}{ca});
    my $done;
    $stranger->register(cb_final => \$done);
    ok until_true(sub { $stranger->loop(0.05); log_of('kamailio') =~ /certificate verify failed/ }),
        'by the server: an agent whose certificate another CA signed' or diag log_of('kamailio');
    isnt $done, 'OK', 'it isn\'t registered';
    unlike log_of('kamailio'), qr/REGISTER from stranger/, 'and was not heard';
};
done_testing;
