/* Waiting on a ring: spin, or sleep without losing a wake-up.
 *
 * Called by the ends of a ring when there is nothing to read, or no room to write. Never called by
 * anyone who has something to do.
 */
#ifndef CANRING_WAIT_H
#define CANRING_WAIT_H

#include <canring/ring.h>

#ifdef __cplusplus
extern "C" {
#endif

enum canring_wait {
    CANRING_WAIT_ADAPTIVE, /* poll for CANRING_ADAPTIVE_NS, then sleep; on one processor: sleep */
    CANRING_WAIT_SPIN,     /* poll, never sleep: lowest latency, a whole processor */
    CANRING_WAIT_PARK      /* sleep at once */
};

#define CANRING_ADAPTIVE_NS 20000u

/* Wait until there is a record, for up to `timeout_ns` (UINT64_MAX = for ever; CLOCK_MONOTONIC).
 * Returns 1 when there is one, 0 on timeout, signal or a spurious wake-up: look again and decide.
 * Sleeps in a futex; system calls only when it sleeps. The waker must use
 * canring_ring_publish_wake. */
int canring_ring_wait(struct canring_consumer *c, enum canring_wait how, uint64_t timeout_ns);

/* Likewise until a record of `size` bytes fits. The waker must use canring_ring_release_wake. */
int canring_ring_wait_room(struct canring_producer *p, uint32_t size, enum canring_wait how,
                           uint64_t timeout_ns);

/* To sleep elsewhere (poll, epoll, io_uring) on the other side's `bell_fd`: announce, and
 * do not sleep when false comes back, since there is something already. Either way end it with
 * the matching awake call. No system call. */
bool canring_ring_prepare(struct canring_consumer *c, uint32_t asleep);
void canring_ring_awake(struct canring_consumer *c);
bool canring_ring_prepare_room(struct canring_producer *p, uint32_t size, uint32_t asleep);
void canring_ring_awake_room(struct canring_producer *p);

#ifdef __cplusplus
}
#endif
#endif
