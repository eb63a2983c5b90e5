#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config_schema.h"
#include "proxy/yaml_load.h"
#include "shm/nearest.h"

/* The public configuration and the memory that all of it lives in. */
struct holder {
    struct canring_config config;
    struct cr_arena arena;
};

struct sections {
    const struct cr_yaml_node *auxiliaries, *connectors, *suites, *requirements;
};

#define SECTION(field) .kind = CR_KEY_NODE, .offset = offsetof(struct sections, field)
static const struct cr_key section_keys[] = {
    {.name = "auxiliaries", .required = true, SECTION(auxiliaries)},
    {.name = "connectors", SECTION(connectors)},
    {.name = "test_suite_list", SECTION(suites)},
    {.name = "requirements", SECTION(requirements)},
};
static const struct cr_schema file_schema = {"a configuration", section_keys,
                                             CR_COUNT(section_keys), false};

static int build_sections(struct cr_build *build, const struct cr_yaml_node *root)
{
    struct sections sections = {0};
    int err = cr_schema_fill(build, &file_schema, root, root, &sections, NULL);

    if (!err && root->type == CR_YAML_MAP && !sections.connectors)
        cr_warning(build, root, "the section 'connectors' is missing");
    if (!err)
        err = cr_build_requirements(build, sections.requirements);
    if (!err)
        err = cr_build_connectors(build, sections.connectors);
    if (!err)
        err = cr_build_auxiliaries(build, sections.auxiliaries);
    if (!err)
        err = cr_build_suites(build, sections.suites);
    return err ? err : cr_build_proxies(build);
}

static int build_model(struct holder *holder, const struct cr_yaml_node *root,
                       struct canring_diagnostics *diagnostics)
{
    struct cr_build build = {
        .arena = &holder->arena, .diagnostics = diagnostics, .config = &holder->config};
    size_t errors = diagnostics->errors;

    int err = build_sections(&build, root);
    if (err == 0 && diagnostics->errors > errors)
        err = -EINVAL;
    return err;
}

static int load(struct canring_config **config, const char *path, const char *data, size_t size,
                struct canring_diagnostics *diagnostics)
{
    struct holder *holder = calloc(1, sizeof(*holder));
    const struct cr_yaml_node *root = NULL;
    size_t errors = diagnostics->errors;

    *config = NULL;
    if (!holder)
        return -ENOMEM;
    struct cr_yaml yaml = {.arena = &holder->arena, .diagnostics = diagnostics};
    int err = data ? cr_yaml_load_memory(&yaml, path, data, size, &root)
                   : cr_yaml_load(&yaml, path, &root);
    /* What could not be read would be called missing, and who refers to it wrong. */
    if (!err && diagnostics->errors == errors)
        err = build_model(holder, root, diagnostics);
    if (!err && diagnostics->errors > errors)
        err = -EINVAL;
    holder->config.internal = holder;
    holder->config.path = cr_arena_copy(&holder->arena, path, strlen(path));
    if (!err && !holder->config.path)
        err = -ENOMEM;
    if (err)
        canring_config_free(&holder->config);
    else
        *config = &holder->config;
    return err;
}

int canring_config_load(struct canring_config **config, const char *path,
                        struct canring_diagnostics *diagnostics)
{
    return load(config, path, NULL, 0, diagnostics);
}

int canring_config_load_memory(struct canring_config **config, const char *name, const char *data,
                               size_t size, struct canring_diagnostics *diagnostics)
{
    return load(config, name, data ? data : "", data ? size : 0, diagnostics);
}

void canring_config_free(struct canring_config *config)
{
    if (!config)
        return;
    struct holder *holder = config->internal;
    cr_arena_free(&holder->arena);
    free(holder);
}

struct canring_config_connector *canring_config_connector(const struct canring_config *config,
                                                          const char *name)
{
    for (size_t i = 0; i < config->connector_count; i++) {
        if (strcmp(config->connectors[i]->name, name) == 0)
            return config->connectors[i];
    }
    return NULL;
}

struct canring_config_auxiliary *canring_config_auxiliary(const struct canring_config *config,
                                                          const char *name)
{
    for (size_t i = 0; i < config->auxiliary_count; i++) {
        if (strcmp(config->auxiliaries[i]->name, name) == 0)
            return config->auxiliaries[i];
    }
    return NULL;
}

struct canring_config_proxy *canring_config_proxy(const struct canring_config *config,
                                                  const char *name)
{
    for (size_t i = 0; i < config->proxy_count; i++) {
        if (strcmp(config->proxies[i]->name, name) == 0)
            return config->proxies[i];
    }
    return NULL;
}

/* Everything that a target can set lives as long as the configuration. */
static int keep_target(struct holder *holder, struct canring_bus_options *bus)
{
    const char **strings[] = {&bus->interface, &bus->channel, &bus->local_interface};

    for (size_t i = 0; i < CR_COUNT(strings); i++) {
        if (!*strings[i])
            continue;
        *strings[i] = cr_arena_copy(&holder->arena, *strings[i], strlen(*strings[i]));
        if (!*strings[i])
            return -ENOMEM;
    }
    return 0;
}

static int no_such_bus(const struct canring_config *config, const char *name,
                       struct canring_error *err)
{
    const char *nearest = NULL;
    const char **names = calloc(config->connector_count + 1, sizeof(*names));

    for (size_t i = 0; names && i < config->connector_count; i++)
        names[i] = config->connectors[i]->name;
    if (names)
        nearest = cr_nearest(name, names, config->connector_count);
    free(names);
    return canring_error_set(err, -ENOENT, "no such connector: found '%.100s'%s%s%s", name,
                             nearest ? "; did you mean '" : "", nearest ? nearest : "",
                             nearest ? "'?" : "");
}

int canring_config_override_bus(struct canring_config *config, const char *connector,
                                const char *target, struct canring_error *err)
{
    struct canring_config_connector *bus = canring_config_connector(config, connector);
    char *storage = NULL;

    if (!bus)
        return no_such_bus(config, connector, err);
    if (!bus->bus.interface)
        return canring_error_set(err, -EINVAL, "'%s' (%s) is not a bus", connector, bus->type);
    struct canring_bus_options options = bus->bus;
    int code = canring_bus_target_parse(target, &options, &storage, err);
    if (!code)
        code = keep_target(config->internal, &options);
    free(storage);
    if (code)
        return code;
    bus->bus = options;
    return 0;
}
