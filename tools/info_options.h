/* The command line of canring info. */
#ifndef CANRING_INFO_OPTIONS_H
#define CANRING_INFO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INFO_BITRATES_MAX 64

struct info_bitrate {
    const char *bus; /* NULL: every bus that has none of its own */
    size_t bus_length;
    uint32_t nominal;
    uint32_t data; /* 0 = as nominal */
};

struct info_options {
    bool json;
    bool all_ids;
    uint64_t ids; /* how many to show */
    const char *format;
    struct info_bitrate bitrates[INFO_BITRATES_MAX];
    unsigned bitrate_count;
    char **files;
    int file_count;
};

/* 0, or the exit status that the command ends with; *done is set when it has been asked for
 * help only. */
int info_options_read(struct info_options *options, int argc, char **argv, bool *done);

/* The rates of the bus of this name, NULL: none given. */
const struct info_bitrate *info_options_bitrate(const struct info_options *options,
                                                const char *bus);

#endif
