/* A proxy's trace: a reader of its own, in a thread of its own, that writes a candump log.
 *
 * The proxy gives it frames like any channel, through an outlet; the disk never delays the bus.
 * What the outlet cannot take is counted as dropped there.
 */
#ifndef CANRING_PROXY_TRACE_H
#define CANRING_PROXY_TRACE_H

#include "proxy/outlet.h"

struct cr_trace {
    struct cr_outlet outlet; /* the proxy's end */
    struct cr_trace_writer *writer;
};

/* Create the file (an existing one is not touched: -EEXIST) and start the writer. `interface` is
 * what each line names; `bell` rings the proxy when the writer has made room. */
int cr_trace_open(struct cr_trace *trace, const char *path, const char *interface, int bell,
                  struct canring_error *err);

/* Write what is left, close the file. 0, or the first write error. */
int cr_trace_close(struct cr_trace *trace);

/* Frames written so far, and the first error that writing met (0 = none). */
uint64_t cr_trace_written(const struct cr_trace *trace, int *error);

#endif
