/* The proxy's end of one channel.
 *
 * A port always has a segment ready for whoever attaches; while an auxiliary holds its connection
 * open, frames go in and out. When the auxiliary leaves, dies, or misbehaves, the segment is thrown
 * away and a new one made, so that what the old one still has mapped is nobody's. Runs on the
 * proxy's thread.
 */
#ifndef CANRING_PORT_H
#define CANRING_PORT_H

#include <canring/channel.h>
#include <canring/proxy.h>

#include "can/filter_compiled.h"
#include "proxy/outlet.h"
#include "shm/segment.h"

struct cr_port {
    char name[CR_SEGMENT_NAME], auxiliary[CR_SEGMENT_NAME], proxy[CR_SEGMENT_NAME];
    bool observer; /* made for its auxiliary, gone with it */
    uint32_t slots;
    bool huge_pages;
    gid_t group;

    struct cr_segment segment;
    struct cr_outlet outlet;
    struct canring_consumer in;
    struct cr_filter_set filters;

    int client; /* connection of the auxiliary, and its doorbell (borrowed), -1 = free */
    uint32_t pid;
    bool was_attached; /* ever */

    /* Of segments that are gone; the current one's are added in cr_port_totals. */
    struct canring_channel_stats past;
    uint64_t attachments, kicked;
    uint64_t taken, refused;
    uint64_t settled, failed; /* as told last, see cr_port_settle */
};

/* Ready a port for attaching. */
int cr_port_open(struct cr_port *port, const char *proxy,
                 const struct canring_channel_config *config, struct canring_error *err);
void cr_port_close(struct cr_port *port);

static inline bool cr_port_attached(const struct cr_port *port)
{
    return port->client >= 0;
}

/* Before attaching: memory, where the last detach did not get any, and of a group's channel always:
 * its members may have written to what lay open to them. Errors as cr_port_open. */
int cr_port_renew(struct cr_port *port, struct canring_error *err);

/* True when its memory is not as it was made, with nobody attached. */
bool cr_port_tampered(const struct cr_port *port);

/* Somebody attached through `client`, a connected control socket that outlives the attachment. */
void cr_port_attach(struct cr_port *port, int client, uint32_t pid, enum canring_wait wait);

/* It is over with this auxiliary, whose connection the caller has closed, which wakes those who
 * sleep on it: wake the others, make a fresh segment. On failure the port is free all the same, and
 * cr_port_renew tries again. */
int cr_port_detach(struct cr_port *port, struct canring_error *err);

/* NULL, or in words what the auxiliary did that it must not. */
const char *cr_port_trouble(const struct cr_port *port);

/* Copy what the auxiliary has sent to `batch`, checked, up to `max` frames; malformed ones among
 * them are counted and skipped. Returns how many frames were appended. */
unsigned cr_port_take(struct cr_port *port, struct cr_batch *batch, unsigned max);

/* What the auxiliary has not read yet, in ring and spill, it shall not read any more. */
void cr_port_empty(struct cr_port *port);

/* Bring the shared counters up to date. */
void cr_port_count(struct cr_port *port);

/* The bus took all that was taken from the port, but for those counted in `failed` (of all ports)
 * and refused. For canring_channel_send_confirmed. */
static inline void cr_port_settle(struct cr_port *port, uint64_t failed)
{
    failed += port->refused;
    if (port->settled == port->taken && port->failed == failed)
        return;
    port->settled = port->taken;
    port->failed = failed;
    atomic_store_explicit(&port->segment.owner->failed, failed,
                          memory_order_relaxed); /* before the release below */
    atomic_store_explicit(&port->segment.owner->settled, port->settled, memory_order_release);
}

/* Totals since the port was opened. */
void cr_port_totals(const struct cr_port *port, struct canring_channel_stats *stats);

#endif
