/* One test file as a process: start it, read it, time it, end it.
 *
 * The session of the suites calls it for one file after the other, and polls one fd meanwhile. It
 * never waits for the program, and whatever the program does comes out as results of cases: crash,
 * hang, exit in the middle, output without end.
 */
#ifndef CANRING_SUITE_RUN_H
#define CANRING_SUITE_RUN_H

#include "proxy/suite_cases.h"
#include "proxy/suite_progress.h"

struct cr_suite_run_options {
    const struct cr_suite_file *file;
    char *const *argv;
    char *const *env; /* CANRING_PROGRESS_FD=4 for Python */
    unsigned timeout_ms;
    bool failfast; /* a program is ended when a case has failed; the Python runner ends itself */
    bool collect;  /* read the plan of a Python file, run nothing, make no events */
    void (*event)(void *arg, const struct canring_suite_event *event);
    void *event_arg;
};

struct cr_suite_run;

int cr_suite_start(struct cr_suite_run **run, const struct cr_suite_run_options *options,
                   struct canring_error *err);
/* Readable when cr_suite_pump has something to do. */
int cr_suite_fd(const struct cr_suite_run *run);
/* 1 it runs, 0 it has ended and everything has been told. Does not wait. */
int cr_suite_pump(struct cr_suite_run *run);
/* End it; the open case ends as an error that says `why`. */
void cr_suite_end(struct cr_suite_run *run, const char *why);
const struct cr_suite_cases *cr_suite_cases(const struct cr_suite_run *run);
/* Names of the tags of a Python file; NULL when there is no plan. */
const json_t *cr_suite_tags(const struct cr_suite_run *run);
/* Kills what still runs. */
void cr_suite_free(struct cr_suite_run *run);

#endif
