/* The names of a writer's files, and which of them are kept.
 *
 * Used by the thread that opens files (writer_thread.c), and once by the caller, before there is
 * that thread. It never replaces a file but the one that the user has named, when he allows it, and
 * never deletes one that this writer has not made.
 */
#ifndef CANRING_TRACE_WRITER_NAMES_H
#define CANRING_TRACE_WRITER_NAMES_H

#include <canring/trace_writer.h>

#include "can/trace/writer_file.h"
#include "can/trace/writer_stats.h"

struct cr_writer_kept {
    char *path;
    dev_t device;
    ino_t inode;
};

struct cr_writer_names {
    char *path;  /* as the user gave it */
    size_t stem; /* bytes of it before the endings */
    enum canring_trace_naming naming;
    bool dated_first; /* the first file has a date, too */
    bool special;     /* a pipe or a device, of which there is no second one */
    bool overwrite;
    bool sync; /* the folder, too */
    bool first_taken;
    unsigned number; /* the last one used */
    unsigned keep;   /* 0 = all */
    struct cr_writer_kept *kept;
    unsigned kept_count;
};

/* `endings`: those of the format. -ENOMEM. */
int cr_writer_names_open(struct cr_writer_names *names, const char *path,
                         const char *const *endings,
                         const struct canring_trace_writer_options *options);
void cr_writer_names_close(struct cr_writer_names *names);

/* What can be said of the first file before it is made: -EEXIST, -EISDIR, and whether it can be
 * written, or its folder is there and lets us make files. */
int cr_writer_names_check(const struct cr_writer_names *names);

/* Make the next file of the series for `file`. Existing names are passed over, but for the user's
 * own: -EEXIST, unless it may be replaced. */
int cr_writer_names_next(struct cr_writer_names *names, struct cr_writer_file *file);

/* Make the file once more that had been taken away, or the next one when its name is taken. */
int cr_writer_names_again(struct cr_writer_names *names, struct cr_writer_file *file);

/* Delete those that are too many. */
void cr_writer_names_trim(struct cr_writer_names *names, const struct cr_writer_stats *stats);

#endif
