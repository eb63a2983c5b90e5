#include "proxy/recorder.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include <canring/text.h>
#include <canring/wait.h>

#define RING_BYTES_MAX (2u << 20) /* the rest of the reserve is taken as it is needed */
#define ROOM_NS        UINT64_C(200000000)
/* A disk that fails is tried for so long before the thread looks whether it is to end. */
#define RETRY_NS UINT64_C(500000000)
/* After frames were dropped, none is taken before this part of the reserve is free: each gap costs
 * an entry, and should not come after every single frame. */
#define HYSTERESIS 64

static void say(const struct cr_recorder *recorder, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct cr_recorder *recorder, int level, const char *format, ...)
{
    char text[CANRING_ERROR_TEXT];
    va_list args;

    if (!recorder->report)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    recorder->report(recorder->report_arg, level, text);
}

/* ---- records ------------------------------------------------------------------ */

/* `number` has no meaning in a recording: it carries the bus. */
static bool store(struct cr_recorder *recorder, const struct canring_frame *frame, uint32_t bus)
{
    const size_t skip = offsetof(struct canring_frame, flags);
    struct cr_outlet *outlet = &recorder->outlet;
    struct canring_frame *copy = NULL;

    if (outlet->spill.count == 0)
        copy = canring_ring_claim(&outlet->ring, frame->size);
    if (copy) {
        memcpy((uint8_t *)copy + skip, (const uint8_t *)frame + skip, frame->size - skip);
        copy->number = bus;
        canring_ring_commit(&outlet->ring, frame->size);
        outlet->published++;
        return true;
    }
    copy = cr_fifo_push(&outlet->spill, frame);
    if (!copy)
        return false;
    copy->number = bus;
    outlet->spilled++;
    return true;
}

/* What must not get lost may pass the limit: it is little. */
static bool mark(struct cr_recorder *recorder, enum cr_mark kind, uint32_t bus, uint64_t ns,
                 const void *data, size_t length)
{
    union {
        struct canring_frame frame;
        uint8_t bytes[CANRING_FRAME_HEADER + CANRING_TEXT_NAME];
    } record = {.frame = {.size = (uint16_t)(CANRING_FRAME_HEADER + length),
                          .flags = CR_MARK_FLAGS,
                          .timestamp_ns = ns,
                          .id = kind}};
    struct cr_fifo *spill = &recorder->outlet.spill;
    uint64_t limit = spill->limit_bytes;

    if (length)
        memcpy(record.bytes + CANRING_FRAME_HEADER, data, length);
    spill->limit_bytes = 0;
    bool stored = store(recorder, &record.frame, bus);
    spill->limit_bytes = limit;
    return stored;
}

/* ---- what is missing ---------------------------------------------------------- */

static void miss(struct cr_recorder *recorder, uint32_t bus, uint64_t count, uint64_t ns)
{
    if (recorder->missing == 0) {
        recorder->missing_ns = ns;
        say(recorder, LOG_WARNING, "%s: the disk does not follow: frames are left out",
            recorder->path);
    }
    recorder->missing += count;
    recorder->buses[bus].missing += count;
}

/* False while there is no room yet for the entries that tell of what is missing, and for frames
 * behind them. */
static bool tell_missing(struct cr_recorder *recorder)
{
    const struct cr_fifo *spill = &recorder->outlet.spill;
    uint64_t told = 0;

    if (spill->bytes + spill->limit_bytes / HYSTERESIS > spill->limit_bytes)
        return false;
    for (uint32_t i = 0; i < recorder->bus_count; i++) {
        struct cr_recorder_bus *bus = &recorder->buses[i];
        if (!bus->missing)
            continue;
        if (!mark(recorder, CR_MARK_LOST, i, recorder->missing_ns, &bus->missing,
                  sizeof(bus->missing)))
            return false;
        told += bus->missing;
        recorder->missing -= bus->missing;
        bus->missing = 0;
    }
    say(recorder, LOG_WARNING, "%s: the disk follows again: %llu frames are missing",
        recorder->path, (unsigned long long)told);
    return true;
}

static void drop(struct cr_recorder *recorder, uint32_t bus, uint64_t ns)
{
    recorder->buses[bus].dropped++;
    recorder->outlet.dropped++;
    miss(recorder, bus, 1, ns);
}

void cr_recorder_put(struct cr_recorder *recorder, const struct canring_frame *frame, uint32_t bus)
{
    if (recorder->waits && cr_filter_set_match(&recorder->trigger, frame))
        recorder->waits = cr_recorder_trigger(recorder) < 0;
    recorder->buses[bus].taken++;
    if ((recorder->missing && !tell_missing(recorder)) || !store(recorder, frame, bus))
        drop(recorder, bus, frame->timestamp_ns);
}

void cr_recorder_lost(struct cr_recorder *recorder, uint32_t bus, uint64_t count, uint64_t ns)
{
    recorder->buses[bus].lost_kernel += count;
    if (recorder->missing || !mark(recorder, CR_MARK_LOST, bus, ns, &count, sizeof(count)))
        miss(recorder, bus, count, ns);
}

