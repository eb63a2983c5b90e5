/* A lock in shared memory that outlives its holder.
 *
 * Recursive for its thread; when a holder dies, the next one to ask gets the lock. For the calls of
 * auxiliary handles. Never to be used while frames flow, and its memory must stay mapped for as
 * long as a thread of this process holds it.
 */
#ifndef CANRING_LOCK_H
#define CANRING_LOCK_H

#include <pthread.h>
#include <stdint.h>

struct cr_lock {
    pthread_mutex_t mutex;
};

/* Once, by the creator of the memory. 0 or negative errno. */
int cr_lock_init(struct cr_lock *lock);

/* Wait up to `timeout_ns` (0 = try; CLOCK_MONOTONIC). 1 locked, 0 timeout, negative errno. A system
 * call only when another holds it. */
int cr_lock_take(struct cr_lock *lock, uint64_t timeout_ns);

/* 0, or -EPERM when the calling thread does not hold it. */
int cr_lock_give(struct cr_lock *lock);

#endif
