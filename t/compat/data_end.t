# data_end.t - how a stream ends: close_notify, none, a reset, a record that is wrong.
use strict;
use warnings;
use Errno qw(ECONNRESET EPERM EPIPE);
use Test::More;
use lib 't/lib';
use TLSTest;
use DataTest;
use IO::Socket::SSL;

sub over_tcp {
    my ($version) = @_;
    return connected(over => 'tcp', version => $version);
}

# What is on its way to the client is taken from the wire, and put back by the second sub returned.
sub wire {
    my ($client, $server) = @_;
    open my $out, '<&', $client or die "dup: $!";
    open my $in, '>&', $server or die "dup: $!";

    return (
        sub { CORE::sysread($out, my $bytes, 100_000) or die "wire: $!"; return $bytes },
        sub { defined CORE::syswrite($in, $_[0]) or die "wire: $!" },
    );
}

# The three ways to lose the server.
my %END = (
    close_notify => sub { $_[0]->close },
    fin          => sub { CORE::shutdown($_[0], 1) },
    reset        => sub { reset_on_close($_[0]); $_[0]->close(SSL_no_shutdown => 1) },
);

# A test whose code gets a client whose server has reset, and a reference to the number of SIGPIPEs.
sub after_reset {
    my ($version, $code) = @_;
    return sub {
        my ($client, $server) = over_tcp($version);
        my $pipes = 0;
        local $SIG{PIPE} = sub { $pipes++ };
        $END{reset}->($server);
        $code->($client, \$pipes);
    };
}

my %READ = (
    'sysread'      => sub { scalar sysread($_[0], my $buffer, 10) },
    'method read'  => sub { scalar $_[0]->read(my $buffer, 10) },
    'method peek'  => sub { scalar $_[0]->peek(my $buffer, 10) },
    'readline'     => sub { scalar readline($_[0]) },
);

