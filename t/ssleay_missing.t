# ssleay_missing.t - without Net::SSLeay: everything works, and programs that only look for it, or call a
# few functions of it, find what stands in for it; with a real one, that is never used.
use strict;
use warnings;
use Cwd qw(getcwd);
use File::Temp ();
use Test::More;
use lib 't/lib';
use TLSTest '120';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;

# The folder of a real Net::SSLeay; undef if there is none.
my ($real) = grep { !ref && -f "$_/Net/SSLeay.pm" && !is_ours("$_/Net/SSLeay.pm") } @INC;

# What Makefile.PL has built where there is none.
sub is_ours { my $file = shift; open my $fh, '<', $file or die "$file: $!"; return grep { /IO::Socket::SSL::NetSSLeay/ } <$fh> }

# What a perl prints in which Net::SSLeay isn't installed.
sub without { my ($code, @args) = @_; return perl_output("use NoSSLeay; $code", @args) }

subtest 'who asks for it after IO::Socket::SSL finds what stands in for it' => sub {
    is without('print eval { require Net::SSLeay } ? "there" : "gone"'), 'gone', 'it is not installed';
    is without('use IO::Socket::SSL; print exists $INC{"IO/Socket/SSL/NetSSLeay.pm"} ? 1 : 0'), 0,
        'nobody asks: nothing is loaded';
    like without('use IO::Socket::SSL; require Net::SSLeay; print "$INC{\"Net/SSLeay.pm\"}\n"'),
        qr{IO/Socket/SSL/NetSSLeay\.pm\n\z}, 'found';
    is without('use IO::Socket::SSL; use Net::SSLeay 1.49; print Net::SSLeay->VERSION > 1.9'), 1,
        'new enough for all who ask for a version';
    is without('use IO::Socket::SSL; print eval "use Net::SSLeay 99; 1" ? 1 : 0'), 0, 'but for this';
    is without('use IO::Socket::SSL; use Net::SSLeay qw(randomize); print randomize()'), 1, 'imports';
    like without('use IO::Socket::SSL; eval "use Net::SSLeay qw(CTX_new); 1" or print $@'),
        qr/CTX_new.* is not exported/, 'only what there is';
    is without('use IO::Socket::SSL; require Net::SSLeay; print map { Net::SSLeay->can($_) ? 1 : 0 } '
        . 'qw(CTX_set_mode get_https)'), '10', 'can() tells the truth';
    like without('use IO::Socket::SSL; require Net::SSLeay; eval { Net::SSLeay::CTX_new() }; print $@'),
        qr/^Net::SSLeay isn't installed, .* has no CTX_new: install Net::SSLeay \(Debian: .* at -e line 1/,
        'anything else: what to do';
    is without('use IO::Socket::SSL; $Net::SSLeay::trace = 2; print $IO::Socket::SSL::DEBUG'), 2,
        'the level of debugging';
    like without('use IO::Socket::SSL; require Net::SSLeay; eval { Net::SSLeay::X509_get_subject_name(17) }; print $@'),
        qr/an X509 handle expected/, 'what is no handle is refused';
    like without('use IO::Socket::SSL; require Net::SSLeay; eval { Net::SSLeay::get_cipher() }; print $@'),
        qr/^Usage: Net::SSLeay::get_cipher\(ssl\)/, 'so are too few arguments';
    is without('use IO::Socket::SSL; print eval { require Net::NoSuchThing } ? 1 : $@ =~ /^Can\'t locate/'),
        1, 'other modules that are missing are missing';
};

subtest 'who asks for it first finds the file that is installed where there is none' => sub {
    my $installed = File::Temp->newdir;
    link_fallback($installed);
    local $ENV{IOSSL_KEEP} = "$installed";
    my $first = "use lib '$installed'; use NoSSLeay; ";
    like perl_output("$first require Net::SSLeay; print \$INC{'Net/SSLeay.pm'}"),
        qr{IO/Socket/SSL/NetSSLeay\.pm}, 'loaded';
    is perl_output("$first require Net::SSLeay; require IO::Socket::SSL; print Net::SSLeay->VERSION > 1.9"),
        1, 'then ours';
    is perl_output("$first require IO::Socket::SSL; require Net::SSLeay; print Net::SSLeay->can('randomize') ? 1 : 0"),
        1, 'or the other way round';
};

subtest 'a real one is used wherever it is' => sub {
    plan skip_all => 'no real Net::SSLeay here' if !defined $real;
    my $installed = File::Temp->newdir;
    link_fallback($installed);
    my $tell = 'print $INC{"Net/SSLeay.pm"}, " ", Net::SSLeay->can("CTX_new") ? "real" : "not"';
    my $is_it = "$real/Net/SSLeay.pm real";
    is perl_output("use IO::Socket::SSL; require Net::SSLeay; $tell"), $is_it, 'after ours';
    is perl_output("require Net::SSLeay; require IO::Socket::SSL; $tell"), $is_it, 'before ours';
    is perl_output("use lib '$installed'; require Net::SSLeay; $tell"), $is_it,
        'where the file for those who have none is in front of it';
    is perl_output("use lib '$installed'; require IO::Socket::SSL; require Net::SSLeay; $tell"), $is_it,
        'also after ours';
    is without("use IO::Socket::SSL; push \@INC, '$real'; require Net::SSLeay; $tell"), $is_it,
        'in a folder that is added after ours was loaded';
};

