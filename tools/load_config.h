/* A configuration for a command that runs it: loaded, its messages shown, other buses put in. */
#ifndef CANRING_LOAD_CONFIG_H
#define CANRING_LOAD_CONFIG_H

#include <canring/config.h>

/* `overrides` are the arguments of --bus, CONNECTOR=TARGET. NULL when it cannot be used; everything
 * that is wrong has been said. The caller frees with canring_config_free. */
struct canring_config *load_config(const char *command, const char *path,
                                   const char *const *overrides, size_t override_count);

#endif
