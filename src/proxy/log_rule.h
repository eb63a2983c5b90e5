/* Which log records are made: pykiso's log level and `activate_log`.
 *
 * Used by log.c, once per record, so it must not make system calls or allocate there. Without
 * names every logger follows the level: only an MpProxyAuxiliary that has `activate_log` set gets
 * names. With names, these loggers and those below them ("a.b" is below "a") follow the level, all
 * others need WARNING, or the level where that is higher.
 */
#ifndef CANRING_LOG_RULE_H
#define CANRING_LOG_RULE_H

#include <stdbool.h>
#include <stddef.h>

struct cr_log_rule {
    int level;
    struct cr_log_rule *previous; /* replaced ones: a thread may still be looking at them */
    size_t count;
    char *names[];
};

/* From $CANRING_LOG_LEVEL (a name; INFO when unset or unknown) and $CANRING_LOG_ACTIVE (names,
 * comma separated), both may be NULL. One block for free(); NULL without memory. */
struct cr_log_rule *cr_log_rule_make(const char *level, const char *active);

bool cr_log_rule_wants(const struct cr_log_rule *rule, int level, const char *logger);

#endif
