#include "can/driver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "shm/nearest.h"

/* One line per driver. */
static const struct cr_driver *const drivers[] = {
    &cr_driver_socketcan, &cr_driver_pcan,   &cr_driver_udp_multicast,
    &cr_driver_virtual,   &cr_driver_replay,
};

#define DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

static void name_them(char *text, size_t space)
{
    size_t used = 0;
    for (size_t i = 0; i < DRIVERS && used < space; i++)
        used += (size_t)snprintf(text + used, space - used, "%s%s", i ? ", " : "",
                                 drivers[i]->interface);
}

static int unknown(const char *interface, struct canring_error *err)
{
    const char *names[DRIVERS];
    char known[256] = "";
    for (size_t i = 0; i < DRIVERS; i++)
        names[i] = drivers[i]->interface;
    name_them(known, sizeof(known));
    const char *nearest = cr_nearest(interface, names, DRIVERS);
    if (!nearest)
        return canring_error_set(err, -EINVAL, "unknown interface \"%s\"; allowed: %s", interface,
                                 known);
    return canring_error_set(err, -EINVAL,
                             "unknown interface \"%s\"; allowed: %s; did you mean \"%s\"?",
                             interface, known, nearest);
}

const struct cr_driver *cr_driver_find(const char *interface, struct canring_error *err)
{
    const char *name = interface ? interface : "";
    for (size_t i = 0; i < DRIVERS; i++)
        if (strcmp(drivers[i]->interface, name) == 0)
            return drivers[i];
    unknown(name, err);
    return NULL;
}

/* Sockets of AF_CAN never learn which device to poll (there is no NAPI id in them): the kernel
 * takes the option and does nothing. */
static int check_busy_poll(const struct cr_driver *driver,
                           const struct canring_bus_options *options, struct canring_error *err)
{
    if (!options->socket_busy_poll || driver == &cr_driver_udp_multicast)
        return 0;
    return canring_error_set(err, -EOPNOTSUPP,
                             "socket_busy_poll: %s has no busy polling in Linux, only "
                             "udp_multicast has; what polls there is the proxy: busy_poll, or "
                             "wait: spin",
                             driver->interface);
}

int cr_bus_open(struct cr_bus **bus, struct cr_loop *loop,
                const struct canring_bus_options *options, struct canring_error *err)
{
    const struct cr_driver *driver = cr_driver_find(options->interface, err);
    int result = driver ? check_busy_poll(driver, options, err) : -EINVAL;
    if (result == 0)
        result = driver->open(bus, loop, options, err);
    if (result >= 0)
        cr_bus_report(*bus, LOG_INFO, "%s: open (%s)", (*bus)->name, driver->interface);
    return result;
}

void cr_bus_report(const struct cr_bus *bus, int level, const char *format, ...)
{
    char text[CANRING_ERROR_TEXT];
    va_list args;
    if (!bus->report)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    bus->report(bus->report_arg, level, text);
}
