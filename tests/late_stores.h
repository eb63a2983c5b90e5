/* A processor whose stores reach memory late, for a model test that runs on one thread.
 *
 * Every atomic_load_explicit and atomic_store_explicit of what is included after this goes through
 * it. A relaxed store reaches memory at any time, in any order that keeps those to one place in
 * theirs; a release (or stronger) one not before all that came earlier, but later ones may overtake
 * it, as on ARM. Loads see memory. Before and after each store and before each load the other
 * processor may run, whose own stores reach memory at once; before each store the program may die:
 * what it had stored until then reaches memory, the rest never happens.
 *
 * Plain stores (memcpy) reach memory at once: call drain_bytes for where they go first.
 */
#ifndef CANRING_TESTS_LATE_STORES_H
#define CANRING_TESTS_LATE_STORES_H

#include <canring/atomic.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { STORES_MAX = 512 };

struct late_store {
    void *at;
    uint64_t value;
    size_t bytes;
    bool release;
    uint64_t committed; /* a release one publishes so many records */
};

static struct {
    struct late_store stores[STORES_MAX];
    unsigned count;
    void (*other)(void);         /* the other processor's turn */
    bool in_other;               /* it has it: no other turn, no dying */
    uint64_t committed, visible; /* records that a release store would publish; that one has */
    unsigned die_in;             /* stores from now, 0 = not */
    jmp_buf death;
} cpu;

static uint64_t random_state;

/* The upper half of a linear congruential generator's 64 bits, scaled. */
static uint32_t random_below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 32) * n >> 32);
}

static bool one_in(uint32_t n)
{
    return random_below(n) == 0;
}

static void give_turn(void)
{
    if (cpu.in_other)
        return;
    cpu.in_other = true;
    cpu.other();
    cpu.in_other = false;
}

static void store_now(const struct late_store *store)
{
    if (store->release)
        cpu.visible = store->committed;
    if (store->bytes == sizeof(uint64_t)) {
        memcpy(store->at, &store->value, sizeof(uint64_t));
    } else if (store->bytes == sizeof(uint32_t)) {
        const uint32_t value = (uint32_t)store->value;
        memcpy(store->at, &value, sizeof(value));
    } else {
        const uint16_t value = (uint16_t)store->value;
        memcpy(store->at, &value, sizeof(value));
    }
}

static void drain_at(unsigned i)
{
    const struct late_store store = cpu.stores[i];
    cpu.count--;
    memmove(cpu.stores + i, cpu.stores + i + 1, (cpu.count - i) * sizeof(*cpu.stores));
    store_now(&store);
}

static bool may_drain(unsigned i)
{
    if (cpu.stores[i].release)
        return i == 0;
    for (unsigned earlier = 0; earlier < i; earlier++)
        if (cpu.stores[earlier].at == cpu.stores[i].at)
            return false;
    return true;
}

static void drain_all(void)
{
    while (cpu.count)
        drain_at(0);
}

static void drain_some(void)
{
    for (unsigned tries = random_below(4); tries && cpu.count; tries--) {
        const unsigned i = random_below(cpu.count);
        if (may_drain(i))
            drain_at(i);
    }
}

/* Plain stores to `bytes` bytes from `from` come now: earlier ones to there must be there. */
static void drain_bytes(const uint8_t *from, size_t bytes)
{
    for (unsigned i = 0; i < cpu.count;) {
        const uint8_t *at = cpu.stores[i].at;
        if (at < from || at >= from + bytes) {
            i++;
        } else {
            drain_at(may_drain(i) ? i : 0);
            i = 0;
        }
    }
}

static void model_store(void *at, size_t bytes, uint64_t value, memory_order order)
{
    const bool release = order != memory_order_relaxed;
    const struct late_store store = {at, value, bytes, release, release ? cpu.committed : 0};
    if (cpu.in_other) {
        store_now(&(struct late_store){at, value, bytes, false, 0});
        return;
    }
    if (cpu.die_in && --cpu.die_in == 0)
        longjmp(cpu.death, 1);
    give_turn();
    if (cpu.count == STORES_MAX)
        drain_all();
    cpu.stores[cpu.count++] = store;
    drain_some();
    if (order == memory_order_seq_cst && one_in(2))
        drain_all();
    give_turn();
}

#define DEFINE_LOAD(type)                                                                          \
    static type load_##type(const void *at)                                                        \
    {                                                                                              \
        type value;                                                                                \
        give_turn();                                                                               \
        memcpy(&value, at, sizeof(value));                                                         \
        return value;                                                                              \
    }
DEFINE_LOAD(uint16_t)
DEFINE_LOAD(uint32_t)
DEFINE_LOAD(uint64_t)

#undef atomic_store_explicit
#undef atomic_load_explicit
#define atomic_store_explicit(at, value, order)                                                    \
    model_store((at), sizeof(*(at)), (uint64_t)(value), (order))
/* clang-format off */
#define atomic_load_explicit(at, order)                                                            \
    _Generic(*(at), uint16_t: load_uint16_t, uint32_t: load_uint32_t, uint64_t: load_uint64_t)(at)
/* clang-format on */

#endif
