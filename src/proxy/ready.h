/* Waiting for a process that is being started, or stopped.
 *
 * The parent polls the pipe that the child says its word on. A program that has blocked SIGINT and
 * SIGTERM to look at them later (signalfd) is not held up for long: one that waits ends this.
 */
#ifndef CANRING_READY_H
#define CANRING_READY_H

#include <stdbool.h>

/* Until `fd` is readable: 1; 0 after `timeout_ms`, -1 = never; -EINTR: a blocked SIGINT or SIGTERM
 * has come. */
int cr_ready_wait(int fd, int timeout_ms);

/* True while a blocked SIGINT or SIGTERM waits to be looked at. */
bool cr_asked_to_end(void);

#endif
