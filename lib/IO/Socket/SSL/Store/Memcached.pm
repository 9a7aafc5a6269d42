# IO::Socket::SSL::Store::Memcached - the store of a fleet in memcached servers, by the client
# Cache::Memcached::Fast, or Cache::Memcached where that is missing.
package IO::Socket::SSL::Store::Memcached;

use 5.014;
use strict;
use warnings;

use Carp ();
use IO::Socket::SSL::Store ();

our $VERSION = '3.000';
our @ISA     = ('IO::Socket::SSL::Store');

sub _check {
    my $self = shift;
    $self->{servers} = ['127.0.0.1:11211'] if !defined $self->{servers};
    Carp::croak('IO::Socket::SSL::Store::Memcached: servers: a list of HOST:PORT expected')
        if ref $self->{servers} ne 'ARRAY' || !@{ $self->{servers} };
    my @clients = defined $self->{client_class} ? $self->{client_class}
        : qw(Cache::Memcached::Fast Cache::Memcached);
    ($self->{client_class}) = grep { eval "require $_" } @clients;    ## no critic: ours
    Carp::croak("IO::Socket::SSL::Store::Memcached needs Cache::Memcached::Fast or Cache::Memcached: $@")
        if !defined $self->{client_class};
    return;
}

# Some clients take a weight beside the address.
sub _places {
    return [map { ref $_ eq 'HASH' ? $_->{address} : ref $_ eq 'ARRAY' ? $_->[0] : $_ } @{ $_[0]{servers} }];
}

# Of a client that only says "no" in either case, a version tells whether a server is there at all.
sub _connect {
    my $self  = shift;
    my $limit = $self->{timeout};
    my $client = $self->{client_class}->new({ servers => $self->{servers},
        connect_timeout => $limit / @{ $self->{servers} },      # one after the other
        io_timeout => $limit, select_timeout => $limit, max_failures => 1, failure_timeout => 1,
        utf8 => 0, compress_threshold => -1 });
    $client->enable_compress(0) if $client->can('enable_compress');
    # This class keeps sockets and dead servers for all of its objects, also over a fork.
    if ($client->isa('Cache::Memcached')) {
        $client->disconnect_all;
        $client->forget_dead_hosts;
    }
    $self->_need_server($client);
    return $client;
}

sub _need_server {
    my ($self, $client) = @_;
    my $versions = $client->can('server_versions') ? $client->server_versions
                                                   : $client->stats('misc')->{hosts};
    die "no memcached answers at @{ $self->_places }\n" if !ref $versions || !%$versions;
    return;
}

sub _read {
    my ($self, $client, $name) = @_;
    my $value = $client->get($name);
    $self->_need_server($client) if !defined $value;
    return $value;
}

# More than 30 days would be read as a date.
my $MAX_SECONDS = 30 * 86400;

sub _in_range {
    my ($name, $value, $seconds) = @_;
    return ($name, $value, $seconds > $MAX_SECONDS ? $MAX_SECONDS : $seconds);
}

sub _write {
    my ($self, $client, @rest) = @_;
    return $client->set(_in_range(@rest)) || do { $self->_need_server($client); 0 };
}

sub _write_new {
    my ($self, $client, @rest) = @_;
    return $client->add(_in_range(@rest)) || do { $self->_need_server($client); 0 };
}

sub _remove { my ($self, $client, $name) = @_; return $client->delete($name) ? 1 : 0 }

1;