subtest 'the functions do what those of the real one do' => sub {
    plan skip_all => 'no real Net::SSLeay here' if !defined $real || !eval { require Net::SSLeay };
    require IO::Socket::SSL::NetSSLeay;
    my @names = IO::Socket::SSL::NetSSLeay::_names();
    my ($client, $server) = pair();
    my $cert = PEM_file2cert(cert('server-chain.pem'));
    my ($own) = CERT_create(subject => { O => "M\x{fc}ller", CN => 'interop.test' },
        subjectAltNames => [[DNS => 'a.test'], [IP => '192.0.2.7'], [URI => 'https://x.test/']]);
    my $both = sub { my $name = shift; no strict 'refs';
        return map { [&{"${_}::$name"}(@_)] } 'IO::Socket::SSL::NetSSLeay', 'Net::SSLeay' };
    my $context = IO::Socket::SSL::SSL_Context->new(client_args());
    my $named = sub { my $function = shift; no strict 'refs'; return &{"Net::SSLeay::$function"}($own) };

    my %with = (        # arguments
        (map { $_ => [] } qw(SSLeay OpenSSL_version_num SSLeay_version OpenSSL_version ERR_get_error)),
        ERR_error_string => [0x0A000086], X509_verify_cert_error_string => [10],
        (map { $_ => [$client->_get_ssl_object] } qw(get_cipher get_cipher_bits get_version
            get_verify_result dump_peer_certificate)),
        (map { $_ => [$own] } qw(PEM_get_string_X509 X509_get_subject_name X509_get_issuer_name
            X509_get_serialNumber X509_get_notBefore X509_get_notAfter X509_get_version
            X509_get_subjectAltNames)),
        X509_get_fingerprint => [$cert, 'sha256'],
        X509_NAME_oneline => [$named->('X509_get_subject_name')],
        X509_NAME_print_ex => [$named->('X509_get_subject_name'), 0x1110317],
        X509_NAME_get_text_by_NID => [$named->('X509_get_subject_name'), 13],
        P_ASN1_INTEGER_get_hex => [$named->('X509_get_serialNumber')],
        (map { $_ => [$named->('X509_get_notAfter')] } qw(P_ASN1_TIME_put2string
            P_ASN1_UTCTIME_put2string P_ASN1_TIME_get_isotime)),
        CTX_set_mode => [$context->{context}, 4], CTX_get_mode => [$context->{context}],
        CTX_set_options => [$context->{context}, 0x4000], CTX_get_options => [$context->{context}],
        print_errs => ['x'],
    );
    # By their effect, below; those that set up OpenSSL have none any more.
    my %elsewhere = map { $_ => 1 } qw(X509_free get_peer_certificate SESSION_free randomize
        X509_STORE_CTX_get_error X509_STORE_CTX_get_error_depth X509_STORE_CTX_get_current_cert
        library_init load_error_strings SSLeay_add_ssl_algorithms OpenSSL_add_ssl_algorithms
        OpenSSL_add_all_algorithms OpenSSL_add_all_digests ERR_clear_error OPENSSL_VERSION_NUMBER);
    my $constants = 0;
    for my $name (@names) {
        if ($name =~ /^(?:ERROR|FILETYPE|GEN|MODE|NID|OP|RECEIVED|SENT|SSLEAY|VERIFY|XN)_|^X509_V_OK/) {
            my ($ours, $theirs) = eval { $both->($name) };
            next if !defined $theirs;           # this Net::SSLeay doesn't know it yet
            is_deeply $ours, $theirs, $name;
            $constants++;
        } elsif (my $args = $with{$name}) {
            my ($ours, $theirs) = $both->($name, @$args);
            is_deeply $ours, $theirs, $name or diag explain [$ours, $theirs];
        } else {
            ok $elsewhere{$name}, "$name is tested elsewhere" or next;
        }
    }
    is IO::Socket::SSL::NetSSLeay::OPENSSL_VERSION_NUMBER() >> 28,
        IO::Socket::SSL::NetSSLeay::SSLeay() >> 28, 'the OpenSSL that this was built for';
    cmp_ok $constants, '>', 30, 'constants were compared';
    my ($flags, $again) = $both->('X509_NAME_print_ex', $named->('X509_get_subject_name'));
    is_deeply $flags, $again, 'X509_NAME_print_ex by default';
    ($flags, $again) = $both->('X509_get_fingerprint', $cert, 'sha1');
    is_deeply $flags, $again, 'X509_get_fingerprint with sha1';

    my (@ours, @theirs);
    pair(client => { SSL_verify_callback => sub {
        for my $name (qw(X509_STORE_CTX_get_error X509_STORE_CTX_get_error_depth
            X509_STORE_CTX_get_current_cert)) {
            my ($here, $there) = $both->($name, $_[1]);
            push @ours, @$here;
            push @theirs, @$there;
        }
        return $_[0];
    } });
    is_deeply \@ours, \@theirs, 'X509_STORE_CTX_*';
    my $peer = IO::Socket::SSL::NetSSLeay::get_peer_certificate($client->_get_ssl_object);
    is PEM_cert2string($peer), PEM_cert2string($client->peer_certificate), 'get_peer_certificate';
    IO::Socket::SSL::NetSSLeay::X509_free($peer);
    like PEM_cert2string($client->peer_certificate), qr/BEGIN/, 'and X509_free frees a reference';
};

