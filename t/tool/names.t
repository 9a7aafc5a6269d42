# names.t - iossl suffix and iossl check: names, and why they don't match.
use strict;
use warnings;
use utf8;
use Test::More;
use lib 't/lib';
use ToolTest;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output todo_output);

subtest 'suffix tells the public suffix and what can be registered below it' => sub {
    for my $row (
        ['www.example.co.uk',        'co.uk', 'example.co.uk'],
        ['a.b.example.com.',         'com',   'example.com'],
        ['COM',                      'com',   undef],
        ['x.github.io',              'io',    'github.io'],
        ['a.city.kawasaki.jp',       'kawasaki.jp', 'city.kawasaki.jp', 'exception rule'],
        ['www.bücher.de',            'de',    'xn--bcher-kva.de'],
    ) {
        my ($name, $suffix, $registrable, $what) = @$row;
        utf8::encode(my $bytes = $name);
        my $run = iossl_json('suffix', $bytes);
        is $run->{status}, 0, "$name: status";
        is $run->{json}{name}, $name, 'the name';
        is $run->{json}{registrable}, $registrable, 'registrable part';
        is $run->{json}{suffix}, $suffix, 'suffix' if !$what;
    }
    is iossl_json('suffix', '--section', 'all', 'x.github.io')->{json}{suffix}, 'github.io',
        'suffixes of hosting services with --section all';
    like iossl('suffix', 'com')->{out}, qr/This is a public suffix itself/, 'said of a suffix';
};

# NAME, file, scheme, does it match, why not: by the first name of the certificate that has a reason
my @checks = (
    ['server.test',        'server.pem',   'http',    1],
    ['127.0.0.1',          'server.pem',   'http',    1],
    ['::1',                'server.pem',   'http',    1],
    ['a.wild.test',        'server.pem',   'http',    1],
    ['server.test.',       'server.pem',   'http',    1],
    ['a.b.wild.test',      'server.pem',   'http',    0, qr/stands for one label only, and here/],
    ['wild.test',          'server.pem',   'http',    0, qr/without any isn't covered/],
    ['a.wild.test',        'server.pem',   'sip',     0, qr/scheme sip takes no wildcards/],
    ['127.0.0.2',          'server.pem',   'http',    0, qr/another address/],
    ['other.test',         'server.pem',   'http',    0, qr/another name/],
    ['other.test',         'server.pem',   'none',    1],
    ['server.test',        'nul-san.pem',  'http',    0, qr/NUL byte/],
    ['server.test',        'nul-cn.pem',   'http',    0, qr/NUL byte/],
);

for my $row (@checks) {
    my ($name, $file, $scheme, $match, $why) = @$row;
    subtest "check $name, $file, $scheme: " . ($match ? 'yes' : 'no') => sub {
        my $run = iossl_json('check', $name, '--cert', cert($file), '--scheme', $scheme);
        is $run->{status}, $match ? 0 : 1, 'status';
        is !!$run->{json}{match}, !!$match, 'the answer';
        is $run->{json}{name}, $name, 'the name asked for';
        my @reasons = map { $_->{why} } grep { defined $_->{why} } @{ $run->{json}{names} };
        ok scalar(grep { $_ =~ $why } @reasons), "why: $why" or diag explain \@reasons if $why;
        if ($match) { is $run->{json}{reason}, undef, 'no reason' }
        else        { like $run->{json}{reason}, qr/^hostname verification failed/, 'a reason' }
        # The names one by one must not contradict the whole.
        my $any = grep { $_->{matches} && $_->{counts} } @{ $run->{json}{names} };
        is !!$any, !!$match, 'the single names say the same' if $scheme ne 'none';

        my $text = iossl('check', $name, '--cert', cert($file), '--scheme', $scheme);
        is $text->{status}, $run->{status}, 'as text: status';
        like $text->{out}, $match ? qr/^yes: / : qr/^no: /, 'the answer first';
    };
}

subtest 'a commonName counts where the scheme says so' => sub {
    for my $row (['http', 1, 'cn-only.pem'], ['default', 1, 'cn-only.pem'],
        ['http', 0, 'cn-and-san.pem']) {
        my ($scheme, $counts, $file) = @$row;
        my $run = iossl_json('check', 'x.test', '--cert', cert($file), '--scheme', $scheme);
        my ($cn) = grep { $_->{type} eq 'CN' } @{ $run->{json}{names} };
        is !!$cn->{counts}, !!$counts, "$file, $scheme";
    }
};

subtest 'wildcards up to a public suffix are explained' => sub {
    is iossl('cert', 'make', '*.co.uk', '-o', scratch('suffix.pem'))->{status}, 0, 'made';
    my $run = iossl_json('check', 'example.co.uk', '--cert', scratch('suffix.pem'));
    is $run->{status}, 1, 'refused';
    like $run->{json}{names}[0]{why}, qr/reaches up to a public suffix/, 'why';
    is iossl('check', 'example.co.uk', '--cert', scratch('suffix.pem'), '--suffixes', 'none')
        ->{status}, 0, 'without that rule it matches';
};

subtest 'a certificate that cannot be read is status 2' => sub {
    for my $file ('/nonexistent', cert('garbage.pem'), cert('empty.pem'), cert('server.key')) {
        my $run = iossl('check', 'a.test', '--cert', $file);
        is $run->{status}, 2, $file;
        like $run->{err}, qr/\Q$file\E/, 'the file is named';
    }
    my $run = iossl({ stdin => read_file(cert('server.der')) }, 'check', 'server.test', '--cert', '-');
    is $run->{status}, 0, 'DER on standard input';
};

done_testing;
