/* An auxiliary's end of a channel: frames from the proxy, frames to it.
 *
 * Attach by name, then read and write rings; the proxy's control socket is used to attach, and its
 * end tells that the proxy is gone. A frame sent here goes to the bus and to every other channel of
 * the proxy, never back. One thread at a time may receive, one may send (they may differ).
 */
#ifndef CANRING_CHANNEL_H
#define CANRING_CHANNEL_H

#include <canring/error.h>
#include <canring/frame.h>
#include <canring/ring.h>
#include <canring/wait.h>

#ifdef __cplusplus
extern "C" {
#endif

struct canring_channel {
    struct canring_consumer rx;
    struct canring_producer tx;
    uint32_t peeked;       /* size of the frame last peeked, 0 = none */
    uint64_t give_back_at; /* position: from there on memory is given back while reading on */
    uint64_t received;     /* frames, for the counters page */
    uint64_t sent;         /* frames, committed */
    CANRING_ATOMIC(uint64_t) * told_sent;     /* the same on the counters page, as published */
    const CANRING_ATOMIC(uint64_t) * emptied; /* position: a suspended proxy empties the ring */
    bool proxy_parks;                         /* the proxy may sleep: publishing has to look */
    enum canring_wait wait;
    struct canring_channel_private *inside;
};

struct canring_channel_options {
    enum canring_wait wait;
    const char *filters; /* of an observer (see attach), can-utils syntax; NULL = everything, ""
                            all but error frames */
};

/* Attach to `name`: "PROXY/CHANNEL", or "CHANNEL" when only one running proxy has a channel of that
 * name; "PROXY/" (or a proxy's bare name) makes a channel of our own that observes everything and
 * may send. Frames are those from now on. The caller detaches. Errors: -ENOENT nothing of that name
 * runs (what there is is in the text); -EEXIST it means several; -ENAMETOOLONG; -EBUSY another
 * auxiliary holds it (its pid is in the text); -EACCES; -EINVAL, -E2BIG the filters; -ETIMEDOUT the
 * proxy does not answer; -EPIPE, -ECONNRESET it ends; -EPROTO, -EPROTONOSUPPORT, -ENOEXEC, -EBADMSG
 * it or its memory is of another version, or damaged; -ENOMEM, and what the kernel gives. Makes
 * system calls. */
int canring_channel_attach(struct canring_channel **channel, const char *name,
                           const struct canring_channel_options *options,
                           struct canring_error *err);
/* Never in a forked child: the memory and the connection are its parent's. NULL is allowed. */
void canring_channel_detach(struct canring_channel *channel);

/* Cold halves of the functions below. */
void canring_channel_give_back(struct canring_channel *channel);
void canring_channel_pass_over(struct canring_channel *channel);

/* The next frame, in place in the ring, or NULL when there is none now. Stays valid until
 * canring_channel_next. Frames that were unread when the proxy was suspended are passed over.
 * Wait-free; a system call only when the proxy sleeps for want of room. */
static inline const struct canring_frame *canring_channel_peek(struct canring_channel *channel)
{
    uint64_t emptied = atomic_load_explicit(channel->emptied, memory_order_relaxed);
    if (__builtin_expect((int64_t)(emptied - channel->rx.next) > 0, 0))
        canring_channel_pass_over(channel);
    const struct canring_record *record = canring_ring_peek(&channel->rx, &channel->peeked);
    if (!record) {
        channel->peeked = 0;
        if (canring_ring_unreleased(&channel->rx))
            canring_channel_give_back(channel);
        return NULL;
    }
    return (const struct canring_frame *)(const void *)record;
}

/* Done with the peeked frame. Its memory goes back to the proxy at the latest when the ring has
 * been read empty, or every quarter of it. Wait-free, no system call as above. */
static inline void canring_channel_next(struct canring_channel *channel)
{
    canring_ring_consume(&channel->rx);
    channel->peeked = 0;
    channel->received++;
    if (__builtin_expect(channel->rx.next >= channel->give_back_at, 0))
        canring_channel_give_back(channel);
}

/* Wait until canring_channel_peek has something, for up to `timeout_ms` (-1 = for ever). 1 yes; 0
 * timeout; -EPIPE the proxy has gone or detached us, and everything it sent has been read. */
int canring_channel_wait(struct canring_channel *channel, int timeout_ms);

/* Wait, copy the next frame out, move on: 1, 0 or -EPIPE as above. */
int canring_channel_receive(struct canring_channel *channel, union canring_frame_buffer *frame,
                            int timeout_ms);

/* Room for a frame of `size` bytes in the ring, to be filled in place (size, flags, id, data); NULL
 * when there is none. Add it with commit, hand all added ones over with publish. Wait-free, no
 * system call. */
static inline struct canring_frame *canring_channel_claim(struct canring_channel *channel,
                                                          uint32_t size)
{
    return (struct canring_frame *)canring_ring_claim(&channel->tx, size);
}

static inline void canring_channel_commit(struct canring_channel *channel, uint32_t size)
{
    canring_ring_commit(&channel->tx, size);
    channel->sent++;
}

/* Wait-free; a system call only when the proxy sleeps. */
static inline void canring_channel_publish(struct canring_channel *channel)
{
    /* Before the frames: the proxy never takes more than were told. Here, so that every way of
     * sending counts, and one of many frames only once. */
    atomic_store_explicit(channel->told_sent, channel->sent, memory_order_relaxed);
    if (channel->proxy_parks)
        canring_ring_publish_wake(&channel->tx);
    else
        canring_ring_publish(&channel->tx);
}

/* Send one frame: id, flags (CANRING_FD, BRS, ESI, XL, DLC) and data count, the rest is stamped by
 * the proxy. Waits up to `timeout_ms` for room. 0; -EAGAIN no room in time; -EBADMSG malformed;
 * -EPIPE the proxy is gone: of one that was killed that is known once a wait, or a ring that is
 * full, has asked. Lock-free when there is room. */
int canring_channel_send(struct canring_channel *channel, const struct canring_frame *frame,
                         int timeout_ms);

/* Send one frame and wait up to `timeout_ms` for what becomes of it: 1 the bus took it; 0 it did
 * not in time, or never will (refused, expired, suspended); errors as canring_channel_send. While
 * the bus loses frames of other channels a 0 may be theirs. Sleeps. */
int canring_channel_send_confirmed(struct canring_channel *channel,
                                   const struct canring_frame *frame, int timeout_ms);

/* Wait up to `timeout_ms` until it is known what became of all that was sent: 1 and in *lost how
 * many frames the bus did not take since the attach (refused, expired, suspended); 0 not known in
 * time; -EPIPE the proxy is gone. Frames of other channels that the bus lost meanwhile are among
 * them. Sleeps. */
int canring_channel_settle(struct canring_channel *channel, uint64_t *lost, int timeout_ms);

/* Wait until the proxy has taken everything that was sent, as before detaching. 0, -EAGAIN, -EPIPE.
 */
int canring_channel_flush(struct canring_channel *channel, int timeout_ms);

/* For one's own poll or epoll, and nothing else: readable when woken by the proxy, or when it has
 * gone. Before sleeping on it call canring_channel_prepare; when that says false there is something
 * to do now. After sleeping (or not) call canring_channel_awake, then peek. With CANRING_WAIT_SPIN
 * the proxy does not look whether we sleep, and prepare always says false. */
int canring_channel_fd(const struct canring_channel *channel);
bool canring_channel_prepare(struct canring_channel *channel);
void canring_channel_awake(struct canring_channel *channel);

/* Names of proxy and channel, and the bus's name as can-utils would print it. */
const char *canring_channel_proxy(const struct canring_channel *channel);
const char *canring_channel_name(const struct canring_channel *channel);
const char *canring_channel_bus(const struct canring_channel *channel);

/* What the real connector behind the channel is, a JSON object: interface, channel, bitrate, is_fd,
 * remote_id, … as configured; "{}" when the proxy was given none. Valid until detached. */
const char *canring_channel_attributes(const struct canring_channel *channel);

struct canring_channel_stats {
    uint64_t published; /* frames the proxy put into our ring */
    uint64_t dropped;   /* frames it could not, or that we had not read when it was suspended */
    uint64_t spilled;   /* frames that waited in its memory first */
    uint64_t received;  /* frames we read */
    uint64_t sent;      /* frames we sent */
    uint64_t taken;     /* frames of those the proxy has read */
    uint64_t refused;   /* frames of those it found malformed */
};

/* Read the shared counters; no system call. */
void canring_channel_stats(const struct canring_channel *channel,
                           struct canring_channel_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
