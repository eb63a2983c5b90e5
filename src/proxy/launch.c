#include <canring/config.h>

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/launch_trace.h"

static struct canring_channel_config *channels_of(const struct canring_config_proxy *config)
{
    struct canring_channel_config *channels = calloc(config->channel_count + 1, sizeof(*channels));
    for (size_t i = 0; channels && i < config->channel_count; i++) {
        const struct canring_config_connector *connector = config->channels[i].connector;
        channels[i] = (struct canring_channel_config){
            .name = connector->name,
            .auxiliary = config->channels[i].auxiliary ? config->channels[i].auxiliary->name : NULL,
            .filters = connector->channel.filters,
            .ring_slots = connector->channel.ring_slots,
            .overflow = connector->channel.overflow,
            .spill_limit = connector->channel.spill_limit,
            .group = connector->channel.group,
            .huge_pages = config->latency.huge_pages};
    }
    return channels;
}

/* What pykiso's tests read through a CCMpProxy: its physical channel. */
static char *attributes_of(const struct canring_config_connector *connector)
{
    const struct canring_bus_options *bus = &connector->bus;
    json_t *object = json_pack(
        "{s:s, s:s, s:s?, s:s?, s:I, s:b, s:b, s:b, s:b, s:s}", "name", connector->name, "type",
        connector->type, "interface", bus->interface, "channel", bus->channel, "bitrate",
        (json_int_t)bus->timing.bitrate, "is_fd", (int)bus->fd, "enable_brs", (int)bus->brs,
        "is_extended_id", (int)connector->extended_id, "receive_own_messages",
        (int)bus->receive_own, "state", bus->listen_only ? "PASSIVE" : "ACTIVE");
    if (object && connector->has_remote_id)
        json_object_set_new(object, "remote_id", json_integer((json_int_t)connector->remote_id));
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

/* An implicit one has no name in the file by which to resume it: its auxiliaries' need is enough.
 */
static enum canring_start start_of(const struct canring_config_proxy *config)
{
    if (config->auto_start)
        return CANRING_START_RUNNING;
    return config->implicit ? CANRING_START_ON_ATTACH : CANRING_START_SUSPENDED;
}

int canring_config_open_proxy(struct canring_proxy **proxy,
                              const struct canring_config_proxy *config,
                              void (*report)(void *arg, int level, const char *text),
                              void *report_arg, void *bus_arg, struct canring_error *err)
{
    struct cr_launch_trace traces[2];
    struct canring_channel_config *channels = channels_of(config);
    char *attributes = attributes_of(config->connector);
    struct canring_proxy_options options = {.name = config->name,
                                            .bus = config->connector->bus,
                                            .channels = channels,
                                            .channel_count = config->channel_count,
                                            .wait = config->wait,
                                            .start = start_of(config),
                                            .latency = config->latency.thread,
                                            .busy_poll = config->latency.busy_poll,
                                            .coalesce = config->latency.coalesce,
                                            .sqpoll = config->latency.sqpoll,
                                            .attributes = attributes,
                                            .report = report,
                                            .report_arg = report_arg};
    options.bus.socket_busy_poll = config->latency.socket_busy_poll;
    options.bus.report = report;
    options.bus.report_arg = bus_arg;
    *proxy = NULL;
    if (!channels || !attributes) {
        free(channels);
        free(attributes);
        return canring_error_set(err, -ENOMEM, "no memory for proxy %s", config->name);
    }
    if (cr_launch_trace_proxy(&traces[0], config, report, report_arg))
        options.trace = &traces[0].recording;
    if (cr_launch_trace_connector(&traces[1], config->connector, report, report_arg))
        options.connector_trace = &traces[1].recording;
    int result = canring_proxy_open(proxy, &options, err);
    free(channels);
    free(attributes);
    return result;
}
