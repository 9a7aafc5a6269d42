/*
 * trace.c - what $IO::Socket::SSL::DEBUG shows.
 *
 * Owns      the way of a line from the glue to the Perl that prints it.
 * Promises  costs a look at one scalar where nothing is asked for; leaves $@, $! and OpenSSL's errors as
 *           they are, so that looking changes nothing.
 * Leaves    the words for messages to libiossl, the form of a line to lib/.
 */
#include "trace.h"

#include "status.h"

#include <errno.h>

#define MESSAGE_SIZE 128    /* iossl_message_text() */

IV
glue_debug_level(pTHX)
{
    SV *level = GvSVn(glue_get_globals(aTHX)->debug);

    return SvIOK(level) ? SvIVX(level) : SvTRUE(level) ? SvIV(level) : 0;
}

/* bytes NULL: none. */
static void
show(pTHX_ const char *text, const void *bytes, size_t len)
{
    int errnum = errno;
    dSP;

    ENTER;
    SAVETMPS;
    save_scalar(PL_errgv);
    PUSHMARK(SP);
    XPUSHs(glue_text(aTHX_ text));
    if (bytes != NULL)
        mXPUSHs(newSVpvn(bytes, len));
    PUTBACK;
    (void)call_pv("IO::Socket::SSL::_debug", G_EVAL | G_DISCARD | G_VOID);
    FREETMPS;
    LEAVE;
    errno = errnum;
}

void
glue_debug(pTHX_ const char *text)
{
    show(aTHX_ text, NULL, 0);
}

void
glue_debug_message(pTHX_ bool sent, int version, int content_type, const void *buf, size_t len)
{
    IV level = glue_debug_level(aTHX);
    char text[MESSAGE_SIZE];

    if (level >= 2 && iossl_message_text(text, sizeof text, sent, version, content_type, buf, len))
        show(aTHX_ text, level >= 3 ? buf : NULL, len);
}
