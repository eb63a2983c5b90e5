#include "proxy/engine.h"

#include <errno.h>
#include <syslog.h>
#include <time.h>

#include "shm/probe.h"

#define TAKE_MAX    256u /* frames from one auxiliary per round: nobody hogs the bus */
#define SEND_MAX    64u  /* frames per call of the driver */
#define COUNT_EVERY 256u /* rounds between updates of the shared counters while busy */

/* To everyone but `origin` (NULL: the bus). */
static void deliver(struct canring_proxy *proxy, struct cr_batch *batch,
                    const struct cr_port *origin)
{
    for (size_t i = 0; i < proxy->port_count; i++)
        if (proxy->ports[i] != origin && cr_port_attached(proxy->ports[i]))
            cr_outlet_deliver(&proxy->ports[i]->outlet, batch);
}

bool cr_dispatch_holds_source(struct canring_proxy *proxy)
{
    bool room = cr_proxy_traces_have_room(proxy);
    if (!proxy->bus->driver->pausable)
        return false;
    for (size_t i = 0; i < proxy->port_count; i++) {
        struct cr_port *port = proxy->ports[i];
        if (cr_port_attached(port))
            room = cr_outlet_has_room(&port->outlet) && room;
        else if (proxy->source_waits && !port->observer && !port->was_attached)
            return true;
    }
    proxy->source_waits = false;
    return !room;
}

/* What the kernel or the bus lost before these frames leaves a gap in front of them. */
static void count_off(struct canring_proxy *proxy, struct cr_batch *batch)
{
    uint64_t lost = proxy->bus->stats.rx_lost_kernel;
    proxy->number += (uint32_t)(lost - proxy->skipped);
    proxy->skipped = lost;
    for (struct canring_frame *f = cr_batch_first(batch); f; f = cr_batch_next(batch, f)) {
        f->number = proxy->number++;
        CR_PROBE4(frame, f->number, f->id, f->flags, f->timestamp_ns);
    }
}

static void bus_ended(struct canring_proxy *proxy, int result)
{
    proxy->bus_error = result;
    if (result == -ENODATA)
        cr_proxy_report(proxy, LOG_INFO, "%s has played its last frame", proxy->bus->name);
    else
        cr_proxy_report(proxy, LOG_ERR, "%s failed: %s", proxy->bus->name, strerror(-result));
}

/* A bus of several interfaces gives frames of one at a time; auxiliaries get them as they come. */
static int fill_batch(struct canring_proxy *proxy, struct cr_batch *batch)
{
    struct cr_bus *bus = proxy->bus;
    int got;
    do {
        uint32_t from = batch->used;
        got = bus->driver->receive(bus, batch);
        if (got > 0) {
            CR_PROBE3(bus_receive, bus->name, got, bus->stats.rx_lost_kernel);
            cr_proxy_record_received(proxy, batch, from);
        }
    } while (got > 0 && bus->more);
    return got;
}

static unsigned receive(struct canring_proxy *proxy)
{
    struct cr_batch *batch = proxy->received;
    if (proxy->bus_error || cr_dispatch_holds_source(proxy))
        return 0;
    cr_batch_clear(batch);
    int result = fill_batch(proxy, batch);
    if (batch->count) {
        cr_proxy_publish_received(proxy);
        count_off(proxy, batch);
        deliver(proxy, batch, NULL);
    }
    if (result < 0)
        bus_ended(proxy, result);
    return batch->count;
}

/* Behind what waits for the bus already. */
static void keep_unsent(struct canring_proxy *proxy, const struct canring_frame *frame)
{
    struct canring_frame *kept = cr_fifo_push(&proxy->unsent, frame);
    if (kept)
        kept->timestamp_ns = cr_monotonic_ns() + proxy->lifetime_ns;
    else
        proxy->expired++;
}

static unsigned offer(struct canring_proxy *proxy, const struct canring_frame *const *frames,
                      unsigned count)
{
    if (proxy->bus->tx_blocked || proxy->bus_error)
        return 0;
    int sent = proxy->bus->driver->send(proxy->bus, frames, count);
    if (sent < 0) {
        cr_proxy_report(proxy, LOG_ERR, "%s failed: %s", proxy->bus->name, strerror(-sent));
        proxy->bus_error = sent;
        return 0;
    }
    CR_PROBE4(bus_send, proxy->bus->name, frames[0]->number, count, sent);
    return (unsigned)sent;
}

static void send_batch(struct canring_proxy *proxy, struct cr_batch *batch)
{
    const struct canring_frame *frames[SEND_MAX];
    struct canring_frame *next = cr_batch_first(batch);
    while (next) {
        unsigned count = 0, sent = 0;
        for (; next && count < SEND_MAX; next = cr_batch_next(batch, next))
            frames[count++] = next;
        if (proxy->unsent.count == 0)
            sent = offer(proxy, frames, count);
        for (; sent < count; sent++)
            keep_unsent(proxy, frames[sent]);
    }
}

