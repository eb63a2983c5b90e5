#include "proxy/port.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shm/probe.h"
#include "shm/runtime_dir.h"

static int make_segment(struct cr_port *port, struct canring_error *err)
{
    char name[CR_REGION_NAME];
    port->outlet.published = port->outlet.dropped = 0;
    port->outlet.spilled = port->outlet.filtered = 0;
    port->taken = port->refused = port->settled = port->failed = 0;
    const struct cr_segment_geometry geometry = {.proxy = port->proxy,
                                                 .channel = port->name,
                                                 .rx_slots = port->slots,
                                                 .tx_slots = port->slots,
                                                 .group = port->group,
                                                 .huge = port->huge_pages};
    int result = cr_shm_name(name, sizeof(name), "channel", port->proxy, port->name, err);
    if (result == 0)
        result = cr_segment_create(&port->segment, name, &geometry, err);
    if (result < 0)
        return result;
    canring_producer_init(&port->outlet.ring, &port->segment.rx);
    canring_consumer_init(&port->in, &port->segment.tx);
    port->in.max_size = CANRING_FRAME_MAX;
    return 0;
}

/* Not when its memory could not be made again after the last auxiliary. */
static bool has_segment(const struct cr_port *port)
{
    return port->segment.mapping.base != NULL;
}

static int find_group(const char *name, gid_t *group, struct canring_error *err)
{
    *group = (gid_t)-1;
    if (!name)
        return 0;
    struct group *found = getgrnam(name);
    if (!found)
        return canring_error_set(err, -EINVAL, "there is no group '%s' on this machine", name);
    *group = found->gr_gid;
    return 0;
}

int cr_port_open(struct cr_port *port, const char *proxy,
                 const struct canring_channel_config *config, struct canring_error *err)
{
    *port = (struct cr_port){.slots = config->ring_slots ? config->ring_slots : CANRING_RING_SLOTS,
                             .huge_pages = config->huge_pages,
                             .client = -1,
                             .segment = {.region.fd = -1, .guard = -1}};
    snprintf(port->name, sizeof(port->name), "%s", config->name);
    snprintf(port->proxy, sizeof(port->proxy), "%s", proxy);
    snprintf(port->auxiliary, sizeof(port->auxiliary), "%s",
             config->auxiliary ? config->auxiliary : "");
    port->outlet.name = port->name;
    port->outlet.overflow = config->overflow;
    port->outlet.spill.limit = config->spill_limit ? config->spill_limit : CANRING_SPILL_LIMIT;
    port->outlet.spill.limit_bytes = port->outlet.spill.limit * CANRING_SPILL_FRAME;
    int result = find_group(config->group, &port->group, err);
    if (result == 0 &&
        (config->filters.given || config->filters.count || config->filters.error_mask)) {
        result = cr_filter_set_build(&port->filters, &config->filters);
        port->outlet.filters = result == 0 ? &port->filters : NULL;
    }
    if (result == 0)
        result = make_segment(port, err);
    if (result < 0) {
        cr_filter_set_free(&port->filters);
        canring_error_prefix(err, "channel %s", config->name);
    }
    return result;
}

/* Whoever sleeps on one of the rings wakes up and sees it; those who sleep on the connection woke
 * when it was closed. */
static void tell_closed(struct cr_port *port)
{
    struct canring_producer *out = &port->outlet.ring;
    out->bell_fd = port->in.bell_fd = -1;
    atomic_store_explicit(&port->segment.header->state, CR_SEGMENT_CLOSED, memory_order_release);
    uint32_t reader = atomic_load_explicit(&out->peer->waiting, memory_order_seq_cst);
    uint32_t writer = atomic_load_explicit(&port->in.peer->waiting, memory_order_seq_cst);
    if (reader & CANRING_ASLEEP_MASK)
        canring_ring_wake_consumer(out, reader);
    if (writer & CANRING_ASLEEP_MASK)
        canring_ring_wake_producer(&port->in, writer);
    port->client = -1;
}

void cr_port_close(struct cr_port *port)
{
    if (has_segment(port))
        tell_closed(port);
    cr_segment_close(&port->segment);
    cr_fifo_clear(&port->outlet.spill);
    cr_filter_set_free(&port->filters);
}

int cr_port_renew(struct cr_port *port, struct canring_error *err)
{
    if (has_segment(port) && port->group == (gid_t)-1)
        return 0;
    cr_segment_close(&port->segment);
    return make_segment(port, err);
}

