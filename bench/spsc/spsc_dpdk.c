/* DPDK's rte_ring of elements, single producer, single consumer: a burst is written and read in
 * place (its fastest calls), one at a time goes through enqueue and dequeue. */
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <rte_ring_peek_zc.h>

#include "spsc.h"

static const char peer_name[] = "rte_ring";
static struct rte_ring *ring;

struct peer_end {
    struct spsc_record record;
};

static void peer_create(unsigned slots)
{
    ssize_t bytes = rte_ring_get_memsize_elem(SPSC_SIZE, slots);
    ring = bytes < 0 ? NULL : aligned_alloc(4096, ((size_t)bytes + 4095) / 4096 * 4096);
    if (!ring)
        exit(1);
    memset(ring, 0, (size_t)bytes);
    if (rte_ring_init(ring, "spsc", slots, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0)
        exit(1);
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
    struct rte_ring_zc_data zc;
    if (count == 1) {
        spsc_fill(end->record.words, SPSC_WORDS, number);
        return rte_ring_sp_enqueue_elem(ring, &end->record, SPSC_SIZE) == 0;
    }
    unsigned got = rte_ring_enqueue_zc_burst_elem_start(ring, SPSC_SIZE, count, &zc, NULL);
    if (!got)
        return 0;
    struct spsc_record *first = zc.ptr1, *second = zc.ptr2;
    for (unsigned i = 0; i < zc.n1; i++)
        spsc_fill(first[i].words, SPSC_WORDS, number + i);
    for (unsigned i = zc.n1; i < got; i++)
        spsc_fill(second[i - zc.n1].words, SPSC_WORDS, number + i);
    rte_ring_enqueue_zc_finish(ring, got);
    return got;
}

static inline unsigned peer_read(struct peer_end *end, uint64_t number, unsigned count,
                                 struct spsc_wrong *wrong)
{
    struct rte_ring_zc_data zc;
    if (count == 1) {
        if (rte_ring_sc_dequeue_elem(ring, &end->record, SPSC_SIZE) != 0)
            return 0;
        spsc_check(end->record.words, SPSC_WORDS, number, wrong);
        return 1;
    }
    unsigned got = rte_ring_dequeue_zc_burst_elem_start(ring, SPSC_SIZE, count, &zc, NULL);
    if (!got)
        return 0;
    const struct spsc_record *first = zc.ptr1, *second = zc.ptr2;
    for (unsigned i = 0; i < zc.n1; i++)
        spsc_check(first[i].words, SPSC_WORDS, number + i, wrong);
    for (unsigned i = zc.n1; i < got; i++)
        spsc_check(second[i - zc.n1].words, SPSC_WORDS, number + i, wrong);
    rte_ring_dequeue_zc_finish(ring, got);
    return got;
}

#include "main.h"
