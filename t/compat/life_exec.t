# Handles and exec: what a program that takes the place of this one can do with a descriptor.
use strict;
use warnings;

use Fcntl qw(F_SETFD);
use lib 't/lib';
use Test::More;
use TLSTest;
use IO::Socket::SSL;

# Runs a new perl that inherits the descriptors of these handles; $code finds their numbers in @ARGV.
sub run_with {
    my ($code, @handles) = @_;
    fcntl $_, F_SETFD, 0 or die "fcntl: $!" for @handles;
    my $text = perl_output($code, map { fileno $_ } @handles);
    return $text;
}

# inetd and its like: whoever accepts knows nothing of TLS.
subtest 'a plain connection is inherited, and TLS begins after exec' => sub {
    my ($near, $far) = plain_pair();
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        IO::Socket::SSL->start_SSL($near, client_args()) or POSIX::_exit(1);
        print $near "hello\n";
        my $line = <$near>;
        $near->close;
        POSIX::_exit(defined $line && $line eq "you said hello\n" ? 0 : 2);
    }
    close $near;
    my ($cert, $key) = (cert('server.pem'), cert('server.key'));
    my $text = run_with(<<"END", $far);
use IO::Socket::SSL;
my \$socket = IO::Socket::SSL->new_from_fd(\$ARGV[0], SSL_server => 1, SSL_cert_file => '$cert',
    SSL_key_file => '$key') or die \$SSL_ERROR;
my \$line = <\$socket>;
print \$socket "you said \$line";
<\$socket>;
print 'served';
END
    is $text, 'served', 'the new program served it';
    waitpid $pid, 0;
    is $? >> 8, 0, 'as the client saw';
};

subtest 'a listener is inherited with its descriptor' => sub {
    my $listener = TLSTest::plain_listener('127.0.0.1');
    my $port = $listener->sockport;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port, client_args())
            or POSIX::_exit(1);
        POSIX::_exit(($sock->getline // '') eq "welcome\n" ? 0 : 2);
    }
    my ($cert, $key) = (cert('server.pem'), cert('server.key'));
    my $text = run_with(<<"END", $listener);
use IO::Socket::INET;
use IO::Socket::SSL;
my \$listener = IO::Socket::INET->new_from_fd(\$ARGV[0], 'r+') or die "\$!";
my \$socket = \$listener->accept or die "\$!";
IO::Socket::SSL->start_SSL(\$socket, SSL_server => 1, SSL_cert_file => '$cert',
    SSL_key_file => '$key') or die \$SSL_ERROR;
print \$socket "welcome\\n";
\$socket->close;
print 'served';
END
    is $text, 'served', 'the new program accepted';
    waitpid $pid, 0;
    is $? >> 8, 0, 'and the client was served';
};

subtest 'TLS goes on here, whatever inherited the descriptor' => sub {
    for my $code ('print "ran"', 'open my $fh, "+<&=", $ARGV[0] or die; close $fh; print "ran"',
        'use IO::Socket::SSL; open my $fh, "+<&=", $ARGV[0] or die; print "ran"') {
        my ($client, $server) = settle(pair());
        is run_with($code, $client), 'ran', 'another program ran';
        settle($client, $server);
        print $client "on\n";
        is scalar(<$server>), "on\n", 'data';
        ok $client->close, 'and an end';
        is sysread($server, my $buffer, 1), 0, 'that the peer sees';
        ok !$SSL_ERROR, 'in order';
    }
};

subtest 'a program that takes our place leaves the peer with no end of TLS' => sub {
    my ($client, $server) = settle(pair());
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $server->close(SSL_no_shutdown => 1);
        no warnings 'exec';
        exec $^X, '-e', '1';
        POSIX::_exit(127);
    }
    $client->close(SSL_no_shutdown => 1);
    waitpid $pid, 0;
    is $? >> 8, 0, 'exec';
    is sysread($server, my $buffer, 1), 0, 'TCP ends';
    ok $server->is_SSL, 'TLS has not';
};

done_testing;