for my $version ('TLSv1_2', 'TLSv1_3') {
    for my $how (sort keys %READ) {
        my $read = $READ{$how};
        my $at_end = $how eq 'readline' ? undef : 0;

        for my $end ('close_notify', 'fin') {
            subtest "$version, $how: $end is the end of the stream, and no error" => sub {
                my ($client, $server) = over_tcp($version);

                $END{$end}->($server);
                $! = 5;
                my $result = $read->($client);
                my $fine = in_order();
                is $result, $at_end, 'the end';
                # The answer to a close_notify may fail, as the peer is gone.
                ok $fine, '$! and $SSL_ERROR are false' if $end eq 'fin';
                ok !$SSL_ERROR, '$SSL_ERROR is false';
                is $read->($client), $at_end, 'the end again';
                ok $client->opened, 'the handle is still open';
                ok defined fileno($client), 'and has its descriptor';
            };
        }

        my $after_reset = sub {
            my ($client, $server) = over_tcp($version);

            $END{reset}->($server);
            my $result = $read->($client);
            my ($errno, $error) = ($! + 0, $SSL_ERROR);
            is $result, undef, 'undef';
            is $errno, ECONNRESET, '$! tells why';
            like $error, qr/^SSL read error/, '$SSL_ERROR tells where';
            is $error + 0, -1, 'and is -1 as a number';
            is $client->errstr, "$error", 'errstr says the same';
        };
        if ($how eq 'method read' || $how eq 'readline' && !since(2.09)) {
            differs('data-read-reset', "$version, $how: a reset is an error", $after_reset, sub {
                my ($client, $server) = over_tcp($version);
                $END{reset}->($server);
                is $read->($client), $at_end, 'the incumbent takes it for the end';
                ok !$SSL_ERROR, 'without an error';
            });
        }
        else { subtest "$version, $how: a reset is an error" => $after_reset }
    }

    subtest "$version: data that came before the end are read first" => sub {
        for my $end ('close_notify', 'fin') {
            my ($client, $server) = over_tcp($version);

            $server->syswrite($_) for 'last ', "words\n", 'of the server';
            $END{$end}->($server);
            is sysread($client, my $buffer, 5), 5, "$end: a record";
            is scalar(<$client>), "words\n", "$end: a line";
            is scalar(<$client>), 'of the server', "$end: a line that the stream ends";
            is scalar(<$client>), undef, "$end: the end";
            ok !$SSL_ERROR, "$end: no error";
        }
    };

    subtest "$version: with and without close_notify are told apart by is_SSL" => sub {
        plan skip_all => 'not in this incumbent' if !since(2.093);
        my ($client, $server) = over_tcp($version);
        my ($other, $its_server) = over_tcp($version);

        $END{close_notify}->($server);
        $END{fin}->($its_server);
        sysread($_, my $buffer, 10) for $client, $other;
        is $client->is_SSL, '', 'close_notify: neither direction is TLS any more';
        is $other->is_SSL, 'rw', 'none: both still are';
    };

    subtest "$version: after a close_notify nothing goes out in the clear" => sub {
        plan skip_all => 'not in this incumbent' if !since(2.093);
        my ($client, $server) = over_tcp($version);

        # Only half of the server ends, so that it can tell what still comes.
        $server->stop_SSL(SSL_fast_shutdown => 1);
        is sysread($client, my $buffer, 10), 0, 'the end';
        my ($result, $errno) = (scalar $client->syswrite('secret'), $! + 0);
        is $result, undef, 'writing is refused';
        is $errno, EPERM, 'by EPERM';
        $client->close;
        open my $raw, '+<&=', fileno $server or die "fdopen: $!";
        my ($received, $chunk) = ('', '');
        $received .= $chunk while CORE::sysread($raw, $chunk, 1000);
        unlike $received, qr/secret/, 'nothing of it arrives';
    };

    subtest "$version: writing to a peer that has reset is an error, again and again" => sub {
        my ($client, $server) = over_tcp($version);

        my $pipes = 0;
        local $SIG{PIPE} = sub { $pipes++ };
        $END{reset}->($server);
        ready($client, 'r');
        for my $expected (ECONNRESET, EPIPE) {
            my ($result, $errno) = (scalar $client->syswrite('x'), $! + 0);
            my $error = $SSL_ERROR;
            is $result, undef, 'syswrite: undef';
            is $pipes, $expected == EPIPE ? 1 : 0, 'SIGPIPE comes with EPIPE';
            is $errno, $expected, 'the system tells why';
            like $error, qr/^SSL write error/, '$SSL_ERROR tells where';
        }
        ok !$client->print('x'), 'print is false';
        like $SSL_ERROR, qr/^SSL write error/, 'and tells where';
    };

    subtest "$version: what a peer said before it left is read after a write that failed" => sub {
        my ($client, $server) = settle(over_tcp($version));

        # An answer to a request that is still being written, as a server gives that refuses it.
        $server->syswrite("too long\nsorry\n");
        $server->syswrite('the rest');
        $server->close;
        my ($more, $result, $errno) = ('more');
        for (1 .. 1000) {
            ($result, $errno) = (scalar $client->syswrite($more), $! + 0);
            last if !defined $result;
            select undef, undef, undef, 0.01;       # until the kernel has heard of it
        }
        is $result, undef, 'there is nobody to write to';
        is $errno, EPIPE, 'EPIPE';
        ok !defined $client->syswrite($more), 'nor later';
        is scalar(<$client>), "too long\n", 'but a line was there';
        ok !$SSL_ERROR, 'without an error';
        is sysread($client, my $buffer, 100), 6, 'the rest of its record';
        is $buffer, "sorry\n", 'as it was sent';
        is $client->peek($buffer, 3), 3, 'another record';
        is_deeply [<$client>], ['the rest'], 'and all up to the end';
        is sysread($client, $buffer, 100), 0, 'which is one';
        ok !$client->syswrite($more), 'writing still fails';
    };

    subtest "$version: a record that comes in pieces is read when the last one is there" => sub {
        my ($client, $server) = over_tcp($version);
        my ($take, $put) = wire($client, $server);

        $client->blocking(0);
        $server->syswrite('in pieces');
        my @pieces = split //, $take->();
        my $last = pop @pieces;
        for (@pieces) {
            $put->($_);
            ready($client, 'r');
            last if defined sysread($client, my $buffer, 10) || $SSL_ERROR != SSL_WANT_READ;
        }
        would_block(SSL_WANT_READ, sub { sysread($client, my $buffer, 10) }, 'before the last');
        is $client->pending, 0, 'nothing is pending';
        $put->($last);
        ready($client, 'r');
        is sysread($client, my $buffer, 10), 9, 'with the last byte';
        is $buffer, 'in pieces', 'it is whole';
    };

    subtest "$version: half a record and no more is the end; what came before it is whole" => sub {
        my ($client, $server) = over_tcp($version);
        my ($take, $put) = wire($client, $server);

        $server->syswrite('whole');
        $server->syswrite('half');
        my $records = $take->();
        $put->(substr $records, 0, -3);
        CORE::shutdown($server, 1);
        is $client->read(my $buffer, 5), 5, 'the whole record';
        is $buffer, 'whole', 'is read';
        ok !sysread($client, my $rest, 10), 'nothing of the other';
        is $rest // '', '', 'not a byte';
    };

    differs('data-broken-record', "$version: a record that was tampered with is an error", sub {
        my ($client, $server) = over_tcp($version);
        open my $raw, '>&', $server or die "dup: $!";
        # Application data of 32 bytes, as nobody who has the key would write them.
        CORE::syswrite($raw, pack('Cnn', 23, 0x0303, 32) . 'x' x 32);
        my $result = sysread($client, my $buffer, 10);
        my $error = $SSL_ERROR;
        is $result, undef, 'undef, not the end of the stream';
        like $error, qr/^SSL read error.*(?:bad record mac|decryption failed)/, 'which error';
        ok !sysread($client, $buffer, 10), 'and nothing is read from then on';
    }, sub {
        my ($client, $server) = over_tcp($version);
        open my $raw, '>&', $server or die "dup: $!";
        CORE::syswrite($raw, pack('Cnn', 23, 0x0303, 32) . 'x' x 32);
        is sysread($client, my $buffer, 10), 0, 'the incumbent takes it for the end of the stream';
    });

    subtest "$version: who has read of the end is told by the result of a write, not by a signal" => sub {
        my ($client, $server) = over_tcp($version);
        my $pipes = 0;
        local $SIG{PIPE} = sub { $pipes++ };
        $server->close(SSL_no_shutdown => 1);
        is sysread($client, my $buffer, 10), 0, 'the end';
        SKIP: {
            skip 'OpenSSL 1.1.1 may still write', 1 if older_openssl();
            is scalar $client->syswrite('x'), undef, 'writing fails';
        }
        is $pipes, 0, 'no SIGPIPE';
    };

    differs('data-write-sigpipe', "$version: nor who has read of a reset", after_reset($version, sub {
        my ($client, $pipes) = @_;
        is sysread($client, my $buffer, 10), undef, 'the reset';
        is scalar $client->syswrite('x'), undef, 'writing fails';
        is $$pipes, 0, 'no SIGPIPE';
        is scalar $client->syswrite('x'), undef, 'and again';
        is $$pipes, 1, 'for who goes on there is one';
    }), after_reset($version, sub {
        my ($client, $pipes) = @_;
        is sysread($client, my $buffer, 10), undef, 'the reset';
        is scalar $client->syswrite('x'), undef, 'writing fails';
        is $$pipes, 1, 'and the incumbent raises SIGPIPE';
    }));

    differs('data-read-sigpipe', "$version: reading after a reset raises no signal", after_reset($version, sub {
        my ($client, $pipes) = @_;
        sysread($client, my $buffer, 10) for 1 .. 3;
        is $$pipes, 0, 'no SIGPIPE';
    }), after_reset($version, sub {
        my ($client, $pipes) = @_;
        sysread($client, my $buffer, 10) for 1 .. 3;
        isnt $$pipes, 0, 'the incumbent raises it';
    }));
}

subtest 'a certificate that the server refuses after the client is done is an error' => sub {
    # TLS 1.3: the client has finished before the server looks at its certificate.
    my $result = handshake(over => 'unix', server => {
        SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
        SSL_ca_file => cert('ca.pem'), SSL_cert_file => cert('server.pem'),
        SSL_key_file => cert('server.key'), SSL_version => 'TLSv1_3',
    });

    ok $result->{client_ok}, 'the client is content';
    ok !$result->{server_ok}, 'the server is not';
    like $result->{server_error}, qr/peer did not return a certificate/, 'and says so';
    differs('data-broken-record', 'the alert reaches the client at the next read', sub {
        my $read = sysread($result->{client}, my $buffer, 10);
        my $error = $SSL_ERROR;
        is $read, undef, 'undef';
        like $error, qr/^SSL read error.*certificate required/, 'the error tells why';
    }, sub {
        is sysread($result->{client}, my $buffer, 10), 0, 'the incumbent takes it for the end';
    });
};

done_testing;
