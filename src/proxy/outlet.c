#include "proxy/outlet.h"

#include <canring/wait.h>

#include "shm/probe.h"

static void publish(struct cr_outlet *outlet)
{
    CR_PROBE3(publish, outlet->name, outlet->published, outlet->spill.count);
    if (outlet->reader_parks)
        canring_ring_publish_wake(&outlet->ring);
    else
        canring_ring_publish(&outlet->ring);
}

static void overflow(struct cr_outlet *outlet, const struct canring_frame *frame)
{
    if (outlet->overflow == CANRING_OVERFLOW_SPILL && cr_fifo_push(&outlet->spill, frame)) {
        CR_PROBE3(spill, outlet->name, frame->number, frame->id);
        outlet->spilled++;
    } else {
        CR_PROBE3(drop, outlet->name, frame->number, frame->id);
        outlet->dropped++;
    }
}

/* The usual case: every frame wanted, all of them fit. */
static bool deliver_run(struct cr_outlet *outlet, const struct cr_batch *batch)
{
    if (outlet->filters || outlet->spill.count ||
        !canring_ring_put_run(&outlet->ring, batch->bytes, batch->used))
        return false;
    outlet->published += batch->count;
    return true;
}

static void deliver_each(struct cr_outlet *outlet, struct cr_batch *batch)
{
    for (struct canring_frame *f = cr_batch_first(batch); f; f = cr_batch_next(batch, f)) {
        if (outlet->filters && !cr_filter_set_match(outlet->filters, f))
            outlet->filtered++;
        else if (outlet->spill.count == 0 && canring_ring_put(&outlet->ring, f, f->size))
            outlet->published++;
        else
            overflow(outlet, f);
    }
}

void cr_outlet_deliver(struct cr_outlet *outlet, struct cr_batch *batch)
{
    if (!deliver_run(outlet, batch))
        deliver_each(outlet, batch);
    publish(outlet);
}

bool cr_outlet_drain(struct cr_outlet *outlet)
{
    const struct canring_frame *frame;
    bool moved = false;
    while ((frame = cr_fifo_front(&outlet->spill)) != NULL &&
           canring_ring_put(&outlet->ring, frame, frame->size)) {
        cr_fifo_pop(&outlet->spill);
        outlet->published++;
        moved = true;
    }
    if (moved)
        publish(outlet);
    return moved;
}

static uint32_t half_in_bytes(const struct cr_outlet *outlet)
{
    return (uint32_t)((outlet->ring.mask + 1) / 2);
}

bool cr_outlet_has_room(struct cr_outlet *outlet)
{
    return outlet->spill.count == 0 && canring_ring_fits(&outlet->ring, half_in_bytes(outlet));
}

bool cr_outlet_prepare(struct cr_outlet *outlet, bool for_source)
{
    const struct canring_frame *front = cr_fifo_front(&outlet->spill);
    if (front)
        return canring_ring_prepare_room(&outlet->ring, front->size, CANRING_ASLEEP_FD);
    if (for_source && !cr_outlet_has_room(outlet))
        return canring_ring_prepare_room(&outlet->ring, half_in_bytes(outlet), CANRING_ASLEEP_FD);
    return true;
}

void cr_outlet_awake(struct cr_outlet *outlet)
{
    canring_ring_awake_room(&outlet->ring);
}
