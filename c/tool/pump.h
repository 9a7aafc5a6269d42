/*
 * pump.h - standard input to a connection, and what it says to standard output.
 */
#ifndef TOOL_PUMP_H
#define TOOL_PUMP_H

#include <iossl.h>

/*
 * Until the peer ends the connection. After the end of the input it is given idle_ms of silence.
 * crlf: sends a line feed as CR LF. Returns the status to exit with.
 */
int pump_run(iossl_conn *conn, bool crlf, int64_t idle_ms);

#endif
