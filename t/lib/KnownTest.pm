# KnownTest - authorities and certificates made on the spot, each wrong in one way.
#
# Owns      the handles it makes; they go with their object.
# Promises  keys are EC (quick to make); a leaf is for server.test unless it is told otherwise, so
#           that nothing but the one thing is wrong with it.
# Leaves    the handshakes and their verdicts to IdentTest (connects, refused).
#
#   my $root = authority('Root');
#   my $leaf = issue($root, not_after => time - 1);
#   refused('an expired leaf', client => qr/expired/,
#       client => { trusting($root) }, server => { served($leaf) });
package KnownTest;

use strict;
use warnings;
use Exporter 'import';
use IO::Socket::SSL::Utils;

our @EXPORT = qw(authority issue served trusting kilobytes_dirty);

# authority('NAME', issuer => ANOTHER, what CERT_create takes)
sub authority {
    my ($name, %args) = @_;
    return KnownTest::Identity->new(CA => 1, purpose => 'CA', subject => { commonName => $name },
        %args);
}

# issue(AUTHORITY, what CERT_create takes): a server's leaf; AUTHORITY undef: self-signed.
sub issue {
    my ($issuer, %args) = @_;
    return KnownTest::Identity->new(issuer => $issuer, purpose => 'server',
        subject => { commonName => 'leaf' }, subjectAltNames => [[DNS => 'server.test']], %args);
}

# Server arguments: this leaf, and the certificates that are sent along. A chain's handles become
# the context's own, so these are copies; the leaf's are borrowed, so it stays until the test ends.
my @served;

sub served {
    my ($leaf, @chain) = @_;
    push @served, $leaf;
    my @certs = map { PEM_string2cert(PEM_cert2string($_->cert)) } @chain;
    return (raw => 1, SSL_server => 1, SSL_cert => [$leaf->cert, @certs], SSL_key => $leaf->key);
}

# Client arguments: these are the trusted ones.
sub trusting { return (SSL_ca => [map { $_->cert } @_], SSL_ca_file => undef) }

# Private dirty memory of this process; undef where the system doesn't tell.
sub kilobytes_dirty {
    open my $rollup, '<', '/proc/self/smaps_rollup' or return;
    my ($kilobytes) = map { /^Private_Dirty:\s+(\d+)/ } <$rollup>;
    return $kilobytes;
}

package KnownTest::Identity;

use IO::Socket::SSL::Utils;

sub new {
    my ($class, %args) = @_;
    my $issuer = delete $args{issuer};
    my $key    = $args{key} ? $args{key}->key : KEY_create_ec();
    my ($cert) = CERT_create(%args, key => $key,
        $issuer ? (issuer => [$issuer->cert, $issuer->key]) : ());
    # What CERT_create returns of a key that it was given is one more reference: freed with ours.
    return bless { cert => $cert, key => $key, times => $args{key} ? 1 : 2 }, $class;
}

sub cert { return $_[0]{cert} }
sub key  { return $_[0]{key} }

sub DESTROY {
    my $self = shift;
    CERT_free($self->{cert});
    KEY_free($self->{key}) for 1 .. $self->{times};
    return;
}

1;
