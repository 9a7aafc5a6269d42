# NoSSLeay - a process in which Net::SSLeay isn't installed, whatever the system has.
#
#   perl -It/lib -MNoSSLeay ...
#
# Each folder of @INC that has it is exchanged for one with links to all that is there but that; the
# links go when the process ends. Folders that are named in IOSSL_KEEP (joined by colons) stay.
package NoSSLeay;

use strict;
use warnings;

use Config ();
use File::Temp ();

my ($links, $count);

sub import {
    my %keep = map { $_ => 1 } split /:/, $ENV{IOSSL_KEEP} // '';
    @INC = map { !ref && !$keep{$_} && -e "$_/Net/SSLeay.pm" ? without($_) : $_ } @INC;
    return;
}

sub without {
    my $folder = shift;
    $links //= File::Temp->newdir('iossl-no-ssleay-XXXXXX', TMPDIR => 1);
    my $copy = "$links/" . ++$count;
    link_all($folder, $copy, qr/^(?:Net|auto)$/);
    link_all("$folder/$_/Net", "$copy/$_/Net", qr/^SSLeay/) for '.', 'auto';
    return $copy;
}

# A folder with links to what is in the other, those with these names aside.
sub link_all {
    my ($from, $to, $but) = @_;
    my $path = '';
    for my $part (split m{/}, $to) { $path .= "$part/"; mkdir $path }
    $from = Cwd::abs_path($from) if $from !~ m{^/} && require Cwd;
    opendir my $dir, $from or return;
    for my $name (grep { !/^\.\.?$/ && $_ !~ $but } readdir $dir) {
        symlink "$from/$name", "$to/$name" if !-e "$to/$name";
    }
    link_all("$from/auto", "$to/auto", qr/^Net$/) if $but =~ /auto/;
    return;
}

1;
