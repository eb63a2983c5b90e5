/* Bytes on their way into a recording.
 *
 * Encoders append to it; whoever calls them has made room beforehand, so that nothing is
 * allocated while frames come in. What does not fit is left out and `overflow` set, never written.
 */
#ifndef CANRING_TRACE_BYTES_H
#define CANRING_TRACE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cr_bytes {
    uint8_t *data;
    size_t used;
    size_t size;
    bool overflow;
};

/* Where the next `length` bytes go, or NULL. The caller fills them and adds to `used`. */
static inline void *cr_bytes_room(struct cr_bytes *bytes, size_t length)
{
    if (length > bytes->size - bytes->used) {
        bytes->overflow = true;
        return NULL;
    }
    return bytes->data + bytes->used;
}

static inline void cr_bytes_put(struct cr_bytes *bytes, const void *from, size_t length)
{
    void *to = cr_bytes_room(bytes, length);
    if (to && length) {
        memcpy(to, from, length);
        bytes->used += length;
    }
}

static inline void cr_bytes_zero(struct cr_bytes *bytes, size_t length)
{
    void *to = cr_bytes_room(bytes, length);
    if (to && length) {
        memset(to, 0, length);
        bytes->used += length;
    }
}

/* Numbers, least significant byte first. */
static inline void cr_bytes_le16(struct cr_bytes *bytes, uint16_t value)
{
    const uint8_t raw[] = {(uint8_t)value, (uint8_t)(value >> 8)};
    cr_bytes_put(bytes, raw, sizeof(raw));
}

static inline void cr_bytes_le32(struct cr_bytes *bytes, uint32_t value)
{
    cr_bytes_le16(bytes, (uint16_t)value);
    cr_bytes_le16(bytes, (uint16_t)(value >> 16));
}

static inline uint16_t cr_get_le16(const uint8_t *raw)
{
    return (uint16_t)(raw[0] | raw[1] << 8);
}

static inline uint32_t cr_get_le32(const uint8_t *raw)
{
    return cr_get_le16(raw) | (uint32_t)cr_get_le16(raw + 2) << 16;
}

static inline uint64_t cr_get_le64(const uint8_t *raw)
{
    return cr_get_le32(raw) | (uint64_t)cr_get_le32(raw + 4) << 32;
}

static inline uint16_t cr_get_be16(const uint8_t *raw)
{
    return (uint16_t)(raw[0] << 8 | raw[1]);
}

static inline uint32_t cr_get_be32(const uint8_t *raw)
{
    return (uint32_t)cr_get_be16(raw) << 16 | cr_get_be16(raw + 2);
}

#endif
