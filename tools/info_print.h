/* What info has counted, for people and for programs.
 *
 * Both write to stdout and change nothing but the order of the identifiers.
 */
#ifndef CANRING_INFO_PRINT_H
#define CANRING_INFO_PRINT_H

#include "info_scan.h"

/* Share of the bus's time, in percent; all 0 without a bit rate or a span of time. */
struct info_load {
    double mean_nominal, mean_data;
    double peak_nominal, peak_data; /* of the busiest second */
};

struct info_load info_bus_load(const struct info_bus *bus);

/* Seconds from the first frame to the last. */
double info_span(const struct info *info);

/* Frames per second, 0 without a span. */
double info_mean_rate(const struct info *info);

void info_print(struct info *info, const struct info_options *options);
/* 0 or -ENOMEM. */
int info_print_json(struct info *info, const struct info_options *options);

#endif
