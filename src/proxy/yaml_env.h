/* ENV{NAME} and ENV{NAME=default}: values taken from the environment.
 *
 * Called by yaml_parse for every scalar that is a value, quoted or not. Reads the
 * environment, never writes it.
 */
#ifndef CR_YAML_ENV_H
#define CR_YAML_ENV_H

#include "proxy/config_arena.h"
#include "proxy/yaml_node.h"

/* When the whole of node->text is ENV{…}: put the variable's value (or the default) there, cast
 * it, and return 1. 0 when it is something else. -EINVAL with a diagnostic when there is neither
 * variable nor default, or its value is no text; -ENOMEM. */
int cr_yaml_env(struct cr_yaml_node *node, struct cr_arena *arena,
                struct canring_diagnostics *diagnostics);

#endif
