/*
 * cmd_serve.c - iossl serve: a TLS server for trying clients out.
 *
 * Owns      the listening process, one process for each client, the log of who came.
 * Leaves    certificates to selfmade.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iossl.h>

#include "attempt.h"
#include "commands.h"
#include "describe.h"
#include "load.h"
#include "selfmade.h"
#include "show.h"
#include "target.h"
#include "tlsopts.h"

/* How long a client may be silent; so nobody holds a process for ever. */
#define CLIENT_MS 60000

typedef struct serve_settings {
    tls_identity identity;
    tls_protocol protocol;
    tls_proof proof;
    tool_list names;
    const char *listen, *client_ca, *answer, *staple, *responder, *certs, *save, *keylog, *ticket_keys;
    long count, reload, early_data;
    bool http, require_client, later, quiet;
} serve_settings;

#define AT(member) offsetof(serve_settings, member)
static const tool_option WHERE[] = {
    {'l', "listen", "[ADDRESS]:PORT", OPT_TEXT, AT(listen), "LocalAddr",
     "where to listen; default: localhost:4433, port 0 is a free one", 0, 0},
    {0, "count", "N", OPT_INT, AT(count), NULL, "end after so many connections", 1, 1000000000},
};
static const tool_option WHAT[] = {
    {0, "answer", "FILE", OPT_TEXT, AT(answer), NULL,
     "send this file to each client and close; default: send its lines back", 0, 0},
    {0, "http", NULL, OPT_FLAG, AT(http), NULL,
     "answer like a web server, with the file of --answer or with a line about the connection", 0, 0},
    {0, "keylog", "FILE", OPT_TEXT, AT(keylog), "SSL_keylog_file",
     "append the secrets of connections to this file (mode 0600), for Wireshark", 0, 0},
    {0, "ticket-keys", "FILE", OPT_TEXT, AT(ticket_keys), "SSL_ticket_keys_file",
     "keys of session tickets, shared with other servers; see iossl ticket-keys", 0, 0},
    {0, "early-data", "BYTES", OPT_INT, AT(early_data), "SSL_max_early_data",
     "take so much early data, which can be replayed; clients are then served one after the other", 1,
     IOSSL_EARLY_DATA_MAX},
    {'q', "quiet", NULL, OPT_FLAG, AT(quiet), NULL, "don't tell of each client", 0, 0},
};
static const tool_option SELF[] = {
    {0, "self-made", "NAME", OPT_LIST, AT(names), NULL,
     "without --cert: a name or address for the certificate that is made; may be repeated; default: "
     "localhost, 127.0.0.1 and ::1", 0, 0},
    {0, "save-cert", "FILE", OPT_TEXT, AT(save), NULL,
     "write the certificate there, for --ca-file of a client", 0, 0},
    {0, "client-ca", "FILE", OPT_TEXT, AT(client_ca), "SSL_ca_file",
     "ask clients for a certificate by a CA of this file", 0, 0},
    {0, "require-client", NULL, OPT_FLAG, AT(require_client), "SSL_verify_mode",
     "with --client-ca: refuse those that have none", 0, 0},
    {0, "later-client-cert", NULL, OPT_FLAG, AT(later), NULL,
     "with --client-ca: ask after the handshake (TLS 1.3); with --http once the request is there", 0, 0},
    {0, "certs", "DIR", OPT_TEXT, AT(certs), "SSL_cert_callback",
     "where a client asks for NAME, and there is DIR/NAME.pem: that certificate, with its key, read anew "
     "each time", 0, 0},
    {0, "staple", "FILE", OPT_TEXT, AT(staple), "SSL_ocsp_staple_file",
     "staple this OCSP response (DER)", 0, 0},
    {0, "staple-responder", "URI", OPT_TEXT, AT(responder), "SSL_ocsp_staple_responder",
     "get staples from this responder (http), \"\": that which the certificate names", 0, 0},
    {0, "reload", "SECONDS", OPT_INT, AT(reload), "SSL_reload",
     "look at the files of --cert, --key and --client-ca so often, and read them again where one has "
     "changed", 1, 1000000000},
};
static const tool_group GROUPS[] = {
    {"Where", WHERE, TOOL_COUNT(WHERE), 0},
    {"What to answer", WHAT, TOOL_COUNT(WHAT), 0},
    {"Who we are", TLS_IDENTITY, TLS_IDENTITY_N, AT(identity)},
    {"Certificates", SELF, TOOL_COUNT(SELF), 0},
    {"What to agree on", TLS_PROTOCOL, TLS_PROTOCOL_N, AT(protocol)},
    {"Binding and proof", TLS_PROOF, TLS_PROOF_N, AT(proof)},
};

