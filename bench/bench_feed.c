/* Numbered classic frames on an in-memory bus at a rate, for what captures it.
 *
 *     bench_feed BUS RATE SECONDS
 *
 * Prints the frames sent. The payload is the frame's number, from 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "feed.h"
#include "rig.h"

int main(int argc, char **argv)
{
    bench_words(argc, argv, 3, "bench_feed BUS RATE SECONDS");
    if (argc < 4)
        bench_misuse("BUS, RATE and SECONDS are wanted");
    uint64_t rate = bench_number(2, 0, 1, FEED_RATE_MAX);
    uint64_t seconds = bench_number(3, 0, 1, FEED_SECONDS_MAX);
    struct feed *feed = feed_open(argv[1]);
    const uint64_t frames = rate * seconds, start = bench_ns();
    for (uint64_t sent = 0; sent < frames;) {
        uint64_t due = (bench_ns() - start) / 1000 * rate / 1000000;
        due = due < frames ? due : frames;
        unsigned some = due - sent < FEED_BURST ? (unsigned)(due - sent) : FEED_BURST;
        some = some ? feed_send(feed, sent, some) : 0;
        sent += some;
        if (!some)
            usleep(300);
    }
    printf("%llu\n", (unsigned long long)frames);
    feed_close(feed);
    return 0;
}
