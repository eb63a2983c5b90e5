/* Numbered classic frames put on an in-memory bus, at a rate or as fast as it takes them.
 *
 * For benches that want a known stream: the payload is the frame's number, the id its low bits.
 * Sends batches through the driver, as fast as several senders together would be.
 */
#ifndef CANRING_BENCH_FEED_H
#define CANRING_BENCH_FEED_H

#include <stdint.h>

/* So that what is due can be reckoned in 64 bits, in microseconds. */
#define FEED_RATE_MAX    100000000u
#define FEED_SECONDS_MAX 100000u

struct feed;

/* End with a word when the bus cannot be opened. */
struct feed *feed_open(const char *name);

/* Send frames `number` … `number + count - 1`, at most FEED_BURST. Returns how many went. */
#define FEED_BURST 512u
unsigned feed_send(struct feed *feed, uint64_t number, unsigned count);

void feed_close(struct feed *feed);

#endif