static void stamp(struct canring_proxy *proxy, struct cr_batch *batch)
{
    uint64_t now = cr_realtime_ns();
    for (struct canring_frame *f = cr_batch_first(batch); f; f = cr_batch_next(batch, f)) {
        f->timestamp_ns = now;
        f->flags &= (uint16_t) ~(CANRING_CLOCK_MASK | CANRING_LOCAL);
        f->flags |= CANRING_CLOCK_PROXY | CANRING_TX;
    }
    count_off(proxy, batch);
}

static unsigned take_from(struct canring_proxy *proxy, struct cr_port *port)
{
    cr_batch_clear(proxy->taken);
    unsigned taken = cr_port_take(port, proxy->taken, TAKE_MAX);
    if (canring_proxy_suspended(proxy)) {
        port->refused += taken;
        return taken;
    }
    if (!taken)
        return 0;
    stamp(proxy, proxy->taken);
    if (!proxy->echo) {
        cr_proxy_record_sent(proxy, proxy->taken);
        deliver(proxy, proxy->taken, port);
    }
    send_batch(proxy, proxy->taken);
    return taken;
}

static unsigned take(struct canring_proxy *proxy)
{
    unsigned total = 0;
    for (size_t i = 0; i < proxy->port_count && proxy->unsent.count < CR_UNSENT_MAX; i++)
        if (cr_port_attached(proxy->ports[i]))
            total += take_from(proxy, proxy->ports[i]);
    return total;
}

void cr_dispatch_take_rest(struct canring_proxy *proxy, struct cr_port *port)
{
    /* The dead have left a ring of frames at most; a forger may go on for ever. */
    const uint64_t end = port->taken + port->slots;
    uint64_t before;
    do {
        before = port->taken;
        take_from(proxy, port);
    } while (port->taken != before && port->taken < end);
}

/* A frame that waited too long is never sent: what it commanded is no longer wanted. */
static void expire(struct canring_proxy *proxy)
{
    const struct canring_frame *front;
    uint64_t now = cr_monotonic_ns();
    while ((front = cr_fifo_front(&proxy->unsent)) != NULL && front->timestamp_ns <= now) {
        CR_PROBE2(expire, front->number, front->id);
        cr_fifo_pop(&proxy->unsent);
        if (proxy->expired++ == 0)
            cr_proxy_report(
                proxy, LOG_WARNING,
                "%s takes no frames: dropping those older than %llu ms (further ones are "
                "counted only)",
                proxy->bus->name, (unsigned long long)(proxy->lifetime_ns / 1000000u));
    }
}

static unsigned flush(struct canring_proxy *proxy)
{
    const struct canring_frame *frames[SEND_MAX];
    unsigned total = 0, count, sent;
    if (!proxy->unsent.count)
        return 0;
    expire(proxy);
    do {
        count = cr_fifo_peek(&proxy->unsent, frames, SEND_MAX);
        sent = count ? offer(proxy, frames, count) : 0;
        for (unsigned i = 0; i < sent; i++)
            cr_fifo_pop(&proxy->unsent);
        total += sent;
    } while (sent && sent == count);
    return total;
}

uint64_t cr_dispatch_due(const struct canring_proxy *proxy)
{
    const struct canring_frame *front = cr_fifo_front(&proxy->unsent);
    if (!front)
        return UINT64_MAX;
    uint64_t now = cr_monotonic_ns();
    return front->timestamp_ns > now ? front->timestamp_ns - now : 0;
}

static unsigned drain(struct canring_proxy *proxy)
{
    unsigned moved = 0;
    for (size_t i = 0; i < proxy->port_count; i++) {
        struct cr_port *port = proxy->ports[i];
        if (!cr_port_attached(port))
            continue;
        moved += port->outlet.spill.count && cr_outlet_drain(&port->outlet);
        const char *trouble = cr_port_trouble(port);
        if (trouble)
            cr_serve_kick(proxy, port, trouble);
    }
    return moved + cr_proxy_service_traces(proxy);
}

static void count(struct canring_proxy *proxy)
{
    for (size_t i = 0; i < proxy->port_count; i++)
        cr_port_count(proxy->ports[i]);
}

uint64_t cr_dispatch_failed(const struct canring_proxy *proxy)
{
    return proxy->expired + proxy->bus->stats.tx_refused;
}

/* With nothing waiting for the bus, the fate of all that was taken is known: tell who asks. */
static void settle(struct canring_proxy *proxy)
{
    uint64_t failed = cr_dispatch_failed(proxy);
    for (size_t i = 0; i < proxy->port_count && !proxy->unsent.count; i++)
        if (cr_port_attached(proxy->ports[i]))
            cr_port_settle(proxy->ports[i], failed);
}

unsigned cr_dispatch(struct canring_proxy *proxy)
{
    unsigned moved = receive(proxy);
    moved += take(proxy);
    moved += flush(proxy);
    settle(proxy);
    moved += drain(proxy);
    if (!moved || proxy->passes % COUNT_EVERY == 0)
        count(proxy);
    return moved;
}
