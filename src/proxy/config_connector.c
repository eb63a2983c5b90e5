#include "proxy/config_connector.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "can/virtual.h"
#include "proxy/config_trace.h"
#include "proxy/config_type.h"

/* In the order of enum canring_connector_kind. */
static const char *const type_names[] = {"CCProxy",     "CCMpProxy",    "CCPCanCan",
                                         "CCSocketCan", "CCVirtualCan", "CCUdpMulticast",
                                         "CCReplay"};
static const char *const kind_interfaces[CANRING_CONNECTOR_CUSTOM] = {
    [CANRING_CONNECTOR_SOCKETCAN] = "socketcan",
    [CANRING_CONNECTOR_UDP_MULTICAST] = "udp_multicast",
    [CANRING_CONNECTOR_REPLAY] = "replay",
};

struct connector_entry {
    const struct cr_yaml_node *config, *type;
};

static const struct cr_key entry_keys[] = {
    {.name = "config", .kind = CR_KEY_NODE, .offset = offsetof(struct connector_entry, config)},
    {.name = "type",
     .kind = CR_KEY_NODE,
     .required = true,
     .offset = offsetof(struct connector_entry, type)},
};
static const struct cr_schema entry_schema = {"a connector", entry_keys, CR_COUNT(entry_keys),
                                              false};

/* What a value of `config` is complained about at; the whole when it is not there. */
static const struct cr_yaml_node *place(const struct cr_yaml_node *config, const char *key,
                                        const struct cr_yaml_node *fallback)
{
    const struct cr_yaml_node *value = cr_yaml_get(config, key);
    return value ? value : fallback;
}

static bool is_address(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_multicast(const char *text)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, text, &v4) == 1)
        return IN_MULTICAST(ntohl(v4.s_addr));
    return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_MULTICAST(&v6);
}

static void check_group(struct cr_build *build, const struct canring_config_connector *connector,
                        const struct cr_yaml_node *at)
{
    if (!is_multicast(connector->bus.channel))
        cr_error(build, at,
                 "channel: found '%.100s', allowed: a multicast address (224.0.0.0/4, ff00::/8)",
                 connector->bus.channel);
}

/* PCAN_USBBUS1 … PCAN_USBBUS16 are netdevs in the order they were plugged in; other kinds of
 * device have no such order to go by. */
static bool is_usb_channel(const char *text)
{
    static const char prefix[] = "PCAN_USBBUS";
    if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
        return false;
    text += sizeof(prefix) - 1;
    if (text[0] < '1' || text[0] > '9')
        return false;
    return text[1] == '\0' || (text[0] == '1' && text[1] >= '0' && text[1] <= '6' && !text[2]);
}

/* With is_fd the segments count and `bitrate` does not, else the other way round: so does the
 * original. */
static void settle_timing(struct cr_build *build, struct canring_config_connector *connector,
                          const struct cr_yaml_node *config)
{
    struct canring_bit_timing *timing = &connector->bus.timing;
    uint32_t clock = timing->clock_mhz * 1000000u;

    if (!connector->bus.fd) {
        *timing = (struct canring_bit_timing){.bitrate = timing->bitrate};
        return;
    }
    uint32_t nominal = clock / (timing->nom_brp * (1 + timing->nom_tseg1 + timing->nom_tseg2));
    uint32_t data = clock / (timing->data_brp * (1 + timing->data_tseg1 + timing->data_tseg2));
    const struct cr_yaml_node *given = cr_yaml_get(config, "bitrate");
    if (given && timing->bitrate != nominal)
        cr_warning(build, given,
                   "bitrate: %u is not used with 'is_fd: true', the segments give %u bit/s",
                   timing->bitrate, nominal);
    timing->bitrate = nominal;
    timing->data_bitrate = data;
}