/* What each client gets. */
typedef struct serve_plan {
    const serve_settings *s;
    iossl_ctx *ctx;
    unsigned char *answer;          /* owned; NULL: none */
    size_t answer_len;
} serve_plan;

/* ---- Setting up ------------------------------------------------------------------------------ */

static bool
save_cert(const char *file, X509 *cert, iossl_error *err)
{
    return file == NULL || iossl_certs_to_file(file, &cert, 1, err) == IOSSL_OK;
}

static bool
use_selfmade(iossl_config *config, const serve_settings *s, iossl_error *err)
{
    static const tool_list usual = {.item = {"localhost", "127.0.0.1", "::1"}, .n = 3};
    const selfmade_spec spec = {.names = s->names.n > 0 ? &s->names : &usual, .key = "ec:P-256",
                                .days = 30};
    EVP_PKEY *key = NULL;
    X509 *cert = selfmade_cert(&spec, &key);
    char *pin = NULL;
    bool ok = cert != NULL && iossl_config_add_certs(config, NULL, &cert, 1, err) == IOSSL_OK
              && iossl_config_add_key(config, NULL, key, err) == IOSSL_OK
              && save_cert(s->save, cert, err)
              && iossl_cert_fingerprint(&pin, cert, NULL, false, err) == IOSSL_OK;

    if (ok)
        printf("self-made certificate; a client trusts it with --pin '%s'%s%s\n", pin,
               s->save == NULL ? "" : " or --ca-file ", s->save == NULL ? "" : s->save);
    iossl_free(pin);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok;
}

static bool
use_given(iossl_config *config, const serve_settings *s, iossl_error *err)
{
    STACK_OF(X509) *certs;
    bool ok;

    if (!tls_apply_identity(config, &s->identity, err))
        return false;
    if (s->save == NULL)
        return true;
    certs = tool_load_certs(s->identity.cert);
    ok = certs != NULL && save_cert(s->save, sk_X509_value(certs, 0), err);
    sk_X509_pop_free(certs, X509_free);
    return ok;
}

static bool
ask_clients(iossl_config *config, const serve_settings *s, iossl_error *err)
{
    int mode = IOSSL_VERIFY_PEER | (s->require_client ? IOSSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0)
               | (s->later ? SSL_VERIFY_POST_HANDSHAKE : 0);

    return s->client_ca == NULL
           || (iossl_config_set_ca_file(config, s->client_ca, err) == IOSSL_OK
               && iossl_config_set_client_ca_file(config, s->client_ca, err) == IOSSL_OK
               && iossl_config_set_verify_mode(config, mode, err) == IOSSL_OK);
}

/* A child's terminal is nobody's to answer on. */
static int
no_password(void *arg, char *buf, int size)
{
    (void)arg, (void)buf, (void)size;
    return -1;
}

/* A name that can be part of a path: a host's, and nothing hidden. */
static bool
is_host(const char *name)
{
    return name[0] != '.' && name[0] != '\0'
           && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
                  == strlen(name);
}

/* The certificate for a name, out of the folder. */
static bool
load_by_name(void *folder, iossl_conn *conn, const char *name, iossl_ctx **ctx)
{
    iossl_error *err;
    iossl_config *config;
    char *file;

    (void)conn;
    if (name == NULL || !is_host(name))
        return true;
    file = tool_format("%s/%s.pem", (const char *)folder, name);
    if (access(file, F_OK) == 0) {
        err = iossl_error_new();
        if ((config = iossl_config_new(IOSSL_SERVER, err)) != NULL) {
            iossl_config_set_passwd_cb(config, no_password, NULL);
            if (iossl_config_add_cert_file(config, NULL, file, err) == IOSSL_OK)
                *ctx = iossl_ctx_new(config, err);
        }
        if (*ctx == NULL)
            tool_complain("%s", iossl_error_message(err));
        iossl_config_free(config);
        iossl_error_free(err);
        free(file);
        return *ctx != NULL;
    }
    free(file);
    return true;
}

