#include "proxy/engine.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <linux/can.h>

#include "shm/probe.h"

#define SEND_LIFETIME_MS 1000u
#define BUSY_POLL_US     50u
#define POLL_ROUNDS      256u /* of one canring_proxy_poll: its caller has other things to do */
#define EPOLL_EVERY      16u  /* rounds between looks at epoll, each of which is a system call */
#define LAST_ROUNDS      64u  /* that are still served at the end */

void cr_proxy_report(const struct canring_proxy *proxy, int level, const char *format, ...)
{
    char text[CANRING_ERROR_TEXT];
    va_list args;
    if (!proxy->report)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    proxy->report(proxy->report_arg, level, text);
}

static void on_bell(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    const struct canring_proxy *proxy = source->owner;
    uint64_t rung;
    (void)result, (void)flags, (void)buffer;
    ssize_t got = read(proxy->bell, &rung, sizeof(rung));
    (void)got; /* that we are awake is all there is to it */
}

int cr_proxy_add_port(struct canring_proxy *proxy, const struct canring_channel_config *config,
                      struct cr_port **out, struct canring_error *err)
{
    if (proxy->port_count == CANRING_CHANNELS_MAX)
        return canring_error_set(err, -ENOSPC,
                                 "a proxy has at most %u channels, observers included",
                                 CANRING_CHANNELS_MAX);
    struct cr_port *port = aligned_alloc(64, (sizeof(*port) + 63) / 64 * 64);
    if (!port)
        return canring_error_set(err, -ENOMEM, "no memory for a channel");
    int result = cr_port_open(port, proxy->name, config, err);
    if (result < 0) {
        free(port);
        return result;
    }
    proxy->ports[proxy->port_count++] = port;
    *out = port;
    return 0;
}

void cr_proxy_remove_port(struct canring_proxy *proxy, struct cr_port *port)
{
    for (size_t i = 0; i < proxy->port_count; i++) {
        if (proxy->ports[i] != port)
            continue;
        proxy->ports[i] = proxy->ports[--proxy->port_count];
        cr_port_close(port);
        free(port);
        return;
    }
}

int cr_proxy_open_bus(struct canring_proxy *proxy, const struct canring_bus_options *options,
                      struct canring_error *err)
{
    struct canring_bus_options bus = *options;
    /* Without filters of its own a bus shows its error frames as well: they tell its state. */
    if (!bus.filters.count && !bus.filters.error_mask)
        bus.filters.error_mask = CAN_ERR_MASK;
    if (!bus.report) {
        bus.report = proxy->report;
        bus.report_arg = proxy->report_arg;
    }
    int result = cr_bus_open(&proxy->bus, proxy->loop, &bus, err);
    if (result == 0)
        proxy->losses.next = proxy->bus->number;
    return result;
}

static int open_bell(struct canring_proxy *proxy, struct canring_error *err)
{
    proxy->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (proxy->bell < 0)
        return canring_error_set(err, -errno, "eventfd: %s", strerror(errno));
    proxy->bell_source = (struct cr_source){.ready = on_bell, .owner = proxy};
    int result = cr_loop_watch(proxy->loop, &proxy->bell_source, proxy->bell, POLLIN);
    return result < 0 ? canring_error_set(err, result, "doorbell: %s", strerror(-result)) : 0;
}

static int open_parts(struct canring_proxy *proxy, const struct canring_proxy_options *options,
                      struct canring_error *err)
{
    struct cr_port *port;
    int result = cr_proxy_prepare_latency(proxy, options, err);
    if (result == 0)
        result = cr_loop_open_sqpoll(&proxy->loop, options->sqpoll, err);
    if (result == 0 && options->sqpoll && !cr_loop_sqpoll(proxy->loop))
        cr_proxy_report(proxy, LOG_WARNING,
                        "sqpoll: this kernel refuses it, the proxy goes on with %s alone",
                        cr_loop_kind(proxy->loop) == CR_LOOP_URING ? "io_uring" : "epoll");
    if (result == 0)
        result = cr_suspension_open(&proxy->suspension, &options->bus, err);
    if (result == 0 && options->start != CANRING_START_RUNNING)
        cr_proxy_begin_suspended(proxy);
    else if (result == 0)
        result = cr_proxy_open_bus(proxy, &options->bus, err);
    if (result == 0)
        result = open_bell(proxy, err);
    /* The socket first: it says in words that another proxy of this name runs. */
    if (result == 0)
        result = cr_serve_open(proxy, err);
    for (size_t i = 0; i < options->channel_count && result == 0; i++)
        result = cr_proxy_add_port(proxy, &options->channels[i], &port, err);
    if (result == 0)
        result = cr_serve_share(proxy, err);
    return result == 0 ? cr_proxy_open_traces(proxy, options, err) : result;
}

