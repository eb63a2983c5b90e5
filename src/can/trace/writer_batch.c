#include "can/trace/writer_batch.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "can/trace/writer_output.h"
#include "shm/clock.h"
#include "shm/probe.h"

/* Blocks written in one chain: enough to keep the kernel busy, few enough to be let go of soon. */
#define CHAIN_MAX 16u

static_assert(CHAIN_MAX < CR_WRITER_SINK_REQUESTS / 2, "the sink takes all of them, and syncs");

static void fail(struct cr_writer_thread *thread, const struct cr_writer_file *file, int error)
{
    cr_writer_fault_begin(&thread->fault, error, cr_writer_output_path(thread, file),
                          cr_monotonic_ns());
}

static bool is_stored_as_it_is(const struct cr_writer_thread *thread,
                               const struct cr_writer_block *block)
{
    return block->raw.used == 0 ||
           (!thread->packer && (block->plain || !block->file->encoder->pack));
}

static int pack_block(struct cr_writer_thread *thread, struct cr_writer_block *block)
{
    struct cr_bytes *from = &block->raw;

    if (!is_stored_as_it_is(thread, block)) {
        block->packed.used = 0;
        block->packed.overflow = false;
        int result =
            cr_writer_output_pack(thread, block->file, from->data, from->used, &block->packed);
        if (result < 0)
            return result;
        from = &block->packed;
    }
    block->stored = from->data;
    block->stored_length = from->used;
    atomic_fetch_add(&block->file->stored, from->used);
    atomic_fetch_add(&block->file->packed, block->raw.used);
    return 0;
}

/* True when it was worth another look at what the kernel has done. */
bool cr_writer_batch_pack(struct cr_writer_thread *thread)
{
    if (thread->packed == thread->orders.pushed || thread->giving_up)
        return false;
    struct cr_writer_block *block = cr_writer_queue_block(thread->queue, thread->packed);
    int result = pack_block(thread, block);
    if (result < 0) {
        fail(thread, block->file, result);
        return false;
    }
    thread->packed++;
    cr_writer_queue_tell(thread->queue); /* it may wait for the size of what is stored */
    return true;
}

/* ---- writing ---------------------------------------------------------------- */

static void written(struct cr_writer_sink_request *request, int result);

static bool is_whole(const struct cr_writer_block *block)
{
    return block->written == block->stored_length;
}

/* The blocks of one file that are packed, as many as go into a chain. */
static uint64_t end_of_batch(const struct cr_writer_thread *thread)
{
    const struct cr_writer_block *block = cr_writer_queue_block(thread->queue, thread->done);
    const struct cr_writer_file *file = block->file;
    uint64_t end = thread->done;

    while (end < thread->packed && end - thread->done < CHAIN_MAX) {
        block = cr_writer_queue_block(thread->queue, end);
        if (block->file != file)
            break;
        end++;
    }
    return end;
}

/* Number of the last block of the batch with bytes left to write. */
static uint64_t last_to_write(const struct cr_writer_thread *thread)
{
    uint64_t n = thread->batch_end - 1;

    while (n > thread->done && is_whole(cr_writer_queue_block(thread->queue, n)))
        n--;
    return n;
}

static void submit_batch(struct cr_writer_thread *thread, const struct cr_writer_file *file)
{
    uint64_t offset = file->offset;
    uint64_t last = last_to_write(thread);

    for (uint64_t n = thread->done; n < thread->batch_end; n++) {
        struct cr_writer_block *block = cr_writer_queue_block(thread->queue, n);
        const uint8_t *from = block->stored + block->written;
        size_t left = block->stored_length - block->written;
        uint64_t at = file->regular ? offset + block->written : CR_WRITER_SINK_NOWHERE;

        offset += block->stored_length;
        block->result = 0;
        if (!left)
            continue;
        block->request.done = written;
        block->thread = thread;
        thread->on_their_way++;
        cr_writer_sink_write(thread->sink, &block->request, file->fd, from, left, at, n != last);
    }
}

