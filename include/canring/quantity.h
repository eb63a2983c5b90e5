/* Amounts with their unit, as command lines and configurations have them: "64 MiB", "200ms".
 *
 * Nothing here makes a system call or keeps state; all of it may be called from any thread.
 */
#ifndef CANRING_QUANTITY_H
#define CANRING_QUANTITY_H

#include <canring/error.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes: a number, with decimals or not, and nothing, B, k, M, G (powers of 1000) or Ki, Mi, Gi
 * (powers of 1024), all with or without a B. Digits: up to 19 in front of the point and 9 behind
 * it; the result fits 64 bits; what is left of a byte is cut off, so that 0.5 is 0. -EINVAL says
 * what was found and what is allowed. */
int canring_bytes_parse(const char *text, uint64_t *bytes, struct canring_error *err);

/* Nanoseconds: a number and ns, us, ms, s, min, h or d; 0 needs no unit. Digits, fractions (of
 * a nanosecond) and -EINVAL likewise. */
int canring_duration_parse(const char *text, uint64_t *ns, struct canring_error *err);

#ifdef __cplusplus
}
#endif
#endif
