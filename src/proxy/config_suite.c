/* The sections test_suite_list and requirements. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proxy/config_schema.h"

#define AT(field) .offset = offsetof(struct canring_config_suite, field)
static const struct cr_key suite_keys[] = {
    {.name = "suite_dir", .kind = CR_KEY_PATH, .required = true, .least = 1, AT(dir)},
    {.name = "test_filter_pattern", .kind = CR_KEY_STRING, .least = 1, AT(pattern)},
    {.name = "test_suite_id",
     .kind = CR_KEY_I64,
     .required = true,
     .least = 0,
     .most = INT32_MAX,
     AT(id)},
};
static const struct cr_schema suite_schema = {"a test suite", suite_keys, CR_COUNT(suite_keys),
                                              false};

static int build_suite(struct cr_build *build, struct canring_config_suite *suite,
                       const struct cr_yaml_node *node)
{
    struct stat status;

    *suite = (struct canring_config_suite){.dir = "", .pattern = "test_*.py"};
    int err = cr_schema_fill(build, &suite_schema, node, node, suite, NULL);
    if (!err && suite->dir[0] && (stat(suite->dir, &status) < 0 || !S_ISDIR(status.st_mode)))
        cr_warning(build, cr_yaml_get(node, "suite_dir"), "suite_dir: there is no folder '%s'",
                   suite->dir);
    return err;
}

int cr_build_suites(struct cr_build *build, const struct cr_yaml_node *section)
{
    struct canring_config *config = build->config;
    int err = 0;

    if (!section)
        return 0;
    if (section->type != CR_YAML_LIST) {
        cr_error(build, section, "test_suite_list: found %s, allowed: a list of test suites",
                 cr_yaml_type_name(section->type));
        return 0;
    }
    config->suites = cr_arena_new(build->arena, section->list.count + 1, sizeof(*config->suites));
    if (!config->suites)
        return -ENOMEM;
    for (size_t i = 0; i < section->list.count && !err; i++)
        err = build_suite(build, &config->suites[config->suite_count++], section->list.items[i]);
    return err;
}

/* Dotted numbers, part by part; a missing part is 0. */
static int compare_versions(const char *a, const char *b)
{
    while (*a || *b) {
        char *a_end, *b_end;
        unsigned long a_part = strtoul(a, &a_end, 10), b_part = strtoul(b, &b_end, 10);
        if (a_part != b_part)
            return a_part < b_part ? -1 : 1;
        a = *a_end == '.' ? a_end + 1 : "";
        b = *b_end == '.' ? b_end + 1 : "";
    }
    return 0;
}

static bool holds(int order, size_t operator)
{
    switch (operator) {
    case 0:
        return order <= 0;
    case 1:
        return order >= 0;
    case 2:
        return order == 0;
    case 3:
        return order != 0;
    case 4:
        return order < 0;
    default:
        return order > 0;
    }
}

/* One of "1.2", ">=1.2", …: whether our version meets it; says so when not. */
static void check_condition(struct cr_build *build, const struct cr_yaml_node *node,
                            const char *condition, bool ours)
{
    /* In the order of holds(); the longer ones first. */
    static const char *const operators[] = {"<=", ">=", "==", "!=", "<", ">"};
    size_t length = strspn(condition, "<>=!"), operator= 1;

    for (size_t i = 0; length && i < CR_COUNT(operators); i++) {
        if (strlen(operators[i]) == length && strncmp(condition, operators[i], length) == 0) {
            operator= i;
            length = 0;
        }
    }
    const char *version = condition + strspn(condition, "<>=! ");
    if (length)
        cr_error_choice(build, node, "requirements: unknown comparison", condition, operators,
                        CR_COUNT(operators));
    else if (version[0] < '0' || version[0] > '9')
        cr_error(build, node, "requirements: found '%s', allowed: any, a version, or %s", condition,
                 "<, <=, >, >=, ==, != and a version");
    else if (ours && !holds(compare_versions(CANRING_VERSION, version), operator))
        cr_error(build, node, "requirements: this is canring %s, found '%s'", CANRING_VERSION,
                 condition);
}

static int check_requirement(struct cr_build *build, const struct cr_yaml_pair *pair)
{
    const struct cr_yaml_node *value = pair->value;
    bool ours = strcmp(pair->key->text, "canring") == 0;

    if (!cr_yaml_is_scalar(value) || value->type == CR_YAML_NULL) {
        cr_error(build, value, "requirements: found %s, allowed: any, a version, or comparisons",
                 cr_yaml_type_name(value->type));
        return 0;
    }
    if (!ours)
        cr_warning(build, pair->key, "requirements: '%s' is not checked, it is no part of canring",
                   pair->key->text);
    char *text = cr_arena_copy(build->arena, value->text, strlen(value->text)), *rest = NULL;
    if (!text)
        return -ENOMEM;
    if (strcmp(text, "any") == 0)
        return 0;
    for (char *part = strtok_r(text, ",", &rest); part; part = strtok_r(NULL, ",", &rest))
        check_condition(build, value, part + strspn(part, " "), ours);
    return 0;
}

static int check_requirement_map(struct cr_build *build, const struct cr_yaml_node *map)
{
    int err = 0;

    if (map->type != CR_YAML_MAP) {
        cr_error(build, map, "requirements: found %s, allowed: a list of 'package: version'",
                 cr_yaml_type_name(map->type));
        return 0;
    }
    for (size_t i = 0; i < map->map.count && !err; i++)
        err = check_requirement(build, &map->map.pairs[i]);
    return err;
}

int cr_build_requirements(struct cr_build *build, const struct cr_yaml_node *section)
{
    int err = 0;

    if (!section)
        return 0;
    if (section->type != CR_YAML_LIST)
        return check_requirement_map(build, section);
    for (size_t i = 0; i < section->list.count && !err; i++)
        err = check_requirement_map(build, section->list.items[i]);
    return err;
}
