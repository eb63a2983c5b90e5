#include "proxy/engine.h"

#include <jansson.h>
#include <unistd.h>

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static const char *state_name(uint32_t state)
{
    static const char *const names[] = {"active", "warning", "passive", "bus-off", "down", "ended"};
    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

static json_t *bus_status(const struct canring_proxy *proxy)
{
    if (proxy->bus->driver->refresh_stats && !proxy->bus_error)
        proxy->bus->driver->refresh_stats(proxy->bus);
    const struct canring_bus_stats *s = &proxy->bus->stats;
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "interface", proxy->bus->driver->interface, "name", proxy->bus->name, "state",
        state_name(s->state), "rx_frames", number(s->rx_frames), "rx_lost_kernel",
        number(s->rx_lost_kernel), "rx_malformed", number(s->rx_malformed), "rx_errors",
        number(s->rx_errors), "tx_frames", number(s->tx_frames), "tx_refused",
        number(s->tx_refused), "tx_retries", number(s->tx_retries), "tx_expired",
        number(proxy->expired), "tx_waiting", number(proxy->unsent.count), "bus_off",
        number(s->bus_off), "link_down", number(s->link_down), "receive_calls",
        number(s->receive_calls), "send_calls", number(s->send_calls));
}

static json_t *port_status(const struct cr_port *port)
{
    struct canring_channel_stats t;
    cr_port_totals(port, &t);
    return json_pack(
        "{s:s, s:s, s:b, s:b, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "name", port->name, "auxiliary", port->auxiliary, "observer", port->observer, "attached",
        cr_port_attached(port), "pid", cr_port_attached(port) ? (int)port->pid : 0, "ring_slots",
        (int)port->slots, "published", number(t.published), "received", number(t.received),
        "dropped", number(t.dropped), "spilled", number(t.spilled), "spill_now",
        number(port->outlet.spill.count), "filtered", number(port->outlet.filtered), "sent",
        number(t.sent), "taken", number(t.taken), "refused", number(t.refused), "attachments",
        number(port->attachments), "kicked", number(port->kicked));
}

/* A path is bytes; JSON is UTF-8, and a cut path may end in the middle of a character. */
static json_t *path_json(const char *path)
{
    char plain[sizeof(((struct canring_trace_writer_stats *)0)->path)];
    json_t *text = json_string(path);
    size_t i = 0;
    for (; !text && path[i] && i + 1 < sizeof(plain); i++)
        plain[i] = (char)((unsigned char)path[i] < 128 ? path[i] : '?');
    plain[i] = '\0';
    return text ? text : json_string(plain);
}

static json_t *trace_status(const struct canring_proxy *proxy, unsigned index)
{
    struct canring_recording_stats s;
    const struct canring_trace_writer_stats *w = &s.writer;
    if (!proxy->recorders[index])
        return json_null();
    cr_recorder_stats(proxy->recorders[index], &s);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i}", "path",
                     path_json(w->path), "written", number(s.written), "dropped", number(s.dropped),
                     "discarded", number(s.given_up), "refused", number(w->refused), "lost_kernel",
                     number(s.lost_kernel), "waiting_bytes", number(s.waiting), "files",
                     number(w->files), "bytes", number(w->file_bytes), "error", w->error);
}

/* As the kernel has it now for this thread, which is the one that serves. */
static json_t *latency_status(const struct canring_proxy *proxy)
{
    struct canring_latency_state s;
    canring_latency_state(&s);
    return json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "cpus", s.cpus, "policy",
                     s.policy, "priority", (int)s.priority, "timer_slack_ns", number(s.timer_slack),
                     "locked_kib", number(s.locked_kib), "huge_page_kib", number(s.huge_page_kib),
                     "busy_poll_us", number(proxy->spin_ns / 1000), "coalesce_us",
                     number(proxy->gather_ns / 1000), "socket_busy_poll_us",
                     number(proxy->suspension.options.socket_busy_poll), "sqpoll",
                     (int)cr_loop_sqpoll(proxy->loop));
}

char *canring_proxy_status(const struct canring_proxy *proxy)
{
    json_t *channels = json_array();
    for (size_t i = 0; i < proxy->port_count; i++)
        json_array_append_new(channels, port_status(proxy->ports[i]));
    json_t *state = json_pack(
        "{s:s, s:i, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", proxy->name, "pid",
        (int)getpid(), "uptime_ms", number((cr_monotonic_ns() - proxy->opened_ns) / 1000000u),
        "loop", cr_loop_kind(proxy->loop) == CR_LOOP_URING ? "io_uring" : "epoll", "loop_enters",
        number(cr_loop_enters(proxy->loop)), "sleeps", number(proxy->sleeps), "bus",
        bus_status(proxy), "latency", latency_status(proxy), "channels", channels, "trace",
        trace_status(proxy, CR_RECORDER_PROXY), "connector_trace",
        trace_status(proxy, CR_RECORDER_CONNECTOR));
    char *text = state ? json_dumps(state, JSON_COMPACT) : NULL;
    json_decref(state);
    return text;
}
