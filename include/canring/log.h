/* Log records of all processes, in one place.
 *
 * A process of a run logs through a ring of its own to the coordinator, which writes console and
 * file and puts the records into the test report. Logging never waits: a record that has no room is
 * counted as lost. What a process logged before it was killed is still read. Without a coordinator
 * records go to stderr.
 */
#ifndef CANRING_LOG_H
#define CANRING_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <canring/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Python's numbers, since our users know them. */
enum canring_log_level {
    CANRING_LOG_DEBUG = 10,
    CANRING_LOG_INFO = 20,
    CANRING_LOG_WARNING = 30,
    CANRING_LOG_ERROR = 40,
    CANRING_LOG_CRITICAL = 50
};

#define CANRING_LOG_TEXT_MAX                                                                       \
    2000 /* bytes of one record's text; longer ones are cut and end in "…" */

/* Log for `process` (an auxiliary's or proxy's name) from now on, through the ring that
 * $CANRING_LOG names if it is set, else to stderr. Once per process, again after a fork: until then
 * a child's records go to stderr, and its parent's ring is not its own (-EBUSY, naming the parent),
 * it needs another $CANRING_LOG. The coordinator knows each ring's process and prints that name.
 * -errno as attaching fails; then to stderr, as when the coordinator has removed the ring. A
 * program that does not call it does so with its first record. */
int canring_log_open(const char *process, struct canring_error *err);
void canring_log_close(void);

/* One record. `logger` is a dotted name ("pykiso.lib.auxiliaries.…", "canring.proxy"), for
 * activate_log. Any thread; wait-free but for a short lock among the threads of this process, with
 * a system call only where they contend for it. Beyond the first record, which may open the ring,
 * none into a ring, whose reader looks by itself; a write to stderr. */
void canring_log(enum canring_log_level level, const char *logger, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void canring_log_text(enum canring_log_level level, const char *logger, const char *text);

/* Records below are not made: set by the coordinator through $CANRING_LOG_LEVEL (a name; INFO when
 * unset) and $CANRING_LOG_ACTIVE (the activate_log names of an MpProxyAuxiliary, comma separated:
 * these and what is below them follow the level, all others need WARNING; unset or empty: all
 * follow the level). Read by canring_log_open. True when a record would be made. No system call. */
bool canring_log_wanted(enum canring_log_level level, const char *logger);

/* "DEBUG"… and back; 0 when it is none. */
const char *canring_log_level_name(enum canring_log_level level);
int canring_log_level_parse(const char *name);

/* From the levels of <syslog.h>, as reports of buses and proxies have them. */
enum canring_log_level canring_log_from_syslog(int level);

#ifdef __cplusplus
}
#endif
#endif
