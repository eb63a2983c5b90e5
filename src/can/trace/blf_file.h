/* The containers of Vector's binary log, read one behind the other.
 *
 * For blf_decode.c. A container is delivered when all of it is there and its checksum is right, or
 * when it is the last one and the file ends in it: then as far as it goes. Whatever a file says of
 * its sizes, memory stays near twice CR_BLF_CONTAINER_MAX; it never reads the same bytes more
 * than a few times.
 */
#ifndef CANRING_TRACE_BLF_FILE_H
#define CANRING_TRACE_BLF_FILE_H

#include <canring/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "can/trace/format.h"

/* The largest container, stored and unpacked; usual ones have 128 KiB. */
#define CR_BLF_CONTAINER_MAX (64u << 20)

/* Bytes with a begin: those before it are done with. */
struct cr_blf_bytes {
    uint8_t *data;
    size_t size, begin, end;
};

struct cr_blf_file {
    struct cr_trace_source *source;
    struct cr_blf_bytes stored;
    uint64_t offset; /* of stored.data[stored.begin] in the file */
    bool at_end;
    bool cut;          /* to be told with the next call */
    uint64_t at;       /* where the object last read began, in the file */
    uint64_t doubtful; /* where a damaged container that may be none would end */
    unsigned tries;    /* objects looked for in it */
};

static inline size_t cr_blf_have(const struct cr_blf_bytes *bytes)
{
    return bytes->end - bytes->begin;
}

/* Append the content of the next container to `raw`. 1; 0: the end; -EINVAL: damage was skipped or
 * the file is cut, `err` says where: what follows does not continue what came before; other
 * negative errno: it cannot be read on. */
int cr_blf_next(struct cr_blf_file *file, struct cr_blf_bytes *raw, struct canring_error *err);

void cr_blf_free(struct cr_blf_bytes *bytes);

#endif
