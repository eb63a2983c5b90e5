/* The steps of a test case: what it has asserted, and what it wants to be known of it.
 *
 * Part of the report, shown by step_report.c. Bounded: of a case that asserts in a loop the first
 * and the failed steps are kept, the rest is counted. Not thread-safe.
 */
#ifndef CANRING_REPORT_STEPS_H
#define CANRING_REPORT_STEPS_H

#include <canring/suite.h>

#define CR_STEPS_MAX     1000u /* of one case; as many failed ones again */
#define CR_STEP_TEXT_MAX 2000u /* bytes of one text; more is cut */

struct cr_step {
    bool note, passed;
    int64_t at_ns;
    char *table, *message, *expression, *expected, *found; /* or NULL */
    struct cr_step *next;
};

/* Zero-initialise. */
struct cr_steps {
    struct cr_step *first, *last;
    unsigned count, failed, left_out; /* notes are not counted, but in left_out */
    unsigned notes;
};

/* A copy; without memory, or when there are too many, it is left out and counted. */
void cr_steps_add(struct cr_steps *steps, const struct canring_suite_step *step);
void cr_steps_free(struct cr_steps *steps);

#endif
