/*
 * t_faults_memory_beyond.c - what connections can do beyond the usual, with each allocation failing in
 * turn: early data, TLSA records, signed timestamps, a certificate asked for later, a chain whose
 * first path leads nowhere. See faulty_memory.h.
 *
 * Not by URI: OpenSSL 3.0 itself dies where OSSL_STORE_open(3) or OSSL_STORE_load(3) has no memory; for engines
 * see t_faults_memory_engine.c.
 */
#include "tap.h"

#ifdef __linux__

#include "faulty_memory.h"

#include "support_pair.h"

#define REQUEST "GET / HTTP/1.0\r\n\r\n"

static test_identity ca, leaf, me, bearer, inter_good, inter_other, branched;
static iossl_ctx *client_ctx, *server_ctx, *logs_client, *bearer_server, *later_client, *later_server,
    *branched_server;
static char *record;

/* Only where memory failed may a scenario come to nothing. */
static void
unless_it_failed(bool worked, const char *sentence)
{
    promise(worked || atomic_load(&failed) > 0, sentence);
}

static iossl_ctx *
ctx_with(iossl_role role, bool (*set)(iossl_config *, iossl_error *), iossl_error *err)
{
    iossl_config *config = iossl_config_new(role, err);
    iossl_ctx *ctx = NULL;

    if (made(config, err) && set(config, err)) {
        ctx = iossl_ctx_new(config, err);
        (void)made(ctx, err);
    }
    iossl_config_free(config);
    return ctx;
}

/* ---- Early data ------------------------------------------------------------------------------ */

static iossl_session_cache *cache;

static bool
trusts_the_ca(iossl_config *config, iossl_error *err)
{
    return good(iossl_config_set_no_default_ca(config, true, err), err)
           && good(iossl_config_add_ca(config, ca.cert, err), err);
}

static bool
takes_early_data(iossl_config *config, iossl_error *err)
{
    return good(iossl_config_add_certs(config, NULL, &leaf.cert, 1, err), err)
           && good(iossl_config_add_key(config, NULL, leaf.key, err), err)
           && good(iossl_config_set_max_early_data(config, 4096, false, err), err);
}

static bool
with_request(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    (void)server;
    return good(iossl_conn_set_session_cache(client, cache, "www", err), err)
           && good(iossl_conn_set_early_data(client, REQUEST, strlen(REQUEST), false, err), err);
}

/* Early or late, it comes once. */
static void
request_is_whole(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    static const iossl_separator end = {IOSSL_SEP_STRING, "\r\n\r\n", 4};
    const char *piece;
    bool done;
    size_t n;

    (void)client;
    /* A reader that had no memory comes again. */
    for (int i = 0; i < 2; i++) {
        iossl_error_clear(err);
        if (good(iossl_read_line(server, &end, &piece, &n, &done, IOSSL_POLL, err), err)) {
            promise(done && n == strlen(REQUEST) && memcmp(piece, REQUEST, n) == 0, "the request is whole");
            break;
        }
    }
    iossl_error_clear(err);
}

/*
 * A server keeps the sessions that may be resumed so, and a client's context its own: both are made anew.
 * Where OpenSSL 3.0 has no memory for a session's place in its table, it frees the session, and leaves it in
 * its list: SSL_CTX_add_session(3). That is nothing that we could see or mend.
 */
static void
run_early(iossl_error *err)
{
    const talk_hooks hooks = {.before = with_request, .between = request_is_whole};
    iossl_ctx *client = ctx_with(IOSSL_CLIENT, trusts_the_ca, err);
    iossl_ctx *server = ctx_with(IOSSL_SERVER, takes_early_data, err);

    spared = "lhash.c";
    cache = iossl_session_cache_new(4, err);
    if (made(cache, err) && client != NULL && server != NULL)
        for (int i = 0; i < 2; i++)
            unless_it_failed(talk(client, server, &hooks, err), "a request goes early, or late");
    iossl_session_cache_free(cache);
    iossl_ctx_free(client);
    iossl_ctx_free(server);
    spared = NULL;
}

