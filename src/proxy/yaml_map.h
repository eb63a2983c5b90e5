/* The entries of a YAML map while it is read: no key twice, `<<` merged in.
 *
 * Called by yaml_parse, for each pair and once at the end. Never changes a node that
 * others may share.
 */
#ifndef CR_YAML_MAP_H
#define CR_YAML_MAP_H

#include "proxy/config_arena.h"
#include "proxy/yaml_node.h"

/* More keys in one map than this are refused: they are compared with each other. */
#define CR_YAML_MAP_MAX 1024

/* Append; a key that is there already is an error, said and left out. -E2BIG beyond the bound
 * (said), -ENOMEM. */
int cr_yaml_map_add(struct cr_yaml_node *map, struct cr_yaml_pair pair, struct cr_arena *arena,
                    struct canring_diagnostics *diagnostics);

/* Append the entries of `from` (a map, or a list of maps: the first that has a key gives it)
 * whose keys `map` does not have. */
int cr_yaml_map_merge(struct cr_yaml_node *map, const struct cr_yaml_node *from,
                      struct cr_arena *arena, struct canring_diagnostics *diagnostics);

#endif
