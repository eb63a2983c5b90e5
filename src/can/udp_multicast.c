/* CAN over UDP multicast, wire-compatible with python-can's bus of that name.
 *
 * Called through cr_driver_udp_multicast. Frames arrive as kernel-stamped datagrams, through
 * the loop's multishot recvmsg or, without io_uring, recvmmsg. Whatever a datagram holds, it
 * must never do more than be counted as malformed.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <liburing.h>

#include "can/accept.h"
#include "can/driver.h"
#include "can/msgpack_frame.h"
#include "can/socket_drops.h"
#include "can/udp_multicast_socket.h"

#define BUFFERS        1024u /* of the multishot request, a power of two */
#define PAYLOAD_MAX    640u  /* four times what python-can sends; longer is malformed */
#define CONTROL_MAX    (CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t)))
#define NAME_MAX_BYTES 32u
#define RECEIVE_BATCH  32u
#define SEND_BATCH     64u
#define FD_RECORD      (CANRING_FRAME_HEADER + CANRING_FD_DATA_MAX)
#define RETRY_NS       1000000u /* UDP has no "there is room again" that says so for sure */

_Static_assert(sizeof(union cr_udp_address) <= NAME_MAX_BYTES, "an address fits its field");

/* A datagram in a provided buffer, not yet read. */
struct arrival {
    uint16_t buffer;
    uint16_t bytes;
};

struct slot {
    uint8_t name[NAME_MAX_BYTES];
    _Alignas(8) uint8_t control[64];
    uint8_t payload[PAYLOAD_MAX];
};

struct udp_bus {
    struct cr_bus bus;
    struct cr_udp_sockets sockets;
    struct cr_accept accept;
    bool listen_only, receive_own;
    bool send_failing;      /* told the owner already */
    uint32_t overflows;     /* SO_RXQ_OVFL's total, with the last frame */
    uint32_t drops_counted; /* in stats */
    struct cr_source readable, retry;
    /* with multishot recvmsg */
    struct cr_buffers *buffers;
    struct msghdr shape;
    struct arrival arrivals[BUFFERS];
    uint32_t arrived, taken; /* free-running positions in arrivals */
    bool armed;
    int failed;
    /* without */
    bool ready;
    struct slot slots[RECEIVE_BATCH];
    unsigned slot_count, slot_next;
    struct mmsghdr messages[RECEIVE_BATCH];
    struct iovec pieces[RECEIVE_BATCH];
    /* sending */
    uint8_t datagrams[SEND_BATCH][CR_MSGPACK_FRAME_MAX];
};

_Static_assert(CONTROL_MAX <= sizeof(((struct slot *)NULL)->control), "control data fits");

static struct udp_bus *of(struct cr_bus *bus)
{
    return (struct udp_bus *)bus;
}

/* From here: one datagram, whichever way it came. */

/* What the kernel threw away since the last frame was lost before this one: its number says so. */
static void account_overflows(struct udp_bus *udp, uint32_t total)
{
    udp->bus.number += total - udp->overflows;
    udp->overflows = total;
    udp->bus.stats.rx_lost_kernel += cr_socket_drops_new(&udp->drops_counted, total);
}

static void read_control(struct udp_bus *udp, struct msghdr *message, struct canring_frame *frame)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec at;
            memcpy(&at, CMSG_DATA(c), sizeof(at));
            frame->timestamp_ns = (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
            frame->flags |= CANRING_CLOCK_KERNEL;
        } else if (c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t total;
            memcpy(&total, CMSG_DATA(c), sizeof(total));
            account_overflows(udp, total);
        }
    }
}

static void refresh_stats(struct cr_bus *bus)
{
    struct udp_bus *udp = of(bus);
    uint32_t drops;
    if (cr_socket_drops(udp->sockets.receive, &drops))
        bus->stats.rx_lost_kernel += cr_socket_drops_new(&udp->drops_counted, drops);
}

/* Whether the frame is for the owner; says so in its flags when it is of this host. */
static bool is_wanted(const struct udp_bus *udp, const struct msghdr *message,
                      struct canring_frame *frame)
{
    union cr_udp_address from;
    memset(&from, 0, sizeof(from));
    memcpy(&from, message->msg_name,
           message->msg_namelen < sizeof(from) ? message->msg_namelen : sizeof(from));
    if (cr_udp_same_sender(&from, &udp->sockets.own)) {
        frame->flags |= CANRING_TX;
        if (!udp->receive_own)
            return false;
    } else if (cr_udp_same_host(&from, &udp->sockets.own)) {
        frame->flags |= CANRING_LOCAL;
    }
    return cr_accept_frame(&udp->accept, frame);
}

