# io_async.t - IO::Async with IO::Async::SSL, on ours.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use TLSTest '60';
use LoopTest;
use IO::Socket::SSL;

plan skip_all => 'no IO::Async and IO::Async::SSL here'
    if !eval { require IO::Async::Loop; require IO::Async::Stream; require IO::Async::SSL; 1 };

my $N = 100;
my $loop = IO::Async::Loop->new;
my ($served, @wrong, $port, $handle) = (0);

my $listening = $loop->SSL_listen(
    addr => { family => 'inet', socktype => 'stream', ip => '127.0.0.1', port => 0 }, queuesize => 512,
    SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'),
    on_stream => sub {
        my $stream = shift;
        $handle = $stream->read_handle;
        $stream->configure(on_read => sub {
            my ($self, $in, $eof) = @_;
            return 0 if length $$in < 4 || length $$in < 4 + unpack 'N', $$in;
            my $text = substr $$in, 4;
            $$in = '';
            $served++;
            $self->write(frame(answer_of($text)));
            return 0;
        });
        $loop->add($stream);
    },
    on_ssl_error     => sub { push @wrong, "server: $_[0]" },
    on_resolve_error => sub { die "resolve: $_[0]" },
    on_listen_error  => sub { die "listen: $_[1]" },
)->get;
$port = $listening->read_handle->sockport;

my @clients = map {
    my ($n, $text) = ($_, payload($_));
    $loop->SSL_connect(addr => { family => 'inet', socktype => 'stream', ip => '127.0.0.1', port => $port },
        SSL_ca_file => cert('ca.pem'), SSL_verifycn_name => 'server.test',
        handle => IO::Async::Stream->new(on_read => sub { 0 }))->then(sub {
        my $stream = shift;
        $loop->add($stream) if !$stream->loop;
        $stream->write(frame($text));
        return $stream->read_exactly(4 + length $text)->then(sub {
            push @wrong, "$n: other data than wanted" if substr($_[0], 4) ne answer_of($text);
            $stream->close_now;
            return Future->done($n);
        });
    })->else(sub { push @wrong, "$n: $_[0]"; return Future->done });
} 1 .. $N;
my $all = Future->needs_all(@clients);
Future->wait_any($all, $loop->timeout_future(after => 50))->await;
ok $all->is_done, "$N clients came to their end";
is_deeply \@wrong, [], 'with the data they wanted';
is $served, $N, 'and were served';
isa_ok $handle, 'IO::Socket::SSL', 'what the loop reads from';

done_testing;
