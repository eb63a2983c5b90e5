/* What the tests of recordings as text share: files, time zones, cutting and corrupting. */
#ifndef CANRING_TESTS_TRACE_TEXT_RIG_H
#define CANRING_TESTS_TRACE_TEXT_RIG_H

#include <time.h>

#include "trace_rig.h"

static char text_dir[64];
static const char *const text_two_buses[] = {"can0", "can1", NULL};

static inline const char *text_path(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", text_dir, name);
    return path;
}

static inline void text_put(const char *path, const void *text, size_t length)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* The caller frees it. */
static inline char *text_get(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);

    assert_non_null(file);
    assert_non_null(text);
    *length = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    return text;
}

static inline void text_zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
}

/* What a file of this text holds. */
static inline void text_read(const char *format, const char *text, size_t length,
                             struct rig_list *out)
{
    text_put(text_path("text"), text, length);
    assert_int_equal(rig_read(text_path("text"), format, out), 0);
}

/* Entries as text, on buses of these names; the caller frees it. */
static inline char *text_encode(const char *format, const struct rig_list *list, unsigned digits,
                                const char *const *buses, size_t *length)
{
    const struct cr_trace_encoder *encoder = cr_trace_format_named(format, NULL)->encoder;
    struct cr_trace_names names = {0};
    struct cr_bytes out = {.data = calloc(1, 1 << 20), .size = 1 << 20};
    void *state = calloc(1, encoder->state_size);

    assert_non_null(out.data);
    assert_non_null(state);
    for (int i = 0; buses[i]; i++)
        assert_int_equal(cr_trace_names_find(&names, buses[i], strlen(buses[i])), i);
    struct cr_trace_start start = {
        .start_ns = list->entries[0].timestamp_ns, .names = &names, .digits = digits};
    assert_int_equal(encoder->begin(state, &start, &out), 0);
    for (size_t i = 0; i < list->count; i++)
        assert_int_equal(encoder->entry(state, &list->entries[i], &out), 0);
    if (encoder->end)
        assert_int_equal(encoder->end(state, &out), 0);
    assert_false(out.overflow);
    cr_trace_names_free(&names);
    free(state);
    *length = out.used;
    return (char *)out.data;
}

/* Entry `i` of one and `j` of the other. Buses go by their names. */
static inline bool text_same(const struct rig_list *one, size_t i, const struct rig_list *other,
                             size_t j)
{
    const struct canring_trace_entry *a = &one->entries[i], *b = &other->entries[j];

    if (a->kind != b->kind || a->timestamp_ns != b->timestamp_ns || a->lost != b->lost ||
        strcmp(one->buses[a->bus], other->buses[b->bus]) != 0)
        return false;
    return !a->frame ||
           (a->frame->size == b->frame->size && memcmp(a->frame, b->frame, a->frame->size) == 0);
}

/* Entry `i` is this frame, in candump's words, at this time. */
static inline void text_expect(const struct rig_list *list, size_t i, uint64_t time_ns,
                               const char *bus, const char *frame, bool tx)
{
    char text[CANRING_TEXT_MAX];

    assert_true(i < list->count);
    assert_non_null(list->entries[i].frame);
    assert_true(canring_frame_format(list->entries[i].frame, text, sizeof(text)) > 0);
    assert_string_equal(text, frame);
    assert_int_equal(list->entries[i].timestamp_ns, time_ns);
    assert_string_equal(list->buses[list->entries[i].bus], bus);
    assert_int_equal((list->entries[i].frame->flags & CANRING_TX) != 0, tx);
}

/* Of the mixed set all survive but the last `refused`, with times that differ by less than
 * `grain_ns`. */
static inline void text_round_trip(const char *format, bool xl, size_t refused, uint64_t grain_ns)
{
    struct rig_list in = {0}, out;
    size_t not_held;

    rig_mixed(&in, xl);
    rig_write(text_path("mixed"), format, &in, 2, &not_held);
    assert_int_equal(not_held, refused);
    assert_int_equal(rig_read(text_path("mixed"), NULL, &out), 0);
    assert_string_equal(out.error, "");
    assert_int_equal(out.count, in.count - refused);
    for (size_t i = 0; i < out.count; i++)
        rig_same(&in.entries[i], &out.entries[i], 0, grain_ns);
    assert_string_equal(out.buses[1], "can1");
    assert_false(out.unfinished);
    rig_free(&in);
    rig_free(&out);
}

/* With nine digits nothing of a time is lost. */
static inline void text_nanoseconds(const char *format, bool xl)
{
    struct rig_list in = {0}, out;
    size_t length;

    rig_mixed(&in, xl);
    char *text = text_encode(format, &in, 9, text_two_buses, &length);
    text_read(format, text, length, &out);
    assert_int_equal(out.count, in.count);
    for (size_t i = 0; i < in.count; i++)
        rig_same(&in.entries[i], &out.entries[i], 0, 1);
    free(text);
    rig_free(&in);
    rig_free(&out);
}

/* How a recording stands around a line that is damaged. */
struct text_frame {
    const char *format, *before, *after; /* lines with a frame of one byte each: AA, BB */
    const char *place;                   /* of the damage, as it is said */
    uint64_t before_ns, after_ns;
};

