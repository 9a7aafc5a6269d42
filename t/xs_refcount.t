# xs_refcount.t - what the glue holds it gives back: handles, contexts, callbacks, exceptions.
use strict;
use warnings;
use B ();
use Scalar::Util qw(weaken);
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

sub references { return B::svref_2object($_[0])->REFCNT }

# True if the object that the code returns is gone once nothing refers to it any more.
sub is_freed {
    my ($make, $name) = @_;
    my @made = $make->();
    my @weak = @made;
    weaken($_) for @weak;
    @made = ();
    return is scalar(grep { defined } @weak), 0, $name;
}

sub context { return IO::Socket::SSL::SSL_Context->new(SSL_ca_file => cert('ca.pem'), @_) }

subtest 'a connection doesn\'t keep its own handle alive' => sub {
    is_freed(sub { pair(over => 'unix') }, 'dropped while open');
    is_freed(sub { my @p = pair(over => 'unix'); $_->close for @p; @p }, 'dropped after close');
    is_freed(sub {
            my @p = pair(over => 'unix');
            print { $p[0] } "x\n";
            my $line = readline $p[1];
            @p;
        }, 'dropped after use through the tie');
    is_freed(sub { @{ handshake(over => 'unix', client => { SSL_ca_file => cert('other-ca.pem') }) }
            {qw(client server)} }, 'dropped after a failed handshake');
};

subtest 'the descriptor is closed when the handle goes' => sub {
    my ($client, $server) = pair(over => 'unix');
    my $fd = fileno $client;
    undef $client;
    ok !open(my $again, '<&=', $fd), 'it is closed';
    ok !sysread($server, my $buffer, 1), 'the peer sees the end, or a reset';
};

subtest 'a context lives as long as a connection uses it, and no longer' => sub {
    my $context = context();
    my $before = references($context);
    my ($client, $server) = pair(over => 'unix', client => { SSL_reuse_ctx => $context });
    cmp_ok references($context), '>', $before, 'in use';
    undef $_ for $client, $server;
    is references($context), $before, 'given back';

    ($client, $server) = pair(over => 'unix', client => { SSL_reuse_ctx => $context });
    weaken(my $weak = $context);
    undef $context;
    print $client "still\n";
    is scalar(<$server>), "still\n", 'the connection works without the program\'s reference';
    undef $client;
    is $weak, undef, 'the context went with the connection';
};

subtest 'an explicit DESTROY of a context, even twice, harms no connection' => sub {
    my $context = context();
    my ($client, $server) = pair(over => 'unix', client => { SSL_reuse_ctx => $context });
    $context->DESTROY for 1, 2;
    print $client "on\n";
    is scalar(<$server>), "on\n", 'data';
    ok $client->get_cipher, 'information';
    ok !eval { IO::Socket::SSL::SSL_Context->new(SSL_reuse_ctx => $context) }, 'but no new use';
    like $@, qr/^invalid context to reuse/, 'which says why';
};

for my $row (
    ['SSL_verify_callback', sub { my $cb = shift; ({ SSL_verify_callback => $cb }, {}) }],
    ['SSL_verifycn_scheme', sub { ({ SSL_verifycn_scheme => { callback => shift } }, {}) }],
    ['SSL_create_ctx_callback', sub { ({ SSL_create_ctx_callback => shift }, {}) }],
    ['SSL_passwd_cb', sub { ({}, { SSL_cert_file => cert('server.pem'),
                SSL_key_file => cert('server-pass.key'), SSL_passwd_cb => shift }) }],
) {
    my ($option, $args) = @$row;
    subtest "a closure given as $option is called, and freed with the connection" => sub {
        my $calls = 0;
        my $closure = do { my $count = \$calls; sub { $$count++; 'secret' } };
        my $before = references($closure);
        my ($client, $server) = $args->($closure);
        my $result = handshake(over => 'unix', client => $client, server => $server);
        ok $result->{client_ok}, 'connected' or diag $result->{client_error};
        cmp_ok $calls, '>', 0, 'called';
        undef $_ for $client, $server, $result;
        is references($closure), $before, 'no reference is left';
    };
    subtest "an exception of $option arrives as it was thrown, and is freed" => sub {
        my $thrown = bless {}, 'Some::Exception';
        my $before = references($thrown);
        my ($client, $server) = $args->(sub { die $thrown });
        my ($near, $far) = plain_pair('unix');
        $_->blocking(0) for $near, $far;
        my $caught;
        for (1 .. 5) {
            for my $end ([$near, client_args(%$client)], [$far, server_args(%$server)]) {
                my ($sock, @args) = @$end;
                eval {
                    IO::Socket::SSL->start_SSL($sock, @args, SSL_startHandshake => 0)
                        if !$sock->isa('IO::Socket::SSL');
                    $sock == $near ? $sock->connect_SSL : $sock->accept_SSL;
                    1;
                } or $caught ||= $@;
            }
            last if $caught;
        }
        is $caught, $thrown, 'the very object';
        undef $_ for $caught, $near, $far, $client, $server;
        $@ = '';
        is references($thrown), $before, 'no reference is left';
    };
}

subtest 'buffers are the program\'s: nothing keeps them' => sub {
    my ($client, $server) = pair(over => 'unix');
    my ($text, $line, $buffer) = ('some text', '', '');
    my @before = map { references($_) } \($text, $line, $buffer);
    print $client $text, "\n";
    $client->syswrite($text);
    $line = <$server>;
    sysread $server, $buffer, 3;
    $server->read($buffer, 3);
    is_deeply [map { references($_) } \($text, $line, $buffer)], \@before, 'as before';
};

subtest 'a suffix list lives as long as a context that uses it' => sub {
    require IO::Socket::SSL::PublicSuffix;
    my $list = IO::Socket::SSL::PublicSuffix->from_string("wild.test\n");
    my $context = context(SSL_verifycn_name => 'x', SSL_verifycn_publicsuffix => $list);
    weaken(my $weak = $list);
    undef $list;
    ok $weak, 'kept';
    my $result = handshake(over => 'unix', client => { SSL_reuse_ctx => $context,
        SSL_verifycn_name => 'x.wild.test' });
    ok !$result->{client_ok}, 'and used';
    undef $_ for $result, $context;
    is $weak, undef, 'freed';
};

subtest 'after 200 handshakes, good and bad, memory doesn\'t grow' => sub {
    plan skip_all => 'needs /proc' if !-r '/proc/self/statm';
    plan skip_all => 'the sanitizer keeps what is freed, and finds leaks itself' if $ENV{IOSSL_SANITIZE};
    my $kb = sub { open my $f, '<', '/proc/self/statm' or die $!; (split ' ', <$f>)[1] * 4 };
    my $round = sub {
        my ($client, $server) = pair(over => 'unix');
        print $client "a\nb\n";
        my @lines = map { scalar <$server> } 1, 2;
        $client->peer_certificate('subjectAltNames');
        handshake(over => 'unix', client => { SSL_verifycn_name => 'wrong.test' });
        eval { IO::Socket::SSL::SSL_Context->new(SSL_version => 'nonsense') };
    };
    $round->() for 1 .. 60;
    my $before = $kb->();
    $round->() for 1 .. 140;
    cmp_ok $kb->() - $before, '<', 1000, 'less than 1000 KB';
};

done_testing;
