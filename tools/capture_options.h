/* The command line of canring capture.
 *
 * Read once by cmd_capture.c; afterwards nothing changes it but for the targets, which it takes
 * apart.
 */
#ifndef CANRING_CAPTURE_OPTIONS_H
#define CANRING_CAPTURE_OPTIONS_H

#include <canring/capture.h>

struct capture_options {
    struct canring_capture_options capture;
    uint64_t duration_ns; /* -T, 0 = no end */
    uint32_t receive_buffer;
    bool hardware;
    bool quiet;
    char **targets;
    int target_count;
};

/* 0, or the exit status that the command ends with; *done is set when it has been asked for
 * help only. */
int capture_options_read(struct capture_options *options, int argc, char **argv, bool *done);
void capture_options_free(struct capture_options *options);

#endif
