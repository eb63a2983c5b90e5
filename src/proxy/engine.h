/* The proxy's inside, shared by the files that make it up:
 * proxy.c opens, closes, sleeps; dispatch.c moves frames; serve.c answers the control socket;
 * status.c tells.
 */
#ifndef CANRING_ENGINE_H
#define CANRING_ENGINE_H

#include <canring/proxy.h>
#include <stdatomic.h>

#include "can/driver.h"
#include "can/loop.h"
#include "can/losses.h"
#include "proxy/fifo.h"
#include "proxy/port.h"
#include "proxy/recorder.h"
#include "proxy/suspend.h"
#include "shm/clock.h"

#define CR_UNSENT_MAX 1024u /* frames; beyond this auxiliaries wait in their own rings */

/* Of the proxy, and of its connector. */
enum { CR_RECORDER_PROXY, CR_RECORDER_CONNECTOR, CR_RECORDERS };

struct cr_client; /* a connection to the control socket: serve.c */

struct canring_proxy {
    char name[CR_SEGMENT_NAME];
    char attributes[CANRING_ATTRIBUTES_MAX];
    struct cr_loop *loop;
    struct cr_bus *bus;
    struct cr_suspension suspension;
    bool resume_on_attach;
    int bus_error;     /* negative errno once the bus has failed for good */
    bool echo;         /* own frames come back from the bus: they are not forwarded before */
    bool source_waits; /* a pausable bus that has not begun: not everyone has attached yet */
    uint64_t lifetime_ns;

    int bell; /* eventfd that our own threads ring; auxiliaries ring through their connections */
    struct cr_source bell_source;
    int listener;
    struct cr_source listener_source, accept_retry;
    bool more_visitors; /* than one turn's worth wait at the listener */
    bool accept_failed; /* and that was said */
    struct cr_client *clients;
    unsigned observers; /* made so far: names them */

    struct cr_port *ports[CANRING_CHANNELS_MAX];
    size_t port_count;
    struct cr_recorder *recorders[CR_RECORDERS]; /* NULL = none */
    struct cr_losses losses;                     /* for them */

    struct cr_batch *received, *taken;
    uint32_t number;       /* of the next frame, received or sent; skips what was lost before us */
    uint64_t skipped;      /* lost frames that `number` has skipped */
    struct cr_fifo unsent; /* frames the bus had no room for; timestamp_ns = when they expire */
    uint64_t expired;      /* frames that never got onto the bus in time */

    enum canring_wait wait;
    uint64_t spin_ns;               /* adaptive: stay awake this long after the last frame */
    uint64_t gather_ns;             /* after a sleep, wait this long for more */
    struct canring_latency latency; /* `cpus` points to a copy */
    bool latency_applied, memory_locked;
    bool spinning;           /* in canring_proxy_run, never to sleep: nobody needs to wake us */
    struct cr_source expiry; /* wakes whoever sleeps on our fd when an unsent frame expires */
    atomic_bool stop;
    bool asleep; /* announced to everyone that we are to be woken */
    uint64_t idle_since;
    unsigned idle_passes, passes;
    uint64_t opened_ns, sleeps;

    void (*report)(void *arg, int level, const char *text);
    void *report_arg;
};

/* dispatch.c: one round of moving what there is. Returns how much was moved, 0 = idle. */
unsigned cr_dispatch(struct canring_proxy *proxy);
/* What an auxiliary that has hung up left in its ring: it was sent, so it goes. */
void cr_dispatch_take_rest(struct canring_proxy *proxy, struct cr_port *port);
/* When the oldest unsent frame expires, in ns from now; UINT64_MAX = nothing waits. */
uint64_t cr_dispatch_due(const struct canring_proxy *proxy);
/* Frames that the bus never took, of anybody. */
uint64_t cr_dispatch_failed(const struct canring_proxy *proxy);
/* True when a pausable bus is held back until readers have room. */
bool cr_dispatch_holds_source(struct canring_proxy *proxy);

/* proxy_options.c: 0, or -EINVAL, -E2BIG. */
int cr_proxy_check(const struct canring_proxy_options *options, struct canring_error *err);

/* proxy_latency.c: what the options ask of the kernel. Before the bus is opened: check it, lock
 * memory. */
int cr_proxy_prepare_latency(struct canring_proxy *proxy,
                             const struct canring_proxy_options *options,
                             struct canring_error *err);
/* On the thread that runs the proxy; once. */
int cr_proxy_apply_latency(struct canring_proxy *proxy);
void cr_proxy_close_latency(struct canring_proxy *proxy);
/* proxy_trace.c: its recordings. */
int cr_proxy_open_traces(struct canring_proxy *proxy, const struct canring_proxy_options *options,
                         struct canring_error *err);
/* False when one of them lacks frames. */
bool cr_proxy_close_traces(struct canring_proxy *proxy);
/* What the bus has just added to a batch behind the first `from` bytes, numbered by the bus; or a
 * batch of frames that go out. */
void cr_proxy_record_received(struct canring_proxy *proxy, struct cr_batch *batch, uint32_t from);
/* Let the recordings' threads see that: once for what comes together, it may wake them. */
void cr_proxy_publish_received(struct canring_proxy *proxy);
void cr_proxy_record_sent(struct canring_proxy *proxy, struct cr_batch *batch);
/* True when something moved. */
bool cr_proxy_service_traces(struct canring_proxy *proxy);
bool cr_proxy_traces_have_room(struct canring_proxy *proxy);
bool cr_proxy_prepare_traces(struct canring_proxy *proxy, bool for_source);
void cr_proxy_awake_traces(struct canring_proxy *proxy);

/* suspend.c: begin as after canring_proxy_suspend. */
void cr_proxy_begin_suspended(struct canring_proxy *proxy);

/* proxy.c: open proxy->bus. */
int cr_proxy_open_bus(struct canring_proxy *proxy, const struct canring_bus_options *options,
                      struct canring_error *err);

/* serve.c */
int cr_serve_open(struct canring_proxy *proxy, struct canring_error *err);
/* Let the groups of channels come in, when there are some. */
int cr_serve_share(const struct canring_proxy *proxy, struct canring_error *err);
void cr_serve_close(struct canring_proxy *proxy);
/* End the auxiliary of that port, because of `why` (NULL: it left). */
void cr_serve_kick(struct canring_proxy *proxy, struct cr_port *port, const char *why);
/* Go on with those who asked more than one turn's worth, free connections that ended; once a round,
 * not from within an event. True when somebody was served: more may wait. */
bool cr_serve_rest(struct canring_proxy *proxy);

/* proxy.c */
/* As canring_proxy_close; false when a trace lacks frames. NULL is not allowed. */
bool cr_proxy_close(struct canring_proxy *proxy);
void cr_proxy_report(const struct canring_proxy *proxy, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int cr_proxy_add_port(struct canring_proxy *proxy, const struct canring_channel_config *config,
                      struct cr_port **port, struct canring_error *err);
void cr_proxy_remove_port(struct canring_proxy *proxy, struct cr_port *port);

#endif
