/* The coordinator: starts everything that a configuration describes, watches over it, ends it.
 *
 * For `canring run` and `canring test`, and for programs that do the same. Proxies start before the
 * auxiliaries that speak through them, each in a process of its own; they end in reverse. Logs of
 * all of them come together here. One thread; it forks, so have no other threads when opening and
 * starting.
 */
#ifndef CANRING_COORDINATOR_H
#define CANRING_COORDINATOR_H

#include <canring/config.h>
#include <canring/error.h>
#include <canring/log.h>
#include <canring/suite.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero-initialise, then set what matters. The configuration must outlive the coordinator. */
struct canring_coordinator_options {
    const struct canring_config *config;
    enum canring_log_level level; /* of the command line; 0 = INFO */
    int console;                  /* fd that records are shown on, -1 = none */
    bool proxies_only;            /* the auxiliaries are programs that attach by themselves */
    const char *log_path;         /* a file, or a folder to make one in; NULL = none */
};

struct canring_coordinator;

/* Nothing is started yet. */
int canring_coordinator_open(struct canring_coordinator **coordinator,
                             const struct canring_coordinator_options *options,
                             struct canring_error *err);

/* Start all, in order; those without auto_start get no instance, or no bus, until they are asked
 * to. An auxiliary whose connector no proxy serves is left out, with an error in the log. On
 * another failure what was started is stopped again: -ECANCELED an auxiliary could not create its
 * instance; -EINTR SIGINT or SIGTERM came, which the caller has blocked to look at later; others as
 * the proxy or process failed, with its words. */
int canring_coordinator_start(struct canring_coordinator *coordinator, struct canring_error *err);

/* Watch for up to `timeout_ms` (-1 = for ever), or until `wake_fd` (-1 = none) is readable: show
 * logs, notice who ended, restart whom the configuration says. 0 = go on; -ECHILD somebody failed
 * whose failure ends the run; -ENOENT nobody is left. */
int canring_coordinator_poll(struct canring_coordinator *coordinator, int wake_fd, int timeout_ms);

/* Stop all, in reverse order; whoever has not ended within 5 s is killed, but a proxy that still
 * works on its trace is waited for, until a SIGINT or SIGTERM that the caller has blocked waits to
 * be looked at. 0, or -ETIMEDOUT when one had to be killed, or -ECHILD when one ended badly or a
 * trace lacks frames. */
int canring_coordinator_stop(struct canring_coordinator *coordinator);

/* Send a signal on to all. */
void canring_coordinator_signal(struct canring_coordinator *coordinator, int number);

/* A record of the caller's own, among those of the processes. */
void canring_coordinator_log(struct canring_coordinator *coordinator, enum canring_log_level level,
                             const char *logger, const char *text);

/* ---- the report of a test run ------------------------------------------------------------------
 */

/* What a test suite's callback was told becomes part of the report; a case gets the log records of
 * all processes that fell into its time. For the `event` of struct canring_suite_options,
 * `coordinator` as its argument. */
void canring_coordinator_event(void *coordinator, const struct canring_suite_event *event);

/* For `log` of struct canring_suite_options: a log of the test file's own, read like those of the
 * processes until its end was told to canring_coordinator_event. NULL and a warning without it. */
const char *canring_coordinator_test_log(void *coordinator, const char *file);

/* Something that kept tests from running: an error in the report, of no test file. */
void canring_coordinator_error(struct canring_coordinator *coordinator, const char *name,
                               const char *message);

/* Write the report as JUnit to `path`; NULL or "": reports/%Y-%m-%d_%H-%M-%S-<stem of the
 * configuration>.xml, with -2 and so on behind the stem when that is there. `written`, of PATH_MAX
 * bytes, gets the name. The file is there whole or not at all. */
int canring_coordinator_junit(struct canring_coordinator *coordinator, const char *path,
                              char *written, struct canring_error *err);

/* Write the report as one HTML page: each case with its steps, logs and output. */
int canring_coordinator_step_report(struct canring_coordinator *coordinator, const char *path,
                                    struct canring_error *err);

/* The report for people, to `fd`. */
int canring_coordinator_text(struct canring_coordinator *coordinator, int fd);

/* Processes that run now. */
size_t canring_coordinator_running(const struct canring_coordinator *coordinator);

/* Stops what still runs. Nothing of the run is left in /dev/shm or the runtime directory.
 * NULL is allowed. */
void canring_coordinator_close(struct canring_coordinator *coordinator);

#ifdef __cplusplus
}
#endif
#endif
