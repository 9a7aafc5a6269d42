# later.t - what loading the module costs and brings: few modules, all subs, and those below __DATA__
# of SSL.pm as if they had been compiled at once.
use strict;
use warnings;

use Test::More;
use lib 't/lib';
use TLSTest;
use IO::Socket::SSL;

my ($TEXT) = slurp($INC{'IO/Socket/SSL.pm'}) =~ /^__DATA__\n(.*)/ms;
my @LATER  = map { /::/ ? $_ : "IO::Socket::SSL::$_" } $TEXT =~ /^sub ([\w:]+)/mg;

subtest 'no module is loaded that IO::Socket::IP does not load' => sub {
    my ($ip, $ours) = map { [split ' ', perl("-M$_", '-e', 'print join " ", sort keys %INC')] }
        'IO::Socket::IP', 'IO::Socket::SSL';
    my %known = map { $_ => 1 } @$ip, 'IO/Socket/SSL.pm';
    # blib keeps the shared object in another folder than the module; then DynaLoader looks for it.
    $known{$_} = 1 for qw(Config.pm Config_heavy.pl DynaLoader.pm vars.pm);
    is_deeply [grep { !$known{$_} } @$ours], [];
};

subtest 'what is compiled later is there from the start' => sub {
    cmp_ok scalar @LATER, '>=', 50, 'the subs were found';
    no strict 'refs';
    is_deeply [grep { !defined &$_ } @LATER], [], 'all are defined';
    is perl('-MIO::Socket::SSL', '-e', '@ISA = "IO::Socket::SSL"; print ref main->can("subject_name")'),
        'CODE', 'and inherited';
};

subtest 'each section compiles' => sub {
    my %first = map { /^sub ([\w:]+)/m ? ($1 => 1) : () } split /^(?=# --- )/m, $TEXT;
    cmp_ok scalar keys %first, '>=', 10, 'the sections were found';
    # A sub that was compiled has a name; the one that stands for it until then has none.
    my $names = join ' ', sort keys %first;
    is perl('-MIO::Socket::SSL', '-MB', '-e', <<"END"), $names, 'at the first call';
        package IO::Socket::SSL;
        sub name_of { B::svref_2object(\\&{\$_[0]})->GV->NAME }
        for my \$name (qw($names)) {
            next if name_of(\$name) ne '__ANON__';
            eval { local \$SIG{__WARN__} = sub { }; \$name->() };      # most don't like it without arguments
            push \@done, \$name if name_of(\$name) eq (split /::/, \$name)[-1];
        }
        print "\@done";
END
};

subtest 'a place below __DATA__ is told by its line in the file' => sub {
    my ($above) = slurp($INC{'IO/Socket/SSL.pm'}) =~ /(.*)^sub stat\b/ms;
    my $line = 1 + $above =~ tr/\n//;
    like perl('-MCarp=verbose', '-MIO::Socket::SSL', '-e',
        'eval { IO::Socket::SSL->stat }; print $@'), qr/SSL\.pm line $line\b/, 'in a trace';
    eval { IO::Socket::SSL->stat };
    like $@, qr/\QUse of stat() not allowed with SSL at $0 line \E@{[__LINE__ - 1]}\b/, 'the caller is ours';
};

subtest 'a sub that a program puts in the place of ours stays, and can call ours' => sub {
    is perl('-MIO::Socket::SSL', '-e', <<'END'), 'mine theirs CODE mine theirs', 'before it is compiled';
        my $theirs = \&IO::Socket::SSL::get_peer_certificate;
        no warnings 'redefine';
        *IO::Socket::SSL::get_peer_certificate = sub { 'mine ' . $theirs->('theirs') };
        print IO::Socket::SSL->get_peer_certificate, ' ';
        eval { IO::Socket::SSL->peer_certificate };             # of the same section
        print ref \&IO::Socket::SSL::peer_certificate, ' ', IO::Socket::SSL->get_peer_certificate;
END
    is perl('-MIO::Socket::SSL', '-e', <<'END'), 'mine theirs', 'for a while';
        no warnings 'redefine';
        {
            local *IO::Socket::SSL::get_peer_certificate = sub { 'mine' };
            eval { IO::Socket::SSL->peer_certificate };
            print IO::Socket::SSL->get_peer_certificate, ' ';
        }
        print IO::Socket::SSL::get_peer_certificate('theirs');
END
};

subtest 'a subclass reaches them by SUPER' => sub {
    is perl('-MIO::Socket::SSL', '-e', <<'END'), 'mine theirs';
        package Mine;
        our @ISA = ('IO::Socket::SSL');
        sub get_peer_certificate { 'mine ' . ($_[0]->SUPER::get_peer_certificate && 'theirs') }
        print Mine->get_peer_certificate;
END
};

subtest 'compiling leaves $! and $@ alone' => sub {
    is perl('-MIO::Socket::SSL', '-e', <<'END'), '2 before';
        ($!, $@) = (2, 'before');
        IO::Socket::SSL::get_peer_certificate(1);
        print $! + 0, ' ', $@;
END
};

subtest 'taint checks do not object' => sub {
    is perl('-T', (map { "-I$_" } @INC), '-MIO::Socket::SSL', '-e',
        'print ref IO::Socket::SSL::can_nested_ssl()'), 'HASH';
};

subtest 'the file is not needed any more once it was loaded' => sub {
    is perl('-MIO::Socket::SSL', '-e', <<'END'), 'HASH';
        @INC = ();
        chdir '/';
        $INC{'IO/Socket/SSL.pm'} = '/nowhere';
        print ref IO::Socket::SSL::can_nested_ssl();
END
    is perl('-MIO::Socket::SSL', '-e', 'print defined fileno(IO::Socket::SSL::DATA) ? 1 : 0'), 0,
        'and not open';
};

done_testing;

# What perl prints when it runs with these arguments and our @INC.
sub perl {
    my @arguments = @_;
    open my $pipe, '-|', $^X, (map { "-I$_" } grep { !ref } @INC), @arguments or die "$^X: $!";
    local $/ = undef;
    return scalar(<$pipe>) // '';
}

sub slurp {
    my $file = shift;
    open my $fh, '<', $file or die "$file: $!";
    local $/ = undef;
    return scalar <$fh>;
}
