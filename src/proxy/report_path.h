/* Paths of what a run leaves behind: reports and logs.
 *
 * Used by the log file and the JUnit writer. Creates folders, nothing else.
 */
#ifndef CANRING_REPORT_PATH_H
#define CANRING_REPORT_PATH_H

#include <stddef.h>
#include <time.h>

#include <canring/error.h>

/* `path` as it is. -ENAMETOOLONG. */
int cr_copy_path(char *out, size_t size, const char *path, struct canring_error *err);

/* "<folder>/%Y-%m-%d_%H-%M-%S-<stem><suffix>", local time. -ENAMETOOLONG. */
int cr_stamped_path(char *out, size_t size, const char *folder, const char *stem,
                    const char *suffix, time_t when, struct canring_error *err);

/* "bench" of "rigs/bench.yaml", as reports are named after the configuration. */
int cr_path_stem(char *out, size_t size, const char *path, struct canring_error *err);

/* Of a `path` that is there already, "-2", "-3", … before its suffix: the first that is not. */
int cr_unused_path(char *path, size_t size, struct canring_error *err);

/* Make every folder above the file `path` that is missing. */
int cr_make_folders(const char *path, struct canring_error *err);

#endif
