#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <canring/config.h>

/* Every j_ function gives a new value or NULL; json_pack takes what it is given. */

static const char *const connector_kinds[] = {"CCProxy",     "CCMpProxy",    "CCPCanCan",
                                              "CCSocketCan", "CCVirtualCan", "CCUdpMulticast",
                                              "CCReplay",    "custom"};
static const char *const auxiliary_kinds[] = {
    "MpProxyAuxiliary", "ProxyAuxiliary", "CommunicationAuxiliary", "shared_object", "executable"};
static const char *const waits[] = {"adaptive", "spin", "park"};
static const char *const overflows[] = {"spill", "drop"};
static const char *const compressions[] = {"auto", "none", "gz", "zst"};
static const char *const failures[] = {"report", "restart", "end"};
static const char *const log_levels[] = {"INHERIT", "DEBUG", "INFO",
                                         "WARNING", "ERROR", "CRITICAL"};

static json_t *j_filters(const struct canring_filters *filters)
{
    json_t *list = json_array();

    for (size_t i = 0; i < filters->count; i++) {
        const struct canring_filter *filter = &filters->list[i];
        json_array_append_new(list, json_pack("{s:I, s:I, s:b}", "id", (json_int_t)filter->id,
                                              "mask", (json_int_t)filter->mask, "inverted",
                                              (int)filter->inverted));
    }
    return json_pack("{s:o, s:I, s:b}", "list", list, "error_mask", (json_int_t)filters->error_mask,
                     "join", (int)filters->join);
}

static json_t *j_strings(const char **list, size_t count)
{
    json_t *strings = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(strings, json_string(list[i]));
    return strings;
}

static json_t *j_trace(const struct canring_config_trace *trace)
{
    return json_pack(
        "{s:b, s:b, s:s?, s:s?, s:I, s:s?, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
        "active", (int)trace->active, "implied", (int)trace->implied, "dir", trace->dir, "name",
        trace->name, "size_mb", (json_int_t)trace->size_mb, "format", trace->format, "compression",
        compressions[trace->compression], "digits", (json_int_t)trace->digits, "rotate_bytes",
        (json_int_t)trace->rotate_bytes, "rotate_ns", (json_int_t)trace->rotate_ns, "rotate_frames",
        (json_int_t)trace->rotate_frames, "keep", (json_int_t)trace->keep, "flush_ns",
        (json_int_t)trace->flush_ns, "sync_ns", (json_int_t)trace->sync_ns, "reserve",
        (json_int_t)trace->reserve, "pretrigger_ns", (json_int_t)trace->pretrigger_ns, "trigger",
        j_filters(&trace->trigger));
}

static json_t *j_timing(const struct canring_bit_timing *timing)
{
    return json_pack(
        "{s:I, s:I, s:I, s:[I,I,I,I], s:[I,I,I,I]}", "bitrate", (json_int_t)timing->bitrate,
        "data_bitrate", (json_int_t)timing->data_bitrate, "clock_mhz",
        (json_int_t)timing->clock_mhz, "nom_brp_tseg1_tseg2_sjw", (json_int_t)timing->nom_brp,
        (json_int_t)timing->nom_tseg1, (json_int_t)timing->nom_tseg2, (json_int_t)timing->nom_sjw,
        "data_brp_tseg1_tseg2_sjw", (json_int_t)timing->data_brp, (json_int_t)timing->data_tseg1,
        (json_int_t)timing->data_tseg2, (json_int_t)timing->data_sjw);
}

static json_t *j_bus(const struct canring_bus_options *bus)
{
    json_t *value =
        json_pack("{s:s, s:s?, s:b, s:b, s:b, s:b, s:b, s:b, s:I, s:I, s:I}", "interface",
                  bus->interface, "channel", bus->channel, "fd", (int)bus->fd, "xl", (int)bus->xl,
                  "brs", (int)bus->brs, "listen_only", (int)bus->listen_only, "receive_own",
                  (int)bus->receive_own, "hardware_timestamps", (int)bus->hardware_timestamps,
                  "receive_buffer", (json_int_t)bus->receive_buffer, "send_lifetime_ms",
                  (json_int_t)bus->send_lifetime_ms, "restart_ms", (json_int_t)bus->restart_ms);
    json_t *rest =
        json_pack("{s:o, s:o, s:s?, s:I, s:I, s:f, s:I}", "filters", j_filters(&bus->filters),
                  "timing", j_timing(&bus->timing), "local_interface", bus->local_interface, "port",
                  (json_int_t)bus->port, "hop_limit", (json_int_t)bus->hop_limit, "speed",
                  bus->speed, "loops", (json_int_t)bus->loops);

    json_object_update(value, rest);
    json_decref(rest);
    return value;
}

