# sess_ticket_keys.t - SSL_ticket_keycb as it is documented: keys of session tickets, and their rotation.
use strict;
use warnings;
use Test::More;
use lib 't/lib';
use IO::Socket::SSL;
use TLSTest;

IO::Socket::SSL->can_ticket_keycb or plan skip_all => 'no callback for tickets here';

my %key = map { $_ => [pack('a16', $_), $_ x 32] } qw(x y z);

# As documented: the list of keys is the data, the first of them is the current one.
sub keycb {
    my ($keys, $calls) = @_;
    return [sub {
        my ($mine, $name) = @_;
        push @$calls, { count => scalar @_, name => $name, data => $mine };
        return ($mine->[0][1], $mine->[0][0]) if !$name;
        for my $key (@$mine) {
            return ($key->[1], $mine->[0][0]) if $name eq $key->[0];
        }
        return;
    }, $keys];
}

sub server_with {
    return IO::Socket::SSL::SSL_Context->new(server_args(SSL_ticket_keycb => shift)) || die $SSL_ERROR;
}

# A client that has a session of this server: the context to connect with again.
sub client_of {
    my ($version, $server) = @_;
    my $client = IO::Socket::SSL::SSL_Context->new(client_args(SSL_version => $version,
        SSL_session_cache_size => 10)) || die $SSL_ERROR;
    is resumes($client, $server), 0, 'a full handshake';
    return $client;
}

sub resumes {
    my ($client, $server) = @_;
    my ($c, $s) = settle(pair(client => { SSL_reuse_ctx => $client, SSL_session_key => 'peer' },
        server => { SSL_reuse_ctx => $server }));
    my $reused = $c->get_session_reused ? 1 : 0;
    is $s->get_session_reused ? 1 : 0, $reused, 'both ends agree';
    close $_ for $c, $s;
    return $reused;
}

for my $version ('TLSv1_2', 'TLSv1_3') {
    subtest "$version: the callback is called to encrypt, and to decrypt by name" => sub {
        my ($keys, $calls) = ([$key{x}], []);
        my $server = server_with(keycb($keys, $calls));
        my $client = client_of($version, $server);
        ok scalar @$calls, 'called';
        ok !(grep { $_->{name} } @$calls), 'without a name: to encrypt';
        ok !(grep { $_->{data} != $keys } @$calls), 'the data are those of the option';
        @$calls = ();
        is resumes($client, $server), 1, 'resumed';
        is $calls->[0]{name}, $key{x}[0], 'with the name of the key, 16 bytes, to decrypt';
        is $calls->[0]{data}, $keys, 'the data again';
    };

    subtest "$version: a ticket of one server is good for another that has the key" => sub {
        my $client = client_of($version, server_with(keycb([$key{x}], [])));
        is resumes($client, server_with(keycb([$key{x}, $key{y}], []))), 1, 'as its current key';
        $client = client_of($version, server_with(keycb([$key{x}], [])));
        is resumes($client, server_with(keycb([$key{y}, $key{x}], []))), 1, 'as an old one';
        $client = client_of($version, server_with(keycb([$key{x}], [])));
        is resumes($client, server_with(keycb([$key{y}, $key{z}], []))), 0, 'not for one without it';
    };

    subtest "$version: a ticket under an old key is encrypted again under the current one" => sub {
        my ($keys, $calls) = ([$key{x}], []);
        my $server = server_with(keycb($keys, $calls));
        my $client = client_of($version, $server);
        unshift @$keys, $key{y};
        @$calls = ();
        is resumes($client, $server), 1, 'resumed';
        is $calls->[0]{name}, $key{x}[0], 'asked for the old key';
        ok scalar(grep { !$_->{name} } @$calls), 'and then for the current one';
    };

    subtest "$version: where no key is found, nothing is lost but time" => sub {
        my ($keys, $calls) = ([$key{x}], []);
        my $server = server_with(keycb($keys, $calls));
        my $client = client_of($version, $server);
        $keys->[0] = $key{z};
        is resumes($client, $server), 0, 'a full handshake';
        is resumes($client, $server), 1, 'then the new ticket is good';
    };

    subtest "$version: code alone has no data" => sub {
        my @calls;
        my $server = server_with(sub { push @calls, [@_]; return @{ $key{x} }[1, 0] });
        my $client = client_of($version, $server);
        is $calls[0][0], undef, 'undef';
        is resumes($client, $server), 1, 'resumed';
    };
}

subtest 'clients take no notice of it' => sub {
    my ($c) = pair(client => { SSL_ticket_keycb => sub { die 'called' } });
    ok $c, 'connected';
};

done_testing;
