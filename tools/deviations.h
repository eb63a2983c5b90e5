/* How far off many events were, as a distribution: exact below 64 ns, to 3 % above.
 *
 * For play --stats. Constant memory; adding costs a few nanoseconds.
 */
#ifndef CANRING_DEVIATIONS_H
#define CANRING_DEVIATIONS_H

#include <stdint.h>

#define DEVIATIONS_FINE    32u /* steps within each doubling */
#define DEVIATIONS_BUCKETS (60u * DEVIATIONS_FINE)

struct deviations {
    uint64_t count, largest;
    uint64_t buckets[DEVIATIONS_BUCKETS];
};

void deviations_add(struct deviations *deviations, uint64_t ns);

/* `share` of them, 0..1, are no larger than this. */
uint64_t deviations_quantile(const struct deviations *deviations, double share);

#endif
