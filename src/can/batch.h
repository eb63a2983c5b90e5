/* A batch of frames in the form rings carry them, end to end in one piece of memory.
 *
 * The driver appends, the dispatcher walks. Records begin at multiples of 32 bytes, so
 * that a run of them can be copied into a ring as it is. Not shared between threads.
 */
#ifndef CANRING_BATCH_H
#define CANRING_BATCH_H

#include <canring/frame.h>

#define CR_BATCH_BYTES  (64u * 1024u) /* at least 31 XL frames, 2048 classic ones */
#define CR_RECORD_ALIGN 32u

struct cr_batch {
    uint32_t used;  /* bytes */
    uint32_t count; /* frames */
    _Alignas(64) uint8_t bytes[CR_BATCH_BYTES];
};

static inline uint32_t cr_record_span(uint32_t size)
{
    return (size + CR_RECORD_ALIGN - 1) & ~(CR_RECORD_ALIGN - 1);
}

static inline void cr_batch_clear(struct cr_batch *batch)
{
    batch->used = 0;
    batch->count = 0;
}

/* Room for a record of `size` bytes at the end, or NULL when the batch is full. What is
 * there is not part of the batch until cr_batch_push. */
static inline struct canring_frame *cr_batch_reserve(struct cr_batch *batch, uint32_t size)
{
    if (cr_record_span(size) > CR_BATCH_BYTES - batch->used)
        return NULL;
    return (struct canring_frame *)(void *)(batch->bytes + batch->used);
}

static inline void cr_batch_push(struct cr_batch *batch, const struct canring_frame *frame)
{
    batch->used += cr_record_span(frame->size);
    batch->count++;
}

/* for (f = cr_batch_first(b); f; f = cr_batch_next(b, f)) */
static inline struct canring_frame *cr_batch_first(struct cr_batch *batch)
{
    return batch->count ? (struct canring_frame *)(void *)batch->bytes : NULL;
}

/* The first one that was pushed when `used` was `from`, or later. */
static inline struct canring_frame *cr_batch_first_from(struct cr_batch *batch, uint32_t from)
{
    return from < batch->used ? (struct canring_frame *)(void *)(batch->bytes + from) : NULL;
}

static inline struct canring_frame *cr_batch_next(struct cr_batch *batch,
                                                  struct canring_frame *frame)
{
    uint8_t *next = (uint8_t *)frame + cr_record_span(frame->size);
    return next < batch->bytes + batch->used ? (struct canring_frame *)(void *)next : NULL;
}

#endif
