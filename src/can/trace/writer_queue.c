#include "can/trace/writer_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "can/trace/format.h"

#define PAGE   4096u
#define FEWEST 4u /* one is filled, one packed, one written, and one to go on with */

static size_t whole_pages(size_t size)
{
    return (size + PAGE - 1) / PAGE * PAGE;
}

static void place_blocks(struct cr_writer_queue *queue, size_t raw, size_t packed)
{
    uint8_t *at = queue->memory;

    for (unsigned i = 0; i < queue->count; i++, at += raw + packed) {
        struct cr_writer_block *block = &queue->blocks[i];
        block->raw = (struct cr_bytes){.data = at, .size = raw};
        if (packed)
            block->packed = (struct cr_bytes){.data = at + raw, .size = packed};
        queue->free_list[i] = block;
    }
    queue->free_count = queue->count;
}

static int allocate(struct cr_writer_queue *queue, size_t memory, size_t raw, size_t packed)
{
    queue->count = (unsigned)(memory / (raw + packed));
    if (queue->count < FEWEST)
        queue->count = FEWEST;
    queue->memory_size = queue->count * (raw + packed);
    queue->blocks = calloc(queue->count, sizeof(*queue->blocks));
    queue->free_list = calloc(queue->count, sizeof(struct cr_writer_block *));
    queue->ring = calloc(queue->count, sizeof(struct cr_writer_block *));
    if (!queue->blocks || !queue->free_list || !queue->ring)
        return -ENOMEM;
    void *mapped =
        mmap(NULL, queue->memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        return -errno;
    queue->memory = mapped;
    return 0;
}

static void init_lock(struct cr_writer_queue *queue)
{
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->progress, NULL);
}

