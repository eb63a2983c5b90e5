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

static struct canring_frame *add(struct cr_fifo *fifo, const struct canring_frame *frame,
                                 uint64_t *lost)
{
    if (fifo->count >= fifo->limit) {
        cr_fifo_pop(fifo);
        ++*lost;
    }
    struct canring_frame *added = cr_fifo_push(fifo, frame);
    *lost += !added;
    return added;
}

void cr_inbox_add(struct cr_inbox *inbox, const struct canring_frame *frame, uint64_t now_ns,
                  uint64_t realtime_ns)
{
    struct canring_frame *added = add(&inbox->frames, frame, &inbox->lost);
    if (added)
        added->timestamp_ns = arrival(inbox, frame, now_ns, realtime_ns);
}

void cr_inbox_drop_older(struct cr_inbox *inbox, uint64_t since_ns)
{
    const struct canring_frame *front;
    while ((front = cr_fifo_front(&inbox->frames)) != NULL && front->timestamp_ns < since_ns)
        cr_fifo_pop(&inbox->frames);
}

void cr_inbox_keep(struct cr_inbox *inbox)
{
    const struct canring_frame *front;
    inbox->kept.limit = inbox->frames.limit;
    while ((front = cr_fifo_front(&inbox->frames)) != NULL) {
        add(&inbox->kept, front, &inbox->lost);
        cr_fifo_pop(&inbox->frames);
    }
}

struct cr_fifo *cr_inbox_next(struct cr_inbox *inbox)
{
    return inbox->kept.count ? &inbox->kept : &inbox->frames;
}

void cr_inbox_clear(struct cr_inbox *inbox)
{
    cr_fifo_clear(&inbox->frames);
    cr_fifo_clear(&inbox->kept);
}
