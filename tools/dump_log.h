/* The log file of canring dump: candump's name and format, reopened on request; or a recording in
 * any other format.
 *
 * Used by cmd_dump.c alone. Lines reach the file whole; what was written is on its way to the
 * kernel after dump_log_flush.
 */
#ifndef CANRING_DUMP_LOG_H
#define CANRING_DUMP_LOG_H

#include <canring/trace_writer.h>
#include <stddef.h>
#include <stdio.h>

struct dump_log {
    FILE *file;
    struct canring_trace_writer *writer; /* of another format than candump's: in place of `file` */
    const char *path;                    /* as given, NULL: named after the time it is opened at */
    const char *format; /* likewise, NULL: what the path's ending says, else candump's */
    uint64_t last_ns;   /* of its last entry */
    char name[4096];
};

/* Open; a given path is truncated, a name after the time never is. */
int dump_log_open(struct dump_log *log, const char *path, const char *format,
                  struct canring_error *err);

/* Close and open again: for whoever rotates logs. A given path that is still there is appended
 * to; a recording of another format goes on in a new file, numbered. */
int dump_log_reopen(struct dump_log *log, struct canring_error *err);

/* For a recording, in place of a line: a frame, or how many are missing when it is NULL. */
int dump_log_entry(struct dump_log *log, const char *name, const struct canring_frame *frame,
                   uint64_t lost, struct canring_error *err);
int dump_log_write(struct dump_log *log, const char *line, size_t length,
                   struct canring_error *err);
int dump_log_flush(struct dump_log *log, struct canring_error *err);
/* Also tells what could not be written. */
int dump_log_close(struct dump_log *log, struct canring_error *err);

#endif
