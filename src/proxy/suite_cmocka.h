/* cmocka's standard output, read line by line as it comes.
 *
 * The runner feeds it what a program writes (stdout and stderr through one pipe, so that their
 * order is kept). A program that never says "Running N test(s)" is a plain one, and nothing that it
 * writes means anything. Memory is bounded: of a long line the end is kept. It never takes a line
 * for progress that does not fit what runs: a test may print anything.
 */
#ifndef CANRING_SUITE_CMOCKA_H
#define CANRING_SUITE_CMOCKA_H

#include "proxy/suite_cases.h"

#define CR_CMOCKA_LINE    1024u
#define CR_CMOCKA_DETAILS 16384u

/* Zero-initialise but `cases`. */
struct cr_cmocka {
    struct cr_suite_cases *cases;
    char line[CR_CMOCKA_LINE];
    size_t used;
    bool is_cmocka, in_group;
    bool contradiction;              /* the end of a case that was not running */
    bool fixture_failed;             /* of a group: its cases did not run */
    uint64_t expected;               /* cases, by the groups' own words */
    char details[CR_CMOCKA_DETAILS]; /* of the open case */
    char last[CR_CMOCKA_LINE];       /* the last line that was not empty */
};

/* Returns true when a case began or ended. */
bool cr_cmocka_feed(struct cr_cmocka *reader, const char *text, size_t size);

/* Whether this text begins with the mark of a case that is about to begin. */
bool cr_cmocka_begins(const struct cr_cmocka *reader, const char *text, size_t size);

/* No more will come: a last line without its end counts too. */
void cr_cmocka_finish(struct cr_cmocka *reader);

#endif
