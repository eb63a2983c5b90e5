#include "can/trace/writer_thread.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* Blocks written in one chain: enough to keep the kernel busy, few enough to be let go of soon. */
#define CHAIN_MAX 16u
/* Finished files that still wait for their sync; more are synced on the spot. */
#define SYNCS_MAX 8u

static_assert(CHAIN_MAX + SYNCS_MAX + 2 <= CR_WRITER_SINK_REQUESTS, "the sink takes all of them");

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static const char *path_of(const struct cr_writer_thread *thread, const struct cr_writer_file *file)
{
    return file->path ? file->path : thread->names->path;
}

static void fail(struct cr_writer_thread *thread, const struct cr_writer_file *file, int error)
{
    cr_writer_fault_begin(&thread->fault, error, path_of(thread, file), now_ns());
}

/* ---- packing ---------------------------------------------------------------- */

static int pack(const struct cr_writer_thread *thread, const struct cr_writer_file *file,
                const void *raw, size_t length, struct cr_bytes *out)
{
    int result = thread->packer ? cr_packer_pack(thread->packer, raw, length, out)
                                : file->encoder->pack(raw, length, out);

    return result < 0 ? result : out->overflow ? -ENOBUFS : 0;
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
        int result = pack(thread, block->file, from->data, from->used, &block->packed);
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
static bool pack_next(struct cr_writer_thread *thread)
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

/* ---- syncs ------------------------------------------------------------------ */

static void note_sync(struct cr_writer_thread *thread, const struct cr_writer_file *file,
                      int result)
{
    if (result >= 0 || result == -EINVAL || result == -EROFS)
        return; /* a pipe or a device has nothing to sync */
    if (!thread->first_error)
        thread->first_error = result;
    cr_writer_report(thread->stats, LOG_ERR, "%s: what was written may not be on the disk: %s",
                     path_of(thread, file), strerror(-result));
}

static void synced(struct cr_writer_sink_request *request, int result)
{
    struct cr_writer_file *file =
        (struct cr_writer_file *)(void *)((char *)request - offsetof(struct cr_writer_file, sync));
    struct cr_writer_thread *thread = file->syncing;

    file->syncing = NULL;
    thread->syncs--;
    note_sync(thread, file, result);
    if (thread->sync_asked == file) {
        thread->sync_asked = NULL;
        thread->sync_answered++;
        cr_writer_queue_synced(thread->queue, thread->sync_answered, result);
    }
    if (file->finished)
        cr_writer_file_free(file);
}

static void start_sync(struct cr_writer_thread *thread, struct cr_writer_file *file)
{
    file->sync.done = synced;
    file->syncing = thread;
    file->dirty = false;
    file->synced_ns = now_ns();
    thread->syncs++;
    cr_writer_sink_sync(thread->sink, &file->sync, file->fd);
}

/* When the file is to be synced, UINT64_MAX: not at all. */
static uint64_t next_sync(const struct cr_writer_thread *thread)
{
    const struct cr_writer_file *file = thread->file;

    if (!thread->sync_ns || !file || !file->dirty || file->syncing || file->fd < 0)
        return UINT64_MAX;
    return thread->sync_ns > UINT64_MAX - file->synced_ns ? UINT64_MAX
                                                          : file->synced_ns + thread->sync_ns;
}

static void sync_what_is_due(struct cr_writer_thread *thread)
{
    struct cr_writer_file *file = thread->file;
    bool asked = thread->orders.sync_wanted > thread->sync_answered && !thread->sync_asked;

    if (asked && (!file || file->fd < 0)) {
        cr_writer_queue_synced(thread->queue, ++thread->sync_answered, 0);
    } else if (asked && !file->syncing && thread->done == thread->orders.pushed) {
        thread->sync_asked = file;
        start_sync(thread, file);
    } else if (next_sync(thread) <= now_ns()) {
        start_sync(thread, file);
    }
}

/* ---- files ------------------------------------------------------------------ */

void cr_writer_thread_note_file(struct cr_writer_thread *thread, struct cr_writer_file *file)
{
    file->noted = true;
    file->synced_ns = now_ns();
    cr_writer_stats_set_path(thread->stats, file->path);
    cr_writer_count(&thread->stats->files, 1);
    if (thread->names->keep)
        cr_writer_names_trim(thread->names, thread->stats);
}

/* What a new file begins with when the block before which it begins is not the first. */
static int make_prelude(struct cr_writer_thread *thread, struct cr_writer_file *file, size_t length)
{
    size_t head = file->head < length ? file->head : length;

    free(file->again.data);
    file->again = (struct cr_bytes){.size = 2 * cr_trace_pack_room(length)};
    file->again_done = 0;
    file->again.data = malloc(file->again.size);
    if (!file->again.data)
        return -ENOMEM;
    pthread_mutex_lock(&file->lock);
    const uint8_t *prelude = file->prelude.data;
    int result = 0;
    if (thread->packer && length)
        result = pack(thread, file, prelude, length, &file->again);
    else
        cr_bytes_put(&file->again, prelude, file->encoder->pack ? head : length);
    if (!thread->packer && file->encoder->pack && length > head)
        result = pack(thread, file, prelude + head, length - head, &file->again);
    pthread_mutex_unlock(&file->lock);
    return result;
}

static int open_file(struct cr_writer_thread *thread, struct cr_writer_file *file,
                     const struct cr_writer_block *first)
{
    bool again = file->path != NULL;
    int result = again ? make_prelude(thread, file, first->prelude) : 0;

    if (result == 0)
        result = again ? cr_writer_names_again(thread->names, file)
                       : cr_writer_names_next(thread->names, file);
    if (result == -EEXIST && !again) { /* it came after the user was told that it was not there */
        thread->names->first_taken = true;
        result = cr_writer_names_next(thread->names, file);
    }
    if (result < 0)
        return result;
    file->offset = 0;
    file->totals = (struct cr_trace_totals){0};
    if (again)
        cr_writer_report(thread->stats, LOG_NOTICE, "%s: a new file", file->path);
    return 0;
}

static int write_prelude(struct cr_writer_file *file)
{
    while (file->again_done < file->again.used) {
        ssize_t written = pwrite(file->fd, file->again.data + file->again_done,
                                 file->again.used - file->again_done, (off_t)file->again_done);
        if (written <= 0)
            return written < 0 ? -errno : -ENOSPC;
        file->again_done += (size_t)written;
    }
    file->offset += file->again.used;
    file->again.used = file->again_done = 0;
    return 0;
}

static int make_ready(struct cr_writer_thread *thread, struct cr_writer_file *file,
                      const struct cr_writer_block *first)
{
    int result = 0;

    if (file->fd < 0)
        result = open_file(thread, file, first);
    if (result < 0)
        return result;
    if (!file->noted)
        cr_writer_thread_note_file(thread, file);
    thread->file = file;
    return file->again.used ? write_prelude(file) : 0;
}

static void finish(struct cr_writer_thread *thread, struct cr_writer_file *file)
{
    int result = file->fd >= 0 ? cr_writer_file_rewrite_head(file) : 0;

    if (result < 0)
        cr_writer_report(thread->stats, LOG_WARNING, "%s: the totals in its head are missing: %s",
                         path_of(thread, file), strerror(-result));
    if (thread->file == file)
        thread->file = NULL;
    file->finished = true;
    if (file->fd >= 0 && thread->sync_ns && !file->syncing) {
        if (thread->syncs < SYNCS_MAX) {
            start_sync(thread, file);
            return;
        }
        note_sync(thread, file, fdatasync(file->fd) < 0 ? -errno : 0);
    }
    if (!file->syncing)
        cr_writer_file_free(file);
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

static void start_batch(struct cr_writer_thread *thread)
{
    struct cr_writer_block *first = cr_writer_queue_block(thread->queue, thread->done);
    int result = make_ready(thread, first->file, first);

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
    cr_writer_count(&thread->stats->file_bytes, block->stored_length);
    thread->done++;
    if (last)
        finish(thread, file);
    cr_writer_queue_done(thread->queue);
}

/* The file has been deleted under our hands: what is still here goes to a new one. */
static void start_over(struct cr_writer_thread *thread, struct cr_writer_file *file)
{
    cr_writer_report(thread->stats, LOG_WARNING, "%s: has been deleted while it was written",
                     file->path);
    for (uint64_t n = thread->done; n < thread->batch_end; n++)
        cr_writer_queue_block(thread->queue, n)->written = 0;
    close(file->fd);
    file->fd = -1;
    file->noted = false;
    thread->file = NULL;
    thread->batch_end = thread->done;
}

static bool is_worth_another_try_at_once(int error)
{
    return error == -EINTR || error == -EAGAIN || error == -ECANCELED;
}

static void end_batch(struct cr_writer_thread *thread)
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
        cr_writer_fault_end(&thread->fault, path_of(thread, file));
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
                         path_of(thread, file), strerror(errno));
}

