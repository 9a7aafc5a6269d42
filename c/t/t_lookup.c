/*
 * t_lookup.c - addresses at once, ports that can be, and a resolver that no one waits for. How names
 * come in, late, by turns or never, is in t_connect.c.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include "lookup.h"
#include "socket.h"
#include "tap.h"

static void
test_address(const char *host, iossl_lookup_family family)
{
    iossl_lookup *l = iossl_lookup_new(host, "443", NULL);
    const struct addrinfo *list = NULL, *other = NULL;
    struct pollfd p = {.events = POLLIN};
    char text[IOSSL_ADDRESS_TEXT];

    if (l == NULL)
        bail_out("no lookup");
    ok(iossl_lookup_get0(l, family, &list) && list != NULL, "%s is there at once", host);
    ok(iossl_lookup_get0(l, family == IOSSL_LOOKUP_V4 ? IOSSL_LOOKUP_V6 : IOSSL_LOOKUP_V4, &other)
           && other == NULL,
       "and is nothing of the other family");
    is_str(iossl_socket_address_text(text, list->ai_addr, list->ai_addrlen, false), host,
           "the very address");
    p.fd = iossl_lookup_fd(l);
    is_int(poll(&p, 1, 0), 1, "that is announced, too");
    iossl_lookup_free(l);
}

/* Whatever the resolver of this machine has to say, and whenever. */
static void
test_leaving(void)
{
    for (int i = 0; i < 20; i++)
        iossl_lookup_free(iossl_lookup_new("localhost", "443", NULL));
    iossl_lookup_free(NULL);
    ok(1, "a lookup can be left at any time");
}

static void
test_ports(void)
{
    static const struct {
        const char *port;
        bool is_good, may_be_zero;
    } cases[] = {
        {"1", true, false},     {"65535", true, false}, {"https", true, false},
        {"0", false, false},    {"0", true, true},      {"65536", false, true},
        {"", false, true},      {"00000000000443", false, false},
        {"99999999999999999999", false, true},
    };
    iossl_error *err = iossl_error_new();

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iossl_error_clear(err);
        is_int(iossl_lookup_check_port(cases[i].port, cases[i].may_be_zero, err), cases[i].is_good,
               "port \"%s\"", cases[i].port);
        is_int(iossl_error_get_code(err), cases[i].is_good ? IOSSL_E_NONE : IOSSL_E_USAGE,
               "has its code");
    }
    iossl_error_free(err);
}

int
main(void)
{
    tap_start();
    test_address("127.0.0.1", IOSSL_LOOKUP_V4);
    test_address("2001:db8::1", IOSSL_LOOKUP_V6);
    test_leaving();
    test_ports();
    return done_testing();
}