int cr_writer_queue_open(struct cr_writer_queue *queue, size_t memory, size_t block_size,
                         bool packing)
{
    size_t raw = whole_pages(block_size);
    size_t packed = packing ? whole_pages(cr_trace_pack_room(raw)) : 0;

    *queue = (struct cr_writer_queue){.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (queue->wake_fd < 0)
        return -errno;
    int result = allocate(queue, memory, raw, packed);
    init_lock(queue);
    if (result < 0)
        cr_writer_queue_close(queue);
    else
        place_blocks(queue, raw, packed);
    return result;
}

void cr_writer_queue_close(struct cr_writer_queue *queue)
{
    if (queue->wake_fd < 0)
        return;
    if (queue->memory)
        munmap(queue->memory, queue->memory_size);
    free(queue->blocks);
    free(queue->free_list);
    free(queue->ring);
    pthread_cond_destroy(&queue->progress);
    pthread_mutex_destroy(&queue->lock);
    close(queue->wake_fd);
    *queue = (struct cr_writer_queue){.wake_fd = -1};
}

/* ---- the caller's side ---------------------------------------------------- */

static int wait_for_progress(struct cr_writer_queue *queue)
{
    int failing = atomic_load(&queue->failing);

    if (failing && !queue->closing)
        return failing;
    queue->caller_waits = true;
    pthread_cond_wait(&queue->progress, &queue->lock);
    queue->caller_waits = false;
    return 0;
}

static void make_empty(struct cr_writer_block *block)
{
    block->file = NULL;
    block->raw.used = 0;
    block->raw.overflow = false;
    block->plain = block->last = false;
    block->prelude = 0;
    block->entries = block->frames = 0;
    block->written = 0;
    block->stored = NULL;
}

struct cr_writer_block *cr_writer_queue_get(struct cr_writer_queue *queue)
{
    struct cr_writer_block *block = NULL;

    pthread_mutex_lock(&queue->lock);
    while (!queue->free_count && wait_for_progress(queue) == 0)
        ;
    if (queue->free_count)
        block = queue->free_list[--queue->free_count]; /* the last one given back is in the cache */
    pthread_mutex_unlock(&queue->lock);
    if (block)
        make_empty(block);
    return block;
}

/* With the lock held, which is given up. */
static void unlock_and_wake(struct cr_writer_queue *queue)
{
    bool asleep = queue->asleep;

    queue->asleep = false;
    pthread_mutex_unlock(&queue->lock);
    if (asleep)
        cr_writer_sink_wake(queue->wake_fd);
}

void cr_writer_queue_push(struct cr_writer_queue *queue, struct cr_writer_block *block)
{
    pthread_mutex_lock(&queue->lock);
    queue->ring[queue->pushed++ % queue->count] = block;
    unlock_and_wake(queue);
}

unsigned cr_writer_queue_length(struct cr_writer_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    unsigned length = (unsigned)(queue->pushed - queue->done);
    pthread_mutex_unlock(&queue->lock);
    return length;
}

int cr_writer_queue_drain(struct cr_writer_queue *queue, bool sync)
{
    int result = 0;

    pthread_mutex_lock(&queue->lock);
    while (queue->done != queue->pushed && (result = wait_for_progress(queue)) == 0)
        ;
    if (sync && result == 0) {
        uint64_t wanted = ++queue->sync_wanted;
        unlock_and_wake(queue);
        pthread_mutex_lock(&queue->lock);
        while (queue->sync_done < wanted && (result = wait_for_progress(queue)) == 0)
            ;
        if (result == 0)
            result = queue->sync_result;
    }
    pthread_mutex_unlock(&queue->lock);
    return result;
}

int cr_writer_queue_await(struct cr_writer_queue *queue, const _Atomic uint64_t *counter,
                          uint64_t least)
{
    int result = 0;

    pthread_mutex_lock(&queue->lock);
    while (atomic_load(counter) < least && (result = wait_for_progress(queue)) == 0)
        ;
    pthread_mutex_unlock(&queue->lock);
    return result;
}

void cr_writer_queue_closing(struct cr_writer_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closing = true;
    unlock_and_wake(queue);
}

void cr_writer_queue_end(struct cr_writer_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->ended = true;
    unlock_and_wake(queue);
}

/* ---- the thread's side ---------------------------------------------------- */

static struct cr_writer_orders orders(const struct cr_writer_queue *queue)
{
    return (struct cr_writer_orders){.pushed = queue->pushed,
                                     .sync_wanted = queue->sync_wanted,
                                     .closing = queue->closing,
                                     .ended = queue->ended};
}

struct cr_writer_orders cr_writer_queue_orders(struct cr_writer_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    struct cr_writer_orders now = orders(queue);
    pthread_mutex_unlock(&queue->lock);
    return now;
}

struct cr_writer_block *cr_writer_queue_block(struct cr_writer_queue *queue, uint64_t n)
{
    return queue->ring[n % queue->count];
}

void cr_writer_queue_tell(struct cr_writer_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool waits = queue->caller_waits;
    pthread_mutex_unlock(&queue->lock);
    if (waits)
        pthread_cond_signal(&queue->progress);
}

void cr_writer_queue_done(struct cr_writer_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->free_list[queue->free_count++] = queue->ring[queue->done++ % queue->count];
    bool waits = queue->caller_waits;
    pthread_mutex_unlock(&queue->lock);
    if (waits)
        pthread_cond_signal(&queue->progress);
}

void cr_writer_queue_synced(struct cr_writer_queue *queue, uint64_t wanted, int result)
{
    pthread_mutex_lock(&queue->lock);
    queue->sync_done = wanted;
    queue->sync_result = result;
    pthread_mutex_unlock(&queue->lock);
    cr_writer_queue_tell(queue);
}

void cr_writer_queue_fail(struct cr_writer_queue *queue, int error)
{
    atomic_store(&queue->failing, error);
    cr_writer_queue_tell(queue);
}

bool cr_writer_queue_sleep(struct cr_writer_queue *queue, const struct cr_writer_orders *seen)
{
    pthread_mutex_lock(&queue->lock);
    struct cr_writer_orders now = orders(queue);
    queue->asleep = now.pushed == seen->pushed && now.sync_wanted == seen->sync_wanted &&
                    now.closing == seen->closing && now.ended == seen->ended;
    bool asleep = queue->asleep;
    pthread_mutex_unlock(&queue->lock);
    return asleep;
}

void cr_writer_queue_awake(struct cr_writer_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->asleep = false;
    pthread_mutex_unlock(&queue->lock);
}
