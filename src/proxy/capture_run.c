/* How a capture moves frames: from the buses into queues, from these into the recording. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "proxy/capture_engine.h"
#include "shm/clock.h"

#define POLL_ROUNDS  256u  /* of one canring_capture_poll: its caller has other things to do */
#define EPOLL_EVERY  16u   /* rounds between looks at epoll while frames flow */
#define RELEASE_MOST 4096u /* frames, so that the buses need not wait */
/* Frames gather where there is room for what comes meanwhile: 1 MiB is 1,000 frames in a socket,
 * the fastest bus has 300 in 10 ms. */
#define GATHER_ROOM  1048576u
#define AHEAD_BYTES  1048576u /* what a bus that can wait may be ahead of the others */
#define RECEIVE_MOST 1024u    /* frames of one bus in a round, when its batches are small */

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
    uint64_t now = cr_monotonic_ns();

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

    if (!capture->report || result == -ENODATA) /* a recording was played to its end */
        return;
    if (source->channel && result == -EPIPE)
        snprintf(text, sizeof(text), "%s: the proxy has ended",
                 canring_channel_proxy(source->channel));
    else
        snprintf(text, sizeof(text), "%s failed: %s", source->name, strerror(-result));
    capture->report(capture->report_arg, LOG_ERR, text);
}

/* Returns as cr_capture_receive. */
static unsigned receive_batch(struct canring_capture *capture, unsigned queue)
{
    struct cr_capture_source *source = capture->sources[queue];

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

/* A bus that can wait does so while the recording has no room, or the other buses are behind. */
static bool has_to_wait(struct canring_capture *capture, unsigned queue)
{
    uint64_t ahead = capture->queues[queue].frames.bytes;

    return cr_capture_source_pausable(capture->sources[queue]) &&
           (ahead > AHEAD_BYTES || ahead > capture->recorder->outlet.spill.limit_bytes / 2 ||
            !cr_outlet_has_room(&capture->recorder->outlet));
}

/* Interfaces that take turns give batches of a frame or two: several of these in a round, or each
 * wakes the thread that writes. */
unsigned cr_capture_receive(struct canring_capture *capture, unsigned queue)
{
    const struct cr_capture_source *source = capture->sources[queue];
    unsigned total = 0, got;

    if (source->ended)
        return 0;
    do {
        if (has_to_wait(capture, queue))
            break;
        got = receive_batch(capture, queue);
        total += got;
    } while (got && total < RECEIVE_MOST && cr_capture_source_more(source));
    return total;
}

/* ---- from the queues into the recording --------------------------------------- */

static void record(struct canring_capture *capture, const struct canring_frame *frame)
{
    uint64_t lost;

    if (frame->flags != CR_MARK_FLAGS) {
        cr_recorder_put(capture->recorder, frame, frame->number);
        if (!capture->recorder->held)
            capture->left--;
        return;
    }
    memcpy(&lost, (const uint8_t *)frame + CANRING_FRAME_HEADER, sizeof(lost));
    cr_recorder_lost(capture->recorder, frame->number, lost, frame->timestamp_ns);
}

unsigned cr_capture_release(struct canring_capture *capture, bool all)
{
    const struct canring_frame *front;
    uint64_t now = capture->merge.bytes ? cr_monotonic_ns() : 0;
    unsigned moved = 0, queue;

    while (capture->left && (all || moved < RELEASE_MOST) &&
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
    bool ended = capture->merge.bytes == 0;

    for (unsigned i = 0; i < capture->count && ended; i++)
        ended = capture->sources[i]->ended;
    return ended || capture->left == 0 ||
           atomic_load_explicit(&capture->recorder->failed, memory_order_acquire) ||
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
        moved += cr_capture_receive(capture, i);
    capture->arrived += moved;
    moved += cr_capture_release(capture, false);
    if (cr_recorder_busy(capture->recorder))
        moved += cr_recorder_service(capture->recorder);
    capture->idle = moved == 0;
    return events > 0 || moved;
}

/* ---- sleep -------------------------------------------------------------------- */

static bool announce_sleep(struct canring_capture *capture)
{
    bool pausable = false;

    capture->asleep = true;
    for (unsigned i = 0; i < capture->count; i++) {
        const struct cr_capture_source *source = capture->sources[i];
        pausable = pausable || (cr_capture_source_pausable(source) && !source->ended);
    }
    /* First: a source that waits for room is not asked, and what makes room from here on rings. */
    bool idle = cr_outlet_prepare(&capture->recorder->outlet, pausable);
    for (unsigned i = 0; i < capture->count; i++)
        if (!has_to_wait(capture, i))
            idle = cr_capture_source_prepare(capture->sources[i]) && idle;
    return idle;
}

void cr_capture_wake_up(struct canring_capture *capture)
{
    if (!capture->asleep)
        return;
    capture->asleep = false;
    for (unsigned i = 0; i < capture->count; i++)
        cr_capture_source_awake(capture->sources[i]);
    cr_outlet_awake(&capture->recorder->outlet);
}

/* Nanoseconds until a frame has waited for the other buses for long enough. */
static uint64_t due_ns(const struct canring_capture *capture)
{
    return capture->merge.bytes ? cr_merge_due(&capture->merge, cr_monotonic_ns()) : UINT64_MAX;
}

static bool gathers(const struct canring_capture *capture)
{
    for (unsigned i = 0; i < capture->count; i++)
        if (!capture->sources[i]->bus || cr_capture_source_pausable(capture->sources[i]) ||
            capture->sources[i]->bus->holds < GATHER_ROOM)
            return false;
    return capture->arrived < CR_GATHER_BELOW;
}

void canring_capture_gather(const struct canring_capture *capture)
{
    const struct timespec pause = {.tv_nsec = CANRING_CAPTURE_GATHER_NS};

    if (gathers(capture))
        nanosleep(&pause, NULL);
}

int canring_capture_run(struct canring_capture *capture)
{
    int begun = cr_capture_begin(capture);

    if (begun < 0)
        return begun;
    while (!is_over(capture)) {
        int result = round_once(capture);
        if (result == 0 && !is_over(capture)) {
            if (announce_sleep(capture)) {
                result = cr_loop_wait(capture->loop, due_ns(capture));
                if (result > 0)
                    canring_capture_gather(capture);
                capture->arrived = 0;
            }
            cr_capture_wake_up(capture);
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
    uint64_t due = due_ns(capture);

    capture->timer.ready = on_timer;
    if (due == UINT64_MAX)
        return 0;
    int result = cr_loop_timer(capture->loop, &capture->timer, due);
    return result < 0 ? result : cr_loop_poll(capture->loop); /* the first needs to be submitted */
}

int canring_capture_poll(struct canring_capture *capture)
{
    int begun = cr_capture_begin(capture);

    if (begun < 0)
        return begun;
    cr_capture_wake_up(capture);
    capture->arrived = 0;
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
        cr_capture_wake_up(capture);
    }
    ring_own_bell(capture); /* not done: the fd stays readable */
    return 0;
}

int canring_capture_fd(const struct canring_capture *capture)
{
    return cr_loop_fd(capture->loop);
}
