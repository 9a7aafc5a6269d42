# xs_aliased.t - scalars that Perl code changes, or handles that it throws away, while they are read
# into or written from: by message callbacks, ties, and overloaded operators.
use strict;
use warnings FATAL => 'uninitialized';
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

# What a program may make of a scalar behind the back of an operation.
my %CHANGE = (
    'undefined'  => sub { undef $_[0] },
    'shortened'  => sub { $_[0] = 'x' },
    'lengthened' => sub { $_[0] .= 'y' x 100_000 },
    'shared'     => sub { my $text = 'z' x 5000; $_[0] = $text },
    'a number'   => sub { $_[0] = 42 },
    'a reference'=> sub { $_[0] = [] },
    'wide'       => sub { $_[0] = "\x{263a}" x 10 },
);

for my $how (sort keys %CHANGE) {
    subtest "a message callback makes the scalar $how" => sub {
        my ($client, $server) = pair(over => 'unix');
        my ($buffer, $text) = ('x' x 20_000, 'written ' x 1000);
        my $sent = $text;
        $client->set_msg_callback(sub { $CHANGE{$how}->($buffer) });
        print $server 'abcdef';
        is sysread($client, $buffer, 6), 6, 'read';
        is $buffer, 'abcdef', 'what came';
        $client->set_msg_callback(sub { $CHANGE{$how}->($text) });
        is syswrite($client, $text), 8000, 'written';
        is $server->read(my $got, 8000), 8000, 'arrives';
        is $got, $sent, 'as it was';
    };
}

# Each way of running code by an argument, and what the argument is worth.
{
    package Throwing;
    our $throw;
    sub TIESCALAR { my ($class, $value) = @_; return bless \$value, $class }
    sub FETCH { $throw->() if $throw; return ${ $_[0] } }
    sub STORE { my ($self, $value) = @_; $$self = $value; return }
    package ThrowingObject;
    use overload '""' => sub { $Throwing::throw->() if $Throwing::throw; 'text' },
        '0+' => sub { $Throwing::throw->() if $Throwing::throw; 4 }, fallback => 1;
}

subtest 'arguments that throw the handle away' => sub {
    tie my $text, 'Throwing', 'text';
    tie my $length, 'Throwing', 4;
    my $object = bless [], 'ThrowingObject';
    my %use = (
        'syswrite: text'        => sub { $_[0]->syswrite($text) },
        'syswrite: length'      => sub { $_[0]->syswrite('text', $length) },
        'syswrite: offset'      => sub { $_[0]->syswrite('texttext', 2, $length) },
        'syswrite: object'      => sub { $_[0]->syswrite($object) },
        'write: text'           => sub { $_[0]->write($text) },
        'write: object'         => sub { $_[0]->write($object, $object) },
        'print: text'           => sub { $_[0]->print($text) },
        'print: several'        => sub { $_[0]->print('a', $text, $object, 'b') },
        'printf: text'          => sub { $_[0]->printf('%s', $text) },
        'printf: format'        => sub { $_[0]->printf($text) },
        'sysread: buffer'       => sub { $_[0]->sysread($text, 4) },
        'sysread: length'       => sub { $_[0]->sysread(my $buffer, $length) },
        'sysread: offset'       => sub { my $buffer = ''; $_[0]->sysread($buffer, 4, $length) },
        'read: length'          => sub { $_[0]->read(my $buffer, $object) },
        'peek: length'          => sub { $_[0]->peek(my $buffer, $length) },
        'readline: $/'          => sub { local $/ = $text; $_[0]->getline },
    );
    for my $what (sort keys %use) {
        my @pair = pair(over => 'unix');
        $pair[1]->print("data data data\n");
        local $Throwing::throw = sub { undef $Throwing::throw; undef $pair[0] };
        eval { $use{$what}->($pair[0]) };
        pass "$what: survived";
        is $pair[0], undef, 'and it is gone' if $what ne 'readline: $/';
    }
};

subtest 'tied numbers count for what they are' => sub {
    my ($client, $server) = pair(over => 'unix');
    local $Throwing::throw;
    tie my $two, 'Throwing', 2;
    tie my $three, 'Throwing', 3;
    is $client->syswrite('abcdef', $three, $two), 3, 'syswrite';
    is $server->sysread(my $buffer, $two), 2, 'sysread';
    is $buffer, 'cd', 'from the offset';
    is $server->sysread($buffer, $three, $two), 1, 'with an offset';
    is $buffer, 'cde', 'appended';
};

subtest 'an overloaded object is made a string once' => sub {
    { package Once; our $count; use overload '""' => sub { $count++; "text $count" }, fallback => 1; }
    my ($client, $server) = pair(over => 'unix');
    print $client bless([], 'Once'), "\n";
    is scalar(<$server>), "text 1\n", 'print';
    is $client->syswrite(bless [], 'Once'), 6, 'syswrite';
    is $Once::count, 2, 'one call for each';
};

done_testing;
