# What "use IO::Socket::SSL" gives: names, numbers, variables, the superclass.
use strict;
use warnings;

use lib 't/lib';
use Test::More;
use TLSTest;
use IO::Socket::SSL;

my %exported = (
    SSL_VERIFY_NONE => 0, SSL_VERIFY_PEER => 1, SSL_VERIFY_FAIL_IF_NO_PEER_CERT => 2,
    SSL_VERIFY_CLIENT_ONCE => 4,
    SSL_OCSP_NO_STAPLE => 1, SSL_OCSP_MUST_STAPLE => 2, SSL_OCSP_FAIL_HARD => 4,
    SSL_OCSP_FULL_CHAIN => 8, SSL_OCSP_TRY_STAPLE => 16,
    GEN_DNS => 2, GEN_IPADD => 7,
);
my %internal = (SSL_SENT_SHUTDOWN => 1, SSL_RECEIVED_SHUTDOWN => 2, NID_CommonName => 13);

subtest 'constants are exported and have the numbers that programs store' => sub {
    for my $name (sort keys %exported) {
        no strict 'refs';
        is &{"main::$name"}(), $exported{$name}, $name;
        is &{"IO::Socket::SSL::$name"}(), $exported{$name}, "IO::Socket::SSL::$name";
    }
};

subtest 'a few constants can be called by their full name only' => sub {
    for my $name (sort keys %internal) {
        no strict 'refs';
        is &{"IO::Socket::SSL::$name"}(), $internal{$name}, $name;
        ok !defined &{"main::$name"}, "$name is not exported";
    }
};

subtest 'the two wants are text and number in one, and differ from any error' => sub {
    is SSL_WANT_READ . '',  'SSL wants a read first',  'text of SSL_WANT_READ';
    is SSL_WANT_WRITE . '', 'SSL wants a write first', 'text of SSL_WANT_WRITE';
    cmp_ok SSL_WANT_READ, '!=', SSL_WANT_WRITE, 'different numbers';
    for my $want (SSL_WANT_READ, SSL_WANT_WRITE) {
        cmp_ok $want, '!=', $_, "not $_" for -1, 0;
        cmp_ok abs $want, '>', 200, 'no number that an errno could have';
    }
    cmp_ok SSL_WANT_READ, '==', IO::Socket::SSL::SSL_WANT_READ(), 'the same each time';
};

subtest 'names can be asked for one by one, and unknown ones are refused' => sub {
    is perl_output('use strict; use IO::Socket::SSL qw($SSL_ERROR SSL_WANT_READ); $SSL_ERROR = 1;'
        . 'print defined &main::SSL_WANT_READ ? 1 : 0, defined &main::GEN_DNS ? 1 : 0'), '10',
        'what was asked for and no more';
    is perl_output('use IO::Socket::SSL (); print defined &main::SSL_WANT_READ ? "yes" : "no"'),
        'no', 'an empty list imports nothing';
    like perl_output('use IO::Socket::SSL "foo"; print "loaded"'),
        qr/"foo" is not exported by the IO::Socket::SSL module/, 'an unknown name dies';
};

subtest '$SSL_ERROR, $IO::Socket::SSL::SSL_ERROR and $ERROR are one variable' => sub {
    is \$SSL_ERROR, \$IO::Socket::SSL::SSL_ERROR, 'the exported one is the module\'s own';
    is \$SSL_ERROR, \$IO::Socket::SSL::ERROR, 'and has a second name';
    my $before = \$IO::Socket::SSL::SSL_ERROR;
    ok !IO::Socket::SSL->start_SSL(undef), 'an error';
    is \$IO::Socket::SSL::SSL_ERROR, $before, 'it stays the same scalar, for those who alias it';
    is $SSL_ERROR . '', 'Not a socket', 'and shows the error';
};

subtest '$DEBUG exists, can be localized, and is set by an import word' => sub {
    { local $IO::Socket::SSL::DEBUG = 0; ok !$IO::Socket::SSL::DEBUG, 'local' }
    is perl_output('use IO::Socket::SSL "debug2"; print $IO::Socket::SSL::DEBUG'), 2, 'debug2';
    is perl_output('use IO::Socket::SSL ":debug1"; print $IO::Socket::SSL::DEBUG'), 1, ':debug1';
    is perl_output('use IO::Socket::SSL "debug1"; print defined &SSL_WANT_READ ? 1 : 0'), 1,
        'with import words alone the default names come too';
};

subtest 'the superclass is IO::Socket::IP, or IO::Socket::INET on demand' => sub {
    my $show = 'print "@IO::Socket::SSL::ISA"';
    is "@IO::Socket::SSL::ISA", 'IO::Socket::IP', 'one class, fit for IPv6';
    is IO::Socket::SSL::CAN_IPV6(), 'IO::Socket::IP', 'CAN_IPV6 names it';
    is(IO::Socket::SSL->can_ipv6, 'IO::Socket::IP', 'and can_ipv6');
    is perl_output("use IO::Socket::SSL 'inet4'; $show"), 'IO::Socket::INET', 'inet4';
    is perl_output("use IO::Socket::SSL 'INET4'; $show"), 'IO::Socket::INET', 'in any case';
    is perl_output("use IO::Socket::SSL 'inet6'; $show"), 'IO::Socket::IP', 'inet6 changes nothing';
    like perl_output("use IO::Socket::SSL 'inet4';\nuse IO::Socket::SSL 'inet6';\n$show"),
        qr/^IPv6 support re-enabled in .*\bIO::Socket::IP$/s, 'inet6 after inet4 warns and wins';
};

subtest 'without IO::Socket::IP it falls back to IO::Socket::INET' => sub {
    my $hide = 'BEGIN { unshift @INC,'
        . ' sub { die "hidden\n" if $_[1] =~ m{^IO/Socket/(IP|INET6)\.pm} } }';
    is perl_output("$hide use IO::Socket::SSL; print qq{\@IO::Socket::SSL::ISA|}, "
        . 'IO::Socket::SSL->can_ipv6'), 'IO::Socket::INET|', 'loads, and can_ipv6 is false';
    like perl_output("$hide use IO::Socket::SSL 'inet6'; print 'loaded'"),
        qr/INET6 is not supported, install IO::Socket::IP/, 'asking for IPv6 dies';
};

subtest 'an inet4 program makes TLS connections as well' => sub {
    my $server = test_server();
    my ($port, $ca) = ($server->port, cert('ca.pem'));
    is perl_output('use IO::Socket::SSL "inet4";'
        . 'my $s = IO::Socket::SSL->new(PeerAddr => "127.0.0.1",'
        . " PeerPort => $port, SSL_ca_file => '$ca') or die \$SSL_ERROR;"
        . 'print $s "hello\n"; print scalar(<$s>), ref($s), $s->isa("IO::Socket::INET")'),
        "hello\nIO::Socket::SSL1", 'over IO::Socket::INET';
};

subtest 'can_* tell what the library can do, called in each way' => sub {
    for my $name (qw(can_client_sni can_server_sni can_multi_cert can_alpn can_ecdh)) {
        no strict 'refs';
        ok(IO::Socket::SSL->$name, "class method $name");
        ok &{"IO::Socket::SSL::$name"}(), "function $name";
    }
    ok(IO::Socket::SSL->can('start_SSL'), 'probing with can(start_SSL) works');
    ok(IO::Socket::SSL->can('get_sslversion'), 'probing with can(get_sslversion) works');
};

done_testing;
