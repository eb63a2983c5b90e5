/* How far a long run through recordings is, on a terminal.
 *
 * One line on stderr, written over and over, at most a few times a second; nothing when stderr is
 * no terminal.
 */
#ifndef CANRING_PROGRESS_H
#define CANRING_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown;
    bool wanted;
    uint64_t start_ns, last_ns;
    uint64_t calls;
};

void progress_start(struct progress *progress);

/* True now and then, when it is time to find out how far things are and to show it. */
bool progress_due(struct progress *progress);

/* `size` 0: unknown. */
void progress_show(struct progress *progress, uint64_t done, uint64_t size, uint64_t frames);

/* Take the line away. */
void progress_end(struct progress *progress);

#endif
