/* A recording that appears under its name only when it is whole.
 *
 * For convert and repair: it is written under another name in the same folder, then renamed, so
 * that whoever ends in the middle leaves what was there before. A symbolic link stays one: the new
 * file takes the place of what it points to. Pipes, devices and files that are
 * rotated are written where they are. One at a time: SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGPIPE
 * (nobody reads its messages) end the program and take the unfinished file with them, even while
 * it waits for input.
 */
#ifndef CANRING_OUTPUT_H
#define CANRING_OUTPUT_H

#include <canring/trace_writer.h>
#include <limits.h>

#include "relay.h"

struct output {
    const char *command;   /* for messages */
    const char *path;      /* "-" is standard output */
    char target[PATH_MAX]; /* `path`, or what that is a link to */
    char temporary[PATH_MAX];
    bool in_place; /* no temporary name */
    bool replace;  /* an existing file */
    bool relayed;  /* to a file that standard output is in the middle of */
    struct relay relay;
    struct canring_trace_writer *writer;
};

/* Recordings that are read while it is written; "-" is standard input. */
struct output_inputs {
    char *const *paths;
    unsigned count;
};

/* What `path` points to in the end, which need not exist; `path` itself when it is no link. 0, or
 * -ELOOP, -ENAMETOOLONG. */
int output_resolve(const char *path, char target[PATH_MAX]);

/* 0 or the exit status, with words said. `options` as for the writer, which is opened; the caller
 * sets `overwrite` to replace. What is written where it is must be none of `inputs`. */
int output_open(struct output *output, const char *command, const char *path,
                const struct output_inputs *inputs,
                const struct canring_trace_writer_options *options);

/* Finish the file and give it its name. `backup`: what it replaces keeps this one, in the same
 * file system, or NULL. 0 or the exit status. */
int output_commit(struct output *output, const char *backup);

/* Leave things as they were. */
void output_discard(struct output *output);

#endif
