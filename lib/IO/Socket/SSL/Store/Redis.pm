# IO::Socket::SSL::Store::Redis - the store of a fleet in a Redis server, by the client Redis.pm.
package IO::Socket::SSL::Store::Redis;

use 5.014;
use strict;
use warnings;

use IO::Socket::SSL::Store ();

our $VERSION = '3.000';
our @ISA     = ('IO::Socket::SSL::Store');

sub _check {
    my $self = shift;
    require Redis;
    $self->{server} = '127.0.0.1:6379' if !defined $self->{server} && !defined $self->{sock};
    return;
}

sub _places { return [$_[0]{sock} // $_[0]{server}] }

sub _connect {
    my $self = shift;
    my %args = map { defined $self->{$_} ? ($_ => $self->{$_}) : () }
        qw(server sock username password ssl SSL_verify_mode);
    my $client = Redis->new(%args, encoding => undef, reconnect => 0,
        map { $_ => $self->{timeout} } qw(cnx_timeout read_timeout write_timeout));
    $client->select($self->{database}) if $self->{database};
    return $client;
}

sub _read      { my ($self, $redis, $name) = @_; return $redis->get($name) }
sub _write     { my ($self, $redis, @rest) = @_; return _set($redis, @rest) }
sub _write_new { my ($self, $redis, @rest) = @_; return _set($redis, @rest, 'NX') }
sub _remove    { my ($self, $redis, $name) = @_; return $redis->del($name) }

sub _set {
    my ($redis, $name, $value, $seconds, @how) = @_;
    return $redis->set($name, $value, 'EX', $seconds, @how) ? 1 : 0;
}

1;
