/* What the parts of the configuration loader share while they turn YAML nodes into the model.
 *
 * yaml_parse makes the nodes; config_connector, config_auxiliary, config_proxy and
 * config_suite each read their section; config_load calls them in order. Errors are added to
 * the diagnostics and reading goes on; only -ENOMEM stops it.
 */
#ifndef CR_CONFIG_BUILD_H
#define CR_CONFIG_BUILD_H

#include <canring/config.h>

#include "proxy/config_arena.h"
#include "proxy/config_diagnostics.h"
#include "proxy/yaml_node.h"

/* Two explicit proxies, or a proxy and others, name connectors and auxiliaries by text until all
 * sections are read. */
struct cr_named_aux {
    struct canring_config_auxiliary *auxiliary; /* of a proxy too: its common part */
    struct canring_config_proxy *proxy;         /* NULL when it is none */
    const struct cr_yaml_node *name;            /* the key */
    const struct cr_yaml_node *connectors;      /* role: name */
    const struct cr_yaml_node *aux_list;        /* of a proxy */
    bool not_capable;                           /* said of itself that it cannot be proxied */
};

struct cr_build {
    struct cr_arena *arena;
    struct canring_diagnostics *diagnostics;
    struct canring_config *config;
    struct cr_named_aux *named; /* every auxiliary and proxy of the file */
    size_t named_count;
};

/* Sections; `node` may be NULL when the section is missing. */
int cr_build_connectors(struct cr_build *build, const struct cr_yaml_node *section);
int cr_build_auxiliaries(struct cr_build *build, const struct cr_yaml_node *section);
int cr_build_suites(struct cr_build *build, const struct cr_yaml_node *section);
int cr_build_requirements(struct cr_build *build, const struct cr_yaml_node *section);
/* After the sections: who serves whom, implicit proxies, dangling names. */
int cr_build_proxies(struct cr_build *build);

/* A new connector at the end of the list, named and with its kind's defaults; NULL = no memory. */
struct canring_config_connector *cr_build_connector(struct cr_build *build, const char *name,
                                                    enum canring_connector_kind kind);

void cr_error(struct cr_build *build, const struct cr_yaml_node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void cr_warning(struct cr_build *build, const struct cr_yaml_node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "`what`: found 'x', allowed: a, b; did you mean 'a'?" */
void cr_error_choice(struct cr_build *build, const struct cr_yaml_node *at, const char *what,
                     const char *found, const char *const *allowed, size_t count);

/* The value as a path: joined with the folder of its file when something is there and it was not
 * quoted, else as written. NULL = no memory. */
const char *cr_build_path(struct cr_build *build, const struct cr_yaml_node *node);

/* A list of {can_id, can_mask, extended}, or can-utils' text when `allow_text`. */
int cr_build_filters(struct cr_build *build, struct canring_filters *filters,
                     const struct cr_yaml_node *node, bool allow_text);

/* The node as JSON text (paths resolved); "{}" for NULL. */
int cr_build_json(struct cr_build *build, const struct cr_yaml_node *node, const char **text);

#endif
