/* Capture: record the traffic of buses, without a configuration and without a proxy.
 *
 * For `canring capture`, and for programs that record beside whatever else they do. One thread
 * moves frames from the buses to the recording, a second one writes them: a slow disk costs frames
 * only when the recording's reserve is full, and then they are counted and marked in the file. All
 * calls but those that say otherwise come from one thread at a time, and from the first run or poll
 * on from one thread only.
 *
 * Several buses go into one file in the order of their time stamps: a frame is held back until each
 * other bus has shown a later one, or for `window_ns` after it was read. What is read later than
 * that is written when it comes, behind what has gone before. Frames of one bus always keep the
 * order in which the bus gave them, whatever their time stamps say.
 */
#ifndef CANRING_CAPTURE_H
#define CANRING_CAPTURE_H

#include <canring/bus.h>
#include <canring/recording.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CANRING_CAPTURE_BUSES     64u
#define CANRING_CAPTURE_WINDOW_NS 100000000u
#define CANRING_CAPTURE_GATHER_NS 10000000u

/* Zero-initialise, then set what matters. Copied; nothing is kept. */
struct canring_capture_options {
    struct canring_recording recording;
    uint64_t window_ns; /* see above; 0 = CANRING_CAPTURE_WINDOW_NS */
    uint64_t count;     /* end after so many frames, 0 = never; with a trigger from it on */
    /* Words for people, about the recording: on the thread that uses the capture; may be NULL. */
    void (*report)(void *arg, int level, const char *text);
    void *report_arg;
};

/* Frames, since the capture was opened. received = written + waiting + dropped + what the format
 * cannot hold, and what was given up before it got to the writer. */
struct canring_capture_bus_stats {
    char name[64];        /* of the interface; "any", "can0 and 1 more": several */
    uint64_t received;    /* from the bus, but for what came after `count` were in */
    uint64_t lost_kernel; /* before us: the kernel's socket, the bus's own memory, a channel */
    uint64_t dropped;     /* the recording had no room */
    uint64_t written;     /* given to the writer */
    uint32_t state;       /* enum canring_bus_state */
};

struct canring_capture;

/* Nothing is made or emptied yet, but what is wrong with the file's name is told. Errors as
 * canring_trace_writer_open; -EINVAL: an option. The caller closes. */
int canring_capture_open(struct canring_capture **capture,
                         const struct canring_capture_options *options, struct canring_error *err);

/* Record this bus, too. Returns its index, from 0; errors as canring_bus_open, -ENOSPC. */
int canring_capture_add_bus(struct canring_capture *capture,
                            const struct canring_bus_options *options, struct canring_error *err);

/* Record what a running proxy sees: `name` as canring_channel_attach takes it, `filters` in
 * can-utils' syntax or NULL. Returns its index; errors as canring_channel_attach. */
int canring_capture_add_channel(struct canring_capture *capture, const char *name,
                                const char *filters, struct canring_error *err);

/* Create the file, once all buses are there: a capture that cannot begin costs no older recording.
 * The first run, poll, trigger or rotate does it when nobody has. Errors as
 * canring_trace_writer_begin; -EINVAL: the file is one that is played as a bus. */
int canring_capture_begin(struct canring_capture *capture, struct canring_error *err);

/* Record until canring_capture_stop, until `count` frames are in, or all buses have ended (then 1);
 * that is at once when there are none. A bus whose interface goes away comes back by itself; one
 * that fails is reported and left out. Negative errno: the loop failed, or the file cannot be
 * created, which is reported. */
int canring_capture_run(struct canring_capture *capture);
/* Ask run to return. From any thread or signal handler. */
void canring_capture_stop(struct canring_capture *capture);

/* To embed in somebody else's event loop, when canring_capture_fd is readable: do what there is to
 * do, arrange to be woken, return. It stops after a while even if frames keep coming, the fd is
 * readable then. 0; 1 when it is over, as run; or negative errno. */
int canring_capture_poll(struct canring_capture *capture);
/* The descriptor, or a negative errno: none or no memory is left. On the thread that polls. */
int canring_capture_fd(const struct canring_capture *capture);

/* For a loop that serves nothing else, before it polls: sleep for CANRING_CAPTURE_GATHER_NS, so
 * that frames are taken many at a time, at a fraction of the work. Returns at once when the last
 * poll found many, or a bus could not hold what comes meanwhile (a proxy's channel, a socket of
 * less than 1 MiB). canring_capture_run does so by itself. */
void canring_capture_gather(const struct canring_capture *capture);

/* Write from now on, what writer.pretrigger_ns has kept first; begin a new file. Behind what
 * has been recorded so far: frames that wait for their turn come after it. -ENOMEM, and as run. */
int canring_capture_trigger(struct canring_capture *capture);
int canring_capture_rotate(struct canring_capture *capture);

/* -EINVAL: no such bus. */
int canring_capture_bus_stats(struct canring_capture *capture, unsigned bus,
                              struct canring_capture_bus_stats *stats);
void canring_capture_stats(const struct canring_capture *capture,
                           struct canring_recording_stats *stats);

/* Take what has arrived, close the buses, write everything, finish the file; before
 * canring_capture_begin, leave nothing. `last` and
 * `buses` (room for as many as were added) get the final figures, either may be NULL. 0, or what
 * has cost frames in the end. NULL is allowed. */
int canring_capture_close(struct canring_capture *capture, struct canring_recording_stats *last,
                          struct canring_capture_bus_stats *buses, struct canring_error *err);

#ifdef __cplusplus
}
#endif
#endif
