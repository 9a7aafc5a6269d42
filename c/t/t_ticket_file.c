/*
 * t_ticket_file.c - ticket keys in a file: rotated by one call, noticed by all who share it.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>

#include "iossl.h"
#include "support_files.h"
#include "support_pair.h"
#include "tap.h"

static test_identity ca, leaf;
static iossl_ctx *client_ctx;
static iossl_session_cache *cache;
static const char *version;

static void
with_version(iossl_config *config)
{
    if (iossl_config_set_version(config, version, NULL) != IOSSL_OK)
        bail_out("version");
}

static void
with_file(iossl_config *config)
{
    if (iossl_config_set_ticket_keys_file(config, test_path("keys"), NULL) != IOSSL_OK)
        bail_out("keys");
}

static void
rotate(size_t keep)
{
    if (iossl_ticket_keys_rotate(test_path("keys"), keep, NULL) != IOSSL_OK)
        bail_out("rotate");
}

static int
connect_to(iossl_ctx *server)
{
    test_pair pair = test_pair_new(client_ctx, server, "www.example.test");
    int resumed;

    if (iossl_conn_set_session_cache(pair.client, cache, "key", NULL) != IOSSL_OK)
        bail_out("cache");
    resumed = test_pair_resumes(&pair);
    test_pair_free(&pair);
    return resumed;
}

/* One that isn't ours by default, but that we may give files to. */
static gid_t
other_group(void)
{
    gid_t groups[64];
    int n = getgroups(64, groups);

    for (int i = 0; i < n; i++)
        if (groups[i] != getegid())
            return groups[i];
    return getegid() + 1;
}

static void
test_file(void)
{
    iossl_ticket_key *keys, *before;
    size_t n, n_before;
    struct stat info;
    iossl_error *err = iossl_error_new();

    (void)remove(test_path("keys"));
    is_int(iossl_ticket_keys_rotate(test_path("keys"), 3, err), IOSSL_OK, "a file is made");
    ok(stat(test_path("keys"), &info) == 0 && (info.st_mode & 07777) == 0600, "for its owner alone");
    is_int(iossl_ticket_keys_read(&before, &n_before, test_path("keys"), err), IOSSL_OK, "and read");
    ok(n_before == 1 && before[0].key_len == 64, "a key of AES-256");
    rotate(3);
    is_int(iossl_ticket_keys_read(&keys, &n, test_path("keys"), err), IOSSL_OK, "rotated");
    is_size(n, 2, "there is one more");
    ok(n == 2 && memcmp(&keys[1], &before[0], sizeof keys[1]) == 0, "the old one is second");
    ok(memcmp(keys[0].name, keys[1].name, 16) != 0 && memcmp(keys[0].key, keys[1].key, 64) != 0,
       "the new one is another");
    iossl_ticket_keys_free(keys, n);
    rotate(3);
    rotate(3);
    if (iossl_ticket_keys_read(&keys, &n, test_path("keys"), err) != IOSSL_OK)
        bail_out("read");
    is_size(n, 3, "so many are kept");
    for (size_t i = 0; i < n; i++)
        ok(memcmp(keys[i].name, before[0].name, 16) != 0, "the oldest is gone");
    iossl_ticket_keys_free(keys, n);
    iossl_ticket_keys_free(before, n_before);
    is_int(iossl_ticket_keys_rotate(test_path("keys"), 0, err), IOSSL_ERROR, "none can't be kept");
    is_int(iossl_ticket_keys_rotate(test_path("no/such/keys"), 2, err), IOSSL_ERROR,
           "a folder that isn't there");
    is_int(iossl_error_get_code(err), IOSSL_E_FILE, "is a matter of files");
    if (chmod(test_path("keys"), 0640) != 0)
        bail_out("chmod");
    rotate(3);
    ok(stat(test_path("keys"), &info) == 0 && (info.st_mode & 07777) == 0640, "the mode is kept");
    if (chown(test_path("keys"), (uid_t)-1, other_group()) == 0) {
        rotate(3);
        ok(stat(test_path("keys"), &info) == 0 && info.st_gid == other_group(),
           "... and the group, which may read it");
    } else {
        skip(1, "no other group to give a file to");
    }
    iossl_error_free(err);
}

#define NAME "00112233445566778899aabbccddeeff"
#define KEY "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"

