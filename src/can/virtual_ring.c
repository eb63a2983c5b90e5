#include "can/virtual_ring.h"
#include "shm/clock.h"

#include <time.h>

#define LOCK_SPINS 400u

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool exchange_lock(struct cr_vbus *vbus, uint64_t expected)
{
    return atomic_compare_exchange_strong_explicit(&vbus->shared->lock, &expected, vbus->key,
                                                   memory_order_acquire, /* L */
                                                   memory_order_relaxed);
}

static bool holder_lives(const struct cr_vbus *vbus, uint64_t holder)
{
    uint32_t node = (uint32_t)holder - 1;
    return node < CR_VBUS_NODES && cr_vbus_alive(vbus, node);
}

bool cr_vbus_lock(struct cr_vbus *vbus)
{
    uint64_t holder = 0;
    for (unsigned spin = 0; spin < LOCK_SPINS; spin++) {
        holder = atomic_load_explicit(&vbus->shared->lock, memory_order_relaxed);
        if (!holder && exchange_lock(vbus, 0))
            return true;
        relax();
    }
    /* What a dead holder wrote and did not publish is simply overwritten. */
    return holder && !holder_lives(vbus, holder) && exchange_lock(vbus, holder);
}

void cr_vbus_unlock(struct cr_vbus *vbus)
{
    atomic_store_explicit(&vbus->shared->lock, 0, memory_order_release); /* L */
}

uint64_t cr_vbus_skip_to_head(struct cr_vbus *vbus)
{
    uint64_t head = atomic_load_explicit(&vbus->shared->head, memory_order_relaxed);
    uint64_t before = vbus->position;

    head &= ~CR_VBUS_EVICTED;
    vbus->position = head;
    atomic_store_explicit(&vbus->shared->node[vbus->node].cursor, head, memory_order_release);
    return (head - before) & CR_VBUS_FRAME_MASK;
}

static void evict(struct cr_vbus *vbus, unsigned node, uint64_t cursor)
{
    /* Fails when the reader has moved in this very moment: then it is not in the way. */
    atomic_compare_exchange_strong_explicit(&vbus->shared->node[node].cursor, &cursor,
                                            cursor | CR_VBUS_EVICTED, memory_order_acq_rel, /* C */
                                            memory_order_relaxed);
}

/* A reader that leaves too little room: dead, standing still, or just slow? */
static void judge(struct cr_vbus *vbus, unsigned node, uint64_t cursor)
{
    if (node != vbus->node && !cr_vbus_alive(vbus, node)) {
        atomic_fetch_and_explicit(&vbus->shared->members, ~(UINT64_C(1) << node),
                                  memory_order_relaxed);
        evict(vbus, node, cursor);
        return;
    }
    if (node == vbus->node && !vbus->reads) {
        evict(vbus, node, cursor); /* a sender only, in its own way */
        return;
    }
    uint64_t now = cr_monotonic_ns();
    if (vbus->slow[node].cursor != cursor || !vbus->slow[node].since_ns) {
        vbus->slow[node].cursor = cursor;
        vbus->slow[node].since_ns = now;
    } else if (now - vbus->slow[node].since_ns >= CR_VBUS_EVICT_NS) {
        evict(vbus, node, cursor);
    }
}

/* Slots that the slowest reader has not read yet. */
static uint32_t longest_lag(const struct cr_vbus *vbus, uint64_t head)
{
    uint64_t members = atomic_load_explicit(&vbus->shared->members, memory_order_relaxed);
    uint32_t longest = 0;

    for (; members; members &= members - 1) {
        unsigned node = (unsigned)__builtin_ctzll(members);
        uint64_t cursor =
            atomic_load_explicit(&vbus->shared->node[node].cursor, memory_order_acquire); /* C */
        uint32_t lag = cr_vbus_distance(cursor, head);
        if (!(cursor & CR_VBUS_EVICTED) && lag > longest)
            longest = lag;
    }
    return longest;
}

