/* What the tests of Vector's binary log share: a folder for files, and files made in one go. */
#ifndef CANRING_TESTS_BLF_RIG_H
#define CANRING_TESTS_BLF_RIG_H

#include "can/trace/blf.h"
#include "trace_rig.h"

#define MS UINT64_C(1000000)

static char blf_dir[64];

static inline const char *in_dir(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", blf_dir, name);
    return path;
}

static inline size_t get(const char *name, uint8_t *to, size_t room)
{
    FILE *file = fopen(in_dir(name), "rb");

    assert_non_null(file);
    size_t length = fread(to, 1, room, file);
    assert_true(length < room);
    assert_int_equal(fclose(file), 0);
    return length;
}

static inline void put(const char *name, const uint8_t *data, size_t length)
{
    (void)unlink(in_dir(name)); /* some file systems flush a file that is cut to nothing */
    FILE *file = fopen(in_dir(name), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static inline void add_lost(struct rig_list *list, uint32_t bus, uint64_t after_ns, uint64_t lost)
{
    rig_add(list, &(struct canring_trace_entry){.kind = CANRING_TRACE_LOST,
                                                .bus = bus,
                                                .timestamp_ns = RIG_START_NS + after_ns,
                                                .lost = lost});
}

static inline void same_all(const struct rig_list *in, const struct rig_list *out)
{
    assert_int_equal(out->count, in->count);
    for (size_t i = 0; i < in->count; i++) {
        rig_same(&in->entries[i], &out->entries[i], 0, 0);
        assert_int_equal(in->entries[i].lost, out->entries[i].lost);
    }
}

/* A file of `list` with a container for every `each` entries; its header is what a writer that was
 * killed leaves. *ends[i]: size of the file up to and with entry i's container. */
static inline size_t build(const struct rig_list *list, size_t each, bool plain, uint8_t *to,
                           size_t room, size_t *ends)
{
    struct cr_trace_names names = {0};
    struct cr_bytes out = {.data = to, .size = room};
    static uint8_t bytes[1 << 20];
    struct cr_bytes raw = {.data = bytes, .size = sizeof(bytes)};
    void *state = calloc(1, cr_blf_encoder.state_size);
    struct cr_trace_start start = {.start_ns = RIG_START_NS, .names = &names};

    assert_non_null(state);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(cr_trace_names_channel(&names, i + 1), i);
    assert_int_equal(cr_blf_encoder.begin(state, &start, &out), 0);
    for (size_t i = 0, first = 0; i < list->count; i++) {
        assert_int_equal(cr_blf_encoder.entry(state, &list->entries[i], &raw), 0);
        if (i + 1 - first < each && i + 1 < list->count)
            continue;
        if (plain) {
            const uint8_t head[32] = {'L', 'O', 'B', 'J', 16, 0, 1};
            uint8_t *at = out.data + out.used;
            cr_bytes_put(&out, head, sizeof(head));
            blf_put32(at + 8, (uint32_t)(32 + raw.used));
            at[12] = 10;
            blf_put32(at + 24, (uint32_t)raw.used);
            cr_bytes_put(&out, raw.data, raw.used);
        } else {
            assert_int_equal(cr_blf_pack(raw.data, raw.used, &out), 0);
        }
        raw.used = 0;
        for (; first <= i; first++)
            ends[first] = out.used;
    }
    assert_false(out.overflow);
    free(state);
    cr_trace_names_free(&names);
    return out.used;
}

static inline void make_many(struct rig_list *list, unsigned count)
{
    rig_mixed(list, true);
    add_lost(list, 1, 30 * MS, 3);
    for (unsigned i = 0; i < count; i++) {
        char text[40];
        snprintf(text, sizeof(text), "%03X#%08X%08X", i * 13 % 0x800, i * 2654435761u,
                 i * 40503u * 65537u);
        rig_frame(list, text, i % 2, 40 * MS + i * 1001, i % 5 == 0);
    }
    rig_mixed(list, false);
}

static inline int make_dir(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    snprintf(blf_dir, sizeof(blf_dir), "/tmp/canring-blf-XXXXXX");
    return mkdtemp(blf_dir) ? 0 : -1;
}

static inline int remove_dir(void **state)
{
    static const char *const names[] = {"a.blf", "cut", "bad", "killed"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unlink(in_dir(names[i]));
    return rmdir(blf_dir);
}

#endif
