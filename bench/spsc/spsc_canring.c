/* canring's ring: a record's first 8 bytes are its header, the others payload. */
#include "ring_ends.h"

static const char peer_name[] = "canring";

#define PAYLOAD_WORDS ((SPSC_SIZE - CANRING_RECORD_HEADER) / 8)

static inline unsigned write_one(struct canring_producer *p, uint64_t number)
{
    uint8_t *record = canring_ring_claim(p, SPSC_SIZE);
    if (!record)
        return 0;
    spsc_fill((uint64_t *)(void *)(record + CANRING_RECORD_HEADER), PAYLOAD_WORDS, number);
    canring_ring_send(p, SPSC_SIZE);
    return 1;
}

static inline unsigned peer_write(struct peer_end *end, uint64_t number, unsigned count)
{
    struct canring_producer *p = &end->producer;
    unsigned done = 0;
    if (count == 1)
        return write_one(p, number);
    for (; done < count; done++) {
        uint8_t *record = canring_ring_claim(p, SPSC_SIZE);
        if (!record)
            break;
        spsc_fill((uint64_t *)(void *)(record + CANRING_RECORD_HEADER), PAYLOAD_WORDS,
                  number + done);
        canring_ring_commit(p, SPSC_SIZE);
    }
    canring_ring_publish(p);
    return done;
}

static inline unsigned peer_read(struct peer_end *end, uint64_t number, unsigned count,
                                 struct spsc_wrong *wrong)
{
    struct canring_consumer *c = &end->consumer;
    unsigned done = 0;
    for (; done < count; done++) {
        uint32_t size;
        const struct canring_record *record = canring_ring_peek(c, &size);
        if (!record)
            break;
        spsc_check(
            (const uint64_t *)(const void *)((const uint8_t *)record + CANRING_RECORD_HEADER),
            PAYLOAD_WORDS, number + done, wrong);
        canring_ring_consume(c);
    }
    give_back(end, done);
    return done;
}

#include "main.h"
