/* What a test run has found: run, suites, cases.
 *
 * The coordinator fills it while the run goes on and gives it to a writer: junit.h, or
 * cr_report_print. Bounded in memory per case, whatever a case prints. Not thread-safe.
 */
#ifndef CANRING_REPORT_H
#define CANRING_REPORT_H

#include <stdio.h>

#include "proxy/collector.h"
#include "proxy/report_capture.h"
#include "proxy/report_steps.h"

enum cr_outcome {
    CR_OUTCOME_ERROR, /* also of a case that never ended */
    CR_OUTCOME_FAILED,
    CR_OUTCOME_PASSED,
    CR_OUTCOME_SKIPPED
};

#define CR_REPORT_MESSAGE 4096u /* bytes of a message; more is cut */

struct cr_report_case {
    char *classname, *name, *file; /* file: "test_x.py:12", or NULL */
    uint64_t start_ns;             /* CLOCK_REALTIME */
    uint64_t logs_from_ns;         /* the same, or a little earlier */
    uint64_t duration_ns;
    enum cr_outcome outcome;
    char *message; /* one line, or NULL */
    char *type;    /* of a failure or error: "AssertionError", or NULL */
    /* For cr_capture_add: traceback; standard output and error. `logs` by cr_report_end. */
    struct cr_capture details, out, err, logs;
    struct cr_steps steps;
    struct cr_report_case *next;
};

struct cr_report_suite {
    char *name;
    uint64_t start_ns;
    struct cr_report_case *cases, **last;
    struct cr_capture out, err, logs; /* outside of cases */
    struct cr_report_suite *next;
};

struct cr_report_property {
    char *name, *value;
    struct cr_report_property *next;
};

struct cr_report {
    char *name;
    struct cr_report_property *properties, **last_property;
    struct cr_report_suite *suites, **last;
};

/* Each returns NULL without memory; everything is freed by cr_report_free. Texts are copied. */
struct cr_report *cr_report_new(const char *name);
void cr_report_free(struct cr_report *report);
/* About the whole run: "configuration", "version". 0 or -ENOMEM. */
int cr_report_property(struct cr_report *report, const char *name, const char *value);
struct cr_report_suite *cr_report_suite(struct cr_report *report, const char *name,
                                        uint64_t start_ns);
/* A case that begins now: an error "did not end" until cr_report_end. */
struct cr_report_case *cr_report_case(struct cr_report_suite *suite, const char *classname,
                                      const char *name, const char *file, uint64_t start_ns);

struct cr_report_result {
    enum cr_outcome outcome;
    uint64_t end_ns;     /* CLOCK_REALTIME; before the start = at the start */
    const char *message; /* may be NULL, as the next */
    const char *type;
};
/* The case has ended. Puts the log records of all processes from its time into it; `collector` may
 * be NULL. */
void cr_report_end(struct cr_report_case *test, const struct cr_report_result *result,
                   struct cr_collector *collector);

/* The records of all processes with from_ns <= time < to_ns, as lines. */
void cr_report_logs(struct cr_capture *to, struct cr_collector *collector, uint64_t from_ns,
                    uint64_t to_ns);

struct cr_report_counts {
    unsigned tests, failures, errors, skipped;
    uint64_t duration_ns;
};
void cr_report_count_suite(const struct cr_report_suite *suite, struct cr_report_counts *counts);
void cr_report_count(const struct cr_report *report, struct cr_report_counts *counts);

/* For people: a line per case, message and details of those that did not pass, totals. Everything
 * that came from tests is escaped. */
void cr_report_print(const struct cr_report *report, FILE *out);

#endif
