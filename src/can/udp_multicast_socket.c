#include "can/udp_multicast_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shm/nearest.h"

#define DEFAULT_GROUP          "ff15:7079:7468:6f6e:6465:6d6f:6d63:6173" /* python-can's */
#define DEFAULT_RECEIVE_BUFFER (32u << 20)

struct group {
    union cr_udp_address address;
    socklen_t length;
    unsigned interface;
    int hop_limit;
};

static int parse_group(struct group *group, const struct canring_bus_options *options,
                       struct canring_error *err)
{
    const char *text = options->channel && *options->channel ? options->channel : DEFAULT_GROUP;
    uint16_t port = htons(options->port ? options->port : CR_UDP_PORT);
    union cr_udp_address *address = &group->address;

    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET, text, &address->in.sin_addr) == 1 &&
        IN_MULTICAST(ntohl(address->in.sin_addr.s_addr))) {
        address->in.sin_family = AF_INET;
        address->in.sin_port = port;
        group->length = sizeof(address->in);
        return 0;
    }
    if (inet_pton(AF_INET6, text, &address->in6.sin6_addr) == 1 &&
        IN6_IS_ADDR_MULTICAST(&address->in6.sin6_addr)) {
        address->in6.sin6_family = AF_INET6;
        address->in6.sin6_port = port;
        group->length = sizeof(address->in6);
        return 0;
    }
    return canring_error_set(err, -EINVAL,
                             "udp_multicast: '%s' is not a multicast address (224.0.0.0/4 or "
                             "ff00::/8, python-can's are 239.74.163.2 and " DEFAULT_GROUP ")",
                             text);
}

#define INTERFACES_MAX 64u

static int no_interface(const char *name, struct canring_error *err)
{
    struct if_nameindex *list = if_nameindex();
    const char *names[INTERFACES_MAX];
    char known[256] = "";
    size_t count = 0, used = 0;

    for (; list && list[count].if_index && count < INTERFACES_MAX; count++)
        names[count] = list[count].if_name;
    for (size_t i = 0; i < count && used < sizeof(known); i++)
        used +=
            (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", names[i]);
    const char *nearest = cr_nearest(name, names, count);
    canring_error_set(err, -ENODEV,
                      "udp_multicast: local_interface '%s' does not exist; there are: %s%s%s%s",
                      name, known, nearest ? "; did you mean '" : "", nearest ? nearest : "",
                      nearest ? "'?" : "");
    if (list)
        if_freenameindex(list);
    return -ENODEV;
}

static int find_interface(struct group *group, const struct canring_bus_options *options,
                          struct canring_error *err)
{
    const char *name = options->local_interface;

    if (!name || !*name)
        return canring_error_set(err, -EINVAL,
                                 "udp_multicast: local_interface is missing: the network interface "
                                 "that the bus lives on must be named, e.g. lo");
    group->interface = if_nametoindex(name);
    if (group->interface) {
        if (group->address.any.sa_family == AF_INET6)
            group->address.in6.sin6_scope_id = group->interface;
        return 0;
    }
    return no_interface(name, err);
}

static int set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static void set_receive_buffer(int fd, uint32_t bytes)
{
    int wanted = (int)(bytes && bytes <= INT32_MAX ? bytes : DEFAULT_RECEIVE_BUFFER);
    /* The first needs a privilege, the second is cut by the kernel to what is allowed. */
    if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, wanted))
        (void)set_int(fd, SOL_SOCKET, SO_RCVBUF, wanted);
}

/* Groups that other programs joined, or this group on other interfaces, are none of our bus: the
 * kernel hands them to every socket of the port unless told not to. */
static int join4(int fd, const struct group *group)
{
    struct ip_mreqn request = {.imr_multiaddr = group->address.in.sin_addr,
                               .imr_ifindex = (int)group->interface};
    int rc = set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    if (rc)
        return rc;
    return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) < 0 ? -errno
                                                                                        : 0;
}

static int join6(int fd, const struct group *group)
{
    struct ipv6_mreq request = {.ipv6mr_multiaddr = group->address.in6.sin6_addr,
                                .ipv6mr_interface = group->interface};
    int rc = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
    if (rc)
        return rc;
    return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request)) < 0 ? -errno
                                                                                        : 0;
}

