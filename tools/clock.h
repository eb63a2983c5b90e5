/* Time that passes, in nanoseconds: what deadlines, rates and durations are reckoned by.
 *
 * For every subcommand that waits or measures; never for time stamps. Thread-safe.
 */
#ifndef CANRING_CLOCK_H
#define CANRING_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC. */
static inline uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
