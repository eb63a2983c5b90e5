#include <string.h>

#include "proxy/config_connector.h"
#include "proxy/config_trace.h"

#define AT(field) .offset = offsetof(struct cr_connector_draft, field)
#define FLAG(key, field)                                                                           \
    {                                                                                              \
        .name = key, .kind = CR_KEY_BOOL, AT(field)                                                \
    }
#define WORD(key, field)                                                                           \
    {                                                                                              \
        .name = key, .kind = CR_KEY_STRING, .least = 1, AT(field)                                  \
    }
#define U32(key, field, from, to)                                                                  \
    {                                                                                              \
        .name = key, .kind = CR_KEY_U32, .least = (from), .most = (to), AT(field)                  \
    }

#define EVERY_CONNECTOR FLAG("processing", connector.processing)

#define EVERY_BUS                                                                                  \
    EVERY_CONNECTOR, U32("remote_id", connector.remote_id, 0, CANRING_ID_MASK_EXT),                \
        FLAG("is_extended_id", connector.extended_id), FLAG("enable_brs", connector.bus.brs),      \
        FLAG("is_fd", connector.bus.fd), FLAG("receive_own_messages", connector.bus.receive_own),  \
        FLAG("listen_only", connector.bus.listen_only), FLAG("xl", connector.bus.xl),              \
        FLAG("hardware_timestamps", connector.bus.hardware_timestamps),                            \
        U32("receive_buffer", connector.bus.receive_buffer, 4096, 1 << 30),                        \
        U32("send_lifetime_ms", connector.bus.send_lifetime_ms, 1, 3600000),                       \
        U32("restart_ms", connector.bus.restart_ms, 0, 3600000),                                   \
    {                                                                                              \
        .name = "can_filters", .kind = CR_KEY_FILTERS, AT(connector.bus.filters)                   \
    }

#define EVERY_UDP                                                                                  \
    WORD("local_interface", connector.bus.local_interface),                                        \
        {.name = "port", .kind = CR_KEY_U16, .least = 1, .most = 65535, AT(connector.bus.port)},   \
    {                                                                                              \
        .name = "hop_limit", .kind = CR_KEY_U8, .most = 255, AT(connector.bus.hop_limit)           \
    }

#define TIMING(key) U32(#key, connector.bus.timing.key, 1, 1024)

const char *const cr_bus_interfaces[] = {"udp_multicast", "virtual", "pcan", "socketcan", NULL};
static const char *const virtual_interfaces[] = {"udp_multicast", "virtual", NULL};
static const char *const states[] = {"ACTIVE", "PASSIVE", NULL};
static const char *const overflows[] = {"spill", "drop", NULL};
static const char *const waits[] = {"adaptive", "spin", "park", NULL};

static const struct cr_key channel_keys[] = {
    EVERY_CONNECTOR,
    {.name = "filters", .kind = CR_KEY_FILTER_TEXT, AT(connector.channel.filters)},
    U32("ring_slots", connector.channel.ring_slots, CANRING_CONFIG_SLOTS_MIN,
        CANRING_CONFIG_SLOTS_MAX),
    U32("spill_limit", connector.channel.spill_limit, 1, CANRING_SPILL_LIMIT_MAX),
    {.name = "overflow",
     .kind = CR_KEY_CHOICE,
     .choices = overflows,
     AT(connector.channel.overflow)},
    {.name = "wait", .kind = CR_KEY_CHOICE, .choices = waits, AT(connector.channel.wait)},
    WORD("group", connector.channel.group),
};

static const struct cr_key pcan_keys[] = {
    EVERY_BUS,
    {.name = "interface", .kind = CR_KEY_CHOICE, .choices = cr_bus_interfaces, AT(interface)},
    WORD("channel", connector.bus.channel),
    WORD("netdev", connector.netdev),
    {.name = "state", .kind = CR_KEY_CHOICE, .choices = states, AT(passive)},
    {.name = "trace_path", .kind = CR_KEY_PATH, AT(connector.trace.dir)},
    U32("trace_size", connector.trace.size_mb, 1, 100),
    U32("bitrate", connector.bus.timing.bitrate, 1000, 1000000),
    {.name = "f_clock_mhz",
     .kind = CR_KEY_U32,
     .least = 1,
     .most = 1000,
     AT(connector.bus.timing.clock_mhz)},
    TIMING(nom_brp),
    TIMING(nom_tseg1),
    TIMING(nom_tseg2),
    TIMING(nom_sjw),
    TIMING(data_brp),
    TIMING(data_tseg1),
    TIMING(data_tseg2),
    TIMING(data_sjw),
    FLAG("logging_activated", connector.trace.active),
    CR_TRACE_KEYS(connector.trace),
    FLAG("bus_error_warning_filter", connector.quiet_bus_error),
    EVERY_UDP,
};

