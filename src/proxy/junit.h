/* A report as a JUnit file, as Jenkins and others read it.
 *
 * Called by the coordinator when the run has ended. The file is there complete or not at all. Only
 * attributes are used that the stricter readers know; a case's file and line stand in its
 * system-out.
 */
#ifndef CANRING_JUNIT_H
#define CANRING_JUNIT_H

#include "proxy/report.h"

/* "reports/%Y-%m-%d_%H-%M-%S-<stem of configuration>.xml". -ENAMETOOLONG. */
int cr_junit_default_path(char *path, size_t size, const char *configuration, uint64_t when_ns,
                          struct canring_error *err);

/* Write the report to `path`, making its folders; an older file of that name is replaced in one
 * step. Negative errno and nothing changed when it fails. */
int cr_junit_write(const struct cr_report *report, const char *path, struct canring_error *err);

#endif
