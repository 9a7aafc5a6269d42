# Fetch - Debian's sources and packages, unpacked beside the system for a run of tests.
#
# Owns      a folder, ${XDG_CACHE_HOME:-/tmp}/iossl-consumers, with sources, packages and logs.
# Promises  nothing is installed and apt's configuration stays as it is; what was fetched before is
#           used again, without network; the module that we stand in for is never unpacked here,
#           since it could be taken for the one under test.
# Leaves    to the caller: what to fetch, and what a failure means. Functions return (result), or
#           (undef, reason).
package Fetch;

use 5.014;
use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path remove_tree);
use List::Util qw(first);
use POSIX ();

our @EXPORT_OK = qw(cache run source needed);

my %OTHER_IMPLEMENTATION = ('libio-socket-ssl-perl' => 1);
my $KEYS                 = '/usr/share/keyrings/debian-archive-keyring.gpg';

sub cache {
    my $cache = ($ENV{XDG_CACHE_HOME} || '/tmp') . '/iossl-consumers';
    make_path("$cache/logs", "$cache/debs", "$cache/src");
    return $cache;
}

# Runs a command with its output in a file; true if it succeeded.
sub run {
    my ($log, @command) = @_;
    my $child = fork // die "fork: $!\n";
    if (!$child) {
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', $log or die "$log: $!\n";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }
    waitpid $child, 0;
    return $? == 0;
}

# --- sources --------------------------------------------------------------------------------------

sub index_lines {
    return `apt-get indextargets --format '\$(REPO_URI) \$(RELEASE) \$(COMPONENT)' 'Created-By: Packages'`;
}

# The release of this machine, by its name in the main archive.
sub main_release {
    my ($release) = map { m{^\S+/debian/* ([a-z]+) } ? $1 : () } index_lines();
    return $release;
}

# Where apt finds sources: those of the releases that this machine has packages of, or of another
# release of Debian.
sub source_lines {
    my ($release) = @_;
    my @lines = index_lines();
    if (length $release) {
        my ($mirror) = map { m{^(\S+/debian/*) } ? $1 : () } @lines;
        @lines = defined $mirror ? "$mirror $release main\n" : ();
    }
    my $signed = -e $KEYS ? "[signed-by=$KEYS] " : '';
    return map { 'deb-src ' . (m{^\S+/debian(?:-security)?/* } ? $signed : '') . $_ } @lines;
}

# An apt-get with lists of its own.
my %apt_for_sources;

sub apt_for_sources {
    my ($release) = @_;
    return @{$apt_for_sources{$release}} if $apt_for_sources{$release};
    my $apt = cache() . '/apt' . (length $release ? "-$release" : '');
    make_path("$apt/lists/partial", "$apt/cache/archives/partial");
    open my $out, '>', "$apt/sources.list" or die "$apt/sources.list: $!\n";
    print $out source_lines($release);
    close $out or die "$apt/sources.list: $!\n";
    my @command = ('apt-get', '-qq', '-o', 'APT::Sandbox::User=root',
        '-o', "Dir::Etc::sourcelist=$apt/sources.list", '-o', 'Dir::Etc::sourceparts=/dev/null',
        '-o', "Dir::State::lists=$apt/lists", '-o', "Dir::Cache=$apt/cache");
    run(cache() . '/logs/apt-update', @command, 'update') if !files("$apt/lists/*Sources*");
    return @{$apt_for_sources{$release} = \@command};
}

# What matches a pattern, signatures aside.
sub files {
    return grep { !/\.asc$/ } glob $_[0];
}

# The unpacked and built source of a package: {package, source, release, build}.
sub source {
    my ($row) = @_;
    my $dir = cache() . "/src/$row->{package}";
    return $dir if -e "$dir/.ready";
    my $name = $row->{source} || $row->{package};
    my $new  = cache() . "/fetch/$name";
    my $log  = cache() . "/logs/$row->{package}.source";
    make_path($new);
    if (!files("$new/*.orig.tar.*")) {
        # The security archive lists versions whose files it has lost; the main one has those of its own.
        my $fetched = first {
            run($log, 'sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', $new, apt_for_sources($_), 'source', '--tar-only', $name)
        } $row->{release} // ('', main_release());
        return (undef, "no source, see $log") if !defined $fetched;
    }
    my ($tar) = sort { -s $b <=> -s $a } files("$new/*.orig.tar.*");
    remove_tree($dir);
    make_path($dir);
    run($log, 'tar', 'xf', $tar, '-C', $dir, '--strip-components=1') or return (undef, "no source, see $log");
    if (length($row->{build} // '')) {
        run($log, 'sh', '-c', "cd '$dir' && $row->{build}") or return (undef, "cannot be built, see $log");
    }
    open my $done, '>', "$dir/.ready" or die "$dir/.ready: $!\n";
    return $dir;
}

# --- packages -------------------------------------------------------------------------------------

# Where, below the root of an unpacked package, the variables find what is in it.
my %FOLDERS = (
    PERL5LIB        => ['usr/lib/*/perl5/*', 'usr/share/perl5'],
    PATH            => ['usr/bin', 'usr/sbin', 'bin', 'sbin', 'usr/lib/git-core'],
    LD_LIBRARY_PATH => ['usr/lib/*-linux-*', 'lib/*-linux-*'],
);

# What the named packages and what they depend on add to the system: {variable => [folder...]}, and
# root => {package => folder} for those that had to be unpacked.
sub needed {
    my ($tag, @names) = @_;
    my %more = (root => {}, map { $_ => [] } keys %FOLDERS);
    return \%more if !@names;
    my @missing;
    for my $line (`LC_ALL=C apt-get -s -qq install --no-install-recommends @names 2>/dev/null`) {
        push @missing, $1 if $line =~ /^Inst (\S+) \(/ && !$OTHER_IMPLEMENTATION{$1};   # no upgrades
    }
    return (undef, "apt-get knows no @names") if $?;
    my $log = cache() . "/logs/$tag.needs";
    for my $name (@missing) {
        my $deb = cache() . "/debs/$name";
        if (!-d $deb) {
            remove_tree("$deb.new");
            make_path("$deb.new");
            run($log, 'sh', '-c', 'cd "$1" && apt-get -qq -o APT::Sandbox::User=root download "$2" && dpkg-deb -x *.deb .',
                'sh', "$deb.new", $name) or return (undef, "cannot fetch $name, see $log");
            rename "$deb.new", $deb or die "$deb: $!\n";
        }
        $more{root}{$name} = $deb;
        for my $variable (keys %FOLDERS) {
            push @{$more{$variable}}, grep { -d } map { glob "$deb/$_" } @{$FOLDERS{$variable}};
        }
    }
    return \%more;
}

1;
