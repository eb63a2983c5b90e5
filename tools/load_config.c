#include "load_config.h"

#include <stdio.h>
#include <string.h>

#include "say.h"

static void print_messages(const struct canring_diagnostics *diagnostics)
{
    char text[2048];
    for (size_t i = 0; i < diagnostics->count; i++) {
        canring_diagnostic_format(&diagnostics->list[i], text, sizeof(text));
        fprintf(stderr, "%s\n", text);
    }
}

static bool override_bus(const char *command, struct canring_config *config, const char *override)
{
    struct canring_error err;
    const char *target = strchr(override, '=');
    char connector[128];
    if (!target || (size_t)(target - override) >= sizeof(connector)) {
        misuse(command, "--bus takes CONNECTOR=TARGET, not '%s'", override);
        return false;
    }
    snprintf(connector, sizeof(connector), "%.*s", (int)(target - override), override);
    if (canring_config_override_bus(config, connector, target + 1, &err) == 0)
        return true;
    say(command, "--bus %s: %s", override, err.text);
    return false;
}

struct canring_config *load_config(const char *command, const char *path,
                                   const char *const *overrides, size_t override_count)
{
    struct canring_diagnostics diagnostics = {0};
    struct canring_config *config = NULL;
    bool usable = canring_config_load(&config, path, &diagnostics) == 0;
    print_messages(&diagnostics);
    canring_diagnostics_free(&diagnostics);
    if (!usable)
        say(command, "%s: cannot be used as it is", path);
    for (size_t i = 0; i < override_count && usable; i++)
        usable = override_bus(command, config, overrides[i]);
    if (usable)
        return config;
    canring_config_free(config);
    return NULL;
}
