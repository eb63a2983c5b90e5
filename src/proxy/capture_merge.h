/* Frames of several buses, put into one stream by their time stamps.
 *
 * A queue for each bus, in the order it gave them, which is never changed. The front with the
 * lowest time goes first; it waits until every other queue has a frame, or for a window since it
 * was read. Used by a capture on its thread; bounded memory, no system call.
 */
#ifndef CANRING_CAPTURE_MERGE_H
#define CANRING_CAPTURE_MERGE_H

#include "proxy/fifo.h"

/* Frames that wait beyond this are let go before their time. */
#define CR_MERGE_BYTES (32u << 20)

struct cr_merge_queue {
    struct cr_fifo frames;
    uint64_t last_ns; /* highest time that has gone: a step back does not go before it */
    bool ended;       /* nothing more comes */
};

struct cr_merge {
    struct cr_merge_queue *queues;
    unsigned count;
    uint64_t window_ns; /* at most an hour */
    uint64_t bytes;     /* in all queues */
};

/* Copy a frame that was read at `now_ns` (CLOCK_MONOTONIC). False: no memory. */
bool cr_merge_push(struct cr_merge *merge, unsigned queue, const struct canring_frame *frame,
                   uint64_t now_ns);

/* The frame that goes next, in place, and its queue; NULL when none may go yet. `all`: whatever
 * there is, nothing more will come. */
const struct canring_frame *cr_merge_front(const struct cr_merge *merge, uint64_t now_ns, bool all,
                                           unsigned *queue);
void cr_merge_pop(struct cr_merge *merge, unsigned queue);

/* When the next frame may go even if nothing comes, in ns from now; UINT64_MAX: none waits. */
uint64_t cr_merge_due(const struct cr_merge *merge, uint64_t now_ns);

void cr_merge_clear(struct cr_merge *merge);

#endif
