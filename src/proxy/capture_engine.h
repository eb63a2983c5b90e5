/* A capture's inside, shared by the files that make it up: capture.c opens, closes, takes orders
 * and tells figures; capture_run.c moves frames and sleeps.
 */
#ifndef CANRING_CAPTURE_ENGINE_H
#define CANRING_CAPTURE_ENGINE_H

#include <canring/capture.h>
#include <stdatomic.h>

#include "proxy/capture_merge.h"
#include "proxy/capture_source.h"

struct canring_capture {
    struct cr_loop *loop;
    struct cr_recorder *recorder;
    struct cr_capture_source *sources[CANRING_CAPTURE_BUSES];
    struct cr_merge_queue queues[CANRING_CAPTURE_BUSES];
    struct cr_merge merge;
    unsigned count;
    char *path;
    bool begun;
    uint64_t left; /* frames to go, UINT64_MAX: no end */
    int bell;
    struct cr_source bell_source, timer;
    atomic_bool stop;
    unsigned passes;
    bool idle, asleep;
    unsigned arrived; /* frames since the last wake-up */
    struct cr_batch *batch;
    void (*report)(void *arg, int level, const char *text);
    void *report_arg;
};

/* canring_capture_begin, with its error reported. */
int cr_capture_begin(struct canring_capture *capture);

/* capture_run.c */

/* From a bus into its queue: frames taken; > 0 also when it has ended. */
unsigned cr_capture_receive(struct canring_capture *capture, unsigned queue);
/* From the queues into the recording what may go, or `all`. Returns how many. */
unsigned cr_capture_release(struct canring_capture *capture, bool all);
/* Undo what was announced before sleeping. */
void cr_capture_wake_up(struct canring_capture *capture);

#endif
