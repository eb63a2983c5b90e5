/* Configurations from text, a file or those of the tests, loaded into the model. */
#ifndef CANRING_TESTS_CONFIG_RIG_H
#define CANRING_TESTS_CONFIG_RIG_H

#include "check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <canring/config.h>

struct loaded {
    struct canring_config *config;
    struct canring_diagnostics diagnostics;
    int result;
};

static inline struct loaded load(const char *text)
{
    struct loaded loaded = {0};
    loaded.result = canring_config_load_memory(&loaded.config, "t.yaml", text, strlen(text),
                                               &loaded.diagnostics);
    return loaded;
}

static inline struct loaded load_path(const char *path)
{
    struct loaded loaded = {0};
    loaded.result = canring_config_load(&loaded.config, path, &loaded.diagnostics);
    return loaded;
}

static inline void done(struct loaded *loaded)
{
    canring_config_free(loaded->config);
    canring_diagnostics_free(&loaded->diagnostics);
}

static inline struct loaded load_data(const char *name)
{
    char path[PATH_MAX];
    const char *set = getenv("CANRING_SOURCE");

    if (set)
        snprintf(path, sizeof(path), "%s/tests/data/config/%s", set, name);
    else
        snprintf(path, sizeof(path), "%.*s/data/config/%s",
                 (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__, name);
    struct loaded loaded = load_path(path);
    assert_int_equal(loaded.result, 0);
    return loaded;
}

/* A connector `c` of the given type and config, next to nothing else. */
static inline struct loaded load_connector(const char *type, const char *config)
{
    char text[1024];
    snprintf(text, sizeof(text),
             "auxiliaries: {}\nconnectors:\n  c:\n    type: %s\n    config: %s\n", type, config);
    return load(text);
}

#endif
