/* A report's file: there complete, or not at all.
 *
 * Used by the writers of reports (junit.c, step_report.c). An older file of that name is replaced
 * in one step; on failure nothing has changed. A link stays one: what it points to is replaced.
 * What is no regular file, a FIFO or a device, is written where it is.
 */
#ifndef CANRING_REPORT_FILE_H
#define CANRING_REPORT_FILE_H

#include "proxy/report.h"

/* Make the folders of `path`, and write there what `put` writes; its negative errno is passed on.
 */
int cr_report_file(const struct cr_report *report, const char *path,
                   int (*put)(FILE *out, const struct cr_report *report),
                   struct canring_error *err);

#endif
