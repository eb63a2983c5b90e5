#include "can/pcan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "can/driver.h"
#include "can/netdev.h"

#define PREFIX     "PCAN_USBBUS"
#define NAMED      "pcan:"
#define CHANNELS   16 /* as many as PEAK's own library names */
#define PEAK       "peak_usb"
#define STRLEN(s)  (sizeof(s) - 1)
#define LIST_BYTES 384

static int parse_channel(const char *channel)
{
    if (!channel || strncmp(channel, PREFIX, STRLEN(PREFIX)) != 0)
        return -EINVAL;
    const char *digits = channel + STRLEN(PREFIX);
    char *end;
    long number = strtol(digits, &end, 10);
    if (digits[0] < '1' || digits[0] > '9' || *end || number > CHANNELS)
        return -EINVAL;
    return (int)number;
}

static void describe(const struct cr_netdev *list, size_t count, char text[LIST_BYTES])
{
    size_t used = 0;
    snprintf(text, LIST_BYTES, "none");
    for (size_t i = 0; i < count && used < LIST_BYTES; i++)
        used += (size_t)snprintf(text + used, LIST_BYTES - used, "%s%s (%s)", i ? ", " : "",
                                 list[i].name, list[i].driver[0] ? list[i].driver : "virtual");
}

static int find_peak(const char *sysfs, int number, char name[IFNAMSIZ], struct canring_error *err)
{
    struct cr_netdev list[CR_NETDEVS_MAX];
    size_t count = cr_netdevs(sysfs, list);
    int found = 0;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].driver, PEAK) == 0 && ++found == number) {
            memcpy(name, list[i].name, IFNAMSIZ);
            return 0;
        }
    }
    char text[LIST_BYTES];
    describe(list, count, text);
    return canring_error_set(err, -ENODEV,
                             "no " PREFIX "%d: %d CAN interfaces with the driver " PEAK
                             " are here; CAN interfaces: %s; \"" NAMED "NAME\" takes one by name",
                             number, found, text);
}

static int find_named(const char *sysfs, const char *wanted, char name[IFNAMSIZ],
                      struct canring_error *err)
{
    struct cr_netdev list[CR_NETDEVS_MAX];
    size_t count = cr_netdevs(sysfs, list);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, wanted) == 0) {
            memcpy(name, list[i].name, IFNAMSIZ);
            return 0;
        }
    }
    return cr_netdev_missing(sysfs, wanted, err);
}

int cr_pcan_resolve(const char *sysfs, const char *channel, char name[IFNAMSIZ],
                    struct canring_error *err)
{
    if (channel && strncmp(channel, NAMED, STRLEN(NAMED)) == 0)
        return find_named(sysfs, channel + STRLEN(NAMED), name, err);
    int number = parse_channel(channel);
    if (number > 0)
        return find_peak(sysfs, number, name, err);
    return canring_error_set(err, -EINVAL,
                             "channel \"%s\" of interface pcan; allowed: " PREFIX "1 to " PREFIX
                             "%d, or \"" NAMED "NAME\" with the name of a CAN interface",
                             channel ? channel : "", CHANNELS);
}

/* The bus that comes out is socketcan's, and so is its driver from then on. */
static int pcan_open(struct cr_bus **bus, struct cr_loop *loop,
                     const struct canring_bus_options *options, struct canring_error *err)
{
    struct canring_bus_options resolved = *options;
    char name[IFNAMSIZ];
    int rc = cr_pcan_resolve("/sys", options->channel, name, err);
    if (rc < 0)
        return rc;
    resolved.channel = name;
    return cr_driver_socketcan.open(bus, loop, &resolved, err);
}

const struct cr_driver cr_driver_pcan = {
    .interface = "pcan",
    .open = pcan_open,
};