void cr_writer_batch_start(struct cr_writer_thread *thread)
{
    struct cr_writer_block *first = cr_writer_queue_block(thread->queue, thread->done);
    int result = cr_writer_output_ready(thread, first->file, first);

    if (result < 0) {
        fail(thread, first->file, result);
        return;
    }
    thread->batch_end = end_of_batch(thread);
    submit_batch(thread, first->file);
}

static void release(struct cr_writer_thread *thread, struct cr_writer_block *block)
{
    struct cr_writer_file *file = block->file;
    struct cr_trace_totals *totals = &file->totals;
    bool last = block->last;

    file->offset += block->stored_length;
    file->dirty = file->dirty || block->stored_length;
    if (block->entries && (!totals->entries || block->lowest_ns < totals->first_ns))
        totals->first_ns = block->lowest_ns;
    if (block->entries && block->highest_ns > totals->last_ns)
        totals->last_ns = block->highest_ns;
    totals->entries += block->entries;
    totals->raw_bytes += block->plain ? 0 : block->raw.used;
    totals->blocks += !block->plain && block->raw.used;
    cr_writer_count(&thread->stats->file_bytes, block->stored_length);
    CR_PROBE3(trace_write, file->fd, block->stored_length, totals->entries);
    thread->done++;
    if (last)
        cr_writer_output_finish(thread, file);
    cr_writer_queue_done(thread->queue);
}

/* What is still here goes to a new file. */
static void start_over(struct cr_writer_thread *thread, struct cr_writer_file *file)
{
    for (uint64_t n = thread->done; n < thread->batch_end; n++)
        cr_writer_queue_block(thread->queue, n)->written = 0;
    thread->batch_end = thread->done;
    cr_writer_output_taken_away(thread, file);
}

static bool is_worth_another_try_at_once(int error)
{
    return error == -EINTR || error == -EAGAIN || error == -ECANCELED;
}

void cr_writer_batch_end(struct cr_writer_thread *thread)
{
    struct cr_writer_file *file = cr_writer_queue_block(thread->queue, thread->done)->file;
    uint64_t end = thread->batch_end;

    if (cr_writer_file_is_gone(file)) {
        start_over(thread, file);
        return;
    }
    while (thread->done < end) {
        struct cr_writer_block *block = cr_writer_queue_block(thread->queue, thread->done);
        if (!is_whole(block)) {
            if (block->result < 0 && !is_worth_another_try_at_once(block->result))
                fail(thread, file, block->result);
            break;
        }
        cr_writer_fault_end(&thread->fault, cr_writer_output_path(thread, file));
        release(thread, block);
    }
    thread->batch_end = thread->done;
}

static void written(struct cr_writer_sink_request *request, int result)
{
    struct cr_writer_block *block = (struct cr_writer_block *)(void *)request;

    block->thread->on_their_way--;
    block->result = result == 0 ? -ENOSPC : result;
    if (result > 0)
        block->written += (size_t)result;
}

/* ---- giving up ---------------------------------------------------------------- */

/* The file ends with its last whole block. */
static void cut(struct cr_writer_thread *thread, const struct cr_writer_file *file)
{
    if (file->fd >= 0 && file->regular && ftruncate(file->fd, (off_t)file->offset) < 0)
        cr_writer_report(thread->stats, LOG_WARNING, "%s: may end in half an entry: %s",
                         cr_writer_output_path(thread, file), strerror(errno));
}

void cr_writer_batch_give_up(struct cr_writer_thread *thread)
{
    uint64_t cost = 0, frames = 0;

    if (!thread->first_error)
        thread->first_error = thread->fault.error;
    for (; thread->done < thread->orders.pushed; thread->done++) {
        struct cr_writer_block *block = cr_writer_queue_block(thread->queue, thread->done);
        cost += block->entries;
        frames += block->frames;
        if (!thread->giving_up)
            cut(thread, block->file);
        thread->giving_up = true;
        if (block->last)
            cr_writer_output_finish(thread, block->file);
        cr_writer_queue_done(thread->queue);
    }
    thread->packed = thread->batch_end = thread->done;
    cr_writer_count(&thread->stats->discarded, cost);
    cr_writer_count(&thread->stats->discarded_frames, frames);
}
