#!/usr/bin/perl
# oneshot.pl HOST:PORT CAFILE - a whole short-lived client, as cron jobs and CGI scripts are. Timed
# from outside, from start to exit.
use strict;
use warnings;
use IO::Socket::SSL;

my ($address, $ca_file) = @ARGV;
my $socket = IO::Socket::SSL->new(PeerAddr => $address, SSL_ca_file => $ca_file,
    SSL_verifycn_name => 'localhost', SSL_hostname => 'localhost') or die "$! $SSL_ERROR";
print $socket "GET / HTTP/1.0\r\n\r\n";
my $line = <$socket>;
die 'no answer' if !defined $line;
