#include <canring/trace_writer.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "can/trace/writer_encode.h"
#include "can/trace/writer_pretrigger.h"
#include "can/trace/writer_thread.h"

struct canring_trace_writer {
    struct cr_writer_plan plan;
    struct cr_writer_stats stats;
    struct cr_writer_queue queue;
    struct cr_writer_names names;
    struct cr_writer_thread thread;
    struct cr_writer_encode encode;
    struct cr_writer_pretrigger before; /* what came before the trigger */
    bool waiting;                       /* for the trigger */
    char *path;
};

static int disk_error(const struct canring_trace_writer *writer, int result,
                      struct canring_error *err)
{
    return canring_error_set(err, result, "%s: cannot be written: %s", writer->path,
                             strerror(-result));
}

/* ---- open ------------------------------------------------------------------- */

static int create_file(struct canring_trace_writer *writer)
{
    struct cr_writer_file *file = cr_writer_file_new(writer->plan.format->encoder);
    int result = file ? cr_writer_names_next(&writer->names, file) : -ENOMEM;

    if (result < 0) {
        cr_writer_file_free(file);
        return result;
    }
    cr_writer_thread_note_file(&writer->thread, file);
    writer->encode.file = file;
    return 0;
}

/* It waits for the trigger, or for its first entry to be named by. */
static bool is_made_by_thread(const struct canring_trace_writer *writer)
{
    return writer->waiting || writer->names.dated_first;
}

static int not_created(const struct canring_trace_writer *writer, int result,
                       struct canring_error *err)
{
    return canring_error_set(err, result, "%s: cannot be created: %s", writer->path,
                             strerror(-result));
}

/* What is made later is looked at now: what can be wrong with it is told. */
static int prepare_file(struct canring_trace_writer *writer, struct canring_error *err)
{
    const struct canring_trace_writer_options *options = &writer->plan.options;

    if (writer->names.special &&
        (options->rotate_bytes || options->rotate_ns || options->rotate_frames))
        return canring_error_set(
            err, -EINVAL, "%s: no regular file: nothing goes on behind a limit", writer->path);
    int result = options->late || is_made_by_thread(writer) ? cr_writer_names_check(&writer->names)
                                                            : create_file(writer);

    return result < 0 ? not_created(writer, result, err) : 0;
}

int canring_trace_writer_begin(struct canring_trace_writer *writer, struct canring_error *err)
{
    if (writer->names.first_taken || is_made_by_thread(writer))
        return 0;
    int result = create_file(writer);
    return result < 0 ? not_created(writer, result, err) : 0;
}

static void connect_parts(struct canring_trace_writer *writer)
{
    const struct canring_trace_writer_options *options = &writer->plan.options;

    writer->stats.report = options->report;
    writer->stats.report_arg = options->report_arg;
    writer->thread.queue = &writer->queue;
    writer->thread.stats = &writer->stats;
    writer->thread.names = &writer->names;
    writer->thread.sync_ns = options->sync_ns;
    writer->thread.fault.queue = &writer->queue;
    writer->thread.fault.stats = &writer->stats;
    writer->thread.fault.patience_ns = options->retry_ns;
    writer->encode.plan = &writer->plan;
    writer->encode.queue = &writer->queue;
    writer->encode.stats = &writer->stats;
    writer->queue.wake_fd = -1;
    writer->waiting = options->pretrigger_ns != 0;
}

static int open_parts(struct canring_trace_writer *writer, struct canring_error *err)
{
    struct cr_writer_plan *plan = &writer->plan;
    bool packing = plan->format->encoder->pack || plan->compression != CR_COMPRESSION_NONE;

    int result = cr_writer_queue_open(&writer->queue, plan->options.memory, plan->block, packing);
    if (result < 0)
        return canring_error_set(err, result, "%s: no memory for its blocks: %s", writer->path,
                                 strerror(-result));
    result =
        cr_writer_names_open(&writer->names, writer->path, plan->format->endings, &plan->options);
    if (result == 0 && plan->compression != CR_COMPRESSION_NONE)
        result = cr_packer_open(&writer->thread.packer, plan->compression);
    if (result == 0 && writer->waiting)
        result = cr_writer_pretrigger_open(&writer->before, plan->options.pretrigger_bytes,
                                           plan->options.pretrigger_ns);
    if (result < 0)
        return canring_error_set(err, result, "%s: cannot be prepared: %s", writer->path,
                                 strerror(-result));
    result = prepare_file(writer, err);
    if (result < 0)
        return result;
    result = cr_writer_thread_start(&writer->thread);
    if (result < 0)
        canring_error_set(err, result, "%s: no thread: %s", writer->path, strerror(-result));
    return result;
}

/* All that does not need the thread. */
static void release(struct canring_trace_writer *writer)
{
    cr_writer_queue_close(&writer->queue);
    cr_writer_pretrigger_close(&writer->before);
    cr_packer_close(writer->thread.packer);
    cr_writer_file_free(writer->encode.file);
    cr_writer_names_close(&writer->names);
    cr_trace_names_free(&writer->encode.names);
    free(writer->path);
    free(writer);
}

