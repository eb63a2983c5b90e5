/* Numbers of a capture file, which is in the byte order of the machine that made it. */
#ifndef CANRING_TRACE_BYTEORDER_H
#define CANRING_TRACE_BYTEORDER_H

#include "can/trace/bytes.h"

static inline uint16_t cr_get_16(bool big, const uint8_t *raw)
{
    return big ? cr_get_be16(raw) : cr_get_le16(raw);
}

static inline uint32_t cr_get_32(bool big, const uint8_t *raw)
{
    return big ? cr_get_be32(raw) : cr_get_le32(raw);
}

static inline uint64_t cr_get_64(bool big, const uint8_t *raw)
{
    uint64_t first = cr_get_32(big, raw), second = cr_get_32(big, raw + 4);

    return big ? first << 32 | second : second << 32 | first;
}

#endif
