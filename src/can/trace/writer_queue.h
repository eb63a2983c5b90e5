/* Blocks of encoded entries on their way from the caller's thread to the writer's own.
 *
 * All memory is there from the start: a block is free, being filled, or in the queue. The caller
 * gets and pushes blocks (writer_encode.c), the thread takes them in order and gives them back
 * (writer_thread.c). It never looks into a block. A lock is held for a few instructions only.
 */
#ifndef CANRING_TRACE_WRITER_QUEUE_H
#define CANRING_TRACE_WRITER_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>

#include "can/trace/bytes.h"
#include "can/trace/writer_sink.h"

struct cr_writer_file;
struct cr_writer_thread;

struct cr_writer_block {
    struct cr_writer_sink_request request; /* first: the thread goes from it to its block */
    struct cr_writer_file *file;
    struct cr_bytes raw;            /* as encoded */
    struct cr_bytes packed;         /* room for its packed form; no data: never packed */
    bool plain;                     /* a head: never packed */
    bool last;                      /* its file ends with it */
    size_t prelude;                 /* bytes of the file's prelude that came before it */
    uint64_t entries, frames;       /* these are among them */
    uint64_t lowest_ns, highest_ns; /* of its entries */
    uint64_t since_ns;              /* when its first entry came, CLOCK_MONOTONIC_COARSE */
    uint64_t looked_ns;             /* time stamp of the entry at which its age was looked at */
    /* The thread's. */
    struct cr_writer_thread *thread;
    const uint8_t *stored; /* raw or packed */
    size_t stored_length;
    size_t written;
    int result;
};

struct cr_writer_queue {
    /* Constant. */
    int wake_fd;
    unsigned count; /* of blocks */
    struct cr_writer_block *blocks;
    uint8_t *memory;
    size_t memory_size;
    pthread_mutex_t lock;
    pthread_cond_t progress;
    /* Negative errno when the caller shall have it instead of waiting on. */
    _Atomic int failing;
    /* Under the lock. */
    struct cr_writer_block **free_list;
    unsigned free_count;
    struct cr_writer_block **ring; /* number n at n % count */
    uint64_t pushed, done;         /* numbers of the next ones */
    uint64_t sync_wanted, sync_done;
    int sync_result;
    bool caller_waits, asleep, closing, ended;
};

/* What the thread needs to know of the other side. */
struct cr_writer_orders {
    uint64_t pushed;
    uint64_t sync_wanted;
    bool closing; /* the disk gets one more chance */
    bool ended;   /* nothing more will be pushed */
};

/* `packing`: blocks get room for their packed form. -ENOMEM, -EMFILE. */
int cr_writer_queue_open(struct cr_writer_queue *queue, size_t memory, size_t block_size,
                         bool packing);
void cr_writer_queue_close(struct cr_writer_queue *queue);

/* ---- the caller's side ---------------------------------------------------- */

/* A free block, emptied. Waits for one; NULL: `failing`. */
struct cr_writer_block *cr_writer_queue_get(struct cr_writer_queue *queue);
void cr_writer_queue_push(struct cr_writer_queue *queue, struct cr_writer_block *block);
/* How many are in the queue. */
unsigned cr_writer_queue_length(struct cr_writer_queue *queue);
/* Wait until the kernel has all that was pushed (`sync`: the disk). 0 or what failed. */
int cr_writer_queue_drain(struct cr_writer_queue *queue, bool sync);
/* Wait until the thread has brought `counter` to `least`, in a way that a failing disk ends. */
int cr_writer_queue_await(struct cr_writer_queue *queue, const _Atomic uint64_t *counter,
                          uint64_t least);
/* A disk that fails is tried once more, then what waits is given up. */
void cr_writer_queue_closing(struct cr_writer_queue *queue);
void cr_writer_queue_end(struct cr_writer_queue *queue);

/* ---- the thread's side ---------------------------------------------------- */

struct cr_writer_orders cr_writer_queue_orders(struct cr_writer_queue *queue);
/* Block number `n`: done <= n < pushed. */
struct cr_writer_block *cr_writer_queue_block(struct cr_writer_queue *queue, uint64_t n);
/* The oldest block goes back to the free ones. */
void cr_writer_queue_done(struct cr_writer_queue *queue);
void cr_writer_queue_synced(struct cr_writer_queue *queue, uint64_t wanted, int result);
void cr_writer_queue_fail(struct cr_writer_queue *queue, int error);
/* Tell a caller that waits to look again. */
void cr_writer_queue_tell(struct cr_writer_queue *queue);
/* The thread is going to sleep; false: there is something that it has not seen. */
bool cr_writer_queue_sleep(struct cr_writer_queue *queue, const struct cr_writer_orders *seen);
void cr_writer_queue_awake(struct cr_writer_queue *queue);

#endif
