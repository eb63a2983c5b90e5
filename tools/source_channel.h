/* A running proxy, or one of its channels, as a source: see source.h. */
#ifndef CANRING_SOURCE_CHANNEL_H
#define CANRING_SOURCE_CHANNEL_H

#include "source.h"

/* `name` as canring_channel_attach takes it. The filters of `wanted` are applied to what is
 * received; its other options are a bus's. */
int source_channel_open(struct source *source, const char *name,
                        const struct canring_bus_options *wanted, struct canring_error *err);

#endif
