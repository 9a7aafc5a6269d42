/*
 * conn.h - what other rooms need of a connection beyond iossl.h.
 */
#ifndef IOSSL_CONN_H
#define IOSSL_CONN_H

#include "iossl.h"
#include "verify.h"

iossl_verifier *iossl_conn_get0_verifier(iossl_conn *conn);

#endif
