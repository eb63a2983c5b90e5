#include <canring/capture.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "proxy/capture_merge.h"
#include "proxy/capture_source.h"

#define POLL_ROUNDS 256u     /* of one canring_capture_poll: its caller has other things to do */
#define EPOLL_EVERY 16u      /* rounds between looks at epoll while frames flow */
#define LAST_ROUNDS 64u      /* batches of each bus that are still taken at the end */
#define AHEAD_BYTES 1048576u /* what a bus that can wait may be ahead of the others */
#define WINDOW_MAX  UINT64_C(3600000000000)

struct canring_capture {
    struct cr_loop *loop;
    struct cr_recorder *recorder;
    struct cr_capture_source *sources[CANRING_CAPTURE_BUSES];
    struct cr_merge_queue queues[CANRING_CAPTURE_BUSES];
    struct cr_merge merge;
    unsigned count;
    uint64_t left; /* frames to go, UINT64_MAX: no end */
    int bell;
    struct cr_source bell_source, timer;
    atomic_bool stop;
    unsigned passes;
    bool idle, asleep;
    struct cr_batch *batch;
    void (*report)(void *arg, int level, const char *text);
    void *report_arg;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- from the buses into the queues ------------------------------------------- */

static bool push_lost(struct canring_capture *capture, unsigned queue, uint32_t index,
                      uint64_t lost, uint64_t ns, uint64_t now)
{
    union {
        struct canring_frame frame;
        uint8_t bytes[CANRING_FRAME_HEADER + sizeof(uint64_t)];
    } record = {.frame = {.size = sizeof(record),
                          .flags = CR_MARK_FLAGS,
                          .timestamp_ns = ns,
                          .number = index,
                          .id = CR_MARK_LOST}};

    memcpy(record.bytes + CANRING_FRAME_HEADER, &lost, sizeof(lost));
    return cr_merge_push(&capture->merge, queue, &record.frame, now);
}

/* Frames without memory to hold them count as lost before the next one. */
static void queue_batch(struct canring_capture *capture, unsigned queue, uint32_t index)
{
    struct cr_capture_source *source = capture->sources[queue];
    uint64_t now = now_ns();

    cr_losses_told(&source->losses, cr_capture_source_lost(source, false));
    for (struct canring_frame *f = cr_batch_first(capture->batch); f;
         f = cr_batch_next(capture->batch, f)) {
        uint64_t lost = cr_losses_before(&source->losses, f);
        if (lost && !push_lost(capture, queue, index, lost, f->timestamp_ns, now))
            source->losses.open += lost;
        f->number = index;
        if (!cr_merge_push(&capture->merge, queue, f, now))
            source->losses.open++;
    }
}

static void say_ended(const struct canring_capture *capture, const struct cr_capture_source *source,
                      int result)
{
    char text[CANRING_ERROR_TEXT];

    if (!capture->report || result == -ENODATA)
        return;
    snprintf(text, sizeof(text), "%s failed: %s", source->name, strerror(-result));
    capture->report(capture->report_arg, LOG_ERR, text);
}

static unsigned receive(struct canring_capture *capture, unsigned queue)
{
    struct cr_capture_source *source = capture->sources[queue];

    if (source->ended)
        return 0;
    if (cr_capture_source_pausable(source) && (!cr_outlet_has_room(&capture->recorder->outlet) ||
                                               capture->queues[queue].frames.bytes > AHEAD_BYTES))
        return 0;
    cr_batch_clear(capture->batch);
    int got = cr_capture_source_receive(source, capture->batch);
    if (got < 0)
        say_ended(capture, source, got);
    capture->queues[queue].ended = source->ended;
    if (got <= 0)
        return got < 0;
    int index = cr_capture_source_index(source, capture->recorder);
    if (index >= 0)
        queue_batch(capture, queue, (uint32_t)index);
    else
        source->losses.open += (unsigned)got;
    return (unsigned)got;
}

/* ---- from the queues into the recording --------------------------------------- */

static void record(struct canring_capture *capture, const struct canring_frame *frame)
{
    uint64_t lost;

    if (frame->flags != CR_MARK_FLAGS) {
        cr_recorder_put(capture->recorder, frame, frame->number);
        capture->left--;
        return;
    }
    memcpy(&lost, (const uint8_t *)frame + CANRING_FRAME_HEADER, sizeof(lost));
    cr_recorder_lost(capture->recorder, frame->number, lost, frame->timestamp_ns);
}

/* Many at a time, but not so many that the buses have to wait. */
static unsigned release(struct canring_capture *capture, bool all)
{
    const struct canring_frame *front;
    uint64_t now = now_ns();
    unsigned moved = 0, queue;

    while (capture->left && (all || moved < 4096) &&
           (front = cr_merge_front(&capture->merge, now, all, &queue)) != NULL) {
        record(capture, front);
        cr_merge_pop(&capture->merge, queue);
        moved++;
    }
    if (moved)
        cr_recorder_publish(capture->recorder);
    return moved;
}

static bool is_over(const struct canring_capture *capture)
{
    bool ended = capture->count > 0 && capture->merge.bytes == 0;

    for (unsigned i = 0; i < capture->count && ended; i++)
        ended = capture->sources[i]->ended;
    return ended || capture->left == 0 ||
           atomic_load_explicit(&capture->stop, memory_order_acquire);
}

/* > 0: there was something to do. */
static int round_once(struct canring_capture *capture)
{
    bool epoll = cr_loop_kind(capture->loop) == CR_LOOP_EPOLL;
    int events = 0;
    unsigned moved = 0;

    if (!epoll || capture->idle || capture->passes % EPOLL_EVERY == 0)
        events = cr_loop_poll(capture->loop);
    if (events < 0)
        return events;
    capture->passes++;
    for (unsigned i = 0; i < capture->count; i++)
        moved += receive(capture, i);
    moved += release(capture, false);
    if (cr_recorder_busy(capture->recorder))
        moved += cr_recorder_service(capture->recorder);
    capture->idle = moved == 0;
    return events > 0 || moved;
}

/* ---- sleep -------------------------------------------------------------------- */

static bool announce_sleep(struct canring_capture *capture)
{
    bool idle = true, pausable = false;

    capture->asleep = true;
    for (unsigned i = 0; i < capture->count; i++) {
        const struct cr_capture_source *source = capture->sources[i];
        pausable = pausable || (cr_capture_source_pausable(source) && !source->ended);
        idle = cr_capture_source_prepare(capture->sources[i]) && idle;
    }
    return cr_outlet_prepare(&capture->recorder->outlet, pausable) && idle;
}

static void wake_up(struct canring_capture *capture)
{
    if (!capture->asleep)
        return;
    capture->asleep = false;
    for (unsigned i = 0; i < capture->count; i++)
        cr_capture_source_awake(capture->sources[i]);
    cr_outlet_awake(&capture->recorder->outlet);
}

int canring_capture_run(struct canring_capture *capture)
{
    while (!is_over(capture)) {
        int result = round_once(capture);
        if (result == 0 && !is_over(capture)) {
            if (announce_sleep(capture))
                result = cr_loop_wait(capture->loop, cr_merge_due(&capture->merge, now_ns()));
            wake_up(capture);
        }
        if (result < 0)
            return result;
    }
    return !atomic_load_explicit(&capture->stop, memory_order_acquire);
}

static void ring_own_bell(const struct canring_capture *capture)
{
    const uint64_t one = 1;
    int saved = errno; /* a signal handler may be asking */
    ssize_t written = write(capture->bell, &one, sizeof(one));
    (void)written;
    errno = saved;
}

void canring_capture_stop(struct canring_capture *capture)
{
    atomic_store_explicit(&capture->stop, true, memory_order_release);
    ring_own_bell(capture);
}

static void on_timer(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    (void)source, (void)result, (void)flags, (void)buffer; /* that it woke us is enough */
}

/* Returns as cr_loop_poll. */
static int wake_when_due(struct canring_capture *capture)
{
    uint64_t due = cr_merge_due(&capture->merge, now_ns());

    capture->timer.ready = on_timer;
    if (due == UINT64_MAX)
        return 0;
    int result = cr_loop_timer(capture->loop, &capture->timer, due);
    return result < 0 ? result : cr_loop_poll(capture->loop); /* the first needs to be submitted */
}

int canring_capture_poll(struct canring_capture *capture)
{
    wake_up(capture);
    capture->idle = true; /* there was an event, or there may be */
    for (unsigned round = 0; round < POLL_ROUNDS; round++) {
        int result = round_once(capture);
        if (result >= 0 && is_over(capture))
            return 1;
        if (result == 0)
            result = wake_when_due(capture);
        if (result < 0)
            return result;
        if (result == 0 && announce_sleep(capture))
            return 0;
        wake_up(capture);
    }
    ring_own_bell(capture); /* not done: the fd stays readable */
    return 0;
}

int canring_capture_fd(const struct canring_capture *capture)
{
    return cr_loop_fd(capture->loop);
}

/* ---- orders and figures ------------------------------------------------------- */

int canring_capture_trigger(struct canring_capture *capture)
{
    release(capture, true);
    int result = cr_recorder_trigger(capture->recorder);
    cr_recorder_publish(capture->recorder);
    return result;
}

int canring_capture_rotate(struct canring_capture *capture)
{
    release(capture, true);
    int result = cr_recorder_rotate(capture->recorder);
    cr_recorder_publish(capture->recorder);
    return result;
}

static void figures_of(struct canring_capture *capture, unsigned bus,
                       struct canring_capture_bus_stats *stats)
{
    struct cr_capture_source *source = capture->sources[bus];