static void judge_those_in_the_way(struct cr_vbus *vbus, uint64_t head, uint32_t need)
{
    uint64_t members = atomic_load_explicit(&vbus->shared->members, memory_order_relaxed);

    for (; members; members &= members - 1) {
        unsigned node = (unsigned)__builtin_ctzll(members);
        uint64_t cursor =
            atomic_load_explicit(&vbus->shared->node[node].cursor, memory_order_relaxed);
        uint32_t lag = cr_vbus_distance(cursor, head);
        if (cursor & CR_VBUS_EVICTED)
            continue;
        if (lag > CR_VBUS_SLOTS)
            evict(vbus, node, cursor); /* no reader's: garbage */
        else if (CR_VBUS_SLOTS - lag < need)
            judge(vbus, node, cursor);
    }
}

static uint32_t room_behind(struct cr_vbus *vbus, uint64_t head, uint32_t lag)
{
    atomic_store_explicit(&vbus->shared->tail, (cr_vbus_slot(head) - lag) & CR_VBUS_SLOT_MASK,
                          memory_order_relaxed);
    return lag > CR_VBUS_SLOTS ? 0 : CR_VBUS_SLOTS - lag;
}

uint32_t cr_vbus_room(struct cr_vbus *vbus, uint64_t head, uint32_t need)
{
    /* Cursors only go forward, so what was free once stays free: no look at them until it is used
     * up. */
    uint32_t tail = atomic_load_explicit(&vbus->shared->tail, memory_order_relaxed);
    uint32_t used = (cr_vbus_slot(head) - tail) & CR_VBUS_SLOT_MASK;
    if (used <= CR_VBUS_SLOTS && CR_VBUS_SLOTS - used >= need)
        return CR_VBUS_SLOTS - used;
    uint32_t room = room_behind(vbus, head, longest_lag(vbus, head));
    if (room >= need)
        return room;
    judge_those_in_the_way(vbus, head, need);
    return room_behind(vbus, head, longest_lag(vbus, head));
}

bool cr_vbus_advance(struct cr_vbus *vbus, uint64_t next)
{
    uint64_t expected = vbus->position;
    if (!atomic_compare_exchange_strong_explicit(&vbus->shared->node[vbus->node].cursor, &expected,
                                                 next, memory_order_release, /* C */
                                                 memory_order_relaxed))
        return false;
    vbus->position = next;
    return true;
}

bool cr_vbus_sleep(struct cr_vbus *vbus)
{
    atomic_fetch_or_explicit(&vbus->shared->sleepers, UINT64_C(1) << vbus->node,
                             memory_order_seq_cst);                                  /* S */
    uint64_t head = atomic_load_explicit(&vbus->shared->head, memory_order_seq_cst); /* S */
    if ((head & ~CR_VBUS_EVICTED) == vbus->position)
        return true;
    cr_vbus_wake_up(vbus);
    return false;
}

void cr_vbus_wake_up(struct cr_vbus *vbus)
{
    uint64_t bit = UINT64_C(1) << vbus->node;
    /* Whoever rang has cleared it already: no need to take the line away from the writers. */
    if (atomic_load_explicit(&vbus->shared->sleepers, memory_order_relaxed) & bit)
        atomic_fetch_and_explicit(&vbus->shared->sleepers, ~bit, memory_order_relaxed);
}

uint64_t cr_vbus_sleepers(struct cr_vbus *vbus)
{
    uint64_t others = ~(UINT64_C(1) << vbus->node);
    uint64_t asleep = atomic_load_explicit(&vbus->shared->sleepers, memory_order_seq_cst); /* S */
    if (!(asleep & others))
        return 0;
    return atomic_fetch_and_explicit(&vbus->shared->sleepers, ~(asleep & others),
                                     memory_order_seq_cst) &
           asleep & others;
}