void cr_recorder_publish(struct cr_recorder *recorder)
{
    canring_ring_publish_wake(&recorder->outlet.ring);
}

/* ---- orders ------------------------------------------------------------------- */

int cr_recorder_bus(struct cr_recorder *recorder, const char *name)
{
    uint32_t bus = recorder->bus_count;
    char copy[CANRING_TEXT_NAME];

    if (bus == CR_RECORDER_BUSES)
        return -ENOSPC;
    snprintf(copy, sizeof(copy), "%s", name);
    if (!mark(recorder, CR_MARK_BUS, bus, 0, copy, strlen(copy)))
        return -ENOMEM;
    memcpy(recorder->buses[bus].name, copy, sizeof(copy));
    return (int)recorder->bus_count++;
}

int cr_recorder_bus_again(struct cr_recorder *recorder, const char *name)
{
    for (uint32_t i = 0; i < recorder->bus_count; i++)
        if (strcmp(recorder->buses[i].name, name) == 0)
            return (int)i;
    return cr_recorder_bus(recorder, name);
}

int cr_recorder_trigger(struct cr_recorder *recorder)
{
    recorder->held = !mark(recorder, CR_MARK_TRIGGER, 0, 0, NULL, 0);
    recorder->waits = false;
    return recorder->held ? -ENOMEM : 0;
}

int cr_recorder_rotate(struct cr_recorder *recorder)
{
    return mark(recorder, CR_MARK_ROTATE, 0, 0, NULL, 0) ? 0 : -ENOMEM;
}

static void pass_on_notes(struct cr_recorder *recorder)
{
    struct cr_note note;

    while (cr_notes_take(&recorder->notes, &note))
        say(recorder, note.level, "%s", note.text);
}

bool cr_recorder_service(struct cr_recorder *recorder)
{
    bool moved = cr_outlet_drain(&recorder->outlet);

    if (recorder->missing && tell_missing(recorder)) {
        cr_recorder_publish(recorder);
        moved = true;
    }
    pass_on_notes(recorder);
    return moved;
}

/* What the thread has left out never got to the writer. */
static void set_written(const struct cr_recorder *recorder, struct canring_recording_stats *stats)
{
    const struct canring_trace_writer_stats *w = &stats->writer;

    /* Two threads' counts, the other's read last: it may be ahead. */
    stats->written = w->frames > w->discarded_frames ? w->frames - w->discarded_frames : 0;
    stats->given_up =
        w->discarded_frames + atomic_load_explicit(&recorder->abandoned, memory_order_relaxed);
}

void cr_recorder_stats(const struct cr_recorder *recorder, struct canring_recording_stats *stats)
{
    *stats = (struct canring_recording_stats){
        .waiting =
            recorder->outlet.spill.bytes + recorder->outlet.ring.first -
            atomic_load_explicit(&recorder->outlet.ring.peer->position, memory_order_relaxed)};
    for (uint32_t i = 0; i < recorder->bus_count; i++) {
        stats->taken += recorder->buses[i].taken;
        stats->dropped += recorder->buses[i].dropped;
        stats->lost_kernel += recorder->buses[i].lost_kernel;
    }
    canring_trace_writer_stats(recorder->writer, &stats->writer);
    set_written(recorder, stats);
}

/* ---- open --------------------------------------------------------------------- */

static uint32_t ring_slots(size_t reserve)
{
    uint32_t slots = RING_BYTES_MAX / CANRING_SLOT;

    while (slots * CANRING_SLOT > reserve / 2)
        slots /= 2;
    return slots;
}

static int open_reserve(struct cr_recorder *recorder, size_t wanted, int bell,
                        struct canring_error *err)
{
    size_t reserve = wanted ? wanted : CANRING_RECORDING_RESERVE;
    uint32_t slots = ring_slots(reserve);

    if (reserve < CANRING_RECORDING_RESERVE_MIN)
        return canring_error_set(err, -EINVAL, "a reserve of %zu bytes, allowed: %u and more",
                                 reserve, CANRING_RECORDING_RESERVE_MIN);
    int result = canring_ring_create(&recorder->ring, slots, err);
    if (result < 0)
        return result;
    recorder->outlet.name = "trace";
    recorder->outlet.reader_parks = true;
    recorder->outlet.overflow = CANRING_OVERFLOW_SPILL;
    recorder->outlet.spill.limit = UINT64_MAX;
    recorder->outlet.spill.limit_bytes = reserve - (uint64_t)slots * CANRING_SLOT;
    canring_producer_init(&recorder->outlet.ring, &recorder->ring);
    canring_consumer_init(&recorder->in, &recorder->ring);
    recorder->in.bell_fd = bell;
    return 0;
}