bool cr_port_tampered(const struct cr_port *port)
{
    return has_segment(port) &&
           (cr_segment_lost(&port->segment) || !cr_segment_intact(&port->segment));
}

void cr_port_attach(struct cr_port *port, int client, uint32_t pid, enum canring_wait wait)
{
    port->client = port->outlet.ring.bell_fd = port->in.bell_fd = client;
    port->pid = pid;
    port->was_attached = true;
    port->attachments++;
    port->outlet.reader_parks = wait != CANRING_WAIT_SPIN;
    atomic_store_explicit(&port->segment.header->user_pid, pid, memory_order_relaxed);
}

int cr_port_detach(struct cr_port *port, struct canring_error *err)
{
    port->outlet.dropped += cr_fifo_clear(&port->outlet.spill);
    cr_port_count(port);
    struct canring_channel_stats total;
    cr_port_totals(port, &total);
    port->past = total;
    tell_closed(port);
    cr_segment_close(&port->segment);
    return make_segment(port, err);
}

const char *cr_port_trouble(const struct cr_port *port)
{
    if (cr_segment_lost(&port->segment))
        return "took the shared memory away";
    if (port->in.broken)
        return "wrote a record of an impossible size";
    if (port->outlet.ring.broken)
        return "said it has read what was never written, or less than before";
    return NULL;
}

unsigned cr_port_take(struct cr_port *port, struct cr_batch *batch, unsigned max)
{
    const struct canring_record *record;
    unsigned taken = 0;
    uint32_t size;
    /* Malformed ones count towards `max`: who writes nothing else must not keep us here. */
    for (unsigned seen = 0; seen < max; seen++) {
        record = canring_ring_peek(&port->in, &size);
        if (!record)
            break;
        struct canring_frame *frame =
            size < CANRING_FRAME_HEADER ? NULL : cr_batch_reserve(batch, size);
        if (!frame && size >= CANRING_FRAME_HEADER)
            break;
        port->taken++;
        if (frame) {
            memcpy(frame, record, size); /* the private copy is what is checked and used */
            frame->size = (uint16_t)size;
        }
        canring_ring_consume(&port->in);
        if (frame)
            CR_PROBE3(take, port->name, frame->id, size);
        if (!frame || canring_frame_check(frame, size) < 0) {
            port->refused++;
            continue;
        }
        cr_batch_push(batch, frame);
        taken++;
    }
    canring_ring_release_wake(&port->in);
    return taken;
}

void cr_port_empty(struct cr_port *port)
{
    port->outlet.dropped += cr_fifo_clear(&port->outlet.spill);
    if (has_segment(port))
        atomic_store_explicit(&port->segment.header->rx_emptied, port->outlet.ring.first,
                              memory_order_release);
}

void cr_port_count(struct cr_port *port)
{
    struct cr_owner_counters *c = port->segment.owner;
    const struct cr_outlet *o = &port->outlet;
    if (!has_segment(port))
        return;
    atomic_store_explicit(&c->published, o->published, memory_order_relaxed);
    atomic_store_explicit(&c->dropped, o->dropped, memory_order_relaxed);
    atomic_store_explicit(&c->spilled, o->spilled, memory_order_relaxed);
    atomic_store_explicit(&c->spill_now, o->spill.count, memory_order_relaxed);
    atomic_store_explicit(&c->filtered, o->filtered, memory_order_relaxed);
    atomic_store_explicit(&c->taken, port->taken, memory_order_relaxed);
    atomic_store_explicit(&c->refused, port->refused, memory_order_relaxed);
}

static uint64_t at_most(uint64_t count, uint64_t most)
{
    return count < most ? count : most;
}

/* The auxiliary may have written anything for its counters. */
static void add_users(const struct cr_port *port, struct canring_channel_stats *stats)
{
    const struct cr_user_counters *user = port->segment.user;
    uint64_t published = port->outlet.published;
    uint64_t received = at_most(cr_counted(&user->received), published);
    stats->received += received;
    stats->dropped += at_most(cr_counted(&user->emptied), published - received);
    stats->sent += at_most(cr_counted(&user->sent), port->taken + port->slots);
}

void cr_port_totals(const struct cr_port *port, struct canring_channel_stats *stats)
{
    *stats = port->past;
    stats->published += port->outlet.published;
    stats->dropped += port->outlet.dropped;
    stats->spilled += port->outlet.spilled;
    stats->taken += port->taken;
    stats->refused += port->refused;
    if (has_segment(port))
        add_users(port, stats);
}
