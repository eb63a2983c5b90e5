/* Containers of Vector's binary log, written. */
#define ZLIB_CONST
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "can/trace/blf.h"
#include "can/trace/bytes.h"

/* Objects are mostly zeros: the fastest level leaves a fifth to a third of them, the others hardly
 * less. */
#define LEVEL 1

/* Deflate to `to`, at most `room` bytes. Returns how many, 0: they do not get into it; -ENOMEM. */
static int64_t deflate_into(const void *raw, size_t length, uint8_t *to, size_t room)
{
    z_stream stream = {0};

    if (deflateInit(&stream, LEVEL) != Z_OK)
        return -ENOMEM;
    stream.next_in = raw;
    stream.avail_in = (uInt)length;
    stream.next_out = to;
    stream.avail_out = (uInt)room;
    int result = deflate(&stream, Z_FINISH);
    int64_t done = result == Z_STREAM_END ? (int64_t)(room - stream.avail_out) : 0;
    deflateEnd(&stream);
    return done;
}

int cr_blf_pack(const void *raw, size_t length, struct cr_bytes *out)
{
    uint8_t *to = cr_bytes_room(out, BLF_CONTAINER_HEADER + length + 3);

    if (!to)
        return -ENOSPC;
    memset(to, 0, BLF_CONTAINER_HEADER);
    int64_t stored = deflate_into(raw, length, to + BLF_CONTAINER_HEADER, length);
    if (stored < 0)
        return (int)stored;
    uint32_t method = stored ? BLF_METHOD_ZLIB : BLF_METHOD_NONE;
    if (!stored) {
        memcpy(to + BLF_CONTAINER_HEADER, raw, length);
        stored = (int64_t)length;
    }
    uint32_t size = BLF_CONTAINER_HEADER + (uint32_t)stored;
    memcpy(to, "LOBJ", 4);
    blf_put16(to + 4, BLF_OBJECT_BASE);
    blf_put16(to + 6, 1);
    blf_put32(to + 8, size);
    blf_put32(to + 12, BLF_LOG_CONTAINER);
    blf_put16(to + 16, method);
    blf_put32(to + 24, (uint32_t)length);
    out->used += size;
    cr_bytes_zero(out, size % 4);
    return 0;
}
