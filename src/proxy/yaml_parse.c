#include "proxy/yaml_parse.h"

#include <errno.h>
#include <string.h>

#include "proxy/yaml_env.h"
#include "proxy/yaml_map.h"
#include "proxy/yaml_read.h"
#include "proxy/yaml_scalar.h"
#include "proxy/yaml_tag.h"

struct cr_yaml_anchor {
    const char *name;
    const struct cr_yaml_node *node;
};

static int read_node(struct cr_yaml_source *source, const yaml_event_t *event, bool is_key,
                     const struct cr_yaml_node **node);

struct cr_mark cr_yaml_mark(const struct cr_yaml_source *source, yaml_mark_t at)
{
    return (struct cr_mark){source->name, (unsigned)at.line + 1, (unsigned)at.column + 1};
}

int cr_yaml_next_event(struct cr_yaml_source *source, yaml_event_t *event)
{
    if (yaml_parser_parse(&source->parser, event))
        return 0;
    const yaml_parser_t *parser = &source->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return -ENOMEM;
    CR_YAML_SAY(source, parser->problem_mark, "%s%s%s",
                parser->problem ? parser->problem : "not YAML", parser->context ? " " : "",
                parser->context ? parser->context : "");
    return -EINVAL;
}

/* Count nodes as an expanded file would have them: that is what a bomb is large in. */
static int count_nodes(struct cr_yaml_source *source, yaml_mark_t at, uint32_t weight)
{
    if (weight <= CR_YAML_NODES_MAX - source->yaml->nodes) {
        source->yaml->nodes += weight;
        return 0;
    }
    CR_YAML_SAY(source, at, "more than %u values, aliases counted each time they are used",
                CR_YAML_NODES_MAX);
    return -E2BIG;
}

struct cr_yaml_node *cr_yaml_new_node(struct cr_yaml_source *source, const yaml_event_t *event,
                                      enum cr_yaml_type type)
{
    struct cr_yaml_node *node = cr_arena_new(source->yaml->arena, 1, sizeof(*node));

    if (!node)
        return NULL;
    node->type = type;
    node->weight = 1;
    node->depth = type == CR_YAML_LIST || type == CR_YAML_MAP;
    node->at = cr_yaml_mark(source, event->start_mark);
    node->folder = source->folder;
    node->text = "";
    return node;
}

static int remember(struct cr_yaml_source *source, const yaml_event_t *event,
                    const yaml_char_t *anchor, const struct cr_yaml_node *node)
{
    if (!anchor)
        return 0;
    if (source->anchor_count == CR_YAML_ANCHORS_MAX) {
        CR_YAML_SAY(source, event->start_mark, "more than %u anchors", CR_YAML_ANCHORS_MAX);
        return -E2BIG;
    }
    struct cr_yaml_anchor *anchors =
        cr_arena_grow(source->yaml->arena, source->anchors, source->anchor_count, sizeof(*anchors));
    const char *name = (const char *)anchor;
    name = cr_arena_copy(source->yaml->arena, name, strlen(name));
    if (!anchors || !name)
        return -ENOMEM;
    source->anchors = anchors;
    anchors[source->anchor_count++] = (struct cr_yaml_anchor){name, node};
    return 0;
}

static int check_nesting(struct cr_yaml_source *source, yaml_mark_t at, uint32_t deeper)
{
    if (source->yaml->nesting + deeper <= CR_YAML_NESTING_MAX)
        return 0;
    CR_YAML_SAY(source, at, "lists and maps nested more than %u deep", CR_YAML_NESTING_MAX);
    return -E2BIG;
}

static int read_alias(struct cr_yaml_source *source, const yaml_event_t *event,
                      const struct cr_yaml_node **node)
{
    const char *name = (const char *)event->data.alias.anchor;

    /* The last one of that name counts. */
    for (size_t i = source->anchor_count; i-- > 0;) {
        if (strcmp(source->anchors[i].name, name) == 0) {
            *node = source->anchors[i].node;
            int err = check_nesting(source, event->start_mark, (*node)->depth);
            return err ? err : count_nodes(source, event->start_mark, (*node)->weight);
        }
    }
    CR_YAML_SAY(source, event->start_mark,
                "found the alias '*%s', but no anchor '&%s' ends before it", name, name);
    return -EINVAL;
}

