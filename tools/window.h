/* The busiest second (or any other stretch) of something that is counted over time.
 *
 * Stretches lie side by side from the first time on. For info; constant memory, knows no clock.
 */
#ifndef CANRING_WINDOW_H
#define CANRING_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct window {
    uint64_t length_ns; /* set by the user, the rest is zero at first */
    uint64_t start;
    uint64_t first, second; /* of the stretch that is going on */
    uint64_t peak_start, peak_first, peak_second;
    bool begun;
};

/* Count two kinds of something at a time. A time before the stretch counts in it. */
void window_add(struct window *window, uint64_t at_ns, uint64_t first, uint64_t second);

/* The last stretch is over. */
void window_end(struct window *window);

#endif
