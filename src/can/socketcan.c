#include "can/socketcan.h"

#include <errno.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <linux/net_tstamp.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "can/netdev.h"
#include "can/netlink_timing.h"

#define RECEIVE_BUFFER_DEFAULT (32u << 20)
/* The kernel charges nearly 1 kB for a queued frame, so this is its minimum of 4608 bytes, eight
 * frames: fewer than any device's queue holds. So a full bus shows as EAGAIN and a POLLOUT that
 * works, not as ENOBUFS that nothing announces the end of. */
#define SEND_BUFFER 0

/* Since Linux 6.9; not in older headers. */
#define RAW_XL_VCID_OPTS 8
#define VCID_TX_PASS     2
#define VCID_RX_FILTER   4

static int set_option(const struct cr_socketcan *sc, int level, int option, int value)
{
    return setsockopt(sc->fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* ---- options ---------------------------------------------------------------- */

static void set_receive_buffer(struct cr_socketcan *sc, uint32_t bytes)
{
    int asked = (int)(bytes && bytes <= INT32_MAX / 2 ? bytes : RECEIVE_BUFFER_DEFAULT), got = 0;
    socklen_t size = sizeof(got);
    if (set_option(sc, SOL_SOCKET, SO_RCVBUFFORCE, asked) < 0)
        set_option(sc, SOL_SOCKET, SO_RCVBUF, asked);
    getsockopt(sc->fd, SOL_SOCKET, SO_RCVBUF, &got, &size);
    sc->bus.holds = (uint32_t)got;
    if (got < asked)
        cr_bus_report(
            &sc->bus, LOG_NOTICE,
            "%s: the receive buffer is %d bytes, not %d: raise net.core.rmem_max or grant "
            "CAP_NET_ADMIN",
            sc->bus.name, got, asked);
}

static void set_timestamps(struct cr_socketcan *sc)
{
    const int both = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
                     SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
    if (sc->hw_time && set_option(sc, SOL_SOCKET, SO_TIMESTAMPING, both) == 0)
        return;
    set_option(sc, SOL_SOCKET, SO_TIMESTAMPNS, 1);
}

/* Kernels before 6.9 take an FD frame for an interface that is set up for XL only from a socket
 * that takes XL, too: then XL frames are received, and dropped here when nobody wants them. */
static void set_kinds(struct cr_socketcan *sc)
{
    const struct {
        uint8_t flags, tx_vcid, rx_vcid, rx_vcid_mask;
    } pass_all = {.flags = VCID_TX_PASS | VCID_RX_FILTER};

    if (sc->fd_frames)
        set_option(sc, SOL_CAN_RAW, CAN_RAW_FD_FRAMES, 1);
    bool wanted = sc->xl_frames || (sc->fd_frames && sc->mtu >= CANXL_MIN_MTU);
    sc->xl_socket = wanted && set_option(sc, SOL_CAN_RAW, CAN_RAW_XL_FRAMES, 1) == 0;
    if (sc->xl_socket)
        setsockopt(sc->fd, SOL_CAN_RAW, RAW_XL_VCID_OPTS, &pass_all, sizeof(pass_all));
    if (sc->xl_frames && !sc->xl_socket)
        cr_bus_report(&sc->bus, LOG_NOTICE, "%s: this kernel has no CAN XL", sc->bus.name);
    sc->xl_frames = sc->xl_frames && sc->xl_socket;
}

/* Kept, because the kernel forgets them when the interface is removed. No filter at all would let
 * nothing through: all is one that matches everything. */
static int build_kernel_filters(struct cr_socketcan *sc, const struct canring_filters *filters)
{
    bool all = filters->count == 0 || sc->filter_here;
    sc->kernel_filters = calloc(all ? 1 : filters->count, sizeof(*sc->kernel_filters));
    if (!sc->kernel_filters)
        return -ENOMEM;
    sc->kernel_filter_count = all ? 1 : (unsigned)filters->count;
    for (size_t i = 0; !all && i < filters->count; i++) {
        const struct canring_filter *filter = &filters->list[i];
        sc->kernel_filters[i].can_id =
            (filter->id & ~CANRING_ID_ERROR) | (filter->inverted ? CAN_INV_FILTER : 0);
        sc->kernel_filters[i].can_mask = filter->mask & ~CANRING_ID_ERROR;
    }
    return 0;
}

static int set_kernel_filters(const struct cr_socketcan *sc)
{
    socklen_t size = (socklen_t)(sc->kernel_filter_count * sizeof(*sc->kernel_filters));
    return setsockopt(sc->fd, SOL_CAN_RAW, CAN_RAW_FILTER, sc->kernel_filters, size) < 0 ? -errno
                                                                                         : 0;
}

/* The kernel's filter takes so many, and with "join" it never lets an error frame through, not
 * even the bus-off that the driver waits for: then everything is taken and sorted out here. */
static int set_filters(struct cr_socketcan *sc, const struct canring_filters *filters,
                       struct canring_error *err)
{
    sc->error_mask = filters->error_mask & CAN_ERR_MASK;
    set_option(sc, SOL_CAN_RAW, CAN_RAW_ERR_FILTER,
               (int)(sc->error_mask | CAN_ERR_BUSOFF | CAN_ERR_RESTARTED | CAN_ERR_CRTL));
    sc->filter_here = filters->count > CAN_RAW_FILTER_MAX || (filters->join && filters->count > 1);
    int rc = sc->filter_here ? cr_filter_set_build(&sc->filter, filters) : 0;
    if (rc == 0)
        rc = build_kernel_filters(sc, filters);
    return rc < 0 ? canring_error_set(err, rc, "%s: filters: %s", sc->bus.name, strerror(-rc)) : 0;
}

static int set_options(struct cr_socketcan *sc, const struct canring_bus_options *options,
                       struct canring_error *err)
{
    set_receive_buffer(sc, options->receive_buffer);
    set_option(sc, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
    set_option(sc, SOL_SOCKET, SO_RXQ_OVFL, 1);
    set_timestamps(sc);
    set_kinds(sc);
    if (options->receive_own)
        set_option(sc, SOL_CAN_RAW, CAN_RAW_RECV_OWN_MSGS, 1);
    if (options->no_loopback)
        set_option(sc, SOL_CAN_RAW, CAN_RAW_LOOPBACK, 0);
    return set_filters(sc, &options->filters, err);
}

int cr_sc_bind(struct cr_socketcan *sc, int ifindex)
{
    const struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = ifindex};
    int rc = set_kernel_filters(sc);
    if (rc < 0)
        return rc;
    if (bind(sc->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    sc->ifindex = ifindex;
    return 0;
}

/* ---- open and close ----------------------------------------------------------- */

static int find_interface(struct cr_socketcan *sc, const char *channel, struct cr_link *link,
                          struct canring_error *err)
{
    if (!channel || !channel[0])
        return canring_error_set(err, -EINVAL,
                                 "no channel given; allowed: the name of a CAN interface, or any");
    sc->any = strcmp(channel, "any") == 0;
    size_t length = strlen(channel);
    if (length >= IFNAMSIZ)
        return cr_netdev_missing("/sys", channel, err);
    memcpy(sc->bus.name, channel, length + 1);
    if (sc->any)
        return 0;
    if (cr_link_get(link, channel, 0) < 0) { /* no netlink in this sandbox? */
        memset(link, 0, sizeof(*link));
        link->index = (int)if_nametoindex(channel);
        link->is_can = true;
        link->mtu = CANFD_MTU;
    }
    if (!link->index)
        return cr_netdev_missing("/sys", channel, err);
    if (!link->is_can)
        return canring_error_set(err, -ENODEV, "\"%s\" is not a CAN interface", channel);
    return 0;
}

/* Ours to set while nobody uses the link. True when the link is now as asked for. */
static bool set_timing(struct cr_socketcan *sc, const struct cr_link *link,
                       const struct cr_phase *nominal, const struct cr_phase *data)
{
    _Alignas(uint64_t) char buffer[CR_NETLINK_BYTES];
    if (link->up)
        return false;
    int rc =
        cr_netlink_request(cr_timing_message(buffer, link->index, nominal, data, sc->listen_only));
    if (rc < 0)
        cr_bus_report(&sc->bus, LOG_WARNING, "%s: cannot set bit timing and take it up: %s",
                      sc->bus.name, rc == -EPERM ? "this needs CAP_NET_ADMIN" : strerror(-rc));
    return rc == 0;
}

static int check_timing(struct cr_socketcan *sc, const struct cr_link *link,
                        const struct canring_bit_timing *timing, struct canring_error *err)
{
    char text[256];
    struct cr_phase nominal, data;
    int rc = cr_timing_phases(timing, sc->fd_frames, &nominal, &data, err);
    if (rc < 0 || (!nominal.bitrate && !data.bitrate))
        return rc;
    if (!link->controller)
        cr_bus_report(&sc->bus, LOG_INFO, "%s: a virtual interface, bit timing does not apply",
                      sc->bus.name);
    else if (!set_timing(sc, link, &nominal, &data) &&
             cr_timing_differs(link, &nominal, &data, text, sizeof(text)))
        cr_bus_report(&sc->bus, LOG_WARNING, "%s: %s", sc->bus.name, text);
    return 0;
}

/* Refusing to send is all that can be done from here while others use the link. */
static void check_listen_only(const struct cr_socketcan *sc, const struct cr_link *link)
{
    if (sc->listen_only && link->controller && link->up &&
        !(link->mode.flags & CAN_CTRLMODE_LISTENONLY))
        cr_bus_report(&sc->bus, LOG_NOTICE,
                      "%s: nothing will be sent, but the controller still acknowledges frames (ip "
                      "link set %s type can listen-only on)",
                      sc->bus.name, sc->bus.name);
}

static int open_socket(struct cr_socketcan *sc, struct canring_error *err)
{
    sc->fd = socket(AF_CAN, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, CAN_RAW);
    if (sc->fd >= 0)
        return 0;
    int rc = -errno;
    if (rc == -EAFNOSUPPORT || rc == -EPROTONOSUPPORT)
        return canring_error_set(err, rc, "this kernel has no SocketCAN (modprobe can-raw)");
    return canring_error_set(err, rc, "CAN socket: %s", strerror(-rc));
}

static int open_all(struct cr_socketcan *sc, const struct canring_bus_options *options,
                    struct canring_error *err)
{
    struct cr_link link = {.mtu = CANXL_MTU};
    int rc = open_socket(sc, err);
    if (rc == 0)
        rc = find_interface(sc, options->channel, &link, err);
    if (rc == 0)
        rc = check_timing(sc, &link, &options->timing, err);
    if (rc < 0)
        return rc;
    check_listen_only(sc, &link);
    sc->mtu = link.mtu;
    rc = set_options(sc, options, err);
    if (rc < 0)
        return rc;
    rc = cr_sc_bind(sc, link.index);
    if (rc < 0)
        return canring_error_set(err, rc, "%s: bind: %s", sc->bus.name, strerror(-rc));
    cr_sc_tx_open(sc);
    rc = cr_sc_link_open(sc, err);
    return rc < 0 ? rc : cr_sc_rx_open(sc, err);
}

static void socketcan_close(struct cr_bus *bus)
{
    struct cr_socketcan *sc = cr_socketcan_of(bus);
    cr_sc_rx_close(sc);
    cr_sc_tx_close(sc);
    cr_sc_link_close(sc);
    if (sc->filter_here)
        cr_filter_set_free(&sc->filter);
    free(sc->kernel_filters);
    if (sc->fd >= 0)
        close(sc->fd);
    free(sc);
}

static int socketcan_open(struct cr_bus **bus, struct cr_loop *loop,
                          const struct canring_bus_options *options, struct canring_error *err)
{
    struct cr_socketcan *sc = calloc(1, sizeof(*sc));
    if (!sc)
        return canring_error_set(err, -ENOMEM, "out of memory");
    sc->fd = -1;
    sc->link.netlink = -1;
    sc->bus.driver = &cr_driver_socketcan;
    sc->bus.loop = loop;
    sc->bus.report = options->report;
    sc->bus.report_arg = options->report_arg;
    sc->fd_frames = options->fd || options->xl;
    sc->xl_frames = options->xl;
    sc->listen_only = options->listen_only;
    sc->hw_time = options->hardware_timestamps;
    sc->restart_ms = options->restart_ms;
    int rc = open_all(sc, options, err);
    if (rc < 0) {
        socketcan_close(&sc->bus);
        return rc;
    }
    *bus = &sc->bus;
    return 0;
}

const struct cr_driver cr_driver_socketcan = {
    .interface = "socketcan",
    .open = socketcan_open,
    .close = socketcan_close,
    .receive = cr_sc_receive,
    .send = cr_sc_send,
    .refresh_stats = cr_sc_refresh_stats,
};
