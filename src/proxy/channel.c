#include <canring/channel.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proxy/control.h"
#include "proxy/find.h"
#include "shm/clock.h"
#include "shm/probe.h"
#include "shm/segment.h"

#define NS_PER_MS UINT64_C(1000000)
#define ALIVE_CHECK_NS                                                                             \
    (100 * NS_PER_MS) /* how long a killed proxy may go unnoticed by a sleeper                     \
                       */

#define SETTLE_SPINS 200

struct canring_channel_private {
    struct cr_segment segment;
    int control; /* connection to the proxy: both sides' doorbell, and its end is the proxy's */
    atomic_bool gone; /* whoever of the receiver and the sender sees it first; never taken back */
    uint64_t failed_before; /* frames of others, before we came */
    char proxy[CR_SEGMENT_NAME], name[CR_SEGMENT_NAME], bus[CR_SEGMENT_NAME];
    char attributes[CANRING_ATTRIBUTES_MAX];
};

static int connect_and_ask(struct canring_channel_private *p, const char *channel,
                           const struct canring_channel_options *options, struct cr_reply *reply,
                           struct canring_error *err)
{
    struct cr_request request = {.magic = CR_CONTROL_MAGIC,
                                 .operation = *channel ? CR_OP_ATTACH : CR_OP_OBSERVE,
                                 .wait = (uint32_t)options->wait,
                                 .filtered = options->filters != NULL};
    snprintf(request.channel, sizeof(request.channel), "%s", channel);
    if (options->filters && snprintf(request.filters, sizeof(request.filters), "%s",
                                     options->filters) >= (int)sizeof(request.filters))
        return canring_error_set(err, -E2BIG, "filters of more than %zu characters",
                                 sizeof(request.filters) - 1);
    p->control = cr_control_connect(p->proxy, err);
    if (p->control < 0)
        return p->control;
    return cr_control_ask(p->control, &request, reply, err);
}

/* The proxy ended the channel, or died: its connection has hung up. */
static bool proxy_gone(struct canring_channel_private *p)
{
    if (atomic_load_explicit(&p->gone, memory_order_relaxed))
        return true;
    uint32_t state = atomic_load_explicit(&p->segment.header->state, memory_order_acquire);
    struct pollfd connection = {.fd = p->control}; /* POLLHUP is always told */
    bool gone =
        state != CR_SEGMENT_OPEN || cr_segment_lost(&p->segment) || poll(&connection, 1, 0) > 0;
    if (gone)
        atomic_store_explicit(&p->gone, true, memory_order_relaxed);
    return gone;
}

/* A quarter of the ring further on. */
static uint64_t give_back_after(const struct canring_channel *channel)
{
    return channel->rx.next + (channel->rx.mask + 1) / 4;
}

static int attach(struct canring_channel *channel, const char *name,
                  const struct canring_channel_options *options, struct canring_error *err)
{
    struct canring_channel_private *p = channel->inside;
    struct cr_reply reply = {0};
    char wanted[CR_SEGMENT_NAME];
    int result = cr_find_channel(name, p->proxy, wanted, err);
    if (result == 0)
        result = connect_and_ask(p, wanted, options, &reply, err);
    if (result == 0)
        result = cr_segment_attach(&p->segment, reply.segment, err);
    /* Mapped by name: had we been detached meanwhile, it might be another's by now. */
    if (result == 0 && proxy_gone(p))
        result = canring_error_set(err, -EPIPE, "proxy %s ended the channel at once", p->proxy);
    if (result < 0)
        return result;
    memcpy(p->name, reply.channel, sizeof(p->name));
    memcpy(p->bus, reply.bus, sizeof(p->bus));
    memcpy(p->attributes, reply.attributes, sizeof(p->attributes));
    p->failed_before = cr_counted(&p->segment.owner->failed);
    channel->told_sent = &p->segment.user->sent;
    channel->emptied = &p->segment.header->rx_emptied;
    canring_consumer_init(&channel->rx, &p->segment.rx);
    canring_producer_init(&channel->tx, &p->segment.tx);
    channel->rx.max_size = CANRING_FRAME_MAX; /* also where that is more than half a ring */
    channel->rx.bell_fd = channel->tx.bell_fd = p->control;
    channel->give_back_at = give_back_after(channel);
    channel->proxy_parks = reply.proxy_parks != 0;
    channel->wait = options->wait;
    return 0;
}

