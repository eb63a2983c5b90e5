#include <errno.h>
#include <string.h>

#include "proxy/config_latency.h"
#include "proxy/config_schema.h"
#include "proxy/config_trace.h"
#include "proxy/config_type.h"

/* In the order of enum canring_auxiliary_kind. */
static const char *const type_names[] = {"MpProxyAuxiliary", "ProxyAuxiliary",
                                         "CommunicationAuxiliary"};
static const char *const log_levels[] = {"INHERIT", "DEBUG",    "INFO", "WARNING",
                                         "ERROR",   "CRITICAL", NULL};
static const char *const failures[] = {"report", "restart", "end", NULL};
static const char *const waits[] = {"adaptive", "spin", "park", NULL};

/* A file's name has 255: with the time before it, and endings behind. */
#define TRACE_NAME_MAX 200

struct auxiliary_entry {
    const struct cr_yaml_node *connectors, *config, *type;
};

#define ENTRY(field) .kind = CR_KEY_NODE, .offset = offsetof(struct auxiliary_entry, field)
static const struct cr_key entry_keys[] = {
    {.name = "connectors", ENTRY(connectors)},
    {.name = "config", ENTRY(config)},
    {.name = "type", .required = true, ENTRY(type)},
};
static const struct cr_schema entry_schema = {"an auxiliary", entry_keys, CR_COUNT(entry_keys),
                                              false};

/* Everything that `config` of an auxiliary or a proxy can set. */
struct auxiliary_values {
    struct canring_config_auxiliary auxiliary;
    struct canring_config_trace trace;
    const struct cr_yaml_node *aux_list, *latency;
    int wait;
    bool proxy_capable;
};

#define AT(field) .offset = offsetof(struct auxiliary_values, field)
#define EVERY_AUXILIARY                                                                            \
    {.name = "auto_start", .kind = CR_KEY_BOOL, AT(auxiliary.auto_start)},                         \
        {.name = "log_level",                                                                      \
         .kind = CR_KEY_CHOICE,                                                                    \
         .choices = log_levels,                                                                    \
         AT(auxiliary.log_level)},                                                                 \
        {.name = "on_failure",                                                                     \
         .kind = CR_KEY_CHOICE,                                                                    \
         .choices = failures,                                                                      \
         AT(auxiliary.on_failure)},                                                                \
        {.name = "latency", .kind = CR_KEY_NODE, AT(latency)},                                     \
    {                                                                                              \
        .name = "activate_log", .kind = CR_KEY_STRINGS, AT(auxiliary.activate_log),                \
        .count_offset = offsetof(struct auxiliary_values, auxiliary.activate_log_count)            \
    }

static const struct cr_key proxy_keys[] = {
    {.name = "aux_list", .kind = CR_KEY_NODE, .required = true, AT(aux_list)},
    {.name = "activate_trace", .kind = CR_KEY_BOOL, AT(trace.active)},
    {.name = "trace_dir", .kind = CR_KEY_PATH, AT(trace.dir)},
    {.name = "trace_name", .kind = CR_KEY_NAME, .least = 1, .most = TRACE_NAME_MAX, AT(trace.name)},
    {.name = "wait", .kind = CR_KEY_CHOICE, .choices = waits, AT(wait)},
    CR_TRACE_KEYS(trace),
    EVERY_AUXILIARY,
};
static const struct cr_key communication_keys[] = {EVERY_AUXILIARY};
static const struct cr_key custom_keys[] = {
    EVERY_AUXILIARY,
    {.name = "is_proxy_capable", .kind = CR_KEY_BOOL, AT(proxy_capable)},
};

static const struct cr_schema schemas[] = {
    [CANRING_AUXILIARY_MP_PROXY] = {"MpProxyAuxiliary", proxy_keys, CR_COUNT(proxy_keys), false},
    [CANRING_AUXILIARY_PROXY] = {"ProxyAuxiliary", proxy_keys, CR_COUNT(proxy_keys), false},
    [CANRING_AUXILIARY_COMMUNICATION] = {"CommunicationAuxiliary", communication_keys,
                                         CR_COUNT(communication_keys), false},
    [CANRING_AUXILIARY_SHARED_OBJECT] = {"an auxiliary", custom_keys, CR_COUNT(custom_keys), true},
    [CANRING_AUXILIARY_EXECUTABLE] = {"an auxiliary", custom_keys, CR_COUNT(custom_keys), true},
};

static enum canring_auxiliary_kind kind_of(const struct cr_type *type)
{
    if (type->kind == CR_TYPE_KNOWN)
        return (enum canring_auxiliary_kind)type->known;
    return type->kind == CR_TYPE_SHARED_OBJECT ? CANRING_AUXILIARY_SHARED_OBJECT
                                               : CANRING_AUXILIARY_EXECUTABLE;
}

