#include <canring/wait.h>

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shm/clock.h"
#include "shm/probe.h"

#define NS_PER_S 1000000000ull

/* Polling for a peer that shares our only processor keeps it from answering. */
static bool alone_on_one_cpu(void)
{
    static atomic_int cpus;
    int known = atomic_load_explicit(&cpus, memory_order_relaxed);
    if (!known) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        known = online > 1 ? 2 : 1;
        atomic_store_explicit(&cpus, known, memory_order_relaxed);
    }
    return known == 1;
}

static void futex_wait(const _Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
    struct timespec limit = {.tv_sec = (time_t)(timeout_ns / NS_PER_S),
                             .tv_nsec = (long)(timeout_ns % NS_PER_S)};
    syscall(SYS_futex, word, FUTEX_WAIT, value, timeout_ns == UINT64_MAX ? NULL : &limit, NULL, 0);
}

/* Never blocks: a socket whatever its other end does, which is why processes that do not trust each
 * other ring through one; an eventfd or FIFO as long as all who have it leave it non-blocking. One
 * that is full already wakes as well; nothing to do about other failures. */
static void ring_fd(int fd)
{
    const uint64_t one = 1;
    if (send(fd, &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ENOTSOCK) {
        ssize_t written = write(fd, &one, sizeof(one));
        (void)written;
    }
}

static void ring_bell(_Atomic uint32_t *bell, uint32_t waiting, int fd)
{
    CR_PROBE2(wake, bell, fd);
    if ((waiting & CANRING_ASLEEP_MASK) == CANRING_ASLEEP_FUTEX) {
        atomic_fetch_add_explicit(bell, 1, memory_order_release); /* B */
        syscall(SYS_futex, bell, FUTEX_WAKE, 1, NULL, NULL, 0);
    } else if (fd >= 0) {
        ring_fd(fd);
    }
}

void canring_ring_wake_consumer(struct canring_producer *p, uint32_t waiting)
{
    p->woken = waiting;
    ring_bell(&p->own->bell, waiting, p->bell_fd);
}

void canring_ring_wake_producer(struct canring_consumer *c, uint32_t waiting)
{
    c->woken = waiting;
    ring_bell(&c->own->bell, waiting, c->bell_fd);
}

/* seq_cst: the second half of edge W */
static bool has_record(const struct canring_consumer *c)
{
    const struct canring_record *record = canring_ring_at(c->slots, c->next, c->mask);
    return atomic_load_explicit(&record->sequence, memory_order_seq_cst) == (uint32_t)c->next + 1;
}

static bool has_room(const struct canring_producer *p, uint32_t size)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a waiter without c has p */
    uint64_t position = atomic_load_explicit(&p->peer->position, memory_order_seq_cst);
    return p->head + canring_ring_stride(size) <= position + canring_ring_room(p->mask);
}

bool canring_ring_prepare(struct canring_consumer *c, uint32_t asleep)
{
    c->ticket += CANRING_ASLEEP_MASK + 1;
    atomic_store_explicit(&c->own->waiting, c->ticket | asleep, memory_order_seq_cst); /* W */
    return !has_record(c);
}

void canring_ring_awake(struct canring_consumer *c)
{
    atomic_store_explicit(&c->own->waiting, c->ticket, memory_order_relaxed);
}

bool canring_ring_prepare_room(struct canring_producer *p, uint32_t size, uint32_t asleep)
{
    p->ticket += CANRING_ASLEEP_MASK + 1;
    atomic_store_explicit(&p->own->waiting, p->ticket | asleep, memory_order_seq_cst); /* W */
    return !has_room(p, size);
}

void canring_ring_awake_room(struct canring_producer *p)
{
    atomic_store_explicit(&p->own->waiting, p->ticket, memory_order_relaxed);
}

struct waiter {
    struct canring_consumer *c; /* waits for a record, or */
    struct canring_producer *p; /* for room for `size` bytes */
    uint32_t size;
};

static bool satisfied(const struct waiter *w)
{
    return w->c ? has_record(w->c) : has_room(w->p, w->size);
}

/* A microsecond or two: as long as an answer takes that is on its way. */
static bool poll_a_while(const struct waiter *w)
{
    for (unsigned i = 0; i < 64; i++) {
        if (satisfied(w))
            return true;
        canring_pause();
    }
    return false;
}

/* Poll until `end` (CLOCK_MONOTONIC). */
static bool poll_until(const struct waiter *w, uint64_t end)
{
    do
        if (poll_a_while(w))
            return true;
    while (cr_monotonic_ns() < end);
    return false;
}

static bool sleep_once(const struct waiter *w, uint64_t timeout_ns)
{
    const _Atomic uint32_t *bell = w->c ? &w->c->peer->bell : &w->p->peer->bell;
    uint32_t rung = atomic_load_explicit(bell, memory_order_acquire); /* B */
    bool nothing = w->c ? canring_ring_prepare(w->c, CANRING_ASLEEP_FUTEX)
                        : canring_ring_prepare_room(w->p, w->size, CANRING_ASLEEP_FUTEX);
    if (nothing)
        futex_wait(bell, rung, timeout_ns);
    if (w->c)
        canring_ring_awake(w->c);
    else
        canring_ring_awake_room(w->p);
    return !nothing || satisfied(w);
}

static int wait_for(const struct waiter *w, enum canring_wait how, uint64_t timeout_ns)
{
    if (satisfied(w))
        return 1;
    if (timeout_ns == 0)
        return 0;
    bool polls = how == CANRING_WAIT_SPIN || (how == CANRING_WAIT_ADAPTIVE && !alone_on_one_cpu());
    /* Before the clock is read, which takes as long as half an answer. */
    if (polls && poll_a_while(w))
        return 1;
    uint64_t now = cr_monotonic_ns();
    uint64_t end = timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
    if (how == CANRING_WAIT_SPIN)
        return poll_until(w, end);
    if (polls) {
        uint64_t spin_end = now + CANRING_ADAPTIVE_NS;
        if (poll_until(w, spin_end < end ? spin_end : end))
            return 1;
        now = cr_monotonic_ns();
        if (now >= end)
            return 0;
    }
    return sleep_once(w, end == UINT64_MAX ? UINT64_MAX : end - now);
}

int canring_ring_wait(struct canring_consumer *c, enum canring_wait how, uint64_t timeout_ns)
{
    struct waiter w = {.c = c};
    return wait_for(&w, how, timeout_ns);
}

int canring_ring_wait_room(struct canring_producer *p, uint32_t size, enum canring_wait how,
                           uint64_t timeout_ns)
{
    struct waiter w = {.p = p, .size = size};
    return wait_for(&w, how, timeout_ns);
}
