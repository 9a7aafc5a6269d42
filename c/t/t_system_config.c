/*
 * t_system_config.c - openssl.cnf: its MinProtocol takes the place of our default, the program's word
 * the place of both.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "iossl.h"
#include "support_files.h"
#include "tap.h"

/* The low byte of the least protocol of a context, in a process that starts with this openssl.cnf. */
static int
minimum(const char *openssl_cnf, bool says, const char *version)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        iossl_config *config;
        iossl_ctx *ctx = NULL;
        int least = 0;

        if (setenv("OPENSSL_CONF", openssl_cnf, 1) == 0
            && (config = iossl_config_new(IOSSL_SERVER, NULL)) != NULL) {
            if (!says || iossl_config_set_version(config, version, NULL) == IOSSL_OK)
                ctx = iossl_ctx_new(config, NULL);
            if (ctx != NULL)
                least = (int)SSL_CTX_get_min_proto_version(iossl_ctx_get0_ssl_ctx(ctx)) & 0xff;
            iossl_ctx_free(ctx);
            iossl_config_free(config);
        }
        _exit(least);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        bail_out("no child");
    return WEXITSTATUS(status);
}

int
main(void)
{
    static const struct {
        const char *line, *version;
        bool says;
        int want;
        const char *what;
    } cases[] = {
        {NULL, NULL, false, 3, "without a word, TLS 1.2"},
        {"MinProtocol = TLSv1", NULL, false, 1, "a lower minimum of the system"},
        {"MinProtocol = TLSv1.3", NULL, false, 4, "a higher one"},
        {"MinProtocol = TLSv1", "SSLv23:!TLSv1", true, 2, "the program asks for more"},
        {"MinProtocol = TLSv1.2", "SSLv23", true, 3, "it asks for anything"},
        {"MinProtocol = TLSv1.2", "TLSv1_1", true, 2, "it asks for one by name"},
        {"MinProtocol = TLSv1.1", NULL, true, 2, "it asks for no limits of ours"},
    };

    tap_start();
    test_folder_make();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256] = "";
        const char *file;

        if (cases[i].line != NULL)
            snprintf(text, sizeof text,
                     "openssl_conf = o\n[o]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\n%s\n",
                     cases[i].line);
        file = test_write_text("openssl.cnf", text);
        is_int(minimum(file, cases[i].says, cases[i].version), cases[i].want, "%s", cases[i].what);
    }
    return done_testing();
}
