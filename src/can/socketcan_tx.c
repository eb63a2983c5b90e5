#include "can/socketcan.h"

#include <errno.h>
#include <poll.h>

/* A device queue without room says ENOBUFS and nothing tells when there is some again: ask
 * after the time of about one frame at 1 Mbit/s, then ever less often. */
#define BACKOFF_FIRST_NS UINT64_C(100000)
#define BACKOFF_LAST_NS  UINT64_C(10000000)
/* The link is down: its return is told by netlink; where there is none, look now and then. */
#define LINK_RETRY_NS UINT64_C(200000000)

void cr_sc_tx_unblock(struct cr_socketcan *sc)
{
    if (sc->tx.watching)
        cr_loop_disarm(sc->bus.loop, &sc->tx.writable);
    sc->tx.watching = false;
    sc->bus.tx_blocked = false;
}

static void on_writable(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    (void)result, (void)flags, (void)buffer;
    cr_sc_tx_unblock(source->owner);
}

static void on_retry(struct cr_source *source, int result, unsigned flags, unsigned buffer)
{
    (void)result, (void)flags, (void)buffer;
    cr_sc_tx_unblock(source->owner);
}

static void block_until_writable(struct cr_socketcan *sc)
{
    struct cr_sc_tx *tx = &sc->tx;
    sc->bus.tx_blocked = true;
    tx->watching = cr_loop_watch(sc->bus.loop, &tx->writable, sc->fd, POLLOUT) == 0;
    if (!tx->watching)
        cr_loop_timer(sc->bus.loop, &tx->retry, BACKOFF_LAST_NS);
}

static void block_for(struct cr_socketcan *sc, uint64_t ns)
{
    sc->bus.tx_blocked = true;
    cr_loop_timer(sc->bus.loop, &sc->tx.retry, ns);
}

static void back_off(struct cr_socketcan *sc)
{
    uint64_t next = sc->tx.backoff_ns * 2;
    block_for(sc, sc->tx.backoff_ns);
    sc->tx.backoff_ns = next < BACKOFF_LAST_NS ? next : BACKOFF_LAST_NS;
}

/* Whether this interface can never carry the frame. */
static bool is_refused(const struct cr_socketcan *sc, const struct canring_frame *frame)
{
    if (sc->listen_only || sc->any || canring_frame_check(frame, frame->size) < 0)
        return true;
    if (frame->flags & CANRING_XL)
        return !sc->xl_frames || sc->mtu < CANXL_MIN_MTU;
    if (frame->flags & CANRING_FD)
        return !sc->fd_frames || sc->mtu < CANFD_MTU;
    return false;
}

/* Make messages of as many frames as go in one call: not beyond one that is refused, and a CAN XL
 * frame alone. */
static unsigned gather(struct cr_socketcan *sc, const struct canring_frame *const *frames,
                       unsigned count)
{
    struct cr_sc_tx *tx = &sc->tx;
    unsigned n = 0;

    if (frames[0]->flags & CANRING_XL) {
        tx->vectors[0] = (struct iovec){&tx->large, cr_wire_encode(&tx->large, frames[0])};
        return 1;
    }
    while (n < count && n < CR_SC_AT_ONCE && !(frames[n]->flags & CANRING_XL) &&
           !is_refused(sc, frames[n])) {
        union cr_wire *wire = (union cr_wire *)(void *)&tx->frames[n];
        tx->vectors[n] = (struct iovec){wire, cr_wire_encode(wire, frames[n])};
        n++;
    }
    return n;
}

/* What became of the first frame that was not sent. Returns 1 when it is dealt with. */
static unsigned send_failed(struct cr_socketcan *sc, int error)
{
    switch (error) {
    case EINTR:
        return 0;
    case EAGAIN:
        sc->bus.stats.tx_retries++;
        block_until_writable(sc);
        return 0;
    case ENOBUFS:
    case ENOMEM:
        sc->bus.stats.tx_retries++;
        back_off(sc);
        return 0;
    case ENETDOWN:
    case ENODEV:
    case ENXIO:
        block_for(sc, LINK_RETRY_NS);
        return 0;
    default:
        sc->bus.stats.tx_refused++;
        return 1;
    }
}

static unsigned send_some(struct cr_socketcan *sc, const struct canring_frame *const *frames,
                          unsigned count)
{
    if (is_refused(sc, frames[0])) {
        sc->bus.stats.tx_refused++;
        return 1;
    }
    unsigned n = gather(sc, frames, count);
    sc->bus.stats.send_calls++;
    int sent = sendmmsg(sc->fd, sc->tx.messages, n, MSG_DONTWAIT);
    if (sent < 0)
        return send_failed(sc, errno);
    sc->tx.backoff_ns = BACKOFF_FIRST_NS;
    sc->bus.stats.tx_frames += (unsigned)sent;
    return (unsigned)sent;
}

int cr_sc_send(struct cr_bus *bus, const struct canring_frame *const *frames, unsigned count)
{
    struct cr_socketcan *sc = cr_socketcan_of(bus);
    unsigned done = 0;
    while (done < count && !bus->tx_blocked)
        done += send_some(sc, frames + done, count - done);
    return (int)done;
}

void cr_sc_tx_open(struct cr_socketcan *sc)
{
    struct cr_sc_tx *tx = &sc->tx;
    tx->writable = (struct cr_source){.ready = on_writable, .owner = sc};
    tx->retry = (struct cr_source){.ready = on_retry, .owner = sc};
    tx->backoff_ns = BACKOFF_FIRST_NS;
    for (unsigned i = 0; i < CR_SC_AT_ONCE; i++) {
        tx->messages[i].msg_hdr.msg_iov = &tx->vectors[i];
        tx->messages[i].msg_hdr.msg_iovlen = 1;
    }
}

void cr_sc_tx_close(struct cr_socketcan *sc)
{
    cr_loop_disarm(sc->bus.loop, &sc->tx.writable);
    cr_loop_disarm(sc->bus.loop, &sc->tx.retry);
}
