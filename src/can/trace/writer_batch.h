/* Blocks in the hands of the writer's own thread: packed, written in chains, released or given up.
 *
 * Used by writer_thread.c. A batch is the blocks of one file that are on their way to the kernel.
 */
#ifndef CANRING_TRACE_WRITER_BATCH_H
#define CANRING_TRACE_WRITER_BATCH_H

#include "can/trace/writer_thread.h"

/* Pack the next block, if there is one. False: nothing was done. */
bool cr_writer_batch_pack(struct cr_writer_thread *thread);

static inline bool cr_writer_batch_is_idle(const struct cr_writer_thread *thread)
{
    return thread->batch_end == thread->done;
}

/* Send what is packed on its way. Nothing may be. */
void cr_writer_batch_start(struct cr_writer_thread *thread);

/* The kernel is done with all of it: release what is written, note what failed. */
void cr_writer_batch_end(struct cr_writer_thread *thread);

/* Everything in the queue is lost, and what comes: the file is cut behind its last whole block. */
void cr_writer_batch_give_up(struct cr_writer_thread *thread);

#endif