static void settle_pcan(struct cr_build *build, struct cr_connector_draft *draft,
                        const struct cr_yaml_node *config, const struct cr_yaml_node *at)
{
    struct canring_config_connector *connector = &draft->connector;
    const struct cr_yaml_node *channel = place(config, "channel", at);

    connector->bus.listen_only |= draft->passive != 0;
    connector->bus.interface = cr_bus_interfaces[draft->interface];
    if (connector->netdev) {
        connector->bus.interface = cr_bus_interfaces[CR_BUS_SOCKETCAN];
        connector->bus.channel = connector->netdev;
    } else if (draft->interface == CR_BUS_PCAN && !is_usb_channel(connector->bus.channel)) {
        cr_error(build, channel,
                 "channel: found '%.100s', allowed: PCAN_USBBUS1..PCAN_USBBUS16, or any with a key "
                 "'netdev' that names its interface",
                 connector->bus.channel);
    } else if (draft->interface == CR_BUS_UDP_MULTICAST) {
        check_group(build, connector, channel);
    }
    settle_timing(build, connector, config);
}

static void check_virtual(struct cr_build *build, const struct canring_config_connector *connector,
                          const struct cr_yaml_node *channel)
{
    if (!cr_virtual_name_legal(connector->bus.channel))
        cr_error(build, channel,
                 "channel: found '%.100s', allowed: 1 to %u letters, digits, '_', '-', '.'",
                 connector->bus.channel, CR_VIRTUAL_NAME_MAX);
}

/* python-can's meaning: an address is a multicast group, anything else a name in this host. */
static void settle_virtual(struct cr_build *build, struct cr_connector_draft *draft,
                           const struct cr_yaml_node *config, const struct cr_yaml_node *at)
{
    if (!cr_yaml_get(config, "interface") && !is_address(draft->connector.bus.channel))
        draft->interface = CR_BUS_VIRTUAL;
    draft->connector.bus.interface = cr_bus_interfaces[draft->interface];
    if (draft->interface == CR_BUS_UDP_MULTICAST)
        check_group(build, &draft->connector, place(config, "channel", at));
}

static void settle_bus(struct cr_build *build, struct cr_connector_draft *draft,
                       const struct cr_yaml_node *config, const struct cr_yaml_node *at)
{
    struct canring_config_connector *connector = &draft->connector;

    if (connector->bus.brs && !connector->bus.fd)
        cr_warning(build, place(config, "enable_brs", at),
                   "enable_brs has no effect with 'is_fd: false'");
    if (connector->remote_id > CANRING_ID_MASK_STD && !connector->extended_id)
        cr_error(build, place(config, "remote_id", at),
                 "remote_id: found 0x%x, allowed: 0..0x7ff, or 0..0x1fffffff with "
                 "'is_extended_id: true'",
                 connector->remote_id);
    if (connector->kind == CANRING_CONNECTOR_PCAN)
        settle_pcan(build, draft, config, at);
    else if (connector->kind == CANRING_CONNECTOR_VIRTUAL)
        settle_virtual(build, draft, config, at);
    else
        connector->bus.interface = kind_interfaces[connector->kind];
    if (connector->kind == CANRING_CONNECTOR_UDP_MULTICAST)
        check_group(build, connector, place(config, "channel", at));
    const char *interface = connector->bus.interface;
    if (interface && connector->bus.channel &&
        strcmp(interface, cr_bus_interfaces[CR_BUS_VIRTUAL]) == 0)
        check_virtual(build, connector, place(config, "channel", at));
}

static void settle_channel(struct cr_build *build, struct canring_config_connector *connector,
                           const struct cr_yaml_node *config, const struct cr_yaml_node *at)
{
    uint32_t slots = connector->channel.ring_slots;
    const struct cr_yaml_node *processing = cr_yaml_get(config, "processing");

    if (slots & (slots - 1))
        cr_error(build, place(config, "ring_slots", at),
                 "ring_slots: found %u, allowed: a power of two, %u..%u", slots,
                 CANRING_CONFIG_SLOTS_MIN, CANRING_CONFIG_SLOTS_MAX);
    if (connector->kind != CANRING_CONNECTOR_MP_PROXY)
        return;
    if (!processing)
        cr_warning(build, at, "CCMpProxy without 'processing: True', taken as if it were there");
    else if (processing->type == CR_YAML_BOOL && !processing->boolean)
        cr_error(build, processing,
                 "processing: found 'false', allowed for CCMpProxy: true; did you mean CCProxy?");
    connector->processing = true;
}

