# pod.t - the manuals are well-formed, tell of everything that there is, and of nothing that isn't.
#
# What there is, is read from the sources and the loaded module; what is told, in the lines with
# =item and =head. A new option, method or export without a line of its own makes this test fail.
use strict;
use warnings;

use B ();
use Pod::Checker ();
use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;
use IO::Socket::SSL::Intercept;
use IO::Socket::SSL::PublicSuffix;
use IO::Socket::SSL::Utils;

plan skip_all => 'not a source tree'
    if grep { !-f } qw(lib/IO/Socket/SSL.pod lib/IO/Socket/SSL.pm xs/glue/options.c);

my @FILES = map { glob "lib/IO/Socket/$_" } qw(SSL.pod SSL.pm SSL/*.pod SSL/*.pm SSL/*/*.pod SSL/*/*.pm);
my $PM    = slurp('lib/IO/Socket/SSL.pm');
my $POD   = slurp('lib/IO/Socket/SSL.pod');

subtest 'every manual is well-formed' => sub {
    for my $file (@FILES) {
        open my $out, '>', \my $said or die $!;
        my $checker = Pod::Checker->new(-warnings => 1);
        $checker->parse_from_file($file, $out);
        my $wanted = $file =~ /\.pod$/ ? 0 : -1;        # -1: no pod in it
        is $checker->num_errors, $wanted, "$file: no errors" or diag $said;
        is $checker->num_warnings, 0, "$file: no warnings" or diag $said if !$wanted;
    }
};

subtest 'manuals are plain ASCII in at most 100 columns' => sub {
    for my $file (grep { /\.pod$/ } @FILES) {
        my @bad = grep { /[^\x20-\x7e]/ || length > 100 } split /\n/, slurp($file);
        is_deeply \@bad, [], $file;
    }
};

subtest 'every module has its manual' => sub {
    ok -f s/m$/od/r, "$_ has one" for grep { /\.pm$/ } @FILES;
};

subtest 'every option is told of' => sub {
    my ($table) = slurp('xs/glue/options.c') =~ /\bOPTIONS\[\] = \{(.*?)\n\};/s;
    my @table = ($table // '') =~ /\{"(SSL_\w+)"/g;
    cmp_ok scalar @table, '>=', 20, 'the table of xs/glue/options.c was found';
    is_deeply undocumented($POD, @table, options_of_lib()), [], 'each has an =item';
};

subtest 'every method and function is told of' => sub {
    my @subs = subs_of('IO::Socket::SSL');
    cmp_ok scalar @subs, '>=', 60, 'the subs of the module were found';
    is_deeply undocumented($POD, @subs), [], 'each has an =item';
    for my $name (qw(Intercept PublicSuffix Utils)) {
        my $pod = slurp("lib/IO/Socket/SSL/$name.pod");
        is_deeply undocumented($pod, subs_of("IO::Socket::SSL::$name")), [], "those of $name, too";
    }
    my @of_cache = subs_of('IO::Socket::SSL::Session_Cache');
    is_deeply undocumented($POD, @of_cache), [], 'those of session caches, too';
    my @of_ocsp = map { subs_of("IO::Socket::SSL::OCSP_$_") } qw(Resolver Cache);
    is_deeply undocumented($POD, @of_ocsp), [], 'and of OCSP';
};

subtest 'every exported name is told of' => sub {
    is_deeply undocumented($POD, map { s/^\$//r } @IO::Socket::SSL::EXPORT), [],
        'each has an =item';
};

subtest 'what the manual tells of is there' => sub {
    # SSL_use_cert is the one option that is accepted and decides nothing.
    my %known = map { $_ => 1 } 'SSL_use_cert', options_of_lib(),
        map { slurp($_) =~ /"(SSL_\w+)"/g } glob 'xs/glue/options*.c';
    my @items = $POD =~ /^=item (SSL_[a-z]\w*(?:, SSL_[a-z]\w*)*)/mg;
    is_deeply [grep { !$known{$_} } map { split /, / } @items], [], 'options';
    my @methods = grep { !/::/ } $POD =~ /^=item ([\w:]+)\(/mg;
    my @classes = qw(IO::Socket::SSL IO::Socket::SSL::Session_Cache IO::Socket::SSL::OCSP_Cache
        IO::Socket::SSL::OCSP_Resolver IO::Socket::SSL::SSL_Context);
    my @absent  = grep { my $name = $_; !grep { $_->can($name) } @classes } @methods;
    is_deeply \@absent, [], 'methods and functions';
};

done_testing;

# --- what there is --------------------------------------------------------------------------------

# Names of options in lib: of the connection, and of stop_SSL and close; also those that are only
# passed on to the table.
sub options_of_lib {
    my $code = $PM;
    $code =~ s/^ *#.*//mg;
    $code =~ s/\bSSL_CERT_\w+//g;
    my %seen;
    return grep { !$seen{$_}++ } $code =~ /(?<![_\w])(SSL_[a-z]\w*)/g;
}

# The public subs of a package that are its own: none that it imported.
sub subs_of {
    my $package = shift;
    my %foreign = map { $_ => 1 } qw(CLONE CLONE_SKIP DESTROY bootstrap import), @Errno::EXPORT_OK;
    no strict 'refs';
    return sort grep { !/^_/ && !$foreign{$_} && defined &{"${package}::$_"}
        && home_of(\&{"${package}::$_"}) =~ /^\Q$package\E$|^__ANON__$|^constant$/ }
        keys %{"${package}::"};
}

# The package that a sub was written in.
sub home_of { return B::svref_2object($_[0])->GV->STASH->NAME }

# --- what is told ---------------------------------------------------------------------------------

sub undocumented {
    my ($pod, @names) = @_;
    my %told = map { $_ => 1 } map { /(\w+)/g } $pod =~ /^=(?:item|head\d) (.*)/mg;
    return [grep { !$told{$_} } @names];
}

sub slurp {
    my $file = shift;
    open my $fh, '<', $file or die "$file: $!";
    local $/ = undef;
    return scalar <$fh>;
}
