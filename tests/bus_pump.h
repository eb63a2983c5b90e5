/* Drive one bus driver as its owner does: for the tests of drivers. */
#ifndef CANRING_TESTS_BUS_PUMP_H
#define CANRING_TESTS_BUS_PUMP_H

#include "can/driver.h"

#include <errno.h>
#include <time.h>

struct pump {
    struct cr_loop *loop;
    struct cr_bus *bus;
    struct cr_batch batch;
    struct canring_error err;
};

static inline uint64_t pump_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline int pump_open(struct pump *pump, const struct cr_driver *driver,
                            const struct canring_bus_options *options, bool force_epoll)
{
    pump->bus = NULL;
    pump->err.text[0] = '\0';
    int rc = cr_loop_open(&pump->loop, force_epoll, &pump->err);
    if (rc)
        return rc;
    rc = driver->open(&pump->bus, pump->loop, options, &pump->err);
    if (rc)
        cr_loop_close(pump->loop);
    return rc;
}

static inline void pump_close(struct pump *pump)
{
    pump->bus->driver->close(pump->bus);
    cr_loop_close(pump->loop);
}

/* Sleep as an owner does, `timeout_ns` at most. */
static inline int pump_sleep(struct pump *pump, uint64_t timeout_ns)
{
    const struct cr_driver *driver = pump->bus->driver;
    bool sleeps = !driver->prepare_sleep || driver->prepare_sleep(pump->bus);
    int rc = sleeps ? cr_loop_wait(pump->loop, timeout_ns) : cr_loop_poll(pump->loop);
    if (driver->awake)
        driver->awake(pump->bus);
    return rc;
}

/* Clear the batch and fill it with what comes first, waiting up to `timeout_ms`. Frames, 0 on
 * timeout, or the driver's error. */
static inline int pump_receive(struct pump *pump, unsigned timeout_ms)
{
    uint64_t end = pump_now_ns() + timeout_ms * UINT64_C(1000000);
    cr_batch_clear(&pump->batch);
    for (;;) {
        cr_loop_poll(pump->loop);
        int rc = pump->bus->driver->receive(pump->bus, &pump->batch);
        uint64_t now = pump_now_ns();
        if (rc || now >= end)
            return rc;
        pump_sleep(pump, end - now);
    }
}

/* Send one frame, waiting for room; 0, or -EAGAIN after 5 s. */
static inline int pump_send(struct pump *pump, const struct canring_frame *frame)
{
    uint64_t end = pump_now_ns() + UINT64_C(5000000000);
    while (pump->bus->driver->send(pump->bus, &frame, 1) == 0) {
        if (pump_now_ns() > end)
            return -EAGAIN;
        cr_loop_wait(pump->loop, 1000000);
    }
    return 0;
}

#endif
