# $SSL_ERROR, errstr, $! and $@: where an error is told, and that success leaves none.
use strict;
use warnings;

use lib 't/lib';
use Errno qw(EAGAIN ECONNREFUSED ENOENT ENOTTY);
use IO::Socket::INET;
use IO::Socket::SSL;
use IdentTest;
use Test::More;
use TLSTest;

without_environment();

my $FAILED = qr/^SSL connect attempt failed.*certificate verify failed/;
my %untrusted = (SSL_ca_file => cert('other-ca.pem'));

# What a program can see after code has run, with things of before in every variable.
sub after {
    my ($code) = @_;
    ($!, $@, $SSL_ERROR) = (ENOTTY, 'an older exception', undef);
    my @result = $code->();
    my %seen = (result => \@result, errno => $! + 0, exception => $@, error => $SSL_ERROR);
    $seen{number} = defined $SSL_ERROR ? do { no warnings 'numeric'; $SSL_ERROR + 0 } : undef;
    return \%seen;
}

subtest 'the variable is one, under three names' => sub {
    is \$SSL_ERROR, \$IO::Socket::SSL::SSL_ERROR, 'exported';
    is \$IO::Socket::SSL::ERROR, \$IO::Socket::SSL::SSL_ERROR, '$IO::Socket::SSL::ERROR';
    my $before = \$SSL_ERROR;
    handshake(client => {%untrusted});
    is $before, \$SSL_ERROR, 'and stays the same scalar';
};

subtest 'a failed handshake' => sub {
    my $server = test_server();
    my $seen = after(sub { client($server, %untrusted) });
    is_deeply $seen->{result}, [], 'returns nothing, an empty list for a list';
    like $seen->{error}, $FAILED, '$SSL_ERROR tells why';
    is $seen->{number}, -1, '... as a number it is -1';
    is $seen->{exception}, $seen->{error}, '$@ says the same';
    is $seen->{errno}, 0, '$! is 0: it was no system call';
    like IO::Socket::SSL::errstr(), $FAILED, 'errstr, a function';
    like(IO::Socket::SSL->errstr, $FAILED, 'errstr, a class method');
    $server->outcome;
    is scalar(client($server, %untrusted)), undef, 'undef for a scalar';
};

subtest 'each socket knows its own error' => sub {
    my $server = test_server();
    my $sock = client($server, %untrusted, SSL_startHandshake => 0);
    ok !$sock->connect_SSL, 'it fails';
    my $errstr = $sock->errstr;
    like $errstr, $FAILED, 'errstr, a method';
    is $errstr + 0, -1, '... as a number';
    my ($client) = pair();
    ok !$SSL_ERROR, 'another handshake has taken $SSL_ERROR';
    like $sock->errstr, $FAILED, 'but the socket remembers';
};

subtest 'a successful handshake' => sub {
    my $server = test_server();
    # Where /etc/protocols is missing, the superclass has an exception of its own to catch.
    my $listener = TLSTest::plain_listener('127.0.0.1');
    my @to = (PeerAddr => '127.0.0.1', PeerPort => $listener->sockport, Proto => 'tcp');
    my $plain = after(sub { $IO::Socket::SSL::ISA[0]->new(@to) });
    my $seen = after(sub { client($server) });
    ok $seen->{result}[0], 'succeeds';
    ok !$seen->{error}, 'no $SSL_ERROR';
    is $seen->{errno}, 0, 'no $!';
    like $seen->{exception}, qr/^(?:\Q$plain->{exception}\E|an older exception)$/,
        '$@ is as connecting without TLS leaves it, or as it was';
    is $seen->{result}[0]->errstr, '', 'errstr is empty';
};

subtest 'successful reading and writing' => sub {
    my ($client, $server) = pair();
    my $seen = after(sub { syswrite $client, "hello\n" });
    is $seen->{errno}, 0, 'writing leaves no $!';
    ok !$seen->{error}, '... and no $SSL_ERROR';
    $seen = after(sub { scalar <$server> });
    is $seen->{result}[0], "hello\n", 'reading';
    is $seen->{errno}, 0, '... leaves no $!';
    ok !$seen->{error}, '... and no $SSL_ERROR';
};