# --- programs -------------------------------------------------------------------------------------

# A server that reads a request up to an empty line and answers like HTTP.
my $web = sub {
    my $sock = shift;
    while (defined(my $line = <$sock>)) { last if $line =~ /^\r?$/ }
    print $sock "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";
    $sock->close;
    return 'served';
};
my $mail = sub {
    my $sock = shift;
    print $sock "220 mail.test ESMTP\r\n";
    while (defined(my $line = <$sock>)) {
        print $sock $line =~ /^EHLO/ ? "250-mail.test\r\n250 HELP\r\n" : $line =~ /^QUIT/ ? "221 bye\r\n"
            : "250 OK\r\n";
        last if $line =~ /^QUIT/;
    }
    $sock->close;
    return 'mailed';
};

# name => [module, server, code that prints "hello"]; $url, $host, $port and $ca are the program's arguments.
my %program = (
    'HTTP::Tiny' => ['HTTP::Tiny', $web, <<'END'],
        my ($ok, $why) = HTTP::Tiny->can_ssl;
        die "can_ssl: $why" if !$ok;
        my $reply = HTTP::Tiny->new(verify_SSL => 1, SSL_options => { SSL_ca_file => $ca,
            SSL_verifycn_name => 'server.test' })->get($url);
        print $reply->{success} ? $reply->{content} : $reply->{content};
END
    'LWP::UserAgent' => ['LWP::Protocol::https', $web, <<'END'],
        require LWP::UserAgent;
        my $agent = LWP::UserAgent->new(ssl_opts => { SSL_ca_file => $ca, verify_hostname => 1,
            SSL_verifycn_name => 'server.test' });
        my $reply = $agent->get($url);
        print $reply->is_success ? $reply->content : $reply->status_line;
END
    'Mojo::UserAgent' => ['Mojo::UserAgent', $web, <<'END'],
        my $agent = Mojo::UserAgent->new(tls_options => { SSL_verifycn_name => 'server.test' });
        $agent->ca($ca);
        print $agent->get($url)->result->body;
END
    'Net::SMTP' => ['Net::SMTP', $mail, <<'END'],
        my $smtp = Net::SMTP->new($host, Port => $port, SSL => 1, SSL_ca_file => $ca,
            SSL_verifycn_name => 'server.test', Timeout => 20) or die $@;
        print $smtp->message =~ /HELP/ ? "hello\n" : $smtp->message;
        $smtp->quit;
END
);
for my $name (sort keys %program) {
    subtest "$name works without it" => sub {
        my ($module, $handler, $code) = @{ $program{$name} };
        my $has = without("require $module; print 'yes'");
        plan skip_all => "no $module here" if $has ne 'yes';
        my $server = test_server(handler => $handler);
        my $said = without("require $module; my (\$host, \$port, \$ca) = \@ARGV; "
            . 'my $url = "https://$host:$port/"; require IO::Socket::SSL; ' . $code
            . ' warn "a real one" if exists $INC{"Net/SSLeay.pm"} && $INC{"Net/SSLeay.pm"} !~ /NetSSLeay/;',
            $server->host, $server->port, cert('ca.pem'));
        is $said, "hello\n", 'a verified connection';
        like $server->outcome, qr/^(?:served|mailed)$/, 'served';
    };
}

subtest 'Makefile.PL installs the file for those who ask first only where there is none' => sub {
    plan skip_all => 'the source isn\'t here' if !-e 'Makefile.PL' || !-d 'c/src';
    plan skip_all => 'compilers don\'t run with the sanitizer\'s preload' if $ENV{IOSSL_SANITIZE};
    my $copy = File::Temp->newdir;
    my $here = getcwd();
    symlink "$here/$_", "$copy/$_" for qw(c xs lib fallback Makefile.PL MANIFEST Changes);
    my $install = 'chdir shift; @ARGV = (); open STDIN, "<", "/dev/null"; do "./Makefile.PL"; '
        . 'open my $fh, "<", "Makefile"; print "installs it" if grep m{fallback/Net/SSLeay\.pm}, <$fh>';
    my $said = without($install, "$copy");
    like $said, qr/installs it$/, 'without';
    like $said, qr/^No Net::SSLeay here/m, 'which is told';
    plan(skip_all => 'no real one') && return if !defined $real;
    unlike perl_output($install, "$copy"), qr/installs it$/, 'with';
};

sub link_fallback {
    my $folder = shift;
    mkdir "$folder/Net";
    symlink getcwd() . '/fallback/Net/SSLeay.pm', "$folder/Net/SSLeay.pm" or die $!;
    return;
}

done_testing;
