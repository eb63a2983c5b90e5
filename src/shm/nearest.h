/* The known word that a mistyped one was probably meant to be.
 *
 * For everyone who refuses a name and wants to say "did you mean …?": configuration,
 * drivers, filters, command lines. It only compares; it never decides anything.
 */
#ifndef CR_NEAREST_H
#define CR_NEAREST_H

#include <stddef.h>

/* The entry of `known` that is nearest to `found`, case ignored, or NULL when none is near
 * enough to be worth naming (about one wrong letter in three). Words longer than 63 bytes
 * have no nearest. Thread-safe, no allocation, no system call. */
const char *cr_nearest(const char *found, const char *const *known, size_t count);

#endif
