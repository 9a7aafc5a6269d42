# A PSGI server with TLS under load: Starman with ab, and with many clients of Perl at a time.
# servers: apache2-utils
# perl: starman libwww-perl liblwp-protocol-https-perl
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use LWP::UserAgent;
use Session;
use Test::More;

use constant {CLIENTS => 8, REQUESTS => 25, AB_REQUESTS => 400};

my $port = free_port();
my $app  = file('app.psgi', <<'EOF');
use Digest::MD5 qw(md5_hex);
sub {
    my $env = shift;
    my $body = '';
    while ($env->{'psgi.input'}->read(my $part, 65536)) { $body .= $part }
    return [200, ['Content-Type' => 'text/plain', 'X-Loaded' => $INC{'IO/Socket/SSL.pm'},
        'X-Digest' => md5_hex($body), 'X-Scheme' => $env->{'psgi.url_scheme'}], ['reply ' x 1000, $body]];
};
EOF
chomp(my $starman = `sh -c 'command -v starman'`);
start('starman', [$port], $^X, $starman, '--listen', "127.0.0.1:$port:ssl", '--enable-ssl', '--ssl-cert', cert('server.pem'),
    '--ssl-key', cert('server.key'), '--workers', 4, '--disable-keepalive', $app);

sub agent {
    return LWP::UserAgent->new(timeout => 60, ssl_opts => {SSL_ca_file => cert('ca.pem'), verify_hostname => 1, @_});
}

subtest 'one request, verified' => sub {
    my $reply = agent()->post("https://localhost:$port/", Content => 'question');
    ok $reply->is_success, 'success' or diag $reply->as_string;
    is $reply->header('X-Scheme'), 'https', 'the application sees https';
    is $reply->header('X-Loaded'), $INC{'IO/Socket/SSL.pm'}, 'the server has the same IO::Socket::SSL';
    is $reply->decoded_content, ('reply ' x 1000) . 'question', 'content both ways';
    my $refused = agent(SSL_ca_file => cert('other-ca.pem'))->get("https://localhost:$port/");
    like $refused->content, qr/certificate verify failed/, 'refused where another CA is trusted';
};

subtest 'many clients at a time, each with bodies of its own' => sub {
    my %client;
    for my $number (1 .. CLIENTS) {
        pipe my $read, my $write or die "pipe: $!\n";
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            my ($agent, $good) = (agent(), 0);
            for my $request (1 .. REQUESTS) {
                my $body  = "$number-$request " x (500 * $request);
                my $reply = $agent->post("https://localhost:$port/", Content => $body);
                $good++ if $reply->is_success && $reply->header('X-Digest') eq md5_hex($body)
                    && $reply->content eq ('reply ' x 1000) . $body;
            }
            syswrite $write, $good;
            POSIX::_exit(0);
        }
        close $write;
        $client{$number} = {pid => $pid, read => $read};
    }
    for my $number (1 .. CLIENTS) {
        my $good = readline $client{$number}{read};
        waitpid $client{$number}{pid}, 0;
        is $good, REQUESTS, "client $number: all replies whole";
    }
};

subtest 'ab' => sub {
    my ($status, $said) = run_program('', 'ab', '-q', '-s', 60, '-n', AB_REQUESTS, '-c', 20, '-f', 'TLS1.2', "https://127.0.0.1:$port/");
    is $status, 0, 'ended well' or diag $said;
    like $said, qr/Complete requests:\s+${\AB_REQUESTS}\b/, 'all requests answered';
    like $said, qr/Failed requests:\s+0\b/, 'none failed';
    unlike $said, qr/Non-2xx/, 'each with success';
};
done_testing;
