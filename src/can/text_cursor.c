#include "can/text_cursor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define ROW(h)                                                                                     \
    h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9" h "A" h "B" h "C" h "D" h "E" h "F"

const char cr_hex_pairs[513] = ROW("0") ROW("1") ROW("2") ROW("3") ROW("4") ROW("5") ROW("6")
    ROW("7") ROW("8") ROW("9") ROW("A") ROW("B") ROW("C") ROW("D") ROW("E") ROW("F");

#define NONE4  -1, -1, -1, -1
#define NONE16 NONE4, NONE4, NONE4, NONE4
#define NONE64 NONE16, NONE16, NONE16, NONE16

/* clang-format off */
const int8_t cr_hex_value[256] = {
    NONE16, NONE16, NONE16,
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -1, NONE4,
    -1, 10, 11, 12, 13, 14, 15, -1, NONE4, NONE4, NONE16,
    -1, 10, 11, 12, 13, 14, 15, -1, NONE4, NONE4, NONE16,
    NONE64, NONE64,
};
/* clang-format on */

int cr_cursor_fail_at(const struct cr_cursor *cursor, size_t at, const char *format, ...)
{
    char words[CANRING_ERROR_TEXT];
    va_list args;

    if (!cursor->err)
        return -EINVAL;
    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    return canring_error_set(cursor->err, -EINVAL, "column %zu: %s", at + 1, words);
}

int cr_cursor_fail(const struct cr_cursor *cursor, const char *allowed)
{
    int found = cr_cursor_peek(cursor);

    if (found < 0)
        return cr_cursor_fail_at(cursor, cursor->at, "found the end, allowed: %s", allowed);
    if (found < ' ' || found > '~')
        return cr_cursor_fail_at(cursor, cursor->at, "found byte 0x%02x, allowed: %s",
                                 (unsigned)found, allowed);
    return cr_cursor_fail_at(cursor, cursor->at, "found '%c', allowed: %s", found, allowed);
}

size_t cr_cursor_hex_span(const struct cr_cursor *cursor)
{
    size_t at = cursor->at;

    while (at < cursor->length && cr_hex_value[(unsigned char)cursor->text[at]] >= 0)
        at++;
    return at - cursor->at;
}

int cr_cursor_hex(struct cr_cursor *cursor, unsigned digits, uint32_t *value)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < digits; i++) {
        int found = cr_cursor_peek(cursor);
        int nibble = found < 0 ? -1 : cr_hex_value[found];
        if (nibble < 0)
            return cr_cursor_fail(cursor, "a hexadecimal digit");
        sum = (sum << 4) + (unsigned)nibble;
        cursor->at++;
    }
    *value = sum;
    return 0;
}
