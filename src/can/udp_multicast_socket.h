/* The two sockets of a udp_multicast bus.
 *
 * Opened by udp_multicast.c. Two, because all participants share one port: what we send leaves
 * from a port of its own, which is how our own datagrams are told from those of other programs on
 * this host when both come back. Nothing here may reach beyond the interface that was named.
 */
#ifndef CANRING_UDP_MULTICAST_SOCKET_H
#define CANRING_UDP_MULTICAST_SOCKET_H

#include <netinet/in.h>

#include <canring/bus.h>

#define CR_UDP_PORT 43113

union cr_udp_address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

struct cr_udp_sockets {
    int receive; /* bound to group and port, joined on the interface; -1 = not open */
    int send;    /* connected to the group */
    union cr_udp_address own;
};

/* Open both, non-blocking. On failure nothing is left open. Errors: -EINVAL address, interface
 * not given; -ENODEV no such interface; others as the kernel gives them. */
int cr_udp_sockets_open(struct cr_udp_sockets *sockets, const struct canring_bus_options *options,
                        struct canring_error *err);
void cr_udp_sockets_close(struct cr_udp_sockets *sockets);

/* Bytes that the receiving one holds. */
uint32_t cr_udp_sockets_hold(const struct cr_udp_sockets *sockets);

/* Same host address; and the same port too. */
bool cr_udp_same_host(const union cr_udp_address *a, const union cr_udp_address *b);
bool cr_udp_same_sender(const union cr_udp_address *a, const union cr_udp_address *b);

#endif
