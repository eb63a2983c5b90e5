#include "source_channel.h"

#include <canring/channel.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_MS 2500 /* longer than frames wait for their bus by default */

struct channel_source {
    struct canring_channel *channel;
    struct canring_filters filters; /* borrowed */
    bool armed;                     /* the proxy rings our fd at the next frame */
    bool seen;                      /* the last frame handed out is still in the ring */
};

static int channel_fd(const struct source *source)
{
    return canring_channel_fd(source->channel->channel);
}

static bool wanted(const struct channel_source *s, const struct canring_frame *frame)
{
    return canring_filters_match(&s->filters, frame);
}

static const struct canring_frame *next(struct channel_source *s)
{
    const struct canring_frame *frame;
    if (s->seen)
        canring_channel_next(s->channel);
    s->seen = false;
    while ((frame = canring_channel_peek(s->channel)) != NULL && !wanted(s, frame))
        canring_channel_next(s->channel);
    s->seen = frame != NULL;
    return frame;
}

static void disarm(struct channel_source *s)
{
    if (s->armed)
        canring_channel_awake(s->channel);
    s->armed = false;
}

/* Nothing now: arrange for the fd to tell. False when something came meanwhile. */
static bool arm(struct channel_source *s)
{
    s->armed = true;
    return canring_channel_prepare(s->channel);
}

static int channel_receive(struct source *source, const struct canring_frame **frame,
                           int timeout_ms)
{
    struct channel_source *s = source->channel;
    disarm(s);
    for (;;) {
        *frame = next(s);
        if (*frame)
            return 1;
        if (timeout_ms == 0 && arm(s))
            return 0;
        disarm(s);
        int result = canring_channel_wait(s->channel, timeout_ms);
        if (result < 0)
            return -ENODATA;
        if (result == 0 && timeout_ms != 0)
            return 0;
    }
}

static int channel_send(struct source *source, const struct canring_frame *frame, int timeout_ms)
{
    return canring_channel_send(source->channel->channel, frame, timeout_ms);
}

static void channel_stats(const struct source *source, struct canring_bus_stats *stats)
{
    struct canring_channel_stats channel;
    canring_channel_stats(source->channel->channel, &channel);
    *stats = (struct canring_bus_stats){.rx_frames = channel.received,
                                        .rx_lost_kernel = channel.dropped,
                                        .tx_frames = channel.sent,
                                        .tx_refused = channel.refused};
}

/* A proxy that goes is another thing: receive says so. */
static uint64_t channel_link_down(const struct source *source)
{
    (void)source;
    return 0;
}

static const char *channel_name(const struct source *source)
{
    return canring_channel_bus(source->channel->channel);
}

static bool channel_settle(struct source *source, uint64_t *lost)
{
    return canring_channel_settle(source->channel->channel, lost, SETTLE_MS) == 1;
}

/* What was sent last may still be in our ring, which goes with us: let the proxy take it. */
static void channel_close(struct source *source)
{
    struct channel_source *s = source->channel;
    canring_channel_flush(s->channel, 1000);
    canring_channel_detach(s->channel);
    free(s);
}

static const struct source_kind channel_kind = {
    channel_fd,        channel_receive, channel_send,   channel_stats,
    channel_link_down, channel_name,    channel_settle, channel_close,
};

int source_channel_open(struct source *source, const char *name,
                        const struct canring_bus_options *wanted_options, struct canring_error *err)
{
    struct channel_source *s = calloc(1, sizeof(*s));
    if (!s)
        return canring_error_set(err, -ENOMEM, "no memory");
    int result = canring_channel_attach(&s->channel, name, NULL, err);
    if (result < 0) {
        free(s);
        return result;
    }
    s->filters = wanted_options->filters;
    source->kind = &channel_kind;
    source->channel = s;
    arm(s);
    return 0;
}
