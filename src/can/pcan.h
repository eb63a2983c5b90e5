/* PEAK's channel names on Linux, where their devices are ordinary CAN interfaces.
 *
 * PCAN_USBBUS1 is the first interface whose driver is peak_usb, PCAN_USBBUS2 the second, …, in the
 * order of their indexes; "pcan:NAME" names an interface outright. The pcan driver asks when it
 * opens a bus, and then leaves everything to socketcan.
 */
#ifndef CANRING_PCAN_H
#define CANRING_PCAN_H

#include <canring/error.h>
#include <net/if.h>

/* The interface that `channel` means, looked up under `sysfs` (normally "/sys"). -EINVAL no such
 * form of channel; -ENODEV not that many devices, or no such interface: `err` names those
 * there are. */
int cr_pcan_resolve(const char *sysfs, const char *channel, char name[IFNAMSIZ],
                    struct canring_error *err);

#endif
