#include <errno.h>
#include <string.h>

#include "proxy/config_schema.h"

/* One entry of python-can's can_filters. */
struct entry {
    uint32_t id, mask;
    bool extended;
};

static const struct cr_key entry_keys[] = {
    {.name = "can_id",
     .kind = CR_KEY_U32,
     .required = true,
     .offset = offsetof(struct entry, id),
     .most = CANRING_ID_MASK_EXT},
    {.name = "can_mask",
     .kind = CR_KEY_U32,
     .required = true,
     .offset = offsetof(struct entry, mask),
     .most = UINT32_MAX},
    {.name = "extended", .kind = CR_KEY_BOOL, .offset = offsetof(struct entry, extended)},
};
static const struct cr_schema entry_schema = {"a filter", entry_keys, CR_COUNT(entry_keys), false};

/* As python-can reads it: without `extended` both kinds of id match, with it only that kind. */
static int fill_entry(struct cr_build *build, struct canring_filter *filter,
                      const struct cr_yaml_node *node)
{
    struct entry entry = {0};
    uint64_t given;
    int err = cr_schema_fill(build, &entry_schema, node, node, &entry, &given);

    filter->id = entry.id;
    filter->mask = entry.mask & CANRING_ID_MASK_EXT;
    if (cr_schema_given(&entry_schema, given, "extended")) {
        filter->mask |= CANRING_ID_EXTENDED;
        filter->id |= entry.extended ? CANRING_ID_EXTENDED : 0;
        if (!entry.extended && entry.id > CANRING_ID_MASK_STD)
            cr_error(build, node, "can_id: found 0x%x with 'extended: false', allowed: 0..0x7ff",
                     entry.id);
    }
    return err;
}

static int fill_list(struct cr_build *build, struct canring_filters *filters,
                     const struct cr_yaml_node *node)
{
    int err = 0;

    filters->list = cr_arena_new(build->arena, node->list.count + 1, sizeof(*filters->list));
    if (!filters->list)
        return -ENOMEM;
    filters->count = node->list.count;
    filters->given = true;
    for (size_t i = 0; i < node->list.count && !err; i++)
        err = fill_entry(build, &filters->list[i], node->list.items[i]);
    return err;
}

/* The parser of the text form is a module of its own that may not be part of this tree. */
#if __has_include("can/filter_rules.h")
static int fill_text(struct cr_build *build, struct canring_filters *filters,
                     const struct cr_yaml_node *node)
{
    struct canring_filters parsed = {0};
    struct canring_error why = {0};
    int err = canring_filters_parse(&parsed, node->text, &why);

    if (err == -ENOMEM)
        return err;
    if (err) {
        cr_error(build, node, "filters: %s", why.text);
        return 0;
    }
    *filters = parsed;
    filters->list = cr_arena_new(build->arena, parsed.count + 1, sizeof(*filters->list));
    if (filters->list && parsed.count)
        memcpy(filters->list, parsed.list, parsed.count * sizeof(*filters->list));
    canring_filters_free(&parsed);
    return filters->list ? 0 : -ENOMEM;
}
#else
static int fill_text(struct cr_build *build, struct canring_filters *filters,
                     const struct cr_yaml_node *node)
{
    (void)filters;
    cr_error(build, node, "filters: text is not understood by this build, allowed: a list");
    return 0;
}
#endif

int cr_build_filters(struct cr_build *build, struct canring_filters *filters,
                     const struct cr_yaml_node *node, bool allow_text)
{
    if (node->type == CR_YAML_LIST)
        return fill_list(build, filters, node);
    if (allow_text && node->type == CR_YAML_STRING)
        return fill_text(build, filters, node);
    cr_error(build, node, "filters: found %s, allowed: a list of {can_id, can_mask, extended}%s",
             cr_yaml_type_name(node->type),
             allow_text ? ", or text as candump takes it ('123:7FF,400~7F0')" : "");
    return 0;
}
