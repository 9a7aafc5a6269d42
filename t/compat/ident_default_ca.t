# default_ca(): which CA certificates are used where a program names none.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use Test::More;
use TLSTest;

without_environment();

# Each question is asked in a perl of its own: the answer is kept for the life of a process.
my $SHOW = <<'END';
use IO::Socket::SSL;
sub set { eval { IO::Socket::SSL::default_ca(@_); 1 } || print "died: $@" }
sub show {
    my %ca = IO::Socket::SSL::default_ca();
    print '[', join(' ', map { "$_=" . (ref $ca{$_} ? "@{$ca{$_}}" : $ca{$_}) } sort keys %ca), ']';
}
END

sub answer {
    my ($environment, $code) = @_;
    local %ENV = (%ENV, @$environment);

    return perl_output($SHOW . $code);
}

my @nothing = (SSL_CERT_FILE => '/nonexistent', SSL_CERT_DIR => '/nonexistent');
my ($file, $dir, $other) = (cert('ca.pem'), cert('capath'), cert('other-ca.pem'));
# Where nothing is found, Mozilla::CA is asked, if it is there.
my $mozilla = eval { require Mozilla::CA; 'SSL_ca_file=' . Mozilla::CA::SSL_ca_file() } || '';

subtest 'SSL_CERT_FILE and SSL_CERT_DIR tell where the CA certificates are' => sub {
    is answer([@nothing, SSL_CERT_FILE => $file], 'show'), "[SSL_ca_file=$file]", 'the file';
    is answer([@nothing, SSL_CERT_DIR => $dir], 'show'), "[SSL_ca_path=$dir]", 'the folder';
    is answer([SSL_CERT_FILE => $file, SSL_CERT_DIR => $dir], 'show'),
        "[SSL_ca_file=$file SSL_ca_path=$dir]", 'both';
};

subtest 'what they name counts only if it holds certificates' => sub {
    is answer([@nothing, @{ $_->[1] }], 'show'), "[$mozilla]", $_->[0] for
        ['nothing there'                   => []],
        ['garbage'                         => [SSL_CERT_FILE => cert('garbage.pem')]],
        ['an empty file'                   => [SSL_CERT_FILE => cert('empty.pem')]],
        ['a private key'                   => [SSL_CERT_FILE => cert('ca.key')]],
        ['a folder instead of a file'      => [SSL_CERT_FILE => $dir]],
        ['a file instead of a folder'      => [SSL_CERT_DIR => $file]],
        ['a folder without hashed names'   => [SSL_CERT_DIR => cert('.')]];
    is answer([@nothing, SSL_CERT_FILE => cert('bundle.pem')], 'show'),
        '[SSL_ca_file=' . cert('bundle.pem') . ']', 'words before the first certificate do no harm';
};

subtest 'without them, it is where OpenSSL was configured to look' => sub {
    my ($openssldir) = `openssl version -d 2>/dev/null` =~ /OPENSSLDIR: "(.*)"/;
    plan skip_all => 'no openssl program that tells' if !defined $openssldir;
    my $found = answer([], 'show');
    my @expected;
    push @expected, "SSL_ca_file=$openssldir/cert.pem" if -s "$openssldir/cert.pem";
    push @expected, "SSL_ca_path=$openssldir/certs" if grep { m{/[0-9a-f]{8}(?:\.\d+)?$} }
        glob "$openssldir/certs/*";
    is $found, '[' . (join(' ', @expected) || $mozilla) . ']', 'cert.pem and certs';
};

subtest 'the environment is read once, at the first question' => sub {
    is answer([@nothing], qq{show; \$ENV{SSL_CERT_FILE} = q{$file}; show}), "[$mozilla]" x 2,
        'a change after that is not seen';
    is answer([@nothing], qq{show; \$ENV{SSL_CERT_FILE} = q{$file}; set(undef); show}),
        "[$mozilla][SSL_ca_file=$file]", 'until default_ca(undef)';
    is answer([@nothing], qq{\$ENV{SSL_CERT_FILE} = q{$file}; show}), "[SSL_ca_file=$file]",
        'loading the module does not ask';
};

