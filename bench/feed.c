#include "feed.h"

#include <stdlib.h>

#include "can/driver.h"
#include "can/loop.h"
#include "rig.h"

struct feed {
    struct cr_loop *loop;
    struct cr_bus *bus;
};

struct feed *feed_open(const char *name)
{
    const struct canring_bus_options options = {.interface = "virtual", .channel = name};
    struct feed *feed = calloc(1, sizeof(*feed));
    struct canring_error err;
    if (!feed || cr_loop_open(&feed->loop, false, &err) < 0 ||
        cr_bus_open(&feed->bus, feed->loop, &options, &err) < 0)
        bench_die("cannot open the bus %s", name);
    return feed;
}

unsigned feed_send(struct feed *feed, uint64_t number, unsigned count)
{
    static struct {
        _Alignas(32) uint8_t bytes[32];
    } room[FEED_BURST];
    const struct canring_frame *frames[FEED_BURST];
    for (unsigned i = 0; i < count; i++) {
        struct canring_frame *frame = (struct canring_frame *)(void *)room[i].bytes;
        uint64_t value = number + i;
        canring_frame_classic(frame, (uint32_t)(value & 0x7ff), &value, sizeof(value));
        frames[i] = frame;
    }
    /* Clears what an earlier refusal has set, when its timer is due. */
    if (feed->bus->tx_blocked && cr_loop_poll(feed->loop) < 0)
        bench_die("the feed's loop failed");
    int sent = feed->bus->driver->send(feed->bus, frames, count);
    return sent > 0 ? (unsigned)sent : 0;
}

void feed_close(struct feed *feed)
{
    feed->bus->driver->close(feed->bus);
    cr_loop_close(feed->loop);
    free(feed);
}
