/* The socketcan driver's own state; the files socketcan*.c share it and pcan.c opens by it.
 *
 * socketcan.c opens and closes, socketcan_rx.c receives, socketcan_tx.c sends, socketcan_link.c
 * follows the interface and the state of the bus. All of it runs on the loop's thread and none of
 * it blocks. A frame is delivered or counted: nothing is lost in silence.
 */
#ifndef CANRING_SOCKETCAN_H
#define CANRING_SOCKETCAN_H

#include <linux/can.h>
#include <linux/can/netlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "can/driver.h"
#include "can/filter_compiled.h"
#include "can/netlink.h"
#include "can/socketcan_frame.h"

#define CR_SC_AT_ONCE 64u /* frames per recvmmsg and sendmmsg */
#define CR_SC_CONTROL 96u /* SCM_TIMESTAMPING (64) and SO_RXQ_OVFL (24), rounded up */
#define CR_SC_NAMES   32u /* interfaces whose names "any" remembers */

/* Room for one received message on the recvmmsg path. */
struct cr_sc_slot {
    struct sockaddr_can from;
    _Alignas(8) uint8_t control[CR_SC_CONTROL];
    struct iovec vector;
};

struct cr_sc_filled {
    unsigned buffer;
    int length;
};

struct cr_sc_rx {
    struct cr_source source;
    /* io_uring: filled buffers wait in a ring of `space` entries, first..next, until
     * receive() decodes them; the request is armed again when all are back. */
    struct msghdr message;
    struct cr_buffers *buffers;
    struct cr_sc_filled *filled;
    unsigned space, first, next;
    bool armed;
    /* epoll: recvmmsg while `readable`; what does not fit a batch stays, at..have. */
    struct cr_sc_slot *slots;
    struct mmsghdr *messages;
    uint8_t *payloads;
    unsigned at, have;
    bool readable;

    uint32_t kernel_drops;  /* SO_RXQ_OVFL, cumulative, of the last frame: for its number */
    uint32_t drops_counted; /* the same, in stats: also those after the last frame */
    unsigned errors_in_row;
    int failed; /* negative errno: the bus is done for */
};

struct cr_sc_tx {
    struct cr_source writable, retry;
    bool watching; /* `writable` is armed */
    uint64_t backoff_ns;
    struct mmsghdr messages[CR_SC_AT_ONCE];
    struct iovec vectors[CR_SC_AT_ONCE];
    struct canfd_frame frames[CR_SC_AT_ONCE]; /* also holds classic ones */
    union cr_wire large;                      /* an XL frame goes alone */
};

struct cr_sc_link {
    struct cr_source source, restart;
    int netlink; /* fd, or -1 when there is none to be had */
    bool removed;
};

struct cr_sc_name {
    int ifindex;
    bool up; /* as far as we know */
    char name[IFNAMSIZ];
};

struct cr_socketcan {
    struct cr_bus bus;
    int fd;
    int ifindex; /* 0: any, or removed */
    bool any, fd_frames, xl_frames, xl_socket, listen_only, hw_time, hw_time_missing_said;
    bool filter_here; /* the kernel's filter is wider than what was asked for */
    unsigned mtu;
    uint32_t error_mask, restart_ms;
    struct cr_filter_set filter;
    struct can_filter *kernel_filters;
    unsigned kernel_filter_count;
    struct cr_sc_name names[CR_SC_NAMES];
    unsigned name_next;
    struct cr_sc_rx rx;
    struct cr_sc_tx tx;
    struct cr_sc_link link;
};

static inline struct cr_socketcan *cr_socketcan_of(struct cr_bus *bus)
{
    return (struct cr_socketcan *)(void *)bus;
}

int cr_sc_rx_open(struct cr_socketcan *sc, struct canring_error *err);
void cr_sc_rx_close(struct cr_socketcan *sc);
int cr_sc_receive(struct cr_bus *bus, struct cr_batch *batch);
void cr_sc_refresh_stats(struct cr_bus *bus);

void cr_sc_tx_open(struct cr_socketcan *sc);
void cr_sc_tx_close(struct cr_socketcan *sc);
int cr_sc_send(struct cr_bus *bus, const struct canring_frame *const *frames, unsigned count);
/* Something happened that makes it worth asking again: the link is up, the bus restarted. */
void cr_sc_tx_unblock(struct cr_socketcan *sc);

int cr_sc_link_open(struct cr_socketcan *sc, struct canring_error *err);
void cr_sc_link_close(struct cr_socketcan *sc);
/* The socket said that the link is down: see what is true by now. */
void cr_sc_link_refresh(struct cr_socketcan *sc);
/* An error frame tells of the state of the controller. */
void cr_sc_link_error_frame(struct cr_socketcan *sc, const struct canring_frame *frame);
/* IFNAMSIZ bytes. */
const char *cr_sc_link_name(struct cr_socketcan *sc, int ifindex);
int cr_sc_bind(struct cr_socketcan *sc, int ifindex);

#endif
