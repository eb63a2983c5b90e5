/* The caller's side of a writer: entries into blocks, blocks into the queue, files one after the
 * other.
 *
 * Used by writer.c, by the thread that writes entries. It blocks only where the queue does, opens
 * no file, and makes no system call while there is room.
 */
#ifndef CANRING_TRACE_WRITER_ENCODE_H
#define CANRING_TRACE_WRITER_ENCODE_H

#include "can/trace/writer_file.h"
#include "can/trace/writer_options.h"
#include "can/trace/writer_queue.h"
#include "can/trace/writer_stats.h"

struct cr_writer_encode {
    /* Given. */
    const struct cr_writer_plan *plan;
    struct cr_writer_queue *queue;
    struct cr_writer_stats *stats;
    struct cr_trace_names names;

    struct cr_writer_file *file;   /* NULL: the next entry begins one */
    struct cr_writer_block *block; /* that is being filled, or NULL */
    unsigned said;                 /* kinds of entries of which it was said that they are refused */
};

/* As canring_trace_writer_write. */
int cr_writer_encode_entry(struct cr_writer_encode *encode,
                           const struct canring_trace_entry *entry);

/* Push what is due. Returns when to come again, as canring_trace_writer_due. */
uint64_t cr_writer_encode_due(struct cr_writer_encode *encode);

/* Push what there is. */
void cr_writer_encode_push(struct cr_writer_encode *encode);

/* The file ends here, with head and tail, if there is one; what follows goes to another one. */
int cr_writer_encode_end_file(struct cr_writer_encode *encode);

#endif
