/* A place in a text that is being parsed, and the hexadecimal alphabet.
 *
 * For the parsers of frames, log lines and filters: they move the cursor forward and, when
 * something is wrong, say at which column, what was found there and what may stand there.
 * It never reads past `length` and needs no terminating NUL.
 */
#ifndef CANRING_TEXT_CURSOR_H
#define CANRING_TEXT_CURSOR_H

#include <canring/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cr_cursor {
    const char *text;
    size_t length;
    size_t at;
    struct canring_error *err;
};

/* Value of a hexadecimal digit, or -1. */
extern const int8_t cr_hex_value[256];
/* "00" … "FF", two characters for each byte. */
extern const char cr_hex_pairs[513];

/* -EINVAL, with "column N: found X, allowed: `allowed`" in err. Columns count from 1. */
int cr_cursor_fail(const struct cr_cursor *cursor, const char *allowed);
/* -EINVAL, with "column N: " and the words. */
int cr_cursor_fail_at(const struct cr_cursor *cursor, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Number of hexadecimal digits from here on. */
size_t cr_cursor_hex_span(const struct cr_cursor *cursor);
/* Read exactly `digits` (1..8) hexadecimal digits. */
int cr_cursor_hex(struct cr_cursor *cursor, unsigned digits, uint32_t *value);

static inline bool cr_cursor_ended(const struct cr_cursor *cursor)
{
    return cursor->at >= cursor->length;
}

/* The character here, or -1 at the end. */
static inline int cr_cursor_peek(const struct cr_cursor *cursor)
{
    return cr_cursor_ended(cursor) ? -1 : (unsigned char)cursor->text[cursor->at];
}

/* Step over `character` when it is here. */
static inline bool cr_cursor_take(struct cr_cursor *cursor, char character)
{
    if (cr_cursor_peek(cursor) != (unsigned char)character)
        return false;
    cursor->at++;
    return true;
}

#endif
