/* What one filter and a list of them say about an identifier.
 *
 * For the linear matcher and for what is compiled from the same list, so that both mean the
 * same. `id` is that of a data, remote or CAN XL frame with its CANRING_ID_* bits; error frames
 * never come here.
 */
#ifndef CANRING_FILTER_RULES_H
#define CANRING_FILTER_RULES_H

#include <canring/filter.h>

static inline bool cr_filter_rule_matches(const struct canring_filter *filter, uint32_t id)
{
    uint32_t mask = filter->mask & ~CANRING_ID_ERROR;

    return (((id ^ filter->id) & mask) == 0) != filter->inverted;
}

/* The whole list. */
bool cr_filter_rules_match(const struct canring_filters *filters, uint32_t id);

#endif