static int refuse_tag(struct cr_yaml_source *source, const yaml_event_t *event, const char *tag,
                      const char *text)
{
    CR_YAML_SAY(
        source, event->start_mark,
        "found the tag '%s' on '%s', allowed: !include, and !!str !!int !!float !!bool !!null "
        "!!timestamp !!seq !!map on values of their kind",
        tag, text);
    return -EINVAL;
}

/* Errors that leave the rest of the file readable make the value null and are returned as 0. */
static int resolve_scalar(struct cr_yaml_source *source, const yaml_event_t *event, bool is_key,
                          struct cr_yaml_node *node)
{
    const char *tag = (const char *)event->data.scalar.tag;
    struct canring_diagnostics *diagnostics = source->yaml->diagnostics;
    int err = 0;

    if (tag) {
        if (!cr_yaml_apply_tag(node, tag))
            err = refuse_tag(source, event, tag, node->text);
    } else {
        int env = is_key ? 0 : cr_yaml_env(node, source->yaml->arena, diagnostics);
        if (env == 0 && event->data.scalar.plain_implicit) {
            err = cr_yaml_resolve(node);
            node->maybe_path = node->type == CR_YAML_STRING && !is_key;
            if (err && err != -ENOMEM)
                CR_YAML_SAY(source, event->start_mark, "found '%s', allowed: integers of 64 bits",
                            node->text);
        }
        err = env < 0 ? env : err;
    }
    if (err)
        node->type = CR_YAML_NULL;
    return err == -ENOMEM ? err : 0;
}

static int read_scalar(struct cr_yaml_source *source, const yaml_event_t *event, bool is_key,
                       const struct cr_yaml_node **made)
{
    const char *tag = (const char *)event->data.scalar.tag;
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;

    if (!is_key && tag && strcmp(tag, "!include") == 0)
        return cr_yaml_include(source, event, made);
    struct cr_yaml_node *node = cr_yaml_new_node(source, event, CR_YAML_STRING);
    if (!node)
        return -ENOMEM;
    /* "\0" in double quotes would cut the text short. */
    if (memchr(text, '\0', length) || cr_yaml_text_length(text, length) != length) {
        CR_YAML_SAY(source, event->start_mark, "the value holds control characters");
        node->type = CR_YAML_NULL;
        length = 0;
    }
    node->text = cr_arena_copy(source->yaml->arena, text, length);
    if (!node->text)
        return -ENOMEM;
    *made = node;
    return node->type == CR_YAML_NULL ? 0 : resolve_scalar(source, event, is_key, node);
}

static int check_collection_tag(struct cr_yaml_source *source, const yaml_event_t *event,
                                const yaml_char_t *tag, const char *standard, const char *text)
{
    const char *found = (const char *)tag;

    if (!found || strcmp(found, "!") == 0 || strcmp(found, standard) == 0)
        return 0;
    return refuse_tag(source, event, found, text);
}

static void hold(struct cr_yaml_node *parent, const struct cr_yaml_node *child)
{
    parent->weight += child->weight;
    if (parent->depth <= child->depth)
        parent->depth = child->depth + 1;
}

static int add_item(struct cr_yaml_source *source, struct cr_yaml_node *list,
                    const struct cr_yaml_node *item)
{
    void *items = cr_arena_grow(source->yaml->arena, list->list.items, list->list.count,
                                sizeof(const struct cr_yaml_node *));
    if (!items)
        return -ENOMEM;
    list->list.items = items;
    list->list.items[list->list.count++] = item;
    hold(list, item);
    return 0;
}

