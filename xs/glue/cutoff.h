/*
 * cutoff.h - an end to what another library waits for on sockets of its own.
 */
#ifndef GLUE_CUTOFF_H
#define GLUE_CUTOFF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct glue_cutoff glue_cutoff;

/*
 * When "seconds" are over, and from then on, the sockets of these descriptors are shut down, and those of
 * up to "most_new" that are opened meanwhile: all whose peer has one of these ports (0: a Unix socket).
 * The arrays are of int, aligned or not, and are copied. NULL, with errno, where no thread can be had for
 * it. Only while signals are held (signals.h), so that none is delivered to that thread.
 */
glue_cutoff *glue_cutoff_begin(double seconds, const void *ports, size_t port_count, const void *fds,
                               size_t fd_count, size_t most_new);

/*
 * It is over. *late: the time was over before. *fds: which descriptors are such sockets now, for the
 * next time; the caller frees it.
 */
void glue_cutoff_end(glue_cutoff *c, bool *late, int **fds, size_t *fd_count);

#endif
