/*
 * trace.h - what $IO::Socket::SSL::DEBUG shows.
 */
#ifndef GLUE_TRACE_H
#define GLUE_TRACE_H

#include "glue.h"

/* 0 nothing, 1 errors and what was agreed on, 2 the course of things, 3 bytes. */
IV glue_debug_level(pTHX);
/* A line on standard error: IO::Socket::SSL::_debug. What it dies of is dropped. */
void glue_debug(pTHX_ const char *text);
/* A protocol message, from level 2 on; at 3 its bytes, too. */
void glue_debug_message(pTHX_ bool sent, int version, int content_type, const void *buf, size_t len);

#endif
