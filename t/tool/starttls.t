# starttls.t - iossl connect --starttls: each dialogue against a small server made here: as it should
# be, refusals, garbage, bytes injected behind the answer, and silence.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use ToolTest;

my @trust = ('--ca-file', cert('ca.pem'), '--name', 'server.test');
my ($tls, $tls_port) = serve('--cert', cert('server.pem'), '--key', cert('server.key'), '-q');

my $FEATURES = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='1' version='1.0'>"
    . '<stream:features><starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls"><required/></starttls>'
    . '</stream:features>';
my $LDAP_ASKS = "\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
my $LDAP_YES  = "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
my $PG_ASKS   = "\x00\x00\x00\x08\x04\xd2\x16\x2f";

# What a server says, and (in brackets) what has to be heard before it goes on. The last word is the
# one after which TLS begins. Then: [what goes wrong, the dialogue, the sentence].
my %protocol = (
    smtp => {
        good => ["220-mail.test ESMTP\r\n220 ready\r\n", ["EHLO iossl.invalid\r\n"],
            "250-mail.test\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n", ["STARTTLS\r\n"],
            "220 go ahead\r\n"],
        bad => [
            ['the greeting refuses', ["554 no service\r\n"], qr/answered "554 no service", not 220/],
            ['not offered', ["220 x\r\n", ["EHLO iossl.invalid\r\n"], "250-x\r\n250 SIZE\r\n"],
                qr/EHLO: the server doesn't offer STARTTLS/],
            ['only a word like it', ["220 x\r\n", ["EHLO iossl.invalid\r\n"],
                "250-x\r\n250 STARTTLSX\r\n"], qr/doesn't offer STARTTLS/],
            ['refused', ["220 x\r\n", ["EHLO iossl.invalid\r\n"], "250-x\r\n250 STARTTLS\r\n",
                ["STARTTLS\r\n"], "454 TLS not available\r\n"], qr/STARTTLS: .*"454 TLS not available"/],
        ],
    },
    imap => {
        good => ["* OK [CAPABILITY IMAP4rev1] ready\r\n", ["a1 CAPABILITY\r\n"],
            "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na1 OK done\r\n", ["a2 STARTTLS\r\n"],
            "a2 OK begin\r\n"],
        bad => [
            ['logged in already', ["* PREAUTH welcome\r\n"], qr/PREAUTH.*TLS can't begin/],
            ['the greeting refuses', ["* BYE no\r\n"], qr/"\* BYE no"/],
            ['not offered', ["* OK\r\n", ["a1 CAPABILITY\r\n"],
                "* CAPABILITY IMAP4rev1\r\na1 OK done\r\n"], qr/doesn't offer STARTTLS/],
            ['refused', ["* OK\r\n", ["a1 CAPABILITY\r\n"],
                "* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n", ["a2 STARTTLS\r\n"],
                "a2 BAD no\r\n"], qr/"a2 BAD no"/],
        ],
    },
    pop3 => {
        good => ["+OK ready\r\n", ["STLS\r\n"], "+OK begin\r\n"],
        bad => [
            ['the greeting refuses', ["-ERR no\r\n"], qr/"-ERR no"/],
            ['refused', ["+OK\r\n", ["STLS\r\n"], "-ERR unknown\r\n"], qr/STLS: .*"-ERR unknown"/],
        ],
    },
    ftp => {
        good => ["220-hello\r\n you\r\n220 ready\r\n", ["AUTH TLS\r\n"], "234 begin\r\n"],
        bad => [
            ['the greeting refuses', ["421 too many\r\n"], qr/"421 too many", not 220/],
            ['refused', ["220 x\r\n", ["AUTH TLS\r\n"], "500 what?\r\n"], qr/"500 what\?", not 234/],
        ],
    },
    ldap => {
        good => [[$LDAP_ASKS], $LDAP_YES],
        bad => [
            ['refused', [[$LDAP_ASKS],
                "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x35\x04\x00\x04\x00"], qr/result code 53/],
            ['another message', [[$LDAP_ASKS],
                "\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00"],
                qr/no extended response/],
            ['too long', [[$LDAP_ASKS], "\x30\x84\x7f\xff\xff\xff"], qr/too long/],
            ['no length', [[$LDAP_ASKS], "\x30\x80\x02\x01"], qr/no length/],
            ['a length beyond the end', [[$LDAP_ASKS], "\x30\x08\x02\x01\x01\x78\xff\x0a\x01\x00"],
                qr/no result/],
        ],
    },
    xmpp => {
        good => [[qr{\A<\?xml[^>]*><stream:stream [^>]*to='127\.0\.0\.1'[^>]*>}], $FEATURES,
            ["<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"],
            "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"],
        bad => [
            ['not offered', [[qr/version='1.0'>/], "<stream:stream><stream:features></stream:features>"],
                qr/doesn't offer starttls/],
            ['a stream error', [[qr/version='1.0'>/], '<stream:stream><stream:error>'],
                qr/the server refuses/],
            ['refused', [[qr/version='1.0'>/], $FEATURES, [qr{/>}], '<failure xmlns="x"/>'],
                qr/the server refuses/],
        ],
    },
    postgres => {
        good => [[$PG_ASKS], 'S'],
        bad => [
            ['refused', [[$PG_ASKS], 'N'], qr/TLS switched off/],
            ['an error', [[$PG_ASKS], 'E'], qr/answered "E", neither S nor N/],
        ],
    },
);

# A server that follows a dialogue; then: 'tls' goes on with TLS, 'wait' says nothing more.
sub talking {
    my ($dialogue, $then) = @_;
    return fake_server(sub {
        my $sock = shift;
        my $heard = '';
        for my $step (@$dialogue) {
            if (!ref $step) { syswrite $sock, $step; next }
            my $want = ref $step->[0] ? $step->[0] : qr/\A\Q$step->[0]\E/;
            until ($heard =~ s/$want//) {
                sysread $sock, $heard, 4096, length $heard or die "heard only: $heard";
            }
        }
        return relay($sock, $tls_port) if $then eq 'tls';
        1 while sysread $sock, my $buf, 4096;
    });
}

sub visit {
    my ($port, $name, @args) = @_;
    return iossl_json('connect', "127.0.0.1:$port", '--starttls', $name, @trust, @args);
}

for my $name (sort keys %protocol) {
    my ($good, $bad) = @{ $protocol{$name} }{qw(good bad)};

    subtest "$name: TLS begins, and the server is verified" => sub {
        my ($server, $port) = talking($good, 'tls');
        my $run = visit($port, $name);
        is $run->{status}, 0, 'status' or diag $run->{out}, $server->errors;
        ok $run->{json}{verified}, 'verified';
        is $run->{json}{starttls}, $name, 'by STARTTLS';
        is $run->{json}{scheme}, $name eq 'postgres' ? 'default' : $name, 'by its own scheme';
    };

    subtest "$name: byte by byte is the same" => sub {
        my @slowly = map { ref $_ ? $_ : split //, $_ } @$good;
        my ($server, $port) = talking(\@slowly, 'tls');
        is visit($port, $name)->{status}, 0, 'status';
    };

    for my $row (@$bad, ['garbage', [(ref $good->[0] ? $good->[0] : ()), "\xff\x00\x01\x02\r\n" x 4],
            qr/./]) {
        my ($what, $dialogue, $sentence) = @$row;
        subtest "$name: $what" => sub {
            my ($server, $port) = talking($dialogue, 'wait');
            my $run = visit($port, $name, $what eq 'garbage' ? ('--timeout', 2) : ());
            my $status = $run->{status};
            ok $status == 4 || ($what eq 'garbage' && $status == 3), "status $status";
            like $run->{json}{error}, qr/^STARTTLS \($name\): /, 'the step is named';
            like $run->{json}{error}, $sentence, 'and what happened';
            ok !$run->{json}{established}, 'no TLS';
            is_deeply $run->{json}{chain_sent}, [], 'no certificate';
            cmp_ok length $run->{json}{problems}[0]{remedy}, '>', 20, 'something to do';
        };
    }

    subtest "$name: what is injected behind the answer is found" => sub {
        my @more = @$good;
        $more[-1] .= $name =~ /^(ldap|postgres)$/ ? 'X' : "* injected\r\n";
        my ($server, $port) = talking(\@more, 'tls');
        my $run = visit($port, $name);
        is $run->{status}, 4, 'status';
        like $run->{json}{error}, qr/more than its answer, in plain text/, 'the sentence';
    };

    subtest "$name: a server that falls silent" => sub {
        my @less = @$good;
        pop @less;
        my ($server, $port) = talking(\@less, 'wait');
        my $run = visit($port, $name, '--timeout', 1);
        is $run->{status}, 3, 'status';
        like $run->{json}{error}, qr/^STARTTLS \($name\): .*: the time is up/, 'what was waited for';
    };

    subtest "$name: a server that hangs up" => sub {
        my ($server, $port) = fake_server(sub { shutdown $_[0], 2 });
        my $run = visit($port, $name);
        is $run->{status}, 4, 'status';
        like $run->{json}{error}, qr/closed the connection|reset|Broken pipe/i, 'the sentence';
    };
}

subtest 'a server that talks without end' => sub {
    my ($server, $port) = fake_server(sub {
        my $sock = shift;
        local $SIG{PIPE} = 'IGNORE';
        1 while defined syswrite $sock, "220-more\r\n" x 100;
    });
    my $run = visit($port, 'smtp');
    is $run->{status}, 4, 'status';
    like $run->{json}{error}, qr/without end|has no end/, 'the sentence';

    ($server, $port) = fake_server(sub {
        my $sock = shift;
        local $SIG{PIPE} = 'IGNORE';
        1 while defined syswrite $sock, 'x' x 1000;
    });
    like visit($port, 'imap')->{json}{error}, qr/line is too long/, 'a line without end';
};

subtest 'control characters of an answer do not reach the terminal' => sub {
    my ($server, $port) = talking(["554 \e[2Jno\r\n"], 'wait');
    my $run = iossl('connect', "127.0.0.1:$port", '--starttls', 'smtp', @trust);
    is $run->{status}, 4, 'status';
    unlike $run->{out}, qr/[\x00-\x09\x0b-\x1f\x7f]/, 'text is printable';
    like $run->{out}, qr/\\x1b\[2Jno/, 'and shows what was there';
};

subtest 'the usual ports' => sub {
    my %port = (smtp => 25, imap => 143, pop3 => 110, ftp => 21, ldap => 389, xmpp => 5222,
        postgres => 5432);
    for my $name (sort keys %port) {
        is iossl_json('connect', 'host.invalid', '--starttls', $name)->{json}{port}, $port{$name},
            $name;
    }
};

done_testing;
