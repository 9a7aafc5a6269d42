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

my %ICANN;

# The list that is compiled in, its ICANN section: what certificates are checked by.
sub default {
    my ($class, %args) = @_;
    my $min = _min_suffix(\%args);
    return $ICANN{$min} ||= bless { tree => _builtin(1, $min), min_suffix => $min }, $class;
}

sub from_string {
    my ($class, $text, %args) = @_;
    my $min = _min_suffix(\%args);
    return bless { tree => _from_string($text, $min), min_suffix => $min }, $class;
}

# A file by name, or a handle to read it from.
sub from_file {
    my ($class, $file, %args) = @_;
    my $fh = $file;
    if (!ref $file) {
        open $fh, '<:encoding(UTF-8)', $file or Carp::croak("failed to open $file: $!");
    }
    my $text = do { local $/ = undef; <$fh> };
    return $class->from_string($text, %args);
}

sub _min_suffix {
    my $args = shift;
    my $min  = delete $args->{min_suffix} // 1;
    Carp::croak('unknown args: ' . join ' ', sort keys %$args) if %$args;
    return $min;
}

sub can_idn        { return 1 }
sub idn_to_ascii   { return IO::Socket::SSL::idn_to_ascii($_[0]) }
sub idn_to_unicode { return IO::Socket::SSL::idn_to_unicode($_[0]) }

# (rest, suffix) in list context, the suffix in scalar context: strings, or lists of labels if the name
# came as one. $add labels more belong to the suffix.
sub public_suffix {
    my ($self, $name, $add) = @_;
    my $is_list = ref $name eq 'ARRAY';
    my $text = $is_list ? join '.', @$name : $name // '';
    my $is_unicode = $text =~ /[^\x00-\x7f]/;
    $text = idn_to_ascii($text) // return if $is_unicode;
    my $dot    = !$is_list && $text =~ /[^.]\.\z/ ? '.' : '';
    my @labels = grep { length } split /\./, lc $text;

    my $n = @labels ? _suffix_labels($self, join('.', @labels), $self->{min_suffix}) : 0;
    $n += $add if $add && $n;
    $n = @labels if $n > @labels;
    my @suffix = splice @labels, @labels - $n;
    return wantarray ? (\@labels, \@suffix) : \@suffix if $is_list;

    my ($rest, $suffix) = map { join '.', @$_ } \@labels, \@suffix;
    ($rest, $suffix) = map { length ? idn_to_unicode($_) : $_ } $rest, $suffix if $is_unicode;
    $suffix .= $dot if length $suffix;
    return wantarray ? ($rest, $suffix) : $suffix;
}

# Our list comes with the release: tools/gen-psl makes it anew.
sub update_self_from_url {
    Carp::croak('the list is compiled in: run tools/gen-psl, or use from_file');
}

1;