/* `frame` is the room at the end of the batch. */
static void take(struct udp_bus *udp, struct cr_batch *batch, struct canring_frame *frame,
                 struct msghdr *message)
{
    const struct iovec *piece = message->msg_iov;
    int rc = message->msg_flags & MSG_TRUNC
                 ? -EBADMSG
                 : cr_msgpack_frame_decode(frame, piece->iov_base, piece->iov_len);
    if (rc) {
        struct canring_frame nothing = {0};
        read_control(udp, message, &nothing);
        udp->bus.stats.rx_malformed++;
        return;
    }
    read_control(udp, message, frame);
    frame->number = udp->bus.number++;
    if (!is_wanted(udp, message, frame))
        return;
    udp->bus.stats.rx_frames++;
    udp->bus.stats.rx_errors += canring_frame_is_error(frame);
    cr_batch_push(batch, frame);
}

/* From here: multishot recvmsg. */

static void on_recvmsg(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    struct udp_bus *udp = source->owner;

    if (flags & CR_READY_LAST)
        udp->armed = false;
    if (flags & CR_READY_BUFFER) {
        udp->arrivals[udp->arrived++ % BUFFERS] =
            (struct arrival){(uint16_t)buffer, (uint16_t)result};
    } else if (result < 0 && result != -ENOBUFS) {
        udp->failed = result;
    }
}

static int arm(struct udp_bus *udp)
{
    int rc = cr_loop_recvmsg(udp->bus.loop, &udp->readable, udp->sockets.receive, &udp->shape,
                             udp->buffers);
    udp->armed = rc == 0;
    return rc;
}

static void take_arrival(struct udp_bus *udp, struct cr_batch *batch, struct canring_frame *frame,
                         const struct arrival *arrival)
{
    void *bytes = cr_loop_buffer(udp->buffers, arrival->buffer);
    struct io_uring_recvmsg_out *out =
        io_uring_recvmsg_validate(bytes, arrival->bytes, &udp->shape);

    if (!out) {
        udp->bus.stats.rx_malformed++;
        return;
    }
    struct iovec piece = {
        io_uring_recvmsg_payload(out, &udp->shape),
        io_uring_recvmsg_payload_length(out, arrival->bytes, &udp->shape),
    };
    struct msghdr message = {
        .msg_name = io_uring_recvmsg_name(out),
        .msg_namelen = out->namelen,
        .msg_iov = &piece,
        .msg_iovlen = 1,
        .msg_control = io_uring_recvmsg_cmsg_firsthdr(out, &udp->shape),
        .msg_controllen = out->controllen,
        .msg_flags = (int)out->flags,
    };
    take(udp, batch, frame, &message);
}

static int receive_arrivals(struct udp_bus *udp, struct cr_batch *batch)
{
    struct canring_frame *frame;
    uint32_t before = batch->count;

    while (udp->taken != udp->arrived && (frame = cr_batch_reserve(batch, FD_RECORD))) {
        const struct arrival *arrival = &udp->arrivals[udp->taken++ % BUFFERS];
        take_arrival(udp, batch, frame, arrival);
        cr_loop_buffer_return(udp->buffers, arrival->buffer);
    }
    cr_loop_buffers_flush(udp->buffers);
    if (!udp->armed && !udp->failed && udp->taken == udp->arrived)
        udp->failed = arm(udp);
    if (batch->count == before && udp->failed && udp->taken == udp->arrived)
        return udp->failed;
    return (int)(batch->count - before);
}

/* From here: recvmmsg. */

static void on_readable(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    struct udp_bus *udp = source->owner;
    (void)result;
    (void)flags;
    (void)buffer;
    udp->ready = true;
}

static void shape_slot(struct udp_bus *udp, unsigned i)
{
    struct slot *slot = &udp->slots[i];
    udp->pieces[i] = (struct iovec){slot->payload, sizeof(slot->payload)};
    udp->messages[i].msg_hdr = (struct msghdr){
        .msg_name = slot->name,
        .msg_namelen = sizeof(slot->name),
        .msg_iov = &udp->pieces[i],
        .msg_iovlen = 1,
        .msg_control = slot->control,
        .msg_controllen = sizeof(slot->control),
    };
}

