#include "can/filter_compiled.h"

#include <errno.h>
#include <stdlib.h>

#include "can/filter_rules.h"

#define EXT_BITS (CANRING_ID_EXTENDED | CANRING_ID_REMOTE | CANRING_ID_MASK_EXT)

static void build_std(struct cr_filter_set *set, const struct canring_filters *filters)
{
    for (uint32_t id = 0; id < CR_FILTER_STD_IDS; id++) {
        if (cr_filter_rules_match(filters, id))
            set->std[0][id / 64] |= UINT64_C(1) << (id % 64);
        if (cr_filter_rules_match(filters, id | CANRING_ID_REMOTE))
            set->std[1][id / 64] |= UINT64_C(1) << (id % 64);
    }
}

/* Whether no extended frame can match: the filter asks for a standard one. */
static bool is_std_only(const struct canring_filter *filter)
{
    return !filter->inverted && (filter->mask & CANRING_ID_EXTENDED) &&
           !(filter->id & CANRING_ID_EXTENDED);
}

/* Whether exactly the extended frames with this id match: one kind, or data and remote. */
static bool is_exact(const struct canring_filter *filter)
{
    const uint32_t wanted = EXT_BITS & ~(CANRING_ID_REMOTE | CANRING_ID_EXTENDED);

    return !filter->inverted && (filter->mask & wanted) == wanted;
}

/* Whether the filter says yes to every extended frame, of one kind at least. */
static bool takes_all(const struct canring_filter *filter, uint32_t remote)
{
    return !filter->inverted && !(filter->mask & CANRING_ID_MASK_EXT) &&
           cr_filter_rule_matches(filter, CANRING_ID_EXTENDED | remote);
}

static void add_exact(struct cr_filter_set *set, const struct canring_filter *filter)
{
    uint32_t id = CANRING_ID_EXTENDED | (filter->id & CANRING_ID_MASK_EXT);

    if (cr_filter_rule_matches(filter, id))
        set->exact[set->exact_count++] = id;
    if (cr_filter_rule_matches(filter, id | CANRING_ID_REMOTE))
        set->exact[set->exact_count++] = id | CANRING_ID_REMOTE;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

/* A list where any filter may match: sort each to where it is answered fastest. */
static void build_any(struct cr_filter_set *set, const struct canring_filters *filters)
{
    for (size_t i = 0; i < filters->count; i++) {
        const struct canring_filter *filter = &filters->list[i];
        set->all_ext[0] |= takes_all(filter, 0);
        set->all_ext[1] |= takes_all(filter, CANRING_ID_REMOTE);
        if (is_exact(filter))
            add_exact(set, filter);
        else if (!is_std_only(filter))
            set->rest.list[set->rest.count++] = *filter;
    }
    if (set->exact_count)
        qsort(set->exact, set->exact_count, sizeof(*set->exact), compare_ids);
    set->no_rest = set->rest.count == 0;
}

/* All filters must match: nothing to take apart. */
static void build_join(struct cr_filter_set *set, const struct canring_filters *filters)
{
    memcpy(set->rest.list, filters->list, filters->count * sizeof(*filters->list));
    set->rest.count = filters->count;
    set->rest.join = true;
}

int cr_filter_set_build(struct cr_filter_set *set, const struct canring_filters *filters)
{
    memset(set, 0, sizeof(*set));
    set->error_mask = filters->error_mask & CANRING_ID_MASK_EXT;
    build_std(set, filters);
    if (filters->count == 0) {
        set->all_ext[0] = set->all_ext[1] = true;
        return 0;
    }
    set->exact = calloc(2 * filters->count, sizeof(*set->exact));
    set->rest.list = calloc(filters->count, sizeof(*set->rest.list));
    if (!set->exact || !set->rest.list) {
        cr_filter_set_free(set);
        return -ENOMEM;
    }
    if (filters->join)
        build_join(set, filters);
    else
        build_any(set, filters);
    return 0;
}

void cr_filter_set_free(struct cr_filter_set *set)
{
    free(set->exact);
    free(set->rest.list);
    memset(set, 0, sizeof(*set));
}

bool cr_filter_set_match_ext(const struct cr_filter_set *set, uint32_t id)
{
    if (set->all_ext[(id & CANRING_ID_REMOTE) != 0])
        return true;
    if (set->exact_count && bsearch(&id, set->exact, set->exact_count, sizeof(id), compare_ids))
        return true;
    return !set->no_rest && cr_filter_rules_match(&set->rest, id);
}
