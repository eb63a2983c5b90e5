/* The identifiers of a recording, each with how often and how regularly it came.
 *
 * For info. At most INFO_IDS_MAX are kept; what comes beyond them is counted together.
 */
#ifndef CANRING_INFO_IDS_H
#define CANRING_INFO_IDS_H

#include <canring/frame.h>

#define INFO_IDS_MAX 65536u

struct info_id {
    uint64_t count; /* 0: not in use */
    uint64_t first_ns, last_ns;
    uint64_t period_min, period_max; /* with a count from 2, and no step back */
    uint32_t bus;
    uint32_t id; /* with CANRING_ID_EXTENDED; XL: its priority */
    uint16_t length_min, length_max;
    bool xl;
};

struct info_ids {
    struct info_id *table;
    size_t size; /* a power of two */
    size_t count;
    uint64_t beyond; /* frames whose identifier found no place */
};

/* 0 or -ENOMEM. Error frames are not for it. */
int info_ids_add(struct info_ids *ids, uint32_t bus, const struct canring_frame *frame);

/* Put those in use first: the most frequent, or by bus and identifier. Nothing can be added then.
 */
void info_ids_sort(struct info_ids *ids, bool by_count);

/* Of an identifier with a count from 2, else 0. */
uint64_t info_id_mean_period(const struct info_id *id);

void info_ids_free(struct info_ids *ids);

#endif
