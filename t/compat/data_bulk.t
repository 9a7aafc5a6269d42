# data_bulk.t - megabytes both ways, in all sizes of writes and reads: every byte once and in order.
use strict;
use warnings;
use Digest::MD5;
use POSIX ();
use Test::More;
use lib 't/lib';
use TLSTest;
use DataTest;
use IO::Socket::SSL;

use constant TOTAL => 4_000_000;

# TOTAL bytes that no shift or swap leaves alike; the same for the same name.
sub payload {
    my ($name) = @_;
    return substr join('', map { pack 'A4 N', $name, $_ * 2_654_435_761 % 4_294_967_291 }
        1 .. TOTAL / 8 + 1), 0, TOTAL;
}

# Sizes as programs have them: tiny, odd, around a record, and beyond. They repeat.
my @SIZES = (1, 16_384, 7, 16_383, 100_000, 16_385, 2, 40_000, 8192, 333);

my %PAYLOAD = (up => payload('up'), down => payload('down'));
my %DIGEST = map { $_ => Digest::MD5::md5_hex($PAYLOAD{$_}) } keys %PAYLOAD;

for my $version ('TLSv1_2', 'TLSv1_3') {
    subtest "$version: both directions at once, non-blocking" => sub {
        my ($client, $server) = connected(version => $version, over => 'tcp');
        my %way = (
            up   => { from => $client, to => $server, sent => 0, got => '', turn => 0 },
            down => { from => $server, to => $client, sent => 0, got => '', turn => 3 },
        );
        my $idle = 0;

        $_->blocking(0) for $client, $server;
        while (grep { length $way{$_}{got} < TOTAL } keys %way) {
            my $moved = 0;
            for my $name (sort keys %way) {
                my $way = $way{$name};
                my $size = $SIZES[$way->{turn}++ % @SIZES];
                if ($way->{sent} < TOTAL) {
                    my $n = $way->{from}->syswrite($PAYLOAD{$name}, $size, $way->{sent});
                    $way->{sent} += $n // 0;
                    $moved ||= $n;
                }
                $size = $SIZES[$way->{turn} * 3 % @SIZES];
                my $n = sysread($way->{to}, $way->{got}, $size, length $way->{got});
                $moved ||= $n;
            }
            # Wait for the kernel to move what neither end can.
            ready($client, 'r', 1) || ready($server, 'r', 1) || $idle++ if !$moved;
            last if $idle > 5;
        }
        is length $way{$_}{got}, TOTAL, "$_: as many bytes" for sort keys %way;
        is Digest::MD5::md5_hex($way{$_}{got}), $DIGEST{$_}, "$_: the same bytes"
            for sort keys %way;
    };

    my %WRITE = (
        print    => sub { print { $_[0] } $_[1] },
        write    => sub { $_[0]->write($_[1]) },
        syswrite => sub {
            my ($fh, $data) = @_;
            my $done = 0;
            while ($done < length $data) { $done += syswrite($fh, $data, 30_000, $done) // return }
            return $done;
        },
    );
    my %READ = (
        sysread => sub {
            my ($fh, $turn) = @_;
            sysread($fh, my $chunk, $SIZES[$turn % @SIZES]);
            return $chunk;
        },
        read => sub {
            my ($fh, $turn) = @_;
            $fh->read(my $chunk, $SIZES[$turn % @SIZES]);
            return $chunk;
        },
        'readline, getc and peek' => sub {
            my ($fh, $turn) = @_;
            return getc $fh if $turn % 5 == 1;
            $fh->peek(my $chunk, 10) if $turn % 5 == 2;
            return scalar <$fh>;
        },
    );
    my @readers = sort keys %READ;
    for my $writer (sort keys %WRITE) {
        my $reader = shift @readers;

        subtest "$version: another process writes by $writer, this reads by $reader" => sub {
            my ($client, $server) = connected(version => $version, over => 'tcp');
            my $pid = fork // die "fork: $!";

            if (!$pid) {
                alarm 30;
                my $at = 0;
                for (my $turn = 0; $at < TOTAL; $turn++) {
                    my $chunk = substr $PAYLOAD{down}, $at, $SIZES[$turn % @SIZES];
                    my $n = $WRITE{$writer}->($server, $chunk) || last;
                    $at += $n;
                }
                $server->close;
                POSIX::_exit($at == TOTAL ? 0 : 1);
            }
            $server->close(SSL_no_shutdown => 1);
            my $digest = Digest::MD5->new;
            my ($length, $turn) = (0, 0);
            while ($length < TOTAL) {
                my $chunk = $READ{$reader}->($client, $turn++);
                last if !defined $chunk || $chunk eq '';
                $length += length $chunk;
                $digest->add($chunk);
            }
            is $length, TOTAL, 'as many bytes';
            is $digest->hexdigest, $DIGEST{down}, 'the same bytes';
            is sysread($client, my $buffer, 10), 0, 'then the end';
            ok !$SSL_ERROR, 'without an error';
            waitpid $pid, 0;
            is $?, 0, 'the writer was content too';
        };
    }
}

subtest 'everything in one read, one line, one list' => sub {
    for my $how ('read', 'slurp', 'list') {
        my ($client, $server) = connected();
        my $pid = fork // die "fork: $!";

        if (!$pid) {
            alarm 30;
            my $n = $server->print($PAYLOAD{up});
            $server->close;
            POSIX::_exit($n == TOTAL ? 0 : 1);
        }
        $server->close(SSL_no_shutdown => 1);
        my $got;
        if    ($how eq 'read')  { $client->read($got, TOTAL) }
        elsif ($how eq 'slurp') { local $/ = undef; $got = <$client> }
        else                    { $got = join '', <$client> }
        is length $got, TOTAL, "$how: as many bytes";
        is Digest::MD5::md5_hex($got), $DIGEST{up}, "$how: the same bytes";
        waitpid $pid, 0;
        is $?, 0, "$how: the writer was content";
    }
};

done_testing;