/* ---- TLSA records ---------------------------------------------------------------------------- */

static const char *tlsa_text;

static bool
with_record(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    iossl_tlsa *tlsa = iossl_tlsa_new(err);
    bool ok = made(tlsa, err) && good(iossl_tlsa_add_text(tlsa, tlsa_text, err), err)
              && good(iossl_conn_set_tlsa(client, tlsa, err), err);

    (void)server;
    iossl_tlsa_free(tlsa);
    return ok;
}

static void
run_tlsa(iossl_error *err)
{
    static const char of_nobody[] =
        "3 1 1 00000000000000000000000000000000000000000000000000000000000000ff";
    const talk_hooks hooks = {.before = with_record};

    tlsa_text = record;
    unless_it_failed(talk(client_ctx, server_ctx, &hooks, err), "who fits the record is taken");
    iossl_error_clear(err);
    tlsa_text = of_nobody;
    promise(!talk(client_ctx, server_ctx, &hooks, err), "who doesn't fit the record is refused");
}

/* ---- Signed timestamps ----------------------------------------------------------------------- */

static void
timestamp_is_told(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    iossl_sct sct;

    (void)server;
    (void)err;
    if (iossl_conn_get_sct(client, 0, &sct))
        promise(strcmp(sct.status, "valid") != 0, "a timestamp of nobody isn't valid");
    else
        unless_it_failed(false, "the certificate's timestamp is told");
}

static void
run_timestamps(iossl_error *err)
{
    unless_it_failed(talk(logs_client, bearer_server, &(talk_hooks){.between = timestamp_is_told}, err),
                     "a timestamp of an unknown log is no reason");
}

/* ---- A certificate that is asked for later ---------------------------------------------------- */

static void
ask_later(iossl_conn *client, iossl_conn *server, iossl_error *err)
{
    bool answered = false;
    char byte;
    size_t n;
    X509 *cert;

    for (int i = 0; i < 2 && !answered; i++) {
        iossl_error_clear(err);
        (void)good(iossl_request_client_cert(server, &answered, IOSSL_POLL, err), err);
        iossl_error_clear(err);
        if (!answered)
            (void)good(iossl_read(client, &byte, 1, &n, IOSSL_POLL, err), err);
    }
    cert = iossl_conn_get1_peer_cert(server);
    promise(cert == NULL || X509_cmp(cert, me.cert) == 0, "it is the client's, or none");
    unless_it_failed(answered && cert != NULL, "a certificate comes later");
    X509_free(cert);
    iossl_error_clear(err);
}

static void
run_later(iossl_error *err)
{
    unless_it_failed(talk(later_client, later_server, &(talk_hooks){.between = ask_later}, err),
                     "nobody is asked in the handshake");
}

/* ---- A second path --------------------------------------------------------------------------- */

static void
run_second_path(iossl_error *err)
{
    unless_it_failed(talk(client_ctx, branched_server, &(talk_hooks){.before = NULL}, err),
                     "a path behind one that leads nowhere");
}

/* ---- Fixtures -------------------------------------------------------------------------------- */

static const scenario SCENARIOS[] = {
    {"early data", run_early},
    {"TLSA records", run_tlsa},
    {"signed timestamps", run_timestamps},
    {"a certificate later", run_later},
    {"a second path", run_second_path},
};

#define N_SCENARIOS (sizeof SCENARIOS / sizeof *SCENARIOS)

static void
knows_logs(iossl_config *config)
{
    if (iossl_can(IOSSL_CAN_SCTS)
        && (iossl_config_set_scts(config, true, NULL) != IOSSL_OK
            || iossl_config_set_ctlog_file(config, test_path("logs"), NULL) != IOSSL_OK))
        bail_out("logs");
}

static void
shows_me(iossl_config *config)
{
    if (iossl_config_add_certs(config, NULL, &me.cert, 1, NULL) != IOSSL_OK
        || iossl_config_add_key(config, NULL, me.key, NULL) != IOSSL_OK)
        bail_out("a client's certificate");
}

