# Bad input: each of more than a thousand items that nobody should take is refused, with what, which and
# why; none ends the process, and none stays in memory. tools/gen-corpus tells where they come from.
use strict;
use warnings;

use File::Temp ();
use lib 't/lib';
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use KnownTest;
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use TLSTest '200';

my $file  = File::Temp->new(SUFFIX => '.pem');
my $count = 0;

sub lines {
    my $kind = shift;
    open my $in, '<', "t/corpus/$kind.tsv" or die "t/corpus/$kind.tsv: $!";
    chomp(my @lines = <$in>);
    return @lines;
}

# [name, PEM or bytes, whether it is a seed] of each item.
sub items {
    my ($kind, $label) = @_;
    return map {
        my ($name, $form, $bytes) = split /\t/;
        $bytes = decode_base64($bytes // '');
        $bytes = "-----BEGIN $label-----\n" . encode_base64($bytes) . "-----END $label-----\n"
            if $label && $form eq 'der';
        [$name, $bytes, scalar($name =~ /^seed /)];
    } lines($kind);
}

# Texts as the tables write them: \n, \t, \r, \0, \\ and \xNN.
my %ESCAPE = (n => "\n", t => "\t", r => "\r", 0 => "\0", '\\' => '\\');
sub unescaped { return $_[0] =~ s/\\(?:x([0-9a-f]{2})|([ntr0\\]))/defined $1 ? chr hex $1 : $ESCAPE{$2}/ger }

sub write_file {
    my $bytes = shift;
    open my $out, '>:raw', "$file" or die "$file: $!";
    print $out $bytes;
    close $out or die "$file: $!";
    return;
}

# What a context with these arguments fails with; '' if it doesn't.
sub refusal {
    my %args = @_;
    my $context = eval { IO::Socket::SSL::SSL_Context->new(%args) };
    return $context ? '' : $@ || $SSL_ERROR || 'no reason';
}

# Each item once by each reader: [name, code that returns the error, pattern]. Then all of them again,
# as often as the clock of the watchdog allows, to see whether memory grows.
sub all_refused {
    my ($kind, $items, @readers) = @_;
    subtest "$kind: " . @$items => sub {
        for my $reader (@readers) {
            my ($how, $code, $pattern) = @$reader;
            my (@taken, @unsaid);
            for my $item (@$items) {
                my ($name, $bytes, $is_good) = @$item;
                my $error = $code->($bytes);
                if ($is_good) { is $error, '', "$how: $name is good"; next }
                push @taken, $name if !length $error;
                push @unsaid, "$name: $error" if length $error && $error !~ $pattern;
                $count++;
            }
            is "@taken", '', "$how: each is refused";
            is join("\n", @unsaid), '', "$how: each is told";
        }
        return if $ENV{IOSSL_SANITIZE} || !defined kilobytes_dirty();
        my $pass = sub { for my $reader (@readers) { $reader->[1]->($_->[1]) for @$items } };
        $pass->();
        my $before = kilobytes_dirty();
        $pass->() for 1 .. 3;
        my $grown = kilobytes_dirty() - $before;
        cmp_ok $grown, '<', 400, "memory stays, 3 times over all of them ($grown KB)";
    };
    return;
}

all_refused('certificates', [items('certificates', 'CERTIFICATE')],
    ['PEM_string2cert', sub { my $cert = eval { PEM_string2cert($_[0]) };
            CERT_free($cert) if $cert; return $cert ? '' : $@ || 'no reason' },
        qr/^cannot parse string as PEM X509 cert: \S/],
    ['SSL_ca_file', sub { write_file($_[0]); refusal(SSL_ca_file => "$file") },
        qr/^Invalid certificate authority locations.*\Q$file\E.*\S/s],
    ['SSL_cert_file', sub { write_file($_[0]); refusal(SSL_server => 1, SSL_cert_file => "$file",
            SSL_key_file => cert('server-ec.key')) =~ s/.*is not the key of the certificate.*//sr },
        qr/\Q$file\E.*\S/]);
all_refused('keys', [items('keys', 'PRIVATE KEY')],
    ['PEM_string2key', sub { my $key = eval { PEM_string2key($_[0]) };
            KEY_free($key) if $key; return $key ? '' : $@ || 'no reason' },
        qr/^cannot parse string as PEM private key: \S/],
    ['SSL_key_file', sub { write_file($_[0]); refusal(SSL_server => 1, SSL_key_file => "$file",
            SSL_cert_file => cert('server-ec.pem'), SSL_passwd_cb => sub { '' })
            =~ s/.*is not the key of the certificate.*//sr },
        qr/\Q$file\E.*\S/]);
all_refused('revocation lists', [items('crls', 'X509 CRL')],
    ['SSL_crl_file', sub { write_file($_[0]); refusal(client_args(SSL_check_crl => 1,
            SSL_crl_file => "$file")) },
        qr/^Invalid certificate revocation list.*\Q$file\E.*\S/s]);

# The seed is about a certificate of other-ca with this serial number; one that also names a responder.
my $URI = 'http://127.0.0.1:1/';
my ($ca, $ca_key) = (PEM_file2cert(cert('other-ca.pem')), PEM_file2key(cert('other-ca.key')));
my $about = PEM_file2cert(cert('other-server.pem'));
my ($leaf, $key) = CERT_create(issuer => [$ca, $ca_key], serial => CERT_asHash($about)->{serial},
    subjectAltNames => [[DNS => 'server.test']], purpose => 'server', key => KEY_create_ec(),
    ext => [{ sn => 'authorityInfoAccess', data => "OCSP;URI:$URI" }]);
my ($asking, $server) = settle(pair(server => { raw => 1, SSL_server => 1, SSL_cert => $leaf,
    SSL_key => $key }, client => { SSL_ca_file => cert('other-ca.pem'),
    SSL_ocsp_mode => SSL_OCSP_NO_STAPLE | SSL_OCSP_FAIL_HARD, SSL_ocsp_cache => Forgetful->new }));
# A cache that knows nothing, so that each answer is judged by itself.
{ package Forgetful; sub new { return bless {}, shift } sub put { return } sub get { return } }
all_refused('OCSP answers', [items('ocsp')],
    ['add_response', sub {
            my $ocsp = $asking->ocsp_resolver;
            my $error = $ocsp->add_response($URI, $_[0]);
            return $error // $ocsp->hard_error // 'nothing was asked';
        }, qr/^\Q$URI\E: .*\S/]);

all_refused('option values', [map { [$_, $_] } lines('options')],
    ['SSL_Context', sub {
            my ($option, $value) = split /\t/, shift;
            $value = unescaped($value);
            # What counts only where something else is asked for, too.
            my @more = $option eq 'SSL_crl_file' ? (SSL_check_crl => 1)
                     : $option eq 'SSL_client_ca_file' ? (SSL_verify_mode => 1, SSL_ca_file => cert('ca.pem'))
                     : ();
            my $error = refusal($option =~ /^SSL_(?:cert|key|dh|client_ca)/ ? server_args() : client_args(),
                @more, $option => $value);
            # The option or its value has to be named.
            return $error if $error eq '' || index($error, $option) >= 0;
            return index($error, substr $value, 0, 8) >= 0 ? "$option: $error" : 'not told';
        }, qr/SSL_\w+.*\S/s]);

my $certificate = PEM_file2cert(cert('server.pem'));
all_refused('host names', [map { [$_, $_] } lines('names')],
    ['verify_hostname_of_cert', sub {
            return IO::Socket::SSL::verify_hostname_of_cert(unescaped($_[0]), $certificate, 'http')
                ? '' : 'no' }, qr/./],
    ['SSL_verifycn_name', sub {
            my $name = unescaped($_[0]);
            my $result = handshake(over => 'unix', client => { SSL_verifycn_name => $name });
            return $result->{client_error};
        }, qr/hostname verification failed: .*".*\S|SSL_verifycn_name/s]);

cmp_ok $count, '>=', 1000, "$count trials";

done_testing;