static bool
staple(iossl_config *config, const serve_settings *s, iossl_error *err)
{
    const char *uri = s->responder == NULL || s->responder[0] == '\0' ? NULL : s->responder;

    return (s->staple == NULL
            || iossl_config_set_ocsp_staple_file(config, NULL, s->staple, err) == IOSSL_OK)
           && (s->responder == NULL
               || iossl_config_set_ocsp_staple_responder(config, uri, IOSSL_STAPLE_WAIT_MS, err)
                      == IOSSL_OK);
}

static iossl_ctx *
make_ctx(const serve_settings *s, iossl_error *err)
{
    iossl_config *config = iossl_config_new(IOSSL_SERVER, err);

    if (config != NULL && tls_apply_protocol(config, &s->protocol, err)
        && iossl_config_set_keylog_file(config, s->keylog, err) == IOSSL_OK
        && (s->identity.cert != NULL ? use_given(config, s, err) : use_selfmade(config, s, err))
        && ask_clients(config, s, err)
        && iossl_config_set_max_early_data(config, (size_t)s->early_data, false, err) == IOSSL_OK
        && iossl_config_set_ticket_keys_file(config, s->ticket_keys, err) == IOSSL_OK
        && staple(config, s, err)) {
        if (s->certs != NULL)
            iossl_config_set_host_cb(config, load_by_name, (void *)s->certs);
        return iossl_ctx_new_reloadable(config, s->reload, err);
    }
    iossl_config_free(config);
    return NULL;
}

/* ---- One client ------------------------------------------------------------------------------ */

/* One line in one write(2), so that those of several processes don't mix. */
static void
tell(const serve_plan *plan, const char *who, const char *what)
{
    char *text, *shown;

    if (plan->s->quiet)
        return;
    text = tool_format("%s: %s", who, what);
    shown = tool_escape(text, strlen(text));
    printf("%s\n", shown);
    (void)fflush(stdout);
    free(shown);
    free(text);
}

/* ", label TEXT" behind *line, where there is a text; both are freed. */
static char *
with_part(char *line, const char *label, char *text)
{
    char *longer = text == NULL ? line : tool_format("%s, %s %s", line, label, text);

    if (text != NULL)
        free(line);
    free(text);
    return longer;
}

static char *
describe_client(const serve_plan *plan, iossl_conn *conn)
{
    bool ok;
    X509 *cert = iossl_conn_get1_peer_cert(conn);
    char *subject = cert == NULL ? tool_copy("none") : describe_subject(cert);
    const char *sni = iossl_conn_get0_servername(conn);
    size_t len;
    const unsigned char *alpn = iossl_conn_get0_alpn(conn, &len);
    char *text = tool_format("%s, %s, name asked for: %s, ALPN: %.*s, client certificate: %s%s%s",
                             iossl_conn_get0_version(conn), iossl_conn_get0_cipher(conn),
                             sni == NULL ? "none" : sni, alpn == NULL ? 4 : (int)len,
                             alpn == NULL ? "none" : (const char *)alpn, subject,
                             iossl_conn_is_resumed(conn) ? ", resumed" : "",
                             iossl_conn_is_early(conn) ? ", early data" : "");

    if (!iossl_conn_is_early(conn)) {
        text = with_part(text, "channel binding", tls_binding(conn, &plan->s->proof, &ok));
        text = with_part(text, "exported key", tls_exported_key(conn, &plan->s->proof, &ok));
    }
    if (plan->s->protocol.ktls)
        text = with_part(text, "kernel TLS:", tool_copy(tls_ktls_text(conn)));
    free(subject);
    X509_free(cert);
    return text;
}

