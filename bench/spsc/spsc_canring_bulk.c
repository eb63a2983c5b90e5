/* canring's ring, a batch at a time: all of a batch is one record, as who moves many small things
 * of one kind would have it. For batches alone; a consumer gets what the producer put together. */
#include "ring_ends.h"

static const char peer_name[] = "canring, a batch in one record";

/* The payload of a batch begins where a slot does, behind the header. */
#define BEFORE CANRING_SLOT
#define MOST   ((CANRING_RECORD_MAX - BEFORE) / SPSC_SIZE)

static inline unsigned peer_write(struct peer_end *end, uint64_t number, unsigned count)
{
    const unsigned fitting = count < MOST ? count : MOST;
    const uint32_t bytes = BEFORE + fitting * SPSC_SIZE;
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
    give_back(end, done);
    return done;
}

#include "main.h"
