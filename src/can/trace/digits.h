/* Numbers as text, for the encoders of text formats: no printf in the path of a frame.
 *
 * Each writes at `to`, without a NUL, and returns the place behind what it wrote; the caller has
 * made room. The locale plays no part. Nothing here keeps state or makes a system call.
 */
#ifndef CANRING_TRACE_DIGITS_H
#define CANRING_TRACE_DIGITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CR_NS_PER_S 1000000000

/* 10 to the power of 0..9. */
extern const uint32_t cr_power_of_ten[10];

static inline char *cr_put_text(char *to, const char *text, size_t length)
{
    memcpy(to, text, length);
    return to + length;
}

#define CR_PUT(to, literal) cr_put_text((to), (literal), sizeof(literal) - 1)

/* Blanks up to `column` characters behind `from`. */
static inline char *cr_put_blanks(char *to, const char *from, size_t column)
{
    while ((size_t)(to - from) < column)
        *to++ = ' ';
    return to;
}

/* Decimal: as long as it is; right-aligned in `width`; with exactly `digits` (1..20) digits. */
char *cr_put_decimal(char *to, uint64_t value);
char *cr_put_decimal_right(char *to, uint64_t value, unsigned width);
char *cr_put_decimal_digits(char *to, uint64_t value, unsigned digits);

/* Upper-case hexadecimal: as long as it is; with exactly `digits` (1..8) digits. */
char *cr_put_hex(char *to, uint32_t value);
char *cr_put_hex_digits(char *to, uint32_t value, unsigned digits);

/* " 11 22 33" */
char *cr_put_bytes(char *to, const uint8_t *data, size_t length);

#endif
