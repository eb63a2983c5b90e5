/* The clocks of a writer: what was when for its deadlines, never for entries. No system call. */
#ifndef CANRING_TRACE_WRITER_CLOCK_H
#define CANRING_TRACE_WRITER_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t cr_writer_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t cr_writer_now_ns(void)
{
    return cr_writer_clock(CLOCK_MONOTONIC);
}

/* By the kernel's tick, for the age of a block at every entry: costs next to nothing. */
static inline uint64_t cr_writer_coarse_ns(void)
{
    return cr_writer_clock(CLOCK_MONOTONIC_COARSE);
}

#endif
