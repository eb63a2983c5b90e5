/* Frames that a CommunicationAuxiliary has received and nobody has asked for yet.
 *
 * Each with the time it arrived (CLOCK_MONOTONIC), so that stale ones can be told. Bounded: the
 * oldest give way. One thread.
 */
#ifndef CANRING_AUXILIARY_INBOX_H
#define CANRING_AUXILIARY_INBOX_H

#include <canring/frame.h>

#include "proxy/fifo.h"

struct cr_inbox {
    struct cr_fifo frames; /* timestamp_ns = when they arrived */
    struct cr_fifo kept;   /* collected: stay until they are asked for, or cleared */
    uint64_t lost;         /* gave way */
    uint64_t looked_ns;    /* everything that had come until then is in it */
};

/* Add a frame that was found at `now_ns`. When its own time is credible that is when it arrived,
 * else it is now. `realtime_ns`: the same moment on the clock of frames. */
void cr_inbox_add(struct cr_inbox *inbox, const struct canring_frame *frame, uint64_t now_ns,
                  uint64_t realtime_ns);
/* Drop what arrived before `since_ns`, but for what is kept. */
void cr_inbox_drop_older(struct cr_inbox *inbox, uint64_t since_ns);
/* Keep all that is there. */
void cr_inbox_keep(struct cr_inbox *inbox);
/* Where the next one waits: front and pop. */
struct cr_fifo *cr_inbox_next(struct cr_inbox *inbox);
void cr_inbox_clear(struct cr_inbox *inbox);

#endif