static iossl_status
echo(iossl_conn *conn, iossl_error *err)
{
    char buf[16384];
    iossl_status status;
    size_t got;

    while ((status = iossl_read(conn, buf, sizeof buf, &got, CLIENT_MS, err)) == IOSSL_OK
           && (status = iossl_write_all(conn, buf, got, NULL, CLIENT_MS, err)) == IOSSL_OK)
        ;
    return status;
}

/* Reads the head of the request, which isn't looked at. */
static iossl_status
await_request(iossl_conn *conn, iossl_error *err)
{
    const iossl_separator paragraph = {.kind = IOSSL_SEP_STRING, .bytes = "\r\n\r\n", .length = 4};
    iossl_status status;
    const char *piece;
    bool done = false;
    size_t len;

    do
        status = iossl_read_line(conn, &paragraph, &piece, &len, &done, CLIENT_MS, err);
    while (status == IOSSL_OK && !done);
    return status;
}

/*
 * Asks for a certificate after the handshake, and tells what came. Where data are first, they are left
 * for whoever reads next, and the certificate comes behind them.
 */
static iossl_status
ask_later(const serve_plan *plan, iossl_conn *conn, const char *who, char **client, iossl_error *err)
{
    bool answered = false;
    iossl_status status = iossl_request_client_cert(conn, &answered, CLIENT_MS, err);

    if (status == IOSSL_OK) {
        free(*client);
        *client = describe_client(plan, conn);
        tell(plan, who, answered ? *client : "data came before the client's certificate");
    }
    return status;
}

static iossl_status
answer(const serve_plan *plan, iossl_conn *conn, const char *client, iossl_error *err)
{
    const unsigned char *body = plan->answer;
    size_t len = plan->answer_len;
    iossl_status status = IOSSL_OK;
    char *line = NULL, *head;

    if (plan->s->http) {
        if (body == NULL) {
            line = tool_format("%s\n", client);
            body = (const unsigned char *)line;
            len = strlen(line);
        }
        head = tool_format("HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
                           "Content-Length: %zu\r\nConnection: close\r\n\r\n", len);
        status = iossl_write_all(conn, head, strlen(head), NULL, CLIENT_MS, err);
        free(head);
    }
    if (status == IOSSL_OK && len > 0)
        status = iossl_write_all(conn, body, len, NULL, CLIENT_MS, err);
    free(line);
    return status;
}

/* In a process of its own, unless early data are taken: the sessions for them are kept in this one. */
static void
serve_client(const serve_plan *plan, iossl_conn *conn)
{
    iossl_error *err = iossl_error_new();
    char *who = target_peer_address(iossl_conn_get_fd(conn)), *client = NULL;
    iossl_status status = iossl_handshake(conn, CLIENT_MS, err);
    iossl_error *trouble = iossl_error_new();

    if (iossl_ctx_take_trouble(plan->ctx, trouble))
        tool_complain("%s", iossl_error_message(trouble));
    iossl_error_free(trouble);
    if (status == IOSSL_OK) {
        client = describe_client(plan, conn);
        tell(plan, who, client);
        if (plan->s->http)
            status = await_request(conn, err);
        if (status == IOSSL_OK && plan->s->later)
            status = ask_later(plan, conn, who, &client, err);
        if (status == IOSSL_OK)
            status = plan->s->http || plan->answer != NULL ? answer(plan, conn, client, err)
                                                           : echo(conn, err);
        attempt_close(conn);
    }
    if (status == IOSSL_TIMEOUT)
        tell(plan, who, "silent for too long");
    else if (status != IOSSL_OK && status != IOSSL_EOF)
        tell(plan, who, iossl_error_message(err));
    free(client);
    free(who);
    iossl_error_free(err);
}

/* ---- The server ------------------------------------------------------------------------------ */

static void
reap(bool wait_for_all)
{
    while (waitpid(-1, NULL, wait_for_all ? 0 : WNOHANG) > 0)
        ;
}

/* Asks the responder when it is time to, here, where all clients have it from; when again. */
static int64_t
refresh_staples(const serve_plan *plan, int64_t due)
{
    iossl_error *err;
    int64_t in_s = 0;

    if (iossl_now_ms() < due)
        return due;
    err = iossl_error_new();
    if (iossl_ctx_refresh_staples(plan->ctx, IOSSL_STAPLE_WAIT_MS, &in_s, err) != IOSSL_OK)
        tool_complain("no staple: %s", iossl_error_message(err));
    iossl_error_free(err);
    return in_s > INT32_MAX ? INT64_MAX : iossl_now_ms() + 1000 * in_s;
}

