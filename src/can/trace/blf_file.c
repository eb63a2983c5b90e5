#define ZLIB_CONST
#include "can/trace/blf_file.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "can/trace/blf.h"

/* Read at least so much at once. */
#define CHUNK 65536u

/* A container, the begin of an object before it, and what was read behind it. */
#define MOST (CR_BLF_CONTAINER_MAX + 2 * CHUNK)

/* What unpacks to more than this many bytes at first gets more as it goes. */
#define FIRST_ROOM 131072u

/* A damaged container whose size is in doubt is searched for others; so many that turn out damaged
 * too, and the search is given up: each try costs as much as the container. */
#define TRIES 2u

/* How unpacking ended. */
enum unpacked {
    WHOLE,   /* checksum and all */
    PARTIAL, /* the file ends too early */
    BROKEN,
};

/* Make sure that `count` more bytes fit behind bytes->end. -ENOMEM; -EFBIG: above the largest
 * container. */
static int reserve(struct cr_blf_bytes *bytes, size_t count)
{
    size_t have = cr_blf_have(bytes);

    if (count <= bytes->size - bytes->end)
        return 0;
    if (bytes->begin) {
        memmove(bytes->data, bytes->data + bytes->begin, have);
        bytes->begin = 0;
        bytes->end = have;
    }
    if (count <= bytes->size - have)
        return 0;
    if (have + count > MOST)
        return -EFBIG;
    size_t size = bytes->size ? bytes->size : FIRST_ROOM;
    while (size - have < count)
        size = size < MOST / 2 ? size * 2 : MOST;
    uint8_t *data = realloc(bytes->data, size);
    if (!data)
        return -ENOMEM;
    bytes->data = data;
    bytes->size = size;
    return 0;
}

void cr_blf_free(struct cr_blf_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct cr_blf_bytes){0};
}

static int cannot_read(const struct cr_blf_file *file, int code, struct canring_error *err)
{
    return canring_error_set(err, code, "%s: byte %llu: cannot read: %s", file->source->path,
                             (unsigned long long)file->offset, strerror(-code));
}

/* See to it that `want` bytes of the file are in `stored`, fewer only at its end. 0 or negative
 * errno, with `err`. */
static int fill(struct cr_blf_file *file, size_t want, struct canring_error *err)
{
    struct cr_blf_bytes *stored = &file->stored;

    while (cr_blf_have(stored) < want && !file->at_end) {
        int result = reserve(stored, CHUNK);
        if (result < 0)
            return cannot_read(file, result, err);
        int64_t got = cr_trace_input_read(file->source->input, stored->data + stored->end, CHUNK);
        if (got < 0)
            return cannot_read(file, (int)got, err);
        stored->end += (size_t)got;
        file->at_end = got < CHUNK;
    }
    return 0;
}

static void take(struct cr_blf_file *file, size_t count)
{
    size_t have = cr_blf_have(&file->stored);

    if (count > have)
        count = have;
    file->stored.begin += count;
    file->offset += count;
}

static int damaged(const struct cr_blf_file *file, uint64_t at, const char *what,
                   struct canring_error *err)
{
    return canring_error_set(err, -EINVAL, "%s: byte %llu: %s", file->source->path,
                             (unsigned long long)at, what);
}

static int told_cut(struct cr_blf_file *file, uint64_t at, struct canring_error *err)
{
    file->source->unfinished = true;
    return damaged(file, at, "the file ends in the middle of this object", err);
}

static const uint8_t *front(const struct cr_blf_file *file)
{
    return file->stored.data + file->stored.begin;
}

/* What is left at the file's end is padding, or the begin of an object. */
static int leftover(struct cr_blf_file *file, uint64_t from, struct canring_error *err)
{
    size_t have = cr_blf_have(&file->stored);
    bool begun = false;

    if (!have)
        return 0;
    const uint8_t *rest = front(file);
    for (size_t i = have > 3 ? have - 3 : 0; i < have; i++)
        begun |= memcmp(rest + i, "LOBJ", have - i) == 0;
    uint64_t at = file->offset;
    take(file, have);
    if (begun)
        return told_cut(file, at, err);
    if (file->offset - from > BLF_PADDING)
        return damaged(file, from, "bytes that are no object, up to the end", err);
    return 0;
}

/* Go to the next object's begin. 1; 0: there is none; -EINVAL: it was not where it had to be. */
static int find_object(struct cr_blf_file *file, struct canring_error *err)
{
    uint64_t from = file->offset;

    for (;;) {
        int result = fill(file, BLF_OBJECT_BASE, err);
        if (result < 0)
            return result;
        size_t have = cr_blf_have(&file->stored);
        const uint8_t *found = have ? memmem(front(file), have, "LOBJ", 4) : NULL;
        if (found) {
            take(file, (size_t)(found - front(file)));
            break;
        }
        if (have > 3)
            take(file, have - 3);
        if (file->at_end)
            return leftover(file, from, err);
    }
    if (file->offset - from > BLF_PADDING)
        return damaged(file, from, "bytes that are no object were skipped", err);
    return 1;
}

/* Whether an object of `size` bytes ends where the next one begins, or the file. 1, 0, or negative
 * errno. */
static int ends_well(struct cr_blf_file *file, size_t size, struct canring_error *err)
{
    int result = fill(file, size + BLF_PADDING + 4, err);

    if (result < 0)
        return result;
    size_t have = cr_blf_have(&file->stored);
    if (have < size)
        return 0;
    size_t behind = have - size < BLF_PADDING + 4 ? have - size : BLF_PADDING + 4;
    return behind <= BLF_PADDING || memmem(front(file) + size, behind, "LOBJ", 4) != NULL;
}

