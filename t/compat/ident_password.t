# Encrypted keys: SSL_passwd_cb, the prompt, and what happens without the right password.
use strict;
use warnings;

use lib 't/lib';
use IO::Socket::SSL;
use IdentTest;
use POSIX ();
use Test::More;
use TLSTest;

without_environment();

my %encrypted = (
    'a PKCS#8 key'           => [files('server.pem', 'server-pass.key')],
    'a traditional key'      => [files('server.pem', 'server-pass-old.key')],
    'PKCS#12'                => [files('server-pass.p12', undef)],
    'PKCS#12 with a chain'   => [files('server-chain-pass.p12', undef)],
);

# A callback, and how it was called.
sub password {
    my ($password, $calls) = @_;
    return (SSL_passwd_cb => sub { push @$calls, [@_] if $calls; return $password });
}

for my $kind (sort keys %encrypted) {
    my @files = @{ $encrypted{$kind} };

    subtest "$kind opens with the password that the callback returns" => sub {
        my @calls;
        connects('it serves', server => { @files, password('secret', \@calls) });
        is scalar @calls, 1, 'asked once';
        is $calls[0][0], 0, 'for reading';
    };

    refused("$kind stays closed with a wrong password", server => qr/Failed to load/,
        server => { @files, password('wrong') });
    refused("$kind stays closed with an empty password", server => qr/Failed to load/,
        server => { @files, password('') });
}

subtest 'the reason tells of the password' => sub {
    refused('PKCS#8', server => qr/bad decrypt|password/i,
        server => { @{ $encrypted{'a PKCS#8 key'} }, password('wrong') });
    refused('traditional', server => qr/bad decrypt|password/i,
        server => { @{ $encrypted{'a traditional key'} }, password('wrong') });
    refused('PKCS#12', server => qr/mac verify failure|password/i,
        server => { @{ $encrypted{'PKCS#12'} }, password('wrong') });
    refused('PKCS#12 without a callback', server => qr/mac verify failure|password/i,
        server => { @{ $encrypted{'PKCS#12'} } });
};

subtest 'a callback that has no password' => sub {
    local $SIG{__WARN__} = sub { };     # the incumbent passes undef on to where a string is wanted
    refused('returns undef', server => qr/Failed to load key/,
        server => { @{ $encrypted{'a PKCS#8 key'} }, password(undef) });
    refused('returns nothing', server => qr/Failed to load key/,
        server => { @{ $encrypted{'a PKCS#8 key'} }, SSL_passwd_cb => sub { return } });
};

subtest 'what the callback dies with reaches the caller' => sub {
    refused($_, server => qr/^no password today$/,
        server => { @{ $encrypted{$_} }, SSL_passwd_cb => sub { die "no password today\n" } })
        for 'a PKCS#8 key', 'PKCS#12';
    connects('and the next attempt is not affected',
        server => { @{ $encrypted{'a PKCS#8 key'} }, password('secret') });
};

subtest 'the callback is not asked where nothing is encrypted' => sub {
    my @calls;
    connects('PEM', server => { files('server'), password('secret', \@calls) });
    connects('PKCS#12', server => { files('server.p12', undef), password('secret', \@calls) });
    is scalar @calls, 0, 'no call';
};

subtest 'a client has its password in the same way' => sub {
    my %verifying = (files('server'), SSL_verify_mode => 3, SSL_ca_file => cert('ca.pem'),
        SSL_verify_callback => sub { 1 });
    connects('it opens', client => { @{ $encrypted{'a PKCS#8 key'} }, password('secret') },
        server => {%verifying});
    refused('or not', client => qr/Failed to load key/,
        client => { @{ $encrypted{'a PKCS#8 key'} }, password('wrong') }, server => {%verifying});
};

# Runs a program that has no terminal, so that OpenSSL's prompt reads its standard input.
sub prompted {
    my ($input) = @_;
    pipe my $in, my $to or die "pipe: $!";
    pipe my $from, my $out or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        watchdog(30);
        POSIX::setsid();
        open STDIN,  '<&', $in  or POSIX::_exit(1);
        open STDOUT, '>&', $out or POSIX::_exit(1);
        open STDERR, '>&', $out or POSIX::_exit(1);
        close $_ for $in, $to, $from, $out;
        no warnings 'exec';
        my @perl = ($^X, map { "-I$_" } grep { !ref } @INC);
        exec @perl, '-MIO::Socket::SSL', '-e', <<'END', @_[1 .. $#_];
            my $made = IO::Socket::SSL::SSL_Context->new(SSL_server => 1, @ARGV);
            print $made ? 'made' : "refused: $SSL_ERROR";
END
        POSIX::_exit(1);
    }
    close $_ for $in, $out;
    print {$to} $input;
    close $to;
    my $text = do { local $/ = undef; <$from> };
    waitpid $pid, 0;
    return $text;
}

subtest 'without a callback OpenSSL asks the person' => sub {
    my @files = @{ $encrypted{'a PKCS#8 key'} };
    my $text = prompted("secret\n", @files);
    like $text, qr/pass phrase/i, 'there is a prompt';
    like $text, qr/made$/, 'the answer opens the key';
    like prompted("wrong\n", @files), qr/refused: Failed to load key/, 'a wrong answer does not';
    like prompted('', @files), qr/refused: Failed to load key.*password/s, 'nor does none';
};

done_testing;
