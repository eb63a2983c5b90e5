/* Survive a peer that truncates the shared object under us.
 *
 * Touching a page that is gone raises SIGBUS. For guarded mappings the handler puts
 * private zero pages in place and notes the hit, so that the access returns and the owner can find
 * out at its leisure and detach. Any other SIGBUS goes to the handler that was there before.
 */
#ifndef CANRING_GUARD_H
#define CANRING_GUARD_H

#include <stdbool.h>

#include "shm/region.h"

#define CR_GUARD_MAX 1024

/* Guard a mapping; returns its handle ≥ 0, or -ENOSPC. Each call makes sure that ours is the
 * process's SIGBUS handler. Threads may call concurrently, and others fork meanwhile:
 * the child may go on adding. */
int cr_guard_add(const struct cr_mapping *mapping);
/* Before the mapping goes away. */
void cr_guard_remove(int guard);
/* True once the mapping was hit: what is mapped there now is private and empty. One relaxed load;
 * may be called on the hot path. */
bool cr_guard_hit(int guard);

#endif
