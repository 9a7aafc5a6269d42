# xs_magic.t - scalars of every kind as buffers: tied, read-only, aliased, overloaded, shared, UTF-8.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(ualarm);
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

my ($client, $server) = pair(over => 'unix');

{
    package Counting;
    sub TIESCALAR { my ($class, $value) = @_; return bless { value => $value, gets => 0, sets => 0 } }
    sub FETCH { my $self = shift; $self->{gets}++; return $self->{value} }
    sub STORE { my ($self, $value) = @_; $self->{sets}++; $self->{value} = $value; return }
}
{
    package Text;
    use overload '""' => sub { ${ $_[0] } }, fallback => 1;
    sub new { my ($class, $text) = @_; return bless \$text, $class }
}

sub received { sysread $server, my $buffer, 1000; return $buffer }

my %READ = (
    sysread  => sub { sysread $server, $_[0], 10 },
    read     => sub { read $server, $_[0], 4 },
    '->read' => sub { $server->read($_[0], 4) },
    '->peek' => sub { my $n = $server->peek($_[0], 10); sysread $server, my $rest, 10; $n },
);

for my $name (sort keys %READ) {
    my $read = $READ{$name};
    subtest "$name into scalars with magic" => sub {
        my $tie = tie my $tied, 'Counting', 'old';
        syswrite $client, 'data';
        is $read->($tied), 4, 'a tied scalar';
        is $tie->{value}, 'data', 'gets the data';
        is $tie->{sets}, 1, 'by one STORE';

        my %hash = (key => 'old');
        syswrite $client, 'data';
        $read->($hash{key});
        is $hash{key}, 'data', 'an element of a hash';
        syswrite $client, 'data';
        $read->($hash{new});
        is $hash{new}, 'data', 'one that was not there';

        my $string = 'abcdef';
        syswrite $client, 'data';
        $read->(substr $string, 2, 2);
        is $string, 'abdataef', 'substr as an lvalue';

        my $copy = my $original = 'shared string buffer';
        syswrite $client, 'data';
        $read->($copy);
        is $copy, 'data', 'a copy';
        is $original, 'shared string buffer', 'doesn\'t change what it was copied from';

        local $_ = 'old';
        syswrite $client, 'data';
        $read->($_) for $_;
        is $_, 'data', '$_';

        my $wide = "\x{263a}";
        syswrite $client, 'data';
        $read->($wide);
        is $wide, 'data', 'a UTF-8 string';
        ok !utf8::is_utf8($wide), 'becomes bytes';

        syswrite $client, 'data';
        ok !eval { $read->(${ \'constant' }); 1 }, 'a constant is refused';
        like $@, qr/^Modification of a read-only value attempted at /, 'in perl\'s words';
        is received(), 'data', 'and nothing is lost';
    };
}

subtest 'offsets count characters of a UTF-8 buffer' => sub {
    for my $row ([1, "\x{263a}"], [-1, "\x{263a}b"], [5, "\x{263a}bc\0\0"]) {
        my ($offset, $kept) = @$row;
        my $buffer = "\x{263a}bc";
        syswrite $client, "\xe9!";
        is sysread($server, $buffer, 10, $offset), 2, "offset $offset";
        is $buffer, "$kept\xe9!", 'kept, then the new ones';
    }
};

subtest 'a read that a handler interrupts has a whole scalar to show, and to leave behind' => sub {
    my $buffer = "\x{263a}" x 50;
    my $seen;
    local $SIG{ALRM} = sub {
        $seen = utf8::valid($buffer) ? $buffer : 'malformed';
        die "enough\n" if $seen !~ /\x{263a}/;
    };
    syswrite $client, "\xff\xfe\xfd";
    my $returned = eval { ualarm(50_000, 50_000); $server->read($buffer, 1000); 1 };
    my $why = $@;
    watchdog(60);
    ok !$returned, 'the handler ends it';
    is $why, "enough\n", 'by dying';
    is $seen, "\xff\xfe\xfd", 'what it saw';
    ok utf8::valid($buffer), 'what is left is well formed';
    is $buffer, "\xff\xfe\xfd", 'the bytes that had come';
};

subtest 'a failed read leaves the buffer as it was' => sub {
    $server->blocking(0);
    my $buffer = 'as it was';
    is sysread($server, $buffer, 10), undef, 'nothing to read';
    is $buffer, 'as it was', 'the buffer';
    $server->blocking(1);
};

