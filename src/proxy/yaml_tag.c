#include "proxy/yaml_tag.h"

#include <string.h>

#include "proxy/yaml_scalar.h"

#define STANDARD_TAG "tag:yaml.org,2002:"

bool cr_yaml_apply_tag(struct cr_yaml_node *node, const char *tag)
{
    static const struct {
        const char *name;
        enum cr_yaml_type type;
    } types[] = {{"null", CR_YAML_NULL},  {"bool", CR_YAML_BOOL},
                 {"int", CR_YAML_INT},    {"float", CR_YAML_FLOAT},
                 {"str", CR_YAML_STRING}, {"timestamp", CR_YAML_TIMESTAMP}};

    if (strcmp(tag, "!") == 0 || strcmp(tag, STANDARD_TAG "str") == 0) {
        node->type = CR_YAML_STRING;
        return true;
    }
    if (strncmp(tag, STANDARD_TAG, sizeof(STANDARD_TAG) - 1) != 0 || cr_yaml_resolve(node) != 0)
        return false;
    tag += sizeof(STANDARD_TAG) - 1;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(tag, types[i].name) != 0)
            continue;
        if (types[i].type == CR_YAML_FLOAT && node->type == CR_YAML_INT) {
            node->type = CR_YAML_FLOAT;
            node->real = (double)node->integer;
        }
        return node->type == types[i].type;
    }
    return false;
}
