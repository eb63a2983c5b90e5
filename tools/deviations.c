#include "deviations.h"

static unsigned bucket_of(uint64_t ns)
{
    if (ns < 2 * DEVIATIONS_FINE)
        return (unsigned)ns;
    unsigned doubling = 58u - (unsigned)__builtin_clzll(ns); /* from 64: 1 */
    return doubling * DEVIATIONS_FINE + (unsigned)(ns >> doubling);
}

/* The largest that falls into it. */
static uint64_t top_of(unsigned bucket)
{
    if (bucket < 2 * DEVIATIONS_FINE)
        return bucket;
    unsigned doubling = bucket / DEVIATIONS_FINE - 1;
    return ((uint64_t)(bucket % DEVIATIONS_FINE + DEVIATIONS_FINE + 1) << doubling) - 1;
}

void deviations_add(struct deviations *deviations, uint64_t ns)
{
    deviations->count++;
    deviations->buckets[bucket_of(ns)]++;
    if (ns > deviations->largest)
        deviations->largest = ns;
}

uint64_t deviations_quantile(const struct deviations *deviations, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)deviations->count), seen = 0;

    for (unsigned i = 0; i < DEVIATIONS_BUCKETS; i++) {
        seen += deviations->buckets[i];
        if (seen > wanted)
            return top_of(i) < deviations->largest ? top_of(i) : deviations->largest;
    }
    return deviations->largest;
}
