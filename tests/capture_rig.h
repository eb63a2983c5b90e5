/* Capture files made by hand, byte by byte, in either byte order: what other machines and older
 * programs have written, and what nobody should. */
#ifndef CANRING_TESTS_CAPTURE_RIG_H
#define CANRING_TESTS_CAPTURE_RIG_H

#include "trace_rig.h"

struct rig_file {
    uint8_t data[1 << 16];
    size_t used;
    size_t block; /* where the block that is open begins */
    bool big;
};

static inline void file_raw(struct rig_file *file, const void *raw, size_t length)
{
    assert_true(file->used + length <= sizeof(file->data));
    memcpy(file->data + file->used, raw, length);
    file->used += length;
}

static inline void file_number(struct rig_file *file, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * (file->big ? bytes - 1 - i : i)));
        file_raw(file, &byte, 1);
    }
}

static inline void file_16(struct rig_file *file, uint64_t value)
{
    file_number(file, value, 2);
}

static inline void file_32(struct rig_file *file, uint64_t value)
{
    file_number(file, value, 4);
}

static inline void file_pad(struct rig_file *file)
{
    while (file->used % 4)
        file_raw(file, "", 1);
}

static inline void file_block(struct rig_file *file, uint32_t type)
{
    file->block = file->used;
    file_32(file, type);
    file_32(file, 0);
}

static inline void file_block_end(struct rig_file *file)
{
    size_t length, end;

    file_pad(file);
    length = file->used + 4 - file->block;
    file_32(file, length);
    end = file->used;
    file->used = file->block + 4;
    file_32(file, length);
    file->used = end;
}

static inline void file_option(struct rig_file *file, unsigned code, const void *value,
                               size_t length)
{
    file_16(file, code);
    file_16(file, length);
    file_raw(file, value, length);
    file_pad(file);
}

/* A section header of pcapng, in this byte order from now on. */
static inline void file_section(struct rig_file *file, bool big)
{
    file->big = big;
    file_block(file, 0x0a0d0d0a);
    file_32(file, 0x1a2b3c4d);
    file_16(file, 1);
    file_16(file, 0);
    file_number(file, UINT64_MAX, 8);
    file_block_end(file);
}

/* `name`: NULL for none. `resolution`: 0 leaves it out. */
static inline void file_interface(struct rig_file *file, unsigned linktype, const char *name,
                                  uint8_t resolution, int64_t offset)
{
    file_block(file, 1);
    file_16(file, linktype);
    file_16(file, 0);
    file_32(file, 0);
    if (name)
        file_option(file, 2, name, strlen(name));
    if (resolution)
        file_option(file, 9, &resolution, 1);
    if (offset) {
        file_16(file, 14);
        file_16(file, 8);
        file_number(file, (uint64_t)offset, 8);
    }
    file_block_end(file);
}

/* Begin an enhanced packet: options may follow. */
static inline void file_packet(struct rig_file *file, uint32_t interface, uint64_t time,
                               const void *packet, size_t length)
{
    file_block(file, 6);
    file_32(file, interface);
    file_32(file, time >> 32);
    file_32(file, time & UINT32_MAX);
    file_32(file, length);
    file_32(file, length);
    file_raw(file, packet, length);
    file_pad(file);
}

/* The file on disk, of the test that runs. */
static char capture_path[64];

static inline int capture_make_path(void **state)
{
    (void)state;
    snprintf(capture_path, sizeof(capture_path), "/tmp/canring-capture-XXXXXX");
    int fd = mkstemp(capture_path);
    return fd < 0 ? -1 : close(fd);
}

static inline int capture_remove_path(void **state)
{
    (void)state;
    return unlink(capture_path);
}

static inline void file_save(const struct rig_file *file, size_t length)
{
    FILE *out = fopen(capture_path, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(file->data, 1, length, out), length);
    assert_int_equal(fclose(out), 0);
}

static inline void file_load(struct rig_file *file)
{
    FILE *in = fopen(capture_path, "rb");

    assert_non_null(in);
    file->used = fread(file->data, 1, sizeof(file->data), in);
    assert_true(file->used > 0 && file->used < sizeof(file->data));
    assert_int_equal(fclose(in), 0);
}

/* All entries of `file`'s first `length` bytes. */
static inline void file_read(const struct rig_file *file, size_t length, const char *format,
                             struct rig_list *out)
{
    file_save(file, length);
    assert_int_equal(rig_read(capture_path, format, out), 0);
}

/* Is `part` the beginning of `all`, but for these flags? */
static inline void is_prefix(const struct rig_list *part, const struct rig_list *all,
                             uint16_t ignored)
{
    assert_true(part->count <= all->count);
    for (size_t i = 0; i < part->count; i++)
        rig_same(&part->entries[i], &all->entries[i], ignored, 0);
}

/* Write `in` and read it again: nothing is refused, damaged or missing. */
static inline void capture_again(const char *format, const struct rig_list *in, unsigned buses,
                                 struct rig_list *out)
{
    size_t refused;

    rig_write(capture_path, format, in, buses, &refused);
    assert_int_equal(refused, 0);
    assert_int_equal(rig_read(capture_path, NULL, out), 0);
    assert_int_equal(out->damage, 0);
    assert_int_equal(out->count, in->count);
}

/* However much of a file is left, it is read up to there: one byte more gives at most `more`
 * entries more, the last byte `final`. */
static inline void capture_cut_everywhere(const char *format, const struct rig_file *file,
                                          const struct rig_list *all, size_t more, size_t final)
{
    struct rig_list part;
    size_t last = 0;

    for (size_t length = 0; length < file->used; length++) {
        file_read(file, length, format, &part);
        is_prefix(&part, all, 0);
        assert_true(part.count >= last && part.count <= last + more);
        assert_int_equal(part.damage != 0, part.unfinished && length > 0);
        last = part.count;
        rig_free(&part);
    }
    assert_int_equal(last + final, all->count);
}

/* Change one byte at a time, none before `first`: it costs at most `cost` entries. */
static inline void capture_corrupt_randomly(const char *format, struct rig_file *file,
                                            const struct rig_list *all, size_t first, size_t cost)
{
    struct rig_list part;
    unsigned seed = 1;

    for (int round = 0; round < 3000; round++) {
        seed = seed * 1103515245 + 12345;
        size_t at = first + (seed >> 8) % (file->used - first);
        uint8_t was = file->data[at];
        file->data[at] ^= (uint8_t)(1 + (seed >> 3) % 255);
        file_read(file, file->used, format, &part);
        assert_true(part.count + cost >= all->count && part.count <= all->count + 2);
        file->data[at] = was;
        rig_free(&part);
    }
}

#endif
