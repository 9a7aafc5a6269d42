# SSL_check_crl and SSL_crl_file: certificates that their issuer has taken back.
use strict;
use warnings;

use lib 't/lib';
use File::Temp ();
use IO::Socket::SSL;
use Test::More;
use TLSTest;

my %good = (SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'));
my %revoked = (SSL_cert_file => cert('revoked.pem'), SSL_key_file => cert('revoked.key'));

# Why the client refuses the server; '' if it doesn't.
sub refusal {
    my ($server, %client) = @_;
    return handshake(client => { SSL_check_crl => 1, %client }, server => $server)->{client_error};
}

subtest 'a certificate that is on the list is refused, others are not' => sub {
    is refusal(\%good, SSL_crl_file => cert('crl.pem')), '', 'one that is not on it';
    like refusal(\%revoked, SSL_crl_file => cert('crl.pem')), qr/certificate verify failed/,
        'one that is on it';
    is refusal(\%revoked, SSL_crl_file => cert('crl-empty.pem')), '', 'by an older list it is fine';
};

subtest 'the list is looked at where that is asked for, and only there' => sub {
    is refusal(\%revoked, SSL_crl_file => cert('crl.pem'), SSL_check_crl => 0), '', 'not asked for';
    is refusal(\%revoked, SSL_check_crl => 0), '', 'no list either';
};

subtest 'without a list, or with one that is overdue, nobody passes' => sub {
    like refusal(\%good), qr/certificate verify failed/, 'no list';
    like refusal(\%good, SSL_crl_file => cert('crl-old.pem')), qr/certificate verify failed/,
        'one that is overdue';
};

subtest 'the list is found in a folder of SSL_ca_path' => sub {
    my $dir = File::Temp->newdir('crl-XXXXXX', TMPDIR => 1);
    chomp(my $hash = `openssl crl -hash -noout -in @{[cert('crl.pem')]} 2>/dev/null`);
    plan skip_all => 'no openssl to name the file' if !length $hash;
    copy_file(cert('crl.pem'), "$dir/$hash.r0");
    copy_file(cert('ca.pem'), "$dir/$hash.0");
    my @trust = (SSL_ca_file => undef, SSL_ca_path => "$dir");
    is refusal(\%good, @trust), '', 'for one that is not on it';
    like refusal(\%revoked, @trust), qr/certificate verify failed/, 'and one that is';
};

subtest 'servers look, too' => sub {
    my %server = (SSL_ca_file => cert('ca.pem'), SSL_check_crl => 1, SSL_crl_file => cert('crl.pem'),
        SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
    my $ok = handshake(server => \%server, client => { SSL_cert_file => cert('client.pem'),
        SSL_key_file => cert('client.key') });
    is $ok->{server_error}, '', 'a client that is not on the list';
    my $bad = handshake(server => \%server, client => \%revoked);
    like $bad->{server_error}, qr/certificate verify failed/, 'one that is';
};

subtest 'a file that is no list is told' => sub {
    for my $file ('ca.pem', 'garbage.pem', 'empty.pem') {
        my $context = eval { IO::Socket::SSL::SSL_Context->new(client_args(), SSL_check_crl => 1,
            SSL_crl_file => cert($file)) };
        ok !$context, "$file: no context";
        like $@ || $SSL_ERROR, qr/Invalid certificate revocation list/, "$file: in the known words";
    }
};

done_testing;

sub copy_file {
    my ($from, $to) = @_;
    open my $in, '<:raw', $from or die "$from: $!";
    open my $out, '>:raw', $to or die "$to: $!";
    local $/ = undef;
    print $out scalar <$in>;
    close $out or die $!;
    return;
}
