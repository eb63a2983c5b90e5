#include "text_clean.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Characters of 1 to 4 bytes: the bits that mark the first byte, and the least number that is not
 * written with fewer bytes. */
static const struct {
    uint8_t mask, mark;
    uint32_t least;
} kinds[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

/* Bytes of the character at `text`, which ends with a NUL; 0: none begins here. */
static size_t character(const uint8_t *text)
{
    size_t more = 0;

    while (more < 4 && (text[0] & kinds[more].mask) != kinds[more].mark)
        more++;
    if (more == 4)
        return 0;
    uint32_t code = text[0] & (uint8_t)~kinds[more].mask;
    for (size_t i = 1; i <= more; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < kinds[more].least || code > 0x10ffff || surrogate ? 0 : more + 1;
}

char *text_clean(const char *raw)
{
    const uint8_t *from = (const uint8_t *)raw;
    char *clean = malloc(4 * strlen(raw) + 1);
    char *to = clean;

    if (!clean)
        return NULL;
    while (*from) {
        size_t length = character(from);
        if (length)
            memcpy(to, from, length);
        else
            (void)snprintf(to, 5, "\\x%02x", *from);
        to += length ? length : 4;
        from += length ? length : 1;
    }
    *to = '\0';
    return clean;
}