subtest 'a program can say itself what the default is' => sub {
    my $others = cert('capath-other');
    my @environment = (SSL_CERT_FILE => $other, SSL_CERT_DIR => $others);
    is answer(\@environment, "set($_->[0]); show"), "[$_->[1]]", $_->[2] || $_->[0] for
        ["q{$file}"                                   => "SSL_ca_file=$file", 'a file'],
        ["q{$dir}"                                    => "SSL_ca_path=$dir", 'a folder'],
        ["[q{$dir}, q{$others}]"                      => "SSL_ca_path=$dir $others", 'folders'],
        ["SSL_ca_file => q{$file}"                    => "SSL_ca_file=$file", 'named, a file'],
        ["SSL_ca_path => q{$dir}, SSL_ca_file => q{$file}" =>
            "SSL_ca_file=$file SSL_ca_path=$dir", 'named, both'],
        ["SSL_ca_file => q{/nonexistent}"             => 'SSL_ca_file=/nonexistent',
            'named: believed unseen'];
    is answer(\@environment, "set(q{$file}); set(q{$dir}); show"), "[SSL_ca_path=$dir]",
        'the last word counts';
    like answer(\@environment, "set(q{/nonexistent})"),
        qr{^died: SSL_ca_file /nonexistent can't be used: No such file}, 'a path is tried at once';
};

{
    my $forget = "set(q{$file}); set(undef); show; ";
    my $here   = [@nothing, SSL_CERT_DIR => $dir];
    differs('ident-default-ca-forgotten', 'default_ca(undef) forgets what was set', sub {
        is answer($here, $forget), "[SSL_ca_path=$dir]", 'what is found takes its place';
        is answer([@nothing], $forget), "[$mozilla]", 'or nothing';
        is answer($here, "show; \$ENV{SSL_CERT_DIR} = q{/nonexistent}; set(undef); show"),
            "[SSL_ca_path=$dir][$mozilla]", 'and what was found';
    }, sub {
        is answer($here, $forget), "[SSL_ca_file=$file SSL_ca_path=$dir]", 'it stays beside that';
    });
}

subtest 'a connection uses the default' => sub {
    my $server = test_server();
    my $connect = 'my $s = IO::Socket::SSL->new(PeerAddr => q{' . $server->addr . '}, '
        . 'SSL_verifycn_name => "server.test", %s); print $s ? "connected" : $SSL_ERROR';
    my @ours = (@nothing, SSL_CERT_FILE => $file);
    is answer([@ours], sprintf $connect, $_->[1]), 'connected', $_->[0] for
        ['if nothing is said'            => ''],
        ['if file and folder are ""'     => 'SSL_ca_file => "", SSL_ca_path => ""'],
        ['if the file is undef'          => 'SSL_ca_file => undef'];
    is answer([@nothing, SSL_CERT_DIR => $dir], sprintf $connect, ''), 'connected', 'a folder too';
    is answer([@nothing], "set(q{$file});" . sprintf $connect, ''), 'connected', 'one set';
    like answer([@ours], sprintf $connect, $_->[1]), qr/certificate verify failed/, $_->[0] for
        ['not if the file is \\undef'    => 'SSL_ca_file => \\undef'],
        ['not if the folder is \\undef'  => 'SSL_ca_path => \\undef'],
        ['not if there is a list of handles, even empty' => 'SSL_ca => []'],
        ['nor if there is one of folders' => 'SSL_ca_path => []'],
        ['not if there is another file'  => "SSL_ca_file => q{$other}"],
        ['not if there is another folder' => 'SSL_ca_path => q{' . cert('capath-other') . '}'];
    like answer([@nothing], sprintf $connect, ''), qr/certificate verify failed/,
        'nobody is trusted where there is none' if !$mozilla;
    my $given = answer([@ours], sprintf $connect, 'IO::Socket::SSL::default_ca()');
    is $given, 'connected', 'its answer can be given as arguments';
};

done_testing;
