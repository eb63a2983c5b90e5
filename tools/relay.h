/* A pipe whose other end goes to standard output.
 *
 * For output_open: a file that standard output is in the middle of must be written on there, not
 * opened once more. It must not outlive the writer that fills it.
 */
#ifndef CANRING_RELAY_H
#define CANRING_RELAY_H

#include <pthread.h>

struct relay {
    int from, to; /* ends of the pipe */
    int error;    /* negative errno of writing */
    pthread_t thread;
};

/* 0 or negative errno. */
int relay_start(struct relay *relay);

/* Wait until everything that was written to `to` has gone on. 0 or negative errno. */
int relay_stop(struct relay *relay);

#endif
