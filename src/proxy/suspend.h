/* A proxy without its bus.
 *
 * While suspended a bus that receives nothing and takes nothing stands in for the real one, so that
 * nobody else has to ask; the options to open that again are kept here. Runs on the proxy's
 * thread.
 */
#ifndef CANRING_SUSPEND_H
#define CANRING_SUSPEND_H

#include "can/driver.h"

struct cr_suspension {
    struct canring_bus_options options; /* a copy of its own */
    struct cr_bus stand_in;
};

int cr_suspension_open(struct cr_suspension *suspension, const struct canring_bus_options *options,
                       struct canring_error *err);
void cr_suspension_close(struct cr_suspension *suspension);

#endif
