# policy.t - SSL_policy => 'strict': proper chains pass, others fail with the rule in the error.
# Each rule has its check in c/t/t_rules.c.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;

my ($root,   $root_key)   = CERT_create(CA => 1, subject => { commonName => 'root' });
my ($issuer, $issuer_key) =
    CERT_create(CA => 1, subject => { commonName => 'issuer' }, issuer => [$root, $root_key]);
my @made = ($root, $issuer);
my @keys = ($root_key, $issuer_key);
END { CERT_free(@made); KEY_free(@keys) }

# What becomes of a handshake with a server whose certificate is like this.
sub strictly {
    my ($cert_args, %client) = @_;
    my ($cert, $key) = CERT_create(
        subject         => { commonName => 'server.test' },
        subjectAltNames => [[DNS => 'server.test']],
        purpose         => 'server',
        issuer          => [$issuer, $issuer_key],
        %$cert_args
    );
    push @made, $cert;
    push @keys, $key;
    my $certificate = IO::Socket::SSL::SSL_Context->new(SSL_server => 1,
        SSL_cert => PEM_string2cert(PEM_cert2string($cert)),
        SSL_key  => PEM_string2key(PEM_key2string($key))) or die $SSL_ERROR;
    return handshake(
        over   => 'unix',
        server => { SSL_reuse_ctx => $certificate },
        client => { raw => 1, SSL_ca => [$issuer], SSL_verifycn_name => 'server.test',
            SSL_policy => 'strict', %client }
    );
}

subtest 'a certificate as public servers have it is accepted' => sub {
    my $result = strictly({});
    ok $result->{client_ok}, 'strictly' or diag $result->{client_error};
};

subtest 'one that breaks a rule is refused, and the error says which' => sub {
    my $result = strictly({ purpose => 'server,client,emailProtection',
        subjectAltNames => [[DNS => 'server.test'], [DNS => 'under_score.test']] });
    ok !$result->{client_ok}, 'no connection';
    like $result->{client_error},
        qr/certificate verify failed.*not allowed by SSL_policy: alternative names.*server\.test/s,
        'with rule and certificate';
    $result = strictly({ subjectAltNames => [[DNS => 'under_score.test'], [DNS => 'server.test']] },
        SSL_policy => 'default');
    ok $result->{client_ok}, 'which passes by default' or diag $result->{client_error};
};

subtest 'a common name counts for nothing, whatever the scheme says' => sub {
    my %cn = (subject => { commonName => 'example.test' },
        subjectAltNames => [[DNS => 'server.example.test']]);
    my $result = strictly({%cn}, SSL_verifycn_name => 'example.test', SSL_verifycn_scheme => 'ldap');
    like $result->{client_error}, qr/hostname verification failed/, 'refused under strict';
    $result = strictly({%cn}, SSL_verifycn_name => 'example.test',
        SSL_verifycn_scheme => { check_cn => 'always' }, SSL_policy => undef);
    ok $result->{client_ok}, 'accepted without' or diag $result->{client_error};
};

subtest 'SSL_verify_callback hears of a broken rule, and may override it' => sub {
    my @heard;
    my $result = strictly({ subjectAltNames => [[DNS => 'server.test'], [DNS => 'a_b.test']] },
        SSL_verify_callback => sub { push @heard, "$_[5]:$_[0]"; 1 });
    ok $result->{client_ok}, 'overridden' or diag $result->{client_error};
    is "@heard", '0:0 1:1 0:1', 'after the error come the certificates';
};

subtest 'a policy of another name is refused with those that there are' => sub {
    is eval { IO::Socket::SSL::SSL_Context->new(SSL_policy => 'lenient') }, undef, 'no context';
    like $@, qr/SSL_policy "lenient".*default, strict/, 'and why';
};

done_testing();