static json_t *j_channel(const struct canring_config_channel *channel)
{
    return json_pack("{s:o, s:I, s:s, s:I, s:s, s:s?}", "filters", j_filters(&channel->filters),
                     "ring_slots", (json_int_t)channel->ring_slots, "overflow",
                     overflows[channel->overflow], "spill_limit", (json_int_t)channel->spill_limit,
                     "wait", waits[channel->wait], "group", channel->group);
}

static void add_bus(json_t *value, const struct canring_config_connector *connector)
{
    json_object_set_new(value, "bus", j_bus(&connector->bus));
    json_object_set_new(value, "remote_id",
                        connector->has_remote_id ? json_integer(connector->remote_id)
                                                 : json_null());
    json_object_set_new(value, "extended_id", json_boolean(connector->extended_id));
    json_object_set_new(value, "quiet_bus_error", json_boolean(connector->quiet_bus_error));
    json_object_set_new(value, "trace", j_trace(&connector->trace));
}

static json_t *j_connector(const struct canring_config_connector *connector)
{
    json_t *value = json_pack("{s:s, s:s?, s:s, s:b, s:b, s:s?, s:I, s:I}", "name", connector->name,
                              "type", connector->type, "kind", connector_kinds[connector->kind],
                              "processing", (int)connector->processing, "implicit",
                              (int)connector->implicit, "file", connector->file, "line",
                              (json_int_t)connector->line, "column", (json_int_t)connector->column);

    if (connector->bus.interface)
        add_bus(value, connector);
    else if (connector->kind != CANRING_CONNECTOR_CUSTOM)
        json_object_set_new(value, "channel", j_channel(&connector->channel));
    if (connector->config_json)
        json_object_set_new(value, "config", json_loads(connector->config_json, 0, NULL));
    return value;
}

static json_t *j_links(const struct canring_config_auxiliary *auxiliary)
{
    json_t *links = json_object();

    for (size_t i = 0; i < auxiliary->link_count; i++)
        json_object_set_new(links, auxiliary->links[i].role,
                            json_string(auxiliary->links[i].connector->name));
    return links;
}

static json_t *j_latency(const struct canring_config_latency *latency, bool proxy)
{
    json_t *value =
        json_pack("{s:s?, s:I, s:I, s:b}", "cpus", latency->thread.cpus, "sched_fifo",
                  (json_int_t)latency->thread.sched_fifo, "timer_slack",
                  (json_int_t)latency->thread.timer_slack, "mlock", (int)latency->thread.mlock);
    json_t *rest = json_pack(
        "{s:I, s:I, s:I, s:b, s:b}", "busy_poll", (json_int_t)latency->busy_poll, "coalesce",
        (json_int_t)latency->coalesce, "socket_busy_poll", (json_int_t)latency->socket_busy_poll,
        "huge_pages", (int)latency->huge_pages, "sqpoll", (int)latency->sqpoll);
    if (proxy)
        json_object_update(value, rest);
    json_decref(rest);
    return value;
}

static json_t *j_auxiliary(const struct canring_config_auxiliary *auxiliary)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:o, s:o, s:o, s:o, s:s?, s:I, s:I}",
                     "name", auxiliary->name, "type", auxiliary->type, "class",
                     auxiliary->class_name, "kind", auxiliary_kinds[auxiliary->kind], "auto_start",
                     (int)auxiliary->auto_start, "log_level", log_levels[auxiliary->log_level],
                     "on_failure", failures[auxiliary->on_failure], "latency",
                     j_latency(&auxiliary->latency, false), "activate_log",
                     j_strings(auxiliary->activate_log, auxiliary->activate_log_count),
                     "connectors", j_links(auxiliary), "config",
                     json_loads(auxiliary->config_json, 0, NULL), "file", auxiliary->file, "line",
                     (json_int_t)auxiliary->line, "column", (json_int_t)auxiliary->column);
}

