/* candump's log: "(1700000000.000001) can0 123#11", one line for each frame. */
#include <canring/text.h>
#include <errno.h>
#include <stdio.h>

#include "can/trace/fields.h"
#include "can/trace/format.h"

/* What can-utils write, and all that tshark reads correctly. */
#define USUAL_DIGITS 6

/* Bytes that are searched for a frame behind a loss that nothing precedes. */
#define AHEAD 4096u

struct encoder {
    const struct cr_trace_names *names;
    int digits;
};

static int begin(void *state, const struct cr_trace_start *start, struct cr_bytes *out)
{
    struct encoder *encoder = state;

    (void)out;
    encoder->names = start->names;
    encoder->digits = start->digits ? (int)start->digits : USUAL_DIGITS;
    return 0;
}

static int encode(void *state, const struct canring_trace_entry *entry, struct cr_bytes *out)
{
    struct encoder *encoder = state;

    if (entry->kind != CANRING_TRACE_FRAME)
        return -EOPNOTSUPP; /* a DROPCOUNT line or a comment makes other readers stop */
    int length =
        canring_log_format(entry->frame, encoder->names->list[entry->bus].name, encoder->digits,
                           (char *)out->data + out->used, out->size - out->used);
    if (length < 0) {
        out->overflow = true;
        return length;
    }
    out->used += (size_t)length;
    return 0;
}

struct decoder {
    struct cr_trace_source *source;
    bool any;         /* there was a frame */
    uint64_t last_ns; /* its time */
};

static int open_decoder(void *state, struct cr_trace_source *source, struct canring_error *err)
{
    struct decoder *decoder = state;

    (void)err;
    decoder->source = source;
    return 0;
}

static int damaged(const struct decoder *decoder, struct canring_error *err, const char *what)
{
    uint64_t line = cr_trace_input_lines(decoder->source->input);
    return canring_error_set(err, -EINVAL, "%s:%llu: %s", decoder->source->path,
                             (unsigned long long)line, what);
}

/* The rest of a line whose first piece was longer than any frame. */
static int skip_overlong(struct decoder *decoder, struct canring_error *err)
{
    const char *line;
    size_t length;
    int result;

    while ((result = cr_trace_input_line(decoder->source->input, &line, &length)) == 1 &&
           line[length - 1] != '\n')
        ;
    return result < 0 ? result : damaged(decoder, err, "a line longer than any frame's");
}

static int without_newline(struct decoder *decoder, struct canring_error *err)
{
    if (!cr_trace_input_at_end(decoder->source->input))
        return skip_overlong(decoder, err);
    decoder->source->unfinished = true;
    return damaged(decoder, err, "the last line has no newline: it may be cut");
}

/* "DROPCOUNT: dropped 5 CAN frames on 'can0' socket (total drops 5)", as candump writes it when it
 * meets a loss. 1; 0: another line; -EINVAL: one that is not understood. */
static int parse_dropped(const char *line, size_t length, struct cr_field *name, uint64_t *lost)
{
    struct cr_fields fields = {.at = line, .end = line + length};
    struct cr_field kind, dropped, number, can, frames, on;

    if (!cr_fields_next(&fields, &kind) || !cr_field_is(kind, "DROPCOUNT:"))
        return 0;
    if (!cr_fields_next(&fields, &dropped) || !cr_field_is(dropped, "dropped") ||
        !cr_fields_next(&fields, &number) || !cr_field_decimal(number, UINT64_MAX, lost) ||
        !cr_fields_next(&fields, &can) || !cr_field_is(can, "CAN") ||
        !cr_fields_next(&fields, &frames) || !cr_fields_next(&fields, &on) ||
        !cr_field_is(on, "on") || !cr_fields_next(&fields, name))
        return -EINVAL;
    if (name->length < 3 || name->text[0] != '\'' || name->text[name->length - 1] != '\'')
        return -EINVAL;
    name->text++;
    name->length -= 2;
    return 1;
}

/* The line of a loss has no time. It is between two frames: that of the first one is taken, and
 * where there is none yet, that of the next one, as far as it can be seen. `frame` is used up. */
