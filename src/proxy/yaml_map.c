#include "proxy/yaml_map.h"

#include <errno.h>

static const struct cr_yaml_pair *find(const struct cr_yaml_node *map,
                                       const struct cr_yaml_node *key)
{
    for (size_t i = 0; i < map->map.count; i++) {
        if (cr_yaml_same_key(map->map.pairs[i].key, key))
            return &map->map.pairs[i];
    }
    return NULL;
}

static int append(struct cr_yaml_node *map, struct cr_yaml_pair pair, struct cr_arena *arena,
                  struct canring_diagnostics *diagnostics)
{
    if (map->map.count == CR_YAML_MAP_MAX) {
        cr_diagnostics_add(diagnostics, CANRING_SEVERITY_ERROR, pair.key->at,
                           "more than %d keys in one map", CR_YAML_MAP_MAX);
        return -E2BIG;
    }
    void *pairs = cr_arena_grow(arena, map->map.pairs, map->map.count, sizeof(pair));
    if (!pairs)
        return -ENOMEM;
    map->map.pairs = pairs;
    map->map.pairs[map->map.count++] = pair;
    return 0;
}

int cr_yaml_map_add(struct cr_yaml_node *map, struct cr_yaml_pair pair, struct cr_arena *arena,
                    struct canring_diagnostics *diagnostics)
{
    const struct cr_yaml_pair *first = find(map, pair.key);

    if (!first)
        return append(map, pair, arena, diagnostics);
    cr_diagnostics_add(diagnostics, CANRING_SEVERITY_ERROR, pair.key->at,
                       "duplicate key '%s', first at line %u", pair.key->text, first->key->at.line);
    return 0;
}

static int merge_one(struct cr_yaml_node *map, const struct cr_yaml_node *from,
                     struct cr_arena *arena, struct canring_diagnostics *diagnostics)
{
    int err = 0;

    if (from->type != CR_YAML_MAP) {
        cr_diagnostics_add(diagnostics, CANRING_SEVERITY_ERROR, from->at,
                           "found %s to merge with '<<', allowed: a map, a list of maps",
                           cr_yaml_type_name(from->type));
        return 0;
    }
    for (size_t i = 0; i < from->map.count && !err; i++) {
        if (!find(map, from->map.pairs[i].key))
            err = append(map, from->map.pairs[i], arena, diagnostics);
    }
    return err;
}

int cr_yaml_map_merge(struct cr_yaml_node *map, const struct cr_yaml_node *from,
                      struct cr_arena *arena, struct canring_diagnostics *diagnostics)
{
    int err = 0;

    if (from->type != CR_YAML_LIST)
        return merge_one(map, from, arena, diagnostics);
    for (size_t i = 0; i < from->list.count && !err; i++)
        err = merge_one(map, from->list.items[i], arena, diagnostics);
    return err;
}
