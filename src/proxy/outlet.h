/* Where the proxy puts frames for one reader: a ring, and behind it the spill.
 *
 * Channels and traces each have one. The reader may be slow or dead: that costs its own frames,
 * counted, and nobody else's. Runs on the proxy's thread; makes no system call but the wake of a
 * reader that sleeps.
 */
#ifndef CANRING_OUTLET_H
#define CANRING_OUTLET_H

#include <canring/proxy.h>
#include <canring/ring.h>

#include "can/batch.h"
#include "can/filter_compiled.h"
#include "proxy/fifo.h"

struct cr_outlet {
    const char *name; /* of the channel, for probes */
    struct canring_producer ring;
    bool reader_parks; /* publishing has to look whether the reader sleeps */
    enum canring_overflow overflow;
    struct cr_filter_set *filters; /* NULL = everything; owned by whoever set it */
    struct cr_fifo spill;
    uint64_t published, dropped, spilled, filtered; /* frames */
};

/* Give the reader every frame of `batch` that its filters let through: into the ring, or behind
 * what has spilled already, or counted as dropped. Published once, at the end. */
void cr_outlet_deliver(struct cr_outlet *outlet, struct cr_batch *batch);

/* Move what has spilled into the ring as far as it fits. True when something moved. */
bool cr_outlet_drain(struct cr_outlet *outlet);

/* True when half of the ring is free and nothing has spilled. */
bool cr_outlet_has_room(struct cr_outlet *outlet);

/* Before the proxy sleeps: have the reader ring when it makes room, if that is awaited (something
 * has spilled, or `for_source`: the bus can be paused and waits for room). False: there is room
 * now, don't sleep. */
bool cr_outlet_prepare(struct cr_outlet *outlet, bool for_source);
void cr_outlet_awake(struct cr_outlet *outlet);

#endif
