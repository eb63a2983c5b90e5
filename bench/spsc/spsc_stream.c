/* The limit: bytes streamed from core to core with nothing in the way. Each side has its position
 * in a line of its own, published once per batch and looked at only when needed; records are
 * bare payload in a power of two of memory, on huge pages when there are some. */
#include <stdatomic.h>
#include <sys/mman.h>

#include "spsc.h"

static const char peer_name[] = "bare stream";

static struct {
    _Alignas(256) _Atomic uint64_t written;
    _Alignas(256) _Atomic uint64_t read;
    _Alignas(256) struct spsc_record *records;
    uint64_t mask;
} queue;

struct peer_end {
    struct spsc_record *records;
    uint64_t mask, at, other;
};

static void peer_create(unsigned slots)
{
    size_t bytes = (size_t)slots * sizeof(struct spsc_record), huge = 2u << 20;
    queue.records = aligned_alloc(huge, (bytes + huge - 1) / huge * huge);
    if (!queue.records)
        exit(1);
    (void)madvise(queue.records, bytes, MADV_HUGEPAGE);
    memset(queue.records, 0, bytes);
    queue.mask = slots - 1;
}

static void peer_producer(struct peer_end *end)
{
    *end = (struct peer_end){.records = queue.records, .mask = queue.mask};
}

static void peer_consumer(struct peer_end *end)
{
    *end = (struct peer_end){.records = queue.records, .mask = queue.mask};
}

/* How many of the next `count` records lie before the end of the memory. */
static inline unsigned before_end(const struct peer_end *end, unsigned count)
{
    uint64_t left = end->mask + 1 - (end->at & end->mask);
    return left < count ? (unsigned)left : count;
}

static inline unsigned peer_write(struct peer_end *end, uint64_t number, unsigned count)
{
    if (end->at + count > end->other + end->mask + 1) {
        end->other = atomic_load_explicit(&queue.read, memory_order_acquire);
        if (end->at + count > end->other + end->mask + 1)
            return 0;
    }
    struct spsc_record *first = end->records + (end->at & end->mask);
    unsigned whole = before_end(end, count);
    for (unsigned i = 0; i < whole; i++)
        spsc_fill(first[i].words, SPSC_WORDS, number + i);
    for (unsigned i = whole; i < count; i++)
        spsc_fill(end->records[i - whole].words, SPSC_WORDS, number + i);
    end->at += count;
    atomic_store_explicit(&queue.written, end->at, memory_order_release);
    return count;
}

static inline unsigned peer_read(struct peer_end *end, uint64_t number, unsigned count,
                                 struct spsc_wrong *wrong)
{
    if (end->at == end->other) {
        end->other = atomic_load_explicit(&queue.written, memory_order_acquire);
        if (end->at == end->other)
            return 0;
    }
    unsigned ready = end->other - end->at < count ? (unsigned)(end->other - end->at) : count;
    const struct spsc_record *first = end->records + (end->at & end->mask);
    unsigned whole = before_end(end, ready);
    for (unsigned i = 0; i < whole; i++)
        spsc_check(first[i].words, SPSC_WORDS, number + i, wrong);
    for (unsigned i = whole; i < ready; i++)
        spsc_check(end->records[i - whole].words, SPSC_WORDS, number + i, wrong);
    end->at += ready;
    atomic_store_explicit(&queue.read, end->at, memory_order_release);
    return ready;
}

#include "main.h"
