/*
 * tap.h - the few words a C test needs to speak TAP, the language that prove reads.
 *
 * Owns      numbering, the plan, diagnostics of a failed check, the watchdog.
 * Promises  every check evaluates its arguments once, prints one line, and returns whether it
 *           passed, so that "if (!ok(conn != NULL, ...)) goto done;" reads as it should.
 *           A test that hangs is killed by its own alarm, never by a person.
 * Leaves    fixtures to support*.c. Header only; include it from one file per program and call
 *           it from one thread.
 *
 *     int main(void)
 *     {
 *         tap_start();
 *         ok(1 + 1 == 2, "numbers add up");
 *         is_str(iossl_version_text(), "3.0", "the version is the header's");
 *         return done_testing();
 *     }
 */
#ifndef TAP_H
#define TAP_H

#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Slower than any sane test, sanitizers included; c/t programs that need longer say tap_alarm(). */
#define TAP_WATCHDOG_SECONDS 60

#if defined(__GNUC__)
#define TAP_PRINTF(text, values) __attribute__((format(printf, text, values)))
#else
#define TAP_PRINTF(text, values)
#endif

/* One program is one test, so its counters are the one place where state may be static. */
static int tap_checks, tap_failures, tap_planned;
static int tap_is_watched;

static inline void
tap_on_alarm(int signal_number)
{
    static const char text[] = "# watchdog: the test took too long, giving up\n";

    (void)signal_number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) /* nothing better to do about it */
        _exit(125);
    _exit(124);
}

/* Ends the program after so many seconds from now; 0 switches the watchdog off. TAP_PATIENCE in the
 * environment is how many times slower all is, as under valgrind. */
static inline void
tap_alarm(unsigned int seconds)
{
    struct sigaction action;
    const char *patience = getenv("TAP_PATIENCE");

    memset(&action, 0, sizeof action);
    action.sa_handler = tap_on_alarm;
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    alarm(patience == NULL ? seconds : seconds * (unsigned int)atoi(patience));
    tap_is_watched = 1;
}

/* First call of a program that counts as it goes; done_testing() then prints the plan. */
static inline void
tap_start(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0); /* a crash loses no line */
    (void)setenv("OPENSSL_CONF", "/dev/null", 0); /* what a system allows is not what is tested */
    tap_alarm(TAP_WATCHDOG_SECONDS);
}

/* Instead of tap_start(): as many checks as planned, or the program fails. */
static inline void
plan(int checks)
{
    tap_start();
    tap_planned = checks;
    printf("1..%d\n", checks);
}

/* Instead of tap_start(): nothing here can run on this machine, and why. */
static inline int
skip_all(const char *why)
{
    printf("1..0 # SKIP %s\n", why);
    return 0;
}

/* The whole program where nothing of it can run, as for another system. */
#define TAP_SKIPPED_MAIN(why)                                                                      \
    int main(void)                                                                                 \
    {                                                                                              \
        return skip_all(why);                                                                      \
    }

