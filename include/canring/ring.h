/* Single-producer, single-consumer ring of variable-length records in shared memory.
 *
 * One process (thread) publishes, one other consumes, through memory that both have mapped, at
 * addresses that may differ. There is no shared index on the data path: every record carries its
 * own sequence, and a consumer looks only at the line that it is about to read. Nothing here knows
 * what a record means; nothing here makes a system call, takes a lock, allocates, divides or logs,
 * except where a function says so (the ones that wake a sleeper).
 *
 * Layout. The ring is 2^k slots of 32 bytes, mapped twice back to back, so that a record that
 * begins in the last slot simply runs on. A record is a header of 8 bytes (sequence, size, tag) and
 * its payload, and takes as many consecutive slots as it needs.
 *
 *       released by C2        published by P1        claimed
 *            |                     |                   |
 *   ... free |  records to read    |  private batch    | free ...      positions grow -->
 *        consumer.position     producer.first      producer.head
 *
 * Positions count bytes since the ring was made, in 64 bits, whole slots; a position's slot begins
 * `position & mask` bytes into the ring.
 *
 * A record at position p is there when its sequence is (uint32_t)p + 1. The slot behind the last
 * published record never shows that value by accident: a slot keeps the sequence of an earlier lap,
 * or, where payload may have been left in it, the producer first stores a value that cannot match
 * ("poison"). That is why one slot stays free. The poison of the next batch is stored right
 * after this one was published, on the guess that it will be as long: the line comes over from the
 * consumer's core while nobody waits for it, instead of holding up the next publish.
 *
 * Ordering edges, the only ones:
 *
 *   P1 -> C1  publish: release store of the sequence of a batch's first record, after all records
 *             of the batch, the sequences of the others and the poison; pairs with the consumer's
 *             acquire load of that sequence. The rest of the batch is ordered by the same edge,
 *             since nobody gets to it but through the first record.
 *
 *   C2 -> P2  release: release store of the consumer's position after the last load from the slots
 *             it gives back; pairs with the producer's acquire load before it writes into them.
 *
 *   W         going to sleep against publishing: sleeper stores `waiting`, then loads what it waits
 *             for; waker stores that, then loads `waiting`; all four seq_cst, so in their single
 *             total order at least one of the two sees the other: no wake-up is lost. Same for
 *             space (roles swapped).
 *
 *   B         bell: the waker's release increment before the system call; pairs with the sleeper's
 *             acquire load before it announces itself, so a wake between the two makes the sleep
 *             return.
 */
#ifndef CANRING_RING_H
#define CANRING_RING_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <canring/atomic.h>
#include <canring/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CANRING_SLOT          32u
#define CANRING_RECORD_HEADER 8u
#define CANRING_SLOTS_MIN     128u       /* one page of slots: mapping granularity */
#define CANRING_SLOTS_MAX     (1u << 22) /* 128 MiB */
#define CANRING_RECORD_MAX    65535u     /* `size` has 16 bits; at most half a ring besides */

/* What one side tells the other; written by its owner alone, on a page of its own. Fields that
 * change at different rates stand two cache lines apart (the prefetcher fetches lines in pairs). */
struct canring_ring_side {
    CANRING_ATOMIC(uint64_t) position; /* producer: published so far, told late; consumer: read */
    uint8_t pad0[120];
    CANRING_ATOMIC(uint32_t)
    waiting; /* ticket << 2 | CANRING_ASLEEP_*; 0 in the low bits = awake */
    uint8_t pad1[124];
    CANRING_ATOMIC(uint32_t) bell; /* the other side sleeps on it; bumped to wake it */
    uint8_t pad2[124];
};

static_assert(offsetof(struct canring_ring_side, position) == 0, "shared layout");
static_assert(offsetof(struct canring_ring_side, waiting) == 128, "shared layout");
static_assert(offsetof(struct canring_ring_side, bell) == 256, "shared layout");
static_assert(sizeof(struct canring_ring_side) == 384, "shared layout");

