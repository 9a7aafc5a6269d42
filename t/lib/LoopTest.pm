# LoopTest - conversations over non-blocking TLS sockets that any event loop can drive.
#
# Owns      sockets, buffers and what is checked of each conversation: a client sends bytes of its own and
#           takes back their reverse; a server answers so.
# Promises  step() never waits: it goes as far as the socket lets it, also through what TLS has
#           pending, and says what to wait for.
# Leaves    waiting to the loop under test.
#
#   my $peer = LoopTest::Client->new(port => $port, id => 7);
#   my $wants = $peer->step;    # 'r' readable, 'w' writable, '' it is over and all was right; or dies
#   $peer->fh
package LoopTest;

use strict;
use warnings;

use Exporter 'import';
use Errno qw(EAGAIN EINPROGRESS EINTR);
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_ERROR);
use Test::More;
use TLSTest;
use IO::Socket::SSL;

our @EXPORT = qw(payload answer_of listener server_context client_context drive answer_blocking frame);

# 1 to 40 KB that no other conversation has.
sub payload {
    my $id = shift;
    my $text = "conversation $id of many; ";
    return substr $text x 2000, 0, 1000 + $id * 7919 % 39_000;
}

sub frame { return pack 'N/a*', $_[0] }
sub answer_of { return scalar reverse $_[0] }

sub listener {
    return IO::Socket::INET->new(Listen => 512, LocalAddr => '127.0.0.1', ReuseAddr => 1) || die "listen: $!";
}

sub server_context { return IO::Socket::SSL::SSL_Context->new(server_args(@_)) || die $SSL_ERROR }
sub client_context { return IO::Socket::SSL::SSL_Context->new(client_args(@_)) || die $SSL_ERROR }

# A blocking server's part of one conversation.
sub answer_blocking {
    my $sock = shift;
    (read($sock, my $head, 4) || 0) == 4 or return 0;
    my $length = unpack 'N', $head;
    my $text = '';
    while (length $text < $length) { read($sock, $text, $length - length $text, length $text) or return 0 }
    print $sock frame(answer_of($text));
    return 1;
}

# The plainest loop: all of these peers by select, until they are done. Returns how many came through.
sub drive {
    my @peers = @_;
    my %waits = map { fileno($_->fh) => [$_, 'w'] } @peers;
    my $done = 0;
    while (%waits) {
        my ($r, $w) = ('', '');
        for my $fd (keys %waits) { vec($waits{$fd}[1] eq 'r' ? $r : $w, $fd, 1) = 1 }
        my $n = select my $can_r = $r, my $can_w = $w, undef, 30;
        die "nothing happens any more\n" if !$n;
        next if $n < 0;
        for my $fd (grep { vec($can_r, $_, 1) || vec($can_w, $_, 1) } keys %waits) {
            my $wants = $waits{$fd}[0]->step;
            if ($wants eq '') { delete $waits{$fd}; $done++ }
            else              { $waits{$fd}[1] = $wants }
        }
    }
    return $done;
}

# --------------------------------------------------------------------------------------------------
package LoopTest::Peer;

sub fh { return $_[0]{sock} }

# 'r' or 'w', as TLS says; dies of anything else.
sub wants {
    my ($self, $what) = @_;
    my $error = $IO::Socket::SSL::SSL_ERROR;
    no warnings 'numeric';
    return 'r' if $error == IO::Socket::SSL::SSL_WANT_READ();
    return 'w' if $error == IO::Socket::SSL::SSL_WANT_WRITE();
    die ref $self, " $self->{id}: $what: $error\n";
}

sub step {
    my $self = shift;
    while (1) {
        my $state = $self->{state};
        return '' if $state eq 'over';
        my $wants = $self->$state;
        return $wants if defined $wants;
    }
}

# Each state returns what to wait for, or nothing once it has moved on.
sub shake {
    my $self = shift;
    my $method = $self->{method};
    return $self->wants('handshake') if !$self->{sock}->$method;
    $self->{state} = $self->{after_handshake};
    return;
}

sub send_out {
    my $self = shift;
    while (length $self->{out}) {
        my $n = syswrite $self->{sock}, $self->{out};
        return $self->wants('write') if !defined $n;
        substr($self->{out}, 0, $n) = '';
    }
    $self->{state} = $self->{after_writing};
    return;
}

sub take_in {
    my $self = shift;
    my $n = sysread $self->{sock}, $self->{in}, 16_384, length $self->{in};
    return $self->wants('read') if !defined $n;
    return $self->ended if !$n;
    $self->received;
    return;
}

sub whole {
    my $in = $_[0]{in};
    return length $in >= 4 && length $in >= 4 + unpack('N', $in) ? substr $in, 4 : undef;
}

sub finish_up {
    my $self = shift;
    close $self->{sock};
    $self->{state} = 'over';
    return;
}

# --------------------------------------------------------------------------------------------------
# A client: sends the frame of its payload, wants the reverse. "request" and "check" make it another
# protocol: bytes to send, and a sub that is given all that came until the end of the stream.
package LoopTest::Client;

our @ISA = ('LoopTest::Peer');

sub new {
    my ($class, %how) = @_;
    my $sock = IO::Socket::INET->new(Proto => 'tcp', PeerAddr => "127.0.0.1:$how{port}", Blocking => 0)
        or die "connect: $! $@\n";
    my $text = LoopTest::payload($how{id});
    return bless { id => $how{id}, context => $how{context}, sock => $sock, state => 'connecting',
        method => 'connect_SSL', after_handshake => 'send_out', after_writing => 'take_in', in => '',
        out => $how{request} // LoopTest::frame($text), wanted => LoopTest::answer_of($text),
        check => $how{check} }, $class;
}

# Comes here when the socket is writable for the first time.
sub connecting {
    my $self = shift;
    my $error = getsockopt $self->{sock}, Socket::SOL_SOCKET(), Socket::SO_ERROR();
    local $! = unpack 'i', $error;
    die "client $self->{id}: connect: $!\n" if $! + 0;
    return 'w' if !getpeername $self->{sock};
    IO::Socket::SSL->start_SSL($self->{sock}, SSL_startHandshake => 0, SSL_reuse_ctx => $self->{context},
        SSL_verifycn_name => 'server.test') or die "client $self->{id}: $IO::Socket::SSL::SSL_ERROR\n";
    $self->{state} = 'shake';
    return;
}

sub received {
    my $self = shift;
    return if $self->{check};
    my $text = $self->whole // return;
    die "client $self->{id}: other data than wanted\n" if $text ne $self->{wanted};
    return $self->finish_up;
}

sub ended {
    my $self = shift;
    die "client $self->{id}: the server ended too early\n"
        if !$self->{check} || !$self->{check}->($self->{in});
    return $self->finish_up;
}

# --------------------------------------------------------------------------------------------------
package LoopTest::Server;

our @ISA = ('LoopTest::Peer');
my $count = 0;

sub new {
    my ($class, %how) = @_;
    my $sock = $how{sock};
    $sock->blocking(0);
    IO::Socket::SSL->start_SSL($sock, SSL_startHandshake => 0, SSL_server => 1,
        SSL_reuse_ctx => $how{context}) or die $IO::Socket::SSL::SSL_ERROR;
    return bless { id => ++$count, sock => $sock, state => 'shake', method => 'accept_SSL', in => '',
        after_handshake => 'take_in', after_writing => 'take_in' }, $class;
}

sub received {
    my $self = shift;
    my $text = $self->whole // return;
    @$self{qw(out in state)} = (LoopTest::frame(LoopTest::answer_of($text)), '', 'send_out');
    return;
}

sub ended { return $_[0]->finish_up }

1;
