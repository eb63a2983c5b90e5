/* One producer, one consumer, one queue: the harness that canring's ring and its peers share.
 *
 * A peer's program defines `struct peer` and the four functions declared here, all static inline,
 * and includes this header at its end; the harness is compiled around them, so that nobody pays
 * for a call that the peer does not make. Two threads on two processors; every word of every
 * record is written from its number and checked against it, order included. C and C++.
 */
#ifndef CANRING_BENCH_SPSC_H
#define CANRING_BENCH_SPSC_H

#include <stdbool.h>
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

/* Words are written and checked as wide as the processor has it, so that the queue is measured and
 * not the check: a wide one begins at a multiple of its size when the record does, and also behind
 * a header of one word. */
typedef uint64_t spsc_two __attribute__((vector_size(16), aligned(8), may_alias));
#ifdef __AVX2__
typedef uint64_t spsc_wide __attribute__((vector_size(32), aligned(8), may_alias));
#define SPSC_LANES                                                                                 \
    {                                                                                              \
        0, 1, 2, 3                                                                                 \
    }
#else
typedef spsc_two spsc_wide;
#define SPSC_LANES                                                                                 \
    {                                                                                              \
        0, 1                                                                                       \
    }
#endif
#define SPSC_WIDE (sizeof(spsc_wide) / sizeof(uint64_t))

/* The bits that were wrong so far, by the width they were read with. */
struct spsc_wrong {
    spsc_wide wide;
    spsc_two two;
    uint64_t one;
};

static inline void spsc_fill(uint64_t *words, unsigned count, uint64_t number)
{
    const spsc_wide lanes = SPSC_LANES;
    const spsc_two pair = {0, 1};
    const uint64_t value = number * 3;
    unsigned i = 0;
    if (count & 1)
        words[i++] = value;
    if (count & (SPSC_WIDE - 1) & 2) {
        *(spsc_two *)(void *)(words + i) = pair + i + value;
        i += 2;
    }
    for (; i < count; i += SPSC_WIDE)
        *(spsc_wide *)(void *)(words + i) = lanes + i + value;
}

/* `wrong` stays zero while every record is the one with its number. */
static inline void spsc_check(const uint64_t *words, unsigned count, uint64_t number,
                              struct spsc_wrong *wrong)
{
    const spsc_wide lanes = SPSC_LANES;
    const spsc_two pair = {0, 1};
    const uint64_t value = number * 3;
    unsigned i = 0;
    if (count & 1)
        wrong->one |= words[i++] ^ value;
    if (count & (SPSC_WIDE - 1) & 2) {
        wrong->two |= *(const spsc_two *)(const void *)(words + i) ^ (pair + i + value);
        i += 2;
    }
    for (; i < count; i += SPSC_WIDE)
        wrong->wide |= *(const spsc_wide *)(const void *)(words + i) ^ (lanes + i + value);
}

static inline bool spsc_any(const struct spsc_wrong *wrong)
{
    uint64_t bits = wrong->one | wrong->two[0] | wrong->two[1];
    for (unsigned i = 0; i < SPSC_WIDE; i++)
        bits |= wrong->wide[i];
    return bits != 0;
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
