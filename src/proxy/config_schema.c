#include "proxy/config_schema.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <canring/quantity.h>

#define CHOICES_MAX 16

static void say_type(struct cr_build *build, const struct cr_key *key,
                     const struct cr_yaml_node *node, const char *allowed)
{
    if (cr_yaml_is_scalar(node) && node->type != CR_YAML_NULL)
        cr_error(build, node, "%s: found '%s', %s, allowed: %s", key->name, node->text,
                 cr_yaml_type_name(node->type), allowed);
    else
        cr_error(build, node, "%s: found %s, allowed: %s", key->name, cr_yaml_type_name(node->type),
                 allowed);
}

static void store_integer(const struct cr_key *key, char *place, int64_t value)
{
    uint8_t u8 = (uint8_t)value;
    uint16_t u16 = (uint16_t)value;
    uint32_t u32 = (uint32_t)value;

    if (key->kind == CR_KEY_U8)
        memcpy(place, &u8, sizeof(u8));
    else if (key->kind == CR_KEY_U16)
        memcpy(place, &u16, sizeof(u16));
    else if (key->kind == CR_KEY_U32)
        memcpy(place, &u32, sizeof(u32));
    else
        memcpy(place, &value, sizeof(value));
}

static void fill_integer(struct cr_build *build, const struct cr_key *key,
                         const struct cr_yaml_node *node, char *place)
{
    if (node->type != CR_YAML_INT)
        say_type(build, key, node, "an integer");
    else if (node->integer < key->least || node->integer > key->most)
        cr_error(build, node, "%s: found %s, allowed: %lld..%lld", key->name, node->text,
                 (long long)key->least, (long long)key->most);
    else
        store_integer(key, place, node->integer);
}

/* An amount without a unit is an integer to YAML. */
static void fill_amount(struct cr_build *build, const struct cr_key *key,
                        const struct cr_yaml_node *node, char *place)
{
    bool bytes = key->kind == CR_KEY_BYTES;
    struct canring_error err;
    uint64_t value = 0;

    if (!cr_yaml_is_scalar(node) || node->type == CR_YAML_BOOL) {
        say_type(build, key, node, bytes ? "bytes, such as 64MiB" : "a time, such as 200ms");
        return;
    }
    int result = bytes ? canring_bytes_parse(node->text, &value, &err)
                       : canring_duration_parse(node->text, &value, &err);
    if (result < 0)
        cr_error(build, node, "%s: %s", key->name, err.text);
    else if (value < (uint64_t)key->least || value > (uint64_t)key->most)
        cr_error(build, node, "%s: found %s, allowed: %lld..%lld %s", key->name, node->text,
                 (long long)key->least, (long long)key->most, bytes ? "bytes" : "ns");
    else
        memcpy(place, &value, sizeof(value));
}

static void fill_bool(struct cr_build *build, const struct cr_key *key,
                      const struct cr_yaml_node *node, char *place)
{
    if (node->type == CR_YAML_BOOL)
        memcpy(place, &node->boolean, sizeof(node->boolean));
    else
        say_type(build, key, node, "true, false");
}

static void fill_real(struct cr_build *build, const struct cr_key *key,
                      const struct cr_yaml_node *node, char *place)
{
    double value = node->type == CR_YAML_INT ? (double)node->integer : node->real;

    if (node->type != CR_YAML_INT && node->type != CR_YAML_FLOAT)
        say_type(build, key, node, "a number");
    else if (!(value >= (double)key->least && value <= (double)key->most))
        cr_error(build, node, "%s: found %s, allowed: %lld..%lld", key->name, node->text,
                 (long long)key->least, (long long)key->most);
    else
        memcpy(place, &value, sizeof(value));
}

static void fill_choice(struct cr_build *build, const struct cr_key *key,
                        const struct cr_yaml_node *node, char *place)
{
    int count = 0;

    for (; count < CHOICES_MAX && key->choices[count]; count++) {
        if (node->type == CR_YAML_STRING && strcasecmp(node->text, key->choices[count]) == 0) {
            memcpy(place, &count, sizeof(count));
            return;
        }
    }
    const char *found = cr_yaml_is_scalar(node) ? node->text : cr_yaml_type_name(node->type);
    cr_error_choice(build, node, key->name, found, key->choices, (size_t)count);
}

static int fill_string(struct cr_build *build, const struct cr_key *key,
                       const struct cr_yaml_node *node, char *place)
{
    if (node->type != CR_YAML_STRING) {
        say_type(build, key, node, "a string (in quotes, when it looks like something else)");
        return 0;
    }
    if (key->kind == CR_KEY_NAME && strchr(node->text, '/')) {
        cr_error(build, node, "%s: found '%s', allowed: a file name without '/'", key->name,
                 node->text);
        return 0;
    }
    if (key->kind == CR_KEY_NAME && key->most && strlen(node->text) > (size_t)key->most) {
        cr_error(build, node, "%s: found a name of %zu bytes, allowed: at most %lld", key->name,
                 strlen(node->text), (long long)key->most);
        return 0;
    }
    if (node->text[0] == '\0' && key->least > 0) {
        cr_error(build, node, "%s: found an empty string, allowed: a string", key->name);
        return 0;
    }
    const char *text = key->kind == CR_KEY_PATH ? cr_build_path(build, node) : node->text;
    if (!text)
        return -ENOMEM;
    memcpy(place, &text, sizeof(text));
    return 0;
}

