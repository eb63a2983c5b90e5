/* A YAML file, and the files that it includes, as one tree of nodes.
 *
 * Built on libyaml's events, so that every bound holds while the file is still being read:
 * nodes (aliases counted as often as they are used), nesting, files. Called by the loader of
 * configurations. It knows nothing of what the keys mean.
 */
#ifndef CR_YAML_LOAD_H
#define CR_YAML_LOAD_H

#include "proxy/config_arena.h"
#include "proxy/yaml_node.h"

#define CR_YAML_NODES_MAX   100000u
#define CR_YAML_NESTING_MAX 64u
#define CR_YAML_ANCHORS_MAX 1024u
#define CR_YAML_INCLUDE_MAX 16u  /* files within files */
#define CR_YAML_FILES_MAX   256u /* includes in all */

struct cr_yaml {
    struct cr_arena *arena;
    struct canring_diagnostics *diagnostics;
    uint32_t nodes; /* so far; zero at the start, like all below */
    unsigned nesting;
    unsigned files;
};

/* Read `path` (or the `size` bytes at `data`, called `name`, with includes looked for beside it).
 * An empty file gives a null node. Errors go to the diagnostics; where reading can go on behind
 * one, it does and 0 is returned. Negative errno when it cannot. */
int cr_yaml_load(struct cr_yaml *yaml, const char *path, const struct cr_yaml_node **root);
int cr_yaml_load_memory(struct cr_yaml *yaml, const char *name, const char *data, size_t size,
                        const struct cr_yaml_node **root);

#endif
