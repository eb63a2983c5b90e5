/* The command line of canring gen: cangen's, with --seed and --rate.
 *
 * Read once by cmd_gen.c; afterwards nothing changes it.
 */
#ifndef CANRING_GEN_OPTIONS_H
#define CANRING_GEN_OPTIONS_H

#include "gen_frame.h"

struct gen_options {
    struct gen_rule rule;
    /* `gap` nanoseconds per `per` bursts: exact for rates that no whole gap makes */
    uint64_t gap_ns, per;
    uint64_t burst;   /* -c: frames sent at once */
    uint64_t count;   /* -n, 0 = without end */
    int timeout_ms;   /* -p: wait for room in the bus */
    bool skip_full;   /* -i: a full bus costs the frame, and is counted */
    bool no_loopback; /* -x */
    unsigned verbose;
    char *target;
};

/* As dump_options_read. */
int gen_options_read(struct gen_options *options, int argc, char **argv, bool *done);

#endif
