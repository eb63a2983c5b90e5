/* What a rig asks of the kernel for one thread: processors, real-time priority, memory that stays.
 *
 * For proxies (struct canring_proxy_options) and for auxiliaries, which call it on the thread that
 * does their work, before that begins. Everything asked for is given or refused with the reason;
 * nothing is left out in silence. Never called while frames flow: it makes system calls.
 */
#ifndef CANRING_LATENCY_H
#define CANRING_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include <canring/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CANRING_FIFO_MAX 99u

/* Zero-initialised: leave everything as it is. */
struct canring_latency {
    const char *cpus;     /* processors to run on, as taskset -c has them: "2", "2-3,6", "0-6:2" */
    uint32_t sched_fifo;  /* priority under SCHED_FIFO, 1..99; 0 = leave the policy alone */
    uint32_t timer_slack; /* how late the kernel may end a sleep, in ns; 0 = leave it alone */
    bool mlock;           /* lock the memory of the process, now and later, and fault in stack */
};

/* Whether canring_latency_apply would do it, on a thread of its own that ends at once. -EINVAL a
 * value that cannot be, -EPERM, -ENOMEM (locking): the text says which privilege or limit is
 * missing, what it is now, and where to set it. */
int canring_latency_check(const struct canring_latency *latency, struct canring_error *err);

/* For the calling thread, and for threads that it makes from then on; `mlock` is for the whole
 * process. Errors as above; what came before the one that is refused (timer_slack, cpus,
 * sched_fifo, mlock, in this order) stays. */
int canring_latency_apply(const struct canring_latency *latency, struct canring_error *err);

/* What the kernel says of the calling thread now. */
struct canring_latency_state {
    char cpus[256];         /* as above; cut off at the end when there are too many ranges */
    const char *policy;     /* "other", "fifo", "rr", "batch", "idle", "deadline" */
    uint32_t priority;      /* under fifo and rr */
    uint64_t timer_slack;   /* ns */
    uint64_t locked_kib;    /* memory of the process that is locked: VmLck */
    uint64_t huge_page_kib; /* shared memory of the process that is mapped by huge pages */
};

void canring_latency_state(struct canring_latency_state *state);

#ifdef __cplusplus
}
#endif
#endif