static json_t *j_proxy(const struct canring_config_proxy *proxy)
{
    json_t *channels = json_array();

    for (size_t i = 0; i < proxy->channel_count; i++)
        json_array_append_new(channels,
                              json_pack("{s:s, s:s}", "name", proxy->channels[i].connector->name,
                                        "auxiliary", proxy->channels[i].auxiliary->name));
    return json_pack("{s:s, s:b, s:b, s:s, s:o, s:o, s:o, s:s, s:o, s:s, s:s}", "name", proxy->name,
                     "auto_start", (int)proxy->auto_start, "implicit", (int)proxy->implicit,
                     "connector", proxy->connector->name, "channels", channels, "trace",
                     j_trace(&proxy->trace), "activate_log",
                     j_strings(proxy->activate_log, proxy->activate_log_count), "wait",
                     waits[proxy->wait], "latency", j_latency(&proxy->latency, true), "log_level",
                     log_levels[proxy->log_level], "on_failure", failures[proxy->on_failure]);
}

static json_t *j_suites(const struct canring_config *config)
{
    json_t *suites = json_array();

    for (size_t i = 0; i < config->suite_count; i++)
        json_array_append_new(suites, json_pack("{s:s, s:s, s:I}", "dir", config->suites[i].dir,
                                                "pattern", config->suites[i].pattern, "id",
                                                (json_int_t)config->suites[i].id));
    return suites;
}

static json_t *j_config(const struct canring_config *config)
{
    json_t *proxies = json_array(), *auxiliaries = json_array(), *connectors = json_array();

    for (size_t i = 0; i < config->proxy_count; i++)
        json_array_append_new(proxies, j_proxy(config->proxies[i]));
    for (size_t i = 0; i < config->auxiliary_count; i++)
        json_array_append_new(auxiliaries, j_auxiliary(config->auxiliaries[i]));
    for (size_t i = 0; i < config->connector_count; i++)
        json_array_append_new(connectors, j_connector(config->connectors[i]));
    bool complete = json_array_size(proxies) == config->proxy_count &&
                    json_array_size(auxiliaries) == config->auxiliary_count &&
                    json_array_size(connectors) == config->connector_count;
    json_t *value = json_pack("{s:s, s:o, s:o, s:o, s:o}", "file", config->path, "proxies", proxies,
                              "auxiliaries", auxiliaries, "connectors", connectors,
                              "test_suite_list", j_suites(config));
    if (!complete) {
        json_decref(value);
        return NULL;
    }
    return value;
}

static json_t *j_diagnostics(const struct canring_diagnostics *diagnostics)
{
    json_t *list = json_array();

    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct canring_diagnostic *one = &diagnostics->list[i];
        json_array_append_new(list, json_pack("{s:s, s:b, s:s?, s:I, s:I, s:s}", "severity",
                                              canring_severity_name(one->severity), "fatal",
                                              one->severity == CANRING_SEVERITY_ERROR, "file",
                                              one->file, "line", (json_int_t)one->line, "column",
                                              (json_int_t)one->column, "text", one->text));
    }
    return list;
}

int canring_config_json(const struct canring_config *config,
                        const struct canring_diagnostics *diagnostics, char **text)
{
    json_t *value = json_object();

    *text = NULL;
    if (config && json_object_set_new(value, "config", j_config(config)) < 0) {
        json_decref(value);
        return -EILSEQ;
    }
    if (diagnostics) {
        json_object_set_new(value, "usable", json_boolean(diagnostics->errors == 0));
        json_object_set_new(value, "diagnostics", j_diagnostics(diagnostics));
        json_object_set_new(value, "dropped", json_integer((json_int_t)diagnostics->dropped));
    }
    char *dumped = json_dumps(value, JSON_INDENT(2));
    json_decref(value);
    if (!dumped)
        return -ENOMEM;
    size_t length = strlen(dumped);
    *text = malloc(length + 2);
    if (*text) {
        memcpy(*text, dumped, length);
        memcpy(*text + length, "\n", 2);
    }
    free(dumped);
    return *text ? 0 : -ENOMEM;
}
