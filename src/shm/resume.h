/* A producer's end that goes on where the one before it ended.
 *
 * For whoever becomes the producer of a ring that had one: canring_producer_init, and those that
 * take turns at a ring and cannot afford to clear it each time.
 */
#ifndef CR_RESUME_H
#define CR_RESUME_H

#include <canring/ring.h>

/* All but the bell. A predecessor may have died at any point: what it published is kept, also when
 * it did not come to tell how far that goes; what it did not publish is gone. Poisons the slot
 * behind every batch, so that nothing it left in free slots is taken for a record. `broken`, and
 * every claim refused, when the positions of the two sides are impossible. No system call; looks at
 * no more than one lap. */
void cr_producer_resume(struct canring_producer *producer, const struct canring_ring *ring);

#endif
