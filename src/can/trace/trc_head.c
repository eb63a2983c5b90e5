/* Comment lines of a TRC file: its head, and our notes. */
#include "can/trace/calendar.h"
#include "can/trace/trc.h"

static const struct {
    const char *version;
    char columns[CR_TRC_COLUMNS + 1];
} versions[] = {
    {"1.0", "NOILD"},   {"1.1", "NOTILD"},    {"1.2", "NOBTILD"},        {"1.3", "NOBTIRLD"},
    {"2.0", "NOTIdlD"}, {"2.1", "NOTBIdRLD"}, {"3.0", "NOTBIdRVSArsLD"},
};

void cr_trc_start(struct cr_trc_decoder *decoder)
{
    memcpy(decoder->columns, versions[0].columns, sizeof(decoder->columns));
    decoder->noted.channel = 1;
}

static enum cr_line_kind damaged(const char **what, const char *text)
{
    *what = text;
    return CR_LINE_DAMAGE;
}

static enum cr_line_kind parse_version(struct cr_trc_decoder *decoder, struct cr_field value,
                                       const char **what)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
        if (cr_field_is(value, versions[i].version)) {
            memcpy(decoder->columns, versions[i].columns, sizeof(decoder->columns));
            return CR_LINE_NOTHING;
        }
    }
    return damaged(what, "a version that is not known: 1.0 to 1.3, 2.0, 2.1 and 3.0 are");
}

static enum cr_line_kind parse_start(struct cr_trc_decoder *decoder, struct cr_field value,
                                     const char **what)
{
    int64_t ns;

    if (value.length && value.text[value.length - 1] == ';')
        value.length--;
    decoder->start_known = decoder->dated = true;
    if (decoder->noted.zero_known)
        return CR_LINE_NOTHING;
    if (cr_calendar_parse_days(value, &ns) < 0)
        return damaged(what, "a start time that is not understood: times count from 1970");
    decoder->dated = ns >= 0;
    decoder->noted.zero_ns = decoder->dated ? ns : 0;
    return CR_LINE_NOTHING;
}

static enum cr_line_kind parse_columns(struct cr_trc_decoder *decoder, struct cr_field value,
                                       const char **what)
{
    char columns[CR_TRC_COLUMNS + 1];
    size_t count = 0;

    for (size_t i = 0; i < value.length; i += 2) {
        if (count == CR_TRC_COLUMNS || (i + 1 < value.length && value.text[i + 1] != ','))
            return damaged(what, "columns that are not single letters with commas between them");
        columns[count++] = value.text[i];
    }
    columns[count] = '\0';
    if (!strchr(columns, 'O') || !strchr(columns, 'I') || !strchr(columns, 'D') ||
        (!strchr(columns, 'l') && !strchr(columns, 'L')))
        return damaged(what, "columns without one of O (time), I (identifier), L or l (length), D "
                             "(data)");
    memcpy(decoder->columns, columns, count + 1);
    return CR_LINE_NOTHING;
}

/* "$KEY=value" */
static enum cr_line_kind parse_key(struct cr_trc_decoder *decoder, struct cr_field field,
                                   const char **what)
{
    const char *equals = memchr(field.text, '=', field.length);
    struct cr_field key = field, value;

    if (!equals)
        return CR_LINE_NOTHING;
    key.length = (size_t)(equals - key.text);
    value.text = equals + 1;
    value.length = field.length - key.length - 1;
    if (cr_field_is(key, "$FILEVERSION"))
        return parse_version(decoder, value, what);
    if (cr_field_is(key, "$STARTTIME"))
        return parse_start(decoder, value, what);
    if (cr_field_is(key, "$COLUMNS"))
        return parse_columns(decoder, value, what);
    return CR_LINE_NOTHING;
}

/* "Start time: 11.09.2002 16:00:20.682": all that version 1.0 has. */
static void parse_words(struct cr_trc_decoder *decoder, struct cr_fields line)
{
    struct cr_field word;
    int64_t ns;

    if (decoder->noted.zero_known || decoder->start_known || !cr_fields_next(&line, &word) ||
        !cr_field_is(word, "time:"))
        return;
    if (cr_calendar_parse_numbers(&line, &ns) < 0 || ns < 0)
        return;
    decoder->noted.zero_ns = ns;
    decoder->dated = true;
}

enum cr_line_kind cr_trc_comment(struct cr_trc_decoder *decoder, struct cr_fields line,
                                 struct canring_trace_entry *entry, const char **what)
{
    struct cr_fields rest = line;
    struct cr_field word;

    if (!cr_fields_next(&rest, &word))
        return CR_LINE_NOTHING;
    if (word.text[0] == '$')
        return parse_key(decoder, word, what);
    if (cr_field_is(word, "Start"))
        parse_words(decoder, rest);
    return cr_note_take(&decoder->noted, decoder->source->names, line, entry, what);
}
