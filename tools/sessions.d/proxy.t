# Through a proxy: LWP, WWW::Mechanize and HTTP::Tiny to a TLS server behind tinyproxy (CONNECT), and to a
# plain one by a proxy that is itself reached over TLS (stunnel before tinyproxy).
# servers: tinyproxy-bin stunnel4
# perl: starman libwww-perl liblwp-protocol-https-perl libwww-mechanize-perl
use strict;
use warnings;

use HTTP::Tiny;
use IO::Socket::SSL;
use LWP::UserAgent;
use Session;
use Test::More;
use WWW::Mechanize;

my ($https, $http, $proxy, $tls_proxy) = map { free_port() } 1 .. 4;
my $app = file('app.psgi', <<'EOS');
sub {
    my $env = shift;
    my $at  = "$env->{'psgi.url_scheme'} $env->{PATH_INFO}";
    my $via = $env->{HTTP_VIA} // 'none';
    return [200, ['Content-Type' => 'text/html'], ["<title>$at</title><a href='/next'>on</a> via $via ", 'filler ' x 20_000]];
};
EOS
chomp(my $starman = `sh -c 'command -v starman'`);
start('https', [$https], $^X, $starman, '--listen', "127.0.0.1:$https:ssl", '--enable-ssl', '--ssl-cert', cert('server.pem'),
    '--ssl-key', cert('server.key'), '--workers', 2, $app);
start('http', [$http], $^X, $starman, '--listen', "127.0.0.1:$http", '--workers', 2, $app);
start('tinyproxy', [$proxy], 'tinyproxy', '-d', '-c', file('tinyproxy.conf', <<"EOS"));
Port $proxy
Listen 127.0.0.1
Timeout 60
Allow 127.0.0.1
ConnectPort $https
LogLevel Connect
EOS
start('stunnel', [$tls_proxy], 'stunnel', file('stunnel.conf', <<"EOS"));
foreground = yes
pid =
[proxy]
accept = 127.0.0.1:$tls_proxy
connect = 127.0.0.1:$proxy
cert = ${\cert('server.pem')}
key = ${\cert('server.key')}
EOS

sub tunnels { return scalar(() = log_of('tinyproxy') =~ /CONNECT localhost:$https/g) }

for my $class ('LWP::UserAgent', 'WWW::Mechanize') {
    my $new = sub {
        my %tls = (SSL_ca_file => cert('ca.pem'), verify_hostname => 1, @_);
        return $class->new(timeout => 60, ssl_opts => \%tls, keep_alive => 1, $class eq 'WWW::Mechanize' ? (autocheck => 0) : ());
    };

    subtest "$class, by CONNECT" => sub {
        my $agent = $new->();
        $agent->proxy(https => "http://127.0.0.1:$proxy");
        my $before = tunnels();
        my $reply  = $agent->get("https://localhost:$https/one");
        ok $reply->is_success, 'success' or diag $reply->as_string;
        like $reply->content, qr/^<title>https \/one.* via none (?:filler ){20000}\z/, 'whole, and the proxy saw nothing of it';
        if ($class eq 'WWW::Mechanize') {
            ok $agent->follow_link(text => 'on'), 'a link is followed';
            is $agent->title, 'https /next', 'to the next page';
        }
        is $agent->post("https://localhost:$https/two", Content => 'x' x 100_000)->code, 200, 'a large request';
        cmp_ok tunnels(), '>', $before, 'through the proxy';
        my $refused = $new->(SSL_ca_file => cert('other-ca.pem'));
        $refused->proxy(https => "http://127.0.0.1:$proxy");
        like $refused->get("https://localhost:$https/")->content, qr/certificate verify failed/,
            'a server that another CA signed is refused';
    };

    subtest "$class, a proxy that is reached over TLS" => sub {
        my $agent = $new->();
        $agent->proxy(http => "https://localhost:$tls_proxy");
        my $reply = $agent->get("http://localhost:$http/three");
        ok $reply->is_success, 'success' or diag $reply->as_string;
        like $reply->content, qr/^<title>http \/three.* via .*tinyproxy.* (?:filler ){20000}\z/, 'whole, by the proxy';
        like $reply->header('Client-SSL-Cert-Subject'), qr/CN=server\.test/, 'the certificate is the proxy\'s';
        my $refused = $new->(SSL_ca_file => cert('other-ca.pem'));
        $refused->proxy(http => "https://localhost:$tls_proxy");
        like $refused->get("http://localhost:$http/")->content, qr/certificate verify failed/,
            'one that another CA signed is refused';
    };
}

subtest 'HTTP::Tiny, by CONNECT' => sub {
    my $agent = HTTP::Tiny->new(timeout => 60, verify_SSL => 1, https_proxy => "http://127.0.0.1:$proxy",
        SSL_options => {SSL_ca_file => cert('ca.pem')});
    my $reply = $agent->get("https://localhost:$https/four");
    is $reply->{status}, 200, 'success' or diag $reply->{content};
    like $reply->{content}, qr/^<title>https \/four.* via none (?:filler ){20000}\z/, 'whole';
    my $refused = HTTP::Tiny->new(verify_SSL => 1, https_proxy => "http://127.0.0.1:$proxy",
        SSL_options => {SSL_ca_file => cert('other-ca.pem')})->get("https://localhost:$https/");
    like $refused->{content}, qr/certificate verify failed/, 'refused where another CA is trusted';
};
done_testing;
