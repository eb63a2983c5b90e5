#include "info_ids.h"

#include <errno.h>
#include <stdlib.h>

#define SIZE_AT_FIRST 1024u

static size_t place(const struct info_ids *ids, uint32_t bus, uint32_t id, bool xl)
{
    uint64_t hash =
        ((uint64_t)bus << 33 | (xl ? UINT64_C(1) << 32 : 0) | id) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 32) & (ids->size - 1);

    while (ids->table[at].count &&
           (ids->table[at].id != id || ids->table[at].bus != bus || ids->table[at].xl != xl))
        at = (at + 1) & (ids->size - 1);
    return at;
}

static int grow(struct info_ids *ids)
{
    struct info_ids larger = {.size = ids->size ? ids->size * 2 : SIZE_AT_FIRST};

    larger.table = calloc(larger.size, sizeof(*larger.table));
    if (!larger.table)
        return -ENOMEM;
    for (size_t i = 0; i < ids->size; i++) {
        const struct info_id *old = &ids->table[i];
        if (old->count)
            larger.table[place(&larger, old->bus, old->id, old->xl)] = *old;
    }
    free(ids->table);
    ids->table = larger.table;
    ids->size = larger.size;
    return 0;
}

static void count_period(struct info_id *id, uint64_t at_ns)
{
    if (at_ns < id->last_ns)
        return;
    uint64_t period = at_ns - id->last_ns;
    if (period < id->period_min)
        id->period_min = period;
    if (period > id->period_max)
        id->period_max = period;
}

static void count(struct info_id *id, const struct canring_frame *frame)
{
    uint16_t length = (uint16_t)canring_frame_length(frame);

    if (id->count++)
        count_period(id, frame->timestamp_ns);
    else
        id->first_ns = frame->timestamp_ns;
    id->last_ns = frame->timestamp_ns;
    if (length < id->length_min)
        id->length_min = length;
    if (length > id->length_max)
        id->length_max = length;
}

int info_ids_add(struct info_ids *ids, uint32_t bus, const struct canring_frame *frame)
{
    bool xl = frame->flags & CANRING_XL;
    uint32_t id = xl ? frame->id : frame->id & (CANRING_ID_EXTENDED | CANRING_ID_MASK_EXT);

    if (ids->count * 2 >= ids->size && grow(ids))
        return -ENOMEM;
    struct info_id *found = &ids->table[place(ids, bus, id, xl)];
    if (found->count == 0) {
        if (ids->count == INFO_IDS_MAX) {
            ids->beyond++;
            return 0;
        }
        ids->count++;
        *found = (struct info_id){
            .bus = bus, .id = id, .xl = xl, .period_min = UINT64_MAX, .length_min = UINT16_MAX};
    }
    count(found, frame);
    return 0;
}

static int by_identifier(const void *left, const void *right)
{
    const struct info_id *a = left, *b = right;

    if (!a->count != !b->count)
        return a->count ? -1 : 1;
    if (a->bus != b->bus)
        return a->bus < b->bus ? -1 : 1;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return a->xl - b->xl;
}

static int by_frequency(const void *left, const void *right)
{
    const struct info_id *a = left, *b = right;

    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return by_identifier(a, b);
}

void info_ids_sort(struct info_ids *ids, bool by_count)
{
    if (ids->table)
        qsort(ids->table, ids->size, sizeof(*ids->table), by_count ? by_frequency : by_identifier);
}

uint64_t info_id_mean_period(const struct info_id *id)
{
    return id->count > 1 && id->last_ns > id->first_ns
               ? (id->last_ns - id->first_ns) / (id->count - 1)
               : 0;
}

void info_ids_free(struct info_ids *ids)
{
    free(ids->table);
    *ids = (struct info_ids){0};
}
