# SpamAssassin: messages to spamd --ssl, whose TLS is IO::Socket::SSL, from spamc, which has TLS of its own, and
# from clients that speak its protocol by IO::Socket::SSL. spamc 4.0.1 ends its side of TLS before it reads; spamd
# doesn't read that, so the kernel may reset the connection before spamc has the whole answer, whichever
# implementation serves. What spamd found out about its messages is therefore read in the log.
# servers: spamd spamc spamassassin
use strict;
use warnings;

use IO::Socket::SSL;
use Session;
use Test::More;

my $port = free_port();
for my $name (qw(home rules site)) { folder($name, 'nobody') }
file('site/00.pre', "loadplugin Mail::SpamAssassin::Plugin::Check\n");
file('rules/10.cf', <<'EOS');
required_score 5
report_safe 0
add_header all Status "_YESNO_, score=_SCORE_ required=_REQD_ tests=_TESTS_"
report   found by _TESTS_
util_rb_tld test com org
header   TEST_SUBJECT Subject =~ /cheap watches/
describe TEST_SUBJECT Subject of a test
score    TEST_SUBJECT 10
EOS
my $dir = folder();
# spamd puts the system's folder of modules first, so the one under test is loaded before.
my $spamd = start('spamd', [$port], $^X, '-T', (map { "-I$_" } split /:/, "$ENV{CONSUMERS_LIBS}:$ENV{PERL5LIB}"), '-MConsumersRecord', '-MIO::Socket::SSL',
    '/usr/sbin/spamd',
    '--listen', "127.0.0.1:$port", '--ssl', '--server-cert', cert('server.pem'), '--server-key', cert('server.key'),
    '--local', '--nouser-config', '--username=nobody', "--helper-home-dir=$dir/home", "--configpath=$dir/rules",
    "--siteconfigpath=$dir/site", '--max-children=2', '--min-children=1', '--syslog=stderr', "--pidfile=$dir/pid");

my $ham  = "From: me\@example.test\nTo: you\@example.test\nSubject: lunch\n\n" . ("a line of the message\n" x 5000);
my $spam = $ham =~ s/lunch/cheap watches/r;

subtest 'spamc' => sub {
    for my $case ([$ham, 'clean message (0.0/5.0)'], [$spam, 'identified spam (10.0/5.0)']) {
        my ($message, $verdict) = @$case;
        run_program($message, 'spamc', '-d', '127.0.0.1', '-p', $port, '--ssl', '-x', '-t', 60);
        my $size = length $message;
        ok until_true(sub { log_of('spamd') =~ /spamd: \Q$verdict\E .* $size bytes/ }), "its message arrived whole: $verdict"
            or diag log_of('spamd');
    }
    like log_of('spamd'), qr{connection from \S+ \[127\.0\.0\.1\]:\d+ to port $port, fd \d+, TLSv1_3/TLS_AES}, 'over TLS';
};

# What spamd answers to a command with this message, '' if nothing.
sub ask {
    my ($command, $message, %args) = @_;
    my $sock = IO::Socket::SSL->new(PeerAddr => "localhost:$port", SSL_ca_file => cert('ca.pem'), %args) or return '';
    print $sock "$command SPAMC/1.5\r\nContent-length: ", length $message, "\r\n\r\n", $message;
    local $/ = undef;
    return readline($sock) // '';
}

subtest 'clients by IO::Socket::SSL' => sub {
    like ask('PING', ''), qr{^SPAMD/\S+ 0 PONG}, 'a ping';
    like ask('CHECK', $ham), qr{^SPAMD/\S+ 0 EX_OK\r\n.*^Spam: False ; 0\.0 / 5\.0}ms, 'ham is none';
    like ask('REPORT', $spam), qr{^Spam: True ; 10\.0 / 5\.0.*found by TEST_SUBJECT}ms, 'spam is found, and why';
    my $answer = ask('PROCESS', $spam);
    like $answer, qr/^X-Spam-Status: Yes, score=10\.0/m, 'a message has its verdict';
    is substr($answer, -length((split /\n\n/, $spam, 2)[1])), (split /\n\n/, $spam, 2)[1], 'and comes back whole';
    is ask('PING', '', SSL_ca_file => cert('other-ca.pem')), '', 'refused where another CA is trusted';
    like $SSL_ERROR, qr/certificate verify failed/, 'why';
};

subtest 'many at a time' => sub {
    my @pids = map {
        my $pid = fork // die "fork: $!\n";
        if (!$pid) { file("answer$_", ask('PROCESS', $_ % 2 ? $spam : $ham)); POSIX::_exit(0) }
        $pid;
    } 1 .. 6;
    waitpid $_, 0 for @pids;
    for my $client (1 .. 6) {
        my $verdict = $client % 2 ? 'Yes' : 'No';
        like slurp(folder() . "/answer$client"), qr/^X-Spam-Status: $verdict.*a line of the message\n\z/ms, "client $client: $verdict";
    }
};

stop($spamd);
loaded_in('spamd');
done_testing;