int canring_proxy_open(struct canring_proxy **out, const struct canring_proxy_options *options,
                       struct canring_error *err)
{
    *out = NULL;
    int result = cr_proxy_check(options, err);
    if (result < 0)
        return result;
    struct canring_proxy *proxy = calloc(1, sizeof(*proxy));
    if (!proxy)
        return canring_error_set(err, -ENOMEM, "no memory for a proxy");
    snprintf(proxy->name, sizeof(proxy->name), "%s", options->name);
    snprintf(proxy->attributes, sizeof(proxy->attributes), "%s",
             options->attributes ? options->attributes : "{}");
    proxy->bell = proxy->listener = -1;
    proxy->wait = options->wait;
    proxy->resume_on_attach = options->start == CANRING_START_ON_ATTACH;
    proxy->gather_ns = UINT64_C(1000) * options->coalesce;
    proxy->spin_ns = UINT64_C(1000) * (options->busy_poll ? options->busy_poll : BUSY_POLL_US);
    proxy->echo = options->bus.receive_own;
    proxy->source_waits = true;
    proxy->report = options->report;
    proxy->report_arg = options->report_arg;
    proxy->opened_ns = cr_monotonic_ns();
    proxy->unsent.limit = 1u << 16;
    uint32_t lifetime = options->bus.send_lifetime_ms;
    proxy->lifetime_ns = (uint64_t)(lifetime ? lifetime : SEND_LIFETIME_MS) * 1000000u;
    proxy->received = aligned_alloc(64, sizeof(*proxy->received));
    proxy->taken = aligned_alloc(64, sizeof(*proxy->taken));
    result = proxy->received && proxy->taken ? open_parts(proxy, options, err)
                                             : canring_error_set(err, -ENOMEM, "no memory");
    if (result < 0) {
        canring_proxy_close(proxy);
        return canring_error_prefix(err, "proxy %s", options->name);
    }
    *out = proxy;
    return 0;
}

bool cr_proxy_close(struct canring_proxy *proxy)
{
    cr_serve_close(proxy);
    for (size_t i = 0; i < proxy->port_count; i++) {
        cr_port_close(proxy->ports[i]);
        free(proxy->ports[i]);
    }
    const bool whole = cr_proxy_close_traces(proxy);
    if (proxy->bus)
        proxy->bus->driver->close(proxy->bus);
    if (proxy->loop)
        cr_loop_close(proxy->loop);
    if (proxy->bell >= 0)
        close(proxy->bell);
    cr_suspension_close(&proxy->suspension);
    cr_fifo_clear(&proxy->unsent);
    cr_proxy_close_latency(proxy);
    free(proxy->received);
    free(proxy->taken);
    free(proxy);
    return whole;
}

void canring_proxy_close(struct canring_proxy *proxy)
{
    if (proxy)
        cr_proxy_close(proxy);
}

/* Tell every side whose doing we wait for that we are about to sleep. False when one of them has
 * done it already. Undone by wake_up in either case. */
static bool announce_sleep(struct canring_proxy *proxy)
{
    bool pausable = proxy->bus->driver->pausable && !proxy->bus_error && !proxy->source_waits;
    bool idle = true;
    proxy->asleep = true;
    for (size_t i = 0; i < proxy->port_count; i++) {
        struct cr_port *port = proxy->ports[i];
        if (!cr_port_attached(port))
            continue;
        idle = cr_outlet_prepare(&port->outlet, pausable) && idle;
        if (proxy->unsent.count < CR_UNSENT_MAX) /* else the bus has to move first */
            idle = canring_ring_prepare(&port->in, CANRING_ASLEEP_FD) && idle;
    }
    idle = cr_proxy_prepare_traces(proxy, pausable) && idle;
    /* Last: a bus that is held back until there is room is not asked, and who makes room from here
     * on rings. */
    if (proxy->bus->driver->prepare_sleep && !proxy->bus_error && !cr_dispatch_holds_source(proxy))
        idle = proxy->bus->driver->prepare_sleep(proxy->bus) && idle;
    return idle;
}

static void wake_up(struct canring_proxy *proxy)
{
    if (!proxy->asleep)
        return;
    proxy->asleep = false;
    for (size_t i = 0; i < proxy->port_count; i++) {
        if (!cr_port_attached(proxy->ports[i]))
            continue;
        canring_ring_awake(&proxy->ports[i]->in);
        cr_outlet_awake(&proxy->ports[i]->outlet);
    }
    cr_proxy_awake_traces(proxy);
    if (proxy->bus->driver->awake && !proxy->bus_error)
        proxy->bus->driver->awake(proxy->bus);
}

/* Let bus, doorbell and control socket have their say, then move frames. > 0 = there was something
 * to do. */
static int round_once(struct canring_proxy *proxy)
{
    int events = 0;
    bool epoll = cr_loop_kind(proxy->loop) == CR_LOOP_EPOLL;
    if (!epoll || proxy->idle_passes || proxy->passes % EPOLL_EVERY == 0)
        events = cr_loop_poll(proxy->loop);
    if (events < 0)
        return events;
    proxy->passes++;
    unsigned moved = cr_dispatch(proxy);
    bool served = cr_serve_rest(proxy);
    return events > 0 || moved > 0 || served;
}