TAP_PRINTF(1, 2) static inline void
diag(const char *format, ...)
{
    va_list args;

    fputs("# ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* Stops the whole run: for a machine on which no result would mean anything. */
static inline void
bail_out(const char *why)
{
    printf("Bail out!  %s\n", why);
    exit(255);
}

TAP_PRINTF(4, 0) static inline int
tap_vresult(int passed, const char *file, int line, const char *format, va_list args)
{
    if (!tap_is_watched)
        bail_out("there is no watchdog: call tap_start() first");
    printf("%s %d - ", passed ? "ok" : "not ok", ++tap_checks);
    vprintf(format, args);
    putchar('\n');
    if (!passed) {
        ++tap_failures;
        diag("failed at %s line %d", file, line);
    }
    return passed;
}

TAP_PRINTF(4, 5) static inline int
tap_ok(int passed, const char *file, int line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tap_vresult(passed, file, line, format, args);
    va_end(args);
    return passed;
}

TAP_PRINTF(5, 6) static inline int
tap_is_int(long long got, long long want, const char *file, int line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tap_vresult(got == want, file, line, format, args);
    va_end(args);
    if (got != want)
        diag("     got: %lld\n#  wanted: %lld", got, want);
    return got == want;
}

TAP_PRINTF(5, 6) static inline int
tap_is_size(size_t got, size_t want, const char *file, int line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tap_vresult(got == want, file, line, format, args);
    va_end(args);
    if (got != want)
        diag("     got: %zu\n#  wanted: %zu", got, want);
    return got == want;
}

static inline const char *
tap_show(const char *text)
{
    return text == NULL ? "(null)" : text;
}

TAP_PRINTF(5, 6) static inline int
tap_is_str(const char *got, const char *want, const char *file, int line, const char *format, ...)
{
    int passed = got == NULL || want == NULL ? got == want : strcmp(got, want) == 0;
    va_list args;

    va_start(args, format);
    tap_vresult(passed, file, line, format, args);
    va_end(args);
    if (!passed)
        diag("     got: \"%s\"\n#  wanted: \"%s\"", tap_show(got), tap_show(want));
    return passed;
}

TAP_PRINTF(5, 6) static inline int
tap_like(const char *got, const char *part, const char *file, int line, const char *format, ...)
{
    int passed = got != NULL && strstr(got, part) != NULL;
    va_list args;

    va_start(args, format);
    tap_vresult(passed, file, line, format, args);
    va_end(args);
    if (!passed)
        diag("     got: \"%s\"\n#  wanted somewhere in it: \"%s\"", tap_show(got), part);
    return passed;
}

TAP_PRINTF(7, 8) static inline int
tap_is_mem(const void *got, size_t got_len, const void *want, size_t want_len, const char *file,
           int line, const char *format, ...)
{
    int passed = got_len == want_len && (got_len == 0 || memcmp(got, want, got_len) == 0);
    va_list args;

    va_start(args, format);
    tap_vresult(passed, file, line, format, args);
    va_end(args);
    if (!passed)
        diag("     got: %zu bytes\n#  wanted: %zu bytes%s", got_len, want_len,
             got_len == want_len ? ", with other content" : "");
    return passed;
}

/* The checks. Each takes a printf format and its arguments as the sentence that it checks. */
#define ok(condition, ...) tap_ok((condition) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...)                                                                     \
    tap_is_int((long long)(got), (long long)(want), __FILE__, __LINE__, __VA_ARGS__)
#define is_size(got, want, ...) tap_is_size((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, ...) tap_is_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define like(got, part, ...) tap_like((got), (part), __FILE__, __LINE__, __VA_ARGS__)
#define is_mem(got, got_len, want, want_len, ...)                                                  \
    tap_is_mem((got), (got_len), (want), (want_len), __FILE__, __LINE__, __VA_ARGS__)

/* Counts so many checks as passed because they can't run here. */
static inline void
skip(int checks, const char *why)
{
    while (checks-- > 0)
        printf("ok %d # SKIP %s\n", ++tap_checks, why);
}

/* The source tree, by support_top.c. */
extern const char *const tap_top;

/*
 * A file of the source tree, as in tap_path("t/certs/ca.pem"), whatever the working folder.
 * The text belongs to tap.h and stays for the next seven calls.
 */
static inline const char *
tap_path(const char *relative)
{
    static char ring[8][1024];
    static unsigned int next;
    char *place = ring[next++ % 8];

    snprintf(place, sizeof ring[0], "%s/%s", tap_top, relative);
    return place;
}

/* Last call; its value is main's: 0 only if checks ran and each of them passed. */
static inline int
done_testing(void)
{
    alarm(0);
    if (tap_planned == 0)
        printf("1..%d\n", tap_checks);
    else if (tap_planned != tap_checks)
        diag("planned %d checks but ran %d", tap_planned, tap_checks);
    if (tap_failures != 0)
        diag("%d of %d checks failed", tap_failures, tap_checks);
    return tap_failures == 0 && tap_checks > 0 && (tap_planned == 0 || tap_planned == tap_checks)
               ? 0
               : 1;
}

#endif
