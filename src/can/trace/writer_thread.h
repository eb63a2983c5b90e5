/* The writer's own thread: packs blocks, writes them in order, opens and finishes files.
 *
 * Started by the writer (writer.c), fed through the queue. It never looks into entries, and no
 * error ends it: it tries again until the caller closes.
 */
#ifndef CANRING_TRACE_WRITER_THREAD_H
#define CANRING_TRACE_WRITER_THREAD_H

#include "can/trace/compress.h"
#include "can/trace/writer_fault.h"
#include "can/trace/writer_file.h"
#include "can/trace/writer_names.h"
#include "can/trace/writer_queue.h"
#include "can/trace/writer_stats.h"

struct cr_writer_thread {
    /* Given by whoever starts it. */
    struct cr_writer_queue *queue;
    struct cr_writer_stats *stats;
    struct cr_writer_names *names;
    struct cr_packer *packer; /* NULL: files are not compressed */
    uint64_t sync_ns;         /* 0 = never */
    bool plain;               /* without io_uring */
    struct cr_writer_fault fault;
    pthread_t thread;

    /* Its own. */
    struct cr_writer_sink *sink;
    struct cr_writer_orders orders;
    uint64_t packed;    /* number of the first block that is not packed yet */
    uint64_t done;      /* number of the first block that is not written yet */
    uint64_t batch_end; /* behind the last block that is on its way; == done: none is */
    unsigned on_their_way;
    unsigned syncs;
    struct cr_writer_file *file; /* that was last written to and not finished */
    bool last_chance;            /* closing: it is being tried once more */
    bool giving_up;
    uint64_t sync_answered;
    const struct cr_writer_file *sync_asked; /* whose sync the caller waits for */
    int first_error;                         /* that cost an entry, or a sync */
};

/* The file has been opened: count it, show its name. By the thread, or before there is one. */
void cr_writer_thread_note_file(struct cr_writer_thread *thread, struct cr_writer_file *file);

/* 0 or negative errno. */
int cr_writer_thread_start(struct cr_writer_thread *thread);

/* After cr_writer_queue_end: wait until all is written or given up. Returns the first error that
 * cost an entry, or 0. */
int cr_writer_thread_join(struct cr_writer_thread *thread);

#endif
