# FTP with TLS to vsftpd: Net::FTP, explicit and implicit; and where, as vsftpd has it by default, data
# connections have to resume the session of the control connection.
# servers: vsftpd
use strict;
use warnings;

use IO::Socket::SSL;
use Net::FTP;
use Session;
use Test::More;

my ($explicit, $implicit, $strict) = map { free_port() } 1 .. 3;
my $root = folder('root');
folder('empty');
folder('root/in', 'daemon');       # vsftpd goes to the home of its user first, and nobody has none
my $content = join '', map { "line $_ of a file\n" } 1 .. 20_000;
file('root/hello', $content);
for my $server ([$explicit, 'NO', 'NO'], [$implicit, 'YES', 'NO'], [$strict, 'NO', 'YES']) {
    my ($port, $from_start, $reuse) = @$server;
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
require_ssl_reuse=$reuse
ssl_tlsv1=YES
ssl_ciphers=HIGH
rsa_cert_file=${\cert('server.pem')}
rsa_private_key_file=${\cert('server.key')}
EOF
    start("vsftpd$port", [$port], 'vsftpd', $conf);
}

my %verified = (SSL_ca_file => cert('ca.pem'));
$SIG{PIPE} = 'IGNORE';

sub logged_in {
    my ($port, %more) = @_;
    my $ftp = Net::FTP->new('localhost', Port => $port, Timeout => 60, Passive => 1, %verified, %more)
        or return fail("connected: $@");
    ok $ftp->starttls, 'AUTH TLS' or diag $ftp->message if !$more{SSL};
    isa_ok $ftp, 'IO::Socket::SSL';
    is $ftp->peer_certificate('cn'), 'server.test', 'the certificate';
    ok $ftp->login('anonymous', 'me@'), 'logged in' or diag $ftp->message;
    ok $ftp->prot('P'), 'PROT P' or diag $ftp->message if $more{SSL};
    ok $ftp->binary, 'binary';
    return $ftp;
}

sub transfers {
    my ($ftp, $name) = @_;
    is_deeply [sort $ftp->ls], [qw(hello in)], 'a list' or diag $ftp->message;
    ok $ftp->get('hello', folder() . '/got'), 'a file is fetched' or diag $ftp->message;
    is slurp(folder() . '/got'), $content, 'whole';
    for my $time (1 .. 4) {
        ok $ftp->put(folder() . '/got', "in/$name-$time"), "and stored, $time" or diag $ftp->message;
        ok slurp("$root/in/$name-$time") eq $content, 'whole';
    }
    return;
}

# With TLS 1.3 uploads of the incumbent fail, or not, as processes are scheduled (sess-late-tickets).
my $is_ours = IO::Socket::SSL->can('implementation');
my %usual = $is_ours ? () : (SSL_version => 'TLSv1_2');

for my $way (['explicit', $explicit], ['implicit', $implicit, SSL => 1]) {
    my ($name, $port, @ssl) = @$way;
    subtest "Net::FTP, $name TLS" => sub {
        my $ftp = logged_in($port, %usual, @ssl) or return;
        transfers($ftp, $name);
        ok $ftp->quit, 'end';
    };
}

subtest 'data connections resume the session of the control connection' => sub {
    if (!$is_ours) {
        my $ftp = logged_in($strict, %usual) or return;
        ok !$ftp->get('hello', folder() . '/got'), 'the incumbent\'s don\'t (sess-context-key)';
        return;
    }
    for my $version ('TLSv1_2', 'TLSv1_3') {
        my $ftp = logged_in($strict, SSL_version => $version) or return;
        transfers($ftp, $version);
        my $data = $ftp->retr('hello') or return fail($ftp->message);
        is $data->get_session_reused, 1, "$version: get_session_reused";
        1 while $data->read(my $some, 65536);
        ok $data->close, 'the transfer is over';
        ok $ftp->quit, 'end';
    }
};

subtest 'a server that another CA signed is refused' => sub {
    my $ftp = Net::FTP->new('localhost', Port => $explicit, SSL_ca_file => cert('other-ca.pem')) or return fail($@);
    ok !$ftp->starttls, 'no TLS';
    like "$@ $SSL_ERROR", qr/certificate verify failed/, 'and it tells why';
};
done_testing;
