/* The clocks, in nanoseconds.
 *
 * For everyone in the library who waits or stamps. Thread-safe; usually no system call (vDSO).
 */
#ifndef CR_CLOCK_H
#define CR_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t cr_clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* CLOCK_MONOTONIC: what deadlines and durations are reckoned by. */
static inline uint64_t cr_monotonic_ns(void)
{
    return cr_clock_ns(CLOCK_MONOTONIC);
}

/* The same by the kernel's tick, some milliseconds late: costs next to nothing. */
static inline uint64_t cr_monotonic_coarse_ns(void)
{
    return cr_clock_ns(CLOCK_MONOTONIC_COARSE);
}

/* CLOCK_REALTIME: what frames are stamped with. */
static inline uint64_t cr_realtime_ns(void)
{
    return cr_clock_ns(CLOCK_REALTIME);
}

#endif
