/* libFuzzer: any bytes as a configuration. What loads must be complete and printable. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <canring/config.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_usable(const struct canring_config *config,
                         const struct canring_diagnostics *diagnostics)
{
    char *json = NULL;

    for (size_t i = 0; i < config->proxy_count; i++) {
        if (!config->proxies[i]->connector || !config->proxies[i]->connector->bus.interface)
            abort();
    }
    if (canring_config_json(config, diagnostics, &json) != 0)
        abort();
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct canring_diagnostics diagnostics = {0};
    struct canring_config *config = NULL;
    int err = canring_config_load_memory(&config, "/nonexistent/fuzz.yaml", (const char *)data,
                                         size, &diagnostics);

    if ((err == 0) != (config != NULL) || (err != 0 && diagnostics.errors == 0))
        abort();
    if (config)
        check_usable(config, &diagnostics);
    canring_config_free(config);
    canring_diagnostics_free(&diagnostics);
    return 0;
}
