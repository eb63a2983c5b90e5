#include <canring/bus.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "can/driver.h"
#include "shm/clock.h"

/* A bus opened by itself may be used by one thread after another, which io_uring's single issuer
 * may not: it sleeps in epoll. With one bus that costs nothing (recvmmsg is one call for 64
 * frames); CANRING_LOOP=uring asks for io_uring all the same. */

struct canring_bus {
    struct cr_loop *loop;
    struct cr_bus *bus;
    bool listen_only;
    bool fd_is_used;            /* somebody else may sleep on it between our calls */
    bool asleep;                /* between prepare_sleep and awake */
    bool looked;                /* at events without waiting, for the frames last handed out */
    struct canring_frame *next; /* of `batch`, not yet handed out */
    struct cr_batch batch;
};

/* End of a wait of `timeout_ms`, and what is left until then; -1 = for ever. */
static uint64_t deadline(int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : cr_monotonic_ns() + (uint64_t)timeout_ms * 1000000u;
}

static uint64_t left(uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX)
        return UINT64_MAX;
    uint64_t now = cr_monotonic_ns();
    return now < deadline_ns ? deadline_ns - now : 0;
}

static bool uring_is_asked_for(void)
{
    const char *kind = getenv("CANRING_LOOP");
    return kind && strcmp(kind, "uring") == 0;
}

int canring_bus_open(struct canring_bus **result, const struct canring_bus_options *options,
                     struct canring_error *err)
{
    struct canring_bus *bus = aligned_alloc(_Alignof(struct canring_bus), sizeof(*bus));
    if (!bus)
        return canring_error_set(err, -ENOMEM, "out of memory");
    bus->next = NULL;
    bus->fd_is_used = bus->asleep = bus->looked = false;
    bus->listen_only = options->listen_only;
    cr_batch_clear(&bus->batch);
    int rc = cr_loop_open(&bus->loop, !uring_is_asked_for(), err);
    if (rc < 0) {
        free(bus);
        return rc;
    }
    rc = cr_bus_open(&bus->bus, bus->loop, options, err);
    if (rc < 0) {
        cr_loop_close(bus->loop);
        free(bus);
        return rc;
    }
    *result = bus;
    return 0;
}

void canring_bus_close(struct canring_bus *bus)
{
    if (!bus)
        return;
    bus->bus->driver->close(bus->bus);
    cr_loop_close(bus->loop);
    free(bus);
}

int canring_bus_fd(struct canring_bus *bus)
{
    bus->fd_is_used = true;
    return cr_loop_fd(bus->loop);
}

/* ---- receive ------------------------------------------------------------------- */

static bool hand_out(struct canring_bus *bus, const struct canring_frame **frame)
{
    if (!bus->next)
        return false;
    *frame = bus->next;
    bus->next = cr_batch_next(&bus->batch, bus->next);
    return true;
}

static int refill(struct canring_bus *bus)
{
    cr_batch_clear(&bus->batch);
    int rc = bus->bus->driver->receive(bus->bus, &bus->batch);
    bus->next = rc > 0 ? cr_batch_first(&bus->batch) : NULL;
    return rc;
}

static bool fall_asleep(struct canring_bus *bus)
{
    const struct cr_driver *driver = bus->bus->driver;
    bus->asleep = !driver->prepare_sleep || driver->prepare_sleep(bus->bus);
    return bus->asleep;
}

static void wake_up(struct canring_bus *bus)
{
    const struct cr_driver *driver = bus->bus->driver;
    if (bus->asleep && driver->awake)
        driver->awake(bus->bus);
    bus->asleep = false;
}

/* Events; something that is there already counts as one. */
static int sleep_in_loop(struct canring_bus *bus, uint64_t ns)
{
    if (!fall_asleep(bus))
        return 1;
    int rc = cr_loop_wait(bus->loop, ns);
    wake_up(bus);
    return rc;
}

#define LAST_LOOKS 16

/* Nothing for the caller: whoever sleeps on the fd next must be woken for what comes from here on.
 * Bounded, because what is there may be all for others. Returns as refill. */
static int leave_asleep(struct canring_bus *bus)
{
    int rc = 0;
    for (int looks = 0; bus->fd_is_used && rc == 0 && looks < LAST_LOOKS; looks++) {
        if (fall_asleep(bus))
            return 0;
        rc = refill(bus);
    }
    return rc;
}

/* Events are looked at before the batch is filled, so that nothing waits for a frame to come. A
 * wait that ends early without an event was ended by a signal: back to the caller, who knows. Who
 * empties a bus without waiting (until 0) is spared a second look right after the first. */
int canring_bus_receive(struct canring_bus *bus, const struct canring_frame **frame, int timeout_ms)
{
    if (hand_out(bus, frame))
        return 1;
    wake_up(bus);
    uint64_t end = timeout_ms ? deadline(timeout_ms) : 0;
    int rc = refill(bus);
    bool again = rc == 0 && (timeout_ms || !bus->looked);
    bus->looked = again && !timeout_ms;
    while (again) {
        uint64_t ns = timeout_ms ? left(end) : 0;
        int events = ns ? sleep_in_loop(bus, ns) : cr_loop_poll(bus->loop);
        rc = events < 0 ? events : refill(bus);
        again = rc == 0 && ns && events > 0;
    }
    bus->looked = bus->looked && rc > 0;
    if (rc == 0)
        rc = leave_asleep(bus);
    if (rc < 0)
        return rc;
    return hand_out(bus, frame);
}

/* ---- send ----------------------------------------------------------------------- */

static int refusal(const struct canring_bus *bus, uint64_t refused_before)
{
    return bus->bus->stats.tx_refused == refused_before ? 0 : -EOPNOTSUPP;
}

/* Wait until the driver may be asked again. 0, or why not. */
static int wait_for_room(struct canring_bus *bus, uint64_t end)
{
    while (bus->bus->tx_blocked) {
        if (bus->bus->stats.state == CANRING_BUS_DOWN)
            return -ENETDOWN;
        uint64_t ns = left(end);
        int rc = ns ? cr_loop_wait(bus->loop, ns) : cr_loop_poll(bus->loop);
        if (rc < 0)
            return rc;
        if (ns == 0 && bus->bus->tx_blocked)
            return -EAGAIN;
    }
    return 0;
}

int canring_bus_send(struct canring_bus *bus, const struct canring_frame *frame, int timeout_ms)
{
    uint64_t refused = bus->bus->stats.tx_refused, end = deadline(timeout_ms);
    int rc = canring_frame_check(frame, frame->size);

    if (rc < 0)
        return rc;
    if (bus->listen_only) {
        bus->bus->stats.tx_refused++;
        return -EPERM;
    }
    while ((rc = wait_for_room(bus, end)) == 0) {
        rc = bus->bus->driver->send(bus->bus, &frame, 1);
        if (rc != 0)
            return rc < 0 ? rc : refusal(bus, refused);
    }
    return rc;
}

void canring_bus_stats(const struct canring_bus *bus, struct canring_bus_stats *stats)
{
    if (bus->bus->driver->refresh_stats)
        bus->bus->driver->refresh_stats(bus->bus);
    *stats = bus->bus->stats;
    stats->receive_calls += cr_loop_enters(bus->loop);
}

uint64_t canring_bus_link_down(const struct canring_bus *bus)
{
    return bus->bus->stats.link_down;
}

const char *canring_bus_name(const struct canring_bus *bus)
{
    return cr_bus_origin(bus->bus);
}
