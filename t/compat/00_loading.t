# Which implementation the other files here talk to, and that it loads as programs expect.
use strict;
use warnings;

use lib 't/lib';
use Test::More;
use TLSTest;
use IO::Socket::SSL;

subtest 'the version satisfies programs that ask for any incumbent version' => sub {
    ok eval { IO::Socket::SSL->VERSION('2.009'); 1 }, 'VERSION(2.009) is content';
    ok eval { IO::Socket::SSL->VERSION('2.081'); 1 }, 'VERSION(2.081) is content';
    cmp_ok $IO::Socket::SSL::VERSION, '>', 1.964, 'the variable compares as a number';
    ok !eval { IO::Socket::SSL->VERSION('99'); 1 }, 'VERSION(99) dies';
};

subtest 'a test is stopped if IO::Socket::SSL came from elsewhere' => sub {
    local $ENV{IOSSL_EXPECT} = '/nonexistent';
    my $said = perl_output('use lib "t/lib"; use TLSTest; print "loaded"');
    like $said, qr{expected below /nonexistent}, 'TLSTest refuses';
    unlike $said, qr/^loaded/m, 'and nothing runs';
};

subtest 'the implementation names itself' => sub {
    if (implementation() eq 'ours') {
        like(IO::Socket::SSL->implementation, qr/XS/, 'ours says so');
        cmp_ok $IO::Socket::SSL::VERSION, '>=', 3, 'version 3 or higher';
    }
    else {
        cmp_ok $IO::Socket::SSL::VERSION, '<', 3, 'the incumbent is older than 3';
        is incumbent_version(), $IO::Socket::SSL::VERSION, 'and TLSTest knows which it is';
    }
};

done_testing;
