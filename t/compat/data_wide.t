# data_wide.t - characters that are no bytes: Perl's own behaviour, never silent corruption.
#
# Where Perl's own handles can tell what is right, one is asked: a plain socket.
use strict;
use warnings;
use feature 'say';
use Test::More;
use lib 't/lib';
use TLSTest;
use DataTest;
use IO::Socket::SSL;

my $SMILE = "a\x{263a}b";
my $CAFE = "caf\xe9 au lait";       # fits into bytes
my $CAFE_UPGRADED = $CAFE;          # and is stored otherwise
utf8::upgrade($CAFE_UPGRADED);

my ($client, $server) = connected();
my ($plain_writer, $plain_reader) = plain_pair('unix');
$plain_writer->autoflush(1);

# What a plain socket of Perl's lets through: bytes, result, warnings, and what it died of.
sub core_does {
    my ($code) = @_;
    my $result;
    my @warnings = warned(sub { $result = eval { $code->($plain_writer) } });
    my $died = $@;

    $plain_reader->blocking(0);
    sysread($plain_reader, my $bytes, 1000);
    return ($bytes // '', $result, "@warnings", $died);
}

sub ours_does {
    my ($code) = @_;
    my ($result, $bytes, $died);
    my @warnings = warned(sub {
        $bytes = arrives($server, $client, sub { $result = eval { $code->($_[0]) }; $died = $@ });
    });

    return ($bytes, $result, "@warnings", $died);
}

# Text without the place in the program, which is another for methods.
sub words {
    my ($text) = @_;
    return $text =~ s/ at \S+ line \d+\.?\n?.*//sr;
}

my %PRINTS = (
    'print'         => sub { my ($fh, $text) = @_; print $fh $text },
    'method print'  => sub { my ($fh, $text) = @_; $fh->print($text) },
    'printf'        => sub { my ($fh, $text) = @_; printf $fh '%s', $text },
    'method printf' => sub { my ($fh, $text) = @_; $fh->printf('%s', $text) },
    'say'           => sub { my ($fh, $text) = @_; say $fh $text },
    'method say'    => sub { my ($fh, $text) = @_; $fh->say($text) },
);
my %WRITES = (
    'syswrite'        => sub { syswrite $_[0], $_[1] },
    'method syswrite' => sub { $_[0]->syswrite($_[1]) },
    'method write'    => sub { $_[0]->write($_[1]) },
);

for my $how (sort keys %PRINTS) {
    my $code = $PRINTS{$how};

    differs('data-wide-characters', "$how warns and sends UTF-8, as core does", sub {
        my ($bytes, undef, $warning, $died) = ours_does(sub { $code->($_[0], $SMILE) });
        my ($core_bytes, undef, $core_warning) = core_does(sub { $code->($_[0], $SMILE) });
        is $bytes, $core_bytes, 'the bytes of core';
        like $warning, qr/^Wide character in \w+/, 'a warning';
        like $core_warning, qr/^Wide character in \w+/, 'as in core';
        is $died, '', 'no exception';
    }, sub {
        my (undef, undef, $warning) = ours_does(sub { $code->($_[0], $SMILE) });
        is $warning, '', 'the incumbent is silent';
    });

    differs('data-wide-characters', "$how sends as bytes what fits, however it is stored", sub {
        my ($bytes, undef, $warning) = ours_does(sub { $code->($_[0], $CAFE_UPGRADED) });
        my ($core_bytes) = core_does(sub { $code->($_[0], $CAFE_UPGRADED) });
        is $bytes, $core_bytes, 'the bytes of core';
        is $warning, '', 'nothing to warn of';
    }, sub {
        my ($bytes) = ours_does(sub { $code->($_[0], $CAFE_UPGRADED) });
        isnt $bytes, $CAFE, 'the incumbent sends something else';
    });
}

for my $how (sort keys %WRITES) {
    my $code = $WRITES{$how};

    differs('data-wide-characters', "$how dies of wide characters and sends nothing", sub {
        my ($bytes, $result, undef, $died) = ours_does(sub { $code->($_[0], $SMILE) });
        is $bytes, '', 'nothing is sent';
        is $result, undef, 'nothing returned';
        like words($died), qr/^Wide character in \w*write/, 'with Perl\'s own words';
    }, sub {
        my ($bytes, undef, undef, $died) = ours_does(sub { $code->($_[0], $SMILE) });
        is $died, '', 'the incumbent is content';
        isnt $bytes, '', 'and sends something';
    });

    differs('data-wide-characters', "$how counts characters, however they are stored", sub {
        my ($bytes, $result) = ours_does(sub { $code->($_[0], $CAFE_UPGRADED) });
        is $bytes, $CAFE, 'each character is one byte';
        is $result, length $CAFE, 'and counts as one';
    }, sub {
        my ($bytes) = ours_does(sub { $code->($_[0], $CAFE_UPGRADED) });
        isnt $bytes, $CAFE, 'the incumbent sends something else';
    });
}

differs('data-wide-characters', 'length and offset of syswrite count characters', sub {
    my ($bytes, $result) = ours_does(sub { syswrite $_[0], $CAFE_UPGRADED, 3, 2 });
    is $bytes, "f\xe9 ", 'the third to the fifth';
    is $result, 3, 'three';
}, sub {
    my ($bytes) = ours_does(sub { syswrite $_[0], $CAFE_UPGRADED, 3, 2 });
    isnt $bytes, "f\xe9 ", 'the incumbent counts something else';
});

subtest 'what is written is left as it was' => sub {
    my ($smile, $cafe) = ($SMILE, $CAFE_UPGRADED);

    ours_does(sub { $_->($server, $cafe) }) for values %PRINTS, values %WRITES;
    ours_does(sub { $_->($server, $smile) }) for values %PRINTS, values %WRITES;
    is $cafe, $CAFE, 'the string of bytes';
    ok utf8::is_utf8($cafe), 'stored as it was';
    is $smile, $SMILE, 'the string of wide characters';
};

subtest 'bytes and encoded text pass unharmed, without a warning' => sub {
    my $encoded = $SMILE;
    utf8::encode($encoded);

    for my $how (sort keys %PRINTS) {
        next if $how =~ /say/;
        for my $text ($CAFE, $encoded, join '', map { chr } 0 .. 255) {
            my ($bytes, undef, $warning) = ours_does(sub { $PRINTS{$how}->($_[0], $text) });
            is $bytes, $text, $how;
            is $warning, '', 'without a warning';
        }
    }
};

subtest 'what is read is bytes, also into a string of characters' => sub {
    $server->syswrite("\xe2\x98\xba\n");
    my $line = <$client>;
    is length $line, 4, 'each byte is a character';
    $server->syswrite("\xe2\x98\xba\n");
    my $text = "\x{263a}";
    $text .= <$client>;
    is $text, "\x{263a}\xe2\x98\xba\n", 'and joins text as such';
};

subtest 'binmode sets no layer: bytes stay bytes' => sub {
    my $encoded = "caf\xc3\xa9";

    for my $layer (undef, ':raw', ':utf8', ':encoding(UTF-8)') {
        my $result = defined $layer ? binmode($server, $layer) : binmode($server);
        ok !$result, 'binmode says that it did nothing: ' . ($layer // 'no layer');
        binmode($client, $layer) if defined $layer;
        is arrives($server, $client, sub { print $server $encoded }), $encoded, 'the bytes arrive';
    }
};

done_testing;
