#include "proxy/junit_xml.h"

#include <string.h>

#include "proxy/log_text.h"

/* What XML knows by another name; NULL for the rest. A carriage return, and white space in
 * attributes, would be changed by the reader. */
static const char *entity(uint32_t code, bool attribute)
{
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#13;";
    case '"':
        return attribute ? "&quot;" : NULL;
    case '\n':
        return attribute ? "&#10;" : NULL;
    case '\t':
        return attribute ? "&#9;" : NULL;
    default:
        return NULL;
    }
}

static bool stays(uint32_t code)
{
    if (code == '\n' || code == '\t')
        return true;
    return !cr_text_is_control(code) && code != 0xFFFE && code != 0xFFFF;
}

static void put(FILE *out, const char *text, size_t length, bool attribute)
{
    for (size_t at = 0; at < length;) {
        char escape[CR_ESCAPE_MAX + 1];
        uint32_t code = 0;
        const size_t bytes = cr_utf8_decode(text + at, length - at, &code);
        const size_t taken = bytes ? bytes : 1;
        const char *known = bytes ? entity(code, attribute) : NULL;
        if (known)
            fputs(known, out);
        else if (bytes && stays(code))
            fwrite(text + at, 1, bytes, out);
        else if (cr_text_escape(escape, text + at, taken, code) > 0)
            fputs(escape, out);
        at += taken;
    }
}

void cr_xml_text(FILE *out, const char *text, size_t length)
{
    put(out, text, length, false);
}

void cr_xml_attribute(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    put(out, value, strlen(value), true);
    fputc('"', out);
}
