# ident_crl_lists.t - SSL_check_crl and SSL_crl_file: overdue and missing lists, several, whole chains.
use strict;
use warnings;
use File::Temp ();
use Test::More;
use lib 't/lib';
use TLSTest '120';
use IO::Socket::SSL;
use PeerTest;

my $openssl = have('openssl') or plan skip_all => 'no openssl program here';
plan skip_all => 'this openssl makes no list with dates of one\'s choice' if `$openssl version` =~ /^OpenSSL 1/;
my $dir     = File::Temp->newdir;

sub write_file {
    my ($name, $text) = @_;
    open my $fh, '>', "$dir/$name" or die "$name: $!";
    print $fh $text;
    close $fh or die "$name: $!";
    return "$dir/$name";
}

# A list signed by this CA of t/certs, with the serial numbers of these certificates on it.
my $lists = 0;
sub revocation_list {
    my ($ca, $revoked, %how) = @_;
    my $name = 'list' . $lists++;
    my $from = $how{from} || '20200101000000Z';
    my $to   = $how{to} || '20991231000000Z';
    my @serials = map {
        my $serial = `$openssl x509 -noout -serial -in @{[cert($_)]}`;
        $serial =~ /=(\w+)/ ? $1 : die "no serial number of $_\n";
    } @$revoked;
    write_file("$name.index", join '', map { "R\t991231000000Z\t200102000000Z\t$_\tunknown\t/CN=x\n" }
        @serials);
    write_file("$name.index.attr", '');
    write_file("$name.cnf", "[ca]\ndefault_ca = it\n[it]\ndatabase = $dir/$name.index\n"
        . "default_md = sha256\ncertificate = @{[cert(qq{$ca.pem})]}\n"
        . "private_key = @{[cert(qq{$ca.key})]}\n");
    my $said = `$openssl ca -config $dir/$name.cnf -gencrl -batch -out $dir/$name.pem \\
        -crl_lastupdate $from -crl_nextupdate $to 2>&1`;
    die "no $name: $said\n" if $? != 0;
    return "$dir/$name.pem";
}

sub joined {
    my @files = @_;
    return write_file('joined' . $lists++, join '', map {
        open my $fh, '<', $_ or die "$_: $!";
        join '', <$fh>;
    } @files);
}

sub outcome {
    my ($server, %client) = @_;
    my $result = handshake(over => 'unix', client => { SSL_check_crl => 1, %client }, server => {
        SSL_cert_file => cert("$server.pem"), SSL_key_file => cert("$server.key") });
    return $result->{client_ok} ? 'connected' : $result->{client_error};
}

my $refused = qr/^SSL connect attempt failed error:\w+:SSL routines::certificate verify failed/;

my %list = (
    nobody    => revocation_list('ca', []),
    revoked   => revocation_list('ca', ['revoked.pem']),
    overdue   => revocation_list('ca', [], to => '20200201000000Z'),
    future    => revocation_list('ca', [], from => '20980101000000Z'),
    other     => revocation_list('other-ca', []),
    inter     => revocation_list('inter', []),
    leaf      => revocation_list('inter', ['server-chain.pem']),
    no_inter  => revocation_list('ca', ['inter.pem']),
);

subtest 'a certificate is looked up in the list of its issuer' => sub {
    is outcome('server', SSL_crl_file => $list{nobody}), 'connected', 'it isn\'t there';
    is outcome('server', SSL_crl_file => $list{revoked}), 'connected', 'another one is';
    like outcome('revoked', SSL_crl_file => $list{revoked}), $refused, 'it is there';
    is outcome('revoked', SSL_crl_file => $list{nobody}), 'connected', 'it isn\'t there any more';
};

subtest 'without a list that holds, nobody is accepted' => sub {
    like outcome('server'), $refused, 'none at all';
    like outcome('server', SSL_crl_file => $list{other}), $refused, 'one of another CA';
    like outcome('server', SSL_crl_file => $list{overdue}), $refused, 'one that is overdue';
    like outcome('server', SSL_crl_file => $list{future}), $refused, 'one that isn\'t valid yet';
};

