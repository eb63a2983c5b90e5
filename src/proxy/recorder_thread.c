/* The thread of a recorder: the only user of the canring_trace_writer. */
#include <errno.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>

#include <canring/capture.h>
#include <canring/text.h>
#include <canring/wait.h>

#include "proxy/recorder.h"

/* Records between two looks of the producer at the room that there is. */
#define RELEASE_EVERY 256u
/* A stop that comes between look and sleep waits this long at most. */
#define IDLE_NS UINT64_C(1000000000)
/* Between two tries to write when the disk fails. */
#define RETRY_PAUSE_NS 20000000

static bool stopping(const struct cr_recorder *recorder)
{
    return atomic_load_explicit(&recorder->stop, memory_order_acquire);
}

static void add_bus(struct cr_recorder *recorder, const struct canring_frame *record)
{
    char name[CANRING_TEXT_NAME];
    size_t length = record->size - CANRING_FRAME_HEADER;

    memcpy(name, (const uint8_t *)record + CANRING_FRAME_HEADER, length);
    name[length] = '\0';
    recorder->buses[record->number].index = canring_trace_writer_bus(recorder->writer, name);
}

static void say_failure(struct cr_recorder *recorder, const char *what,
                        const struct canring_error *err)
{
    char text[CANRING_ERROR_TEXT + 64];

    snprintf(text, sizeof(text), "%s: %s: %.200s", recorder->path, what, err->text);
    cr_notes_add(&recorder->notes, LOG_ERR, text);
}

/* What cannot be written for a reason of its own is the writer's to count. */
static bool refused(int result)
{
    return result == -EOPNOTSUPP || result == -EINVAL;
}

/* No waiting makes a file smaller, whoever limits its size: the file system or `ulimit -f`. */
static bool is_final(int result)
{
    return result == -EFBIG;
}

/* A disk that fails is asked again and again, until we are to end. The writer knows before we do
 * when it works again. */
static int write_entry(struct cr_recorder *recorder, const struct canring_trace_entry *entry)
{
    const struct timespec pause = {.tv_nsec = RETRY_PAUSE_NS};
    struct canring_error err = {0};
    int result;

    while ((result = canring_trace_writer_write(recorder->writer, entry, &err)) < 0 &&
           !refused(result) && !is_final(result) && !stopping(recorder))
        nanosleep(&pause, NULL);
    if (is_final(result))
        atomic_store_explicit(&recorder->failed, true, memory_order_release);
    return result;
}

static int add_lost(struct cr_recorder *recorder, const struct canring_frame *record)
{
    struct canring_trace_entry entry = {.kind = CANRING_TRACE_LOST,
                                        .bus = (uint32_t)recorder->buses[record->number].index,
                                        .timestamp_ns = record->timestamp_ns};

    memcpy(&entry.lost, (const uint8_t *)record + CANRING_FRAME_HEADER, sizeof(entry.lost));
    int result = write_entry(recorder, &entry);
    return refused(result) ? 0 : result;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static int add_frame(struct cr_recorder *recorder, const struct canring_frame *frame)
{
    struct cr_recorder_bus *bus = &recorder->buses[frame->number];
    struct canring_trace_entry entry = {.kind = CANRING_TRACE_FRAME,
                                        .bus = (uint32_t)bus->index,
                                        .timestamp_ns = frame->timestamp_ns,
                                        .frame = frame};
    int result = write_entry(recorder, &entry);

    if (refused(result))
        return 0;
    count(result < 0 ? &recorder->abandoned : &bus->written);
    return result;
}

static int add_record(struct cr_recorder *recorder, const struct canring_frame *record)
{
    struct canring_error err = {0};

    if (record->flags != CR_MARK_FLAGS)
        return add_frame(recorder, record);
    switch ((enum cr_mark)record->id) {
    case CR_MARK_BUS:
        add_bus(recorder, record);
        return 0;
    case CR_MARK_LOST:
        return add_lost(recorder, record);
    case CR_MARK_TRIGGER:
        if (canring_trace_writer_trigger(recorder->writer, &err) < 0)
            say_failure(recorder, "cannot begin", &err);
        return 0;
    case CR_MARK_ROTATE:
        if (canring_trace_writer_rotate(recorder->writer, &err) < 0)
            say_failure(recorder, "cannot begin a new file", &err);
        return 0;
    }
    return 0;
}

/* The disk has failed to the end: nothing more is tried. */
static void abandon(struct cr_recorder *recorder, const struct canring_frame *record)
{
    if (record->flags != CR_MARK_FLAGS)
        count(&recorder->abandoned);
}

/* Returns how many records there were. */
static unsigned read_all(struct cr_recorder *recorder, bool *failed)
{
    const struct canring_record *record;
    unsigned count = 0;
    uint32_t size;

    while ((record = canring_ring_peek(&recorder->in, &size)) != NULL) {
        const struct canring_frame *frame = (const struct canring_frame *)(const void *)record;
        if (*failed)
            abandon(recorder, frame);
        else
            *failed = add_record(recorder, frame) < 0;
        canring_ring_consume(&recorder->in);
        if (++count % RELEASE_EVERY == 0)
            canring_ring_release_wake(&recorder->in);
    }
    canring_ring_release_wake(&recorder->in);
    return count;
}

static void wait_for_more(struct cr_recorder *recorder, unsigned taken)
{
    uint64_t due = canring_trace_writer_due(recorder->writer);

    if (canring_ring_wait(&recorder->in, CANRING_WAIT_PARK, due < IDLE_NS ? due : IDLE_NS) <= 0 ||
        taken >= CR_GATHER_BELOW || stopping(recorder))
        return;
    due =
        canring_trace_writer_due(recorder->writer); /* what waits is not made older than allowed */
    const struct timespec pause = {
        .tv_nsec = (long)(due < CANRING_CAPTURE_GATHER_NS ? due : CANRING_CAPTURE_GATHER_NS)};
    nanosleep(&pause, NULL);
}

void *cr_recorder_run(void *arg)
{
    struct cr_recorder *recorder = arg;
    bool more = true, failed = false;

    while (more) {
        /* Read before the last look at the ring: what was put in before the stop is written. */
        more = !stopping(recorder);
        unsigned taken = read_all(recorder, &failed);
        if (more)
            wait_for_more(recorder, taken);
    }
    return NULL;
}
