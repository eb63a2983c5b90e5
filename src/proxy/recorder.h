/* Takes frames for a recording without ever waiting, and has a thread of its own write them.
 *
 * In front a ring, behind it the spill, together the recording's reserve; then the thread, which
 * alone uses the canring_trace_writer. Called by whoever moves frames (a proxy, a capture), on one
 * thread. A frame that has no room is dropped and counted, and a LOST entry stands in its place as
 * soon as there is room again. Nothing here merges or reorders.
 */
#ifndef CANRING_RECORDER_H
#define CANRING_RECORDER_H

#include <canring/recording.h>
#include <canring/text.h>

#include "proxy/notes.h"
#include "proxy/outlet.h"

#define CR_RECORDER_BUSES 1024u

/* Fewer frames at a wake-up (6,400/s), and the next are left to gather for
 * CANRING_CAPTURE_GATHER_NS: before a capture takes them, and before a recorder's thread does. */
#define CR_GATHER_BELOW 64u

struct cr_recorder_bus {
    char name[CANRING_TEXT_NAME];
    uint64_t taken, dropped, lost_kernel; /* frames */
    uint64_t missing;                     /* not in the recording, and not yet marked there */
    _Atomic uint64_t written;             /* given to the writer */
    int index;                            /* at the writer; its thread's */
};

struct cr_recorder {
    struct canring_ring ring;
    struct cr_outlet outlet;
    struct cr_recorder_bus *buses;
    uint32_t bus_count;
    uint64_t missing, missing_ns; /* of all buses; when the first of them was due */
    struct cr_filter_set trigger;
    bool waits; /* for a frame that the trigger matches */
    bool held;  /* nothing is written: no trigger has come yet */

    char path[256]; /* for messages; cut when longer */
    struct cr_notes notes;
    void (*report)(void *arg, int level, const char *text);
    void *report_arg;

    /* The thread's. */
    pthread_t thread;
    struct canring_consumer in;
    struct canring_trace_writer *writer;
    atomic_bool stop;
    _Atomic uint64_t abandoned; /* frames: the disk failed to the end */
    atomic_bool failed;         /* for a reason that stays: nothing more will be written */
};

/* Open the file, start the thread. `bell`: eventfd that is rung when there is room again or
 * something to report; `report` is called from within cr_recorder_put, _service and _finish alone.
 * Errors as canring_trace_writer_open; -EINVAL: a reserve that is too small; -ENOMEM. */
int cr_recorder_open(struct cr_recorder **recorder, const struct canring_recording *recording,
                     int bell, void (*report)(void *arg, int level, const char *text),
                     void *report_arg, struct canring_error *err);

/* With writer.late, before the first frame: make the file. Errors as canring_trace_writer_begin. */
int cr_recorder_begin(struct cr_recorder *recorder, struct canring_error *err);

/* Index for a bus, to be used from now on; names may repeat. -ENOSPC, -ENOMEM. */
int cr_recorder_bus(struct cr_recorder *recorder, const char *name);
/* The same, but the one that this name had before. */
int cr_recorder_bus_again(struct cr_recorder *recorder, const char *name);

/* Record a frame of a bus. The reader sees it after cr_recorder_publish. */
void cr_recorder_put(struct cr_recorder *recorder, const struct canring_frame *frame, uint32_t bus);
/* The bus lost `count` frames here. */
void cr_recorder_lost(struct cr_recorder *recorder, uint32_t bus, uint64_t count, uint64_t ns);
void cr_recorder_publish(struct cr_recorder *recorder);

/* Write from here on (with pre-trigger); begin a new file here. -ENOMEM. */
int cr_recorder_trigger(struct cr_recorder *recorder);
int cr_recorder_rotate(struct cr_recorder *recorder);

/* Move what has spilled, mark what is missing, report. True when something moved. */
bool cr_recorder_service(struct cr_recorder *recorder);
/* True when cr_recorder_service has something to do, now or once there is room. */
static inline bool cr_recorder_busy(const struct cr_recorder *recorder)
{
    return recorder->outlet.spill.count || recorder->missing ||
           atomic_load_explicit(&recorder->notes.some, memory_order_relaxed);
}

void cr_recorder_stats(const struct cr_recorder *recorder, struct canring_recording_stats *stats);

/* Write what is left, unless the disk fails; finish the file. *last gets the final figures; those
 * of the buses are final, too. 0, or what has cost frames in the end. Nothing but free is called
 * after it. */
int cr_recorder_finish(struct cr_recorder *recorder, struct canring_recording_stats *last,
                       struct canring_error *err);
/* NULL is allowed. */
void cr_recorder_free(struct cr_recorder *recorder);

/* recorder_thread.c */
void *cr_recorder_run(void *recorder);

/* Records that are no frames: flags that no frame has. */
#define CR_MARK_FLAGS (CANRING_FD | CANRING_XL)
enum cr_mark { CR_MARK_BUS, CR_MARK_LOST, CR_MARK_TRIGGER, CR_MARK_ROTATE }; /* in `id` */

#endif
