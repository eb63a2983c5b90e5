/* Vector's binary log as others write it, and as nobody should: objects made by hand. */
#ifndef CANRING_TESTS_BLF_OBJECTS_RIG_H
#define CANRING_TESTS_BLF_OBJECTS_RIG_H

#include "can/trace/blf.h"
#include "trace_rig.h"

#define START_NS (UINT64_C(1700000000) * 1000000000)

static char path[64];
static uint8_t objects[1 << 16], file[1 << 21];
static size_t made, stored;

static inline void head(uint8_t *to, uint16_t header, size_t size, uint32_t type)
{
    memset(to, 0, size + 3);
    memcpy(to, "LOBJ", 4);
    blf_put16(to + 4, header);
    blf_put16(to + 6, 1);
    blf_put32(to + 8, (uint32_t)size);
    blf_put32(to + 12, type);
}

/* Append an object of `length` bytes of body; its time is `ticks`. Returns the body. */
static inline uint8_t *object(uint32_t type, size_t length, uint32_t flags, int64_t ticks)
{
    uint8_t *to = objects + made;
    size_t size = BLF_OBJECT_HEADER + length;

    head(to, BLF_OBJECT_HEADER, size, type);
    blf_put32(to + BLF_OBJECT_FLAGS, flags);
    blf_put64(to + BLF_OBJECT_TIME, (uint64_t)ticks);
    made += size + size % 4;
    return to + BLF_OBJECT_HEADER;
}

/* A classic frame with data 1, 2, … on channel 1. */
static inline uint8_t *message(uint32_t id, unsigned dlc)
{
    uint8_t *body = object(BLF_CAN_MESSAGE, BLF_MESSAGE_BODY, BLF_TICKS_1NS, 0);

    body[0] = 1;
    body[3] = (uint8_t)dlc;
    blf_put32(body + 4, id);
    for (unsigned i = 0; i < 8; i++)
        body[8 + i] = (uint8_t)(i + 1);
    return body;
}

static inline void begin(void)
{
    memset(file, 0, 144);
    memcpy(file, "LOGG", 4);
    blf_put32(file + 4, 144);
    cr_blf_put_time(file + BLF_HEADER_START, START_NS);
    stored = 144;
    made = 0;
}

static inline void container(const uint8_t *data, size_t length, uint16_t method, uint32_t raw)
{
    uint8_t *to = file + stored;
    size_t size = BLF_CONTAINER_HEADER + length;

    head(to, BLF_OBJECT_BASE, size, BLF_LOG_CONTAINER);
    blf_put16(to + 16, method);
    blf_put32(to + 24, raw);
    if (length)
        memcpy(to + BLF_CONTAINER_HEADER, data, length);
    stored += size + size % 4;
}

static inline void read_file(struct rig_list *out)
{
    FILE *to = fopen(path, "wb");

    assert_non_null(to);
    assert_int_equal(fwrite(file, 1, stored, to), stored);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(rig_read(path, NULL, out), 0);
}

/* All objects in one container. */
static inline void read_objects(struct rig_list *out)
{
    container(objects, made, BLF_METHOD_NONE, (uint32_t)made);
    read_file(out);
}

static inline void is_frame(const struct rig_list *list, size_t index, const char *text)
{
    char line[CANRING_TEXT_MAX];

    assert_true(index < list->count);
    assert_non_null(list->entries[index].frame);
    int length = canring_log_format(list->entries[index].frame, "x", 9, line, sizeof(line));
    assert_true(length > 0);
    line[length - 1] = '\0';
    assert_string_equal(strrchr(line, ' ') + 1, text);
}

static inline int make_path(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    snprintf(path, sizeof(path), "/tmp/canring-blf-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static inline int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

#endif
