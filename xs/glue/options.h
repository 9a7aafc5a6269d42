/*
 * options.h - from SSL_* arguments to a context.
 */
#ifndef GLUE_OPTIONS_H
#define GLUE_OPTIONS_H

#include "context.h"
#include "glue.h"

/*
 * Builds a context from a hash of arguments. NULL: the error has been set (glue_fail_without_handle),
 * or thrown where the argument can never work. To be freed by glue_context_free().
 */
glue_context *glue_build_context(pTHX_ HV *args, iossl_role role);

#endif
