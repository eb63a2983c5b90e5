/* Acceptance filters, made ready for the hot path.
 *
 * The proxy builds one set per channel from its filter list and asks it for every frame. A
 * standard identifier costs one look at a bitmap; an extended one a binary search among the
 * exact identifiers and a walk over the filters that could not be made exact. A set never
 * changes after it was built; any number of threads may ask it. It makes no system call.
 */
#ifndef CANRING_FILTER_COMPILED_H
#define CANRING_FILTER_COMPILED_H

#include <canring/filter.h>

#define CR_FILTER_STD_IDS 2048u

struct cr_filter_set {
    uint64_t std[2][CR_FILTER_STD_IDS / 64]; /* [remote][id]: accepted */
    uint32_t *exact;                         /* sorted extended ids, remote bit included */
    size_t exact_count;
    struct canring_filters rest; /* what extended ids are walked over; owns its list */
    uint32_t error_mask;
    bool all_ext[2]; /* [remote]: every extended id passes */
    bool no_rest;    /* an extended id that is not exact is refused */
};

/* Build from a list, which is not needed afterwards. -ENOMEM. */
int cr_filter_set_build(struct cr_filter_set *set, const struct canring_filters *filters);
void cr_filter_set_free(struct cr_filter_set *set);

/* For cr_filter_set_match; `id` is extended. */
bool cr_filter_set_match_ext(const struct cr_filter_set *set, uint32_t id);

/* Same answer as canring_filters_match on the list it was built from. */
static inline bool cr_filter_set_match(const struct cr_filter_set *set,
                                       const struct canring_frame *frame)
{
    uint32_t id = frame->id;

    if (canring_frame_is_error(frame))
        return (id & set->error_mask) != 0;
    if (id & CANRING_ID_EXTENDED)
        return cr_filter_set_match_ext(set, id);
    unsigned remote = (id & CANRING_ID_REMOTE) != 0;
    id &= CANRING_ID_MASK_STD;
    return (set->std[remote][id / 64] >> (id % 64) & 1) != 0;
}

#endif
