# DataTest.pm - what the data tests share beyond TLSTest: one stream, watched from both ends.
#
# Owns      nothing but the marks it sends.
# Promises  waits for nothing but bytes that are already under way.
# Leaves    sockets, certificates, watchdog and implementation to TLSTest.
package DataTest;

use strict;
use warnings;
use Errno qw(EAGAIN);
use Exporter 'import';
use IO::Socket::SSL;
use Test::More;
use TLSTest;

our @EXPORT = qw(connected arrives arrived warned in_order would_block);

# Ends what arrived() waits for; no test sends it.
use constant MARK => "<\0end of what was written\0>";

# connected(%option) - (client, server), established, blocking, and joined without a network, so
# that what was written can be read at once. The client has read what the handshake left behind
# (session tickets), so that what is there to be read is data.
#
# over     'tcp' where the test is about TCP
# version  an SSL_version for both; default: what they agree on
sub connected {
    my (%option) = @_;
    my %version = $option{version} ? (SSL_version => $option{version}) : ();

    # Elliptic curves: these tests shake hands hundreds of times.
    my ($client, $server) = pair(over => $option{over} || 'unix', client => {%version}, server => {
        SSL_cert_file => cert('server-ec.pem'), SSL_key_file => cert('server-ec.key'), %version,
    });
    arrived($server, $client);
    return ($client, $server);
}

# arrives($writer, $reader, $code) - the bytes that reach the reader of what $code->($writer) wrote.
sub arrives {
    my ($writer, $reader, $code) = @_;

    $code->($writer);
    return arrived($writer, $reader);
}

# arrived($writer, $reader) - the bytes that reach the reader of what was written so far.
sub arrived {
    my ($writer, $reader) = @_;
    my $got = '';

    local ($,, $\);
    defined $writer->syswrite(MARK) or die "mark: $SSL_ERROR";
    until ($got =~ s/\Q${\MARK}\E\z//) {
        sysread($reader, my $chunk, 16384) or die "the mark did not arrive: $SSL_ERROR";
        $got .= $chunk;
    }
    return $got;
}

# warned($code) - the warnings that came while $code ran.
sub warned {
    my ($code) = @_;
    my @warnings;

    local $SIG{__WARN__} = sub { push @warnings, $_[0] };
    $code->();
    return @warnings;
}

# in_order() - whether $! and $SSL_ERROR are as a success leaves them: both false.
# To be asked at once: nearly everything else changes $!.
sub in_order {
    return !($! + 0) && !$SSL_ERROR;
}

# would_block($want, $code, $name) - tests that $code gives up as a non-blocking call does: undef,
# EAGAIN, and $SSL_ERROR equal to $want.
sub would_block {
    my ($want, $code, $name) = @_;
    my $result = $code->();
    my ($errno, $error) = ($! + 0, $SSL_ERROR);

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is $result, undef, "$name: undef";
    is $errno, EAGAIN, "$name: EAGAIN";
    return cmp_ok $error || 0, '==', $want, "$name: $want";
}

1;
