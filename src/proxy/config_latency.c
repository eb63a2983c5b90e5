#include "proxy/config_latency.h"

#include <stdint.h>
#include <string.h>

#include "proxy/config_schema.h"
#include "shm/cpu_list.h"
#include "shm/segment.h"

struct latency_values {
    struct canring_config_latency latency;
    const struct cr_yaml_node *cpus;
};

#define AT(field) .offset = offsetof(struct latency_values, field)
#define EVERY_THREAD                                                                               \
    {.name = "cpus", .kind = CR_KEY_NODE, AT(cpus)},                                               \
        {.name = "sched_fifo",                                                                     \
         .kind = CR_KEY_U32,                                                                       \
         .least = 1,                                                                               \
         .most = CANRING_FIFO_MAX,                                                                 \
         AT(latency.thread.sched_fifo)},                                                           \
        {.name = "timer_slack",                                                                    \
         .kind = CR_KEY_U32,                                                                       \
         .least = 1,                                                                               \
         .most = UINT32_MAX,                                                                       \
         AT(latency.thread.timer_slack)},                                                          \
    {                                                                                              \
        .name = "mlock", .kind = CR_KEY_BOOL, AT(latency.thread.mlock)                             \
    }

static const struct cr_key auxiliary_keys[] = {EVERY_THREAD};
static const struct cr_key proxy_keys[] = {
    EVERY_THREAD,
    {.name = "busy_poll",
     .kind = CR_KEY_U32,
     .least = 1,
     .most = CANRING_BUSY_POLL_MAX,
     AT(latency.busy_poll)},
    {.name = "socket_busy_poll",
     .kind = CR_KEY_U32,
     .least = 1,
     .most = CANRING_BUSY_POLL_MAX,
     AT(latency.socket_busy_poll)},
    {.name = "coalesce",
     .kind = CR_KEY_U32,
     .least = 1,
     .most = CANRING_COALESCE_MAX,
     AT(latency.coalesce)},
    {.name = "huge_pages", .kind = CR_KEY_BOOL, AT(latency.huge_pages)},
    {.name = "sqpoll", .kind = CR_KEY_BOOL, AT(latency.sqpoll)},
};
static const struct cr_schema auxiliary_schema = {"latency", auxiliary_keys,
                                                  CR_COUNT(auxiliary_keys), false};
static const struct cr_schema proxy_schema = {"latency", proxy_keys, CR_COUNT(proxy_keys), false};

/* One processor is an integer to YAML, a list of them a string. */
static void fill_cpus(struct cr_build *build, struct latency_values *values)
{
    const struct cr_yaml_node *node = values->cpus;
    cpu_set_t set;
    if (!node)
        return;
    const char *text = cr_yaml_is_scalar(node) ? node->text : NULL;
    if (node->type == CR_YAML_INT) /* as YAML reads it: 010 is eight */
        text = cr_arena_print(build->arena, "%lld", (long long)node->integer);
    if (text && cr_cpu_list_parse(text, &set))
        values->latency.thread.cpus = text;
    else
        cr_error(build, node,
                 "cpus: found '%s', allowed: a list as taskset -c takes it, such as 2, 2-3,6 or "
                 "'0-6:2', of numbers below %d",
                 cr_yaml_is_scalar(node) ? node->text : cr_yaml_type_name(node->type), CPU_SETSIZE);
}

static void check_together(struct cr_build *build, const struct cr_yaml_node *node,
                           const struct canring_config_latency *latency,
                           enum canring_auxiliary_kind kind, enum canring_wait wait)
{
    if (latency->busy_poll && wait != CANRING_WAIT_ADAPTIVE)
        cr_error(build, node, "busy_poll: has no meaning with wait: %s, allowed: wait: adaptive",
                 wait == CANRING_WAIT_SPIN ? "spin" : "park");
    if (latency->coalesce && wait == CANRING_WAIT_SPIN)
        cr_error(build, node, "coalesce: has no meaning with wait: spin, which never sleeps");
    if (latency->sqpoll && latency->thread.sched_fifo)
        cr_warning(build, node,
                   "sqpoll: the kernel's thread has no real-time priority; where other tasks want "
                   "its processor, frames wait for it in spite of sched_fifo");
    if (latency->thread.mlock && kind == CANRING_AUXILIARY_EXECUTABLE)
        cr_error(build, node,
                 "mlock: a program that is executed does not keep it; it has to call "
                 "canring_latency_apply or mlockall itself");
}

int cr_build_latency(struct cr_build *build, struct canring_config_latency *latency,
                     const struct cr_yaml_node *node, enum canring_auxiliary_kind kind,
                     enum canring_wait wait)
{
    struct latency_values values = {0};
    bool proxy = kind == CANRING_AUXILIARY_MP_PROXY || kind == CANRING_AUXILIARY_PROXY;
    if (!node)
        return 0;
    int err =
        cr_schema_fill(build, proxy ? &proxy_schema : &auxiliary_schema, node, node, &values, NULL);
    if (err)
        return err;
    fill_cpus(build, &values);
    check_together(build, node, &values.latency, kind, wait);
    *latency = values.latency;
    return 0;
}

static void check_huge_rings(struct cr_build *build, const struct canring_config_proxy *proxy,
                             const struct cr_yaml_node *at)
{
    for (size_t i = 0; i < proxy->channel_count; i++) {
        const struct canring_config_connector *channel = proxy->channels[i].connector;
        uint32_t slots = channel->channel.ring_slots;
        slots = slots ? slots : CANRING_RING_SLOTS;
        if (!cr_segment_huge_slots(slots))
            cr_error(build, at,
                     "huge_pages: the rings of '%s' have %u slots, allowed: ring_slots of %u, "
                     "which fill a page of 2 MiB, or a multiple of it",
                     channel->name, slots, CR_HUGE_SLOTS);
    }
}

void cr_check_proxy_latency(struct cr_build *build, const struct canring_config_proxy *proxy,
                            const struct cr_yaml_node *at)
{
    const struct canring_config_connector *connector = proxy->connector;
    if (proxy->latency.huge_pages)
        check_huge_rings(build, proxy, at);
    if (proxy->latency.socket_busy_poll && connector && connector->bus.interface &&
        strcmp(connector->bus.interface, "udp_multicast") != 0)
        cr_error(build, at,
                 "socket_busy_poll: the bus '%s' is one of %s, allowed for udp_multicast only; "
                 "what polls there is the proxy: busy_poll, or wait: spin",
                 connector->name, connector->bus.interface);
}