static int read_list(struct cr_yaml_source *source, const yaml_event_t *start,
                     const struct cr_yaml_node **made)
{
    struct cr_yaml_node *list = cr_yaml_new_node(source, start, CR_YAML_LIST);
    int err = list ? check_collection_tag(source, start, start->data.sequence_start.tag,
                                          YAML_SEQ_TAG, "a list")
                   : -ENOMEM;
    bool end = false;

    while (!err && !end) {
        yaml_event_t event;
        err = cr_yaml_next_event(source, &event);
        if (err)
            break;
        end = event.type == YAML_SEQUENCE_END_EVENT;
        const struct cr_yaml_node *item = NULL;
        if (!end)
            err = read_node(source, &event, false, &item);
        if (!end && !err)
            err = add_item(source, list, item);
        yaml_event_delete(&event);
    }
    *made = list;
    return err;
}

static bool is_merge(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.plain_implicit &&
           strcmp((const char *)event->data.scalar.value, "<<") == 0;
}

int cr_yaml_read_value(struct cr_yaml_source *source, const struct cr_yaml_node **value)
{
    yaml_event_t event;
    int err = cr_yaml_next_event(source, &event);

    if (err)
        return err;
    err = read_node(source, &event, false, value);
    yaml_event_delete(&event);
    return err;
}

static int read_pair(struct cr_yaml_source *source, const yaml_event_t *event,
                     struct cr_yaml_node *map, struct cr_yaml_node *merges)
{
    struct cr_yaml_pair pair = {0};
    int err = read_node(source, event, true, &pair.key);

    if (!err)
        err = cr_yaml_read_value(source, &pair.value);
    if (err)
        return err;
    if (!cr_yaml_is_scalar(pair.key)) {
        CR_YAML_SAY(source, event->start_mark, "found %s as a key, allowed: a word",
                    cr_yaml_type_name(pair.key->type));
        return 0;
    }
    hold(map, pair.key);
    hold(map, pair.value);
    /* Own keys win over merged ones wherever the `<<` stands. */
    if (is_merge(event))
        return add_item(source, merges, pair.value);
    return cr_yaml_map_add(map, pair, source->yaml->arena, source->yaml->diagnostics);
}

static int read_pairs(struct cr_yaml_source *source, struct cr_yaml_node *map,
                      struct cr_yaml_node *merges)
{
    for (;;) {
        yaml_event_t event;
        int err = cr_yaml_next_event(source, &event);
        if (err)
            return err;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        if (!end)
            err = read_pair(source, &event, map, merges);
        yaml_event_delete(&event);
        if (err || end)
            return err;
    }
}

static int read_map(struct cr_yaml_source *source, const yaml_event_t *start,
                    const struct cr_yaml_node **made)
{
    struct cr_yaml_node *map = cr_yaml_new_node(source, start, CR_YAML_MAP);
    struct cr_yaml_node merges = {.type = CR_YAML_LIST};
    struct cr_yaml *yaml = source->yaml;
    int err = map ? check_collection_tag(source, start, start->data.mapping_start.tag, YAML_MAP_TAG,
                                         "a map")
                  : -ENOMEM;

    if (!err)
        err = read_pairs(source, map, &merges);
    for (size_t i = 0; i < merges.list.count && !err; i++)
        err = cr_yaml_map_merge(map, merges.list.items[i], yaml->arena, yaml->diagnostics);
    *made = map;
    return err;
}

static int read_nested(struct cr_yaml_source *source, const yaml_event_t *event,
                       const struct cr_yaml_node **node)
{
    struct cr_yaml *yaml = source->yaml;

    int err = check_nesting(source, event->start_mark, 1);
    if (err)
        return err;
    yaml->nesting++;
    err = event->type == YAML_SEQUENCE_START_EVENT ? read_list(source, event, node)
                                                   : read_map(source, event, node);
    yaml->nesting--;
    return err;
}

static int read_node(struct cr_yaml_source *source, const yaml_event_t *event, bool is_key,
                     const struct cr_yaml_node **node)
{
    const yaml_char_t *anchor = NULL;
    int err;

    if (event->type == YAML_ALIAS_EVENT)
        return read_alias(source, event, node);
    err = count_nodes(source, event->start_mark, 1);
    if (err)
        return err;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        err = read_scalar(source, event, is_key, node);
    } else {
        anchor = event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.anchor
                                                          : event->data.mapping_start.anchor;
        err = read_nested(source, event, node);
    }
    return err ? err : remember(source, event, anchor, *node);
}
