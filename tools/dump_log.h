/* The log file of canring dump: candump's name and format, reopened on request.
 *
 * Used by cmd_dump.c alone. Lines reach the file whole; what was written is on its way to the
 * kernel after dump_log_flush.
 */
#ifndef CANRING_DUMP_LOG_H
#define CANRING_DUMP_LOG_H

#include <canring/error.h>
#include <stddef.h>
#include <stdio.h>

struct dump_log {
    FILE *file;
    const char *path; /* as given, NULL: named after the time it is opened at */
    char name[4096];
};

/* Open; a given path is truncated, a name after the time never is. */
int dump_log_open(struct dump_log *log, const char *path, struct canring_error *err);

/* Close and open again: for whoever rotates logs. A given path that is still there is appended
 * to. */
int dump_log_reopen(struct dump_log *log, struct canring_error *err);

int dump_log_write(struct dump_log *log, const char *line, size_t length,
                   struct canring_error *err);
int dump_log_flush(struct dump_log *log, struct canring_error *err);
/* Also tells what could not be written. */
int dump_log_close(struct dump_log *log, struct canring_error *err);

#endif
