/* The blocks of a pcapng file, one by one, damage or not.
 *
 * For the decoder. A block is given out only when both of its lengths agree; behind damage the
 * next one that does is searched for. Blocks that nobody here reads are passed over.
 */
#ifndef CANRING_TRACE_PCAPNG_BLOCK_H
#define CANRING_TRACE_PCAPNG_BLOCK_H

#include "can/trace/pcapng.h"

struct cr_pcapng_block {
    uint32_t type;
    bool big;
    const uint8_t *content; /* between the lengths; valid until _take or the next _next */
    size_t length;
};

struct cr_pcapng_blocks {
    struct cr_trace_source *source;
    bool big;
    bool searching; /* behind damage */
    bool cut;       /* the damage was a block that ends behind the file */
    size_t given;   /* bytes of the block that was given out and not taken */
};

/* The file begins with a section, or with as much of one as there is of it. -EINVAL. */
int cr_pcapng_blocks_open(struct cr_pcapng_blocks *blocks, struct cr_trace_source *source,
                          struct canring_error *err);

/* The next block; the same one again until it is taken. 1; 0: the end; -EINVAL: damage, said in
 * `err`, and the next call goes on behind it; else the input's error. */
int cr_pcapng_blocks_next(struct cr_pcapng_blocks *blocks, struct cr_pcapng_block *block,
                          struct canring_error *err);

void cr_pcapng_blocks_take(struct cr_pcapng_blocks *blocks);

/* Something in the block that comes next is wrong. Returns -EINVAL. */
int cr_pcapng_damaged(const struct cr_trace_source *source, struct canring_error *err,
                      const char *what);

#endif
