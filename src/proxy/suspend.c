#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "proxy/engine.h"

static int receive_nothing(struct cr_bus *bus, struct cr_batch *batch)
{
    (void)bus, (void)batch;
    return 0;
}

static int send_nothing(struct cr_bus *bus, const struct canring_frame *const *frames,
                        unsigned count)
{
    (void)frames;
    bus->stats.tx_refused += count;
    return (int)count;
}

static void close_nothing(struct cr_bus *bus)
{
    (void)bus;
}

static const struct cr_driver no_bus = {.interface = "suspended",
                                        .close = close_nothing,
                                        .receive = receive_nothing,
                                        .send = send_nothing};

static const char *copy_of(const char *text, bool *failed)
{
    char *copy = text ? strdup(text) : NULL;
    *failed = *failed || (text && !copy);
    return copy;
}

int cr_suspension_open(struct cr_suspension *s, const struct canring_bus_options *options,
                       struct canring_error *err)
{
    bool failed = false;
    struct canring_bus_options *own = &s->options;
    *own = *options;
    own->interface = copy_of(options->interface, &failed);
    own->channel = copy_of(options->channel, &failed);
    own->local_interface = copy_of(options->local_interface, &failed);
    own->filters.list = NULL;
    if (options->filters.count) {
        own->filters.list = calloc(options->filters.count, sizeof(*own->filters.list));
        failed = failed || !own->filters.list;
    }
    if (own->filters.list)
        memcpy(own->filters.list, options->filters.list,
               options->filters.count * sizeof(*own->filters.list));
    return failed ? canring_error_set(err, -ENOMEM, "no memory for a bus's options") : 0;
}

void cr_suspension_close(struct cr_suspension *s)
{
    free((void *)(uintptr_t)s->options.interface);
    free((void *)(uintptr_t)s->options.channel);
    free((void *)(uintptr_t)s->options.local_interface);
    free(s->options.filters.list);
    s->options = (struct canring_bus_options){0};
}

bool canring_proxy_suspended(const struct canring_proxy *proxy)
{
    return proxy->bus == &proxy->suspension.stand_in;
}

/* What auxiliaries have sent until now. Only while suspended: then it is refused. */
static void refuse_sent(struct canring_proxy *proxy)
{
    for (size_t i = 0; i < proxy->port_count; i++)
        if (cr_port_attached(proxy->ports[i]))
            cr_dispatch_take_rest(proxy, proxy->ports[i]);
}

/* Nothing that was meant for now is handed out later, neither to the bus nor to auxiliaries. */
static void empty_queues(struct canring_proxy *proxy)
{
    proxy->expired += cr_fifo_clear(&proxy->unsent);
    refuse_sent(proxy);
    for (size_t i = 0; i < proxy->port_count; i++)
        cr_port_empty(proxy->ports[i]);
}

static void stand_in_for(struct canring_proxy *proxy, const char *name,
                         const struct canring_bus_stats *stats)
{
    struct cr_bus *stand_in = &proxy->suspension.stand_in;
    *stand_in = (struct cr_bus){.driver = &no_bus, .loop = proxy->loop, .stats = *stats};
    stand_in->stats.state = CANRING_BUS_DOWN;
    snprintf(stand_in->name, sizeof(stand_in->name), "%s", name);
    proxy->bus = stand_in;
}

void cr_proxy_begin_suspended(struct canring_proxy *proxy)
{
    const struct canring_bus_options *bus = &proxy->suspension.options;
    const struct canring_bus_stats nothing = {0};
    /* A recording's path is no name of a bus, and which it has is in there. */
    const bool named = bus->channel && !strchr(bus->channel, '/');
    stand_in_for(proxy, named ? bus->channel : bus->interface, &nothing);
}

int canring_proxy_suspend(struct canring_proxy *proxy)
{
    struct cr_bus *bus = proxy->bus;
    proxy->resume_on_attach = false; /* whoever asks for it now means it */
    if (canring_proxy_suspended(proxy))
        return 1;
    stand_in_for(proxy, bus->name, &bus->stats);
    cr_bus_report(bus, LOG_INFO, "%s: closing", bus->name);
    bus->driver->close(bus);
    proxy->bus_error = 0;
    empty_queues(proxy);
    cr_proxy_report(proxy, LOG_INFO, "suspended: %s is closed", proxy->bus->name);
    return 0;
}

int canring_proxy_resume(struct canring_proxy *proxy, struct canring_error *err)
{
    struct cr_bus *stand_in = &proxy->suspension.stand_in;
    if (!canring_proxy_suspended(proxy))
        return 1;
    refuse_sent(proxy); /* also of the last moment, and of one in which we were stopped */
    proxy->bus = NULL;
    int result = cr_proxy_open_bus(proxy, &proxy->suspension.options, err);
    if (result < 0) {
        proxy->bus = stand_in;
        return canring_error_prefix(err, "proxy %s cannot be resumed", proxy->name);
    }
    /* What is counted is counted from the proxy's start on; the state is the new bus's. */
    proxy->resume_on_attach = false;
    uint32_t state = proxy->bus->stats.state;
    proxy->bus->stats = stand_in->stats;
    proxy->bus->stats.state = state;
    proxy->source_waits = true;
    cr_proxy_report(proxy, LOG_INFO, "resumed: %s is open", proxy->bus->name);
    return 0;
}