static void
serve(const serve_plan *plan, iossl_listener *listener)
{
    iossl_error *err = iossl_error_new();
    iossl_conn *conn;
    int64_t due = 0;
    pid_t pid;

    if (plan->s->responder != NULL)
        due = refresh_staples(plan, due);
    for (long n = 0; plan->s->count == 0 || n < plan->s->count;) {
        iossl_status got = iossl_accept(&conn, plan->ctx, listener, 1000, err);

        reap(false);
        if (iossl_ctx_take_reload_error(plan->ctx, err)) {
            tool_complain("not reloaded: %s", iossl_error_message(err));
            iossl_error_clear(err);
        }
        if (plan->s->responder != NULL)
            due = refresh_staples(plan, due);
        if (got == IOSSL_ERROR) {
            tool_complain("%s", iossl_error_message(err));
            iossl_error_clear(err);
            (void)usleep(100000);       /* as with too many open files: some will be closed */
        }
        if (got != IOSSL_OK)
            continue;
        n++;
        (void)fflush(stdout);
        if (plan->s->early_data > 0) {
            serve_client(plan, conn);
            iossl_conn_free(conn);
            continue;
        }
        if ((pid = fork()) == 0) {
            serve_client(plan, conn);
            iossl_conn_free(conn);
            (void)fflush(stdout);
            _exit(0);
        }
        if (pid < 0)
            tool_complain("no process for a client: %s", strerror(errno));
        iossl_conn_free(conn);
    }
    reap(true);
    iossl_error_free(err);
}

/* "host:port", ":port" or "port" apart. False after a complaint. */
static bool
parse_listen(target *at, const char *text)
{
    char *full;
    bool ok;

    if (strspn(text, "0123456789") == strlen(text))
        full = tool_format("localhost:%s", text);
    else
        full = tool_format("%s%s", text[0] == ':' ? "0.0.0.0" : "", text);
    ok = target_parse(at, full, "4433");
    free(full);
    return ok;
}

static int
run(const void *settings, const tool_list *operands)
{
    const serve_settings *s = settings;
    serve_plan plan = {.s = s};
    iossl_error *err = iossl_error_new();
    iossl_listener *listener = NULL;
    target at = {.host = NULL};
    int status = TOOL_USAGE;

    (void)operands;
    if ((s->require_client || s->later) && s->client_ca == NULL) {
        (void)tool_usage("%s without --client-ca: whose certificates?",
                         s->require_client ? "--require-client" : "--later-client-cert");
        goto done;
    }
    if (!parse_listen(&at, s->listen)
        || (s->answer != NULL
            && (plan.answer = tool_load_bytes(s->answer, &plan.answer_len)) == NULL))
        goto done;
    if ((plan.ctx = make_ctx(s, err)) == NULL
        || (listener = iossl_listener_new(at.host, at.port, err)) == NULL) {
        if (iossl_error_get_code(err) != IOSSL_E_NONE) {
            char *text = tool_translate(iossl_error_message(err));

            tool_complain("%s", text);
            free(text);
        }
        goto done;
    }
    printf("listening on %s, port %d\n", at.host, iossl_listener_get_port(listener));
    (void)fflush(stdout);
    serve(&plan, listener);
    status = TOOL_OK;
done:
    iossl_listener_free(listener);
    iossl_ctx_free(plan.ctx);
    target_clear(&at);
    free(plan.answer);
    iossl_error_free(err);
    return status;
}

static void
set_defaults(void *settings)
{
    ((serve_settings *)settings)->listen = "localhost:4433";
}

const tool_command tool_command_serve = {
    .name = "serve",
    .operands = "",
    .summary = "A TLS server for trying clients out: echoes lines, or gives a fixed answer.",
    .groups = GROUPS,
    .n_groups = TOOL_COUNT(GROUPS),
    .size = sizeof(serve_settings),
    .defaults = set_defaults,
    .run = run,
};
