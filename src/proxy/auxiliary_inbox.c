#include "proxy/auxiliary_inbox.h"

/* A recording's or another machine's time says nothing about here and now. */
static uint64_t arrival(const struct cr_inbox *inbox, const struct canring_frame *frame,
                        uint64_t now_ns, uint64_t realtime_ns)
{
    unsigned clock = frame->flags & CANRING_CLOCK_MASK;
    if (clock != CANRING_CLOCK_PROXY && clock != CANRING_CLOCK_KERNEL)
        return now_ns;
    uint64_t age = realtime_ns - frame->timestamp_ns;
    if (frame->timestamp_ns > realtime_ns || age > now_ns - inbox->looked_ns)
        return now_ns;
    return now_ns - age;
}

void cr_inbox_add(struct cr_inbox *inbox, const struct canring_frame *frame, uint64_t now_ns,
                  uint64_t realtime_ns)
{
    if (inbox->frames.count >= inbox->frames.limit) {
        cr_fifo_pop(&inbox->frames);
        inbox->lost++;
    }
    struct canring_frame *kept = cr_fifo_push(&inbox->frames, frame);
    if (kept)
        kept->timestamp_ns = arrival(inbox, frame, now_ns, realtime_ns);
    else
        inbox->lost++;
}

void cr_inbox_drop_older(struct cr_inbox *inbox, uint64_t since_ns)
{
    const struct canring_frame *front;
    while ((front = cr_fifo_front(&inbox->frames)) != NULL && front->timestamp_ns < since_ns)
        cr_fifo_pop(&inbox->frames);
}
