#include "can/filter_rules.h"

static bool join_matches(const struct canring_filters *filters, uint32_t id)
{
    for (size_t i = 0; i < filters->count; i++)
        if (!cr_filter_rule_matches(&filters->list[i], id))
            return false;
    return true;
}

static bool any_matches(const struct canring_filters *filters, uint32_t id)
{
    for (size_t i = 0; i < filters->count; i++)
        if (cr_filter_rule_matches(&filters->list[i], id))
            return true;
    return filters->count == 0;
}

bool cr_filter_rules_match(const struct canring_filters *filters, uint32_t id)
{
    return filters->join ? join_matches(filters, id) : any_matches(filters, id);
}

bool canring_filters_match(const struct canring_filters *filters, const struct canring_frame *frame)
{
    if (canring_frame_is_error(frame))
        return (frame->id & filters->error_mask & CANRING_ID_MASK_EXT) != 0;
    return cr_filter_rules_match(filters, frame->id);
}