subtest 'waiting is told apart from failing' => sub {
    my ($near, $far) = plain_pair();
    $near->blocking(0);
    IO::Socket::SSL->start_SSL($near, client_args(), SSL_startHandshake => 0) or die $SSL_ERROR;
    my $seen = after(sub { $! = 0; $near->connect_SSL });
    is_deeply $seen->{result}, [], 'nothing is returned';
    ok $seen->{number} == SSL_WANT_READ, '$SSL_ERROR is SSL_WANT_READ';
    ok $seen->{number} != SSL_WANT_WRITE, 'and not SSL_WANT_WRITE';
    ok $seen->{number} != -1 && $seen->{number} != 0, 'neither -1 nor 0';
    is $seen->{error}, 'SSL wants a read first', 'in words';
    is $seen->{errno}, EAGAIN, '$! is EAGAIN';
    unlike $seen->{exception}, qr/SSL/, '$@ tells nothing of it';
    is $near->errstr, 'SSL wants a read first', 'errstr too';
};

subtest 'a context that can not be made' => sub {
    my ($near, $far) = plain_pair();
    my $seen = after(sub { IO::Socket::SSL->start_SSL($near, SSL_ca_file => cert('garbage.pem')) });
    is_deeply $seen->{result}, [], 'nothing is returned';
    is $seen->{number}, -1, '-1';
    like $seen->{error}, qr/^Invalid certificate authority locations/, 'and why';
    is ref $near, 'IO::Socket::INET', 'the socket is what it was';
    $seen = after(sub { IO::Socket::SSL::SSL_Context->new(SSL_ca_file => cert('garbage.pem')) });
    ok !$seen->{result}[0], 'SSL_Context->new is false';
    like $seen->{error}, qr/^Invalid certificate authority locations/, 'and says why';
    like IO::Socket::SSL::errstr(), qr/^Invalid certificate authority locations/, 'errstr too';
};

subtest 'a connection that can not be made' => sub {
    my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
    my $port  = $taken->sockport;
    close $taken;
    my $seen = after(sub {
        scalar IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port) });
    ok !$seen->{result}[0], 'nothing is returned';
    is $seen->{errno}, ECONNREFUSED, '$! tells why';
    like $seen->{error}, qr/^$IO::Socket::SSL::ISA[0] configuration failed/,
        '$SSL_ERROR that it was not TLS';
    like $seen->{exception}, qr/refused/, '$@ is of the class below';
};

subtest 'mistakes that are exceptions' => sub {
    my $seen = after(sub {
        eval { IO::Socket::SSL->new(Listen => 1, SSL_cert_file => '/nonexistent') } });
    like $seen->{exception}, qr{^SSL_cert_file /nonexistent can't be used: }, '$@ tells which';
    my $noent = do { local $! = ENOENT; "$!" };
    like $seen->{exception}, qr/can't be used: $noent/, 'and why';
};

subtest 'what is no socket' => sub {
    open my $closed, '<', $0 or die "$0: $!";
    close $closed;
    for ([undef, 'Not a socket'], ['STDIN?', 'Not a socket'], [$closed, 'Socket has no fileno']) {
        my $seen = after(sub { scalar IO::Socket::SSL->start_SSL($_->[0]) });
        ok !$seen->{result}[0], 'nothing is returned';
        is $seen->{error}, $_->[1], $_->[1];
        is $seen->{number}, -1, '-1';
    }
};

subtest 'SSL_error_trap gets the socket and the text' => sub {
    my @trapped;
    my $server = test_server();
    my $sock = client($server, %untrusted, SSL_error_trap => sub { push @trapped, [@_] });
    is scalar @trapped, 1, 'called once';
    isa_ok $trapped[0][0], 'IO::Socket::SSL';
    like $trapped[0][1], $FAILED, 'the text';
    ok defined fileno $trapped[0][0], 'the socket is still open';
    like $SSL_ERROR, $FAILED, '$SSL_ERROR is there too';
};

subtest 'closing after a failure does not hide it' => sub {
    my $server = test_server();
    my $sock = client($server, %untrusted, SSL_startHandshake => 0);
    $sock->connect_SSL;
    my $error = "$SSL_ERROR";
    undef $sock;
    is "$SSL_ERROR", $error, 'the error is still there when the socket is not';
};

done_testing;