/* Fill the slots. The watch tells of changes only, so it is read until EAGAIN. */
static int refill(struct udp_bus *udp)
{
    for (unsigned i = 0; i < RECEIVE_BATCH; i++)
        shape_slot(udp, i);
    int count = recvmmsg(udp->sockets.receive, udp->messages, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
    udp->bus.stats.receive_calls++;
    udp->slot_next = udp->slot_count = 0;
    if (count > 0)
        udp->slot_count = (unsigned)count;
    else if (errno == EAGAIN)
        udp->ready = false;
    else if (errno != EINTR)
        return -errno;
    return 0;
}

static int receive_readable(struct udp_bus *udp, struct cr_batch *batch)
{
    struct canring_frame *frame;
    uint32_t before = batch->count;

    while ((frame = cr_batch_reserve(batch, FD_RECORD))) {
        if (udp->slot_next < udp->slot_count) {
            unsigned i = udp->slot_next++;
            udp->pieces[i].iov_len = udp->messages[i].msg_len;
            take(udp, batch, frame, &udp->messages[i].msg_hdr);
            continue;
        }
        if (!udp->ready)
            break;
        int rc = refill(udp);
        if (rc)
            return batch->count > before ? (int)(batch->count - before) : rc;
    }
    return (int)(batch->count - before);
}

static int udp_receive(struct cr_bus *bus, struct cr_batch *batch)
{
    struct udp_bus *udp = of(bus);
    return udp->buffers ? receive_arrivals(udp, batch) : receive_readable(udp, batch);
}

static bool udp_prepare_sleep(struct cr_bus *bus)
{
    const struct udp_bus *udp = of(bus);
    return udp->taken == udp->arrived && udp->slot_next == udp->slot_count && !udp->ready &&
           !udp->failed;
}

static void udp_awake(struct cr_bus *bus)
{
    (void)bus;
}

/* From here: sending. */

static void on_retry(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    struct udp_bus *udp = source->owner;
    (void)result;
    (void)flags;
    (void)buffer;
    udp->bus.tx_blocked = false;
}

/* Encode the frames that may go, up to a batch; the others are refused here and now. Returns how
 * many of `count` were looked at. */
static unsigned encode(struct udp_bus *udp, const struct canring_frame *const *frames,
                       unsigned count, struct mmsghdr *messages, struct iovec *pieces,
                       unsigned *places, unsigned *encoded)
{
    unsigned n = 0, i = 0;
    for (; i < count && n < SEND_BATCH; i++) {
        int length = -EPERM;
        if (!udp->listen_only && cr_accept_kind(&udp->accept, frames[i]))
            length = cr_msgpack_frame_encode(frames[i], udp->datagrams[n], CR_MSGPACK_FRAME_MAX);
        if (length < 0) {
            udp->bus.stats.tx_refused++;
            continue;
        }
        pieces[n] = (struct iovec){udp->datagrams[n], (size_t)length};
        messages[n].msg_hdr = (struct msghdr){.msg_iov = &pieces[n], .msg_iovlen = 1};
        places[n++] = i;
    }
    *encoded = n;
    return i;
}

static void send_went_well(struct udp_bus *udp, unsigned count)
{
    udp->bus.stats.tx_frames += count;
    if (!udp->send_failing)
        return;
    udp->send_failing = false;
    udp->bus.stats.state = CANRING_BUS_ACTIVE;
    cr_bus_report(&udp->bus, LOG_NOTICE, "%s: sending works again", udp->bus.name);
}

/* True when asking again later makes sense, else that frame is refused for good. */
static bool send_failed(struct udp_bus *udp, int error)
{
    if (error == EAGAIN || error == ENOBUFS || error == EINTR || error == ENOMEM) {
        udp->bus.stats.tx_retries++;
        return true;
    }
    udp->bus.stats.tx_refused++;
    if (!udp->send_failing) {
        udp->send_failing = true;
        udp->bus.stats.link_down++;
        udp->bus.stats.state = CANRING_BUS_DOWN;
        cr_bus_report(&udp->bus, LOG_WARNING, "%s: cannot send: %s", udp->bus.name,
                      strerror(error));
    }
    return false;
}

/* Send all of `count`, past the ones that are refused; fewer when there is no room. */
static unsigned send_all(struct udp_bus *udp, struct mmsghdr *messages, unsigned count)
{
    unsigned done = 0;
    while (done < count) {
        int sent = sendmmsg(udp->sockets.send, messages + done, count - done, MSG_DONTWAIT);
        udp->bus.stats.send_calls++;
        if (sent > 0) {
            send_went_well(udp, (unsigned)sent);
            done += (unsigned)sent;
        } else if (send_failed(udp, errno)) {
            break;
        } else {
            done++;
        }
    }
    return done;
}

static int udp_send(struct cr_bus *bus, const struct canring_frame *const *frames, unsigned count)
{
    struct udp_bus *udp = of(bus);
    struct mmsghdr messages[SEND_BATCH];
    struct iovec pieces[SEND_BATCH];
    unsigned places[SEND_BATCH], handled = 0, encoded;

    while (handled < count) {
        unsigned looked =
            encode(udp, frames + handled, count - handled, messages, pieces, places, &encoded);
        unsigned sent = send_all(udp, messages, encoded);
        if (sent < encoded) {
            /* What was refused behind the first unsent frame will be refused again: not twice. */
            udp->bus.stats.tx_refused -= looked - places[sent] - (encoded - sent);
            handled += places[sent];
            bus->tx_blocked = cr_loop_timer(bus->loop, &udp->retry, RETRY_NS) == 0;
            break;
        }
        handled += looked;
    }
    return (int)handled;
}

/* From here: opening and closing. */

static int start_receiving(struct udp_bus *udp)
{
    struct cr_loop *loop = udp->bus.loop;
    unsigned size = (unsigned)(sizeof(struct io_uring_recvmsg_out) + NAME_MAX_BYTES + CONTROL_MAX +
                               PAYLOAD_MAX);

    udp->readable.owner = udp;
    udp->readable.ready = on_recvmsg;
    udp->shape.msg_namelen = NAME_MAX_BYTES;
    udp->shape.msg_controllen = CONTROL_MAX;
    if (cr_loop_has_recvmsg(loop) && cr_loop_buffers_new(loop, &udp->buffers, BUFFERS, size) == 0) {
        if (arm(udp) == 0)
            return 0;
        cr_loop_buffers_free(udp->buffers);
        udp->buffers = NULL;
    }
    udp->readable.ready = on_readable;
    udp->ready = true; /* what came before the watch */
    return cr_loop_watch(loop, &udp->readable, udp->sockets.receive, POLLIN);
}

static void udp_close(struct cr_bus *bus)
{
    struct udp_bus *udp = of(bus);
    cr_loop_disarm(bus->loop, &udp->readable);
    cr_loop_disarm(bus->loop, &udp->retry);
    cr_loop_buffers_free(udp->buffers);
    cr_udp_sockets_close(&udp->sockets);
    cr_accept_free(&udp->accept);
    free(udp);
}

static int udp_open(struct cr_bus **bus, struct cr_loop *loop,
                    const struct canring_bus_options *options, struct canring_error *err)
{
    struct udp_bus *udp = calloc(1, sizeof(*udp));
    if (!udp)
        return canring_error_set(err, -ENOMEM, "udp_multicast: out of memory");
    udp->bus.driver = &cr_driver_udp_multicast;
    udp->bus.loop = loop;
    udp->bus.report = options->report;
    udp->bus.report_arg = options->report_arg;
    udp->listen_only = options->listen_only;
    udp->receive_own = options->receive_own;
    udp->retry.owner = udp;
    udp->retry.ready = on_retry;
    int rc = cr_udp_sockets_open(&udp->sockets, options, err);
    if (rc) {
        free(udp);
        return rc;
    }
    udp->bus.holds = cr_udp_sockets_hold(&udp->sockets);
    snprintf(udp->bus.name, sizeof(udp->bus.name), "%s",
             options->channel && *options->channel ? options->channel : "udp_multicast");
    rc = cr_accept_init(&udp->accept, options);
    if (!rc)
        rc = start_receiving(udp);
    if (rc) {
        udp_close(&udp->bus);
        return canring_error_set(err, rc, "udp_multicast: cannot receive: %s", strerror(-rc));
    }
    *bus = &udp->bus;
    return 0;
}

const struct cr_driver cr_driver_udp_multicast = {
    .interface = "udp_multicast",
    .open = udp_open,
    .close = udp_close,
    .receive = udp_receive,
    .send = udp_send,
    .prepare_sleep = udp_prepare_sleep,
    .awake = udp_awake,
    .refresh_stats = refresh_stats,
};