subtest 'SSL_check_crl decides' => sub {
    for my $off (0, '', undef) {
        is outcome('revoked', SSL_check_crl => $off, SSL_crl_file => $list{revoked}), 'connected',
            'off: ' . ($off // 'undef');
    }
    is outcome('revoked', SSL_verify_mode => SSL_VERIFY_NONE, SSL_crl_file => $list{revoked}),
        'connected', 'without verification it counts for nothing';
    is outcome('server', SSL_crl_file => $list{nobody}), 'connected', 'the next connection is as ever';
};

subtest 'a file that can\'t be used says so, before there is a connection' => sub {
    for my $file ("$dir/none", cert('server.pem'), write_file('empty', ''), cert('garbage.pem')) {
        is(IO::Socket::SSL::SSL_Context->new(client_args(SSL_check_crl => 1, SSL_crl_file => $file)),
            undef, 'no context');
        like $SSL_ERROR, qr/^Invalid certificate revocation list/, 'the reason';
    }
    my $context = IO::Socket::SSL::SSL_Context->new(client_args(SSL_crl_file => "$dir/none"));
    ok $context, 'a file is not looked at without SSL_check_crl';
};

subtest 'lists are found in SSL_ca_path, too' => sub {
    mkdir "$dir/path" or die $!;
    for my $pair ([cert('ca.pem'), 'ca.pem'], [$list{revoked}, 'crl.pem']) {
        open my $in, '<', $pair->[0] or die $!;
        write_file("path/$pair->[1]", join '', <$in>);
    }
    system("$openssl rehash $dir/path") == 0 or plan skip_all => 'openssl can\'t rehash';
    my %path = (SSL_ca_file => undef, SSL_ca_path => "$dir/path");
    is outcome('server', %path), 'connected', 'not revoked';
    like outcome('revoked', %path), $refused, 'revoked';
    unlink glob "$dir/path/*.r0";
    like outcome('server', %path), $refused, 'no list any more';
};

subtest 'of a chain, the leaf is looked up in the list of the intermediate CA' => sub {
    is outcome('server-chain', SSL_crl_file => $list{inter}), 'connected', 'not there';
    like outcome('server-chain', SSL_crl_file => $list{leaf}), $refused, 'there';
    like outcome('server-chain', SSL_crl_file => $list{nobody}), $refused, 'only the root\'s list';
};

subtest 'a server looks up its clients' => sub {
    my $client_list = revocation_list('ca', ['client.pem']);
    for my $row ([$list{nobody}, 1], [$client_list, '']) {
        my ($file, $ok) = @$row;
        my $result = handshake(over => 'unix', client => { SSL_version => 'TLSv1_2',
            SSL_cert_file => cert('client.pem'), SSL_key_file => cert('client.key') },
            server => { SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                SSL_ca_file => cert('ca.pem'), SSL_check_crl => 1, SSL_crl_file => $file });
        is !!$result->{server_ok}, $ok, $ok ? 'not revoked' : 'revoked';
        like $result->{server_error}, qr/certificate verify failed/, 'the server\'s reason' if !$ok;
    }
};

subtest 'SSL_verify_callback sees the reason, and may overrule it' => sub {
    my @codes;
    my $callback = sub {
        my ($ok, $store, $names, $error) = @_;
        push @codes, $error if !$ok;
        return 1;
    };
    is outcome('revoked', SSL_crl_file => $list{revoked}, SSL_verify_callback => $callback),
        'connected', 'overruled';
    like "@codes", qr/\b23\b|00000017/, 'X509_V_ERR_CERT_REVOKED';
};

differs('ident-several-crls', 'a file may hold several lists',
    sub {
        my $both = joined($list{other}, $list{revoked});
        is outcome('server', SSL_crl_file => $both), 'connected', 'ours: the second counts, too';
        like outcome('revoked', SSL_crl_file => $both), $refused, 'as it should';
        my $chain = joined($list{revoked}, $list{inter});
        is outcome($_, SSL_crl_file => $chain), 'connected', "ours: $_" for 'server', 'server-chain';
        # Of two lists of one CA the newer one counts.
        my $newer = revocation_list('ca', ['revoked.pem'], from => '20210101000000Z');
        like outcome('revoked', SSL_crl_file => joined($list{nobody}, $newer)), $refused,
            'ours: of two lists the newer one counts';
        is outcome('revoked', SSL_crl_file => joined($list{revoked},
            revocation_list('ca', [], from => '20210101000000Z'))), 'connected', 'either way';
    },
    sub {
        like outcome('server', SSL_crl_file => joined($list{other}, $list{revoked})), $refused,
            'incumbent: only the first is read';
    });

differs('ident-crl-chain', 'SSL_check_crl => "chain" looks up each certificate of the chain',
    sub {
        my %all = (SSL_check_crl => 'chain');
        is outcome('server-chain', %all, SSL_crl_file => joined($list{nobody}, $list{inter})),
            'connected', 'ours: none is revoked';
        like outcome('server-chain', %all, SSL_crl_file => joined($list{no_inter}, $list{inter})),
            $refused, 'ours: the intermediate CA is';
        like outcome('server-chain', %all, SSL_crl_file => $list{inter}), $refused,
            'ours: each list has to be there';
        is outcome('server-chain', SSL_crl_file => joined($list{no_inter}, $list{inter})),
            'connected', 'with 1 only the leaf counts';
        is outcome('server', %all, SSL_crl_file => $list{nobody}), 'connected', 'a chain of one';
    },
    sub {
        is outcome('server-chain', SSL_check_crl => 'chain', SSL_crl_file => $list{inter}),
            'connected', 'incumbent: the leaf alone';
    });

done_testing;
