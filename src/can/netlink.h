/* What rtnetlink knows of CAN links: up or down, gone, bus state, bit timing.
 *
 * For the socketcan driver: it watches links through one non-blocking socket and asks for a
 * restart after bus-off. Messages are built and read here and nowhere else. Never blocks, save
 * for the one answer of a request, and never keeps anything between calls.
 */
#ifndef CANRING_NETLINK_H
#define CANRING_NETLINK_H

#include <linux/can/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CR_NETLINK_BYTES 8192 /* of a message buffer */

struct cr_link {
    int index;
    char name[IFNAMSIZ];
    bool gone; /* the message says that it was removed */
    bool is_can;
    bool up;
    bool controller; /* has bit timing: not a virtual interface */
    bool has_state;
    unsigned mtu;
    enum can_state state;
    struct can_bittiming nominal, data; /* bitrate 0: not set */
    uint32_t clock_hz, restart_ms;
    struct can_ctrlmode mode;
};

struct nlmsghdr;

/* A socket that is told of every link that changes. Returns its fd or a negative errno. */
int cr_netlink_watch(void);
/* Read what has arrived, call `changed` for each link. Returns the number of links; 0 nothing
 * there; -ENOBUFS changes were lost: ask with cr_link_get. */
int cr_netlink_read(int fd, void (*changed)(void *arg, const struct cr_link *link), void *arg);

/* True when the message is about a link. */
bool cr_link_parse(const struct nlmsghdr *message, struct cr_link *link);

/* By name, or by index when `name` is NULL. -ENODEV. */
int cr_link_get(struct cr_link *link, const char *name, int index);

/* Restart a controller that is bus-off. -EPERM, -EOPNOTSUPP (not a controller), … */
int cr_link_restart(int index);
/* The message that it sends; `buffer` of CR_NETLINK_BYTES. */
struct nlmsghdr *cr_link_restart_message(void *buffer, int index);

/* A request about one link, to be filled with attributes; `buffer` of CR_NETLINK_BYTES. */
struct nlmsghdr *cr_link_message(void *buffer, uint16_t type, int index);
/* Send a request and wait for the kernel's answer: 0 or its negative errno. */
int cr_netlink_request(struct nlmsghdr *message);

#endif
