/* YAML values as JSON text: how the `config` of a user's own types is handed on. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config_build.h"

static json_t *to_json(struct cr_build *build, const struct cr_yaml_node *node);

static json_t *list_to_json(struct cr_build *build, const struct cr_yaml_node *node)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < node->list.count; i++) {
        if (json_array_append_new(list, to_json(build, node->list.items[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *map_to_json(struct cr_build *build, const struct cr_yaml_node *node)
{
    json_t *map = json_object();

    for (size_t i = 0; map && i < node->map.count; i++) {
        const struct cr_yaml_pair *pair = &node->map.pairs[i];
        if (json_object_set_new(map, pair->key->text, to_json(build, pair->value)) < 0) {
            json_decref(map);
            return NULL;
        }
    }
    return map;
}

static json_t *to_json(struct cr_build *build, const struct cr_yaml_node *node)
{
    const char *path;

    switch (node->type) {
    case CR_YAML_NULL:
        return json_null();
    case CR_YAML_BOOL:
        return json_boolean(node->boolean);
    case CR_YAML_INT:
        return json_integer(node->integer);
    case CR_YAML_FLOAT: /* JSON has no infinity */
        return isfinite(node->real) ? json_real(node->real) : json_string(node->text);
    case CR_YAML_LIST:
        return list_to_json(build, node);
    case CR_YAML_MAP:
        return map_to_json(build, node);
    default:
        path = cr_build_path(build, node);
        return path ? json_string(path) : NULL;
    }
}

int cr_build_json(struct cr_build *build, const struct cr_yaml_node *node, const char **text)
{
    json_t *value = node && node->type == CR_YAML_MAP ? to_json(build, node) : json_object();
    char *dumped = value ? json_dumps(value, JSON_COMPACT) : NULL;

    json_decref(value);
    *text = dumped ? cr_arena_copy(build->arena, dumped, strlen(dumped)) : NULL;
    free(dumped);
    return *text ? 0 : -ENOMEM;
}
