/* Durations in buckets of 0.1 % to 0.2 % width, over the whole range of 64 bits.
 *
 * Recording is a shift and an increment; nothing is allocated after creation. Percentiles are the
 * upper edge of the bucket that holds them, so they never flatter.
 */
#ifndef CANRING_BENCH_HISTOGRAM_H
#define CANRING_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 10 /* 1024 buckets for each power of two: three digits */
#define HISTOGRAM_BUCKETS  ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t count, max, min;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

struct histogram *histogram_new(void); /* free() it */
void histogram_clear(struct histogram *h);

static inline unsigned histogram_bucket(uint64_t value)
{
    if (value < (1u << HISTOGRAM_SUB_BITS))
        return (unsigned)value;
    unsigned shift = (unsigned)(63 - __builtin_clzll(value)) - HISTOGRAM_SUB_BITS;
    unsigned sub = (unsigned)(value >> shift) & ((1u << HISTOGRAM_SUB_BITS) - 1);
    return ((shift + 1) << HISTOGRAM_SUB_BITS) + sub;
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
    h->buckets[histogram_bucket(value)]++;
    h->count++;
    h->max = value > h->max ? value : h->max;
    h->min = value < h->min ? value : h->min;
}

/* `share` 0..1; 0 when empty. */
uint64_t histogram_percentile(const struct histogram *h, double share);

#endif
