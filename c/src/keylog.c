/*
 * keylog.c - the secrets of connections, for who has to look into their traffic.
 *
 * Owns      the file that they are written to, and who may read it.
 * Promises  a file is for its owner only, or isn't used; a line is written in one piece, whatever
 *           processes and threads share the file; a full disk doesn't disturb a connection.
 * Leaves    the form of a line to OpenSSL. No environment is looked at: that is up to programs.
 * See       SSL_CTX_set_keylog_callback(3), draft-ietf-tls-keylogfile.
 */
#include "keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "compat.h"
#include "conn.h"
#include "context.h"
#include "error.h"

/* Is this a file that nobody else can read, so that what is written stays ours? */
static iossl_status
check_private(int fd, const char *file, iossl_error *err)
{
    struct stat info;

    if (fstat(fd, &info) != 0) {
        iossl_error_set_errno(err, IOSSL_E_FILE, IOSSL_RANK_FATAL, errno, "SSL_keylog_file %s", file);
    } else if (!S_ISREG(info.st_mode)) {
        iossl_error_set(err, IOSSL_E_FILE, IOSSL_RANK_FATAL,
                        "SSL_keylog_file %s is no regular file; give one, or use "
                        "SSL_keylog_callback", file);
    } else if (info.st_uid != geteuid() || (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        iossl_error_set(err, IOSSL_E_FILE, IOSSL_RANK_FATAL,
                        "SSL_keylog_file %s can be read by others (owner %ld, mode %04o), and who "
                        "reads it can decrypt the traffic; make it yours, mode 0600, or remove it",
                        file, (long)info.st_uid, (unsigned)(info.st_mode & 07777));
    } else {
        return IOSSL_OK;
    }
    return IOSSL_ERROR;
}

iossl_status
iossl_keylog_open(iossl_keylog *to, const iossl_keylog *from, iossl_error *err)
{
    *to = (iossl_keylog){.fd = -1, .cb = from->cb, .cb_arg = from->cb_arg};
    if (from->file == NULL)
        return IOSSL_OK;
    /* No link, which somebody else may have laid; and no waiting for a reader of a named pipe. */
    to->fd = open(from->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
                                  | O_NOCTTY, S_IRUSR | S_IWUSR);
    if (to->fd < 0) {
        iossl_error_set_errno(err, IOSSL_E_FILE, IOSSL_RANK_FATAL, errno,
                              "SSL_keylog_file %s can't be written", from->file);
        return IOSSL_ERROR;
    }
    return check_private(to->fd, from->file, err);
}

void
iossl_keylog_cleanup(iossl_keylog *log)
{
    free(log->file);
    if (log->fd >= 0)
        (void)close(log->fd);
    *log = (iossl_keylog){.fd = -1};
}

static void
write_line(int fd, const char *line)
{
    char end[] = "\n";
    const struct iovec parts[] = {{(void *)(uintptr_t)line, strlen(line)}, {end, 1}};

    while (writev(fd, parts, 2) < 0 && errno == EINTR)
        ;
}

static void
on_line(const SSL *ssl, const char *line)
{
    iossl_conn *conn = iossl_conn_from_ssl(ssl);
    const iossl_keylog *log;
    iossl_compat_errors pending;
    int errnum = errno;

    if (conn == NULL)
        return;
    log = iossl_ctx_get0_keylog(iossl_conn_get0_ctx(conn));
    if (log->fd >= 0)
        write_line(log->fd, line);
    if (log->cb != NULL) {
        iossl_compat_errors_take(&pending);
        log->cb(log->cb_arg, conn, line);
        iossl_compat_errors_put_back(&pending);
    }
    errno = errnum;
}

void
iossl_keylog_install(const iossl_keylog *log, SSL_CTX *ssl_ctx)
{
    if (log->fd >= 0 || log->cb != NULL)
        SSL_CTX_set_keylog_callback(ssl_ctx, on_line);
}
