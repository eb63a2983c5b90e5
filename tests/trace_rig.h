/* Recordings for the tests of the formats: entries in, a file, entries out.
 *
 * Encoders are run here as the writer runs them, but in one thread and at once, so that a test of
 * a format is about the format. Formats are read through the public reader.
 */
#ifndef CANRING_TESTS_TRACE_RIG_H
#define CANRING_TESTS_TRACE_RIG_H

#include <canring/text.h>
#include <canring/trace.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "can/trace/format.h"
#include "check.h"

#define RIG_START_NS UINT64_C(1700000000123456789)
/* The longest CAN FD frame, with all its flags. */
static const char rig_fd64[] = "7FF##7"
                               "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"
                               "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";

/* Entries that a file was made of or that were read from it. */
struct rig_list {
    struct canring_trace_entry *entries;
    union canring_frame_buffer **frames;
    size_t count;
    size_t damage;   /* times -EINVAL was returned */
    char error[512]; /* the first of them */
    bool unfinished;
    bool undated;
    uint64_t foreign;
    char buses[8][CANRING_TEXT_NAME];
};

static inline void rig_add(struct rig_list *list, const struct canring_trace_entry *entry)
{
    size_t n = list->count++;

    list->entries = realloc(list->entries, list->count * sizeof(*list->entries));
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): they are pointers */
    list->frames = realloc(list->frames, list->count * sizeof(*list->frames));
    assert_non_null(list->entries);
    assert_non_null(list->frames);
    list->entries[n] = *entry;
    list->frames[n] = NULL;
    if (entry->frame) {
        list->frames[n] = calloc(1, sizeof(union canring_frame_buffer));
        assert_non_null(list->frames[n]);
        canring_frame_copy(&list->frames[n]->frame, entry->frame);
        list->entries[n].frame = &list->frames[n]->frame;
    }
}

/* A frame in cansend's form, received (`tx`: sent) on bus `bus`, `after_ns` behind RIG_START_NS. */
static inline void rig_frame(struct rig_list *list, const char *text, uint32_t bus,
                             uint64_t after_ns, bool tx)
{
    union canring_frame_buffer frame;
    struct canring_error err = {0};

    memset(&frame, 0, sizeof(frame));
    if (canring_frame_parse(&frame, text, strlen(text), &err) < 0)
        fail_msg("%s: %s", text, err.text);
    frame.frame.timestamp_ns = RIG_START_NS + after_ns;
    frame.frame.flags |= CANRING_CLOCK_PROXY | (tx ? CANRING_TX : 0);
    rig_add(list, &(struct canring_trace_entry){.kind = CANRING_TRACE_FRAME,
                                                .bus = bus,
                                                .timestamp_ns = frame.frame.timestamp_ns,
                                                .frame = &frame.frame});
}

static inline void rig_free(struct rig_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->frames[i]);
    free(list->frames);
    free(list->entries);
    *list = (struct rig_list){0};
}

/* A file that an encoder writes. */
struct rig_output {
    const struct cr_trace_encoder *encoder;
    void *state;
    struct cr_trace_names names;
    struct cr_trace_totals totals;
    struct cr_bytes raw, out;
    size_t head; /* bytes of it */
    FILE *file;
};

static inline struct cr_bytes rig_bytes(size_t size)
{
    struct cr_bytes bytes = {.data = malloc(size), .size = size};

    assert_non_null(bytes.data);
    return bytes;
}

static inline void rig_begin(struct rig_output *f, const char *path, const char *format,
                             unsigned buses, uint64_t start_ns)
{
    const size_t room = 1 << 22;
    const struct cr_trace_format *kind = cr_trace_format_named(format, NULL);

    assert_non_null(kind);
    assert_non_null(kind->encoder);
    *f = (struct rig_output){.encoder = kind->encoder,
                             .state = calloc(1, kind->encoder->state_size + 1),
                             .totals = {.first_ns = start_ns},
                             .raw = rig_bytes(room),
                             .out = rig_bytes(cr_trace_pack_room(room)),
                             .file = fopen(path, "wb")};
    assert_non_null(f->state);
    assert_non_null(f->file);
    for (unsigned i = 0; i < buses; i++)
        assert_int_equal(cr_trace_names_channel(&f->names, i + 1), i);
    const struct cr_trace_start start = {.start_ns = start_ns, .names = &f->names};
    assert_int_equal(f->encoder->begin(f->state, &start, &f->out), 0);
    f->head = f->out.used;
    assert_int_equal(fwrite(f->out.data, 1, f->out.used, f->file), f->out.used);
    f->totals.file_bytes = f->out.used;
}

/* False: the format has no way to hold it. */
static inline bool rig_entry(struct rig_output *f, const struct canring_trace_entry *entry)
{
    size_t before = f->raw.used;

    if (f->encoder->latest_ns && entry->timestamp_ns > f->encoder->latest_ns)
        return false; /* the writer asks no further either */
    int result = f->encoder->entry(f->state, entry, &f->raw);

    assert_true(f->raw.used - before <= CR_TRACE_ENTRY_ROOM);
    if (result == -EOPNOTSUPP || result == -ECHRNG) {
        assert_int_equal(f->raw.used, before);
        return false;
    }
    assert_int_equal(result, 0);
    f->totals.entries++;
    f->totals.last_ns = entry->timestamp_ns;
    return true;
}