static void give_up(struct cr_writer_thread *thread)
{
    uint64_t cost = 0;

    if (!thread->first_error)
        thread->first_error = thread->fault.error;
    for (; thread->done < thread->orders.pushed; thread->done++) {
        struct cr_writer_block *block = cr_writer_queue_block(thread->queue, thread->done);
        cost += block->entries;
        if (!thread->giving_up)
            cut(thread, block->file);
        thread->giving_up = true;
        if (block->last)
            finish(thread, block->file);
        cr_writer_queue_done(thread->queue);
    }
    thread->packed = thread->batch_end = thread->done;
    cr_writer_count(&thread->stats->discarded, cost);
}

/* ---- the loop ----------------------------------------------------------------- */

static bool is_idle(const struct cr_writer_thread *thread)
{
    return thread->batch_end == thread->done;
}

/* Start what can be started. True: there may be more to do at once. */
static bool advance(struct cr_writer_thread *thread)
{
    const struct cr_writer_fault *fault = &thread->fault;
    bool may_try =
        !fault->error || thread->orders.closing || (is_idle(thread) && now_ns() >= fault->retry_ns);
    bool packs = may_try && pack_next(thread);

    sync_what_is_due(thread);
    if (!is_idle(thread) || thread->done == thread->orders.pushed || !may_try)
        return packs;
    if (thread->done < thread->packed)
        start_batch(thread);
    return true;
}

