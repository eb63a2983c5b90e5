/* What both ways of batching over canring's ring share: the ring and its two ends. */
#ifndef CANRING_BENCH_SPSC_RING_H
#define CANRING_BENCH_SPSC_RING_H

#include <canring/ring.h>

#include "spsc.h"

static struct canring_ring ring;

struct peer_end {
    struct canring_producer producer;
    struct canring_consumer consumer;
    uint64_t release_at; /* position */
};

/* Room for as many records as the other queues have, in slots of which a record takes several. */
static void peer_create(unsigned records)
{
    struct canring_error err;
    uint32_t slots = CANRING_SLOTS_MIN;
    while (slots < records * (canring_ring_stride(SPSC_SIZE) / CANRING_SLOT) &&
           slots < CANRING_SLOTS_MAX)
        slots *= 2;
    if (canring_ring_create(&ring, slots, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

static void peer_producer(struct peer_end *end)
{
    struct canring_producer start; /* whose address is known elsewhere: `end` stays in registers */
    canring_producer_init(&start, &ring);
    end->producer = start;
}

/* A share of the ring further on. */
static inline uint64_t release_after(const struct canring_consumer *c)
{
    return c->next + (c->mask + 1) / 8;
}

static void peer_consumer(struct peer_end *end)
{
    struct canring_consumer start;
    canring_consumer_init(&start, &ring);
    end->consumer = start;
    end->release_at = release_after(&start);
}

/* After a look that gave `done` records: give back a share of the ring, or all when it is empty. */
static inline void give_back(struct peer_end *end, unsigned done)
{
    struct canring_consumer *c = &end->consumer;
    if (__builtin_expect(c->next >= end->release_at, 0) ||
        __builtin_expect(!done && canring_ring_unreleased(c), 0)) {
        canring_ring_release(c);
        end->release_at = release_after(c);
    }
}

#endif
