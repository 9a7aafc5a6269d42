# IO::Socket::SSL::PublicSuffix: names and their public suffix, in all forms.
use strict;
use warnings;
use utf8;

use lib 't/lib';
use File::Temp ();
use IO::Socket::SSL;
use IO::Socket::SSL::PublicSuffix;
use Test::More;
use TLSTest;

my $CLASS = 'IO::Socket::SSL::PublicSuffix';
my $LIST  = $CLASS->default;
my $DIR   = File::Temp->newdir('suffix-XXXXXX', TMPDIR => 1);
binmode $_, ':utf8' for map { Test::More->builder->$_ } qw(output failure_output todo_output);

# name => [rest, suffix, registered domain]
my @NAMES = (
    ['www.example.co.uk'    => 'www.example', 'co.uk', 'example.co.uk'],
    ['example.co.uk'        => 'example', 'co.uk', 'example.co.uk'],
    ['co.uk'                => '', 'co.uk', 'co.uk'],
    ['com'                  => '', 'com', 'com'],
    ['WWW.Example.COM'      => 'www.example', 'com', 'example.com'],
    ['www.ck'               => 'www', 'ck', 'www.ck'],
    ['a.b.ck'               => 'a', 'b.ck', 'a.b.ck'],
    ['x.y.kawasaki.jp'      => 'x', 'y.kawasaki.jp', 'x.y.kawasaki.jp'],
    ['www.city.kawasaki.jp' => 'www.city', 'kawasaki.jp', 'city.kawasaki.jp'],
    ['foo.bar.unknowntld'   => 'foo.bar', 'unknowntld', 'bar.unknowntld'],
    ['192.168.1.1'          => '192.168.1', '1', '1.1'],
    ['..a..com'             => 'a', 'com', 'a.com'],
    ['foo.github.io'        => 'foo.github', 'io', 'github.io'],
    ['www.müller.de'        => 'www.müller', 'de', 'müller.de'],
    ['MÜLLER.DE'            => 'müller', 'de', 'müller.de'],
    ['www.食狮.公司.cn'     => 'www.食狮', '公司.cn', '食狮.公司.cn'],
    ['xn--85x722f.xn--55qx5d.cn' => 'xn--85x722f', 'xn--55qx5d.cn', 'xn--85x722f.xn--55qx5d.cn'],
);

subtest 'a string gives strings' => sub {
    for my $case (@NAMES) {
        my ($name, $rest, $suffix, $registered) = @$case;
        next if $name eq 'www.食狮.公司.cn' && !has_rule('公司.cn');
        is_deeply [$LIST->public_suffix($name)], [$rest, $suffix], "$name: rest and suffix";
        is scalar $LIST->public_suffix($name), $suffix, "$name: suffix alone";
        is scalar $LIST->public_suffix($name, 1), $registered, "$name: one label more";
        is scalar $LIST->public_suffix($name, 20), join('.', grep { length } $rest, $suffix),
            "$name: more labels than there are";
    }
};

subtest 'a list of labels gives lists of labels' => sub {
    for my $case (@NAMES) {
        my ($name, $rest, $suffix) = @$case;
        next if $name =~ /\.\.|[^\x00-\x7f]/;
        my @labels = split /\./, $name;
        my @before = @labels;
        is_deeply [$LIST->public_suffix(\@labels)], [[split /\./, $rest], [split /\./, $suffix]],
            "$name: rest and suffix";
        is_deeply scalar $LIST->public_suffix(\@labels), [split /\./, $suffix], "$name: suffix alone";
        is_deeply \@labels, \@before, "$name: the list is as it was";
    }
    is_deeply [$LIST->public_suffix(['www', 'MÜLLER', 'de'])], [['www', 'müller'], ['de']],
        'Unicode stays Unicode';
    is_deeply [$LIST->public_suffix(['a', 'co', 'uk'], 1)], [[], ['a', 'co', 'uk']], 'one label more';
    is_deeply [$LIST->public_suffix(['', '', 'a', '', 'com'])], [['', '', 'a', ''], ['com']],
        'empty labels before it stay';
};

differs('suffix-root-label', 'an empty label at the end is the root', sub {
    is_deeply [$LIST->public_suffix(['a', 'com', ''])], [['a'], ['com', '']], 'part of the suffix';
}, sub {
    is_deeply [$LIST->public_suffix(['a', 'com', ''])], [['a', 'com'], ['']], 'the whole suffix';
});

subtest 'no name has no suffix' => sub {
    for my $none (undef, '', '.', '..', []) {
        my $what = ref $none ? '[]' : defined $none ? "'$none'" : 'undef';
        is_deeply [$LIST->public_suffix($none)], [], "$what: an empty list";
        is scalar $LIST->public_suffix($none), undef, "$what: undef";
        is_deeply [$LIST->public_suffix($none, 1)], [], "$what: also with a label more";
    }
};

