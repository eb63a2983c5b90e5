/* The proxy: owns one bus, serves any number of channels.
 *
 * For `canring run`, and for programs that run a proxy on a thread of their own. All calls but
 * canring_proxy_stop come from one thread at a time, and from the first run or poll on from one
 * thread only. While frames flow it makes system calls for its bus alone.
 */
#ifndef CANRING_PROXY_H
#define CANRING_PROXY_H

#include <sys/types.h>

#include <canring/bus.h>
#include <canring/error.h>
#include <canring/filter.h>
#include <canring/latency.h>
#include <canring/recording.h>
#include <canring/wait.h>

#ifdef __cplusplus
extern "C" {
#endif

enum canring_overflow {
    CANRING_OVERFLOW_SPILL, /* keep frames in the proxy's memory, up to spill_limit, then drop */
    CANRING_OVERFLOW_DROP
};

#define CANRING_RING_SLOTS     16384u /* default: 512 KiB */
#define CANRING_ATTRIBUTES_MAX 1024
#define CANRING_CHANNELS_MAX   256u   /* of a proxy, observers included */
#define CANRING_SPILL_LIMIT    65536u /* default, frames */

/* More is refused. */
#define CANRING_RING_SLOTS_MAX  1048576u
#define CANRING_SPILL_LIMIT_MAX (1u << 28)
#define CANRING_BUSY_POLL_MAX   1000000u
#define CANRING_COALESCE_MAX    100000u

/* Memory that a spilled frame may take on average: that of the largest CAN FD frame. CAN XL frames
 * take up to 22 times as much, so fewer of them are kept. */
#define CANRING_SPILL_FRAME 96u

struct canring_channel_config {
    const char *name;      /* unique in the proxy, at most 63 characters, no '/' */
    const char *auxiliary; /* who is meant to attach; for people, may be NULL */
    struct canring_filters
        filters;         /* what the channel receives; empty and not given = everything */
    uint32_t ring_slots; /* each way, a power of two, 128..CANRING_RING_SLOTS_MAX;
                            0 = CANRING_RING_SLOTS */
    enum canring_overflow overflow;
    uint32_t spill_limit; /* frames, of CANRING_SPILL_FRAME bytes, 1..CANRING_SPILL_LIMIT_MAX;
                             0 = CANRING_SPILL_LIMIT */
    const char *group;    /* whose members may attach as well; NULL = the user and root alone. Lets
                             all pass through the runtime directory (0711) to the proxy's socket;
                             other requests than attaching stay the user's. */
    bool huge_pages;      /* rings in huge pages: 65536 slots or a multiple of it */
};

enum canring_start {
    CANRING_START_RUNNING,
    CANRING_START_SUSPENDED, /* canring_proxy_resume opens the bus */
    CANRING_START_ON_ATTACH, /* so does the first auxiliary that attaches */
};

/* Zero-initialise, then set what matters. Copied; nothing is kept. */
struct canring_proxy_options {
    const char *name; /* unique among running proxies, at most 63 characters, no '/' */
    struct canring_bus_options bus;
    const struct canring_channel_config *channels;
    size_t channel_count;
    enum canring_wait wait;
    enum canring_start start;
    /* For the thread that runs the proxy, from its first run or poll on; checked by open, which
     * locks memory before it opens the bus. canring_proxy_close unlocks it. */
    struct canring_latency latency;
    uint32_t busy_poll;     /* us that CANRING_WAIT_ADAPTIVE polls for before it sleeps, up to
                               CANRING_BUSY_POLL_MAX; 0 = 50 */
    uint32_t coalesce;      /* us that canring_proxy_run lets frames gather for after a sleep, to
                               handle them together: less work for later frames; up to
                               CANRING_COALESCE_MAX; 0 = not */
    bool sqpoll;            /* io_uring with a thread of the kernel's: where it is refused, reported
                               and done without */
    const char *attributes; /* of the real connector, for whoever attaches: a JSON object of at most
                               CANRING_ATTRIBUTES_MAX - 1 bytes, or NULL */
    /* Recordings of everything, or NULL: the proxy's own, and that of its connector. */
    const struct canring_recording *trace, *connector_trace;
    /* Words for people: attached, detached, bus-off, …; on the proxy's thread; may be NULL. */
    void (*report)(void *arg, int level, const char *text);
    void *report_arg;
};

struct canring_proxy;

/* Open the bus, create the channels, listen. Nothing is left behind on failure. Errors: -EEXIST a
 * proxy of that name runs; -EINVAL an option that is out of its range; -E2BIG attributes; -ENOSPC
 * channels; those of canring_bus_open and of the channels' memory. */
int canring_proxy_open(struct canring_proxy **proxy, const struct canring_proxy_options *options,
                       struct canring_error *err);

/* Serve until canring_proxy_stop, and what had arrived by then. 0, or a negative errno when the bus
 * or the loop failed for good. */
int canring_proxy_run(struct canring_proxy *proxy);

/* Ask run to return, now and whenever it is called again: what is left is to close it. From any
 * thread or signal handler. */
void canring_proxy_stop(struct canring_proxy *proxy);

/* Close the bus; what waits for it, or has not been read by a channel yet, is dropped and counted.
 * Channels stay attached; what they have sent and send until the resume is refused and counted,
 * none of it is sent later. 0, or 1 when it is suspended already. Also asked for by `canring
 * suspend` and by auxiliary handles. */
int canring_proxy_suspend(struct canring_proxy *proxy);
/* Open the bus again. 0, or 1 when it is running already; errors of canring_bus_open: it stays
 * suspended then. */
int canring_proxy_resume(struct canring_proxy *proxy, struct canring_error *err);
bool canring_proxy_suspended(const struct canring_proxy *proxy);

/* To embed in somebody else's event loop: do what there is to do, arrange to be woken, return.
 * Call it when canring_proxy_fd is readable. It stops after a while even if frames keep coming; the
 * fd is readable then. CANRING_WAIT_SPIN makes no difference to it, but auxiliaries that attached
 * while such a proxy was in canring_proxy_run do not wake it. 0 or a negative errno as run. */
int canring_proxy_poll(struct canring_proxy *proxy);
/* The descriptor, or a negative errno: none or no memory is left. On the thread that polls. */
int canring_proxy_fd(const struct canring_proxy *proxy);

/* The proxy's state as a JSON object, freed by the caller with free(); NULL without memory. */
char *canring_proxy_status(const struct canring_proxy *proxy);

/* Tell the auxiliaries, close the bus, remove everything. Nobody is in canring_proxy_stop any more.
 * Never in a forked child: its parent's proxy would lose its socket and its memory. NULL is
 * allowed. */
void canring_proxy_close(struct canring_proxy *proxy);

/* Running proxies. Each is asked over its control socket and given a second to answer. Returns how
 * many there are, and in *json one JSON array with their states (free() it). The sockets and
 * channels of killed ones are removed. */
int canring_proxies(char **json, struct canring_error *err);

#ifdef __cplusplus
}
#endif
#endif
