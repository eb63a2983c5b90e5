/* A bounded queue of frames in private memory: what a slow channel or trace has not taken yet,
 * what a busy bus has not sent yet. Bounded in frames and in bytes, since a CAN XL frame takes as
 * much as 65 classic ones. Grows in chunks as needed; one thread.
 */
#ifndef CANRING_FIFO_H
#define CANRING_FIFO_H

#include <canring/frame.h>

struct cr_fifo_chunk;

struct cr_fifo {
    struct cr_fifo_chunk *first, *last;
    struct cr_fifo_chunk *spare; /* one kept, so that a queue at its edge does not allocate */
    uint64_t count, limit;       /* frames */
    uint64_t bytes, limit_bytes; /* that they take, in steps of 32; no limit: 0 */
};

/* Copy `frame` to the end. The copy, or NULL at a limit or without memory. */
struct canring_frame *cr_fifo_push(struct cr_fifo *fifo, const struct canring_frame *frame);
/* The first frame, in place, or NULL. */
struct canring_frame *cr_fifo_front(const struct cr_fifo *fifo);
/* Collect up to `max` frames from the front, without removing them; returns how many. */
unsigned cr_fifo_peek(const struct cr_fifo *fifo, const struct canring_frame **frames,
                      unsigned max);
void cr_fifo_pop(struct cr_fifo *fifo);
/* Drop everything and free the memory; returns how many frames that were. */
uint64_t cr_fifo_clear(struct cr_fifo *fifo);

#endif