/* How a sleeper wants to be woken. */
#define CANRING_ASLEEP_MASK  3u
#define CANRING_ASLEEP_FUTEX 1u
#define CANRING_ASLEEP_FD    2u

/* Header of a record; `struct canring_frame` begins with the same 8 bytes. */
struct canring_record {
    CANRING_ATOMIC(uint32_t) sequence;
    CANRING_ATOMIC(uint16_t) size; /* bytes, this header included */
    uint16_t tag;                  /* the user's */
} __attribute__((may_alias));

static_assert(sizeof(struct canring_record) == CANRING_RECORD_HEADER, "shared layout");

/* The memory of one ring, as mapped here. */
struct canring_ring {
    uint8_t *slots;    /* mapped twice: 2 * capacity * CANRING_SLOT bytes */
    uint32_t capacity; /* slots, a power of two */
    struct canring_ring_side *producer_side, *consumer_side;
    void *base; /* of canring_ring_create's mapping, else NULL */
    size_t bytes;
};

/* A producer's private end. Not for two threads at once. */
struct canring_producer {
    uint8_t *slots;
    uint64_t mask;  /* bytes of all slots - 1 */
    uint64_t head;  /* next slot to claim */
    uint64_t first; /* first slot claimed but not published */
    uint64_t limit; /* claims end here: the consumer's position as last seen + all but one slot */
    uint64_t poison_below; /* slots before this position may hold payload where a sequence goes */
    uint64_t poisoned;     /* the slot at this position does not; 0 = none is known not to */
    struct canring_ring_side *own;
    const struct canring_ring_side *peer;
    uint32_t woken;  /* the peer's ticket that we have answered */
    uint32_t ticket; /* of our own last sleep */
    int bell_fd; /* of a peer that sleeps on one, -1 = none: it gets 8 bytes. A connected socket,
                    or an eventfd or FIFO that is non-blocking. */
    bool broken; /* the peer's position was impossible: stop using this ring */
};

/* A consumer's private end. Not for two threads at once. */
struct canring_consumer {
    const uint8_t *slots;
    uint64_t mask;     /* bytes of all slots - 1 */
    uint64_t next;     /* next slot to read */
    uint64_t released; /* what the producer has been told */
    uint64_t stride;   /* of the record last peeked */
    uint32_t size;     /* of the record last peeked */
    uint32_t max_size; /* larger records are refused */
    uint32_t woken, ticket;
    struct canring_ring_side *own;
    const struct canring_ring_side *peer;
    int bell_fd;
    bool broken; /* a record was impossible: stop using this ring */
};

/* Make a ring in memory of its own, shared with children forked later; on huge pages, where the
 * kernel gives them, from 2 MiB on. `capacity` is a power of two, CANRING_SLOTS_MIN..MAX. -EINVAL,
 * -ENOMEM. Makes system calls. */
int canring_ring_create(struct canring_ring *ring, uint32_t capacity, struct canring_error *err);
void canring_ring_destroy(struct canring_ring *ring);

/* The two ends. A ring that had users before goes on where they ended, the producer's behind all
 * that was published; it first makes sure that nothing a dead predecessor left unpublished can be
 * taken for a record (it writes every free slot once). Nobody else may use that side at the time.
 */
void canring_producer_init(struct canring_producer *producer, const struct canring_ring *ring);
void canring_consumer_init(struct canring_consumer *consumer, const struct canring_ring *ring);

/* Bytes from a record of `size` bytes to the next. */
static inline uint32_t canring_ring_stride(uint32_t size)
{
    return (size + CANRING_SLOT - 1) & ~(CANRING_SLOT - 1);
}

/* Bytes that a producer can fill: all slots but the one that stays free. */
static inline uint64_t canring_ring_room(uint64_t mask)
{
    return mask & ~(uint64_t)(CANRING_SLOT - 1);
}