subtest 'what is written is never changed' => sub {
    my $tie = tie my $tied, 'Counting', 'tied';
    my $latin = "\xe9";
    utf8::upgrade($latin);
    my $number = 42;
    my $object = Text->new('object');
    my $wide = Text->new("\xe9\x{100}");
    $client->syswrite($tied);       # the builtin fetches once more, to know the length
    is received(), 'tied', 'a tied scalar';
    is $tie->{sets}, 0, 'without STORE';
    is $tie->{gets}, 1, 'by one FETCH';
    syswrite $client, $latin;
    is received(), "\xe9", 'an upgraded string is sent as the byte it is';
    ok utf8::is_utf8($latin), 'and stays upgraded';
    print $client $number;
    is received(), '42', 'a number';
    ok B::svref_2object(\$number)->FLAGS & B::SVf_IOK(), 'that stays one' if require B;
    print $client $object;
    is received(), 'object', 'an overloaded object';
    $client->write($object, 3, 1);
    is received(), 'bje', 'a part of it';
    ok !eval { syswrite $client, $wide; 1 }, 'one whose text is wide';
    like $@, qr/^Wide character in syswrite at /, 'is refused';
    syswrite $client, '' . \1 =~ /SCALAR/ ? 'reference' : '';
    is received(), 'reference', 'and the handle still works';
};

subtest 'a FETCH that closes the handle is survived' => sub {
    my ($near, $far) = pair(over => 'unix');
    {
        package Closing;
        our $handle;
        sub TIESCALAR { return bless {} }
        sub FETCH { $handle->close; return 'text' }
        sub STORE { return }
    }
    $Closing::handle = $near;
    tie my $tied, 'Closing';
    ok !defined $near->syswrite($tied), 'writing fails';
    ok !defined fileno($near), 'it is closed';

    ($near, $far) = pair(over => 'unix');
    $Closing::handle = $near;
    tie my $buffer, 'Closing';
    print $far "x\n";
    ok !defined $near->sysread($buffer, 1), 'so does reading';
};

subtest 'separators of every kind' => sub {
    tie my $tied, 'Counting', 'X';
    for my $row (['X', 'text'], [$tied, 'tied'], [88, 'number', '88']) {
        my ($value, $name, $ends) = (@$row, 'X');
        local $/ = $value;
        print $client "one${ends}two$ends";
        is scalar(<$server>), "one$ends", "$name: first";
        is $server->getline, "two$ends", "$name: second";
    }
    my $latin = "\xe9";
    utf8::upgrade($latin);
    local $/ = $latin;
    syswrite $client, "a\xe9b\xe9";
    is scalar(<$server>), "a\xe9", 'an upgraded separator matches the byte';
    is scalar(<$server>), "b\xe9", 'again';
};

subtest 'handles that are none are refused' => sub {
    for my $wrong (undef, '', 'text', 42, [], {}, sub { }, \my $x) {
        ok !eval { IO::Socket::SSL::get_cipher($wrong); 1 }, 'get_cipher of ' . ($wrong // 'undef');
    }
    no warnings 'uninitialized';
    for my $wrong ('text', 0, 1, -5, [], undef) {
        ok !eval { IO::Socket::SSL::_cert_subject($wrong); 1 },
            'a certificate that is ' . ($wrong // 'undef');
        like $@, qr/X509 handle/, 'says what was expected';
    }
};

subtest 'numbers that are out of bounds are refused, or bounded' => sub {
    for my $name (qw(_ticket_period _ticket_seconds_left)) {
        my $sub = IO::Socket::SSL::Store->can($name);
        my @period = $name eq '_ticket_period' ? () : 0;
        for my $schedule ([0, 1], [-1, 1], [2**31, 1], [1, -1], [1, 2**53], ['text', 'text']) {
            no warnings 'numeric';
            ok !eval { $sub->(@$schedule, @period, time); 1 }, "$name: a schedule of @$schedule";
        }
        ok !eval { $sub->(1, 1, @period, $_); 1 }, "$name: now is $_" for -1, 2**60;
    }
    ok !eval { IO::Socket::SSL::Store::_ticket_seconds_left(1, 1, $_, time); 1 }, "period $_" for -2**63, 2**63;
    my $buffer = '';
    ok !eval { sysread $server, $buffer, 1, -2**63; 1 }, 'an offset of -2**63, reading';
    like $@, qr/^Offset outside string/, 'in perl\'s words';
    ok !eval { syswrite $server, 'text', 1, -2**63; 1 }, 'and writing';
    like $@, qr/^Offset outside string/, 'too';
    is IO::Socket::SSL::PublicSuffix::_suffix_labels($_, 'a.co.uk', 2**40), 3, 'no list has no rules' for 0, '';
};

subtest 'what is no number at all is no time' => sub {
    my $nan = 9**9**9 / 9**9**9;
    my ($here, $there) = plain_pair('unix');
    my $sock = IO::Socket::SSL->start_SSL($here, client_args(), SSL_startHandshake => 0);
    ok !$sock->connect_SSL(Timeout => $nan), 'a handshake with Timeout => NaN ends at once';
    for my $option (qw(SSL_reload SSL_key_update_bytes)) {
        ok !eval { IO::Socket::SSL::SSL_Context->new(server_args(SSL_server => 1, $option => $_)); 1 },
            "$option => $_ is refused" for $nan, 'nan';
        like $@, qr/^$option: a number of /, 'in words';
    }
};

done_testing;
