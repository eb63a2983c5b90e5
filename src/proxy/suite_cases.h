/* The cases of one test file, as they happen, told to whoever listens.
 *
 * The readers of progress (cmocka's lines, the Python runner's) and the runner of the file call it;
 * it keeps which case is open, takes the times, counts, and makes the events. It bounds what a case
 * may write. It never judges: outcomes come from the callers.
 */
#ifndef CANRING_SUITE_CASES_H
#define CANRING_SUITE_CASES_H

#include <canring/suite.h>

#include "proxy/suite_find.h"

#define CR_CASE_NAME_MAX   256u
#define CR_CASE_OUTPUT_MAX (1u << 20) /* bytes handed on for one case, or between two */

struct cr_suite_cases {
    const struct cr_suite_file *file;
    void (*event)(void *arg, const struct canring_suite_event *event);
    void *arg;
    char stem[CR_CASE_NAME_MAX]; /* the file's name without folder and extension */
    char class_name[CR_CASE_NAME_MAX], name[CR_CASE_NAME_MAX]; /* of the open case */
    bool open;
    bool unpaced;     /* a program: what it says of its cases is read later than it happened */
    int64_t quiet_ns; /* CLOCK_REALTIME: everything it had written by then had been read */
    int64_t file_started_ns, file_clock_ns;
    int64_t case_started_ns, case_clock_ns;
    uint64_t output, left_out; /* bytes since the last case began or ended */
    unsigned counts[CANRING_OUTCOME_SKIPPED + 1u];
    unsigned started;
};

/* A name as events have it: cut, where it is too long. */
void cr_case_name(char name[CR_CASE_NAME_MAX], const char *text);

void cr_cases_begin(struct cr_suite_cases *cases);

/* All that was written has been read now. */
void cr_cases_quiet(struct cr_suite_cases *cases);

/* The open case ends as an error when another begins without its end. */
void cr_cases_start(struct cr_suite_cases *cases, const char *class_name, const char *name);

/* The open case has ended. */
void cr_cases_result(struct cr_suite_cases *cases, enum canring_outcome outcome,
                     const char *message, const char *details);

/* One whose begin was no event has ended: the file as a whole, or a fixture. */
void cr_cases_lone(struct cr_suite_cases *cases, const char *class_name, const char *name,
                   enum canring_outcome outcome, const char *message, const char *details);

/* One that was to be run, and was not. */
void cr_cases_not_run(struct cr_suite_cases *cases, const char *class_name, const char *name,
                      enum canring_outcome outcome, const char *message);

/* Of the open case; outside of cases it is left out. `at_ns` is brought into the case's time. */
void cr_cases_step(const struct cr_suite_cases *cases, struct canring_suite_step *step);

void cr_cases_output(struct cr_suite_cases *cases, int stream, const char *text, size_t size);

void cr_cases_end(struct cr_suite_cases *cases, const char *message);

/* How many have failed or erred. */
unsigned cr_cases_bad(const struct cr_suite_cases *cases);

#endif
