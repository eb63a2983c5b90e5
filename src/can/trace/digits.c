#include "can/trace/digits.h"

#include "can/text_cursor.h"

const uint32_t cr_power_of_ten[10] = {1,      10,      100,      1000,      10000,
                                      100000, 1000000, 10000000, 100000000, 1000000000};

/* Digits of `value` at the end of `text`; returns the first of them. */
static char *spell(char *end, uint64_t value)
{
    do
        *--end = (char)('0' + value % 10);
    while (value /= 10);
    return end;
}

char *cr_put_decimal(char *to, uint64_t value)
{
    char text[20];
    char *first = spell(text + sizeof(text), value);

    return cr_put_text(to, first, (size_t)(text + sizeof(text) - first));
}

char *cr_put_decimal_right(char *to, uint64_t value, unsigned width)
{
    char text[20];
    char *first = spell(text + sizeof(text), value);
    size_t length = (size_t)(text + sizeof(text) - first);

    if (length < width)
        to = cr_put_blanks(to, to, width - length);
    return cr_put_text(to, first, length);
}

char *cr_put_decimal_digits(char *to, uint64_t value, unsigned digits)
{
    for (char *at = to + digits; at > to; value /= 10)
        *--at = (char)('0' + value % 10);
    return to + digits;
}

static char nibble(uint32_t value)
{
    return cr_hex_pairs[2 * (value & 0xf) + 1];
}

char *cr_put_hex_digits(char *to, uint32_t value, unsigned digits)
{
    for (char *at = to + digits; at > to; value >>= 4)
        *--at = nibble(value);
    return to + digits;
}

char *cr_put_hex(char *to, uint32_t value)
{
    unsigned digits = 1;

    while (digits < 8 && value >> (4 * digits))
        digits++;
    return cr_put_hex_digits(to, value, digits);
}

char *cr_put_bytes(char *to, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++, to += 3) {
        to[0] = ' ';
        memcpy(to + 1, &cr_hex_pairs[(size_t)2 * data[i]], 2);
    }
    return to;
}
