/* Adding to a list of diagnostics; the public side is <canring/diagnostics.h>.
 *
 * Called by the YAML reader and by everything that checks a configuration. Never fails in
 * a way that a caller must handle: what cannot be stored is still counted.
 */
#ifndef CR_CONFIG_DIAGNOSTICS_H
#define CR_CONFIG_DIAGNOSTICS_H

#include <canring/diagnostics.h>

#include <stdarg.h>
#include <stdbool.h>

/* A place in a file; file NULL and line 0 when there is none. */
struct cr_mark {
    const char *file;
    unsigned line, column;
};

/* Whether further ones are only counted: no use in working out what they would say. */
bool cr_diagnostics_full(const struct canring_diagnostics *diagnostics);

void cr_diagnostics_add(struct canring_diagnostics *diagnostics, enum canring_severity severity,
                        struct cr_mark at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void cr_diagnostics_addv(struct canring_diagnostics *diagnostics, enum canring_severity severity,
                         struct cr_mark at, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

#endif
