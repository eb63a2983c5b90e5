#include "can/trace/writer_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "shm/clock.h"

/* Finished files that still wait for their sync; more are synced on the spot. */
#define SYNCS_MAX 8u

const char *cr_writer_output_path(const struct cr_writer_thread *thread,
                                  const struct cr_writer_file *file)
{
    return file->path ? file->path : thread->names->path;
}

/* ---- packing ---------------------------------------------------------------- */

int cr_writer_output_pack(const struct cr_writer_thread *thread, const struct cr_writer_file *file,
                          const void *raw, size_t length, struct cr_bytes *out)
{
    int result = thread->packer ? cr_packer_pack(thread->packer, raw, length, out)
                                : file->encoder->pack(raw, length, out);

    return result < 0 ? result : out->overflow ? -ENOBUFS : 0;
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
                     cr_writer_output_path(thread, file), strerror(-result));
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
    file->synced_ns = cr_monotonic_ns();
    thread->syncs++;
    cr_writer_sink_sync(thread->sink, &file->sync, file->fd);
}

/* When the file is to be synced, UINT64_MAX: not at all. */
uint64_t cr_writer_output_next_sync(const struct cr_writer_thread *thread)
{
    const struct cr_writer_file *file = thread->file;

    if (!thread->sync_ns || !file || !file->dirty || file->syncing || file->fd < 0)
        return UINT64_MAX;
    return thread->sync_ns > UINT64_MAX - file->synced_ns ? UINT64_MAX
                                                          : file->synced_ns + thread->sync_ns;
}

void cr_writer_output_sync(struct cr_writer_thread *thread)
{
    struct cr_writer_file *file = thread->file;
    bool asked = thread->orders.sync_wanted > thread->sync_answered && !thread->sync_asked;

    if (asked && (!file || file->fd < 0)) {
        cr_writer_queue_synced(thread->queue, ++thread->sync_answered, 0);
    } else if (asked && !file->syncing && thread->done == thread->orders.pushed) {
        thread->sync_asked = file;
        start_sync(thread, file);
    } else if (cr_writer_output_next_sync(thread) <= cr_monotonic_ns()) {
        start_sync(thread, file);
    }
}

/* ---- files ------------------------------------------------------------------ */

void cr_writer_thread_note_file(struct cr_writer_thread *thread, struct cr_writer_file *file)
{
    file->noted = true;
    file->synced_ns = cr_monotonic_ns();
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
        result = cr_writer_output_pack(thread, file, prelude, length, &file->again);
    else
        cr_bytes_put(&file->again, prelude, file->encoder->pack ? head : length);
    if (!thread->packer && file->encoder->pack && length > head)
        result = cr_writer_output_pack(thread, file, prelude + head, length - head, &file->again);
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

int cr_writer_output_ready(struct cr_writer_thread *thread, struct cr_writer_file *file,
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

void cr_writer_output_taken_away(struct cr_writer_thread *thread, struct cr_writer_file *file)
{
    cr_writer_report(thread->stats, LOG_WARNING,
                     "%s: has been deleted while it was written, with %llu entries in it",
                     file->path, (unsigned long long)file->totals.entries);
    close(file->fd);
    file->fd = -1;
    file->noted = false;
    thread->file = NULL;
}

void cr_writer_output_finish(struct cr_writer_thread *thread, struct cr_writer_file *file)
{
    int result = file->fd >= 0 ? cr_writer_file_rewrite_head(file) : 0;

    if (result < 0)
        cr_writer_report(thread->stats, LOG_WARNING, "%s: the totals in its head are missing: %s",
                         cr_writer_output_path(thread, file), strerror(-result));
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