static inline void rig_flush(struct rig_output *f)
{
    if (!f->raw.used)
        return;
    f->out.used = 0;
    if (f->encoder->pack)
        assert_int_equal(f->encoder->pack(f->raw.data, f->raw.used, &f->out), 0);
    else
        cr_bytes_put(&f->out, f->raw.data, f->raw.used);
    assert_false(f->raw.overflow);
    assert_false(f->out.overflow);
    assert_int_equal(fwrite(f->out.data, 1, f->out.used, f->file), f->out.used);
    f->totals.file_bytes += f->out.used;
    f->totals.raw_bytes += f->raw.used;
    f->totals.blocks++;
    f->raw.used = 0;
}

static inline void rig_end(struct rig_output *f)
{
    if (f->encoder->end)
        assert_int_equal(f->encoder->end(f->state, &f->raw), 0);
    rig_flush(f);
    if (f->encoder->header) {
        f->out.used = 0;
        assert_int_equal(f->encoder->header(f->state, &f->totals, &f->out), 0);
        assert_int_equal(f->out.used, f->head);
        rewind(f->file);
        assert_int_equal(fwrite(f->out.data, 1, f->out.used, f->file), f->out.used);
    }
    assert_int_equal(fclose(f->file), 0);
    free(f->state);
    free(f->raw.data);
    free(f->out.data);
    cr_trace_names_free(&f->names);
}

/* Write `list` as `format` to `path`, on buses named "can0", "can1", … "can<buses - 1>". `refused`
 * counts entries that the format has no way to hold. */
static inline void rig_write(const char *path, const char *format, const struct rig_list *list,
                             unsigned buses, size_t *refused)
{
    struct rig_output f;

    rig_begin(&f, path, format, buses, list->count ? list->entries[0].timestamp_ns : 0);
    *refused = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (!rig_entry(&f, &list->entries[i]))
            ++*refused;
        if (f.raw.used > 100000)
            rig_flush(&f);
    }
    rig_end(&f);
}

/* Read all of a file, over damage. `format` NULL: as found. Returns what open returned. */
static inline int rig_read(const char *path, const char *format, struct rig_list *list)
{
    struct canring_trace_reader *reader;
    struct canring_trace_entry entry;
    struct canring_error err = {0};
    int result = canring_trace_reader_open(&reader, path, format, &err);

    *list = (struct rig_list){0};
    if (result < 0) {
        snprintf(list->error, sizeof(list->error), "%s", err.text);
        return result;
    }
    while ((result = canring_trace_reader_next(reader, &entry, &err)) != 0) {
        if (result == 1) {
            if (entry.frame)
                assert_int_equal(
                    canring_frame_check(entry.frame, sizeof(union canring_frame_buffer)), 0);
            rig_add(list, &entry);
            continue;
        }
        if (list->damage++ == 0)
            snprintf(list->error, sizeof(list->error), "%s", err.text);
        if (result != -EINVAL)
            break;
    }
    for (uint32_t i = 0; i < 8; i++) {
        const char *name = canring_trace_reader_bus(reader, i);
        if (name)
            snprintf(list->buses[i], sizeof(list->buses[i]), "%s", name);
    }
    list->unfinished = canring_trace_reader_unfinished(reader);
    list->undated = canring_trace_reader_undated(reader);
    list->foreign = canring_trace_reader_foreign(reader);
    canring_trace_reader_close(reader);
    return 0;
}

/* Same frame, but for the flags in `ignored` and times that differ by less than `grain_ns`. */
static inline void rig_same(const struct canring_trace_entry *a,
                            const struct canring_trace_entry *b, uint16_t ignored,
                            uint64_t grain_ns)
{
    uint64_t low = a->timestamp_ns < b->timestamp_ns ? a->timestamp_ns : b->timestamp_ns;
    uint64_t high = a->timestamp_ns ^ b->timestamp_ns ^ low;

    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->bus, b->bus);
    assert_true(high - low < (grain_ns ? grain_ns : 1));
    if (!a->frame)
        return;
    assert_int_equal(a->frame->id, b->frame->id);
    assert_int_equal(a->frame->flags & ~ignored, b->frame->flags & ~ignored);
    assert_int_equal(a->frame->size, b->frame->size);
    assert_memory_equal(a->frame->data, b->frame->data, a->frame->size - CANRING_FRAME_HEADER);
}

/* A mixed set: standard, extended, remote, error, raw DLC, FD with all flags and lengths, sent and
 * received, two buses; XL last when asked for. Every entry 1,234,567 ns behind the one before. */
static inline void rig_mixed(struct rig_list *list, bool xl)
{
    static const char *const texts[] = {
        "123#1122334455667788",
        "7FF#",
        "000#00",
        "12345678#112233",
        "00000123#AA",
        "1FFFFFFF#01",
        "123#R",
        "123#R8",
        "12345678#R4",
        "123#0102030405060708_E",
        "123#R8_9",
        "20000080#0000000000000000",
        "20000004#0010000000000000",
        "123##4",
        "123##411",
        "12345678##5112233445566778899AABBCC",
        "123##611223344",
        rig_fd64,
        "001##500112233445566778899AABBCCDDEEFF",
    };
    static const char *const xls[] = {"45123#81:00:12345678#11223344", "00001#80:05:00000001#FF"};
    size_t n = sizeof(texts) / sizeof(*texts);

    for (size_t i = 0; i < n; i++)
        rig_frame(list, texts[i], i % 3 == 2, i * 1234567, i % 4 == 3);
    for (size_t i = 0; xl && i < sizeof(xls) / sizeof(*xls); i++)
        rig_frame(list, xls[i], 0, (n + i) * 1234567, false);
}

#endif
