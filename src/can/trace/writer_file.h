/* One file of a recording: its encoder, and what has come of it so far.
 *
 * The caller's thread begins it and encodes into it, then hands its last block over and forgets it;
 * the writer's own thread opens, writes, finishes and frees it. Each field says whose it is.
 */
#ifndef CANRING_TRACE_WRITER_FILE_H
#define CANRING_TRACE_WRITER_FILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "can/trace/format.h"
#include "can/trace/writer_sink.h"

struct cr_writer_thread;

struct cr_writer_file {
    const struct cr_trace_encoder *encoder;
    void *state;
    uint64_t start_ns; /* time stamp of the first entry */

    /* The caller's. */
    bool begun;       /* the head is encoded */
    uint32_t buses;   /* that the encoder knows */
    uint64_t entries; /* in it */
    uint64_t frames;
    uint64_t lowest_ns; /* of their time stamps */
    uint64_t encoded;   /* bytes */
    uint64_t handed;    /* bytes of these that have been pushed */
    void *trial;        /* a copy of the state, and room behind it; NULL until it is needed */

    /* What a new file needs before its first block when this one is taken away: the head, and the
     * buses that came later. Of both, under the lock. */
    pthread_mutex_t lock;
    struct cr_bytes prelude;
    size_t head; /* bytes of the prelude that are the head */

    /* The thread's. */
    _Atomic uint64_t stored; /* bytes, packed; the caller reads it */
    _Atomic uint64_t packed; /* of how many encoded ones */
    int fd;                  /* -1: not open */
    char *path;
    dev_t device;
    ino_t inode;
    bool regular;
    bool has_place;  /* it had a name in a folder, so it can lose it */
    uint64_t offset; /* end of the last whole block */
    struct cr_trace_totals totals;
    bool noted; /* counted as begun */
    bool dirty; /* written since the last sync */
    uint64_t synced_ns;
    struct cr_writer_sink_request sync;
    struct cr_writer_thread *syncing; /* a sync is on its way, for this thread */
    bool finished;                    /* goes with the end of its sync */
    struct cr_bytes again;            /* the prelude, to be written once more */
    size_t again_done;
};

/* NULL: no memory. */
struct cr_writer_file *cr_writer_file_new(const struct cr_trace_encoder *encoder);

/* Closes it, too. NULL is allowed. */
void cr_writer_file_free(struct cr_writer_file *file);

/* The least distance from a limit at which it matters what one more entry and the tail take. */
#define CR_WRITER_FILE_NEAR (2 * CR_TRACE_ENTRY_ROOM)

/* How many bytes the file would have in the end with this entry in it, were it the last, and with
 * `buses` declared; UINT64_MAX: more than there is room to try, 0: it has no place for the entry.
 * The caller's. Not for formats that pack. -ENOMEM. */
int cr_writer_file_try(struct cr_writer_file *file, uint32_t buses,
                       const struct canring_trace_entry *entry, uint64_t *bytes);

/* Remember bytes that a new file would have to begin with. -ENOMEM. */
int cr_writer_file_remember(struct cr_writer_file *file, const void *data, size_t length);

/* Take over a descriptor. 0 or negative errno; the descriptor is closed then. */
int cr_writer_file_opened(struct cr_writer_file *file, int fd, const char *path);

/* True when nothing in any folder leads to what is being written. */
bool cr_writer_file_is_gone(const struct cr_writer_file *file);

/* The head over the first one, now that the totals are known. 0 or negative errno. */
int cr_writer_file_rewrite_head(struct cr_writer_file *file);

#endif
