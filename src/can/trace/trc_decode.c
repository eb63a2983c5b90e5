#include <errno.h>

#include "can/trace/trc.h"

static int open_decoder(void *state, struct cr_trace_source *source, struct canring_error *err)
{
    struct cr_trc_decoder *decoder = state;

    (void)err;
    decoder->source = source;
    cr_trc_start(decoder);
    return 0;
}

static enum cr_line_kind finish(struct cr_trc_decoder *decoder, struct canring_trace_entry *entry,
                                uint32_t channel, int64_t after_ns, const char **what)
{
    int bus = cr_note_bus(&decoder->noted.channels, decoder->source->names, channel);
    int64_t time_ns;

    if (bus < 0) {
        *what = "a bus that is not allowed: 1 to 65535 are, of at most 1024 buses";
        return CR_LINE_DAMAGE;
    }
    if (__builtin_add_overflow(decoder->noted.zero_ns, after_ns, &time_ns) || time_ns < 0) {
        *what = "a time before 1970, or after 2262";
        return CR_LINE_DAMAGE;
    }
    decoder->source->undated = !decoder->dated && !decoder->noted.zero_known;
    entry->bus = (uint32_t)bus;
    entry->timestamp_ns = (uint64_t)time_ns;
    return CR_LINE_ENTRY;
}

static enum cr_line_kind parse_row(struct cr_trc_decoder *decoder, struct cr_fields line,
                                   struct canring_trace_entry *entry, struct canring_frame *frame,
                                   const char **what)
{
    uint32_t channel;
    int64_t after_ns;
    enum cr_line_kind result = cr_trc_row(decoder, line, &channel, &after_ns, frame, what);

    if (result != CR_LINE_ENTRY)
        return result;
    /* Notes are for the frame behind them, and only for that. */
    if (decoder->noted.next_at)
        after_ns = decoder->noted.next_ns;
    if (canring_frame_is_error(frame))
        cr_note_error_apply(&decoder->noted.next, frame);
    decoder->noted.next_at = false;
    decoder->noted.next.there = false;
    result = finish(decoder, entry, channel, after_ns, what);
    frame->flags |= CANRING_CLOCK_PROXY;
    frame->timestamp_ns = entry->timestamp_ns;
    return result;
}

static enum cr_line_kind parse_line(struct cr_trc_decoder *decoder, struct cr_fields line,
                                    struct canring_trace_entry *entry, struct canring_frame *frame,
                                    const char **what)
{
    while (line.at < line.end && cr_is_blank(*line.at))
        line.at++;
    if (line.at == line.end)
        return CR_LINE_NOTHING;
    if (*line.at != ';')
        return parse_row(decoder, line, entry, frame, what);
    line.at++;
    enum cr_line_kind result = cr_trc_comment(decoder, line, entry, what);
    if (result == CR_LINE_ENTRY)
        return finish(decoder, entry, entry->bus, (int64_t)entry->timestamp_ns, what);
    return result;
}

static int next(void *state, struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                struct canring_error *err)
{
    struct cr_trc_decoder *decoder = state;
    const char *what = "";
    struct cr_fields line;
    int result;

    while ((result = cr_lines_next(decoder->source, &line, err)) == 1) {
        enum cr_line_kind found = parse_line(decoder, line, entry, &frame->frame, &what);
        if (found == CR_LINE_DAMAGE)
            return cr_lines_damaged(decoder->source, err, what);
        if (found == CR_LINE_ENTRY)
            return 1;
    }
    if (result == CR_LINE_CUT)
        return cr_lines_damaged(decoder->source, err,
                                "the last line has no newline: it may be cut");
    return result;
}

/* "1)", a number and an identifier: the first row of version 1.0. */
static bool is_old_row(struct cr_fields line)
{
    struct cr_field number, time, id;
    uint64_t value;
    uint32_t hex;

    if (!cr_fields_next(&line, &number) || number.text[number.length - 1] != ')')
        return false;
    number.length--;
    return cr_field_decimal(number, UINT64_MAX, &value) && cr_fields_next(&line, &time) &&
           cr_field_decimal(time, UINT64_MAX, &value) && cr_fields_next(&line, &id) &&
           cr_field_hex(id, 8, &hex);
}

static bool starts_with(struct cr_fields line, const char *text)
{
    size_t length = strlen(text);

    return (size_t)(line.end - line.at) >= length && memcmp(line.at, text, length) == 0;
}

/* A "$" in the comments of the head; version 1.0 has none. */
static int probe(const uint8_t *head, size_t length)
{
    const char *text = (const char *)head;
    const char *end = text + length;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        struct cr_fields line = {.at = text, .end = newline ? newline : end};
        if (starts_with(line, ";$FILEVERSION=") || starts_with(line, ";$STARTTIME=") ||
            starts_with(line, ";$COLUMNS="))
            return 95;
        if (*text != ';' && *text != '\r' && *text != '\n')
            return is_old_row(line) ? 80 : 0;
        text = newline ? newline + 1 : end;
    }
    return 0;
}

static const char *const endings[] = {".trc", NULL};

static const struct cr_trace_decoder decoder = {
    .state_size = sizeof(struct cr_trc_decoder),
    .open = open_decoder,
    .next = next,
};

const struct cr_trace_format cr_trace_format_trc = {
    .name = "trc",
    .endings = endings,
    .summary = "PEAK's trace, written as version 2.1",
    .text = true,
    .probe = probe,
    .encoder = &cr_trc_encoder,
    .decoder = &decoder,
};

/* Files are read, and found by their ending, as "trc", which comes first in the table. */
const struct cr_trace_format cr_trace_format_trc11 = {
    .name = "trc1.1",
    .endings = endings,
    .summary = "PEAK's trace, version 1.1",
    .text = true,
    .encoder = &cr_trc11_encoder,
};
