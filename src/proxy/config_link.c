#include "proxy/config_link.h"

#include <errno.h>
#include <string.h>

#include "shm/nearest.h"

bool cr_named_usable(const struct cr_named_aux *named)
{
    return named->auxiliary->name != NULL;
}

bool cr_named_uses(const struct cr_named_aux *named,
                   const struct canring_config_connector *connector)
{
    for (size_t i = 0; i < named->auxiliary->link_count; i++) {
        if (named->auxiliary->links[i].connector == connector)
            return true;
    }
    return false;
}

struct cr_named_aux *cr_named_find(const struct cr_build *build, const char *name)
{
    for (size_t i = 0; i < build->named_count; i++) {
        if (strcmp(build->named[i].name->text, name) == 0)
            return &build->named[i];
    }
    return NULL;
}

const char *cr_named_nearest(struct cr_build *build, const char *name)
{
    const char **names = NULL;

    if (!cr_diagnostics_full(build->diagnostics))
        names = cr_arena_new(build->arena, build->named_count + 1, sizeof(*names));
    for (size_t i = 0; names && i < build->named_count; i++)
        names[i] = build->named[i].name->text;
    return names ? cr_nearest(name, names, build->named_count) : NULL;
}

static int say_no_connector(struct cr_build *build, const struct cr_yaml_node *at)
{
    const struct canring_config *config = build->config;
    bool full = cr_diagnostics_full(build->diagnostics);
    size_t count = full ? 0 : config->connector_count;
    const char **names = full ? NULL : cr_arena_new(build->arena, count + 1, sizeof(*names));

    if (!names && !full)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        names[i] = config->connectors[i]->name;
    cr_error_choice(build, at, "no such connector", at->text, names, count);
    return 0;
}

static bool is_own_type(const struct canring_config_auxiliary *auxiliary)
{
    return auxiliary->kind == CANRING_AUXILIARY_SHARED_OBJECT ||
           auxiliary->kind == CANRING_AUXILIARY_EXECUTABLE;
}

static int link_one(struct cr_build *build, struct canring_config_auxiliary *auxiliary,
                    const struct cr_yaml_pair *pair)
{
    static const char *const com[] = {"com"};

    if (pair->key->type != CR_YAML_STRING ||
        (!is_own_type(auxiliary) && strcmp(pair->key->text, "com") != 0)) {
        cr_error_choice(build, pair->key, "unknown role of a connector", pair->key->text, com, 1);
        return 0;
    }
    if (pair->value->type != CR_YAML_STRING) {
        cr_error(build, pair->value, "%s: found %s, allowed: the name of a connector",
                 pair->key->text, cr_yaml_type_name(pair->value->type));
        return 0;
    }
    struct canring_config_connector *connector =
        canring_config_connector(build->config, pair->value->text);
    if (!connector)
        return say_no_connector(build, pair->value);
    auxiliary->links[auxiliary->link_count++] =
        (struct canring_config_link){pair->key->text, connector};
    if (strcmp(pair->key->text, "com") == 0)
        auxiliary->com = connector;
    return 0;
}

static int link_named(struct cr_build *build, const struct cr_named_aux *named)
{
    const struct cr_yaml_node *map = named->connectors;
    struct canring_config_auxiliary *auxiliary = named->auxiliary;
    int err = 0;

    if (map && map->type != CR_YAML_MAP) {
        cr_error(build, map, "connectors: found %s, allowed: a map such as {com: can_channel}",
                 cr_yaml_type_name(map->type));
        return 0;
    }
    size_t count = map ? map->map.count : 0;
    auxiliary->links = cr_arena_new(build->arena, count + 1, sizeof(*auxiliary->links));
    if (!auxiliary->links)
        return -ENOMEM;
    for (size_t i = 0; i < count && !err; i++)
        err = link_one(build, auxiliary, &map->map.pairs[i]);
    if (!err && !is_own_type(auxiliary) && !cr_yaml_find(map, "com"))
        cr_error(build, named->name, "'%s' has no connector: 'connectors: {com: NAME}' is missing",
                 auxiliary->name);
    return err;
}

int cr_link_all(struct cr_build *build)
{
    int err = 0;

    for (size_t i = 0; i < build->named_count && !err; i++) {
        if (cr_named_usable(&build->named[i]))
            err = link_named(build, &build->named[i]);
    }
    return err;
}
