#include <canring/bus.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>

#include "shm/nearest.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const interfaces[] = {"socketcan", "pcan", "udp_multicast", "virtual", "replay"};

static const char *find_interface(const char *name)
{
    for (size_t i = 0; i < COUNT(interfaces); i++) {
        if (strcmp(interfaces[i], name) == 0)
            return interfaces[i];
    }
    return NULL;
}

static int unknown_interface(const char *name, struct canring_error *err)
{
    const char *nearest = cr_nearest(name, interfaces, COUNT(interfaces));

    return canring_error_set(err, -EINVAL,
                             "unknown interface: found '%.100s', allowed: socketcan, pcan, "
                             "udp_multicast, virtual, replay%s%s%s",
                             name, nearest ? "; did you mean '" : "", nearest ? nearest : "",
                             nearest ? "'?" : "");
}

/* What the kernel takes for the name of a network device. */
static int check_netdev(const char *name, struct canring_error *err)
{
    size_t length = strlen(name);

    if (length > 0 && length < IFNAMSIZ && name[strcspn(name, "/ :\t\n")] == '\0' &&
        strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
        return 0;
    return canring_error_set(err, -EINVAL,
                             "found '%.100s', allowed: a network device (1..%d characters without "
                             "'/', ':' and blanks), any, or INTERFACE:CHANNEL",
                             name, IFNAMSIZ - 1);
}

static bool is_multicast(const char *text)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, text, &v4) == 1)
        return IN_MULTICAST(ntohl(v4.s_addr));
    return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_MULTICAST(&v6);
}

static int parse_group(char *group, struct canring_bus_options *options, struct canring_error *err)
{
    char *percent = strchr(group, '%');

    if (percent) {
        *percent = '\0';
        int code = check_netdev(percent + 1, err);
        if (code)
            return code;
        options->local_interface = percent + 1;
    }
    if (is_multicast(group))
        return 0;
    return canring_error_set(
        err, -EINVAL,
        "found '%.100s', allowed: a multicast address (224.0.0.0/4, ff00::/8), "
        "then %%NETDEV",
        group);
}

static int parse_channel(char *channel, struct canring_bus_options *options,
                         struct canring_error *err)
{
    options->channel = channel;
    if (strcmp(options->interface, "socketcan") == 0)
        return check_netdev(channel, err);
    if (*channel == '\0')
        return canring_error_set(err, -EINVAL, "found '%s:' with nothing behind it",
                                 options->interface);
    if (strcmp(options->interface, "udp_multicast") == 0)
        return parse_group(channel, options, err);
    return 0;
}

static int parse(char *text, struct canring_bus_options *options, struct canring_error *err)
{
    char *colon = strchr(text, ':');

    options->interface = interfaces[0];
    if (colon) {
        *colon = '\0';
        options->interface = find_interface(text);
        if (!options->interface)
            return unknown_interface(text, err);
    }
    return parse_channel(colon ? colon + 1 : text, options, err);
}

int canring_bus_target_parse(const char *text, struct canring_bus_options *options, char **storage,
                             struct canring_error *err)
{
    struct canring_bus_options parsed = *options;
    char *copy = strdup(text);

    *storage = NULL;
    if (!copy)
        return canring_error_set(err, -ENOMEM, "no memory");
    int code = parse(copy, &parsed, err);
    if (code) {
        free(copy);
        return code;
    }
    *options = parsed;
    *storage = copy;
    return 0;
}
