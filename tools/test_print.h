/* What canring test shows of the suites, as they run.
 *
 * An event listener: one line per case, what a failed case wrote, a summary. On a terminal the
 * running case is shown too. It prints, nothing else.
 */
#ifndef CANRING_TEST_PRINT_H
#define CANRING_TEST_PRINT_H

#include <canring/suite.h>
#include <stdio.h>

#define TEST_PRINT_TAIL 4096u /* of what a case wrote, shown when it fails */

/* Zero-initialise, then set the first two. */
struct test_print {
    bool verbose;           /* show all output, at once */
    bool colours, terminal; /* `terminal`: the running case is shown as well */
    char tail[TEST_PRINT_TAIL];
    size_t tail_used;
    bool mid_line; /* the last thing printed has no end of line */
};

void test_print_event(void *print, const struct canring_suite_event *event);

/* The last line. */
void test_print_totals(struct test_print *print, const struct canring_suite_totals *totals,
                       double seconds);

#endif
