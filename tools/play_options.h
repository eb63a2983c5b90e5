/* The command line of canring play: canplayer's, and more. */
#ifndef CANRING_PLAY_OPTIONS_H
#define CANRING_PLAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "time_text.h"

struct play_options {
    const char *file; /* "-" standard input */
    const char *format;
    uint64_t loops;   /* 0 = without end */
    uint64_t count;   /* 0 = without end */
    uint64_t gap_ns;  /* frames are sent together so often, 0 = each at its time */
    uint64_t skip_ns; /* longer gaps are skipped, 0 = none */
    double speed;
    bool ignore_times;
    bool interactive;
    bool no_loopback;
    bool precise;
    bool stats;
    unsigned verbose;
    struct time_point start, end;
    char **buses; /* TARGET or TARGET=BUS */
    int bus_count;
};

/* 0, or the exit status that the command ends with; *done is set when it has been asked for
 * help only. */
int play_options_read(struct play_options *options, int argc, char **argv, bool *done);

#endif
