# $IO::Socket::SSL::DEBUG: what is shown at which level, in a form that people can read.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

# What a program prints on standard error that makes a connection, and fails to make another.
sub shown {
    my $level = shift;
    my $code  = <<'END';
        use lib 't/lib';
        use TLSTest;
        use IO::Socket::SSL;
        $IO::Socket::SSL::DEBUG = shift;
        my ($client, $server) = pair();
        handshake(client => { SSL_verifycn_name => 'foo.test' });
END
    return grep { !/^#/ } split /^/, perl_output($code, $level);
}

my %shown = map { $_ => [shown($_)] } 0 .. 3;

subtest 'level 0 shows nothing' => sub {
    is_deeply $shown{0}, [], 'no line';
};

subtest 'from level 1 on errors are shown, with file and line' => sub {
    for my $level (1 .. 3) {
        my @errors = grep { /hostname verification failed/ } @{ $shown{$level} };
        cmp_ok scalar @errors, '>=', 1, "level $level shows it";
        like $errors[0], qr/^DEBUG: [^:]{1,20}:\d+: .*error: hostname verification failed/,
            'after where it was';
    }
    is_deeply [grep { !/^DEBUG: [^:]{1,20}:\d+: \S/ } @{ $shown{1} }], [], 'no line has another form';
};

subtest 'from level 2 on the messages of TLS are shown' => sub {
    my $message = qr/^DEBUG: [^:]{1,20}:\d+: \* TLSv1\.3 \((IN|OUT)\), TLS (\w+), (.*)$/;
    is_deeply [grep { /$message/ } @{ $shown{1} }], [], 'not at level 1';
    for my $level (2, 3) {
        my (%seen, @alerts);
        for my $line (@{ $shown{$level} }) {
            my ($way, $kind, $what) = $line =~ $message or next;
            $seen{$way}{$1}++ if $kind eq 'handshake' && $what =~ /\((\d+)\)$/;
            push @alerts, $way if $kind eq 'alert';
        }
        for my $way (qw(IN OUT)) {
            # ClientHello, ServerHello, EncryptedExtensions, Certificate, CertificateVerify, Finished
            ok $seen{$way}{$_}, "level $level: $way, message $_" for 1, 2, 8, 11, 15, 20;
        }
        is_deeply [sort @alerts], ['IN', 'OUT'], 'and the alert, on both sides';
    }
};

subtest 'level 3 shows more than level 2' => sub {
    cmp_ok scalar @{ $shown{3} }, '>', scalar @{ $shown{2} }, 'more lines';
};

subtest 'looking changes nothing' => sub {
    my $code = <<'END';
        use lib 't/lib';
        use TLSTest;
        use IO::Socket::SSL;
        $IO::Socket::SSL::DEBUG = 3;
        open STDERR, '>', '/dev/null';
        my ($client, $server) = pair();
        $@ = 'before';
        $! = 0;
        local ($,, $\) = ('-', '+');
        print $client "x\n";
        my $got = <$server>;
        print STDOUT $got eq "x\n" ? 'whole' : "got $got", $@, $!+0;
END
    is((split /^#.*\n/m, perl_output($code))[-1], 'whole-before-0+', 'data, $@ and $! are as without');
};

subtest 'the level can be local, and is the one of Net::SSLeay' => sub {
    local $IO::Socket::SSL::DEBUG = 2;
    is $IO::Socket::SSL::DEBUG, 2, 'local';
    is perl_output('use IO::Socket::SSL; no warnings; $Net::SSLeay::trace = 3; print $IO::Socket::SSL::DEBUG'),
        3, 'the same variable';
};

subtest 'DEBUG prints a line of the program\'s own' => sub {
    my $print = sub {
        my ($level, $call, $file) = @_;
        return perl_output("use IO::Socket::SSL; \$IO::Socket::SSL::DEBUG = $level;\n"
            . "#line 7 \"$file\"\nIO::Socket::SSL::DEBUG($call);\n");
    };
    is $print->(1, '"hello"', 'short.pl'), "DEBUG: short.pl:7: hello\n", 'with file and line';
    is $print->(1, '"%s is %d", "six", 6', 'short.pl'), "DEBUG: short.pl:7: six is 6\n", 'formatted';
    is $print->(1, '"hello"', '/a/long/way/to/the/file.pl'),
        "DEBUG: ...ay/to/the/file.pl:7: hello\n", 'of a long name, the end';
    is $print->(0, '"hello"', 'short.pl'), '', 'nothing at level 0';
};

done_testing;
