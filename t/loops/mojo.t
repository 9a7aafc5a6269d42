# mojo.t - Mojo::IOLoop, its own TLS server and client, on ours.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest '60';
use LoopTest;
use IO::Socket::SSL;

plan skip_all => 'no Mojo::IOLoop here' if !eval { require Mojo::IOLoop; 1 };
plan skip_all => 'Mojo::IOLoop does no TLS here' if !Mojo::IOLoop::TLS->can_tls;

my $N = 100;
my ($served, $done, @wrong, $last) = (0, 0);
my $over = sub { Mojo::IOLoop->stop if ++$done == $N };

my $id = Mojo::IOLoop->server({ address => '127.0.0.1', port => 0, backlog => 512, tls => 1,
    tls_cert => cert('server.pem'), tls_key => cert('server.key') } => sub {
    my ($loop, $stream) = @_;
    $last = $stream->handle;
    my $in = '';
    $stream->on(read => sub {
        $in .= $_[1];
        return if length $in < 4 || length $in < 4 + unpack 'N', $in;
        $served++;
        $stream->write(frame(answer_of(substr $in, 4)));
    });
});
my $port = Mojo::IOLoop->acceptor($id)->port;
Mojo::IOLoop->acceptor($id)->multi_accept(50) if Mojo::IOLoop->acceptor($id)->can('multi_accept');

for my $n (1 .. $N) {
    my $text = payload($n);
    Mojo::IOLoop->client({ address => '127.0.0.1', port => $port, tls => 1, tls_ca => cert('ca.pem'),
        tls_options => { SSL_verifycn_name => 'server.test' }, timeout => 45 } => sub {
        my ($loop, $error, $stream) = @_;
        if ($error) { push @wrong, "$n: $error"; return $over->() }
        $stream->timeout(40);
        my $in = '';
        $stream->on(error => sub { push @wrong, "$n: $_[1]" });
        $stream->on(close => $over);
        $stream->on(read => sub {
            $in .= $_[1];
            return if length $in < 4 || length $in < 4 + unpack 'N', $in;
            push @wrong, "$n: other data than wanted" if substr($in, 4) ne answer_of($text);
            $stream->close;
        });
        $stream->write(frame($text));
    });
}
my $limit = Mojo::IOLoop->timer(50 => sub { push @wrong, 'too slow'; Mojo::IOLoop->stop });
Mojo::IOLoop->start;
is_deeply \@wrong, [], "$N clients with the data they wanted";
is $done, $N, 'all came to their end';
is $served, $N, 'and were served';
isa_ok $last, 'IO::Socket::SSL', 'what the loop reads from';

done_testing;