static int open_socket(const struct group *group)
{
    int fd = socket(group->address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

static int set_up_receive(int fd, const struct group *group, uint32_t buffer)
{
    int rc = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!rc)
        rc = set_int(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    if (!rc)
        rc = set_int(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    if (rc)
        return rc;
    set_receive_buffer(fd, buffer);
    if (bind(fd, &group->address.any, group->length) < 0)
        return -errno;
    return group->address.any.sa_family == AF_INET ? join4(fd, group) : join6(fd, group);
}

static int set_up_send4(int fd, const struct group *group)
{
    struct ip_mreqn from = {.imr_ifindex = (int)group->interface};
    if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof(from)) < 0)
        return -errno;
    int rc = set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, group->hop_limit);
    return rc ? rc : set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1);
}

static int set_up_send6(int fd, const struct group *group)
{
    int rc = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)group->interface);
    if (!rc)
        rc = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, group->hop_limit);
    return rc ? rc : set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1);
}

static int set_up_send(int fd, const struct group *group, union cr_udp_address *own)
{
    socklen_t length = sizeof(*own);
    int rc =
        group->address.any.sa_family == AF_INET ? set_up_send4(fd, group) : set_up_send6(fd, group);
    if (rc)
        return rc;
    if (connect(fd, &group->address.any, group->length) < 0)
        return -errno;
    return getsockname(fd, &own->any, &length) < 0 ? -errno : 0;
}

static int explain(int rc, const struct canring_bus_options *options, struct canring_error *err)
{
    const char *name = options->local_interface;
    if (rc == -ENETUNREACH || rc == -EADDRNOTAVAIL || rc == -ENODEV)
        return canring_error_set(err, rc,
                                 "udp_multicast: '%s' cannot carry multicast (%s): it must be up "
                                 "and have a route (on lo: ip route add 239.0.0.0/8 dev lo, "
                                 "ip -6 route add local ff00::/8 dev lo)",
                                 name, strerror(-rc));
    return canring_error_set(err, rc, "udp_multicast: cannot open on '%s': %s", name,
                             strerror(-rc));
}

static int set_busy_poll(int fd, uint32_t us, struct canring_error *err)
{
    int rc = us ? set_int(fd, SOL_SOCKET, SO_BUSY_POLL, (int)us) : 0;
    if (rc == -EPERM)
        return canring_error_set(err, rc,
                                 "socket_busy_poll %u: needs CAP_NET_ADMIN (setcap "
                                 "cap_net_admin+ep on the program), or sysctl net.core.busy_read "
                                 "of at least as much",
                                 us);
    return rc ? canring_error_set(err, rc, "socket_busy_poll %u: %s", us, strerror(-rc)) : 0;
}

int cr_udp_sockets_open(struct cr_udp_sockets *sockets, const struct canring_bus_options *options,
                        struct canring_error *err)
{
    struct group group = {.hop_limit = options->hop_limit};

    sockets->receive = sockets->send = -1;
    int rc = parse_group(&group, options, err);
    if (!rc)
        rc = find_interface(&group, options, err);
    if (rc)
        return rc;
    rc = sockets->receive = open_socket(&group);
    if (rc >= 0)
        rc = set_up_receive(sockets->receive, &group, options->receive_buffer);
    if (rc >= 0)
        rc = sockets->send = open_socket(&group);
    if (rc >= 0)
        rc = set_up_send(sockets->send, &group, &sockets->own);
    if (rc < 0)
        explain(rc, options, err);
    else
        rc = set_busy_poll(sockets->receive, options->socket_busy_poll, err);
    if (rc < 0)
        cr_udp_sockets_close(sockets);
    return rc;
}

uint32_t cr_udp_sockets_hold(const struct cr_udp_sockets *sockets)
{
    int bytes = 0;
    socklen_t size = sizeof(bytes);

    getsockopt(sockets->receive, SOL_SOCKET, SO_RCVBUF, &bytes, &size);
    return (uint32_t)bytes;
}

void cr_udp_sockets_close(struct cr_udp_sockets *sockets)
{
    if (sockets->receive >= 0)
        close(sockets->receive);
    if (sockets->send >= 0)
        close(sockets->send);
    sockets->receive = sockets->send = -1;
}

bool cr_udp_same_host(const union cr_udp_address *a, const union cr_udp_address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
    return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
}

bool cr_udp_same_sender(const union cr_udp_address *a, const union cr_udp_address *b)
{
    if (!cr_udp_same_host(a, b))
        return false;
    return a->any.sa_family == AF_INET ? a->in.sin_port == b->in.sin_port
                                       : a->in6.sin6_port == b->in6.sin6_port;
}
