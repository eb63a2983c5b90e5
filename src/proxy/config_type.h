/* `type: module.path:Class` and the names of things.
 *
 * The class behind the last ':' decides; the module path is free. A type of the user's own is
 * a shared object or an executable. Used for connectors and auxiliaries. Looks at files,
 * loads and runs none.
 */
#ifndef CR_CONFIG_TYPE_H
#define CR_CONFIG_TYPE_H

#include "proxy/config_build.h"

enum cr_type_kind { CR_TYPE_REFUSED, CR_TYPE_KNOWN, CR_TYPE_SHARED_OBJECT, CR_TYPE_EXECUTABLE };

struct cr_type {
    enum cr_type_kind kind;
    size_t known; /* index into the known names */
    const char *path;
    const char *class_name;
};

/* Errors are said and give CR_TYPE_REFUSED; -ENOMEM. `node` NULL (the key is missing) is refused
 * in silence. */
int cr_build_type(struct cr_build *build, struct cr_type *type, const struct cr_yaml_node *node,
                  const char *const *known, size_t count);

/* Whether the key may name a connector or an auxiliary: it becomes part of the names of shared
 * memory and of files. Says so when not. */
bool cr_build_name(struct cr_build *build, const struct cr_yaml_node *key, const char *what);

/* `section` as a map of definitions: NULL, said, when it is something else. */
const struct cr_yaml_node *cr_build_section(struct cr_build *build,
                                            const struct cr_yaml_node *section, const char *name);

#endif
