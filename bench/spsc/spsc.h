/* One producer, one consumer, one queue: the harness that canring's ring and its peers share.
 *
 * A peer's program defines `struct peer` and the four functions declared here, all static inline,
 * and includes this header at its end; the harness is compiled around them, so that nobody pays
 * for a call that the peer does not make. Two threads on two processors; every word of every
 * record is written from its number and checked against it, order included. C and C++.
 */
#ifndef CANRING_BENCH_SPSC_H
#define CANRING_BENCH_SPSC_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SPSC_SIZE
#error "SPSC_SIZE: bytes of a record, a multiple of 8"
#endif

#define SPSC_WORDS (SPSC_SIZE / 8)

/* A record as the peers that copy have it. */
struct spsc_record {
    uint64_t words[SPSC_WORDS];
};

static inline void spsc_fill(uint64_t *words, unsigned count, uint64_t number)
{
    for (unsigned i = 0; i < count; i++)
        words[i] = number * 3 + i;
}

/* 0 when the record is the one with this number. */
static inline uint64_t spsc_check(const uint64_t *words, unsigned count, uint64_t number)
{
    uint64_t wrong = 0;
    for (unsigned i = 0; i < count; i++)
        wrong |= words[i] ^ (number * 3 + i);
    return wrong;
}

static inline void spsc_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* The most that `batch` can be. */
#define SPSC_BATCH_MAX 256

#endif