int canring_trace_writer_open(struct canring_trace_writer **writer, const char *path,
                              const struct canring_trace_writer_options *options,
                              struct canring_error *err)
{
    if (!path)
        return canring_error_set(err, -EINVAL, "no path, allowed: that of a file");
    struct canring_trace_writer *new = calloc(1, sizeof(*new));
    if (!new)
        return canring_error_set(err, -ENOMEM, "%s: out of memory", path);
    new->path = strdup(path);
    int result = -ENOMEM;
    if (new->path)
        result = cr_writer_plan_make(&new->plan, path, options, err);
    else
        canring_error_set(err, result, "%s: out of memory", path);
    connect_parts(new);
    if (result == 0)
        result = open_parts(new, err);
    if (result < 0)
        release(new);
    else
        *writer = new;
    return result;
}

/* ---- entries ---------------------------------------------------------------- */

int canring_trace_writer_bus(struct canring_trace_writer *writer, const char *name)
{
    /* In formats of lines it is a word. */
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return -EINVAL;
    return *name ? cr_trace_names_find(&writer->encode.names, name, strlen(name)) : -EINVAL;
}

static int check_entry(const struct canring_trace_writer *writer,
                       const struct canring_trace_entry *entry, struct canring_error *err)
{
    if (entry->bus >= writer->encode.names.count)
        return canring_error_set(err, -EINVAL, "no bus %u: there are %u", entry->bus,
                                 writer->encode.names.count);
    if (entry->kind == CANRING_TRACE_LOST)
        return entry->frame ? canring_error_set(err, -EINVAL, "a loss has no frame") : 0;
    if (entry->kind != CANRING_TRACE_FRAME || !entry->frame)
        return canring_error_set(err, -EINVAL, "an entry of no known kind, or without its frame");
    if (canring_frame_check(entry->frame, sizeof(union canring_frame_buffer)) < 0)
        return canring_error_set(err, -EINVAL, "not a well-formed frame");
    return 0;
}

/* What the pre-trigger has kept goes first. Entries that the format cannot hold are counted there.
 */
static int write_kept(struct canring_trace_writer *writer)
{
    struct canring_trace_entry entry;

    while (cr_writer_pretrigger_first(&writer->before, &entry)) {
        int result = cr_writer_encode_entry(&writer->encode, &entry);
        if (result < 0 && result != -EOPNOTSUPP)
            return result;
        cr_writer_pretrigger_drop(&writer->before);
    }
    cr_writer_pretrigger_close(&writer->before);
    return 0;
}

int canring_trace_writer_write(struct canring_trace_writer *writer,
                               const struct canring_trace_entry *entry, struct canring_error *err)
{
    int failing = atomic_load_explicit(&writer->queue.failing, memory_order_relaxed);
    struct canring_trace_entry stamped = *entry;

    if (failing)
        return disk_error(writer, failing, err);
    int result = check_entry(writer, entry, err);
    if (result < 0)
        return result;
    if (entry->frame)
        stamped.timestamp_ns = entry->frame->timestamp_ns;
    if (writer->waiting) {
        cr_writer_pretrigger_add(&writer->before, &stamped);
        return 0;
    }
    if (writer->before.memory)
        result = write_kept(writer);
    if (result == 0)
        result = cr_writer_encode_entry(&writer->encode, &stamped);
    if (result == -EOPNOTSUPP)
        return canring_error_set(err, result, "format '%s' has no place for this entry",
                                 writer->plan.format->name);
    return result < 0 ? disk_error(writer, result, err) : 0;
}

uint64_t canring_trace_writer_due(struct canring_trace_writer *writer)
{
    return cr_writer_encode_due(&writer->encode);
}

int canring_trace_writer_flush(struct canring_trace_writer *writer, bool sync,
                               struct canring_error *err)
{
    cr_writer_encode_push(&writer->encode);
    int result = cr_writer_queue_drain(&writer->queue, sync);
    return result < 0 ? disk_error(writer, result, err) : 0;
}

int canring_trace_writer_rotate(struct canring_trace_writer *writer, struct canring_error *err)
{
    if (!writer->encode.file || !writer->encode.file->entries || writer->names.special)
        return 0; /* there is nothing in it yet, or no other one to go on with */
    int result = cr_writer_encode_end_file(&writer->encode);
    return result < 0 ? disk_error(writer, result, err) : 0;
}

int canring_trace_writer_trigger(struct canring_trace_writer *writer, struct canring_error *err)
{
    writer->waiting = false;
    int result = writer->before.memory ? write_kept(writer) : 0;
    return result < 0 ? disk_error(writer, result, err) : 0;
}

void canring_trace_writer_stats(const struct canring_trace_writer *writer,
                                struct canring_trace_writer_stats *stats)
{
    cr_writer_stats_read(&writer->stats, stats);
}

int canring_trace_writer_close(struct canring_trace_writer *writer, struct canring_error *err)
{
    struct canring_trace_writer_stats unused;

    return writer ? canring_trace_writer_finish(writer, &unused, err) : 0;
}

int canring_trace_writer_finish(struct canring_trace_writer *writer,
                                struct canring_trace_writer_stats *last, struct canring_error *err)
{
    cr_writer_queue_closing(&writer->queue);
    int ended = writer->before.memory && !writer->waiting ? write_kept(writer) : 0;
    if (ended == 0)
        ended = cr_writer_encode_end_file(&writer->encode);
    cr_writer_queue_end(&writer->queue);
    int result = cr_writer_thread_join(&writer->thread);
    if (result == 0)
        result = ended;
    if (result < 0)
        disk_error(writer, result, err);
    canring_trace_writer_stats(writer, last);
    release(writer);
    return result;
}