static void
test_refused(void)
{
    static const struct { const char *text; const char *why; } table[] = {
        {"", "there is no key in it"},
        {"# nothing\n\n", "there is no key in it"},
        {"x\n", "line 1 is no key"},
        {"# x\n" NAME "\n", "line 2 is no key"},
        {NAME " " KEY "0\n", "line 1 is no key"},
        {NAME " " KEY " x\n", "line 1 is no key"},
        {NAME " 00\n", "32, 48 or 64 are possible"},
        {NAME " " KEY "\n" NAME " " KEY "\n", "have the same name"},
    };
    iossl_config *config = iossl_config_new(IOSSL_SERVER, NULL);
    iossl_error *err = iossl_error_new();
    const char *path = test_path("bad");

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        (void)test_write_text("bad", table[i].text);
        if (chmod(path, 0600) != 0)
            bail_out("chmod");
        is_int(iossl_config_set_ticket_keys_file(config, path, err), IOSSL_ERROR, "file %zu", i);
        like(iossl_error_message(err), table[i].why, "says why");
        like(iossl_error_message(err), path, "and where");
    }
    (void)test_write_text("bad", NAME " " KEY "\r\n");
    if (chmod(path, 0604) != 0)
        bail_out("chmod");
    is_int(iossl_config_set_ticket_keys_file(config, path, err), IOSSL_ERROR, "others may read it");
    like(iossl_error_message(err), "(mode 0604); chmod 600", "says what to do");
    is_int(iossl_ticket_keys_rotate(path, 2, err), IOSSL_ERROR, "such a one isn't rotated either");
    if (chmod(path, 0600) != 0)
        bail_out("chmod");
    is_int(iossl_config_set_ticket_keys_file(config, path, err), IOSSL_OK, "private, it is taken");
    is_int(iossl_config_set_ticket_keys_file(config, test_path("none"), err), IOSSL_ERROR, "no file");
    is_int(iossl_config_set_ticket_keys_file(config, NULL, err), IOSSL_OK, "none is wanted");
    ok(ERR_peek_error() == 0, "the queue is empty");
    iossl_config_free(config);
    iossl_error_free(err);
}

/* Two servers, as two processes would be: each has read the file for itself. */
/* A file that goes bad leaves the keys, and is told of once. */
static void
test_gone_bad(void)
{
    iossl_error *err = iossl_error_new();
    int64_t end = iossl_now_ms() + 30000;
    bool told = false;
    iossl_ctx *server;

    (void)remove(test_path("keys"));
    rotate(2);
    server = test_server_ctx(&leaf, with_file);
    (void)iossl_session_cache_del(cache, "key", NULL);
    is_int(connect_to(server), 0, "%s: a session", version);
    ok(!iossl_ctx_take_trouble(server, err), "%s: all is well", version);
    (void)test_write_text("keys", "no key\n");
    while (!told && iossl_now_ms() < end) {
        if (connect_to(server) != 1)
            break;
        told = iossl_ctx_take_trouble(server, err);
    }
    ok(told, "%s: a bad file: sessions are resumed, and there is something to tell", version);
    like(iossl_error_message(err), "its last keys stay in use", "%s: that", version);
    like(iossl_error_message(err), "keys", "%s: and of which file", version);
    is_int(connect_to(server), 1, "%s: it goes on", version);
    ok(!iossl_ctx_take_trouble(server, err), "%s: and is told once", version);
    iossl_ctx_free(server);
    iossl_error_free(err);
}

static void
test_shared(void)
{
    iossl_ctx *a, *b;

    (void)remove(test_path("keys"));
    rotate(2);
    a = test_server_ctx(&leaf, with_file);
    b = test_server_ctx(&leaf, with_file);
    (void)iossl_session_cache_del(cache, "key", NULL);
    is_int(connect_to(a), 0, "%s: a session", version);
    for (int i = 0; i < 3; i++)
        is_int(connect_to(b), 1, "%s: resumed by the other server, time after time", version);
    rotate(2);
    /* Made after the rotation, it knows the new key at once. */
    iossl_ctx_free(a);
    a = test_server_ctx(&leaf, with_file);
    is_int(connect_to(a), 1, "%s: the old key still decrypts", version);
    is_int(connect_to(b), 1, "%s: a ticket under the new one has the other server look again", version);
    rotate(2);
    rotate(2);
    iossl_ctx_free(a);
    a = test_server_ctx(&leaf, with_file);
    is_int(connect_to(a), 0, "%s: keys that are gone cost a full handshake", version);
    if (chmod(test_path("keys"), 0666) != 0)
        bail_out("chmod");
    (void)test_write_text("keys", "garbage\n");
    is_int(connect_to(a), 1, "%s: a file gone bad leaves the keys that were there", version);
    iossl_ctx_free(a);
    iossl_ctx_free(b);
}

int
main(void)
{
    static const char *const versions[] = {"TLSv1_2", "TLSv1_3"};

    tap_start();
    test_folder_make();
    ca = test_identity_make(&(test_cert_spec){.common_name = "CA", .is_ca = 1});
    leaf = test_identity_make(&(test_cert_spec){
        .common_name = "x", .altnames = "DNS:www.example.test", .issuer = &ca});
    cache = iossl_session_cache_new(4, NULL);
    test_file();
    test_refused();
    for (size_t i = 0; i < 2; i++) {
        version = versions[i];
        client_ctx = test_client_ctx(&ca, with_version);
        test_shared();
        test_gone_bad();
        iossl_ctx_free(client_ctx);
    }
    iossl_session_cache_free(cache);
    test_identity_free(&leaf);
    test_identity_free(&ca);
    return done_testing();
}
