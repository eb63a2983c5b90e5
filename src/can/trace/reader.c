#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "can/trace/format.h"

struct canring_trace_reader {
    const struct cr_trace_format *format;
    struct cr_trace_source source;
    struct cr_trace_names names;
    void *state;
    char *path;
    int over; /* 0, or what every further call returns (1: the end) */
    union canring_frame_buffer *frame;
};

/* Bytes that a format is recognised by. */
#define HEAD_BYTES 4096

/* Editors on Windows put a byte order mark in front of UTF-8. No format begins with such bytes. */
static void skip_mark(struct cr_trace_input *input)
{
    const uint8_t *head;

    if (cr_trace_input_peek(input, 3, &head) >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0)
        cr_trace_input_take(input, 3);
}

static const struct cr_trace_format *recognise(struct canring_trace_reader *reader,
                                               struct canring_error *err)
{
    const uint8_t *head;

    skip_mark(reader->source.input);
    int have = cr_trace_input_peek(reader->source.input, HEAD_BYTES, &head);

    if (have < 0) {
        canring_error_set(err, have, "%s: cannot read: %s", reader->path, strerror(-have));
        return NULL;
    }
    const struct cr_trace_format *format = cr_trace_format_by_content(head, (size_t)have);
    if (!format)
        format = cr_trace_format_by_ending(reader->path);
    if (!format || !format->decoder) {
        const char *what = "";
        bool failed = cr_trace_input_failure(reader->source.input, &what) != 0;
        canring_error_set(err, -EBADMSG,
                          "%s: not a recording of a known format, by content or by name%s%s",
                          reader->path, failed ? "; " : "", failed ? what : "");
        return NULL;
    }
    return format;
}

/* A decoder's -EINVAL is about what it read, its caller's about what was asked for. */
static int start(struct canring_trace_reader *reader, struct canring_error *err)
{
    reader->state = calloc(1, reader->format->decoder->state_size + 1);
    if (!reader->state)
        return canring_error_set(err, -ENOMEM, "%s: out of memory", reader->path);
    reader->over = 0;
    reader->source.unfinished = reader->source.undated = false;
    reader->source.foreign = 0;
    skip_mark(reader->source.input);
    int result = reader->format->decoder->open(reader->state, &reader->source, err);
    if (result != -EINVAL)
        return result;
    if (err)
        err->code = -EBADMSG;
    return -EBADMSG;
}

static void stop(struct canring_trace_reader *reader)
{
    if (reader->state && reader->format->decoder->close)
        reader->format->decoder->close(reader->state);
    free(reader->state);
    reader->state = NULL;
}

static int open_all(struct canring_trace_reader *reader, const char *format,
                    struct canring_error *err)
{
    struct canring_error own = {0};

    int result = cr_trace_input_open(&reader->source.input, reader->path, err);
    if (result < 0)
        return result;
    reader->format = format ? cr_trace_format_named(format, &own) : recognise(reader, &own);
    if (!reader->format)
        return canring_error_set(err, own.code, "%s", own.text);
    if (!reader->format->decoder)
        return canring_error_set(err, -EINVAL, "%s: '%s' is only written, read it as its family",
                                 reader->path, reader->format->name);
    return start(reader, err);
}

int canring_trace_reader_open(struct canring_trace_reader **reader, const char *path,
                              const char *format, struct canring_error *err)
{
    struct canring_trace_reader *new = calloc(1, sizeof(*new));

    if (!new)
        return canring_error_set(err, -ENOMEM, "%s: out of memory", path);
    new->path = strdup(path);
    new->frame = calloc(1, sizeof(*new->frame));
    if (!new->path || !new->frame) {
        canring_trace_reader_close(new);
        return canring_error_set(err, -ENOMEM, "%s: out of memory", path);
    }
    new->source.names = &new->names;
    new->source.path = new->path;
    int result = open_all(new, format, err);
    if (result < 0)
        canring_trace_reader_close(new);
    else
        *reader = new;
    return result < 0 ? result : 0;
}

/* The decoder has had everything. 0, or -EINVAL: of what is compressed, that was not the end. */
static int end_of_input(struct canring_trace_reader *reader, struct canring_error *err)
{
    const char *what;
    int failure = cr_trace_input_failure(reader->source.input, &what);

    if (!failure) {
        reader->over = 1;
        return 0;
    }
    reader->source.unfinished = failure == -EPIPE;
    canring_error_set(err, -EINVAL, "%s: %s", reader->path, what);
    if (err && failure == -EBADMSG)
        err->code = failure;
    cr_trace_input_resume(reader->source.input);
    return -EINVAL;
}

static int cannot_read_on(struct canring_trace_reader *reader, int result,
                          struct canring_error *err)
{
    reader->over = result;
    if (err && !err->code)
        canring_error_set(err, result, "%s: cannot read on: %s", reader->path, strerror(-result));
    return result;
}

int canring_trace_reader_next(struct canring_trace_reader *reader,
                              struct canring_trace_entry *entry, struct canring_error *err)
{
    if (reader->over)
        return reader->over < 0 ? reader->over : 0;
    *entry = (struct canring_trace_entry){.kind = CANRING_TRACE_FRAME};
    if (err)
        err->code = 0;
    int result = reader->format->decoder->next(reader->state, entry, reader->frame, err);
    if (result == 0)
        return end_of_input(reader, err);
    if (result < 0 && result != -EINVAL)
        return cannot_read_on(reader, result, err);
    if (result == 1 && entry->kind == CANRING_TRACE_FRAME) {
        entry->frame = &reader->frame->frame;
        entry->timestamp_ns = entry->frame->timestamp_ns;
    }
    return result;
}

int canring_trace_reader_rewind(struct canring_trace_reader *reader, struct canring_error *err)
{
    int result = cr_trace_input_rewind(reader->source.input);

    if (result < 0)
        return canring_error_set(err, result, "%s: cannot go back to its begin: %s", reader->path,
                                 strerror(-result));
    stop(reader);
    result = start(reader, err);
    if (result < 0)
        reader->over = result;
    return result;
}

const char *canring_trace_reader_bus(const struct canring_trace_reader *reader, uint32_t index)
{
    return index < reader->names.count ? reader->names.list[index].name : NULL;
}

const char *canring_trace_reader_format(const struct canring_trace_reader *reader)
{
    return reader->format->name;
}

bool canring_trace_reader_unfinished(const struct canring_trace_reader *reader)
{
    return reader->source.unfinished;
}

bool canring_trace_reader_undated(const struct canring_trace_reader *reader)
{
    return reader->source.undated;
}

uint64_t canring_trace_reader_foreign(const struct canring_trace_reader *reader)
{
    return reader->source.foreign;
}

void canring_trace_reader_progress(const struct canring_trace_reader *reader, uint64_t *done,
                                   uint64_t *size)
{
    cr_trace_input_progress(reader->source.input, done, size);
}

void canring_trace_reader_close(struct canring_trace_reader *reader)
{
    if (!reader)
        return;
    stop(reader);
    cr_trace_input_close(reader->source.input);
    cr_trace_names_free(&reader->names);
    free(reader->frame);
    free(reader->path);
    free(reader);
}
