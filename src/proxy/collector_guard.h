/* Removes the log rings of a coordinator that was killed.
 *
 * A process of its own, begun by the coordinator before it has any ring: it sleeps until the
 * coordinator and all that it forked are gone, then does what they cannot do any more. It holds
 * none of the coordinator's files, and never touches what belongs to somebody who lives.
 */
#ifndef CANRING_COLLECTOR_GUARD_H
#define CANRING_COLLECTOR_GUARD_H

#include <canring/error.h>
#include <sys/types.h>

struct cr_log_guard {
    pid_t pid; /* 0 = there is none */
    int alive; /* write end of a pipe; whoever could be using a ring has it open */
};

/* 0 or negative errno. */
int cr_log_guard_start(struct cr_log_guard *guard, struct canring_error *err);
/* The rings have been removed: it is not needed any more. */
void cr_log_guard_stop(struct cr_log_guard *guard);

#endif
