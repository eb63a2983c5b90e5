/* Explicit tags on scalars: `!!str 12`, `!!float 1`.
 *
 * Called by yaml_parse for scalars that have one. A tag chooses a type for a text that can
 * be read as it; it never makes an object of the file's choosing.
 */
#ifndef CR_YAML_TAG_H
#define CR_YAML_TAG_H

#include "proxy/yaml_node.h"

/* Give `node` the type that the tag (in full: "tag:yaml.org,2002:int") says. False when the
 * text is not of that type, or the tag is none of str, int, float, bool, null, timestamp, `!`. */
bool cr_yaml_apply_tag(struct cr_yaml_node *node, const char *tag);

#endif
