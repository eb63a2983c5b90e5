/* What the end of a test file's process says of its cases.
 *
 * Called once by the runner of the file, when nobody is left who could write more. It ends the case
 * that is open, tells of those that were not run, and blames the file for what is no case's fault.
 */
#ifndef CANRING_SUITE_VERDICT_H
#define CANRING_SUITE_VERDICT_H

#include "proxy/suite_cmocka.h"
#include "proxy/suite_keeper.h"
#include "proxy/suite_progress.h"

struct cr_suite_ending {
    const char *why; /* we ended it; NULL = by itself */
    bool heard;      /* the keeper has said `result`; else it was killed */
    struct cr_keeper_result result;
    bool failfast;
    bool cut_short; /* a program that was ended for it */
};

/* `progress`: of a Python file; NULL for a program. */
void cr_verdict(struct cr_suite_cases *cases, const struct cr_cmocka *cmocka,
                struct cr_progress *progress, const struct cr_suite_ending *ending);

#endif
