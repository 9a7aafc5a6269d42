# beyond_keylog.t - SSL_keylog_file and SSL_keylog_callback: asked for only, private, in one piece.
use strict;
use warnings;
use Errno qw(ENOENT);
use File::Temp ();
use Fcntl ();
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

my $dir = File::Temp->newdir;

# What follows a label on each line: the client's random bytes and a secret, in hexadecimal.
my $LINE = qr/^[A-Z0-9_]+ [0-9a-f]{64} [0-9a-f]{64,96}$/;

sub lines_of { open my $fh, '<', $_[0] or return (); return map { chomp; $_ } readline $fh }

ok(IO::Socket::SSL->can_keylog, 'can_keylog');

for my $version ('TLSv1_2', 'TLSv1_3') {
    subtest "$version: both sides log the same secrets, for their owner only" => sub {
        my ($near, $far) = map { "$dir/$version-$_" } 'client', 'server';
        my ($client, $server) = do {
            my $umask = umask 0;
            my @pair = pair(over => 'unix', client => { SSL_version => $version,
                SSL_keylog_file => $near }, server => { SSL_keylog_file => $far });
            umask $umask;
            @pair;
        };
        settle($client, $server);
        my @lines = lines_of($near);
        ok @lines > 0, scalar(@lines) . ' lines';
        is_deeply [grep { !/$LINE/ } @lines], [], 'each of the known form';
        is_deeply [sort @lines], [sort(lines_of($far))], 'on both sides';
        is scalar(grep { /^CLIENT_RANDOM / } @lines), $version eq 'TLSv1_2' ? 1 : 0, 'labels';
        is sprintf('%04o', Fcntl::S_IMODE((stat $_)[2])), '0600', 'mode' for $near, $far;
    };
}

subtest 'connections of a context append to one file' => sub {
    my $file    = "$dir/append";
    my $context = IO::Socket::SSL::SSL_Context->new(client_args(SSL_version => 'TLSv1_2',
        SSL_keylog_file => $file)) or die $SSL_ERROR;
    pair(over => 'unix', client => { SSL_reuse_ctx => $context }) for 1 .. 3;
    is scalar(lines_of($file)), 3, 'three lines of three connections';
    pair(over => 'unix', client => { SSL_version => 'TLSv1_2', SSL_keylog_file => $file });
    is scalar(lines_of($file)), 4, 'and of another context';
};

subtest 'nothing is told unless the program asks' => sub {
    local $ENV{SSLKEYLOGFILE} = "$dir/environment";
    pair(over => 'unix');
    ok !-e $ENV{SSLKEYLOGFILE}, 'the environment alone does nothing';
    pair(over => 'unix', client => { SSL_keylog_file => $ENV{SSLKEYLOGFILE} });
    ok -s $ENV{SSLKEYLOGFILE}, 'it does where the program says so';
    ok scalar(pair(over => 'unix', client => { SSL_keylog_file => undef })), 'undef is nothing';
};

subtest 'a file that others may read, or that is none, is refused' => sub {
    my $open = "$dir/open";
    { open my $fh, '>', $open or die $!; chmod 0640, $open }
    my $refused = sub { IO::Socket::SSL::SSL_Context->new(client_args(SSL_keylog_file => $_[0])) };
    is $refused->($open), undef, 'a readable one';
    like $SSL_ERROR, qr/SSL_keylog_file \Q$open\E can be read by others \(owner \d+, mode 0640\)/,
        'and why';
    is((stat $open)[7], 0, 'nothing was written to it');
    symlink "$dir/target", "$dir/link" or die $!;
    is $refused->("$dir/link"), undef, 'a link';
    ok !-e "$dir/target", 'and what it points to is not made';
    is $refused->("$dir"), undef, 'a folder';
    is $refused->('/dev/null'), undef, 'a device';
    like $SSL_ERROR, qr{SSL_keylog_file /dev/null is no regular file}, 'and why';
    is $refused->("$dir/not/there"), undef, 'none that can be made';
    is $! + 0, ENOENT, 'with the errno';
    chmod 0600, $open;
    ok $refused->($open), 'once it is private, it is taken';
};

subtest 'a callback hears the socket and each line' => sub {
    my (@heard, $socket);
    my ($client) = pair(over => 'unix', client => {
        SSL_keylog_file => "$dir/both",
        SSL_keylog_callback => sub { ($socket) = @_; push @heard, $_[1]; $@ = 'mine'; $! = 1 },
    });
    is_deeply \@heard, [lines_of("$dir/both")], 'the same as the file';
    is $socket, $client, 'with its socket';
    undef $socket;
};

subtest 'a callback that dies ends the handshake with its words' => sub {
    my $result = handshake(over => 'unix',
        client => { SSL_keylog_callback => sub { die "not this one\n" } });
    ok !$result->{client_ok}, 'no connection';
    is $result->{client_error}, "not this one\n", 'its exception came through';
    ok eval { IO::Socket::SSL::SSL_Context->new(client_args(SSL_keylog_callback => 'no')); 0 }
        || $@ =~ /^SSL_keylog_callback: a reference to code expected/, 'what is no code is told';
    ok scalar(pair(over => 'unix')), 'the next connection is unaffected';
};

done_testing;
