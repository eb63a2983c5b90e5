/* Bit timing of a CAN controller: what the configuration asks for against what the link has.
 *
 * The socketcan driver calls it once when it opens a bus. Set where that is allowed and the link is
 * down, else compared. Never touches a link that is up: others use it. Virtual interfaces have no
 * bit timing.
 */
#ifndef CANRING_NETLINK_TIMING_H
#define CANRING_NETLINK_TIMING_H

#include <canring/bus.h>

#include "can/netlink.h"

/* One phase: 0 = not asked for. The sample point is in tenths of a percent, as the kernel's. */
struct cr_phase {
    uint32_t bitrate, sample_point, sjw;
};

/* The two phases that `timing` means. Clock and segments count more than the plain bit rate, for
 * CAN FD, where pykiso takes only them; without FD only the plain bit rate counts unless it is
 * missing. -EINVAL with the reason when the segments are given in part. */
int cr_timing_phases(const struct canring_bit_timing *timing, bool fd, struct cr_phase *nominal,
                     struct cr_phase *data, struct canring_error *err);

/* The request that sets them and takes the link up; `buffer` of CR_NETLINK_BYTES. */
struct nlmsghdr *cr_timing_message(void *buffer, int index, const struct cr_phase *nominal,
                                   const struct cr_phase *data, bool listen_only);

/* In words what differs, into `text`; false when nothing does. A phase whose bitrate is 0 is not
 * compared. */
bool cr_timing_differs(const struct cr_link *link, const struct cr_phase *nominal,
                       const struct cr_phase *data, char *text, size_t space);

#endif
