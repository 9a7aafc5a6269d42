/*
 * deadline.h - a time by which something has to be done, on the clock of iossl_now_ms().
 */
#ifndef IOSSL_DEADLINE_H
#define IOSSL_DEADLINE_H

#include "iossl.h"

/* The same clock in microseconds. */
int64_t iossl_now_us(void);

/* Negative: there is none. */
#define IOSSL_NO_DEADLINE INT64_C(-1)

/* So many milliseconds from now; none where that is negative (IOSSL_FOREVER). Only where a time runs the
 * clock is looked at: 0, long ago, says as much of no time at all. */
static inline int64_t
iossl_deadline_in(int64_t timeout_ms)
{
    int64_t now;

    if (timeout_ms <= 0)
        return timeout_ms < 0 ? IOSSL_NO_DEADLINE : 0;
    now = iossl_now_ms();
    return timeout_ms < INT64_MAX - now ? now + timeout_ms : INT64_MAX;
}

/* What is left; 0: nothing, -1: there is no deadline. */
static inline int64_t
iossl_deadline_left(int64_t deadline_ms)
{
    int64_t left = deadline_ms < 0 ? -1 : deadline_ms - iossl_now_ms();

    return deadline_ms >= 0 && left < 0 ? 0 : left;
}

/* What is left of a timeout_ms that ran from the deadline's making on: itself where no clock runs, else 1
 * at least, since what is here already still counts. */
static inline int64_t
iossl_timeout_left(int64_t timeout_ms, int64_t deadline_ms)
{
    int64_t left = timeout_ms > 0 ? iossl_deadline_left(deadline_ms) : timeout_ms;

    return timeout_ms > 0 && left < 1 ? 1 : left;
}

/* As iossl_deadline_left(), for poll(2), which counts in int; wait again where it comes back early. */
static inline int
iossl_deadline_poll_ms(int64_t deadline_ms)
{
    int64_t left = iossl_deadline_left(deadline_ms);

    return left > 60000 ? 60000 : (int)left;
}

#endif
