/* The command line of canring convert. */
#ifndef CANRING_CONVERT_OPTIONS_H
#define CANRING_CONVERT_OPTIONS_H

#include "recode.h"

struct convert_options {
    struct recode_options recode;
    struct canring_trace_writer_options writer;
    const char *from; /* format of the inputs, NULL: by content */
    char **inputs;
    unsigned input_count;
    const char *output;
};

/* 0, or the exit status that the command ends with; *done is set when it has been asked for
 * help only. The caller frees it in either case. */
int convert_options_read(struct convert_options *options, int argc, char **argv, bool *done);

void convert_options_free(struct convert_options *options);

#endif
