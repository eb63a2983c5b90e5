#include "proxy/log_text.h"

#include <stdio.h>
#include <string.h>

static size_t sequence_length(uint8_t lead, uint32_t *bits, uint32_t *least)
{
    if (lead < 0x80) {
        *bits = lead;
        *least = 0;
        return 1;
    }
    if (lead >= 0xC2 && lead < 0xE0) {
        *bits = lead & 0x1Fu;
        *least = 0x80;
        return 2;
    }
    if ((lead & 0xF0) == 0xE0) {
        *bits = lead & 0x0Fu;
        *least = 0x800;
        return 3;
    }
    if (lead >= 0xF0 && lead < 0xF5) {
        *bits = lead & 0x07u;
        *least = 0x10000;
        return 4;
    }
    return 0;
}

size_t cr_utf8_decode(const char *text, size_t size, uint32_t *code)
{
    uint32_t value = 0, least = 0;
    size_t length = sequence_length((uint8_t)text[0], &value, &least);
    if (length == 0 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++) {
        uint8_t byte = (uint8_t)text[i];
        if ((byte & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (byte & 0x3Fu);
    }
    if (value < least || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
        return 0;
    *code = value;
    return length;
}

static bool continues(char byte)
{
    return ((uint8_t)byte & 0xC0) == 0x80;
}

size_t cr_utf8_cut(const char *text, size_t size, size_t max)
{
    if (size <= max)
        return size;
    size_t at = max;
    while (at > 0 && max - at < 3 && continues(text[at]))
        at--;
    return continues(text[at]) ? max : at; /* not UTF-8: anywhere is as good */
}

bool cr_text_is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x200E || code == 0x200F ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

size_t cr_text_escape(char out[CR_ESCAPE_MAX + 1], const char *text, size_t length, uint32_t code)
{
    int written;
    if (length == 1 && text[0] == '\n')
        written = snprintf(out, CR_ESCAPE_MAX + 1, "\\n");
    else if (length == 1 && text[0] == '\t')
        written = snprintf(out, CR_ESCAPE_MAX + 1, "\\t");
    else if (length == 1 && text[0] == '\r')
        written = snprintf(out, CR_ESCAPE_MAX + 1, "\\r");
    else if (length == 1)
        written = snprintf(out, CR_ESCAPE_MAX + 1, "\\x%02x", (uint8_t)text[0]);
    else
        written = snprintf(out, CR_ESCAPE_MAX + 1, "\\u%04x", code & 0x1FFFFF);
    return (size_t)written;
}

/* What the character at `text` is shown as: itself, or `escape`. */
static const char *shown_as(const char *text, size_t size, bool lines, size_t *taken,
                            char escape[CR_ESCAPE_MAX + 1], size_t *length)
{
    static const char new_line[] = "\n    ";
    uint32_t code = 0;
    size_t bytes = cr_utf8_decode(text, size, &code);
    *taken = bytes ? bytes : 1;
    if (lines && bytes && code == '\n') {
        *length = sizeof(new_line) - 1;
        return new_line;
    }
    if (bytes && (!cr_text_is_control(code) || (lines && code == '\t'))) {
        *length = bytes;
        return text;
    }
    *length = cr_text_escape(escape, text, *taken, code);
    return escape;
}

size_t cr_text_show(char *out, size_t size, const char *text, size_t length, bool lines)
{
    size_t used = 0, taken;
    for (size_t at = 0; at < length; at += taken) {
        char escape[CR_ESCAPE_MAX + 1];
        size_t bytes;
        const char *shown = shown_as(text + at, length - at, lines, &taken, escape, &bytes);
        if (bytes > size - used)
            break;
        memcpy(out + used, shown, bytes);
        used += bytes;
    }
    return used;
}
