/* What went wrong, in words.
 *
 * Functions of this library return 0 or a count on success and a negative errno
 * on failure. Those that can fail for reasons a person has to act on also take a
 * `struct canring_error *`, which the caller owns and may leave NULL. Nothing in
 * the library prints or aborts.
 */
#ifndef CANRING_ERROR_H
#define CANRING_ERROR_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CANRING_ERROR_TEXT 512

struct canring_error {
    int code;                      /* negative errno, 0 when nothing is set */
    char text[CANRING_ERROR_TEXT]; /* one line, no newline, always terminated */
};

/* Fill `err` (which may be NULL) and return `code`, so that a failing function can
 * end with `return canring_error_set(err, -EINVAL, "…", …)`. A text that does not
 * fit is cut. Thread-safe for distinct objects; makes no system call. */
int canring_error_set(struct canring_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "`prefix`: " in front of the text that `err` holds; returns its code. */
int canring_error_prefix(struct canring_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif
#endif
