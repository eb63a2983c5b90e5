#include "histogram.h"

#include <stdlib.h>
#include <string.h>

struct histogram *histogram_new(void)
{
    struct histogram *h = malloc(sizeof(*h));
    if (h)
        histogram_clear(h);
    return h;
}

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof(*h));
    h->min = UINT64_MAX;
}

static uint64_t upper_edge(unsigned bucket)
{
    unsigned shift = bucket >> HISTOGRAM_SUB_BITS;
    uint64_t sub = bucket & ((1u << HISTOGRAM_SUB_BITS) - 1);
    if (shift == 0)
        return sub;
    return (((1ull << HISTOGRAM_SUB_BITS) + sub + 1) << (shift - 1)) - 1;
}

uint64_t histogram_percentile(const struct histogram *h, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)h->count + 0.5), seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (h->buckets[i] && seen >= wanted)
            return upper_edge(i) < h->max ? upper_edge(i) : h->max;
    }
    return h->max;
}