static inline struct canring_record *canring_ring_at(const uint8_t *slots, uint64_t position,
                                                     uint64_t mask)
{
    const uint8_t *slot = slots + (position & mask);
    if (!slot) /* spares callers a test that they cannot fail */
        __builtin_unreachable();
    return (struct canring_record *)(uintptr_t)slot;
}

/* Look again how far the consumer is. The value comes from another process: it is read once, and
 * one that goes back or past what was published marks the ring broken. Wait-free. */
static inline bool canring_ring_refresh(struct canring_producer *p, uint64_t end)
{
    uint64_t seen = p->limit - canring_ring_room(p->mask);
    uint64_t position = atomic_load_explicit(&p->peer->position, memory_order_acquire); /* P2 */
    if (__builtin_expect(position < seen || position > p->first, 0)) {
        p->broken = true;
        return false;
    }
    p->limit = position + canring_ring_room(p->mask);
    return end <= p->limit;
}

/* Whether a record of `size` bytes fits. Wait-free. */
static inline bool canring_ring_fits(struct canring_producer *p, uint32_t size)
{
    uint64_t end = p->head + canring_ring_stride(size);
    return __builtin_expect(end <= p->limit, 1) || canring_ring_refresh(p, end);
}

/* Room for a record of `size` bytes (header included, ≥ 8), to be written in place: everything but
 * its first 6 bytes is the caller's. NULL when the ring is full or broken. Not visible to the
 * consumer before commit and publish. Wait-free. */
static inline void *canring_ring_claim(struct canring_producer *p, uint32_t size)
{
    uint64_t end = p->head + canring_ring_stride(size);
    if (!canring_ring_fits(p, size))
        return NULL;
    /* From here on, whether or not it is committed, with this size or a smaller one. */
    if (end - p->head > CANRING_SLOT) {
        p->poison_below = end + p->mask + 1;
        if (end > p->poisoned)
            p->poisoned = 0; /* payload may go there; nothing is published at a head of 0 */
    }
    return canring_ring_at(p->slots, p->head, p->mask);
}

/* Add the claimed record to the private batch. Wait-free. */
static inline void canring_ring_commit(struct canring_producer *p, uint32_t size)
{
    struct canring_record *record = canring_ring_at(p->slots, p->head, p->mask);
    uint64_t next = p->head + canring_ring_stride(size);

    atomic_store_explicit(&record->size, (uint16_t)size, memory_order_relaxed); /* before P1 */
    if (p->head != p->first) /* ordered by P1 of the batch's first record */
        atomic_store_explicit(&record->sequence, (uint32_t)p->head + 1, memory_order_relaxed);
    p->head = next;
}

/* Let the free slot at `position` hold nothing that could be taken for a record. */
static inline void canring_ring_poison(struct canring_producer *p, uint64_t position)
{
    atomic_store_explicit(&canring_ring_at(p->slots, position, p->mask)->sequence,
                          (uint32_t)position, memory_order_relaxed); /* before the P1 it is for */
}

/* The batch of `bytes` before the head is published: guess that the next one is as long. */
static inline void canring_ring_poison_ahead(struct canring_producer *p, uint64_t bytes)
{
    const uint64_t next = p->head + bytes;
    if (next > p->limit) /* may still be read */
        return;
    canring_ring_poison(p, next);
    p->poisoned = next;
}

/* Give the batch, which is not empty, to the consumer. `order` is P1's: release or stronger. */
static inline void canring_ring_publish_in(struct canring_producer *p, memory_order order)
{
    const uint64_t first = p->first;
    const bool poison = __builtin_expect(p->head < p->poison_below, 0);
    if (poison && p->head != p->poisoned)
        canring_ring_poison(p, p->head);
    atomic_store_explicit(&canring_ring_at(p->slots, first, p->mask)->sequence, (uint32_t)first + 1,
                          order); /* P1 */
    p->first = p->head;
    /* For observers and a successor; nobody polls it. */
    atomic_store_explicit(&p->own->position, p->first, memory_order_relaxed);
    if (poison)
        canring_ring_poison_ahead(p, p->first - first);
}

