/* What a writer counts and tells: read by any thread, written by the caller's and the writer's own.
 *
 * Each field has one writer. Nothing here blocks or makes a system call, but for the caller's
 * report function.
 */
#ifndef CANRING_TRACE_WRITER_STATS_H
#define CANRING_TRACE_WRITER_STATS_H

#include <canring/trace_writer.h>
#include <stdatomic.h>

#define CR_WRITER_PATH_WORDS (sizeof(((struct canring_trace_writer_stats *)0)->path) / 8)

struct cr_writer_stats {
    void (*report)(void *arg, int level, const char *text);
    void *report_arg;
    /* By the caller's thread. */
    _Atomic uint64_t frames, lost, refused;
    /* By the writer's own thread. */
    _Atomic uint64_t discarded, discarded_frames, files, file_bytes;
    _Atomic int error;
    _Atomic uint32_t path_version; /* odd while the path changes */
    _Atomic uint64_t path[CR_WRITER_PATH_WORDS];
};

/* Only one thread adds to a counter, so that no locked instruction is needed. */
static inline void cr_writer_count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

void cr_writer_stats_set_path(struct cr_writer_stats *stats, const char *path);
void cr_writer_stats_read(const struct cr_writer_stats *stats,
                          struct canring_trace_writer_stats *copy);

/* `level` as syslog's. */
void cr_writer_report(const struct cr_writer_stats *stats, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
