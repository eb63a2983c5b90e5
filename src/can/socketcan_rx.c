#include "can/socketcan.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>

#include "can/socket_drops.h"
#include "shm/clock.h"

/* Frames that may wait in our memory, beyond those in the socket. XL buffers are ten times the
 * size, so there are fewer. */
#define BUFFERS       4096u
#define BUFFERS_XL    1024u
#define ERRORS_IN_ROW 16u

/* One received message, whichever way it came. */
struct message {
    const void *payload;
    size_t length;
    int ifindex;
    int flags; /* MSG_* */
    struct msghdr control;
};

static size_t payload_max(const struct cr_socketcan *sc)
{
    return sc->xl_socket ? CANXL_MTU : CANFD_MTU;
}

/* ---- io_uring: filled buffers --------------------------------------------- */

static unsigned filled_count(const struct cr_sc_rx *rx)
{
    return rx->next - rx->first;
}

static void ended(struct cr_socketcan *sc, int result)
{
    sc->rx.armed = false;
    if (result >= 0 || result == -ENOBUFS || result == -ECANCELED)
        return; /* a full completion queue, buffers used up, its thread gone: just arm again */
    if (result == -ENETDOWN || result == -ENODEV)
        cr_sc_link_refresh(sc);
    else if (++sc->rx.errors_in_row > ERRORS_IN_ROW)
        sc->rx.failed = result;
}

static void on_message(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    struct cr_socketcan *sc = source->owner;
    struct cr_sc_rx *rx = &sc->rx;

    if (flags & CR_READY_BUFFER) /* there are as many places as buffers */
        rx->filled[rx->next++ & (rx->space - 1)] = (struct cr_sc_filled){buffer, result};
    if (flags & CR_READY_LAST)
        ended(sc, result);
}

static int arm(struct cr_socketcan *sc)
{
    struct cr_sc_rx *rx = &sc->rx;
    int rc = cr_loop_recvmsg(sc->bus.loop, &rx->source, sc->fd, &rx->message, rx->buffers);
    rx->armed = rc == 0;
    return rc;
}

static bool peek_filled(struct cr_socketcan *sc, struct message *message)
{
    struct cr_sc_rx *rx = &sc->rx;
    if (filled_count(rx) == 0)
        return false;
    const struct cr_sc_filled *filled = &rx->filled[rx->first & (rx->space - 1)];
    void *memory = cr_loop_buffer(rx->buffers, filled->buffer);
    struct io_uring_recvmsg_out *out =
        io_uring_recvmsg_validate(memory, filled->length, &rx->message);
    memset(message, 0, sizeof(*message));
    if (!out) /* not even its head fits: an empty message, refused as malformed */
        return true;
    struct sockaddr_can from;
    uint8_t *name = io_uring_recvmsg_name(out);
    memcpy(&from, name, sizeof(from));
    message->payload = io_uring_recvmsg_payload(out, &rx->message);
    message->length = io_uring_recvmsg_payload_length(out, filled->length, &rx->message);
    message->ifindex = from.can_ifindex;
    message->flags = (int)out->flags;
    message->control.msg_control = name + rx->message.msg_namelen;
    message->control.msg_controllen = out->controllen;
    return true;
}

static void consume_filled(struct cr_sc_rx *rx)
{
    cr_loop_buffer_return(rx->buffers, rx->filled[rx->first++ & (rx->space - 1)].buffer);
}

/* ---- epoll: recvmmsg ------------------------------------------------------ */

static void on_readable(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    (void)result, (void)flags, (void)buffer;
    struct cr_socketcan *sc = source->owner;
    sc->rx.readable = true;
}

static void reset_message(struct cr_socketcan *sc, unsigned i)
{
    struct cr_sc_slot *slot = &sc->rx.slots[i];
    struct msghdr *header = &sc->rx.messages[i].msg_hdr;
    header->msg_name = &slot->from;
    header->msg_namelen = sizeof(slot->from);
    header->msg_iov = &slot->vector;
    header->msg_iovlen = 1;
    header->msg_control = slot->control;
    header->msg_controllen = sizeof(slot->control);
}

static void read_failed(struct cr_socketcan *sc, int error)
{
    struct cr_sc_rx *rx = &sc->rx;
    if (error == EAGAIN)
        rx->readable = false;
    else if (error == ENETDOWN || error == ENODEV)
        cr_sc_link_refresh(sc);
    else if (error != EINTR && ++rx->errors_in_row > ERRORS_IN_ROW)
        rx->failed = -error;
}

static bool read_messages(struct cr_socketcan *sc)
{
    struct cr_sc_rx *rx = &sc->rx;
    rx->at = rx->have = 0;
    while (rx->readable && rx->failed == 0) {
        sc->bus.stats.receive_calls++;
        int n = recvmmsg(sc->fd, rx->messages, CR_SC_AT_ONCE, MSG_DONTWAIT, NULL);
        if (n > 0) {
            rx->have = (unsigned)n;
            /* Fewer than asked for: empty now, or there is an error, of which an event tells. */
            rx->readable = n == CR_SC_AT_ONCE;
            return true;
        }
        read_failed(sc, n < 0 ? errno : EAGAIN);
    }
    return false;
}

