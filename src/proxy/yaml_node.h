/* One value of a YAML file, with its type and the place where it stands.
 *
 * Made by yaml_parse, read by everything that checks a configuration. A node may be reached
 * by several ways (aliases share it), so nobody changes one after it was made. Lives in the
 * arena of its configuration.
 */
#ifndef CR_YAML_NODE_H
#define CR_YAML_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/config_diagnostics.h"

enum cr_yaml_type {
    CR_YAML_NULL,
    CR_YAML_BOOL,
    CR_YAML_INT,
    CR_YAML_FLOAT,
    CR_YAML_STRING,
    CR_YAML_TIMESTAMP, /* `text` has it; nothing here computes with dates */
    CR_YAML_LIST,
    CR_YAML_MAP
};

struct cr_yaml_node;

struct cr_yaml_pair {
    const struct cr_yaml_node *key; /* always a scalar */
    const struct cr_yaml_node *value;
};

struct cr_yaml_node {
    enum cr_yaml_type type;
    bool maybe_path; /* a plain string: relative to `folder` when something is there */
    uint32_t weight; /* nodes below and including this one, aliases counted each time */
    uint32_t depth;  /* levels of lists and maps, behind aliases too; 0 = a scalar */
    struct cr_mark at;
    const char *folder; /* of the file that this stands in */
    const char *text;   /* of a scalar: as written, or what ENV{} gave */
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct {
            const struct cr_yaml_node **items;
            size_t count;
        } list;
        struct {
            struct cr_yaml_pair *pairs;
            size_t count;
        } map;
    };
};

/* "a list", "the integer", … for messages. */
const char *cr_yaml_type_name(enum cr_yaml_type type);
bool cr_yaml_is_scalar(const struct cr_yaml_node *node);
/* Whether two scalar keys are the same key. */
bool cr_yaml_same_key(const struct cr_yaml_node *a, const struct cr_yaml_node *b);
/* The pair whose key is the string `key`, or NULL; `map` may be NULL or no map. */
const struct cr_yaml_pair *cr_yaml_find(const struct cr_yaml_node *map, const char *key);
/* Its value, NULL also when it is null. */
const struct cr_yaml_node *cr_yaml_get(const struct cr_yaml_node *map, const char *key);

#endif
