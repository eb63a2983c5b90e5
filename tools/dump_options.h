/* The command line of canring dump: candump's, with what newer versions added.
 *
 * Read once by cmd_dump.c; afterwards nothing changes it.
 */
#ifndef CANRING_DUMP_OPTIONS_H
#define CANRING_DUMP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "long_format.h"

#define DUMP_TARGETS_MAX 16

enum dump_silence { DUMP_LOUD, DUMP_ANIMATION, DUMP_SILENT };

struct dump_options {
    char stamp;         /* 'a', 'A', 'd', 'z', or 0 for none */
    bool hardware;      /* -H */
    bool nanoseconds;   /* -N */
    unsigned colour;    /* -c, 0..3 */
    bool errors;        /* -e */
    bool info;          /* -x */
    bool drops;         /* -d */
    bool stay;          /* -D */
    bool log;           /* -l or -f */
    bool log_format;    /* -L */
    const char *path;   /* -f, else NULL */
    const char *format; /* --format, else NULL */
    enum dump_silence silence;
    uint64_t count;          /* -n, 0 = without end */
    uint32_t receive_buffer; /* -r, 0 = the library's */
    int idle_ms;             /* -T, -1 = wait for ever */
    struct long_view view;
    char **targets;
    int target_count;
};

/* 0, or the exit status that the command ends with; *done is set when it has been asked for
 * help only. */
int dump_options_read(struct dump_options *options, int argc, char **argv, bool *done);

#endif
