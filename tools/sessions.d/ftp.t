# FTP with TLS to vsftpd, which takes data connections only if they resume the session of the control
# connection: Net::FTP.
# servers: vsftpd
use strict;
use warnings;

use IO::Socket::SSL;
use Net::FTP;
use Session;
use Test::More;

my ($explicit, $implicit) = (free_port(), free_port());
my $root = folder('root');
folder('empty');
folder('root/in', 'daemon');       # vsftpd goes to the home of its user first, and nobody has none
my $content = join '', map { "line $_ of a file\n" } 1 .. 20_000;
file('root/hello', $content);
for my $server ([$explicit, 'NO'], [$implicit, 'YES']) {
    my ($port, $from_start) = @$server;
    my $conf = file("conf$port", <<"EOF");
listen=YES
listen_address=127.0.0.1
listen_port=$port
background=NO
anonymous_enable=YES
anon_root=$root
anon_upload_enable=YES
anon_umask=022
ftp_username=daemon
nopriv_user=nobody
no_anon_password=YES
write_enable=YES
secure_chroot_dir=${\folder('empty')}
xferlog_enable=NO
seccomp_sandbox=NO
isolate_network=NO
ssl_enable=YES
implicit_ssl=$from_start
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
require_ssl_reuse=YES
ssl_tlsv1=YES
ssl_ciphers=HIGH
rsa_cert_file=${\cert('server.pem')}
rsa_private_key_file=${\cert('server.key')}
EOF
    start("vsftpd$port", [$port], 'vsftpd', $conf);
}

my %verified = (SSL_ca_file => cert('ca.pem'));
$SIG{PIPE} = 'IGNORE';
for my $way (['explicit', $explicit], ['implicit', $implicit, SSL => 1]) {
    my ($name, $port, @ssl) = @$way;
    subtest "Net::FTP, $name TLS" => sub {
        my $ftp = Net::FTP->new('localhost', Port => $port, Timeout => 60, Passive => 1, @ssl, %verified)
            or return fail("connected: $@");
        ok $ftp->starttls, 'AUTH TLS' or diag $ftp->message if !@ssl;
        isa_ok $ftp, 'IO::Socket::SSL';
        is $ftp->peer_certificate('cn'), 'server.test', 'the certificate';
        ok $ftp->login('anonymous', 'me@'), 'logged in' or diag $ftp->message;
        ok $ftp->prot("P"), "PROT P" or diag $ftp->message if @ssl;
    ok $ftp->binary, 'binary';
        is_deeply [sort $ftp->ls], [qw(hello in)], 'a list' or diag $ftp->message;
        ok $ftp->get('hello', folder() . '/got'), 'a file is fetched' or diag $ftp->message;
        is slurp(folder() . '/got'), $content, 'whole';
        ok $ftp->put(folder() . '/got', "in/put$port"), 'and stored' or diag $ftp->message;
        is slurp("$root/in/put$port"), $content, 'whole';
        ok $ftp->put(folder() . '/got', "in/put$port-$_"), "again, $_" or diag $ftp->message for 1 .. 4;
        is slurp("$root/in/put$port-4"), $content, 'whole';
        my $data = $ftp->retr('hello') or return fail($ftp->message);
        is $data->get_session_reused, 1, 'data connections resume the session of the control connection';
        1 while $data->read(my $some, 65536);
        ok $data->close, 'the transfer is over';
        ok $ftp->quit, 'end';
    };
}
subtest 'a server that another CA signed is refused' => sub {
    my $ftp = Net::FTP->new('localhost', Port => $explicit, SSL_ca_file => cert('other-ca.pem')) or return fail($@);
    ok !$ftp->starttls, 'no TLS';
    like "$@ $SSL_ERROR", qr/certificate verify failed/, 'and it tells why';
};
done_testing;