static const struct cr_key socketcan_keys[] = {
    EVERY_BUS,
    WORD("channel", connector.bus.channel),
    FLAG("logging_activated", connector.trace.active),
    {.name = "log_path", .kind = CR_KEY_PATH, AT(connector.trace.dir)},
    {.name = "log_name", .kind = CR_KEY_NAME, .least = 1, AT(connector.trace.name)},
    CR_TRACE_KEYS(connector.trace),
};

static const struct cr_key virtual_keys[] = {
    EVERY_BUS,
    {.name = "interface", .kind = CR_KEY_CHOICE, .choices = virtual_interfaces, AT(interface)},
    WORD("channel", connector.bus.channel),
    FLAG("fd", connector.bus.fd),
    EVERY_UDP,
};

static const struct cr_key udp_keys[] = {
    EVERY_BUS,
    WORD("channel", connector.bus.channel),
    EVERY_UDP,
};

static const struct cr_key replay_keys[] = {
    EVERY_BUS,
    {.name = "file", .kind = CR_KEY_PATH, .required = true, .least = 1, AT(connector.bus.channel)},
    {.name = "speed", .kind = CR_KEY_REAL, .most = 1000000, AT(connector.bus.speed)},
    U32("loops", connector.bus.loops, 0, UINT32_MAX),
};

#define SCHEMA(kind, text, table)                                                                  \
    [kind] = &(const struct cr_schema)                                                             \
    {                                                                                              \
        text, table, CR_COUNT(table), false                                                        \
    }

const struct cr_schema *const cr_connector_schemas[CANRING_CONNECTOR_CUSTOM] = {
    SCHEMA(CANRING_CONNECTOR_PROXY, "CCProxy", channel_keys),
    SCHEMA(CANRING_CONNECTOR_MP_PROXY, "CCMpProxy", channel_keys),
    SCHEMA(CANRING_CONNECTOR_PCAN, "CCPCanCan", pcan_keys),
    SCHEMA(CANRING_CONNECTOR_SOCKETCAN, "CCSocketCan", socketcan_keys),
    SCHEMA(CANRING_CONNECTOR_VIRTUAL, "CCVirtualCan", virtual_keys),
    SCHEMA(CANRING_CONNECTOR_UDP_MULTICAST, "CCUdpMulticast", udp_keys),
    SCHEMA(CANRING_CONNECTOR_REPLAY, "CCReplay", replay_keys),
};

static void pcan_defaults(struct cr_connector_draft *draft)
{
    struct canring_config_connector *connector = &draft->connector;

    draft->interface = CR_BUS_PCAN;
    connector->bus.channel = "PCAN_USBBUS1";
    connector->trace.active = connector->trace.implied = true;
    connector->trace.size_mb = 10;
    connector->bus.timing = (struct canring_bit_timing){
        .bitrate = 500000,
        .clock_mhz = 80,
        .nom_brp = 2,
        .nom_tseg1 = 63,
        .nom_tseg2 = 16,
        .nom_sjw = 16,
        .data_brp = 4,
        .data_tseg1 = 7,
        .data_tseg2 = 2,
        .data_sjw = 2,
    };
}

static void channel_defaults(struct canring_config_channel *channel)
{
    channel->ring_slots = CANRING_CONFIG_SLOTS_DEFAULT;
    channel->spill_limit = CANRING_CONFIG_SPILL_DEFAULT;
}

static void bus_defaults(struct canring_bus_options *bus, enum canring_connector_kind kind)
{
    bus->fd = true;
    bus->receive_buffer = 32u << 20;
    bus->send_lifetime_ms = 1000;
    bus->port = 43113;
    bus->local_interface = "lo"; /* traffic leaves the host only when the file says so */
    bus->speed = 1;
    bus->loops = 1;
    if (kind == CANRING_CONNECTOR_SOCKETCAN)
        bus->channel = "vcan0";
    if (kind == CANRING_CONNECTOR_VIRTUAL || kind == CANRING_CONNECTOR_UDP_MULTICAST)
        bus->channel = CR_DEFAULT_GROUP;
}

void cr_connector_defaults(struct cr_connector_draft *draft, enum canring_connector_kind kind)
{
    memset(draft, 0, sizeof(*draft));
    draft->connector.kind = kind;
    if (kind == CANRING_CONNECTOR_PROXY || kind == CANRING_CONNECTOR_MP_PROXY)
        channel_defaults(&draft->connector.channel);
    if (!cr_connector_is_bus(kind))
        return;
    bus_defaults(&draft->connector.bus, kind);
    if (kind == CANRING_CONNECTOR_PCAN)
        pcan_defaults(draft);
}

bool cr_connector_is_bus(enum canring_connector_kind kind)
{
    return kind >= CANRING_CONNECTOR_PCAN && kind < CANRING_CONNECTOR_CUSTOM;
}
