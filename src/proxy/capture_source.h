/* Where a capture takes frames from: a bus of its own, or a channel of a running proxy.
 *
 * Receives batches, tells where in them frames are missing, and knows which of the recording's
 * buses each frame is of ("any" is several). Runs on the capture's thread, sleeps in its loop.
 */
#ifndef CANRING_CAPTURE_SOURCE_H
#define CANRING_CAPTURE_SOURCE_H

#include <canring/capture.h>
#include <canring/channel.h>

#include "can/driver.h"
#include "can/losses.h"
#include "proxy/recorder.h"

struct cr_capture_name {
    char name[64];
    uint32_t index; /* at the recorder */
};

struct cr_capture_source {
    struct cr_loop *loop;
    struct cr_bus *bus;              /* one of these two */
    struct canring_channel *channel; /* else NULL */
    struct cr_source watch;          /* the channel's fd */
    char name[64];
    struct cr_losses losses;
    struct cr_capture_name *names; /* those that frames have come from */
    unsigned name_count, current;
    bool ended;
};

int cr_capture_source_bus(struct cr_capture_source *source, struct cr_loop *loop,
                          const struct canring_bus_options *options, struct canring_error *err);
int cr_capture_source_channel(struct cr_capture_source *source, struct cr_loop *loop,
                              const char *name, const char *filters, struct canring_error *err);
void cr_capture_source_close(struct cr_capture_source *source);

/* Append what has arrived to `batch`; frames counted, 0, or negative errno: it has ended;
 * -ENODATA: with the recording that was played, -EPIPE of a channel: with its proxy. */
int cr_capture_source_receive(struct cr_capture_source *source, struct cr_batch *batch);

/* True: what comes next is there, but from another bus than the last batch. */
bool cr_capture_source_more(const struct cr_capture_source *source);

/* Index at `recorder` of the bus that the last batch came from. Negative errno. */
int cr_capture_source_index(struct cr_capture_source *source, struct cr_recorder *recorder);

/* False: there is something already, do not sleep. */
bool cr_capture_source_prepare(struct cr_capture_source *source);
void cr_capture_source_awake(struct cr_capture_source *source);

/* True when it can be left alone without losing anything. */
bool cr_capture_source_pausable(const struct cr_capture_source *source);
uint64_t cr_capture_source_lost(struct cr_capture_source *source, bool refresh);
uint32_t cr_capture_source_state(const struct cr_capture_source *source);

#endif
