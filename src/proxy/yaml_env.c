#include "proxy/yaml_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/yaml_read.h"
#include "proxy/yaml_scalar.h"

#define OPENING         "ENV{"
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

struct reference {
    char *name;
    char *fallback; /* NULL when there is none */
};

/* 1 and *reference when the whole text is one; 0 when not. */
static int parse(struct reference *reference, const char *text, struct cr_arena *arena)
{
    size_t length = strlen(text);

    if (strncmp(text, OPENING, sizeof(OPENING) - 1) != 0 || text[length - 1] != '}')
        return 0;
    const char *name = text + sizeof(OPENING) - 1, *end = text + length - 1;
    size_t name_length = strspn(name, NAME_CHARACTERS);
    const char *rest = name + name_length;
    if (name_length == 0 || (*rest != '=' && rest != end))
        return 0;
    reference->name = cr_arena_copy(arena, name, name_length);
    if (*rest == '=')
        reference->fallback = cr_arena_copy(arena, rest + 1, (size_t)(end - rest - 1));
    return reference->name && (reference->fallback || *rest != '=') ? 1 : -ENOMEM;
}

static int take(struct cr_yaml_node *node, const char *value, const struct reference *reference,
                struct canring_diagnostics *diagnostics)
{
    if (cr_yaml_text_length(value, strlen(value)) != strlen(value)) {
        cr_diagnostics_add(diagnostics, CANRING_SEVERITY_ERROR, node->at,
                           "the environment variable '%s' holds bytes that are not UTF-8 text",
                           reference->name);
        return -EINVAL;
    }
    node->text = value;
    if (cr_yaml_cast_env(node) == 0)
        return 1;
    cr_diagnostics_add(diagnostics, CANRING_SEVERITY_ERROR, node->at,
                       "the environment variable '%s' holds '%s', allowed: integers of 64 bits",
                       reference->name, value);
    return -EINVAL;
}

int cr_yaml_env(struct cr_yaml_node *node, struct cr_arena *arena,
                struct canring_diagnostics *diagnostics)
{
    struct reference reference = {0};
    int found = parse(&reference, node->text, arena);

    if (found <= 0) {
        if (found == 0 && strstr(node->text, OPENING))
            cr_diagnostics_add(diagnostics, CANRING_SEVERITY_WARNING, node->at,
                               "'%s' is taken as it is: ENV{NAME} or ENV{NAME=default} replaces a "
                               "whole value",
                               node->text);
        return found;
    }
    const char *set = getenv(reference.name);
    if (!set && !reference.fallback) {
        cr_diagnostics_add(diagnostics, CANRING_SEVERITY_ERROR, node->at,
                           "the environment variable '%s' is not set and ENV{%s} has no default: "
                           "set it, or write ENV{%s=default}",
                           reference.name, reference.name, reference.name);
        return -EINVAL;
    }
    /* A relative path is meant only where the file's author wrote it: in the default. */
    node->maybe_path = !set && reference.fallback[0] == '.';
    const char *value = set ? cr_arena_copy(arena, set, strlen(set)) : reference.fallback;
    return value ? take(node, value, &reference, diagnostics) : -ENOMEM;
}