static bool peek_read(struct cr_socketcan *sc, struct message *message)
{
    struct cr_sc_rx *rx = &sc->rx;
    if (rx->at == rx->have && !read_messages(sc))
        return false;
    const struct mmsghdr *got = &rx->messages[rx->at];
    *message = (struct message){.payload = rx->slots[rx->at].vector.iov_base,
                                .length = got->msg_len,
                                .ifindex = rx->slots[rx->at].from.can_ifindex,
                                .flags = got->msg_hdr.msg_flags,
                                .control = got->msg_hdr};
    return true;
}

/* ---- both ------------------------------------------------------------------ */

static bool peek(struct cr_socketcan *sc, struct message *message)
{
    return sc->rx.buffers ? peek_filled(sc, message) : peek_read(sc, message);
}

static void consume(struct cr_socketcan *sc)
{
    if (sc->rx.buffers)
        consume_filled(&sc->rx);
    else
        reset_message(sc, sc->rx.at++);
}

/* What the kernel threw away since the last frame was lost before this one: its number says so. */
static void account_drops(struct cr_socketcan *sc, const struct cmsghdr *control)
{
    uint32_t drops;
    memcpy(&drops, CMSG_DATA(control), sizeof(drops));
    sc->bus.number += drops - sc->rx.kernel_drops;
    sc->rx.kernel_drops = drops;
    sc->bus.stats.rx_lost_kernel += cr_socket_drops_new(&sc->rx.drops_counted, drops);
}

void cr_sc_refresh_stats(struct cr_bus *bus)
{
    struct cr_socketcan *sc = cr_socketcan_of(bus);
    uint32_t drops;
    if (cr_socket_drops(sc->fd, &drops))
        bus->stats.rx_lost_kernel += cr_socket_drops_new(&sc->rx.drops_counted, drops);
}

static uint64_t ns_of(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

static void set_time(struct canring_frame *frame, uint64_t ns, unsigned clock)
{
    frame->timestamp_ns = ns;
    frame->flags = (uint16_t)((frame->flags & ~CANRING_CLOCK_MASK) | clock);
}

/* [0] is the kernel's time, [2] the controller's, each zero when there is none. */
static void set_best_time(struct cr_socketcan *sc, struct canring_frame *frame,
                          const struct cmsghdr *control)
{
    struct timespec times[3];
    memcpy(times, CMSG_DATA(control), sizeof(times));
    if (times[2].tv_sec || times[2].tv_nsec) {
        set_time(frame, ns_of(&times[2]), CANRING_CLOCK_HW);
        return;
    }
    set_time(frame, ns_of(&times[0]), CANRING_CLOCK_KERNEL);
    if (!sc->hw_time_missing_said)
        cr_bus_report(&sc->bus, LOG_NOTICE,
                      "%s: the controller gives no timestamps, the kernel's are used",
                      sc->bus.name);
    sc->hw_time_missing_said = true;
}

static void read_control(struct cr_socketcan *sc, struct canring_frame *frame,
                         struct message *message)
{
    struct timespec stamp;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message->control); c;
         c = CMSG_NXTHDR(&message->control, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SO_RXQ_OVFL) {
            account_drops(sc, c);
        } else if (c->cmsg_type == SO_TIMESTAMPING) {
            set_best_time(sc, frame, c);
        } else if (c->cmsg_type == SO_TIMESTAMPNS) {
            memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
            set_time(frame, ns_of(&stamp), CANRING_CLOCK_KERNEL);
        }
    }
    if (!(frame->flags & CANRING_CLOCK_MASK))
        set_time(frame, cr_realtime_ns(), CANRING_CLOCK_PROXY);
}

/* Error frames are always asked of the kernel, for the state of the bus; who opened it gets those
 * of the classes asked for. */
static bool is_wanted(struct cr_socketcan *sc, const struct canring_frame *frame)
{
    if (canring_frame_is_error(frame)) {
        cr_sc_link_error_frame(sc, frame);
        return (frame->id & sc->error_mask) != 0;
    }
    if ((frame->flags & CANRING_XL) && !sc->xl_frames)
        return false;
    return !sc->filter_here || cr_filter_set_match(&sc->filter, frame);
}

static void deliver(struct cr_socketcan *sc, struct canring_frame *frame, struct message *message,
                    struct cr_batch *batch)
{
    if (message->flags & MSG_CONFIRM)
        frame->flags |= CANRING_TX;
    else if (message->flags & MSG_DONTROUTE)
        frame->flags |= CANRING_LOCAL;
    frame->number = sc->bus.number++;
    sc->bus.stats.rx_frames++;
    sc->bus.stats.rx_errors += canring_frame_is_error(frame);
    cr_batch_push(batch, frame);
}

