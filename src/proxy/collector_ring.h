/* The collector's end of one process's log ring.
 *
 * Used by collector.c alone. What is in the ring is copied once and checked in the copy; whatever
 * is wrong makes the ring `damaged`, and it is not read any more.
 */
#ifndef CANRING_COLLECTOR_RING_H
#define CANRING_COLLECTOR_RING_H

#include "proxy/log_record.h"
#include "shm/segment.h"

struct cr_log_ring {
    char process[CR_LOG_PROCESS_MAX + 1];
    struct cr_segment segment;
    struct canring_consumer in;
    uint64_t lost;      /* of its records, as we have told */
    const char *damage; /* what was wrong with it, or NULL */
    struct cr_log_ring *next;
};

/* Create the ring under a name that is free; the name is segment.region.name. */
int cr_log_ring_open(struct cr_log_ring *ring, const char *process, uint32_t slots,
                     struct canring_error *err);
/* Tell the process that nobody reads any more, and remove the ring. */
void cr_log_ring_close(struct cr_log_ring *ring);

/* Up to a full ring of records, each a new block for `take`; gives their room back. Returns how
 * many, and in *no_memory how many were lost here. */
unsigned cr_log_ring_read(struct cr_log_ring *ring,
                          void (*take)(void *arg, struct cr_log_record *record), void *arg,
                          uint64_t *no_memory);

/* Records that found the ring full. */
uint64_t cr_log_ring_lost(const struct cr_log_ring *ring);

/* Remove rings whose coordinator is dead. */
void cr_log_rings_sweep(void);
/* Remove those of `owner`, a coordinator that is dead: as soon as whoever it forked has ended,
 * since they hold its lock. Waits up to 10 s. */
void cr_log_rings_end(pid_t owner);

#endif
