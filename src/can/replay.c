/* A recording, played as if it were a bus.
 *
 * Called through cr_driver_replay. Memory use does not depend on the recording's size. With
 * a speed, every frame has an absolute deadline on CLOCK_MONOTONIC, computed from the first
 * one, so that delays never add up. It must never send late frames in a burst: after a stall of
 * more than STALL_NS (the owner paused, the machine slept) the schedule is moved by the whole
 * delay, and the spacing of the recording is kept from there on.
 *
 * Frames carry the recorded timestamps. Further loops go on where the one before ended, as if the
 * recording had been longer: one mean frame distance later. What is sent is taken and forgotten,
 * as on a bus with nobody else on it.
 *
 * Frames keep the names that their buses have in the recording.
 */
#include <canring/text.h>
#include <canring/trace.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

#include "can/accept.h"
#include "can/driver.h"
#include "shm/clock.h"

#define STALL_NS        100000000u
#define LONE_PERIOD_NS  1000000000u  /* of a recording with a single frame */
#define NOTABLE_GAP_NS  60000000000u /* worth a word, or the bus looks dead */
#define LOOKS_MAX       4096u        /* frames looked at in one call, wanted or not */
#define DAMAGE_TOLD_MAX 16u          /* then only counted */

struct replay_bus {
    struct cr_bus bus;
    struct canring_trace_reader *reader;
    struct cr_accept accept;
    bool listen_only;
    double speed;
    uint32_t loops;               /* 0 = for ever */
    char only[CANRING_TEXT_NAME]; /* interface to play; "" = all */

    union canring_frame_buffer *next; /* read ahead; valid while has_next */
    const char *next_name;
    bool has_next;
    int failed;
    uint32_t loop;        /* being played, from 0 */
    uint64_t loop_frames; /* of this loop */
    uint64_t low, high;   /* recorded timestamps of this loop */
    uint64_t shift_ns;    /* added to timestamps, for loops after the first */
    uint32_t damage_told;

    bool started;
    uint64_t start_ns; /* CLOCK_MONOTONIC at start_stamp */
    uint64_t start_stamp;
    uint64_t latest_stamp; /* recordings of several interfaces step back now and then */
    struct cr_source timer;
    bool timer_armed;
};

static struct replay_bus *of(struct cr_bus *bus)
{
    return (struct replay_bus *)bus;
}

/* From here: reading ahead. */

static void count_damage(struct replay_bus *replay, const struct canring_error *err)
{
    replay->bus.stats.rx_malformed++;
    if (replay->loop == 0 && replay->damage_told < DAMAGE_TOLD_MAX) {
        replay->damage_told++;
        cr_bus_report(&replay->bus, LOG_WARNING, "%s", err->text);
        if (replay->damage_told == DAMAGE_TOLD_MAX)
            cr_bus_report(&replay->bus, LOG_WARNING,
                          "further damage in this recording is counted only");
    }
}

static bool is_ours(struct replay_bus *replay, const struct canring_trace_entry *entry)
{
    replay->next_name = canring_trace_reader_bus(replay->reader, entry->bus);
    return entry->kind == CANRING_TRACE_FRAME &&
           (!replay->only[0] || strcmp(replay->only, replay->next_name) == 0);
}

/* 1 the next frame of the file that is of our interface, 0 end of the file, negative errno. */
static int read_frame(struct replay_bus *replay)
{
    struct canring_trace_entry entry;
    struct canring_error err = {0};
    int rc;
    do {
        rc = canring_trace_reader_next(replay->reader, &entry, &err);
        if (rc == -EINVAL)
            count_damage(replay, &err);
    } while (rc == -EINVAL || (rc == 1 && !is_ours(replay, &entry)));
    if (rc == 1)
        canring_frame_copy(&replay->next->frame, entry.frame);
    return rc;
}

static uint64_t loop_period(const struct replay_bus *replay)
{
    uint64_t span = replay->high - replay->low;
    if (replay->loop_frames < 2)
        return LONE_PERIOD_NS;
    uint64_t mean = span / (replay->loop_frames - 1);
    return span + (mean ? mean : 1000);
}

/* Back to the start of the file. 1 and its first frame; 0 when all loops are done. */
static int next_loop(struct replay_bus *replay)
{
    if (replay->loops && replay->loop + 1 >= replay->loops)
        return 0;
    if (replay->loop_frames == 0)
        return 0; /* emptied while it was played: no way to spin on it */
    replay->shift_ns += loop_period(replay);
    replay->loop += replay->loop < UINT32_MAX - 1;
    replay->loop_frames = 0;
    int rc = canring_trace_reader_rewind(replay->reader, NULL);
    return rc ? rc : read_frame(replay);
}

