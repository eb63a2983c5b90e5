/* What a bus driver is to the proxy and to canring_bus_*.
 *
 * A driver reads frames from one bus and puts frames on it, never blocks, and never
 * sleeps: its owner sleeps in the loop that the driver registered its sources with.
 * All calls come from the one thread that runs that loop.
 */
#ifndef CANRING_DRIVER_H
#define CANRING_DRIVER_H

#include <canring/bus.h>
#include <sys/types.h>

#include "can/batch.h"
#include "can/loop.h"

struct cr_bus;

struct cr_driver {
    const char *interface; /* the name in canring_bus_options.interface */

    /* Open and register with `loop`; allocates *bus (its first member is struct cr_bus). */
    int (*open)(struct cr_bus **bus, struct cr_loop *loop,
                const struct canring_bus_options *options, struct canring_error *err);
    void (*close)(struct cr_bus *bus);

    /* Append what has arrived to `batch`, as much as fits (timestamps, flags, id, data set;
     * `number` counts frames of this bus and skips the ones the kernel lost). Returns frames
     * appended, 0 = nothing there, negative errno = the bus failed for good. No system call when
     * completions are already in memory. A bus of several interfaces appends frames of one of them
     * in a call, and sets bus->origin and bus->more. */
    int (*receive)(struct cr_bus *bus, struct cr_batch *batch);

    /* Hand over frames in order. Returns how many of `count` were dealt with, sent or counted as
     * refused; fewer than `count` means no room now: `bus->tx_blocked` is set and the loop wakes
     * up when it is worth asking again (the driver then clears it). */
    int (*send)(struct cr_bus *bus, const struct canring_frame *const *frames, unsigned count);

    /* About to sleep: arrange to be woken. False when frames are there already and the owner
     * must not sleep. NULL when the loop's sources are enough. */
    bool (*prepare_sleep)(struct cr_bus *bus);
    /* Awake again. NULL when prepare_sleep is. */
    void (*awake)(struct cr_bus *bus);

    /* Bring bus->stats up to date with what the kernel has counted but not told yet. One system
     * call; asked when the numbers are shown. NULL when they always are up to date. */
    void (*refresh_stats)(struct cr_bus *bus);

    /* True for a source that can be paused without losing anything (replay): the owner
     * asks it only when every consumer has room. */
    bool pausable;
};

struct cr_bus {
    const struct cr_driver *driver;
    struct cr_loop *loop;
    char name[64];   /* what can-utils would print: "vcan0" */
    char origin[64]; /* of a bus of several interfaces: the one of the latest frames; else empty */
    bool more;       /* receive stopped at a frame of another interface: worth asking again */
    bool tx_blocked; /* see send */
    uint32_t holds;  /* bytes that wait for receive while nobody calls it; 0: not known */
    uint32_t number; /* of the next frame received */
    dev_t device;    /* of the file that is played, with its inode; 0 = there is none */
    ino_t inode;
    struct canring_bus_stats stats;
    void (*report)(void *arg, int level, const char *text);
    void *report_arg;
};

/* Name of the interface that the latest frames came from. */
static inline const char *cr_bus_origin(const struct cr_bus *bus)
{
    return bus->origin[0] ? bus->origin : bus->name;
}

/* The driver of that name, or NULL with the known ones and the nearest in `err`. */
const struct cr_driver *cr_driver_find(const char *interface, struct canring_error *err);

/* Open with the driver that the options name. */
int cr_bus_open(struct cr_bus **bus, struct cr_loop *loop,
                const struct canring_bus_options *options, struct canring_error *err);

/* Tell the owner a thing worth knowing, once each time it happens. */
void cr_bus_report(const struct cr_bus *bus, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

extern const struct cr_driver cr_driver_socketcan;
extern const struct cr_driver cr_driver_pcan;
extern const struct cr_driver cr_driver_udp_multicast;
extern const struct cr_driver cr_driver_virtual;
extern const struct cr_driver cr_driver_replay;

#endif
