/* The nodes of one YAML file while it is read: values, lists, maps, aliases.
 *
 * Called by yaml_load, which has opened the file, and calls it for the files that one includes.
 * Bounds hold at every event: nodes (aliases counted as often as they are used), nesting, anchors.
 */
#ifndef CR_YAML_PARSE_H
#define CR_YAML_PARSE_H

#include <yaml.h>

#include "proxy/yaml_load.h"

struct cr_yaml_anchor;

/* One file being read; `parent` is the one that includes it. */
struct cr_yaml_source {
    struct cr_yaml *yaml;
    yaml_parser_t parser;
    const char *name, *folder;
    const struct cr_yaml_source *parent;
    unsigned depth;
    unsigned long long device, inode;
    struct cr_yaml_anchor *anchors;
    size_t anchor_count;
};

struct cr_mark cr_yaml_mark(const struct cr_yaml_source *source, yaml_mark_t at);

/* Report an error at a place of libyaml's. */
#define CR_YAML_SAY(source, place, ...)                                                            \
    cr_diagnostics_add((source)->yaml->diagnostics, CANRING_SEVERITY_ERROR,                        \
                       cr_yaml_mark(source, place), __VA_ARGS__)

/* The next event, for the caller to delete. -EINVAL with a diagnostic: no YAML; -ENOMEM. */
int cr_yaml_next_event(struct cr_yaml_source *source, yaml_event_t *event);
/* An empty node of this type, where the event stands; NULL: no memory. */
struct cr_yaml_node *cr_yaml_new_node(struct cr_yaml_source *source, const yaml_event_t *event,
                                      enum cr_yaml_type type);
/* The value that comes next, with all that it holds. Negative errno when reading cannot go on. */
int cr_yaml_read_value(struct cr_yaml_source *source, const struct cr_yaml_node **value);

/* What the file named by this `!include` holds; in yaml_load. Null where only that file is wrong.
 */
int cr_yaml_include(struct cr_yaml_source *source, const yaml_event_t *event,
                    const struct cr_yaml_node **node);

#endif
