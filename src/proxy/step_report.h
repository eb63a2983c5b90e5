/* A report as one HTML page: for people who want to see what each test case did.
 *
 * Called by the coordinator when the run has ended. The page needs no other file and no script;
 * nothing that came from a test can become markup. The file is there complete or not at all.
 */
#ifndef CANRING_STEP_REPORT_H
#define CANRING_STEP_REPORT_H

#include "proxy/report.h"

int cr_step_report_write(const struct cr_report *report, const char *path,
                         struct canring_error *err);

#endif
