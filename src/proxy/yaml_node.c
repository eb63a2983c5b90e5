#include "proxy/yaml_node.h"

#include <string.h>

const char *cr_yaml_type_name(enum cr_yaml_type type)
{
    static const char *const names[] = {"null",     "a boolean", "an integer", "a number",
                                        "a string", "a date",    "a list",     "a map"};
    return names[type];
}

bool cr_yaml_is_scalar(const struct cr_yaml_node *node)
{
    return node->type != CR_YAML_LIST && node->type != CR_YAML_MAP;
}

bool cr_yaml_same_key(const struct cr_yaml_node *a, const struct cr_yaml_node *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case CR_YAML_NULL:
        return true;
    case CR_YAML_BOOL:
        return a->boolean == b->boolean;
    case CR_YAML_INT:
        return a->integer == b->integer;
    default:
        return strcmp(a->text, b->text) == 0;
    }
}

const struct cr_yaml_pair *cr_yaml_find(const struct cr_yaml_node *map, const char *key)
{
    if (!map || map->type != CR_YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->map.count; i++) {
        const struct cr_yaml_pair *pair = &map->map.pairs[i];
        if (pair->key->type == CR_YAML_STRING && strcmp(pair->key->text, key) == 0)
            return pair;
    }
    return NULL;
}

const struct cr_yaml_node *cr_yaml_get(const struct cr_yaml_node *map, const char *key)
{
    const struct cr_yaml_pair *pair = cr_yaml_find(map, key);
    return pair && pair->value->type != CR_YAML_NULL ? pair->value : NULL;
}