static int fill_strings(struct cr_build *build, const struct cr_key *key,
                        const struct cr_yaml_node *node, char *object)
{
    size_t count = 0;

    if (node->type != CR_YAML_LIST) {
        say_type(build, key, node, "a list of strings");
        return 0;
    }
    const char **list = cr_arena_new(build->arena, node->list.count + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < node->list.count; i++) {
        if (node->list.items[i]->type == CR_YAML_STRING)
            list[count++] = node->list.items[i]->text;
        else
            say_type(build, key, node->list.items[i], "a string");
    }
    memcpy(object + key->offset, &list, sizeof(list));
    memcpy(object + key->count_offset, &count, sizeof(count));
    return 0;
}

static int fill_key(struct cr_build *build, const struct cr_key *key,
                    const struct cr_yaml_node *node, char *object)
{
    char *place = object + key->offset;

    switch (key->kind) {
    case CR_KEY_BOOL:
        fill_bool(build, key, node, place);
        return 0;
    case CR_KEY_BYTES:
    case CR_KEY_DURATION:
        fill_amount(build, key, node, place);
        return 0;
    case CR_KEY_REAL:
        fill_real(build, key, node, place);
        return 0;
    case CR_KEY_CHOICE:
        fill_choice(build, key, node, place);
        return 0;
    case CR_KEY_STRING:
    case CR_KEY_PATH:
    case CR_KEY_NAME:
        return fill_string(build, key, node, place);
    case CR_KEY_STRINGS:
        return fill_strings(build, key, node, object);
    case CR_KEY_FILTERS:
    case CR_KEY_FILTER_TEXT:
        return cr_build_filters(build, (struct canring_filters *)(void *)place, node,
                                key->kind == CR_KEY_FILTER_TEXT);
    case CR_KEY_NODE:
        memcpy(place, &node, sizeof(node)); /* NOLINT(bugprone-sizeof-expression): the pointer */
        return 0;
    default:
        fill_integer(build, key, node, place);
        return 0;
    }
}

static const struct cr_key *find_key(const struct cr_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (strcmp(schema->keys[i].name, name) == 0)
            return &schema->keys[i];
    }
    return NULL;
}

static void say_unknown(struct cr_build *build, const struct cr_schema *schema,
                        const struct cr_yaml_node *key)
{
    const char *names[64];
    char what[96] = "unknown key of ";

    for (size_t i = 0; i < schema->count; i++)
        names[i] = schema->keys[i].name;
    strncat(what, schema->what, sizeof(what) - strlen(what) - 1);
    cr_error_choice(build, key, what, key->text, names, schema->count);
}

static void check_required(struct cr_build *build, const struct cr_schema *schema, uint64_t given,
                           const struct cr_yaml_node *at)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (schema->keys[i].required && !(given & UINT64_C(1) << i))
            cr_error(build, at, "%s: the key '%s' is missing", schema->what, schema->keys[i].name);
    }
}

int cr_schema_fill(struct cr_build *build, const struct cr_schema *schema,
                   const struct cr_yaml_node *map, const struct cr_yaml_node *at, void *object,
                   uint64_t *given)
{
    uint64_t seen = 0;

    if (map && map->type != CR_YAML_MAP && map->type != CR_YAML_NULL) {
        cr_error(build, map, "%s: found %s, allowed: a map of keys", schema->what,
                 cr_yaml_type_name(map->type));
        return 0;
    }
    for (size_t i = 0; map && map->type == CR_YAML_MAP && i < map->map.count; i++) {
        const struct cr_yaml_pair *pair = &map->map.pairs[i];
        const struct cr_key *key =
            pair->key->type == CR_YAML_STRING ? find_key(schema, pair->key->text) : NULL;
        if (!key) {
            if (!schema->open)
                say_unknown(build, schema, pair->key);
            continue;
        }
        /* A key without a value has its default, as None has in the original. */
        if (pair->value->type == CR_YAML_NULL)
            continue;
        seen |= UINT64_C(1) << (key - schema->keys);
        int err = fill_key(build, key, pair->value, object);
        if (err)
            return err;
    }
    check_required(build, schema, seen, at);
    if (given)
        *given = seen;
    return 0;
}

bool cr_schema_given(const struct cr_schema *schema, uint64_t given, const char *name)
{
    const struct cr_key *key = find_key(schema, name);
    return key && (given & UINT64_C(1) << (key - schema->keys)) != 0;
}
