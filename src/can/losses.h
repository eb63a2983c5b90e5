/* Where in a stream of frames those are missing that the kernel, or the bus's own memory, lost.
 *
 * A bus counts what it lost as soon as it learns of it; the frames' numbers skip what was lost in
 * front of them, but also what a filter left out. The two together give the place.
 */
#ifndef CANRING_LOSSES_H
#define CANRING_LOSSES_H

#include <canring/frame.h>

struct cr_losses {
    uint64_t counted; /* by the bus, as last told */
    uint64_t open;    /* of these: not placed yet */
    uint32_t next;    /* number of the next frame when nothing is missing */
};

/* The bus counts `lost` frames now. */
static inline void cr_losses_told(struct cr_losses *losses, uint64_t lost)
{
    losses->open += lost - losses->counted;
    losses->counted = lost;
}

/* How many frames are missing in front of this one, the next of the bus. */
static inline uint64_t cr_losses_before(struct cr_losses *losses, const struct canring_frame *frame)
{
    uint32_t gap = frame->number - losses->next;
    uint64_t here = losses->open < gap ? losses->open : gap;

    losses->next = frame->number + 1;
    losses->open -= here;
    return here;
}

#endif
