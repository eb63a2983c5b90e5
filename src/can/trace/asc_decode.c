#include <errno.h>

#include "can/trace/asc.h"
#include "can/trace/digits.h"

/* A block whose first event is less than this behind zero counts its times from its own date. */
#define BLOCK_NS CR_NS_PER_S

static int open_decoder(void *state, struct cr_trace_source *source, struct canring_error *err)
{
    struct cr_asc_decoder *decoder = state;

    (void)err;
    decoder->source = source;
    return 0;
}

/* Times count from the date of the head, as Vector and asc2log have it; python-can counts from the
 * block's date. Both are right in most files; the block's is when times start over with it, or when
 * there is no other. */
static void begin_block(struct cr_asc_decoder *decoder, int64_t after_ns)
{
    int64_t limit = decoder->blocks ? decoder->late_ns : BLOCK_NS;

    if ((after_ns < limit && !decoder->relative) || !decoder->dated)
        decoder->noted.zero_ns = decoder->block_ns;
    decoder->dated = true;
    decoder->block = false;
    decoder->blocks = true;
}

static bool advance(struct cr_asc_decoder *decoder, struct cr_field field, const char **what)
{
    int64_t ns, sum;

    *what = "a line that begins with neither a time nor a word";
    if (!cr_field_time(field, CR_NS_PER_S, &ns))
        return false;
    *what = "a time that adds up with those before it to one after 2262";
    if (__builtin_add_overflow(decoder->relative ? decoder->now_ns : 0, ns, &sum))
        return false;
    if (decoder->block && !decoder->noted.zero_known)
        begin_block(decoder, ns);
    decoder->now_ns = sum;
    if (decoder->now_ns > decoder->late_ns)
        decoder->late_ns = decoder->now_ns;
    return true;
}

static enum cr_line_kind finish(struct cr_asc_decoder *decoder, struct canring_trace_entry *entry,
                                uint32_t channel, int64_t after_ns, const char **what)
{
    int bus = cr_note_bus(&decoder->noted.channels, decoder->source->names, channel);
    int64_t time_ns;

    if (bus < 0) {
        *what = "a channel that is not allowed: 1 to 65535 are, of at most 1024 channels";
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

/* Notes are for the event behind them, and only for that. */
static int64_t apply_notes(struct cr_asc_decoder *decoder, struct canring_frame *frame)
{
    int64_t after_ns = decoder->noted.next_at ? decoder->noted.next_ns : decoder->now_ns;

    if (canring_frame_is_error(frame))
        cr_note_error_apply(&decoder->noted.next, frame);
    decoder->noted.next_at = false;
    decoder->noted.next.there = false;
    return after_ns;
}

static enum cr_line_kind parse_event(struct cr_asc_decoder *decoder, struct cr_fields line,
                                     struct canring_trace_entry *entry, struct canring_frame *frame,
                                     const char **what)
{
    struct cr_field time;
    uint32_t channel;

    cr_fields_next(&line, &time);
    if (!advance(decoder, time, what))
        return CR_LINE_DAMAGE;
    enum cr_line_kind result = cr_asc_frame(decoder, line, &channel, frame, what);
    if (result != CR_LINE_ENTRY)
        return result;
    int64_t after_ns = apply_notes(decoder, frame);
    result = finish(decoder, entry, channel, after_ns, what);
    frame->flags |= CANRING_CLOCK_PROXY;
    frame->timestamp_ns = entry->timestamp_ns;
    return result;
}

static bool begins_with_time(struct cr_fields line)
{
    struct cr_field field;

    if (!cr_fields_next(&line, &field))
        return false;
    return cr_is_digit(field.text[0]) || field.text[0] == '-';
}

static enum cr_line_kind parse_line(struct cr_asc_decoder *decoder, struct cr_fields line,
                                    struct canring_trace_entry *entry, struct canring_frame *frame,
                                    const char **what)
{
    if (begins_with_time(line))
        return parse_event(decoder, line, entry, frame, what);
    enum cr_line_kind result = cr_asc_head(decoder, line, entry, what);
    if (result == CR_LINE_ENTRY)
        return finish(decoder, entry, entry->bus, (int64_t)entry->timestamp_ns, what);
    return result;
}

/* The last line of a file that was not cut ends the block and may do without a newline. */
static int cut_line(const struct cr_asc_decoder *decoder, struct cr_fields line,
                    struct canring_error *err)
{
    struct cr_field end, block, more;

    if (cr_fields_next(&line, &end) && cr_field_is(end, "End") && cr_fields_next(&line, &block) &&
        cr_field_is(block, "TriggerBlock") && !cr_fields_next(&line, &more)) {
        decoder->source->unfinished = false;
        return 0;
    }
    return cr_lines_damaged(decoder->source, err, "the last line has no newline: it may be cut");
}

static int next(void *state, struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                struct canring_error *err)
{
    struct cr_asc_decoder *decoder = state;
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
    return result == CR_LINE_CUT ? cut_line(decoder, line, err) : result;
}

/* "date" or "base" in one of the first lines, and nothing else but comments before it. */
static int probe(const uint8_t *head, size_t length)
{
    const char *text = (const char *)head;
    const char *end = text + length;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        struct cr_fields line = {.at = text, .end = newline ? newline : end};
        struct cr_field first, second;
        bool some = cr_fields_next(&line, &first);
        bool more = some && cr_fields_next(&line, &second);
        if (more && cr_field_is(first, "date"))
            return 85;
        if (more && cr_field_is(first, "base"))
            return cr_field_is(second, "hex") || cr_field_is(second, "dec") ? 95 : 0;
        if (some && (first.length < 2 || memcmp(first.text, "//", 2) != 0) && *first.text != '\r')
            return 0;
        text = newline ? newline + 1 : end;
    }
    return 0;
}

static const char *const endings[] = {".asc", NULL};

static const struct cr_trace_decoder decoder = {
    .state_size = sizeof(struct cr_asc_decoder),
    .open = open_decoder,
    .next = next,
};

const struct cr_trace_format cr_trace_format_asc = {
    .name = "asc",
    .endings = endings,
    .summary = "text of Vector's tools",
    .text = true,
    .probe = probe,
    .encoder = &cr_asc_encoder,
    .decoder = &decoder,
};
