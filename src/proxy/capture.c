#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "proxy/capture_engine.h"
#include "shm/clock.h"

#define LAST_ROUNDS 64u /* batches of each bus that are still taken at the end */
#define WINDOW_MAX  UINT64_C(3600000000000)

/* ---- orders and figures ------------------------------------------------------- */

int canring_capture_trigger(struct canring_capture *capture)
{
    int result = cr_capture_begin(capture);
    if (result == 0)
        result = cr_recorder_trigger(capture->recorder);
    cr_recorder_publish(capture->recorder);
    return result;
}

int canring_capture_rotate(struct canring_capture *capture)
{
    int result = cr_capture_begin(capture);
    if (result == 0)
        result = cr_recorder_rotate(capture->recorder);
    cr_recorder_publish(capture->recorder);
    return result;
}

/* "any" says itself that it is several; a recording has the name of its first one. */
static void name_of(const struct cr_capture_source *source, char name[64])
{
    if (source->name_count > 1 && strcmp(source->names[0].name, source->name) == 0)
        snprintf(name, 64, "%.40s and %u more", source->name, source->name_count - 1);
    else
        memcpy(name, source->name, 64);
}

static void figures_of(struct canring_capture *capture, unsigned bus,
                       struct canring_capture_bus_stats *stats)
{
    struct cr_capture_source *source = capture->sources[bus];

    /* What is still queued when `count` are in has come after the end. */
    uint64_t queued = capture->left ? capture->queues[bus].frames.count : 0;
    *stats = (struct canring_capture_bus_stats){.received = queued,
                                                .lost_kernel = cr_capture_source_lost(source, true),
                                                .state = cr_capture_source_state(source)};
    name_of(source, stats->name);
    for (unsigned i = 0; i < source->name_count; i++) {
        const struct cr_recorder_bus *one = &capture->recorder->buses[source->names[i].index];
        stats->received += one->taken;
        stats->dropped += one->dropped;
        stats->written += atomic_load_explicit(&one->written, memory_order_relaxed);
    }
}

int canring_capture_bus_stats(struct canring_capture *capture, unsigned bus,
                              struct canring_capture_bus_stats *stats)
{
    if (bus >= capture->count)
        return -EINVAL;
    figures_of(capture, bus, stats);
    return 0;
}

void canring_capture_stats(const struct canring_capture *capture,
                           struct canring_recording_stats *stats)
{
    cr_recorder_stats(capture->recorder, stats);
}

/* ---- open and close ----------------------------------------------------------- */

static void on_bell(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    const struct canring_capture *capture = source->owner;
    uint64_t rung;
    (void)result, (void)flags, (void)buffer;
    ssize_t got = read(capture->bell, &rung, sizeof(rung));
    (void)got; /* that we are awake is all there is to it */
}

static int open_parts(struct canring_capture *capture,
                      const struct canring_capture_options *options, struct canring_error *err)
{
    if (options->window_ns > WINDOW_MAX)
        return canring_error_set(err, -EINVAL, "a window of %llu ns, allowed: an hour at most",
                                 (unsigned long long)options->window_ns);
    capture->batch = aligned_alloc(64, sizeof(*capture->batch));
    if (!capture->batch)
        return canring_error_set(err, -ENOMEM, "no memory for a capture");
    int result = cr_loop_open(&capture->loop, false, err);
    if (result < 0)
        return result;
    capture->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (capture->bell < 0)
        return canring_error_set(err, -errno, "eventfd: %s", strerror(errno));
    capture->bell_source = (struct cr_source){.ready = on_bell, .owner = capture};
    result = cr_loop_watch(capture->loop, &capture->bell_source, capture->bell, POLLIN);
    if (result < 0)
        return canring_error_set(err, result, "doorbell: %s", strerror(-result));
    struct canring_recording recording = options->recording;
    recording.writer.late = true;
    result = cr_recorder_open(&capture->recorder, &recording, capture->bell, options->report,
                              options->report_arg, err);
    if (result < 0)
        return result;
    capture->path = strdup(recording.path);
    return capture->path ? 0 : canring_error_set(err, -ENOMEM, "no memory for a capture");
}

int canring_capture_open(struct canring_capture **out,
                         const struct canring_capture_options *options, struct canring_error *err)
{
    struct canring_capture *capture = calloc(1, sizeof(*capture));

    if (!capture)
        return canring_error_set(err, -ENOMEM, "no memory for a capture");
    capture->bell = -1;
    capture->report = options->report;
    capture->report_arg = options->report_arg;
    capture->left = options->count ? options->count : UINT64_MAX;
    capture->merge = (struct cr_merge){.queues = capture->queues,
                                       .window_ns = options->window_ns ? options->window_ns
                                                                       : CANRING_CAPTURE_WINDOW_NS};
    int result = open_parts(capture, options, err);
    if (result < 0)
        canring_capture_close(capture, NULL, NULL, NULL);
    else
        *out = capture;
    return result;
}

