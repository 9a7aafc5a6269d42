# Mail to Postfix, with STARTTLS and with TLS from the first byte: Net::SMTP and git send-email.
# servers: postfix
# perl: git-email libnet-smtp-ssl-perl libemail-valid-perl libauthen-sasl-perl
use strict;
use warnings;

use IO::Socket::SSL;
use Net::SMTP;
use Session;
use Test::More;

my ($starttls, $smtps) = (free_port(), free_port());
my $dir  = folder();
my $mail = folder('mail', 'nobody');
folder('queue');
folder('data', 'postfix');
folder("queue/$_", 'postfix') for qw(active bounce corrupt defer deferred flush hold incoming maildrop private
    public saved trace);
folder('queue/pid');
my $uid = getpwnam 'nobody';
folder('conf');
file('conf/main.cf', <<"EOF");
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
myhostname = localhost
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
mynetworks = 127.0.0.0/8
maillog_file = $dir/maillog
maillog_file_prefixes = $dir
virtual_mailbox_domains = example.test
virtual_mailbox_base = $mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:$uid
virtual_gid_maps = static:$uid
virtual_minimum_uid = 1
smtpd_tls_cert_file = ${\cert('server.pem')}
smtpd_tls_key_file = ${\cert('server.key')}
smtpd_tls_security_level = encrypt
smtpd_tls_received_header = yes
EOF
file('conf/master.cf', <<"EOF");
127.0.0.1:$starttls inet n - n - - smtpd
127.0.0.1:$smtps inet n - n - - smtpd
    -o smtpd_tls_wrappermode=yes
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
EOF
# The master itself: "postfix start-fg" would check the system's files first, in a hundred processes.
chomp(my $master = `postconf -h daemon_directory`);
start('postfix', [$starttls, $smtps], "$master/master", '-c', "$dir/conf", '-d');

# The message with this word in it, once it is in the box.
sub delivered {
    my ($word) = @_;
    return until_true(sub {
        for my $file (glob "$mail/box/new/*") {
            my $text = slurp($file);
            return $text if index($text, $word) >= 0;
        }
        return;
    }) // '';
}

my %VERIFIED = (SSL_ca_file => cert('ca.pem'));
my @LINES    = ('a line', '.a line that begins with a dot', 'x' x 900, "umlaut \xfc", ('filler ' x 9) x 2000);

for my $way (['Net::SMTP with STARTTLS', $starttls, 0], ['Net::SMTP with SMTPS', $smtps, 1]) {
    my ($name, $port, $ssl) = @$way;
    subtest $name => sub {
        my $word = "word-$port";
        my $smtp = Net::SMTP->new('localhost', Port => $port, Timeout => 30, $ssl ? (SSL => 1, %VERIFIED) : ())
            or return fail("connected: $@");
        ok !$smtp->mail('me@example.test'), 'refused without TLS' if !$ssl;
        ok $smtp->starttls(%VERIFIED), 'STARTTLS' or diag $@, $SSL_ERROR if !$ssl;
        isa_ok $smtp, 'IO::Socket::SSL';
        like $smtp->get_sslversion, qr/^TLSv1/, 'TLS';
        is $smtp->peer_certificate('cn'), 'server.test', 'the certificate';
        ok $smtp->mail('me@example.test'), 'MAIL';
        ok $smtp->recipient('you@example.test'), 'RCPT';
        ok $smtp->data(map { "$_\n" } "Subject: $word", '', @LINES), 'DATA';
        ok $smtp->quit, 'QUIT';
        my $text = delivered($word);
        like $text, qr/using TLSv1/, 'arrived, over TLS';
        is((split /\n\n/, $text, 2)[1], join('', map { "$_\n" } @LINES), 'as it was sent');
    };
}

subtest 'Net::SMTP refuses a server that another CA signed' => sub {
    my %other = (SSL_ca_file => cert('other-ca.pem'));
    ok !Net::SMTP->new('localhost', Port => $smtps, SSL => 1, %other), 'SMTPS';
    like $@ . $SSL_ERROR, qr/certificate verify failed/, 'why';
    my $smtp = Net::SMTP->new('localhost', Port => $starttls) or return fail("connected: $@");
    ok !$smtp->starttls(%other), 'STARTTLS';
};

my $patch = file('0001.patch', <<'EOF');
From 1111111111111111111111111111111111111111 Mon Sep 17 00:00:00 2001
From: Me <me@example.test>
Date: Thu, 1 Jan 2026 00:00:00 +0000
Subject: [PATCH] WORD

---
diff --git a/a b/a
--- a/a
+++ b/a
@@ -1 +1 @@
-old
+new
EOF

# git puts the system's folder first unless it is told others.
$ENV{GITPERLLIB} = "$ENV{CONSUMERS_LIBS}:/usr/share/perl5";
$ENV{HOME} = $dir;
@ENV{qw(GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL)} = ('Me', 'me\@example.test') x 2;
for my $way (['tls', $starttls], ['ssl', $smtps]) {
    my ($encryption, $port) = @$way;
    subtest "git send-email, smtpEncryption $encryption" => sub {
        my $word = "word-git-$encryption";
        file('0001.patch', slurp($patch) =~ s/WORD|word-git-\w+/$word/r);
        my @send = ('git', 'send-email', '--from=me@example.test', '--to=you@example.test', '--confirm=never',
            '--smtp-server=localhost', "--smtp-server-port=$port", "--smtp-encryption=$encryption", '--suppress-cc=all');
        my ($status, $said) = run_program('', @send, '--smtp-ssl-cert-path=' . cert('ca.pem'), $patch);
        is $status, 0, 'sent' or diag $said;
        my $text = delivered($word);
        like $text, qr/using TLSv1/, 'arrived, over TLS';
        like $text, qr/^\+new$/m, 'with the patch';
        ($status, $said) = run_program('', @send, '--smtp-ssl-cert-path=' . cert('other-ca.pem'), $patch);
        isnt $status, 0, 'not to a server that another CA signed';
        like $said, qr/certificate verify failed/, 'and it tells why';
    };
}
loaded_in('git-send-email');
done_testing;
