/* The newest entries, in memory, until something happens that makes them worth writing.
 *
 * Used by writer.c, by the thread that writes entries. All memory is there from the start; what
 * does not fit any more, or has become too old, goes, the oldest first. Makes no system call after
 * it was opened.
 */
#ifndef CANRING_TRACE_WRITER_PRETRIGGER_H
#define CANRING_TRACE_WRITER_PRETRIGGER_H

#include <canring/trace.h>

struct cr_writer_pretrigger {
    uint8_t *memory; /* NULL: not open */
    size_t size;
    uint64_t keep_ns;
    size_t first, end; /* places of the oldest record, and behind the newest */
    size_t used;       /* bytes of both and between */
};

/* -ENOMEM. */
int cr_writer_pretrigger_open(struct cr_writer_pretrigger *kept, size_t bytes, uint64_t keep_ns);
/* Also of one that is not open. */
void cr_writer_pretrigger_close(struct cr_writer_pretrigger *kept);

void cr_writer_pretrigger_add(struct cr_writer_pretrigger *kept,
                              const struct canring_trace_entry *entry);

/* The oldest; false: there is none. entry->frame is valid until it is dropped. */
bool cr_writer_pretrigger_first(const struct cr_writer_pretrigger *kept,
                                struct canring_trace_entry *entry);
void cr_writer_pretrigger_drop(struct cr_writer_pretrigger *kept);

#endif
