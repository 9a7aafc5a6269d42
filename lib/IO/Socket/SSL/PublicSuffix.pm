# IO::Socket::SSL::PublicSuffix - which part of a host name is run by a registry.
#
# Owns      names as strings or lists of labels, in ASCII or Unicode; what becomes of their dots.
# Promises  the list that is compiled in is shared, and costs nothing to load.
# Leaves    rules and lookup to libiossl.
#
# An object is a hash: tree (the list) and min_suffix (labels that are a suffix where no rule matches).
package IO::Socket::SSL::PublicSuffix;

use 5.014;
use strict;
use warnings;

use Carp ();
use XSLoader;

our $VERSION = '3.000';
XSLoader::load('IO::Socket::SSL', $VERSION) if !defined &_builtin;

use constant URL => 'https://publicsuffix.org/list/public_suffix_list.dat';

my %BUILTIN;

# The list that is compiled in: its ICANN section, what certificates are checked by; with "private"
# the domains, too, under which companies let others have names.
sub default {
    my ($class, %args) = @_;
    my $sections = delete $args{private} ? 3 : 1;
    my $min = _min_suffix(\%args);
    return $BUILTIN{$sections}{$min} ||=
        bless { tree => _builtin($sections, $min), min_suffix => $min }, $class;
}

sub from_string {
    my ($class, $text, %args) = @_;
    my $min = _min_suffix(\%args);
    return bless { tree => _from_string($text, $min), min_suffix => $min }, $class;
}

# A file by name, or a handle to read it from.
sub from_file {
    my ($class, $file, %args) = @_;
    my $fh = ref $file || ref \$file eq 'GLOB' ? $file : undef;
    if (!$fh) {
        Carp::croak('from_file: the name of a file or a handle expected') if !length($file // '');
        open $fh, '<:encoding(UTF-8)', $file or Carp::croak("failed to open $file: $!");
    }
    my $text = do { local $/ = undef; <$fh> };
    return $class->from_string($text // '', %args);
}

sub _min_suffix {
    my $args = shift;
    my $min  = delete $args->{min_suffix} // 1;
    Carp::croak('unknown args: ' . join ' ', sort keys %$args) if %$args;
    Carp::croak("min_suffix: a number of labels expected, not $min") if $min !~ /^\d+\z/;
    return $min;
}

sub can_idn        { return 1 }
sub idn_to_ascii   { return IO::Socket::SSL::idn_to_ascii($_[0]) }
sub idn_to_unicode { return IO::Socket::SSL::idn_to_unicode($_[0]) }

# public_suffix where the XSUB of that name has no answer: (rest, suffix) in list context, the suffix in
# scalar context; strings, or lists of labels if the name came as one. $add labels more belong to the
# suffix.
sub _public_suffix {
    my ($self, $name, $add) = @_;
    return $self->_of_labels($name, $add || 0) if ref $name;
    $name //= '';
    my $is_unicode = $name =~ /[^\x00-\x7f]/;
    $name = idn_to_ascii($name) // return if $is_unicode;
    my $dot    = $name =~ /\.\z/ ? '.' : '';
    my @labels = grep { length } split /\./, lc $name or return;

    my @suffix = splice @labels, @labels - $self->_count($add || 0, @labels);
    my ($rest, $suffix) = map { join '.', @$_ } \@labels, \@suffix;
    ($rest, $suffix) = map { length ? idn_to_unicode($_) : $_ } $rest, $suffix if $is_unicode;
    $suffix .= $dot if length $suffix;
    return wantarray ? ($rest, $suffix) : $suffix;
}

# Labels stay as they are, but for their case; an empty one at the end is the root, part of the suffix.
sub _of_labels {
    my ($self, $name, $add) = @_;
    my @labels = map { lc($_ // '') } @$name or return;
    my @root   = length $labels[-1] ? () : pop @labels;
    my @ascii  = map { /[^\x00-\x7f]/ ? idn_to_ascii($_) // return : $_ } @labels;
    my $i = @ascii;
    $i-- while $i && length $ascii[$i - 1];         # before an empty label there are no rules
    splice @ascii, 0, $i;
    my @suffix = splice @labels, @labels - (@ascii ? $self->_count($add, @ascii) : 0);
    push @suffix, @root;
    return wantarray ? (\@labels, \@suffix) : \@suffix;
}

# How many of the labels are the suffix.
sub _count {
    my ($self, $add, @labels) = @_;
    my $n = _suffix_labels($self, join('.', @labels), $self->{min_suffix}) + $add;
    return $n < 0 ? 0 : $n > @labels ? scalar @labels : $n;
}

# Our list comes with the release: tools/gen-psl makes it anew.
sub update_self_from_url {
    Carp::croak('the list is compiled in: run tools/gen-psl, or use from_file');
}

1;
