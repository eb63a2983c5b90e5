/* canring's ring, a batch at a time: all of a batch is one record, as who moves many small things
 * of one kind would have it. For batches alone; a consumer gets what the producer put together. */
#include <canring/ring.h>

#include "spsc.h"

static const char peer_name[] = "canring, a batch in one record";
static struct canring_ring ring;

struct peer_end {
    struct canring_producer producer;
    struct canring_consumer consumer;
    uint64_t release_at;
};

/* The payload of a batch begins where a slot does, behind the header. */
#define BEFORE CANRING_SLOT
#define MOST   ((CANRING_RECORD_MAX - BEFORE) / SPSC_SIZE)

static uint32_t batch_bytes(unsigned count)
{
    return BEFORE + count * SPSC_SIZE;
}

/* Room for as many records as the other queues have, beside the slots with headers. */
static void peer_create(unsigned records)
{
    struct canring_error err;
    uint32_t slots = CANRING_SLOTS_MIN;
    while (slots < (uint64_t)records * SPSC_SIZE / CANRING_SLOT && slots < CANRING_SLOTS_MAX)
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

static void peer_consumer(struct peer_end *end)
{
    struct canring_consumer start;
    canring_consumer_init(&start, &ring);
    end->consumer = start;
    end->release_at = ring.capacity / 8;
}

static inline unsigned peer_write(struct peer_end *end, uint64_t number, unsigned count)
{
    const unsigned fitting = count < MOST ? count : MOST;
    const uint32_t bytes = batch_bytes(fitting);
    uint8_t *batch = canring_ring_claim(&end->producer, bytes);
    if (!batch)
        return 0;
    for (unsigned i = 0; i < fitting; i++)
        spsc_fill((uint64_t *)(void *)(batch + BEFORE + (size_t)i * SPSC_SIZE), SPSC_WORDS,
                  number + i);
    canring_ring_send(&end->producer, bytes);
    return fitting;
}

/* One batch, of as many records as the producer put into it. */
static inline unsigned peer_read(struct peer_end *end, uint64_t number, unsigned count,
                                 struct spsc_wrong *wrong)
{
    struct canring_consumer *c = &end->consumer;
    unsigned done = 0;
    uint32_t size;
    const uint8_t *batch = (const uint8_t *)canring_ring_peek(c, &size);
    (void)count;
    if (batch) {
        const unsigned ready = (size - BEFORE) / SPSC_SIZE;
        for (; done < ready; done++)
            spsc_check((const uint64_t *)(const void *)(batch + BEFORE + (size_t)done * SPSC_SIZE),
                       SPSC_WORDS, number + done, wrong);
        canring_ring_consume(c);
    }
    if (canring_ring_unreleased(c) >= end->release_at || (!done && canring_ring_unreleased(c)))
        canring_ring_release(c);
    return done;
}

#include "main.h"
