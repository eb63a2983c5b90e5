/* The CAN interfaces that this host has, for the drivers' error messages and for pcan.
 *
 * Reads a sysfs tree (normally /sys), so that a test can bring its own. Called when a bus is
 * opened, never while frames flow.
 */
#ifndef CANRING_NETDEV_H
#define CANRING_NETDEV_H

#include <canring/error.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#define CR_NETDEVS_MAX 64

struct cr_netdev {
    int index;
    char name[IFNAMSIZ];
    char driver[32]; /* "" for a virtual one */
};

/* List them by ascending index; returns how many, at most CR_NETDEVS_MAX; 0 without sysfs. */
size_t cr_netdevs(const char *sysfs, struct cr_netdev list[CR_NETDEVS_MAX]);

/* Set `err` to "no CAN interface `name`…; there are …; did you mean …" and return -ENODEV. */
int cr_netdev_missing(const char *sysfs, const char *name, struct canring_error *err);

#endif
