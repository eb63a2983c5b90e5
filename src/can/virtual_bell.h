/* Doorbells of an in-memory bus: a FIFO for each participant in the runtime directory.
 *
 * Used by virtual.c. A reader that sleeps watches its own; a writer puts one byte into the
 * FIFO of each sleeper. FIFOs, because eventfds cannot be found by name and a wake must work
 * between processes that share nothing but a user. Ringing never blocks and never raises SIGPIPE.
 */
#ifndef CANRING_VIRTUAL_BELL_H
#define CANRING_VIRTUAL_BELL_H

#include <canring/error.h>

#include "can/virtual_object.h"

struct cr_bells {
    char path[160]; /* without the number of the node */
    unsigned own;
    int fd[CR_VBUS_NODES]; /* opened when first rung; -1 before */
};

/* Make and open the FIFO of node `own`. */
int cr_bells_open(struct cr_bells *bells, const char *bus, unsigned own, struct canring_error *err);
/* `remove_all`: the bus is gone, so are all its FIFOs; else only what is open is closed. */
void cr_bells_close(struct cr_bells *bells, bool remove_all);

/* One byte to each node in `nodes`. */
void cr_bells_ring(struct cr_bells *bells, uint64_t nodes);
/* Empty the own one. */
void cr_bells_drain(const struct cr_bells *bells);

#endif