static void
asks_later(iossl_config *config)
{
    if (iossl_config_set_no_default_ca(config, true, NULL) != IOSSL_OK
        || iossl_config_add_ca(config, ca.cert, NULL) != IOSSL_OK
        || iossl_config_set_verify_mode(config, IOSSL_VERIFY_PEER | IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                                    | SSL_VERIFY_POST_HANDSHAKE, NULL) != IOSSL_OK)
        bail_out("asking later");
}

/* The one that leads nowhere comes first. */
static void
sends_both_branches(iossl_config *config)
{
    X509 *const chain[] = {branched.cert, inter_other.cert, inter_good.cert};

    if (iossl_config_add_certs(config, NULL, chain, 3, NULL) != IOSSL_OK
        || iossl_config_add_key(config, NULL, branched.key, NULL) != IOSSL_OK)
        bail_out("branches");
}

/* A list with one timestamp of a log that nobody knows: version, id, time, no extensions, signature. */
static void
make_bearer(void)
{
    char extension[512] = "1.3.6.1.4.1.11129.2.4.2=DER:04:3b:00:39:00:37:00";
    size_t at = strlen(extension);

    for (int i = 0; i < 32 + 8 + 2; i++)
        at += (size_t)snprintf(extension + at, sizeof extension - at, ":%02x", i < 40 ? i : 0);
    at += (size_t)snprintf(extension + at, sizeof extension - at, ":04:03:00:08");
    for (int i = 0; i < 8; i++)
        at += (size_t)snprintf(extension + at, sizeof extension - at, ":30");
    bearer = test_identity_make(&(test_cert_spec){.common_name = "x", .altnames = "DNS:www.example.test",
                                                  .issuer = &ca, .extensions = extension});
    (void)test_write_text("logs", "enabled_logs =\n");
}

static void
make_branches(void)
{
    test_identity other_ca = test_identity_make(&(test_cert_spec){.common_name = "other CA", .is_ca = 1});

    inter_good = test_identity_make(&(test_cert_spec){.common_name = "between", .is_ca = 1,
                                                      .issuer = &ca, .serial = 7});
    inter_other = test_identity_make(&(test_cert_spec){.common_name = "between", .is_ca = 1, .serial = 8,
                                                       .issuer = &other_ca, .key = inter_good.key});
    branched = test_identity_make(&(test_cert_spec){.common_name = "x", .issuer = &inter_good,
                                                    .altnames = "DNS:www.example.test"});
    branched_server = test_server_ctx(NULL, sends_both_branches);
    test_identity_free(&other_ca);
}

static void
fixtures(void)
{
    iossl_error *err = iossl_error_new();

    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){.common_name = "www.example.test",
                                                .altnames = "DNS:www.example.test", .issuer = &ca});
    me = test_identity_make(&(test_cert_spec){.common_name = "me", .issuer = &ca, .serial = 5});
    client_ctx = test_client_ctx(&ca, NULL);
    server_ctx = test_server_ctx(&leaf, NULL);
    make_bearer();
    logs_client = test_client_ctx(&ca, knows_logs);
    bearer_server = test_server_ctx(&bearer, NULL);
    later_client = test_client_ctx(&ca, shows_me);
    later_server = test_server_ctx(&leaf, asks_later);
    make_branches();
    if (iossl_cert_tlsa(&record, leaf.cert, 3, 1, 1, err) != IOSSL_OK)
        bail_out(iossl_error_message(err));
    for (size_t i = 0; i < N_SCENARIOS; i++) {
        SCENARIOS[i].run(err);
        if (broken != NULL)
            bail_out(broken);
        iossl_error_clear(err);
    }
    iossl_error_free(err);
}

int
main(void)
{
    return faulty_memory_test(SCENARIOS, N_SCENARIOS, fixtures);
}

#else

TAP_SKIPPED_MAIN("allocations can be made to fail on Linux")

#endif
