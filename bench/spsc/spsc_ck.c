/* Concurrency Kit's ck_ring with records of our own type; it has no bulk calls. */
#include <ck_ring.h>

#include "spsc.h"

CK_RING_PROTOTYPE(record, spsc_record)

static const char peer_name[] = "ck_ring";
static ck_ring_t ring __attribute__((aligned(128)));
static struct spsc_record *buffer;

struct peer_end {
    struct spsc_record record;
};

static void peer_create(unsigned slots)
{
    buffer = aligned_alloc(4096, ((size_t)slots * sizeof(*buffer) + 4095) / 4096 * 4096);
    if (!buffer)
        exit(1);
    memset(buffer, 0, (size_t)slots * sizeof(*buffer));
    ck_ring_init(&ring, slots);
}

static void peer_producer(struct peer_end *end)
{
    (void)end;
}

static void peer_consumer(struct peer_end *end)
{
    (void)end;
}

static inline unsigned peer_write(struct peer_end *end, uint64_t number, unsigned count)
{
    unsigned done = 0;
    for (; done < count; done++) {
        spsc_fill(end->record.words, SPSC_WORDS, number + done);
        if (!CK_RING_ENQUEUE_SPSC(record, &ring, buffer, &end->record))
            break;
    }
    return done;
}

static inline unsigned peer_read(struct peer_end *end, uint64_t number, unsigned count,
                                 struct spsc_wrong *wrong)
{
    unsigned done = 0;
    for (; done < count; done++) {
        if (!CK_RING_DEQUEUE_SPSC(record, &ring, buffer, &end->record))
            break;
        spsc_check(end->record.words, SPSC_WORDS, number + done, wrong);
    }
    return done;
}

#include "main.h"