static int add_proxy(struct cr_build *build, struct cr_named_aux *named,
                     const struct auxiliary_values *values)
{
    struct canring_config *config = build->config;
    struct canring_config_proxy *proxy = cr_arena_new(build->arena, 1, sizeof(*proxy));
    struct canring_config_proxy **list = cr_arena_grow(
        build->arena, config->proxies, config->proxy_count, sizeof(struct canring_config_proxy *));

    if (!proxy || !list)
        return -ENOMEM;
    *proxy = (struct canring_config_proxy){
        .name = named->auxiliary->name,
        .type = named->auxiliary->type,
        .auto_start = named->auxiliary->auto_start,
        .trace = values->trace,
        .activate_log = named->auxiliary->activate_log,
        .activate_log_count = named->auxiliary->activate_log_count,
        .wait = (enum canring_wait)values->wait,
        .latency = named->auxiliary->latency,
        .log_level = named->auxiliary->log_level,
        .on_failure = named->auxiliary->on_failure,
    };
    config->proxies = list;
    list[config->proxy_count++] = proxy;
    named->proxy = proxy;
    return 0;
}

static int add_auxiliary(struct cr_build *build, struct cr_named_aux *named)
{
    struct canring_config *config = build->config;
    struct canring_config_auxiliary **list =
        cr_arena_grow(build->arena, config->auxiliaries, config->auxiliary_count,
                      sizeof(struct canring_config_auxiliary *));

    if (!list)
        return -ENOMEM;
    config->auxiliaries = list;
    list[config->auxiliary_count++] = named->auxiliary;
    return 0;
}

static int name_it(struct cr_build *build, const struct cr_named_aux *named)
{
    struct cr_named_aux *list =
        cr_arena_grow(build->arena, build->named, build->named_count, sizeof(*list));

    if (!list)
        return -ENOMEM;
    build->named = list;
    list[build->named_count++] = *named;
    return 0;
}

static int fill(struct cr_build *build, struct cr_named_aux *named,
                const struct auxiliary_entry *entry, const struct cr_type *type)
{
    struct auxiliary_values values = {.auxiliary = {.auto_start = true}, .proxy_capable = true};
    struct canring_config_auxiliary *auxiliary = named->auxiliary;
    enum canring_auxiliary_kind kind = kind_of(type);
    if (kind == CANRING_AUXILIARY_MP_PROXY || kind == CANRING_AUXILIARY_PROXY)
        values.auxiliary.on_failure = CANRING_ON_FAILURE_END;
    int err = cr_schema_fill(build, &schemas[kind], entry->config, named->name, &values, NULL);

    if (!err)
        err = cr_build_latency(build, &values.auxiliary.latency, values.latency, kind,
                               (enum canring_wait)values.wait);
    if (err)
        return err;
    *auxiliary = values.auxiliary;
    auxiliary->kind = kind;
    auxiliary->name = named->name->text;
    auxiliary->type = type->kind == CR_TYPE_KNOWN ? entry->type->text : type->path;
    auxiliary->class_name = type->class_name;
    auxiliary->file = named->name->at.file;
    auxiliary->line = named->name->at.line;
    auxiliary->column = named->name->at.column;
    named->connectors = entry->connectors;
    named->aux_list = values.aux_list;
    named->not_capable = !values.proxy_capable;
    err = cr_build_json(build, entry->config, &auxiliary->config_json);
    if (err)
        return err;
    bool is_proxy = kind == CANRING_AUXILIARY_MP_PROXY || kind == CANRING_AUXILIARY_PROXY;
    if (is_proxy)
        cr_build_settle_trace(build, &values.trace, entry->config);
    return is_proxy ? add_proxy(build, named, &values) : add_auxiliary(build, named);
}

static int build_one(struct cr_build *build, const struct cr_yaml_pair *pair)
{
    struct cr_named_aux named = {.name = pair->key};
    struct auxiliary_entry entry = {0};
    struct cr_type type;

    if (!cr_build_name(build, pair->key, "an auxiliary"))
        return 0;
    int err = cr_schema_fill(build, &entry_schema, pair->value, pair->key, &entry, NULL);
    if (!err)
        err = cr_build_type(build, &type, entry.type, type_names, CR_COUNT(type_names));
    if (err)
        return err;
    /* Of a refused type nothing more can be said, but its name is not dangling. */
    named.auxiliary = cr_arena_new(build->arena, 1, sizeof(*named.auxiliary));
    if (!named.auxiliary)
        return -ENOMEM;
    if (type.kind != CR_TYPE_REFUSED)
        err = fill(build, &named, &entry, &type);
    return err ? err : name_it(build, &named);
}

int cr_build_auxiliaries(struct cr_build *build, const struct cr_yaml_node *section)
{
    int err = 0;

    section = cr_build_section(build, section, "auxiliaries");
    for (size_t i = 0; section && i < section->map.count && !err; i++)
        err = build_one(build, &section->map.pairs[i]);
    return err;
}