static int open_trigger(struct cr_recorder *recorder, const struct canring_filters *trigger,
                        struct canring_error *err)
{
    recorder->waits = trigger->count || trigger->error_mask;
    if (recorder->waits && cr_filter_set_build(&recorder->trigger, trigger) < 0)
        return canring_error_set(err, -ENOMEM, "no memory for a trigger");
    return 0;
}

static int open_writer(struct cr_recorder *recorder, const struct canring_recording *recording,
                       struct canring_error *err)
{
    struct canring_trace_writer_options options = recording->writer;

    options.report = cr_notes_add;
    options.report_arg = &recorder->notes;
    options.retry_ns = RETRY_NS;
    if (recorder->waits && !options.pretrigger_ns)
        options.pretrigger_ns = 1; /* keeps the frame that it waits for from being written */
    recorder->held = options.pretrigger_ns != 0;
    return canring_trace_writer_open(&recorder->writer, recording->path, &options, err);
}

/* Signals are for the threads of whoever runs us. */
static int start(struct cr_recorder *recorder, struct canring_error *err)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&recorder->thread, NULL, cr_recorder_run, recorder);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result)
        canring_error_set(err, -result, "cannot start a recording's thread: %s", strerror(result));
    return -result;
}

void cr_recorder_free(struct cr_recorder *recorder)
{
    if (!recorder)
        return;
    cr_fifo_clear(&recorder->outlet.spill);
    canring_ring_destroy(&recorder->ring);
    cr_filter_set_free(&recorder->trigger);
    cr_notes_destroy(&recorder->notes);
    free(recorder->buses);
    free(recorder);
}

int cr_recorder_open(struct cr_recorder **out, const struct canring_recording *recording, int bell,
                     void (*report)(void *arg, int level, const char *text), void *report_arg,
                     struct canring_error *err)
{
    struct cr_recorder *recorder = calloc(1, sizeof(*recorder));

    if (!recorder)
        return canring_error_set(err, -ENOMEM, "no memory for a recording");
    cr_notes_init(&recorder->notes, bell);
    recorder->report = report;
    recorder->report_arg = report_arg;
    snprintf(recorder->path, sizeof(recorder->path), "%s", recording->path);
    recorder->buses = calloc(CR_RECORDER_BUSES, sizeof(*recorder->buses));
    int result = recorder->buses ? 0 : canring_error_set(err, -ENOMEM, "no memory for a recording");
    if (result == 0)
        result = open_reserve(recorder, recording->reserve, bell, err);
    if (result == 0)
        result = open_trigger(recorder, &recording->trigger, err);
    if (result == 0)
        result = open_writer(recorder, recording, err);
    if (result == 0)
        result = start(recorder, err);
    if (result < 0) {
        canring_trace_writer_close(recorder->writer, NULL);
        cr_recorder_free(recorder);
        return result;
    }
    *out = recorder;
    return 0;
}

/* The thread has no entry yet that would have it touch a file. */
int cr_recorder_begin(struct cr_recorder *recorder, struct canring_error *err)
{
    return canring_trace_writer_begin(recorder->writer, err);
}

/* ---- close -------------------------------------------------------------------- */

static bool disk_fails(const struct cr_recorder *recorder)
{
    struct canring_trace_writer_stats stats;

    canring_trace_writer_stats(recorder->writer, &stats);
    return stats.error != 0;
}

/* What has spilled is still in our hands: feed it while the thread makes room. What does not get
 * there is counted. */
static void feed_the_rest(struct cr_recorder *recorder)
{
    struct cr_fifo *spill = &recorder->outlet.spill;
    const struct canring_frame *front;

    while ((spill->count || recorder->missing) && !disk_fails(recorder)) {
        cr_recorder_service(recorder);
        if (!spill->count && recorder->missing)
            break; /* no memory for the entry that would say so */
        if (spill->count)
            canring_ring_wait_room(&recorder->outlet.ring, CANRING_FRAME_MAX, CANRING_WAIT_PARK,
                                   ROOM_NS);
    }
    for (; (front = cr_fifo_front(spill)) != NULL; cr_fifo_pop(spill))
        if (front->flags != CR_MARK_FLAGS)
            recorder->buses[front->number].dropped++;
}

static void end_thread(struct cr_recorder *recorder)
{
    atomic_store_explicit(&recorder->stop, true, memory_order_release);
    uint32_t waiting = atomic_load_explicit(&recorder->in.own->waiting, memory_order_seq_cst);
    canring_ring_wake_consumer(&recorder->outlet.ring, waiting | CANRING_ASLEEP_FUTEX);
    pthread_join(recorder->thread, NULL);
}

int cr_recorder_finish(struct cr_recorder *recorder, struct canring_recording_stats *last,
                       struct canring_error *err)
{
    cr_recorder_publish(recorder);
    feed_the_rest(recorder);
    end_thread(recorder);
    cr_recorder_stats(recorder, last);
    int result = canring_trace_writer_finish(recorder->writer, &last->writer, err);
    set_written(recorder, last);
    pass_on_notes(recorder);
    return result;
}
