# IMAP to Dovecot: Mail::IMAPClient and Net::IMAP::Simple, with TLS from the first byte and STARTTLS.
# servers: dovecot-core dovecot-imapd
# perl: libmail-imapclient-perl libnet-imap-simple-perl libparse-recdescent-perl
use strict;
use warnings;

use IO::Socket::SSL;
use Mail::IMAPClient;
use Net::IMAP::Simple;
use Session;
use Test::More;

my ($imap, $imaps) = (free_port(), free_port());
my $dir = folder();
folder($_, 'nobody') for qw(mail);
folder($_) for qw(run state);
my $conf = file('dovecot.conf', <<"EOF");
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <${\cert('server.pem')}
ssl_key = <${\cert('server.key')}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:$dir/mail
default_internal_user = dovecot
default_login_user = dovenull
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=$dir/mail
}
service imap-login {
  chroot =
  inet_listener imap {
    port = $imap
  }
  inet_listener imaps {
    port = $imaps
    ssl = yes
  }
}
EOF
start('dovecot', [$imap, $imaps], 'dovecot', '-F', '-c', $conf);

my $text = join "\r\n", 'From: me@example.test', 'Subject: a message', '', ('line of a long message') x 3000, 'last', '';
my @verified = (SSL_ca_file => cert('ca.pem'), SSL_verifycn_name => 'localhost', SSL_verifycn_scheme => 'imap');

for my $way (['from the first byte', $imaps, Ssl => \@verified], ['with STARTTLS', $imap, Starttls => \@verified]) {
    my ($name, $port, @tls) = @$way;
    subtest "Mail::IMAPClient, TLS $name" => sub {
        my $client = Mail::IMAPClient->new(Server => 'localhost', Port => $port, User => 'me', Password => 'secret',
            Uid => 1, @tls) or return fail("connected: $@");
        ok $client->IsAuthenticated, 'logged in';
        isa_ok $client->Socket, 'IO::Socket::SSL';
        is $client->Socket->peer_certificate('cn'), 'server.test', 'the certificate';
        ok $client->create("box$port"), 'a new folder';
        my $uid = $client->append_string("box$port", $text);
        ok $uid, 'a message is stored' or diag $client->LastError;
        ok $client->select("box$port"), 'the folder is open';
        is $client->message_count, 1, 'one message';
        is $client->message_string($uid), $text, 'which is what was sent';
        ok $client->logout, 'logged out';
    };
}

subtest 'Net::IMAP::Simple' => sub {
    my $client = Net::IMAP::Simple->new("localhost:$imaps", use_ssl => 1, ssl_options => [@verified])
        or return fail("connected: $Net::IMAP::Simple::errstr");
    ok $client->login('me', 'secret'), 'logged in';
    is $client->select("box$imaps"), 1, 'one message';
    is join('', @{$client->get(1)}), $text, 'which is what was sent';
    ok $client->quit, 'logged out';
};

subtest 'a server that another CA signed is refused' => sub {
    my @other = (@verified, SSL_ca_file => cert('other-ca.pem'));
    ok !Mail::IMAPClient->new(Server => 'localhost', Port => $imaps, User => 'me', Password => 'secret',
        Ssl => \@other), 'Mail::IMAPClient';
    like "$@ $SSL_ERROR", qr/certificate verify failed/, 'and it tells why';
    ok !Net::IMAP::Simple->new("localhost:$imaps", use_ssl => 1, ssl_options => \@other, retry => 0),
        'Net::IMAP::Simple';
};
done_testing;
