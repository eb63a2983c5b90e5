/* YAML from text or a file, for the tests of its reader. Includes cmocka. */
#ifndef CANRING_TESTS_CONFIG_YAML_H
#define CANRING_TESTS_CONFIG_YAML_H

#include "check.h"

#include <stdio.h>
#include <string.h>

#include "proxy/yaml_load.h"

struct loaded {
    struct cr_arena arena;
    struct canring_diagnostics diagnostics;
    struct cr_yaml yaml;
    const struct cr_yaml_node *root;
    int result;
};

static inline void load_bytes(struct loaded *loaded, const char *data, size_t size)
{
    memset(loaded, 0, sizeof(*loaded));
    loaded->yaml.arena = &loaded->arena;
    loaded->yaml.diagnostics = &loaded->diagnostics;
    loaded->result = cr_yaml_load_memory(&loaded->yaml, "t.yaml", data, size, &loaded->root);
}

static inline void load(struct loaded *loaded, const char *text)
{
    load_bytes(loaded, text, strlen(text));
}

static inline void load_path(struct loaded *loaded, const char *path)
{
    memset(loaded, 0, sizeof(*loaded));
    loaded->yaml.arena = &loaded->arena;
    loaded->yaml.diagnostics = &loaded->diagnostics;
    loaded->result = cr_yaml_load(&loaded->yaml, path, &loaded->root);
}

static inline void done(struct loaded *loaded)
{
    cr_arena_free(&loaded->arena);
    canring_diagnostics_free(&loaded->diagnostics);
}

/* The one value of `- text`. */
static inline struct cr_yaml_node scalar(const char *text)
{
    struct loaded loaded;
    char document[256];

    snprintf(document, sizeof(document), "- %s\n", text);
    load(&loaded, document);
    assert_int_equal(loaded.result, 0);
    assert_int_equal(loaded.diagnostics.errors, 0);
    struct cr_yaml_node node = *loaded.root->list.items[0];
    done(&loaded);
    node.text = NULL;
    return node;
}

static inline void assert_integer(const char *text, int64_t value)
{
    struct cr_yaml_node node = scalar(text);
    assert_int_equal(node.type, CR_YAML_INT);
    assert_true(node.integer == value);
}

static inline void assert_type(const char *text, enum cr_yaml_type type)
{
    assert_int_equal(scalar(text).type, type);
}

/* Loading fails or reports an error whose text has `word` in it, at line:column. */
static inline void assert_refused_at(const char *text, const char *word, unsigned line,
                                     unsigned column)
{
    struct loaded loaded;

    load(&loaded, text);
    assert_true(loaded.diagnostics.errors > 0);
    const struct canring_diagnostic *first = &loaded.diagnostics.list[0];
    if (!strstr(first->text, word) || first->line != line || first->column != column)
        fail_msg("wanted %u:%u '%s', got %u:%u '%s'", line, column, word, first->line,
                 first->column, first->text);
    done(&loaded);
}

#endif