int canring_channel_attach(struct canring_channel **out, const char *name,
                           const struct canring_channel_options *options, struct canring_error *err)
{
    const struct canring_channel_options defaults = {0};
    struct canring_channel *channel = aligned_alloc(64, (sizeof(*channel) + 63) / 64 * 64);
    struct canring_channel_private *p = calloc(1, sizeof(*p));
    *out = NULL;
    if (!channel || !p) {
        free(channel);
        free(p);
        return canring_error_set(err, -ENOMEM, "no memory for a channel");
    }
    memset(channel, 0, sizeof(*channel));
    *p = (struct canring_channel_private){.segment = {.region.fd = -1, .guard = -1}, .control = -1};
    channel->inside = p;
    int result = attach(channel, name, options ? options : &defaults, err);
    if (result < 0)
        canring_channel_detach(channel);
    else
        *out = channel;
    return result;
}

void canring_channel_detach(struct canring_channel *channel)
{
    if (!channel)
        return;
    struct canring_channel_private *p = channel->inside;
    if (p->segment.mapping.base)
        canring_channel_give_back(channel); /* with what was told of `sent`, its last word */
    if (p->control >= 0)
        close(p->control);
    cr_segment_close(&p->segment);
    free(p);
    free(channel);
}

void canring_channel_give_back(struct canring_channel *channel)
{
    atomic_store_explicit(&channel->inside->segment.user->received, channel->received,
                          memory_order_relaxed);
    CR_PROBE2(aux_give_back, channel->inside->name, channel->received);
    canring_ring_release_wake(&channel->rx);
    channel->give_back_at = give_back_after(channel);
}

/* One by one, so that they are counted, and whatever the proxy says the ring's end is ours. */
void canring_channel_pass_over(struct canring_channel *channel)
{
    const uint64_t end = atomic_load_explicit(channel->emptied, memory_order_acquire);
    uint64_t frames = 0;
    uint32_t size;
    while ((int64_t)(end - channel->rx.next) > 0 && canring_ring_peek(&channel->rx, &size)) {
        canring_ring_consume(&channel->rx);
        frames++;
        if (channel->rx.next >= channel->give_back_at)
            canring_channel_give_back(channel);
    }
    cr_count(&channel->inside->segment.user->emptied, frames);
    canring_channel_give_back(channel);
}

static uint64_t deadline_after(int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : cr_monotonic_ns() + (uint64_t)timeout_ms * NS_PER_MS;
}

static uint64_t slice_until(uint64_t deadline)
{
    uint64_t now = deadline == UINT64_MAX ? 0 : cr_monotonic_ns();
    uint64_t left = deadline > now ? deadline - now : 0;
    return left < ALIVE_CHECK_NS ? left : ALIVE_CHECK_NS;
}

int canring_channel_wait(struct canring_channel *channel, int timeout_ms)
{
    if (canring_channel_peek(channel))
        return 1;
    uint64_t deadline = deadline_after(timeout_ms);
    for (;;) {
        uint64_t slice = slice_until(deadline);
        if (canring_ring_wait(&channel->rx, channel->wait, slice) && canring_channel_peek(channel))
            return 1;
        if (channel->rx.broken)
            return -EPIPE;
        /* What it published before it went is still there: look once more, after. */
        if (proxy_gone(channel->inside))
            return canring_channel_peek(channel) ? 1 : -EPIPE;
        if (slice_until(deadline) == 0)
            return 0;
    }
}

int canring_channel_receive(struct canring_channel *channel, union canring_frame_buffer *buffer,
                            int timeout_ms)
{
    const struct canring_frame *frame = canring_channel_peek(channel);
    if (!frame) {
        int result = canring_channel_wait(channel, timeout_ms);
        if (result <= 0)
            return result;
        frame = canring_channel_peek(channel);
    }
    if (channel->peeked < CANRING_FRAME_HEADER || channel->peeked > CANRING_FRAME_MAX)
        return -EPIPE;
    memcpy(buffer, frame, channel->peeked);
    CR_PROBE3(aux_receive, channel->inside->name, buffer->frame.number, buffer->frame.id);
    canring_channel_next(channel);
    return 1;
}

static int wait_for_room(struct canring_channel *channel, uint32_t size, int timeout_ms)
{
    uint64_t deadline = deadline_after(timeout_ms);
    while (!canring_ring_fits(&channel->tx, size)) {
        uint64_t slice = slice_until(deadline);
        if (channel->tx.broken || proxy_gone(channel->inside))
            return -EPIPE;
        if (slice == 0)
            return -EAGAIN;
        canring_ring_wait_room(&channel->tx, size, channel->wait, slice);
    }
    return 0;
}