/* Adaptive: a peer that answers at once finds us awake. */
static bool keep_polling(struct canring_proxy *proxy)
{
    if (proxy->wait == CANRING_WAIT_SPIN)
        return true;
    if (proxy->wait == CANRING_WAIT_PARK)
        return false;
    if (proxy->idle_passes++ == 0) {
        proxy->idle_since = cr_monotonic_ns();
        return true;
    }
    return proxy->idle_passes % 16 != 0 || cr_monotonic_ns() - proxy->idle_since < proxy->spin_ns;
}

/* What arrives meanwhile waits in the kernel's buffers, with its time stamps, and in the rings of
 * auxiliaries; a signal ends it. */
static void gather(const struct canring_proxy *proxy)
{
    const struct timespec pause = {.tv_sec = (time_t)(proxy->gather_ns / 1000000000u),
                                   .tv_nsec = (long)(proxy->gather_ns % 1000000000u)};
    if (proxy->gather_ns && !atomic_load_explicit(&proxy->stop, memory_order_acquire))
        nanosleep(&pause, NULL);
}

static int sleep_once(struct canring_proxy *proxy)
{
    int result = 0;
    if (announce_sleep(proxy)) {
        proxy->sleeps++;
        CR_PROBE2(sleep, proxy->name, proxy->number);
        result = cr_loop_wait(proxy->loop, cr_dispatch_due(proxy));
        CR_PROBE2(awake, proxy->name, result);
        wake_up(proxy);
        if (result > 0)
            gather(proxy);
    }
    wake_up(proxy);
    proxy->idle_passes = 0;
    return result;
}

static bool bus_failed(const struct canring_proxy *proxy)
{
    return proxy->bus_error && proxy->bus_error != -ENODATA;
}

/* What had arrived when it was to end belongs to the auxiliaries and the trace. Bounded, for a bus
 * that never falls silent; one that can wait would only be read on. */
static void take_the_rest(struct canring_proxy *proxy)
{
    for (unsigned round = 0; round < LAST_ROUNDS && !proxy->bus->driver->pausable; round++) {
        proxy->idle_passes = 1; /* look at the sockets, too */
        if (round_once(proxy) <= 0 || bus_failed(proxy))
            return;
    }
}

static int run(struct canring_proxy *proxy)
{
    while (!atomic_load_explicit(&proxy->stop, memory_order_acquire)) {
        int result = round_once(proxy);
        if (bus_failed(proxy))
            return proxy->bus_error;
        if (result > 0) {
            proxy->idle_passes = 0;
            continue;
        }
        if (result == 0 && keep_polling(proxy)) {
            canring_pause();
            continue;
        }
        if (result == 0)
            result = sleep_once(proxy);
        if (result < 0)
            return result;
    }
    take_the_rest(proxy);
    return 0;
}

int canring_proxy_run(struct canring_proxy *proxy)
{
    int result = cr_proxy_apply_latency(proxy);
    if (result < 0)
        return result;
    proxy->spinning = proxy->wait == CANRING_WAIT_SPIN;
    result = run(proxy);
    proxy->spinning = false;
    return result;
}

static void ring_own_bell(const struct canring_proxy *proxy)
{
    const uint64_t one = 1;
    int saved = errno; /* a signal handler may be asking */
    ssize_t written = write(proxy->bell, &one, sizeof(one));
    (void)written;
    errno = saved;
}

void canring_proxy_stop(struct canring_proxy *proxy)
{
    atomic_store_explicit(&proxy->stop, true, memory_order_release);
    ring_own_bell(proxy);
}

static void on_expiry(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    (void)source, (void)result, (void)flags, (void)buffer; /* that it woke us is enough */
}

/* Returns as cr_loop_poll. */
static int wake_at_expiry(struct canring_proxy *proxy)
{
    uint64_t due = cr_dispatch_due(proxy);
    proxy->expiry.ready = on_expiry;
    if (due == UINT64_MAX)
        return 0;
    int result = cr_loop_timer(proxy->loop, &proxy->expiry, due);
    return result < 0 ? result : cr_loop_poll(proxy->loop); /* the first needs to be submitted */
}

int canring_proxy_poll(struct canring_proxy *proxy)
{
    int applied = cr_proxy_apply_latency(proxy);
    if (applied < 0)
        return applied;
    wake_up(proxy);
    proxy->idle_passes =
        1; /* look at the loop in each round: there was an event, or there may be */
    for (unsigned round = 0; round < POLL_ROUNDS; round++) {
        int result = round_once(proxy);
        if (bus_failed(proxy))
            return proxy->bus_error;
        if (result < 0)
            return result;
        if (result == 0)
            result = wake_at_expiry(proxy);
        if (result < 0)
            return result;
        if (result == 0 && announce_sleep(proxy))
            return 0;
        wake_up(proxy);
    }
    ring_own_bell(proxy); /* not done: the fd stays readable */
    return 0;
}

int canring_proxy_fd(const struct canring_proxy *proxy)
{
    return cr_loop_fd(proxy->loop);
}