/* Give the batch to the consumer. Does not wake it: for consumers that never sleep. Wait-free. */
static inline void canring_ring_publish(struct canring_producer *p)
{
    if (p->head != p->first)
        canring_ring_publish_in(p, memory_order_release);
}

/* Commit the claimed record and publish it, with what was committed before. As the two calls, and
 * shorter for a record that goes alone. Wait-free. */
static inline void canring_ring_send(struct canring_producer *p, uint32_t size)
{
    struct canring_record *record = canring_ring_at(p->slots, p->head, p->mask);
    const uint64_t head = p->head, next = head + canring_ring_stride(size);
    if (__builtin_expect(head != p->first || next < p->poison_below, 0)) {
        canring_ring_commit(p, size);
        canring_ring_publish(p);
        return;
    }
    atomic_store_explicit(&record->size, (uint16_t)size, memory_order_relaxed); /* before P1 */
    atomic_store_explicit(&record->sequence, (uint32_t)head + 1, memory_order_release); /* P1 */
    p->head = p->first = next;
    atomic_store_explicit(&p->own->position, next, memory_order_relaxed);
}

/* Cold half of the next function: one system call. */
void canring_ring_wake_consumer(struct canring_producer *p, uint32_t waiting);
void canring_ring_wake_producer(struct canring_consumer *c, uint32_t waiting);

/* Give the batch to the consumer, and wake it if it sleeps: a system call in that case, once per
 * sleep; none, but a full fence, while it is awake. Wait-free. */
static inline void canring_ring_publish_wake(struct canring_producer *p)
{
    if (p->head == p->first)
        return;
    canring_ring_publish_in(p, memory_order_seq_cst);                                 /* P1, W */
    uint32_t waiting = atomic_load_explicit(&p->peer->waiting, memory_order_seq_cst); /* W */
    if (__builtin_expect((waiting & CANRING_ASLEEP_MASK) && waiting != p->woken, 0))
        canring_ring_wake_consumer(p, waiting);
}

/* Copy a record of `size` bytes into the batch (its sequence is left out). False when full. */
static inline bool canring_ring_put(struct canring_producer *p, const void *record, uint32_t size)
{
    const uint32_t skip = sizeof(uint32_t);
    uint8_t *slot = (uint8_t *)canring_ring_claim(p, size);
    if (!slot)
        return false;
    if (size - 20u <= 16u) { /* 20..36 bytes, every classic frame: two moves that overlap */
        memcpy(slot + skip, (const uint8_t *)record + skip, 16);
        /* cppcheck-suppress pointerOutOfBoundsCond ; the record has `size` bytes */
        memcpy(slot + size - 16, (const uint8_t *)record + size - 16, 16);
    } else {
        memcpy(slot + skip, (const uint8_t *)record + skip, size - skip);
    }
    canring_ring_commit(p, size);
    return true;
}

/* Copy `bytes` of records that lie end to end, each beginning at a multiple of CANRING_SLOT, into
 * the batch: what canring_ring_put does for each of them, with the ends in registers for the whole
 * run. Their sequences are left out. False, and nothing was put, when they do not all fit. */
