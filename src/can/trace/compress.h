/* Blocks of a recording, packed: each call makes one whole gzip member or zstd frame.
 *
 * For the writer: as every block is complete in itself, a file that is cut anywhere can be read up
 * to its last whole block, by us, gzip and zstd. It never looks at what it packs. A packer is used
 * by one thread at a time; several packers may be at work at once.
 */
#ifndef CANRING_TRACE_COMPRESS_H
#define CANRING_TRACE_COMPRESS_H

#include <canring/error.h>

#include "can/trace/bytes.h"

enum cr_compression {
    CR_COMPRESSION_NONE,
    CR_COMPRESSION_GZ,
    CR_COMPRESSION_ZST,
};

/* The enum cr_compression of this name ("none", "gz", "zst"), or -EINVAL: `err` has the names. */
int cr_compression_named(const char *name, struct canring_error *err);

/* By the ending of a file's name (".gz", ".zst", case ignored), else NONE. */
enum cr_compression cr_compression_by_ending(const char *path);

const char *cr_compression_name(enum cr_compression kind);
/* With its dot; "" for NONE. */
const char *cr_compression_ending(enum cr_compression kind);

struct cr_packer;

/* -ENOMEM. On success the caller closes the packer. */
int cr_packer_open(struct cr_packer **packer, enum cr_compression kind);

/* Append `raw` as one whole block, NONE: as it is. Room in `out`: cr_trace_pack_room(length), else
 * -ENOSPC and nothing is appended. Makes no system call. */
int cr_packer_pack(struct cr_packer *packer, const void *raw, size_t length, struct cr_bytes *out);

/* NULL is allowed. */
void cr_packer_close(struct cr_packer *packer);

#endif
