/* Packets of capture files that are CAN frames, by their link type.
 *
 * For pcapng and pcap, in both directions. CAN_SOCKETCAN (227) holds all kinds of frames and is
 * what is written; the two cooked types are what captures on "any" interface have. Pure functions:
 * they keep no state and make no system call. Layouts: the list of link types of tcpdump.org.
 */
#ifndef CANRING_TRACE_LINKTYPE_H
#define CANRING_TRACE_LINKTYPE_H

#include <canring/frame.h>

enum cr_linktype {
    CR_LINKTYPE_SLL = 113,
    CR_LINKTYPE_CAN = 227,
    CR_LINKTYPE_SLL2 = 276,
};

/* The longest packet that a frame makes: an XL frame. */
#define CR_LINKTYPE_CAN_MAX (12u + CANRING_XL_DATA_MAX)

struct cr_link_packet {
    uint32_t linktype;
    bool big; /* byte order of the file */
    const uint8_t *raw;
    size_t length; /* stored, which may be less than there was */
};

/* What a cooked header says besides. */
struct cr_link_extra {
    bool outgoing;
    uint32_t interface; /* number of it on the machine of the capture, 0: not told */
};

/* Do packets of this link type hold CAN frames, maybe among others? */
bool cr_linktype_has_can(uint32_t linktype);

/* Fill id, size, data and the kind's flags of `frame`, the rest becomes zero. 1; 0: a packet of
 * something other than CAN; -EBADMSG: damaged, `what` says how. */
int cr_link_decode(union canring_frame_buffer *frame, const struct cr_link_packet *packet,
                   struct cr_link_extra *extra, const char **what);

/* Length of the packet of link type CAN that holds `frame`. */
size_t cr_link_can_length(const struct canring_frame *frame);

/* Write so many bytes of it to `to`. */
void cr_link_can_encode(uint8_t *to, const struct canring_frame *frame);

#endif
