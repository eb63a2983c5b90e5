/* What is wrong with a configuration, with the place where it stands.
 *
 * A run of the loader reports everything that it finds, not only the first error. The
 * caller owns the list: zero-initialise it, pass it in, read it, free it. Not shared
 * between threads while a load fills it.
 */
#ifndef CANRING_DIAGNOSTICS_H
#define CANRING_DIAGNOSTICS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* More than this are counted in `dropped` and not kept. */
#define CANRING_DIAGNOSTICS_MAX 100

enum canring_severity {
    CANRING_SEVERITY_WARNING,   /* accepted, but probably not what was meant, or not checked */
    CANRING_SEVERITY_CONTINUED, /* an error that leaves the rest usable (pykiso logs it and goes on)
                                 */
    CANRING_SEVERITY_ERROR      /* the configuration is refused */
};

struct canring_diagnostic {
    enum canring_severity severity;
    const char *file; /* as it was opened; NULL when the place is no file */
    unsigned line;    /* from 1; 0 = the file as a whole */
    unsigned column;  /* from 1, in characters */
    const char *text; /* one line: what was found, what is allowed, the nearest match */
};

struct canring_diagnostics {
    struct canring_diagnostic *list;
    size_t count;
    size_t errors;   /* CANRING_SEVERITY_ERROR seen, kept or not: > 0 = refused */
    size_t warnings; /* the others, kept or not */
    size_t dropped;
};

/* "error" (also for the continued kind) or "warning". */
const char *canring_severity_name(enum canring_severity severity);

/* Write "file:line:column: error: text" with a NUL, cut at `space`. Returns the length it has
 * uncut. */
int canring_diagnostic_format(const struct canring_diagnostic *diagnostic, char *text,
                              size_t space);

/* Frees what the list holds and makes it empty. */
void canring_diagnostics_free(struct canring_diagnostics *diagnostics);

#ifdef __cplusplus
}
#endif
#endif