/* After an attempt. When closing, a disk that fails gets one more. */
static void look_at_fault(struct cr_writer_thread *thread)
{
    cr_writer_fault_check(&thread->fault, now_ns());
    if (!is_idle(thread) || !thread->orders.closing)
        return;
    if (thread->giving_up || (thread->fault.error && thread->last_chance))
        give_up(thread);
    thread->last_chance = thread->fault.error != 0;
}

static uint64_t time_to_sleep(const struct cr_writer_thread *thread)
{
    uint64_t next = is_idle(thread) ? cr_writer_fault_next(&thread->fault) : UINT64_MAX;
    uint64_t sync = next_sync(thread);
    uint64_t now = now_ns();

    if (sync < next)
        next = sync;
    if (next == UINT64_MAX)
        return UINT64_MAX;
    return next > now ? next - now : 1;
}

static void look_or_sleep(struct cr_writer_thread *thread, bool busy)
{
    bool sleeps = !busy && cr_writer_queue_sleep(thread->queue, &thread->orders);

    cr_writer_sink_run(thread->sink, sleeps ? time_to_sleep(thread) : 0);
    if (sleeps)
        cr_writer_queue_awake(thread->queue);
}

static bool is_over(const struct cr_writer_thread *thread)
{
    return thread->orders.ended && thread->done == thread->orders.pushed && !thread->syncs;
}

static void *run(void *arg)
{
    struct cr_writer_thread *thread = arg;

    pthread_setname_np(pthread_self(), "canring-trace");
    cr_writer_sink_start(thread->sink, thread->plain);
    for (;;) {
        thread->orders = cr_writer_queue_orders(thread->queue);
        if (is_over(thread))
            break;
        look_or_sleep(thread, advance(thread));
        if (!is_idle(thread) && thread->on_their_way == 0)
            end_batch(thread);
        look_at_fault(thread);
    }
    cr_writer_sink_close(thread->sink);
    thread->sink = NULL;
    return NULL;
}

/* Signals are for the program's own threads; a file that gets too large is an error here. */
int cr_writer_thread_start(struct cr_writer_thread *thread)
{
    sigset_t all, before;
    int result = cr_writer_sink_open(&thread->sink, thread->queue->wake_fd);

    if (result < 0)
        return result;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&thread->thread, NULL, run, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result)
        cr_writer_sink_close(thread->sink);
    return -result;
}

int cr_writer_thread_join(struct cr_writer_thread *thread)
{
    pthread_join(thread->thread, NULL);
    return thread->first_error;
}
