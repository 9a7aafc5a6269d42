# ticket_keys.t - iossl ticket-keys: a file of keys is made, rotated and told of, never shown.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use ToolTest;

my $file = scratch('keys');

subtest 'rotate makes a private file, and puts a new key first' => sub {
    my @names;
    for my $n (1 .. 5) {
        my $run = iossl('ticket-keys', 'rotate', $file);
        is $run->{status}, 0, 'done';
        my @lines = split /\n/, $run->{out};
        is scalar @lines, $n < 3 ? $n : 3, 'so many keys';
        like $lines[0], qr/^[0-9a-f]{32}  AES-256  encrypts and decrypts$/, 'the first encrypts';
        my @now = map { (split)[0] } @lines;
        is_deeply [@now[1 .. $#now]], [grep { defined } @names[0, 1]], 'the others follow';
        @names = @now;
    }
    is +(stat $file)[2] & 07777, 0600, 'private';
    my $run = iossl('ticket-keys', 'rotate', $file, '--keep', 1);
    is scalar(split /\n/, $run->{out}), 1, '--keep says how many';
    my $shown = iossl('ticket-keys', 'show', $file);
    is $shown->{out}, $run->{out}, 'show tells the same';
    open my $fh, '<', $file or die $!;
    my ($key) = map { /^[0-9a-f]{32} ([0-9a-f]+)$/ ? $1 : () } <$fh>;
    is length $key, 128, 'a key of 64 bytes';
    unlike $shown->{out}, qr/\Q$key/, 'which isn\'t shown';
};

subtest 'what can\'t be' => sub {
    my $run = iossl('ticket-keys', 'show', scratch('none'));
    is $run->{status}, 2, 'no file';
    like $run->{err}, qr/ticket keys .*none: can't be read/, 'says so';
    is iossl('ticket-keys', 'turn', $file)->{status}, 2, 'an unknown word';
    chmod 0644, $file;
    $run = iossl('ticket-keys', 'rotate', $file);
    is $run->{status}, 2, 'a file that others can read';
    like $run->{err}, qr/chmod 600/, 'what to do';
};

done_testing;
