/* Inside the coordinator: for the test session, which puts the logs into the report. */
#ifndef CANRING_COORDINATOR_PRIVATE_H
#define CANRING_COORDINATOR_PRIVATE_H

#include <canring/coordinator.h>
#include <sys/types.h>

#include "proxy/collector.h"
#include "proxy/collector_guard.h"
#include "proxy/report.h"

/* Of a proxy that ended as asked, and whose trace lacks frames: no failure to react to, but the
 * run's own status tells it. */
#define CR_EXIT_LACKS 3

/* One process of the run. */
struct cr_process {
    const char *name;
    const struct canring_config_proxy *proxy;         /* either this */
    const struct canring_config_auxiliary *auxiliary; /* or this */
    enum canring_on_failure on_failure;
    pid_t pid; /* 0 = does not run */
    int pidfd;
    unsigned failures;   /* in a row */
    uint64_t started_ns; /* CLOCK_MONOTONIC */
    uint64_t restart_ns; /* when it is to be started again; 0 = not */
};

struct canring_coordinator {
    const struct canring_config *config;
    enum canring_log_level level;
    struct cr_collector *collector;
    struct cr_report *report; /* NULL until the first event */
    struct cr_report_suite *suite;
    struct cr_report_case *open;       /* the case that runs */
    struct cr_capture out, err;        /* what its file wrote since its last case */
    uint64_t gap_ns;                   /* log records from then on are in no case yet */
    char test[CR_LOG_PROCESS_MAX + 1]; /* the test file whose log is open, "" = none */
    char test_log[CR_COLLECTOR_ENV];
    struct cr_log_guard guard;
    struct cr_process *processes;
    size_t count;
    bool lacks; /* a trace of a proxy that has ended lacks frames */
};

/* process.c: start one and wait until it serves. Errors as canring_coordinator_start. */
int cr_process_start(struct canring_coordinator *coordinator, struct cr_process *process,
                     struct canring_error *err);
/* Whether it has ended; then *status is as of waitpid and its last records have been read. */
bool cr_process_ended(struct canring_coordinator *coordinator, struct cr_process *process,
                      int *status);

#endif