static inline bool canring_ring_put_run(struct canring_producer *p, const uint8_t *records,
                                        uint32_t bytes)
{
    const uint32_t skip = sizeof(uint32_t);
    const uint64_t first = p->first, end = p->head + bytes;
    if (__builtin_expect(end > p->limit, 0) && !canring_ring_refresh(p, end))
        return false;
    uint64_t head = p->head, poison_below = p->poison_below;
    const uint64_t mask = p->mask;
    uint8_t *const slots = p->slots;

    while (head != end) {
        struct canring_record *record = canring_ring_at(slots, head, mask);
        const struct canring_record *from = (const struct canring_record *)(const void *)records;
        uint32_t size = atomic_load_explicit(&from->size, memory_order_relaxed); /* private */
        uint32_t stride = CANRING_SLOT;
        if (head != first) /* ordered by P1 of the batch's first record */
            atomic_store_explicit(&record->sequence, (uint32_t)head + 1, memory_order_relaxed);
        if (__builtin_expect(size <= CANRING_SLOT, 1)) {
            memcpy((uint8_t *)record + skip, records + skip, CANRING_SLOT - skip);
        } else {
            stride = canring_ring_stride(size);
            memcpy((uint8_t *)record + skip, records + skip, size - skip);
            poison_below = head + stride + mask + 1;
        }
        records += stride;
        head += stride;
    }
    p->head = head;
    p->poison_below = poison_below;
    return true;
}

/* A record of another size than the one before. False, and the ring is broken: an impossible one.
 */
static inline bool canring_ring_resize(struct canring_consumer *c, uint32_t size)
{
    uint64_t stride = canring_ring_stride(size);
    if (size < CANRING_RECORD_HEADER || size > c->max_size) {
        c->broken = true;
        return false;
    }
    __asm__ __volatile__("" : "+r"(stride)); /* keeps the guess a branch */
    c->size = size;
    c->stride = stride;
    return true;
}

/* The next record, in place, and its size; NULL when there is none (or the ring is broken: a size
 * that no producer of ours writes). It stays until canring_ring_release after
 * canring_ring_consume. What a producer one does not trust has written may still change:
 * copy, then check. Wait-free. */
static inline const struct canring_record *canring_ring_peek(struct canring_consumer *c,
                                                             uint32_t *size)
{
    const struct canring_record *record = canring_ring_at(c->slots, c->next, c->mask);
    uint32_t sequence = atomic_load_explicit(&record->sequence, memory_order_acquire); /* C1 */
    if (__builtin_expect(sequence != (uint32_t)c->next + 1, 0))
        return NULL;
    *size = atomic_load_explicit(&record->size, memory_order_relaxed); /* after C1, once */
    /* Guess that this one is as large as the one before, instead of computing with what was just
     * loaded: the branch is predicted, so the processor is at the next record before this one's
     * size has come from the other core. That is worth a factor of two. */
    if (__builtin_expect(*size != c->size, 0) && !canring_ring_resize(c, *size))
        return NULL;
    return record;
}

/* Move past the record last peeked. Its memory is given back by the next release. */
static inline void canring_ring_consume(struct canring_consumer *c)
{
    c->next += c->stride;
}

/* Give back everything consumed, without waking a producer that waits for room. Wait-free. */
static inline void canring_ring_release(struct canring_consumer *c)
{
    c->released = c->next;
    atomic_store_explicit(&c->own->position, c->next, memory_order_release); /* C2 */
}

/* The same, and wake a producer that sleeps for want of room: a system call in that case only. */
static inline void canring_ring_release_wake(struct canring_consumer *c)
{
    if (c->released == c->next)
        return;
    c->released = c->next;
    atomic_store_explicit(&c->own->position, c->next, memory_order_seq_cst);          /* C2, W */
    uint32_t waiting = atomic_load_explicit(&c->peer->waiting, memory_order_seq_cst); /* W */
    if (__builtin_expect((waiting & CANRING_ASLEEP_MASK) && waiting != c->woken, 0))
        canring_ring_wake_producer(c, waiting);
}

/* Bytes consumed but not yet given back. */
static inline uint64_t canring_ring_unreleased(const struct canring_consumer *c)
{
    return c->next - c->released;
}

/* Tell the processor that this is a polling loop. */
static inline void canring_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ __volatile__("yield");
#endif
}

#ifdef __cplusplus
}
#endif
#endif