static void settle_trace(struct cr_build *build, struct canring_config_connector *connector,
                         uint64_t given, const struct cr_yaml_node *config)
{
    const struct cr_schema *schema = cr_connector_schemas[connector->kind];
    struct canring_config_trace *trace = &connector->trace;

    if (cr_schema_given(schema, given, "logging_activated") ||
        cr_schema_given(schema, given, "trace_path"))
        trace->implied = false;
    if (cr_schema_given(schema, given, "trace_rotate_size") &&
        !cr_schema_given(schema, given, "trace_size"))
        trace->size_mb = 0; /* its default is none beside a size that was asked for */
    cr_build_settle_trace(build, trace, config);
}

static void check_fd(struct cr_build *build, const struct cr_schema *schema, uint64_t given,
                     const struct cr_yaml_node *config)
{
    if (cr_schema_given(schema, given, "fd") && cr_schema_given(schema, given, "is_fd"))
        cr_error(build, cr_yaml_get(config, "fd"),
                 "fd: found beside is_fd, whose other name it is, allowed: one of them");
}

static int fill_known(struct cr_build *build, struct canring_config_connector *connector,
                      const struct cr_yaml_node *config, const struct cr_yaml_node *at)
{
    const struct cr_schema *schema = cr_connector_schemas[connector->kind];
    struct cr_connector_draft draft;
    uint64_t given = 0;

    cr_connector_defaults(&draft, connector->kind);
    int err = cr_schema_fill(build, schema, config, at, &draft, &given);
    if (err)
        return err;
    check_fd(build, schema, given, config);
    settle_trace(build, &draft.connector, given, config);
    draft.connector.has_remote_id = cr_schema_given(schema, given, "remote_id");
    if (cr_connector_is_bus(connector->kind))
        settle_bus(build, &draft, config, at);
    else
        settle_channel(build, &draft.connector, config, at);
    draft.connector.name = connector->name;
    draft.connector.type = connector->type;
    draft.connector.file = at->at.file;
    draft.connector.line = at->at.line;
    draft.connector.column = at->at.column;
    *connector = draft.connector;
    return 0;
}

static int build_one(struct cr_build *build, const struct cr_yaml_pair *pair)
{
    struct connector_entry entry = {0};
    struct cr_type type;

    if (!cr_build_name(build, pair->key, "a connector"))
        return 0;
    int err = cr_schema_fill(build, &entry_schema, pair->value, pair->key, &entry, NULL);
    if (!err)
        err = cr_build_type(build, &type, entry.type, type_names, CR_COUNT(type_names));
    if (err)
        return err;
    /* Also of a refused type: whoever names this connector is not wrong as well. */
    enum canring_connector_kind kind = type.kind == CR_TYPE_KNOWN
                                           ? (enum canring_connector_kind)type.known
                                           : CANRING_CONNECTOR_CUSTOM;
    struct canring_config_connector *connector = cr_build_connector(build, pair->key->text, kind);
    if (!connector)
        return -ENOMEM;
    connector->type = type.kind == CR_TYPE_KNOWN ? entry.type->text : type.path;
    connector->file = pair->key->at.file;
    connector->line = pair->key->at.line;
    connector->column = pair->key->at.column;
    if (type.kind == CR_TYPE_KNOWN)
        return fill_known(build, connector, entry.config, pair->key);
    return cr_build_json(build, entry.config, &connector->config_json);
}

struct canring_config_connector *cr_build_connector(struct cr_build *build, const char *name,
                                                    enum canring_connector_kind kind)
{
    struct canring_config *config = build->config;
    struct canring_config_connector *connector = cr_arena_new(build->arena, 1, sizeof(*connector));
    struct canring_config_connector **list =
        cr_arena_grow(build->arena, config->connectors, config->connector_count,
                      sizeof(struct canring_config_connector *));
    struct cr_connector_draft draft;

    if (!connector || !list)
        return NULL;
    cr_connector_defaults(&draft, kind);
    *connector = draft.connector;
    connector->name = name;
    config->connectors = list;
    list[config->connector_count++] = connector;
    return connector;
}

int cr_build_connectors(struct cr_build *build, const struct cr_yaml_node *section)
{
    int err = 0;

    section = cr_build_section(build, section, "connectors");
    for (size_t i = 0; section && i < section->map.count && !err; i++)
        err = build_one(build, &section->map.pairs[i]);
    return err;
}
