/* Lines of an ASC file that are no events: its head, blocks, comments. */
#include "can/trace/asc.h"
#include "can/trace/calendar.h"

static enum cr_line_kind damaged(const char **what, const char *text)
{
    *what = text;
    return CR_LINE_DAMAGE;
}

static enum cr_line_kind parse_date(struct cr_asc_decoder *decoder, struct cr_fields line,
                                    const char **what)
{
    int64_t ns;

    decoder->dated = true;
    if (decoder->noted.zero_known)
        return CR_LINE_NOTHING;
    if (cr_calendar_parse_words(&line, &ns) < 0)
        return damaged(what, "a date that is not understood: its times count from 1970");
    decoder->dated = ns >= 0;
    decoder->noted.zero_ns = decoder->dated ? ns : 0;
    return CR_LINE_NOTHING;
}

static enum cr_line_kind parse_base(struct cr_asc_decoder *decoder, struct cr_fields line,
                                    const char **what)
{
    struct cr_field base, timestamps, how;

    if (!cr_fields_next(&line, &base) || (!cr_field_is(base, "hex") && !cr_field_is(base, "dec")))
        return damaged(what, "a base of numbers that is not understood: allowed are hex, dec");
    decoder->decimal = cr_field_is(base, "dec");
    if (!cr_fields_next(&line, &timestamps))
        return CR_LINE_NOTHING;
    if (!cr_field_is(timestamps, "timestamps") || !cr_fields_next(&line, &how) ||
        (!cr_field_is(how, "absolute") && !cr_field_is(how, "relative")))
        return damaged(what, "times of a kind that is not understood: allowed are 'timestamps "
                             "absolute', 'timestamps relative'");
    decoder->relative = cr_field_is(how, "relative");
    return CR_LINE_NOTHING;
}

static enum cr_line_kind parse_block(struct cr_asc_decoder *decoder, struct cr_fields line)
{
    struct cr_field block;

    if (cr_fields_next(&line, &block) && cr_field_is(block, "TriggerBlock"))
        decoder->block =
            cr_calendar_parse_words(&line, &decoder->block_ns) == 0 && decoder->block_ns >= 0;
    return CR_LINE_NOTHING;
}

static bool is_letter(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character & 0x80);
}

static enum cr_line_kind parse_comment(struct cr_asc_decoder *decoder, struct cr_fields line,
                                       struct canring_trace_entry *entry, const char **what)
{
    while (cr_is_blank(*line.at))
        line.at++;
    line.at += 2;
    return cr_note_take(&decoder->noted, decoder->source->names, line, entry, what);
}

enum cr_line_kind cr_asc_head(struct cr_asc_decoder *decoder, struct cr_fields line,
                              struct canring_trace_entry *entry, const char **what)
{
    struct cr_fields rest = line;
    struct cr_field word;

    if (!cr_fields_next(&rest, &word))
        return CR_LINE_NOTHING;
    if (word.length >= 2 && memcmp(word.text, "//", 2) == 0)
        return parse_comment(decoder, line, entry, what);
    if (cr_field_is(word, "date"))
        return parse_date(decoder, rest, what);
    if (cr_field_is(word, "base"))
        return parse_base(decoder, rest, what);
    if (cr_field_is(word, "Begin"))
        return parse_block(decoder, rest);
    /* Lines of many other kinds, in several languages, begin with a word. */
    if (!is_letter(word.text[0]))
        return damaged(what, "a line that begins with neither a time nor a word");
    return CR_LINE_NOTHING;
}
