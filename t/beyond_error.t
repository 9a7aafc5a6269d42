# beyond_error.t - ssl_error: what an error is about, beside the unchanged $SSL_ERROR.
use strict;
use warnings;
use Errno qw(ECONNRESET);
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

# What a failed client says, and what the server says of it.
sub failure {
    my ($client, $server) = @_;
    my $result = handshake(over => 'unix', client => $client, server => $server || {});
    ok !$result->{client_ok}, 'refused';
    return $result;
}

subtest 'a wrong name' => sub {
    my $server = test_server();
    is client($server, SSL_verifycn_name => 'other.test'), undef, 'no socket to ask';
    my $error = IO::Socket::SSL->ssl_error;
    is $error->{message}, $SSL_ERROR, 'the sentence is $SSL_ERROR';
    is $error->{code}, 'name', 'code';
    is_deeply $error->{alert}, { number => 42, name => 'bad certificate', from => 'us' }, 'alert';
    is $error->{depth}, 0, 'the leaf';
    like $error->{subject}, qr/CN=server\.test$/, 'subject';
    like $error->{certificate}, qr/^-----BEGIN CERTIFICATE-----\n/, 'certificate';
    is $error->{name}, 'other.test', 'name checked';
    is $error->{name_from}, 'SSL_verifycn_name', 'and where it came from';
    is_deeply [@{ $error->{names} }[0, -1]], ['server.test', '::1'], 'names it has';
    like $error->{remedy}, qr/connect by a name that the certificate has/, 'what to do';
    is $error->{verify_code}, 62, 'X509_V_ERR_HOSTNAME_MISMATCH';
    is scalar(@{ $error->{chain} }), 1, 'the chain as it was sent';
    is $error->{chain}[0], $error->{certificate}, 'PEM';
    is_deeply IO::Socket::SSL::ssl_error(), $error, 'also as a function';
};

subtest 'a NUL in a name doesn\'t end it' => sub {
    my $server = test_server(args => { SSL_cert_file => cert('nul-cn.pem'),
        SSL_key_file => cert('nul-cn.key') });
    is client($server), undef, 'refused';
    is(IO::Socket::SSL->ssl_error->{common_name}, "server.test\0.evil.test", 'the whole of it');
};

subtest 'where the name came from' => sub {
    my $server = test_server();
    my %from = (
        SSL_verifycn_name => { SSL_verifycn_name => 'a.test', SSL_hostname => 'b.test' },
        SSL_hostname      => { SSL_verifycn_name => undef, SSL_hostname => 'a.test' },
    );
    for my $from (sort keys %from) {
        is client($server, %{ $from{$from} }), undef, 'refused';
        is_deeply [@{ IO::Socket::SSL->ssl_error }{qw(name name_from)}], ['a.test', $from], $from;
    }
    is client($server, SSL_ca_file => cert('other-ca.pem')), undef, 'refused for its chain';
    is(IO::Socket::SSL->ssl_error->{name}, undef, 'no name was checked');
};

subtest 'an unknown CA' => sub {
    my $server = test_server();
    is client($server, SSL_ca_file => cert('other-ca.pem')), undef, 'refused';
    my $error = IO::Socket::SSL->ssl_error;
    is_deeply [@$error{qw(code verify_code depth)}, $error->{alert}{name}],
        ['verify', 20, 0, 'unknown CA'], 'what and where';
    like $error->{remedy}, qr/give its certificate with SSL_ca_file/, 'what to do';
};

subtest 'an alert that the peer sent' => sub {
    my $result = failure({ SSL_cert_file => cert('client.pem'), SSL_key_file => cert('client.key'),
        SSL_version => 'TLSv1_2' }, { SSL_verify_mode => SSL_VERIFY_PEER,
        SSL_ca_file => cert('other-ca.pem') });
    my $error = $result->{client}->isa('IO::Socket::SSL')
        ? $result->{client}->ssl_error : IO::Socket::SSL->ssl_error;
    is_deeply $error->{alert}, { number => 48, name => 'unknown CA', from => 'peer' }, 'alert';
    is $error->{code}, 'handshake', 'code';
    is $error->{certificate}, undef, 'no certificate of theirs was at fault';
};

subtest 'after the handshake, each socket has its own' => sub {
    my ($client, $server) = pair();
    settle($client, $server);
    $client->blocking(0);
    is $client->sysread(my $buf, 1), undef, 'nothing to read';
    is $client->ssl_error->{code}, 'want_read', 'to be waited for';
    reset_on_close($server);
    $server->close(SSL_no_shutdown => 1);
    ready($client, 'r');
    is $client->sysread($buf, 1), undef, 'a reset';
    is_deeply [@{ $client->ssl_error }{qw(code errno)}], ['read', ECONNRESET], 'code and errno';
    my $good = test_server();
    is client($good)->ssl_error, undef, 'another one knows nothing of it';
};

subtest 'what is set by the program is told as it is' => sub {
    $SSL_ERROR = 'mine';
    is_deeply(IO::Socket::SSL->ssl_error, { code => 'other', message => 'mine' }, 'without more');
    undef $SSL_ERROR;
    is(IO::Socket::SSL->ssl_error, undef, 'nothing');
    is(IO::Socket::SSL->start_SSL('no socket'), undef, 'an error of the class');
    is(IO::Socket::SSL->ssl_error->{message}, 'Not a socket', 'its words');
    is(IO::Socket::SSL::SSL_Context->new(SSL_ca_file => cert('server.key'), SSL_verify_mode => 1),
        undef, 'an error of a context');
    is(IO::Socket::SSL->ssl_error->{code}, 'ca', 'and its code');
};

done_testing;