subtest 'a dot at the end stays with the suffix' => sub {
    plan skip_all => 'since 2.090' if !since(2.090);
    is_deeply [$LIST->public_suffix('a.example.com.')], ['a.example', 'com.'], 'one dot';
    is_deeply [$LIST->public_suffix('example.com..')], ['example', 'com.'], 'two dots: one';
    is scalar $LIST->public_suffix('a.example.com.', 1), 'example.com.', 'with a label more';
    is_deeply [$LIST->public_suffix('MÜLLER.DE.')], ['müller', 'de.'], 'of a name in Unicode';
};

subtest 'where no rule fits, min_suffix labels are the suffix' => sub {
    my %expected = (0 => ['a.foo.unknown', ''], 1 => ['a.foo', 'unknown'], 2 => ['a', 'foo.unknown'],
        9 => ['', 'a.foo.unknown']);
    for my $min (sort keys %expected) {
        is_deeply [$CLASS->default(min_suffix => $min)->public_suffix('a.foo.unknown')],
            $expected{$min}, "default, $min";
        is_deeply [$CLASS->from_string('com', min_suffix => $min)->public_suffix('a.foo.unknown')],
            $expected{$min}, "a list of one's own, $min";
    }
    is scalar $CLASS->from_string('com', min_suffix => 0)->public_suffix('a.b', 1), 'b',
        'a label more than none is one';
    is_deeply [$CLASS->from_string('com', min_suffix => 0)->public_suffix(['a', 'b'])],
        [['a', 'b'], []], 'of a list of labels';
    is $CLASS->default(min_suffix => 2)->{min_suffix}, 2, 'the object knows it';
};

subtest 'the default is one object for each min_suffix' => sub {
    is $CLASS->default, $LIST, 'the same';
    is $CLASS->default(min_suffix => 1), $LIST, 'for the default number, too';
    isnt $CLASS->default(min_suffix => 0), $LIST, 'another for another';
    isa_ok $LIST, $CLASS;
    ok exists $LIST->{tree}, 'with a tree';
};

subtest 'rules of lists: comments, spaces, wildcards, exceptions' => sub {
    my $list = $CLASS->from_string(<<'END');
// a comment
  com
co.uk

*.foo
!bar.foo
END
    my %expected = (
        'a.b.foo' => ['a', 'b.foo'], 'bar.foo' => ['bar', 'foo'], 'x.bar.foo' => ['x.bar', 'foo'],
        'foo' => ['', 'foo'], 'x.com' => ['x', 'com'], 'x.co.uk' => ['x', 'co.uk'],
        'x.uk' => ['x', 'uk'],
    );
    is_deeply [$list->public_suffix($_)], $expected{$_}, $_ for sort keys %expected;
};

subtest 'a list from a file, by name or handle' => sub {
    my $file = "$DIR/list";
    write_file($file, "com\n*.foo\n公司.cn\n");
    my $by_name = $CLASS->from_file($file);
    is scalar $by_name->public_suffix('a.b.foo'), 'b.foo', 'by name';
    is scalar $CLASS->from_file($file, min_suffix => 0)->public_suffix('a.b'), '', 'with min_suffix';
    open my $fh, '<:encoding(UTF-8)', $file or die $!;
    my $by_handle = $CLASS->from_file($fh);
    is scalar $by_handle->public_suffix('a.b.foo'), 'b.foo', 'by handle';
    is scalar $by_handle->public_suffix('a.公司.cn'), '公司.cn', 'decoded as the handle does';
    ok !eval { $CLASS->from_file("$DIR/none") }, 'no such file: dies';
    like $@, qr{^failed to open \Q$DIR\E/none: No such file or directory}, 'and says which';
};

differs('suffix-unicode-rules', 'rules in Unicode', sub {
    write_file("$DIR/utf8", "公司.cn\n");
    for my $list ($CLASS->from_file("$DIR/utf8"), $CLASS->from_string("公司.cn\n")) {
        is scalar $list->public_suffix('a.公司.cn'), '公司.cn', 'fit';
        is scalar $list->public_suffix('a.xn--55qx5d.cn'), 'xn--55qx5d.cn', 'and names in ASCII';
    }
}, sub {
    write_file("$DIR/utf8", "公司.cn\n");
    local $SIG{__WARN__} = sub { };
    for my $list ($CLASS->from_file("$DIR/utf8"), $CLASS->from_string("公司.cn\n")) {
        is scalar $list->public_suffix('a.公司.cn'), 'cn', 'never fit';
    }
});

