#include "can/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- reading ------------------------------------------------------------- */

/* Attributes come from the kernel, but of any length a later one may choose. */
static void copy_attribute(void *to, size_t size, const struct nlattr *attribute)
{
    size_t length = mnl_attr_get_payload_len(attribute);
    memset(to, 0, size);
    memcpy(to, mnl_attr_get_payload(attribute), length < size ? length : size);
}

static int parse_can_attribute(const struct nlattr *attribute, void *arg)
{
    struct cr_link *link = arg;
    struct can_clock clock;
    uint32_t number = 0;

    switch (mnl_attr_get_type(attribute)) {
    case IFLA_CAN_STATE:
        copy_attribute(&number, sizeof(number), attribute);
        link->state = (enum can_state)number;
        link->has_state = true;
        break;
    case IFLA_CAN_BITTIMING:
        copy_attribute(&link->nominal, sizeof(link->nominal), attribute);
        break;
    case IFLA_CAN_DATA_BITTIMING:
        copy_attribute(&link->data, sizeof(link->data), attribute);
        break;
    case IFLA_CAN_CLOCK:
        copy_attribute(&clock, sizeof(clock), attribute);
        link->clock_hz = clock.freq;
        break;
    case IFLA_CAN_CTRLMODE:
        copy_attribute(&link->mode, sizeof(link->mode), attribute);
        break;
    case IFLA_CAN_RESTART_MS:
        copy_attribute(&link->restart_ms, sizeof(link->restart_ms), attribute);
        break;
    default:
        break;
    }
    return MNL_CB_OK;
}

static int parse_info(const struct nlattr *attribute, void *arg)
{
    struct cr_link *link = arg;
    char kind[16] = "";

    if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND) {
        copy_attribute(kind, sizeof(kind) - 1, attribute);
        link->controller = strcmp(kind, "can") == 0;
    } else if (mnl_attr_get_type(attribute) == IFLA_INFO_DATA && link->controller) {
        mnl_attr_parse_nested(attribute, parse_can_attribute, link);
    }
    return MNL_CB_OK;
}

static int parse_attribute(const struct nlattr *attribute, void *arg)
{
    struct cr_link *link = arg;

    switch (mnl_attr_get_type(attribute)) {
    case IFLA_IFNAME:
        copy_attribute(link->name, sizeof(link->name) - 1, attribute);
        break;
    case IFLA_MTU:
        copy_attribute(&link->mtu, sizeof(link->mtu), attribute);
        break;
    case IFLA_LINKINFO:
        mnl_attr_parse_nested(attribute, parse_info, link);
        break;
    default:
        break;
    }
    return MNL_CB_OK;
}

bool cr_link_parse(const struct nlmsghdr *message, struct cr_link *link)
{
    if ((message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) ||
        mnl_nlmsg_get_payload_len(message) < sizeof(struct ifinfomsg))
        return false;
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
    if (info->ifi_family != AF_UNSPEC) /* a bridge leaving a port says RTM_DELLINK too */
        return false;
    *link = (struct cr_link){.index = info->ifi_index,
                             .gone = message->nlmsg_type == RTM_DELLINK,
                             .is_can = info->ifi_type == ARPHRD_CAN,
                             .up = (info->ifi_flags & IFF_UP) != 0};
    mnl_attr_parse(message, sizeof(*info), parse_attribute, link);
    return true;
}

int cr_netlink_watch(void)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

static int read_messages(const char *buffer, int length,
                         void (*changed)(void *arg, const struct cr_link *link), void *arg)
{
    const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)buffer;
    struct cr_link link;
    int count = 0;

    for (; mnl_nlmsg_ok(message, length); message = mnl_nlmsg_next(message, &length)) {
        if (!cr_link_parse(message, &link))
            continue;
        changed(arg, &link);
        count++;
    }
    return count;
}

int cr_netlink_read(int fd, void (*changed)(void *arg, const struct cr_link *link), void *arg)
{
    _Alignas(struct nlmsghdr) char buffer[CR_NETLINK_BYTES];
    int count = 0;

    for (;;) {
        ssize_t length = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (length <= 0)
            return length < 0 && errno == ENOBUFS ? -ENOBUFS : count;
        count += read_messages(buffer, (int)length, changed, arg);
    }
}

/* ---- asking -------------------------------------------------------------- */

struct nlmsghdr *cr_link_message(void *buffer, uint16_t type, int index)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
    info->ifi_family = AF_UNSPEC;
    info->ifi_index = index;
    return message;
}

static int keep_link(const struct nlmsghdr *message, void *arg)
{
    cr_link_parse(message, arg);
    return MNL_CB_OK;
}

/* Answers of the kernel are there when send returns: rtnetlink works in the caller's context. */
static int request(struct nlmsghdr *message, struct cr_link *link)
{
    _Alignas(struct nlmsghdr) char buffer[CR_NETLINK_BYTES];
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!socket)
        return -errno;
    message->nlmsg_seq = 1;
    int rc = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
                     mnl_socket_sendto(socket, message, message->nlmsg_len) < 0
                 ? -errno
                 : MNL_CB_OK;
    while (rc == MNL_CB_OK) {
        ssize_t length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
        rc = length < 0 ? -errno
                        : mnl_cb_run(buffer, (size_t)length, 1, mnl_socket_get_portid(socket),
                                     link ? keep_link : NULL, link);
        if (length >= 0 && rc == MNL_CB_ERROR)
            rc = -errno;
    }
    mnl_socket_close(socket);
    return rc;
}

int cr_netlink_request(struct nlmsghdr *message)
{
    return request(message, NULL);
}

int cr_link_get(struct cr_link *link, const char *name, int index)
{
    _Alignas(struct nlmsghdr) char buffer[CR_NETLINK_BYTES];
    struct nlmsghdr *message = cr_link_message(buffer, RTM_GETLINK, name ? 0 : index);
    if (name)
        mnl_attr_put_strz(message, IFLA_IFNAME, name);
    return request(message, link);
}

struct nlmsghdr *cr_link_restart_message(void *buffer, int index)
{
    struct nlmsghdr *message = cr_link_message(buffer, RTM_NEWLINK, index);
    struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_str(message, IFLA_INFO_KIND, "can");
    struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
    mnl_attr_put_u32(message, IFLA_CAN_RESTART, 1);
    mnl_attr_nest_end(message, data);
    mnl_attr_nest_end(message, info);
    return message;
}

int cr_link_restart(int index)
{
    _Alignas(struct nlmsghdr) char buffer[CR_NETLINK_BYTES];
    return cr_netlink_request(cr_link_restart_message(buffer, index));
}
