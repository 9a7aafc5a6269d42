/*
 * describe.h - what a certificate says, and what a connection has come to, as Perl data.
 */
#ifndef GLUE_DESCRIBE_H
#define GLUE_DESCRIBE_H

#include "glue.h"

/* A new hash with what info says. */
HV *glue_description(pTHX_ const iossl_certinfo *info);

/* A new hash with what is known of a connection. */
HV *glue_info(pTHX_ iossl_conn *conn);

/* A new list of hashes: the signed certificate timestamps that came. */
AV *glue_scts(pTHX_ const iossl_conn *conn);

#endif