static uint64_t time_of_loss(const struct decoder *decoder, union canring_frame_buffer *frame)
{
    char name[CANRING_TEXT_NAME];
    const uint8_t *head;

    if (decoder->any)
        return decoder->last_ns;
    int have = cr_trace_input_peek(decoder->source->input, AHEAD, &head);
    const char *text = have > 0 ? (const char *)head : NULL;
    const char *end = have > 0 ? text + have : NULL;
    for (const char *newline;
         text < end && (newline = memchr(text, '\n', (size_t)(end - text))) != NULL;) {
        if (canring_log_parse(frame, name, text, (size_t)(newline - text), NULL) == 1)
            return frame->frame.timestamp_ns;
        text = newline + 1;
    }
    return 0;
}

/* A line that is no frame and no damage to one. 1: a loss; 0: nothing; -EINVAL. */
static int parse_remark(struct decoder *decoder, const char *line, size_t length,
                        struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                        struct canring_error *err)
{
    struct cr_field name;
    int result = parse_dropped(line, length, &name, &entry->lost);

    if (result == 0)
        return 0;
    if (result < 0 || name.length >= CANRING_TEXT_NAME)
        return damaged(decoder, err, "a DROPCOUNT that is not candump's");
    int bus = cr_trace_names_find(decoder->source->names, name.text, name.length);
    if (bus < 0)
        return damaged(decoder, err, "too many interfaces for one recording");
    entry->kind = CANRING_TRACE_LOST;
    entry->bus = (uint32_t)bus;
    entry->timestamp_ns = time_of_loss(decoder, frame);
    return 1;
}

static int parse(struct decoder *decoder, const char *line, size_t length,
                 struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                 struct canring_error *err)
{
    char name[CANRING_TEXT_NAME];
    int result = canring_log_parse(frame, name, line, length, err);

    if (result < 0)
        canring_error_prefix(err, "%s:%llu", decoder->source->path,
                             (unsigned long long)cr_trace_input_lines(decoder->source->input));
    if (result == 0)
        return parse_remark(decoder, line, length, entry, frame, err);
    if (result < 0)
        return result;
    int bus = cr_trace_names_find(decoder->source->names, name, strlen(name));
    if (bus < 0)
        return damaged(decoder, err, "too many interfaces for one recording");
    entry->bus = (uint32_t)bus;
    decoder->any = true;
    decoder->last_ns = frame->frame.timestamp_ns;
    return 1;
}

static int next(void *state, struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                struct canring_error *err)
{
    struct decoder *decoder = state;
    const char *line;
    size_t length;
    int result;

    while ((result = cr_trace_input_line(decoder->source->input, &line, &length)) == 1) {
        if (line[length - 1] != '\n')
            return without_newline(decoder, err);
        result = parse(decoder, line, length, entry, frame, err);
        if (result)
            return result;
    }
    return result;
}

/* One whole line that parses is proof; a first line that does not is none against it. */
static int probe(const uint8_t *head, size_t length)
{
    union canring_frame_buffer frame;
    char name[CANRING_TEXT_NAME];
    const char *text = (const char *)head;
    const char *end = text + length;

    for (const char *newline; (newline = memchr(text, '\n', (size_t)(end - text))) != NULL;) {
        if (canring_log_parse(&frame, name, text, (size_t)(newline - text), NULL) == 1)
            return 90;
        text = newline + 1;
    }
    return 0;
}

static const char *const endings[] = {".log", NULL};

static const struct cr_trace_encoder encoder = {
    .state_size = sizeof(struct encoder),
    .begin = begin,
    .entry = encode,
};

static const struct cr_trace_decoder decoder = {
    .state_size = sizeof(struct decoder),
    .open = open_decoder,
    .next = next,
};

const struct cr_trace_format cr_trace_format_candump = {
    .name = "candump",
    .endings = endings,
    .summary = "log of can-utils",
    .text = true,
    .probe = probe,
    .encoder = &encoder,
    .decoder = &decoder,
};