int canring_channel_send(struct canring_channel *channel, const struct canring_frame *frame,
                         int timeout_ms)
{
    if (canring_frame_check(frame, frame->size) < 0)
        return -EBADMSG;
    if (atomic_load_explicit(&channel->inside->segment.header->state, memory_order_relaxed) !=
            CR_SEGMENT_OPEN ||
        atomic_load_explicit(&channel->inside->gone, memory_order_relaxed))
        return -EPIPE;
    if (!canring_ring_fits(&channel->tx, frame->size)) {
        cr_count(&channel->inside->segment.user->full, 1);
        int result = wait_for_room(channel, frame->size, timeout_ms);
        if (result < 0)
            return result;
    }
    canring_ring_put(&channel->tx, frame, frame->size);
    channel->sent++;
    CR_PROBE3(aux_send, channel->inside->name, frame->id, channel->sent);
    canring_channel_publish(channel);
    return 0;
}

int canring_channel_flush(struct canring_channel *channel, int timeout_ms)
{
    /* Room for all but the one slot that stays free: nothing is left in the ring. */
    return wait_for_room(channel, (uint32_t)canring_ring_room(channel->tx.mask), timeout_ms);
}

int canring_channel_settle(struct canring_channel *channel, uint64_t *lost, int timeout_ms)
{
    const struct cr_owner_counters *owner = channel->inside->segment.owner;
    const struct timespec pause = {.tv_nsec = 200000};
    uint64_t deadline = deadline_after(timeout_ms);
    int result = canring_channel_flush(channel, timeout_ms);
    *lost = 0;
    /* The proxy settles in the round in which it takes, unless the bus has no room. */
    for (unsigned tries = 0; result == 0; tries++) {
        if (atomic_load_explicit(&owner->settled, memory_order_acquire) >= channel->sent) {
            *lost = cr_counted(&owner->failed) - channel->inside->failed_before;
            return 1;
        }
        if (tries < SETTLE_SPINS) {
            canring_pause();
            continue;
        }
        if (proxy_gone(channel->inside))
            return -EPIPE;
        if (slice_until(deadline) == 0)
            return 0;
        nanosleep(&pause, NULL);
    }
    return result == -EAGAIN ? 0 : result;
}

int canring_channel_send_confirmed(struct canring_channel *channel,
                                   const struct canring_frame *frame, int timeout_ms)
{
    const struct canring_channel_private *p = channel->inside;
    uint64_t before = cr_counted(&p->segment.owner->failed) - p->failed_before, lost = 0;
    int result = canring_channel_send(channel, frame, timeout_ms);
    if (result == 0)
        result = canring_channel_settle(channel, &lost, timeout_ms);
    if (result == 1)
        return lost == before;
    return result == -EAGAIN ? 0 : result;
}

int canring_channel_fd(const struct canring_channel *channel)
{
    return channel->inside->control;
}

bool canring_channel_prepare(struct canring_channel *channel)
{
    bool nothing = canring_ring_prepare(&channel->rx, CANRING_ASLEEP_FD);
    return nothing && channel->wait != CANRING_WAIT_SPIN && !proxy_gone(channel->inside);
}

void canring_channel_awake(struct canring_channel *channel)
{
    uint64_t rung;
    canring_ring_awake(&channel->rx);
    /* One for each sleep at most; none when nobody rang. */
    ssize_t got = recv(channel->inside->control, &rung, sizeof(rung), MSG_DONTWAIT);
    (void)got;
}

const char *canring_channel_proxy(const struct canring_channel *channel)
{
    return channel->inside->proxy;
}

const char *canring_channel_name(const struct canring_channel *channel)
{
    return channel->inside->name;
}

const char *canring_channel_bus(const struct canring_channel *channel)
{
    return channel->inside->bus;
}

const char *canring_channel_attributes(const struct canring_channel *channel)
{
    return channel->inside->attributes;
}

void canring_channel_stats(const struct canring_channel *channel,
                           struct canring_channel_stats *stats)
{
    const struct cr_segment *s = &channel->inside->segment;
    *stats = (struct canring_channel_stats){.published = cr_counted(&s->owner->published),
                                            .dropped = cr_counted(&s->owner->dropped) +
                                                       cr_counted(&s->user->emptied),
                                            .spilled = cr_counted(&s->owner->spilled),
                                            .received = channel->received,
                                            .sent = channel->sent,
                                            .taken = cr_counted(&s->owner->taken),
                                            .refused = cr_counted(&s->owner->refused)};
}