/* Each of these lines is skipped and named, the frames around it are read. */
static inline void text_damage(const struct text_frame *around, const char *const *damaged,
                               size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct rig_list out;
        char text[1024];
        snprintf(text, sizeof(text), "%s%s%s", around->before, damaged[i], around->after);
        text_read(around->format, text, strlen(text), &out);
        if (out.count != 2 || out.damage != 1)
            fail_msg("'%s': %zu frames, %zu damaged", damaged[i], out.count, out.damage);
        assert_non_null(strstr(out.error, around->place));
        text_expect(&out, 0, around->before_ns, "can0", "123#AA", false);
        text_expect(&out, 1, around->after_ns, "can0", "123#BB", false);
        rig_free(&out);
    }
}

/* A recording that somebody else has made; skips the test where they are not. */
static inline void text_read_others(const char *name, struct rig_list *out)
{
    char path[512];

    if (access(CANRING_TEST_DATA "/../../../shared/data", R_OK) < 0) {
        print_message("skipped: no recordings of others\n");
        skip();
    }
    snprintf(path, sizeof(path), CANRING_TEST_DATA "/../../../shared/data/%s", name);
    assert_int_equal(rig_read(path, NULL, out), 0);
}

static inline int text_probed(const char *format, const char *text)
{
    return cr_trace_format_named(format, NULL)->probe((const uint8_t *)text, strlen(text));
}

/* However much of a file is left: what is read is what the whole file begins with. */
static inline void text_cut_everywhere(const char *format, const char *text, size_t length)
{
    struct rig_list whole, part;

    text_read(format, text, length, &whole);
    assert_int_equal(whole.damage, 0);
    for (size_t cut = 0; cut < length; cut++) {
        text_read(format, text, cut, &part);
        assert_true(part.count <= whole.count);
        for (size_t i = 0; i < part.count; i++)
            assert_true(text_same(&part, i, &whole, i));
        assert_true(part.damage <= 1);
        assert_int_equal(part.unfinished, part.damage == 1);
        rig_free(&part);
    }
    rig_free(&whole);
}

/* One byte is changed behind `head`: everything on lines that it does not touch is as before. A
 * note and what it is about count as one. */
static inline void text_corrupt_randomly(const char *format, const char *text, size_t length,
                                         size_t head, unsigned rounds)
{
    struct rig_list whole, other;
    char *copy = malloc(length);
    uint32_t random = 12345;

    assert_non_null(copy);
    text_read(format, text, length, &whole);
    for (unsigned round = 0; round < rounds; round++) {
        memcpy(copy, text, length);
        random = random * 1664525 + 1013904223;
        size_t at = head + (random >> 8) % (length - head);
        random = random * 1664525 + 1013904223;
        copy[at] = (char)(random >> 16);
        text_read(format, copy, length, &other);
        size_t before = 0, behind = 0;
        while (before < other.count && before < whole.count &&
               text_same(&other, before, &whole, before))
            before++;
        while (behind < other.count - before && behind < whole.count - before &&
               text_same(&other, other.count - 1 - behind, &whole, whole.count - 1 - behind))
            behind++;
        assert_true(before + behind + 2 >= whole.count);
        assert_true(other.count <= whole.count + 1);
        rig_free(&other);
    }
    rig_free(&whole);
    free(copy);
}

static inline int text_make_dir(void **state)
{
    (void)state;
    snprintf(text_dir, sizeof(text_dir), "/tmp/canring-text-XXXXXX");
    text_zone("UTC");
    return mkdtemp(text_dir) ? 0 : -1;
}

static inline int text_remove_dir(void **state)
{
    (void)state;
    unlink(text_path("text"));
    unlink(text_path("mixed"));
    return rmdir(text_dir);
}

/* For scripts: "mixed FORMAT PATH" writes the mixed set and two losses, "print PATH" prints a
 * recording as candump would, with " T" behind frames that were sent. -1: no such command. */
static inline int text_command(int argc, char **argv)
{
    static char line[CANRING_TEXT_MAX + 128];
    struct rig_list list = {0};
    size_t refused;

    if (argc == 4 && strcmp(argv[1], "mixed") == 0) {
        rig_mixed(&list, true);
        for (uint64_t i = 0; i < 2; i++)
            rig_add(&list, &(struct canring_trace_entry){.kind = CANRING_TRACE_LOST,
                                                         .bus = 1,
                                                         .lost = i * 77,
                                                         .timestamp_ns = RIG_START_NS + 77 * i});
        rig_frame(&list, "7DF#01", 0, 99000000, false);
        rig_write(argv[3], argv[2], &list, 2, &refused);
        printf("%zu refused\n", refused);
    } else if (argc == 3 && strcmp(argv[1], "print") == 0) {
        if (rig_read(argv[2], NULL, &list) < 0 || list.damage) {
            fprintf(stderr, "%s\n", list.error);
            return 1;
        }
        for (size_t i = 0; i < list.count; i++) {
            const struct canring_trace_entry *entry = &list.entries[i];
            if (!entry->frame)
                continue;
            int length =
                canring_log_format(entry->frame, list.buses[entry->bus], 6, line, sizeof(line));
            assert_true(length > 0);
            line[length - 1] = '\0';
            printf("%s%s\n", line, entry->frame->flags & CANRING_TX ? " T" : "");
        }
    } else {
        return -1;
    }
    rig_free(&list);
    return 0;
}

#endif