/* Unpack `length` bytes behind what `raw` holds; `cut`: there were more of them. *used: how many of
 * them it took. Without the checksum at the end nothing shows that what came out is right, unless
 * that end was cut off. */
static int unpack(struct cr_blf_bytes *raw, const uint8_t *data, size_t length, bool cut,
                  size_t *used)
{
    z_stream stream = {.next_in = data, .avail_in = (uInt)length};
    size_t before = cr_blf_have(raw);
    int result = Z_OK;

    if (inflateInit(&stream) != Z_OK)
        return -ENOMEM;
    while (result == Z_OK) {
        int room = reserve(raw, CHUNK);
        if (room == -ENOMEM)
            result = Z_MEM_ERROR;
        if (room < 0)
            break;
        size_t space = raw->size - raw->end;
        stream.next_out = raw->data + raw->end;
        stream.avail_out = (uInt)space;
        result = inflate(&stream, Z_NO_FLUSH);
        raw->end += space - stream.avail_out;
    }
    *used = length - stream.avail_in;
    inflateEnd(&stream);
    if (result == Z_STREAM_END)
        return WHOLE;
    if (result == Z_BUF_ERROR && cut)
        return PARTIAL;
    raw->end = raw->begin + before;
    return result == Z_MEM_ERROR ? -ENOMEM : BROKEN;
}

/* Leave a container that is damaged: behind its end, or when that is in doubt, behind its begin. */
static int leave_damaged(struct cr_blf_file *file, size_t size, struct canring_error *err)
{
    int well = ends_well(file, size, err);

    if (well < 0)
        return well;
    if (file->offset >= file->doubtful)
        file->tries = 0;
    if (file->doubtful < file->offset + size)
        file->doubtful = file->offset + size;
    if (well)
        take(file, size);
    else if (++file->tries > TRIES)
        take(file, (size_t)(file->doubtful - file->offset));
    else
        take(file, BLF_OBJECT_BASE);
    return damaged(file, file->at, "a damaged container was skipped", err);
}

static int copy_plain(struct cr_blf_bytes *raw, const uint8_t *data, size_t length)
{
    int result = reserve(raw, length);

    if (result < 0)
        return result;
    if (length)
        memcpy(raw->data + raw->end, data, length);
    raw->end += length;
    return WHOLE;
}

/* The container of `size` bytes at the front. */
static int read_container(struct cr_blf_file *file, size_t size, struct cr_blf_bytes *raw,
                          struct canring_error *err)
{
    int result = fill(file, size, err);
    size_t have = cr_blf_have(&file->stored) < size ? cr_blf_have(&file->stored) : size;
    size_t used = have - BLF_CONTAINER_HEADER;

    if (result < 0)
        return result;
    const uint8_t *data = front(file) + BLF_CONTAINER_HEADER;
    uint16_t method = cr_get_le16(front(file) + 16);
    if (method == BLF_METHOD_ZLIB)
        result = unpack(raw, data, have - BLF_CONTAINER_HEADER, have < size, &used);
    else if (method == BLF_METHOD_NONE)
        result = copy_plain(raw, data, have - BLF_CONTAINER_HEADER);
    else
        result = BROKEN;
    if (result < 0)
        return cannot_read(file, result, err);
    if (result == BROKEN)
        return leave_damaged(file, size, err);
    /* A size that leaves room behind the packed bytes is not right: what follows is looked for. */
    bool sound = result == WHOLE && have - BLF_CONTAINER_HEADER - used < BLF_OBJECT_BASE;
    file->cut = result == PARTIAL || (sound && have < size);
    take(file, result == WHOLE && !sound ? BLF_CONTAINER_HEADER + used : have);
    return 1;
}

/* An object outside of any container: a frame is handed on, others are passed over. */
static int read_outside(struct cr_blf_file *file, uint32_t type, size_t size,
                        struct cr_blf_bytes *raw, struct canring_error *err)
{
    int well = ends_well(file, size, err);

    if (well < 0)
        return well;
    if (!well && cr_blf_have(&file->stored) >= size) {
        take(file, 4);
        return damaged(file, file->at, "an object with a wrong size was skipped", err);
    }
    if (!well) {
        take(file, size);
        return told_cut(file, file->at, err);
    }
    int result = cr_blf_is_known(type) ? copy_plain(raw, front(file), size) : 0;
    take(file, size);
    return result < 0 ? cannot_read(file, result, err) : 1;
}

int cr_blf_next(struct cr_blf_file *file, struct cr_blf_bytes *raw, struct canring_error *err)
{
    if (file->cut) {
        file->cut = false;
        return told_cut(file, file->at, err);
    }
    int result = find_object(file, err);
    if (result != 1)
        return result;
    result = fill(file, BLF_CONTAINER_HEADER, err);
    if (result < 0)
        return result;
    file->at = file->offset;
    if (cr_blf_have(&file->stored) < BLF_CONTAINER_HEADER) {
        take(file, BLF_CONTAINER_HEADER);
        return told_cut(file, file->at, err);
    }
    uint32_t size = cr_get_le32(front(file) + 8);
    uint32_t type = cr_get_le32(front(file) + 12);
    if (size < BLF_OBJECT_BASE || size > CR_BLF_CONTAINER_MAX ||
        (type == BLF_LOG_CONTAINER && size < BLF_CONTAINER_HEADER)) {
        take(file, 4);
        return damaged(file, file->at, "an object with a wrong size was skipped", err);
    }
    return type == BLF_LOG_CONTAINER ? read_container(file, size, raw, err)
                                     : read_outside(file, type, size, raw, err);
}
