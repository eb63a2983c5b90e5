/* Where log lines go: console or file, one write for many lines.
 *
 * Used by collector.c. The first error that writing meets is kept, and the sink is silent from then
 * on: a full disk must not stop a test run.
 */
#ifndef CANRING_COLLECTOR_SINK_H
#define CANRING_COLLECTOR_SINK_H

#include <canring/error.h>

#include "proxy/log_record.h"

struct cr_sink {
    int fd; /* -1 = none */
    bool owned;
    unsigned flags; /* of cr_log_line */
    int level;      /* records below it are left out */
    int error;      /* negative errno of the first failure */
    size_t used;
    char *buffer;
};

/* Lines to an fd of the caller's (-1 = nowhere). -ENOMEM. */
int cr_sink_console(struct cr_sink *sink, int fd, int level, struct canring_error *err);

/* Lines with a date, behind what is in the file `path`; NULL = nowhere. Its folders are made. A
 * path that ends in "/" or is a folder gets a file %Y-%m-%d_%H-%M-%S-<stem>.log. */
int cr_sink_file(struct cr_sink *sink, const char *path, const char *stem,
                 struct canring_error *err);

void cr_sink_record(struct cr_sink *sink, const struct cr_log_record *record);
/* May block, as writing does. */
void cr_sink_flush(struct cr_sink *sink);
/* Returns `error`. */
int cr_sink_close(struct cr_sink *sink);

#endif