static void note_stamp(struct replay_bus *replay)
{
    uint64_t stamp = replay->next->frame.timestamp_ns;
    if (replay->loop_frames++ == 0) {
        replay->low = replay->high = stamp;
        return;
    }
    if (replay->speed > 0 && stamp > replay->high + NOTABLE_GAP_NS)
        cr_bus_report(&replay->bus, LOG_NOTICE, "%s: the recording is silent for %llu s here",
                      replay->bus.name, (unsigned long long)((stamp - replay->high) / 1000000000u));
    if (stamp > replay->high)
        replay->high = stamp;
    if (stamp < replay->low)
        replay->low = stamp;
}

static int read_ahead(struct replay_bus *replay)
{
    int rc = read_frame(replay);
    if (rc == 0)
        rc = next_loop(replay);
    replay->has_next = rc == 1;
    if (rc < 0)
        replay->failed = rc;
    if (rc != 1)
        return rc;
    note_stamp(replay);
    replay->next->frame.timestamp_ns += replay->shift_ns;
    return 1;
}

/* From here: time. */

static void on_timer(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    struct replay_bus *replay = source->owner;
    (void)result;
    (void)flags;
    (void)buffer;
    replay->timer_armed = false;
}

static uint64_t deadline(const struct replay_bus *replay, uint64_t stamp)
{
    return replay->start_ns + (uint64_t)((double)(stamp - replay->start_stamp) / replay->speed);
}

/* Nanoseconds until the frame that was read ahead is due; 0 = now. */
static uint64_t wait_ns(struct replay_bus *replay, uint64_t now)
{
    if (replay->speed <= 0)
        return 0;
    if (!replay->started) {
        replay->started = true;
        replay->start_ns = now;
        replay->start_stamp = replay->latest_stamp = replay->next->frame.timestamp_ns;
    }
    if (replay->next->frame.timestamp_ns > replay->latest_stamp)
        replay->latest_stamp = replay->next->frame.timestamp_ns;
    uint64_t due = deadline(replay, replay->latest_stamp);
    if (now > due + STALL_NS)
        replay->start_ns += now - due;
    return due > now ? due - now : 0;
}

/* The owner's loop wakes up when there is more to receive. */
static void set_timer(struct replay_bus *replay, uint64_t ns)
{
    if (!replay->timer_armed)
        replay->timer_armed = cr_loop_timer(replay->bus.loop, &replay->timer, ns) == 0;
}

/* From here: the driver. */

static int append(struct replay_bus *replay, struct cr_batch *batch)
{
    struct canring_frame *room = cr_batch_reserve(batch, replay->next->frame.size);
    if (!room)
        return -ENOSPC;
    /* Whoever sent it when it was recorded, it was not us, now. */
    replay->next->frame.flags &= (uint16_t) ~(CANRING_TX | CANRING_LOCAL);
    replay->next->frame.number = replay->bus.number++;
    if (!cr_accept_frame(&replay->accept, &replay->next->frame))
        return 0;
    canring_frame_copy(room, &replay->next->frame);
    cr_batch_push(batch, room);
    replay->bus.stats.rx_frames++;
    replay->bus.stats.rx_errors += canring_frame_is_error(room);
    return 0;
}

/* False when the frame that was read ahead is of another interface than those in the batch. */
static bool follow_name(struct replay_bus *replay, bool batch_is_empty)
{
    if (strcmp(replay->bus.origin, replay->next_name) == 0)
        return true;
    if (batch_is_empty)
        snprintf(replay->bus.origin, sizeof(replay->bus.origin), "%s", replay->next_name);
    replay->bus.more = !batch_is_empty;
    return batch_is_empty;
}

static int replay_receive(struct cr_bus *bus, struct cr_batch *batch)
{
    struct replay_bus *replay = of(bus);
    uint32_t before = batch->count;
    uint64_t now = replay->speed > 0 ? cr_monotonic_ns() : 0, wait = 0;

    bus->more = false;
    for (unsigned looks = 0; replay->has_next && looks < LOOKS_MAX; looks++) {
        wait = wait_ns(replay, now);
        if (wait || !follow_name(replay, batch->count == before) || append(replay, batch))
            break;
        read_ahead(replay);
    }
    if (replay->has_next)
        set_timer(replay, wait);
    else
        bus->stats.state = CANRING_BUS_ENDED;
    if (replay->has_next || batch->count > before)
        return (int)(batch->count - before);
    return replay->failed ? replay->failed : -ENODATA;
}

static int replay_send(struct cr_bus *bus, const struct canring_frame *const *frames,
                       unsigned count)
{
    struct replay_bus *replay = of(bus);
    for (unsigned i = 0; i < count; i++) {
        if (replay->listen_only || !cr_accept_kind(&replay->accept, frames[i]))
            bus->stats.tx_refused++;
        else
            bus->stats.tx_frames++;
    }
    return (int)count;
}