subtest 'unknown arguments die' => sub {
    for my $case (['default'], ['from_string', 'com'], ['from_file', $0]) {
        my ($method, @args) = @$case;
        ok !eval { $CLASS->$method(@args, foo => 1, bar => 2); 1 }, "$method dies";
        like $@, qr/^unknown args: bar foo/, "$method says of what";
    }
};

subtest 'international names' => sub {
    ok $CLASS->can_idn, 'are understood';
    for my $package ('IO::Socket::SSL', $CLASS) {
        my ($to_ascii, $to_unicode) = do {
            no strict 'refs';
            (\&{"${package}::idn_to_ascii"}, \&{"${package}::idn_to_unicode"});
        };
        is $to_ascii->('müller.de'), 'xn--mller-kva.de', "$package: to ASCII";
        is $to_ascii->('MÜLLER.de'), 'xn--mller-kva.de', "$package: in lower case";
        is $to_ascii->('xn--mller-kva.de'), 'xn--mller-kva.de', "$package: ASCII stays";
        is $to_ascii->('a.b.'), 'a.b.', "$package: so does a dot";
        is $to_unicode->('xn--mller-kva.de'), 'müller.de', "$package: to Unicode";
        is $to_unicode->('www.example.com'), 'www.example.com', "$package: other names stay";
    }
};

differs('suffix-idn-impossible', 'a name that is impossible', sub {
    is $CLASS->can('idn_to_ascii')->('ü' x 70 . '.de'), undef, 'is undef';
    like $SSL_ERROR, qr/label/, 'and the reason is told';
}, sub {
    ok !eval { $CLASS->can('idn_to_ascii')->('ü' x 70 . '.de'); 1 }, 'dies';
});

differs('suffix-idn-empty-label', 'a name in ASCII has no need of a conversion', sub {
    is $CLASS->can('idn_to_ascii')->('a..b'), 'a..b', 'be it impossible as a name';
    is $CLASS->can('idn_to_ascii')->('ü..de'), undef, 'another with an empty label is undef';
}, sub {
    ok !eval { $CLASS->can('idn_to_ascii')->('a..b'); 1 }, 'dies';
    ok !eval { $CLASS->can('idn_to_ascii')->('ü..de'); 1 }, 'as does another';
});

differs('suffix-idn-case', 'capitals', sub {
    is $CLASS->can('idn_to_ascii')->('WWW.MÜLLER.DE'), 'www.xn--mller-kva.de', 'become small in ASCII';
    is $CLASS->can('idn_to_unicode')->('WWW.XN--MLLER-KVA.DE'), 'WWW.müller.DE', 'XN-- is understood';
}, sub {
    is $CLASS->can('idn_to_ascii')->('WWW.MÜLLER.DE'), 'WWW.xn--mller-kva.DE', 'stay';
    is $CLASS->can('idn_to_unicode')->('WWW.XN--MLLER-KVA.DE'), 'WWW.XN--MLLER-KVA.DE', 'and hide XN--';
});

subtest 'idn_to_unicode leaves the case of what it does not convert' => sub {
    is $CLASS->can('idn_to_unicode')->('WWW.xn--mller-kva.De'), 'WWW.müller.De', 'as it was';
};

subtest 'the list decides about wildcards in certificates' => sub {
    my $strict = $CLASS->from_string("com\nserver.test\n");
    my %client = (SSL_ca_file => cert('ca.pem'), SSL_verifycn_scheme => 'http');
    for my $case (
        ['a list that has the parent', $strict, 0], ['no list', '', 1], ['the default', undef, 1],
    ) {
        my ($what, $list, $passes) = @$case;
        my ($cert) = wildcard_cert();
        my $got = IO::Socket::SSL::verify_hostname_of_cert('www.server.test', $cert, 'http', $list);
        is $got ? 1 : 0, $passes, $what;
    }
};

subtest 'where the list comes from is a URL' => sub {
    like $CLASS->URL, qr{^https?://publicsuffix\.org/}, 'of publicsuffix.org';
};

differs('suffix-update', 'the list that comes with the module', sub {
    ok !eval { $CLASS->update_self_from_url; 1 }, 'is not fetched anew by the program that uses it';
    like $@, qr/^the list is compiled in: run tools\/gen-psl, or use from_file at \Q$0\E/, 'which is told how';
}, sub {
    ok $CLASS->can('update_self_from_url'), 'can be rewritten in place';
});

done_testing;

sub wildcard_cert {
    require IO::Socket::SSL::Utils;
    return IO::Socket::SSL::Utils::CERT_create(subject => { commonName => 'x' },
        subjectAltNames => [[DNS => '*.server.test']]);
}

sub has_rule { return scalar $LIST->public_suffix("a.$_[0]") eq $_[0] }

sub write_file {
    my ($file, $text) = @_;
    open my $fh, '>:encoding(UTF-8)', $file or die "$file: $!";
    print $fh $text;
    close $fh or die $!;
    return;
}
