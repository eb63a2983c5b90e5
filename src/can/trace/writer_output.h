/* The files of a writer's own thread: opened, opened again when they are taken away, synced,
 * finished.
 *
 * Used by writer_batch.c and writer_thread.c. It writes no entries.
 */
#ifndef CANRING_TRACE_WRITER_OUTPUT_H
#define CANRING_TRACE_WRITER_OUTPUT_H

#include "can/trace/writer_thread.h"

/* For messages: its name, or the user's when it has none yet. */
const char *cr_writer_output_path(const struct cr_writer_thread *thread,
                                  const struct cr_writer_file *file);

/* Compressed, or as the format packs. -ENOMEM, -ENOBUFS. */
int cr_writer_output_pack(const struct cr_writer_thread *thread, const struct cr_writer_file *file,
                          const void *raw, size_t length, struct cr_bytes *out);

/* The file is open afterwards, and holds what must come before `first`, the next block to be
 * written. 0 or negative errno: to be tried again. */
int cr_writer_output_ready(struct cr_writer_thread *thread, struct cr_writer_file *file,
                           const struct cr_writer_block *first);

/* Nothing leads to the file any more: the next block makes it anew. */
void cr_writer_output_taken_away(struct cr_writer_thread *thread, struct cr_writer_file *file);

/* All its blocks are written. It is freed, now or when it is on the disk. */
void cr_writer_output_finish(struct cr_writer_thread *thread, struct cr_writer_file *file);

/* Start the sync that is due, by time or because the caller asked. */
void cr_writer_output_sync(struct cr_writer_thread *thread);

/* When the next one is due, CLOCK_MONOTONIC; UINT64_MAX: none. */
uint64_t cr_writer_output_next_sync(const struct cr_writer_thread *thread);

#endif