static bool replay_prepare_sleep(struct cr_bus *bus)
{
    struct replay_bus *replay = of(bus);
    if (!replay->has_next)
        return false; /* the end is there to be received */
    return replay->speed > 0 && wait_ns(replay, cr_monotonic_ns()) > 0;
}

static void replay_awake(struct cr_bus *bus)
{
    (void)bus;
}

static void replay_close(struct cr_bus *bus)
{
    struct replay_bus *replay = of(bus);
    cr_loop_disarm(bus->loop, &replay->timer);
    canring_trace_reader_close(replay->reader);
    cr_accept_free(&replay->accept);
    free(replay->next);
    free(replay);
}

static int refused(int code, struct canring_error *err)
{
    canring_error_prefix(err, "replay");
    return code;
}

/* A pipe would be waited for, and with it the whole loop. */
static int open_file(struct replay_bus *replay, const char *path, struct canring_error *err)
{
    struct stat status;

    if (stat(path, &status) == 0) {
        if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
            return canring_error_set(err, -EINVAL, "'%s' is not a regular file", path);
        replay->bus.device = status.st_dev;
        replay->bus.inode = status.st_ino;
    }
    return canring_trace_reader_open(&replay->reader, path, NULL, err);
}

/* "recording.log#can0" is the frames of can0, unless a file is called just that. */
static int open_reader(struct replay_bus *replay, const char *channel, struct canring_error *err)
{
    const char *mark = strrchr(channel, '#');
    int rc = open_file(replay, channel, err);
    if (rc != -ENOENT || !mark || strlen(mark + 1) >= sizeof(replay->only))
        return rc < 0 ? refused(rc, err) : 0;
    char *path = strndup(channel, (size_t)(mark - channel));
    if (!path)
        return canring_error_set(err, -ENOMEM, "replay: out of memory");
    snprintf(replay->only, sizeof(replay->only), "%s", mark + 1);
    rc = open_file(replay, path, err);
    free(path);
    return rc < 0 ? refused(rc, err) : 0;
}

static int check_options(const struct canring_bus_options *options, struct canring_error *err)
{
    if (!options->channel || !*options->channel)
        return canring_error_set(err, -EINVAL,
                                 "replay: channel is missing: the path of a "
                                 "recording");
    if (!isfinite(options->speed) || options->speed < 0)
        return canring_error_set(err, -EINVAL,
                                 "replay: speed %g: allowed are 0 (as fast as "
                                 "taken) and factors above",
                                 options->speed);
    return 0;
}

static int start(struct replay_bus *replay, const struct canring_bus_options *options,
                 struct canring_error *err)
{
    int rc = open_reader(replay, options->channel, err);
    if (rc)
        return rc;
    replay->next = calloc(1, sizeof(*replay->next));
    if (!replay->next || cr_accept_init(&replay->accept, options))
        return canring_error_set(err, -ENOMEM, "replay: out of memory");
    rc = read_ahead(replay);
    if (rc < 0)
        return canring_error_set(err, rc, "replay: cannot read '%s': %s", options->channel,
                                 strerror(-rc));
    if (rc == 0)
        return canring_error_set(err, -ENODATA, "replay: no frames in '%s' (%llu damaged lines)",
                                 options->channel,
                                 (unsigned long long)replay->bus.stats.rx_malformed);
    snprintf(replay->bus.name, sizeof(replay->bus.name), "%s", replay->next_name);
    set_timer(replay, 0);
    return 0;
}

static int replay_open(struct cr_bus **bus, struct cr_loop *loop,
                       const struct canring_bus_options *options, struct canring_error *err)
{
    int rc = check_options(options, err);
    if (rc)
        return rc;
    struct replay_bus *replay = calloc(1, sizeof(*replay));
    if (!replay)
        return canring_error_set(err, -ENOMEM, "replay: out of memory");
    replay->bus.driver = &cr_driver_replay;
    replay->bus.loop = loop;
    replay->bus.report = options->report;
    replay->bus.report_arg = options->report_arg;
    replay->timer.owner = replay;
    replay->timer.ready = on_timer;
    replay->listen_only = options->listen_only;
    replay->speed = options->speed;
    replay->loops = options->loops;
    rc = start(replay, options, err);
    if (rc)
        replay_close(&replay->bus);
    else
        *bus = &replay->bus;
    return rc;
}

const struct cr_driver cr_driver_replay = {
    .interface = "replay",
    .open = replay_open,
    .close = replay_close,
    .receive = replay_receive,
    .send = replay_send,
    .prepare_sleep = replay_prepare_sleep,
    .awake = replay_awake,
    .pausable = true,
};
