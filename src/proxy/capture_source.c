#include "proxy/capture_source.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a channel in one go: others have their turn, too. */
#define FRAMES_MAX 1024u

int cr_capture_source_bus(struct cr_capture_source *source, struct cr_loop *loop,
                          const struct canring_bus_options *options, struct canring_error *err)
{
    *source = (struct cr_capture_source){.loop = loop};
    int result = cr_bus_open(&source->bus, loop, options, err);

    if (result < 0)
        return result;
    memcpy(source->name, source->bus->name, sizeof(source->name));
    source->losses.next = source->bus->number;
    return 0;
}

/* That it woke us is all there is to it. */
static void on_channel(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    (void)source, (void)result, (void)flags, (void)buffer;
}

int cr_capture_source_channel(struct cr_capture_source *source, struct cr_loop *loop,
                              const char *name, const char *filters, struct canring_error *err)
{
    const struct canring_channel_options options = {.filters = filters};

    *source = (struct cr_capture_source){.loop = loop, .watch = {.ready = on_channel}};
    int result = canring_channel_attach(&source->channel, name, &options, err);
    if (result < 0)
        return result;
    snprintf(source->name, sizeof(source->name), "%s", canring_channel_bus(source->channel));
    result = cr_loop_watch(loop, &source->watch, canring_channel_fd(source->channel), POLLIN);
    if (result < 0) {
        canring_channel_detach(source->channel);
        return canring_error_set(err, result, "%s: %s", name, strerror(-result));
    }
    return 0;
}

void cr_capture_source_close(struct cr_capture_source *source)
{
    if (source->bus)
        source->bus->driver->close(source->bus);
    if (source->channel && !source->ended)
        cr_loop_disarm(source->loop, &source->watch);
    canring_channel_detach(source->channel);
    free(source->names);
}

/* ---- receive ------------------------------------------------------------------ */

/* What comes out of shared memory is copied, then checked. */
static int receive_channel(struct cr_capture_source *source, struct cr_batch *batch)
{
    struct canring_channel *channel = source->channel;
    const struct canring_frame *frame;
    int count = 0;

    while (count < (int)FRAMES_MAX && (frame = canring_channel_peek(channel)) != NULL) {
        uint32_t size = channel->peeked;
        struct canring_frame *copy = cr_batch_reserve(batch, size);
        if (!copy)
            break;
        memcpy(copy, frame, size);
        canring_channel_next(channel);
        copy->size = (uint16_t)size;
        if (canring_frame_check(copy, size) < 0)
            continue;
        cr_batch_push(batch, copy);
        count++;
    }
    if (count)
        return count;
    int waited = canring_channel_wait(channel, 0);
    if (waited < 0) /* the proxy has gone, and its fd would go on saying so */
        cr_loop_disarm(source->loop, &source->watch);
    return waited < 0 ? -EPIPE : 0;
}

int cr_capture_source_receive(struct cr_capture_source *source, struct cr_batch *batch)
{
    int got = source->bus ? source->bus->driver->receive(source->bus, batch)
                          : receive_channel(source, batch);

    source->ended = got < 0;
    return got;
}

bool cr_capture_source_more(const struct cr_capture_source *source)
{
    return source->bus && source->bus->more && !source->ended;
}

static int add_name(struct cr_capture_source *source, struct cr_recorder *recorder,
                    const char *name)
{
    struct cr_capture_name *names =
        realloc(source->names, (source->name_count + 1) * sizeof(*names));

    if (!names)
        return -ENOMEM;
    source->names = names;
    int index = cr_recorder_bus(recorder, name);
    if (index < 0)
        return index;
    snprintf(names[source->name_count].name, sizeof(names->name), "%s", name);
    names[source->name_count].index = (uint32_t)index;
    source->current = source->name_count++;
    return index;
}

int cr_capture_source_index(struct cr_capture_source *source, struct cr_recorder *recorder)
{
    const char *name = source->bus ? cr_bus_origin(source->bus) : source->name;

    if (source->name_count && strcmp(source->names[source->current].name, name) == 0)
        return (int)source->names[source->current].index;
    for (unsigned i = 0; i < source->name_count; i++) {
        if (strcmp(source->names[i].name, name) == 0) {
            source->current = i;
            return (int)source->names[i].index;
        }
    }
    return add_name(source, recorder, name);
}

/* ---- sleep -------------------------------------------------------------------- */

bool cr_capture_source_prepare(struct cr_capture_source *source)
{
    if (source->ended)
        return true;
    if (source->channel)
        return canring_channel_prepare(source->channel);
    return !source->bus->driver->prepare_sleep || source->bus->driver->prepare_sleep(source->bus);
}

void cr_capture_source_awake(struct cr_capture_source *source)
{
    if (source->ended)
        return;
    if (source->channel)
        canring_channel_awake(source->channel);
    else if (source->bus->driver->awake)
        source->bus->driver->awake(source->bus);
}

/* ---- what there is to know ---------------------------------------------------- */

bool cr_capture_source_pausable(const struct cr_capture_source *source)
{
    return source->bus && source->bus->driver->pausable;
}

uint64_t cr_capture_source_lost(struct cr_capture_source *source, bool refresh)
{
    struct canring_channel_stats stats;

    if (source->bus) {
        if (refresh && !source->ended && source->bus->driver->refresh_stats)
            source->bus->driver->refresh_stats(source->bus);
        return source->bus->stats.rx_lost_kernel;
    }
    canring_channel_stats(source->channel, &stats);
    return stats.dropped;
}

uint32_t cr_capture_source_state(const struct cr_capture_source *source)
{
    if (source->ended)
        return CANRING_BUS_ENDED;
    return source->bus ? source->bus->stats.state : (uint32_t)CANRING_BUS_ACTIVE;
}
