/* Where a command takes frames from and sends them to.
 *
 * A target on the command line becomes a source; the commands know nothing else. A bus is one
 * kind of source: another kind is another `struct source_kind` and a line in source_open.
 * A source never prints; it reports through the options it was opened with.
 */
#ifndef CANRING_SOURCE_H
#define CANRING_SOURCE_H

#include <canring/bus.h>

struct source;
struct channel_source;

struct source_kind {
    /* For poll(2): readable when receive may have something. */
    int (*fd)(const struct source *source);
    /* These as canring_bus_receive, _send, _stats, _link_down, _name. */
    int (*receive)(struct source *source, const struct canring_frame **frame, int timeout_ms);
    int (*send)(struct source *source, const struct canring_frame *frame, int timeout_ms);
    void (*stats)(const struct source *source, struct canring_bus_stats *stats);
    uint64_t (*link_down)(const struct source *source);
    const char *(*name)(const struct source *source);
    /* Wait until it is known what became of what was sent; false: it is not, and the proxy does not
     * answer, has gone, or its bus takes nothing. *lost: frames that the bus did not take although
     * send did. */
    bool (*settle)(struct source *source, uint64_t *lost);
    void (*close)(struct source *source);
};

struct source {
    const struct source_kind *kind;
    union {
        struct canring_bus *bus;
        struct channel_source *channel;
    };
};

/* Open `target`: PROXY, CHANNEL or PROXY/CHANNEL of a running proxy, or a bus as
 * canring_bus_target_parse takes it. `wanted` has the options of the command;
 * its interface, channel and local_interface are ignored. Errors as canring_bus_open. */
int source_open(struct source *source, const char *target, const struct canring_bus_options *wanted,
                struct canring_error *err);

/* Cut TARGET,FILTERS in two: *filters is NULL without a comma. 0, or EXIT_MISUSE and a word when
 * nothing stands behind it. */
int source_split(const char *command, char *target, const char **filters);

/* Whether a target without ':' may name a proxy or a channel, as no network device has its name. */
bool source_names_channel(const char *target);

/* At the end of `command`: say what `target` has not taken of what was sent to it. The exit status.
 */
int source_finish(struct source *source, const char *command, const char *target);

/* Options for a source that is only sent to: CAN FD and XL allowed, nothing received. */
void source_send_only(struct canring_bus_options *options);

/* 0, or EXIT_MISUSE and a word: `target` can only be read. */
int source_check_sendable(const char *command, const char *target);

#endif
