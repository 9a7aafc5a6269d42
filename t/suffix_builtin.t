# The public suffix list that is compiled in: what publicsuffix.org expects of it, both sections, and
# what it costs.
use strict;
use warnings;
use utf8;

use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::PublicSuffix;
use Test::More;
use TLSTest;

my $CLASS   = 'IO::Socket::SSL::PublicSuffix';
my $VECTORS = '../shared/vectors/test_psl.txt';
binmode $_, ':utf8' for map { Test::More->builder->$_ } qw(output failure_output todo_output);

subtest 'the vectors of publicsuffix.org' => sub {
    plan skip_all => "$VECTORS isn't here" if !-e $VECTORS;
    my $list = $CLASS->default(private => 1);
    open my $fh, '<:encoding(UTF-8)', $VECTORS or die "$VECTORS: $!";
    my $count = 0;
    while (my $line = <$fh>) {
        next if $line =~ m{^//|^\s*$};
        my ($name, $wanted) = $line =~ /^checkPublicSuffix\((null|'[^']*'), (null|'[^']*')\);/
            or fail("a line is no vector: $line"), next;
        $_ = $_ eq 'null' ? undef : substr $_, 1, -1 for $name, $wanted;
        is registered($list, $name), $wanted, $name // 'null';
        $count++;
    }
    cmp_ok $count, '>=', 78, "all $count of them were looked at";
};

subtest 'private domains count on request, and only then' => sub {
    my ($icann, $all) = map { $CLASS->default(private => $_) } 0, 1;
    for my $case (['somebody.github.io', 'io', 'github.io'], ['www.example.co.uk', ('co.uk') x 2],
        ['a.b.unknowntld', ('unknowntld') x 2]) {
        my ($name, @suffix) = @$case;
        is scalar $icann->public_suffix($name), $suffix[0], "$name: registries only";
        is scalar $all->public_suffix($name), $suffix[1], "$name: with private ones";
    }
    is $CLASS->default(private => 0), $CLASS->default, 'without them is the default';
    is $CLASS->default(private => 1), $all, 'with them, always the same object';
    isnt $CLASS->default(private => 1, min_suffix => 0), $all, 'for the same number';
    ok !eval { $CLASS->from_string('com', private => 1); 1 }, 'other lists have no such sections';
    like $@, qr/^unknown args: private/, 'and say so';
};

subtest 'what is no number of labels, and what is no file, is refused' => sub {
    for my $wrong (-1, 'x', 1.5, "1\n", '') {
        ok !eval { $CLASS->default(min_suffix => $wrong); 1 }, 'min_suffix dies';
        like $@, qr/^min_suffix: a number of labels expected, not /, 'and says why';
    }
    is $CLASS->default(min_suffix => undef), $CLASS->default, 'undef is the default';
    for my $none (undef, '') {
        ok !eval { $CLASS->from_file($none); 1 }, 'from_file dies';
        like $@, qr/^from_file: the name of a file or a handle expected/, 'and says why';
    }
};

subtest 'wildcard certificates are judged by the list they are given' => sub {
    require IO::Socket::SSL::Utils;
    my ($cert) = IO::Socket::SSL::Utils::CERT_create(subject => { commonName => 'x' },
        subjectAltNames => [[DNS => '*.github.io']]);
    my $check = \&IO::Socket::SSL::verify_hostname_of_cert;
    ok $check->('somebody.github.io', $cert, 'http'), 'by default only registries count';
    ok !$check->('somebody.github.io', $cert, 'http', $CLASS->default(private => 1)),
        'with private domains, the same certificate is refused';
};

subtest 'lists may be asked from a new thread' => sub {
    require Config;
    plan skip_all => 'this perl has no threads' if !$Config::Config{useithreads};
    require threads;
    my $mine = $CLASS->from_string("corp\n*.lab.corp\n");
    my @got  = threads->create({ context => 'list' }, sub {
        return map { scalar $_->public_suffix('a.b.lab.corp') } $mine, $CLASS->default;
    })->join;
    is_deeply \@got, ['b.lab.corp', 'corp'], 'lists of our own and the default';
    is scalar $mine->public_suffix('a.b.lab.corp'), 'b.lab.corp', 'and afterwards here';
};

subtest 'a list of somebody else\'s objects is refused' => sub {
    for my $list ('nonsense', [], {}, bless {}, 'Somebody') {
        my $died = !eval { IO::Socket::SSL::SSL_Context->new(SSL_verifycn_publicsuffix => $list); 1 };
        ok $died, 'dies';
        like $@, qr/SSL_verifycn_publicsuffix/, 'and names the option';
    }
};

subtest 'loading it costs nothing' => sub {
    plan skip_all => 'the sanitizer has its own idea of memory' if $ENV{IOSSL_SANITIZE};
    plan skip_all => 'no /proc/self/statm here' if !-r '/proc/self/statm';
    my $text = perl_output(<<'END');
        sub pages { open my $fh, '<', '/proc/self/statm'; return (split ' ', <$fh>)[5] }
        require IO::Socket::SSL;
        IO::Socket::SSL::idn_to_ascii('a.example');
        my $before = pages();
        require IO::Socket::SSL::PublicSuffix;
        IO::Socket::SSL::PublicSuffix->default->public_suffix("$_.example.co.uk") for 1 .. 1000;
        print pages() - $before, "\n", join ' ', grep { /Suffix/ } keys %INC;
END
    my ($pages, $files) = split /\n/, $text;
    like $pages, qr/^\d+$/, 'it was measured' or diag $text;
    # The list as a Perl hash of 9,000 rules would be some 4 MB.
    cmp_ok $pages, '<', 75, "data of the process grew by $pages pages, for the code of the module";
    is $files, 'IO/Socket/SSL/PublicSuffix.pm', 'one file is read';
};

done_testing;

# The vectors want nothing for names that are a suffix, and for those with a leading dot.
sub registered {
    my ($list, $name) = @_;
    return undef if !defined $name || $name =~ /^\./;
    my ($rest) = $list->public_suffix($name);
    return length $rest ? scalar $list->public_suffix($name, 1) : undef;
}
