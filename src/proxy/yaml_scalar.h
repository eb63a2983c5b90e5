/* What a plain YAML scalar means: YAML 1.1 as PyYAML's SafeLoader reads it.
 *
 * Our users' files were written for PyYAML: `0x300` and `0123` are integers, `yes` is true,
 * `1:30` is 90, `1e3` is a string. Called by yaml_parse. Reads text only: no file, no
 * environment, no allocation that outlives the call.
 */
#ifndef CR_YAML_SCALAR_H
#define CR_YAML_SCALAR_H

#include "proxy/yaml_node.h"

/* Set the type and value of `node` from its `text`. -ERANGE for an integer beyond 64 bits,
 * -EINVAL for what PyYAML takes for an integer and then fails on (`0x_`). */
int cr_yaml_resolve(struct cr_yaml_node *node);

/* Set them as ENV{} values are cast: all digits, 0x and hex digits, true or false in any case;
 * everything else stays a string. -ERANGE as above. */
int cr_yaml_cast_env(struct cr_yaml_node *node);

#endif
