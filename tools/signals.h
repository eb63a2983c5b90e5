/* The signals that end a command or make it reopen its files, as something to poll.
 *
 * Opened once by a command before it starts. A signal never interrupts what the command is
 * doing and never gets lost under load: it waits in the fd until the command looks.
 */
#ifndef CANRING_SIGNALS_H
#define CANRING_SIGNALS_H

/* Block SIGINT, SIGTERM, SIGHUP, and `another` unless it is 0, and return an fd that is readable
 * when one has come; or a negative errno. */
int signals_open(int another);

/* The next one, or 0. Does not wait. */
int signals_take(int fd);

#endif
