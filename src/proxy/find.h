/* Which running proxy, and which of its channels, a name means; and asking proxies for their state.
 */
#ifndef CANRING_FIND_H
#define CANRING_FIND_H

#include <jansson.h>

#include "proxy/control.h"

/* "PROXY/CHANNEL" is taken as it is; "PROXY/" and a bare name that a proxy has: an observer of it
 * (channel
 * ""); another bare name: the one proxy that has a channel of it. -ENOENT with what there is in the
 * text, -EEXIST when several have it. */
int cr_find_channel(const char *name, char proxy[CR_SEGMENT_NAME], char channel[CR_SEGMENT_NAME],
                    struct canring_error *err);

/* States of all running proxies, an array; NULL without memory. Leftover sockets are removed. */
json_t *cr_find_proxies(struct canring_error *err);

#endif
