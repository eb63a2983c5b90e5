/* The coordinator's end of all logs: console, file, and memory for the report.
 *
 * Each process of a run gets a ring of its own here before it starts (include/canring/log.h is its
 * end); drain, called from the coordinator's poll loop, merges them in the order of time. Trusts
 * nothing that it finds in a ring; never waits for a process. One thread; a forked child must not
 * touch it.
 */
#ifndef CANRING_COLLECTOR_H
#define CANRING_COLLECTOR_H

#include <canring/error.h>

#include "proxy/log_record.h"
#include "shm/region.h"

#define CR_COLLECTOR_ENV        CR_REGION_NAME /* room for what $CANRING_LOG is set to */
#define CR_COLLECTOR_KEEP_BYTES (64u << 20)    /* default */
#define CR_COLLECTOR_SLOTS      16384u         /* default: 512 KiB for each process */

struct cr_collector_options {
    int console;       /* fd, -1 = none */
    int console_level; /* records below it go to file and report only; 0 = all */
    const char *path;  /* log file, or a folder to make one in; NULL = none */
    const char *stem;  /* part of its name there; NULL = "test" */
    /* Records for the report stay in memory, the oldest go first: the report takes each test
     * case's span as soon as that has ended, so only the last minutes are ever asked for. */
    uint64_t keep_bytes; /* 0 = CR_COLLECTOR_KEEP_BYTES */
    uint32_t ring_slots; /* power of two; 0 = CR_COLLECTOR_SLOTS */
};

struct cr_collector;

/* Also removes rings that a killed coordinator has left in /dev/shm. */
int cr_collector_open(struct cr_collector **collector, const struct cr_collector_options *options,
                      struct canring_error *err);
/* Write what there is. 0, or the first error of writing the file. */
int cr_collector_close(struct cr_collector *collector);

/* A ring for the process that is about to be started; `env` is to be its $CANRING_LOG. A process
 * that is started again is removed and added again. -EEXIST, -ENAMETOOLONG, -ENOSPC. */
int cr_collector_add(struct cr_collector *collector, const char *process,
                     char env[CR_COLLECTOR_ENV], struct canring_error *err);
/* The process has ended, however: read its last records, say how many it lost, remove the ring.
 * -ENOENT. */
int cr_collector_remove(struct cr_collector *collector, const char *process);

/* Readable when it is time for drain: 100 ms after the last one, 10 ms while there are records;
 * never without rings. */
int cr_collector_fd(const struct cr_collector *collector);
/* Take what is in the rings; write what is older than 10 ms, in order. Returns how many records
 * were taken. */
unsigned cr_collector_drain(struct cr_collector *collector);
/* The same, and write everything. */
void cr_collector_flush(struct cr_collector *collector);

/* A record of the coordinator's own, or one that it read from a process's stderr. */
void cr_collector_note(struct cr_collector *collector, enum canring_log_level level,
                       const char *process, const char *logger, const char *text);

/* All records with from_ns <= time < to_ns (CLOCK_REALTIME), in order, drained first. Returns how
 * many. */
size_t cr_collector_window(struct cr_collector *collector, uint64_t from_ns, uint64_t to_ns,
                           void (*visit)(void *arg, const struct cr_log_record *record), void *arg);
/* Some records before this time are not in memory any more; 0 = all are. */
uint64_t cr_collector_complete_from(const struct cr_collector *collector);

struct cr_collector_stats {
    uint64_t records; /* taken from rings */
    uint64_t lost; /* not logged, for want of room in a ring or of memory; of removed processes as
                      well */
    uint64_t forgotten; /* written, but no longer in memory for the report */
};
void cr_collector_stats(const struct cr_collector *collector, struct cr_collector_stats *stats);

#endif
