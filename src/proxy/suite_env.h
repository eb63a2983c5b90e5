/* What a test file is started with: its arguments and environment.
 *
 * The session of the suites makes one per file. Nothing of ours is changed for it: the calling
 * process keeps its own environment.
 */
#ifndef CANRING_SUITE_ENV_H
#define CANRING_SUITE_ENV_H

#include "proxy/suite_find.h"

#include <canring/suite.h>

/* -p FILE::CLASS::METHOD, apart; NULL = all. */
struct cr_suite_selection {
    char *file, *class_name, *method;
};

struct cr_suite_command {
    char **argv, **env;
};

/* `log`: its $CANRING_LOG, or NULL. 0 or -ENOMEM. */
int cr_suite_command(struct cr_suite_command *command, const struct canring_config *config,
                     const struct cr_suite_file *file, const struct canring_suite_options *options,
                     const struct cr_suite_selection *selection, bool collect, const char *log);
void cr_suite_command_free(struct cr_suite_command *command);

#endif
