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

/* Entries that a file was made of or that were read from it. */
struct rig_list {
    struct canring_trace_entry *entries;
    union canring_frame_buffer **frames;
    size_t count;
    size_t damage;   /* times -EINVAL was returned */
    char error[512]; /* the first of them */
    bool unfinished;
    char buses[8][CANRING_TEXT_NAME];
};

static inline void rig_add(struct rig_list *list, const struct canring_trace_entry *entry)
{
    size_t n = list->count++;

    list->entries = realloc(list->entries, list->count * sizeof(*list->entries));
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

/* Write `list` as `format` to `path`, on buses named "can0", "can1", … "can<buses - 1>". `refused`
 * counts entries that the format has no way to hold. */
static inline void rig_write(const char *path, const char *format, const struct rig_list *list,
                             unsigned buses, size_t *refused)
{
    struct canring_error err = {0};
    const struct cr_trace_format *kind = cr_trace_format_named(format, &err);
    struct cr_trace_names names = {0};
    struct cr_trace_totals totals = {0};
    size_t room = 1 << 22;
    struct cr_bytes raw = {.data = malloc(room), .size = room};
    struct cr_bytes out = {.data = malloc(cr_trace_pack_room(room)),
                           .size = cr_trace_pack_room(room)};
    FILE *file = fopen(path, "wb");

    assert_non_null(kind);
    assert_non_null(kind->encoder);
    assert_non_null(file);
    assert_non_null(raw.data);
    assert_non_null(out.data);
    const struct cr_trace_encoder *encoder = kind->encoder;
    void *state = calloc(1, encoder->state_size + 1);
    assert_non_null(state);
    for (unsigned i = 0; i < buses; i++)
        assert_int_equal(cr_trace_names_channel(&names, i + 1), i);
    struct cr_trace_start start = {.start_ns = list->count ? list->entries[0].timestamp_ns : 0,
                                   .names = &names};
    *refused = 0;
    assert_int_equal(encoder->begin(state, &start, &out), 0);
    size_t head = out.used;
    fwrite(out.data, 1, out.used, file);
    totals.file_bytes = out.used;
    for (size_t i = 0; i <= list->count; i++) {
        if (i < list->count) {
            size_t before = raw.used;
            int result = encoder->entry(state, &list->entries[i], &raw);
            assert_true(raw.used - before <= CR_TRACE_ENTRY_ROOM);
            if (result == -EOPNOTSUPP || result == -ECHRNG) {
                assert_int_equal(raw.used, before);
                ++*refused;
            } else {
                assert_int_equal(result, 0);
                totals.entries++;
                totals.last_ns = list->entries[i].timestamp_ns;
            }
        } else if (encoder->end) {
            assert_int_equal(encoder->end(state, &raw), 0);
        }
        if (raw.used && (raw.used > 100000 || i == list->count)) {
            out.used = 0;
            if (encoder->pack)
                assert_int_equal(encoder->pack(raw.data, raw.used, &out), 0);
            else
                cr_bytes_put(&out, raw.data, raw.used);
            assert_false(out.overflow);
            assert_int_equal(fwrite(out.data, 1, out.used, file), out.used);
            totals.file_bytes += out.used;
            totals.raw_bytes += raw.used;
            totals.blocks++;
            raw.used = 0;
        }
    }
    assert_false(raw.overflow);
    totals.first_ns = start.start_ns;
    if (encoder->header) {
        out.used = 0;
        assert_int_equal(encoder->header(state, &totals, &out), 0);
        assert_int_equal(out.used, head);
        rewind(file);
        fwrite(out.data, 1, out.used, file);
    }
    assert_int_equal(fclose(file), 0);
    free(state);
    free(raw.data);
    free(out.data);
    cr_trace_names_free(&names);
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
        "7FF##7"
        "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"
        "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
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
