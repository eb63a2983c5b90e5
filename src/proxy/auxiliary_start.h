/* Start an auxiliary of a configuration as a process of its own.
 *
 * For the coordinator. The process ends with its parent (the thread that started it).
 */
#ifndef CANRING_AUXILIARY_START_H
#define CANRING_AUXILIARY_START_H

#include <sys/types.h>

#include <canring/config.h>

/* Fork, and return when it serves (with an instance, if auto_start) or has failed: then *pid is 0
 * and nothing is left of it. -ECANCELED creating the instance failed; -EEXIST one of that name
 * runs; -ENODEV it has no channel of a proxy; those of cr_auxiliary_object and of exec; -ECHILD it
 * ended; -ETIMEDOUT. */
int cr_auxiliary_start(const struct canring_config *config,
                       const struct canring_config_auxiliary *auxiliary, pid_t *pid,
                       struct canring_error *err);

/* After it was found dead: remove what it left behind. */
void cr_auxiliary_ended(const struct canring_config_auxiliary *auxiliary);

#endif
