# NegoTest.pm - what two ends negotiate, and what a client says in its ClientHello.
#
# Owns      both ends of a handshake in one process, and a reader of ClientHello messages.
# Promises  no network, no other process; a failure of either end is a result to look at, never an
#           exception of the test.
# Leaves    certificates, the handshake itself and the watchdog to TLSTest.
package NegoTest;

use strict;
use warnings;
use Exporter 'import';
use Socket qw(AF_UNIX SOCK_STREAM);
use IO::Socket::SSL;
use TLSTest qw(cert handshake);

our @EXPORT = qw(negotiate hello net_ssleay agreed raised);

# negotiate(\%client, \%server) - lets a client and a server of these arguments shake hands.
#
# Defaults: the client trusts t/certs/ca.pem and asks for server.test; the server shows server.pem.
# A key given in the arguments, even as undef, replaces the default of that key.
# Returns a hash: client, server - the socket, undef where the handshake failed; client_error,
# server_error - the reason of the failure, '' where there was none.
sub negotiate {
    my ($client, $server) = @_;
    my %identity = (SSL_cert_file => cert('server.pem'), SSL_key_file => cert('server.key'));
    my $result = handshake(over => 'unix',
        client => { raw => 1, _client_defaults($client), %$client },
        server => { raw => 1, SSL_server => 1, $server->{SSL_reuse_ctx} ? () : %identity,
            %$server });

    for my $side (qw(client server)) {
        undef $result->{$side} if !$result->{"${side}_ok"};
    }
    return $result;
}

sub _client_defaults {
    my ($args) = @_;
    my %defaults = (SSL_ca_file => cert('ca.pem'), SSL_hostname => 'server.test');

    delete $defaults{SSL_hostname} if grep { exists $args->{$_} } qw(PeerAddr PeerHost);
    delete $defaults{SSL_ca_file} if $args->{SSL_reuse_ctx};
    return %defaults;
}

# agreed($result, 'method') - what the method returns on both ends if they agree, else a text that
# names both; 'failed: ...' where there is no connection.
sub agreed {
    my ($result, $method) = @_;
    my @value;

    for my $side (qw(client server)) {
        return 'failed: ' . $result->{"${side}_error"}
            if !$result->{$side};
        my $value = $result->{$side}->$method;
        push @value, defined $value ? $value : 'undef';
    }
    return $value[0] eq $value[1] ? $value[0] : "client $value[0], server $value[1]";
}

# raised(sub {...}) - the text of the exception of the code, '' if there was none.
sub raised {
    my ($code) = @_;

    return eval { $code->(); 1 } ? '' : $@;
}

# hello(%args) - what a client of these arguments says first: the ClientHello, RFC 8446 4.1.2, as a
# hash of lists: versions (of supported_versions, or the one of the old field), ciphers, groups,
# alpn (numbers in hex, protocols as text) and of the scalar sni (undef: not sent).
sub hello {
    my (%args) = @_;

    socketpair(my $c, my $far, AF_UNIX, SOCK_STREAM, 0) or die "socketpair: $!";
    $_->blocking(0) for $c, $far;
    my $client = IO::Socket::SSL->start_SSL($c, SSL_startHandshake => 0,
        SSL_verifycn_name => 'server.test', _client_defaults(\%args), %args) or die "no client: $SSL_ERROR";
    !$client->connect_SSL or die 'connected to nobody';
    defined sysread $far, my $record, 65536 or die "no ClientHello: $SSL_ERROR";

    my ($type, $handshake) = unpack 'C x4 C', $record;
    die 'not a ClientHello' if $type != 22 || $handshake != 1;
    my ($version, $ciphers, $extensions) = unpack 'x9 n x32 C/x n/a C/x n/a', $record;
    my %seen = (ciphers => [_numbers($ciphers)]);
    while (length $extensions) {
        (my $number, my $body, $extensions) = unpack 'n n/a a*', $extensions;
        $seen{sni} = unpack 'x2 x n/a', $body if $number == 0;
        $seen{groups} = [_numbers(substr $body, 2)] if $number == 10;
        $seen{alpn} = [unpack '(C/a)*', substr $body, 2] if $number == 16;
        $seen{versions} = [_numbers(substr $body, 1)] if $number == 43;
    }
    $seen{versions} ||= [sprintf '%04x', $version];
    return \%seen;
}

sub _numbers {
    return map { sprintf '%04x', $_ } unpack 'n*', $_[0];
}

# Is there a Net::SSLeay that shares its raw handles with the implementation under test? Ours needs
# none; so here it is looked for beside the incumbent that tools/incumbent has unpacked.
sub net_ssleay {
    my $root = ($ENV{XDG_CACHE_HOME} || '/tmp') . '/iossl-incumbent/libnet-ssleay-perl/usr';
    # What stands in for one that isn't there comes by a code reference, or from our own folder.
    local @INC = (grep({ !ref } @INC), glob "$root/lib/*/perl5/* $root/share/perl5");
    return eval { require Net::SSLeay } && defined &Net::SSLeay::BIO_new_file;
}

1;