static int add(struct canring_capture *capture, struct cr_capture_source *source, int result)
{
    if (result < 0) {
        free(source);
        return result;
    }
    capture->sources[capture->count] = source;
    capture->merge.count = capture->count + 1;
    return (int)capture->count++;
}

static struct cr_capture_source *new_source(const struct canring_capture *capture, int *result,
                                            struct canring_error *err)
{
    struct cr_capture_source *source = NULL;

    if (capture->count == CANRING_CAPTURE_BUSES)
        *result = canring_error_set(err, -ENOSPC, "a capture has at most %u buses",
                                    CANRING_CAPTURE_BUSES);
    else if (!(source = calloc(1, sizeof(*source))))
        *result = canring_error_set(err, -ENOMEM, "no memory for a bus");
    return source;
}

int canring_capture_add_bus(struct canring_capture *capture,
                            const struct canring_bus_options *options, struct canring_error *err)
{
    int result = 0;
    struct cr_capture_source *source = new_source(capture, &result, err);

    return source ? add(capture, source, cr_capture_source_bus(source, capture->loop, options, err))
                  : result;
}

int canring_capture_add_channel(struct canring_capture *capture, const char *name,
                                const char *filters, struct canring_error *err)
{
    int result = 0;
    struct cr_capture_source *source = new_source(capture, &result, err);

    return source ? add(capture, source,
                        cr_capture_source_channel(source, capture->loop, name, filters, err))
                  : result;
}

/* Its end would never come, and what it held would be gone. */
static int refuse_own_input(const struct canring_capture *capture, struct canring_error *err)
{
    struct stat status;

    if (strcmp(capture->path, "-") == 0 ? fstat(STDOUT_FILENO, &status) < 0
                                        : stat(capture->path, &status) < 0)
        return 0;
    for (unsigned i = 0; i < capture->count; i++) {
        const struct cr_bus *bus = capture->sources[i]->bus;
        if (bus && bus->inode && bus->device == status.st_dev && bus->inode == status.st_ino)
            return canring_error_set(err, -EINVAL, "%s: is what is to be recorded, too",
                                     capture->path);
    }
    return 0;
}

int canring_capture_begin(struct canring_capture *capture, struct canring_error *err)
{
    if (capture->begun)
        return 0;
    int result = refuse_own_input(capture, err);
    if (result == 0)
        result = cr_recorder_begin(capture->recorder, err);
    capture->begun = result == 0;
    return result;
}

int cr_capture_begin(struct canring_capture *capture)
{
    struct canring_error err = {0};
    if (capture->count == 0) /* no file for nothing */
        return 0;
    int result = canring_capture_begin(capture, &err);

    if (result < 0 && capture->report)
        capture->report(capture->report_arg, LOG_ERR, err.text);
    return result;
}

/* What had arrived when it was to end belongs to it. */
static void take_the_rest(struct canring_capture *capture)
{
    cr_capture_wake_up(capture);
    cr_loop_poll(capture->loop);
    for (unsigned i = 0; i < capture->count; i++) {
        bool pausable = cr_capture_source_pausable(capture->sources[i]);
        for (unsigned round = 0; round < LAST_ROUNDS && !pausable && cr_capture_receive(capture, i);
             round++) {
            cr_capture_release(capture, false);
            cr_loop_poll(capture->loop); /* it holds so many buffers only */
        }
    }
    cr_capture_release(capture, true);
    for (unsigned i = 0; i < capture->count; i++) {
        struct cr_capture_source *source = capture->sources[i];
        cr_losses_told(&source->losses, cr_capture_source_lost(source, true));
        int index = source->losses.open ? cr_capture_source_index(source, capture->recorder) : -1;
        if (index >= 0) /* behind the last frame */
            cr_recorder_lost(capture->recorder, (uint32_t)index, source->losses.open,
                             cr_realtime_ns());
    }
}

int canring_capture_close(struct canring_capture *capture, struct canring_recording_stats *last,
                          struct canring_capture_bus_stats *buses, struct canring_error *err)
{
    struct canring_recording_stats unused;
    int result = 0;

    if (!capture)
        return 0;
    if (capture->recorder) {
        if (capture->begun)
            take_the_rest(capture);
        result = cr_recorder_finish(capture->recorder, last ? last : &unused, err);
        for (unsigned i = 0; i < capture->count && buses; i++)
            figures_of(capture, i, &buses[i]);
        cr_recorder_free(capture->recorder);
    }
    for (unsigned i = 0; i < capture->count; i++) {
        cr_capture_source_close(capture->sources[i]);
        free(capture->sources[i]);
    }
    cr_merge_clear(&capture->merge);
    if (capture->loop)
        cr_loop_close(capture->loop);
    if (capture->bell >= 0)
        close(capture->bell);
    free(capture->batch);
    free(capture->path);
    free(capture);
    return result;
}
