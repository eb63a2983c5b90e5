/* Locking memory, for who knows how much more of it is to come: the proxy, before it opens its bus.
 * Everything else stands in <canring/latency.h>.
 */
#ifndef CANRING_LATENCY_PRIVATE_H
#define CANRING_LATENCY_PRIVATE_H

#include <canring/latency.h>

/* Whether what is mapped now and `more_bytes` may be locked. 0 or -EPERM with what is missing. */
int cr_latency_check_mlock(uint64_t more_bytes, struct canring_error *err);

#endif