    *stats = (struct canring_capture_bus_stats){.received = capture->queues[bus].frames.count,
                                                .lost_kernel = cr_capture_source_lost(source, true),
                                                .state = cr_capture_source_state(source)};
    memcpy(stats->name, source->name, sizeof(stats->name));
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
    return cr_recorder_open(&capture->recorder, &options->recording, capture->bell, options->report,
                            options->report_arg, err);
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

/* What had arrived when it was to end belongs to it. */
static void take_the_rest(struct canring_capture *capture)
{
    wake_up(capture);
    cr_loop_poll(capture->loop);
    for (unsigned i = 0; i < capture->count; i++) {
        bool pausable = cr_capture_source_pausable(capture->sources[i]);
        for (unsigned round = 0; round < LAST_ROUNDS && !pausable && receive(capture, i); round++)
            release(capture, false);
    }
    release(capture, true);
    for (unsigned i = 0; i < capture->count; i++) {
        struct cr_capture_source *source = capture->sources[i];
        cr_losses_told(&source->losses, cr_capture_source_lost(source, true));
        int index = source->losses.open ? cr_capture_source_index(source, capture->recorder) : -1;
        if (index >= 0) /* behind the last frame */
            cr_recorder_lost(capture->recorder, (uint32_t)index, source->losses.open, wall_ns());
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
    free(capture);
    return result;
}