/* False when the batch has no room: the message stays where it is. */
static bool take(struct cr_socketcan *sc, struct message *message, struct cr_batch *batch)
{
    union {
        struct canring_frame frame;
        uint8_t bytes[CANRING_FRAME_HEADER];
    } refused = {0};
    uint32_t record = cr_wire_record(message->length);
    bool malformed = record == 0 || (message->flags & MSG_TRUNC);
    struct canring_frame *frame = malformed ? &refused.frame : cr_batch_reserve(batch, record);

    if (!frame)
        return false;
    if (malformed || cr_wire_decode(frame, message->payload, message->length) < 0) {
        read_control(sc, &refused.frame, message);
        sc->bus.stats.rx_malformed++;
        return true;
    }
    read_control(sc, frame, message);
    if (is_wanted(sc, frame))
        deliver(sc, frame, message, batch);
    return true;
}

int cr_sc_receive(struct cr_bus *bus, struct cr_batch *batch)
{
    struct cr_socketcan *sc = cr_socketcan_of(bus);
    uint32_t before = batch->count;
    struct message message;
    int ifindex = 0;

    bus->more = false;
    while (peek(sc, &message)) {
        /* With "any", frames of one interface at a time, so that bus->origin is theirs. */
        if (sc->any && ifindex && message.ifindex != ifindex && batch->count != before) {
            bus->more = true;
            break;
        }
        if (sc->any && message.ifindex != ifindex) {
            ifindex = message.ifindex;
            memcpy(bus->origin, cr_sc_link_name(sc, ifindex), IFNAMSIZ);
        }
        if (!take(sc, &message, batch))
            break;
        sc->rx.errors_in_row = 0;
        consume(sc);
    }
    if (sc->rx.buffers) {
        cr_loop_buffers_flush(sc->rx.buffers);
        if (!sc->rx.armed && filled_count(&sc->rx) == 0 && sc->rx.failed == 0)
            sc->rx.failed = arm(sc);
    }
    uint32_t count = batch->count - before;
    return count || !sc->rx.failed ? (int)count : sc->rx.failed;
}

/* ---- open and close --------------------------------------------------------- */

static int open_buffers(struct cr_socketcan *sc)
{
    struct cr_sc_rx *rx = &sc->rx;
    size_t size = sizeof(struct io_uring_recvmsg_out) + sizeof(struct sockaddr_can) +
                  CR_SC_CONTROL + payload_max(sc);

    rx->space = sc->xl_socket ? BUFFERS_XL : BUFFERS;
    rx->message.msg_namelen = sizeof(struct sockaddr_can);
    rx->message.msg_controllen = CR_SC_CONTROL;
    rx->filled = calloc(rx->space, sizeof(*rx->filled));
    if (!rx->filled)
        return -ENOMEM;
    int rc = cr_loop_buffers_new(sc->bus.loop, &rx->buffers, rx->space,
                                 (unsigned)((size + 63) & ~(size_t)63));
    rx->source.ready = on_message;
    return rc < 0 ? rc : arm(sc);
}

static int open_messages(struct cr_socketcan *sc)
{
    struct cr_sc_rx *rx = &sc->rx;
    size_t size = (payload_max(sc) + 7) & ~(size_t)7;

    rx->slots = calloc(CR_SC_AT_ONCE, sizeof(*rx->slots));
    rx->messages = calloc(CR_SC_AT_ONCE, sizeof(*rx->messages));
    rx->payloads = calloc(CR_SC_AT_ONCE, size);
    if (!rx->slots || !rx->messages || !rx->payloads)
        return -ENOMEM;
    for (unsigned i = 0; i < CR_SC_AT_ONCE; i++) {
        rx->slots[i].vector = (struct iovec){rx->payloads + i * size, payload_max(sc)};
        reset_message(sc, i);
    }
    rx->source.ready = on_readable;
    return cr_loop_watch(sc->bus.loop, &rx->source, sc->fd, POLLIN);
}

int cr_sc_rx_open(struct cr_socketcan *sc, struct canring_error *err)
{
    sc->rx.source.owner = sc;
    int rc = cr_loop_has_recvmsg(sc->bus.loop) ? open_buffers(sc) : open_messages(sc);
    if (rc < 0)
        return canring_error_set(err, rc, "%s: receive buffers: %s", sc->bus.name, strerror(-rc));
    return 0;
}

void cr_sc_rx_close(struct cr_socketcan *sc)
{
    cr_loop_disarm(sc->bus.loop, &sc->rx.source);
    cr_loop_buffers_free(sc->rx.buffers);
    free(sc->rx.filled);
    free(sc->rx.slots);
    free(sc->rx.messages);
    free(sc->rx.payloads);
}
