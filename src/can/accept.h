/* What a bus hands on of the frames that it sees: kinds that were asked for, and filters.
 *
 * Used by the drivers that have no kernel to filter for them. It answers and nothing else:
 * it must never count or change a frame.
 */
#ifndef CANRING_ACCEPT_H
#define CANRING_ACCEPT_H

#include <canring/bus.h>

#include "can/filter_compiled.h"

struct cr_accept {
    struct cr_filter_set filters;
    bool fd, xl;
};

/* -ENOMEM. cr_accept_free also takes a zeroed one. */
int cr_accept_init(struct cr_accept *accept, const struct canring_bus_options *options);
void cr_accept_free(struct cr_accept *accept);

/* Whether a bus opened with these options carries this kind of frame at all. */
static inline bool cr_accept_kind(const struct cr_accept *accept, const struct canring_frame *frame)
{
    if (frame->flags & CANRING_XL)
        return accept->xl;
    return accept->fd || !(frame->flags & CANRING_FD);
}

static inline bool cr_accept_frame(const struct cr_accept *accept,
                                   const struct canring_frame *frame)
{
    return cr_accept_kind(accept, frame) && cr_filter_set_match(&accept->filters, frame);
}

#endif
