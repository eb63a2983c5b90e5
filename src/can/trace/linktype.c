#include "can/trace/linktype.h"

#include <errno.h>

#include "can/socketcan_frame.h"
#include "can/trace/byteorder.h"
#include "can/trace/dlc.h"

#define CAN_HEAD  8u
#define SLL_HEAD  16u
#define SLL2_HEAD 20u

/* Protocols of cooked packets. */
#define PROTOCOL_CAN   0x000c
#define PROTOCOL_CANXL 0x000e /* CAN FD is between them */

/* Packet type of cooked packets. */
#define SLL_OUTGOING 4

static int refuse(const char **what, const char *why)
{
    *what = why;
    return -EBADMSG;
}

static int decode_wire(struct canring_frame *frame, const union cr_wire *wire, size_t length,
                       const char **what)
{
    if (cr_wire_decode(frame, wire, length) < 0)
        return refuse(what, "a packet that is no CAN frame");
    return 1;
}

static int decode_xl(struct canring_frame *frame, uint32_t priority, const uint8_t *raw,
                     size_t length, const char **what)
{
    union cr_wire wire;
    size_t data = length < CANXL_HDR_SIZE ? 0 : cr_get_le16(raw + 6);

    if (length < CANXL_HDR_SIZE || length - CANXL_HDR_SIZE < data)
        return refuse(what, "a CAN XL frame that is stored only in part");
    if (data > CANXL_MAX_DLEN)
        return refuse(what, "a CAN XL frame that is too long");
    wire.xl.prio = priority;
    wire.xl.flags = raw[4];
    wire.xl.sdt = raw[5];
    wire.xl.len = (uint16_t)data;
    wire.xl.af = cr_get_le32(raw + 8);
    memcpy(wire.xl.data, raw + CANXL_HDR_SIZE, data);
    return decode_wire(frame, &wire, CANXL_HDR_SIZE + data, what);
}

static int decode_fd(struct canring_frame *frame, uint32_t id, const uint8_t *raw,
                     const char **what)
{
    union cr_wire wire = {0};

    wire.fd.can_id = id;
    wire.fd.len = raw[4];
    wire.fd.flags = raw[5];
    memcpy(wire.fd.data, raw + CAN_HEAD, raw[4]);
    return decode_wire(frame, &wire, CANFD_MTU, what);
}

static int decode_classic(struct canring_frame *frame, uint32_t id, const uint8_t *raw,
                          const char **what)
{
    union cr_wire wire = {0};

    wire.cc.can_id = id;
    wire.cc.len = raw[4];
    wire.cc.len8_dlc = raw[7];
    if (!(id & CAN_RTR_FLAG))
        memcpy(wire.cc.data, raw + CAN_HEAD, raw[4]);
    return decode_wire(frame, &wire, CAN_MTU, what);
}

/* Captures made before there was a flag for FD show it by their size, or by a length that FD frames
 * have and classic ones have not. With any other length it is neither. */
static bool is_fd(const uint8_t *raw, size_t length)
{
    return (raw[5] & CANFD_FDF) || length == CANFD_MTU ||
           (raw[4] > CAN_MAX_DLEN && cr_fd_length(cr_fd_code(raw[4])) == raw[4]);
}

/* `big`: byte order of the id, the only field that depends on it. */
static int decode_can(struct canring_frame *frame, bool big, const uint8_t *raw, size_t length,
                      const char **what)
{
    if (length < CAN_HEAD)
        return refuse(what, "a packet that is too short for a CAN frame");
    uint32_t id = cr_get_32(big, raw);
    if (raw[4] & CANXL_XLF)
        return decode_xl(frame, id, raw, length, what);
    bool fd = is_fd(raw, length);
    if (raw[4] > (fd ? CANFD_MAX_DLEN : CAN_MAX_DLEN))
        return refuse(what, "a CAN frame that is too long");
    if (raw[4] > length - CAN_HEAD && (fd || !(id & CAN_RTR_FLAG)))
        return refuse(what, "a CAN frame that is stored only in part");
    return fd ? decode_fd(frame, id, raw, what) : decode_classic(frame, id, raw, what);
}

/* Cooked packets: a header, always in big-endian order, and a CAN frame as the kernel had it: with
 * its id in the order of the machine. */
static int decode_cooked(struct canring_frame *frame, const struct cr_link_packet *packet,
                         struct cr_link_extra *extra, const char **what)
{
    bool second = packet->linktype == CR_LINKTYPE_SLL2;
    size_t head = second ? SLL2_HEAD : SLL_HEAD;

    if (packet->length < head)
        return refuse(what, "a cooked packet that is too short");
    unsigned protocol = cr_get_be16(packet->raw + (second ? 0 : 14));
    if (protocol < PROTOCOL_CAN || protocol > PROTOCOL_CANXL)
        return 0;
    extra->outgoing = (second ? packet->raw[10] : cr_get_be16(packet->raw)) == SLL_OUTGOING;
    extra->interface = second ? cr_get_be32(packet->raw + 4) : 0;
    return decode_can(frame, packet->big, packet->raw + head, packet->length - head, what);
}

bool cr_linktype_has_can(uint32_t linktype)
{
    return linktype == CR_LINKTYPE_CAN || linktype == CR_LINKTYPE_SLL ||
           linktype == CR_LINKTYPE_SLL2;
}

int cr_link_decode(union canring_frame_buffer *frame, const struct cr_link_packet *packet,
                   struct cr_link_extra *extra, const char **what)
{
    *extra = (struct cr_link_extra){0};
    if (packet->linktype == CR_LINKTYPE_CAN)
        return decode_can(&frame->frame, true, packet->raw, packet->length, what);
    return decode_cooked(&frame->frame, packet, extra, what);
}

/* Classic frames are stored as the kernel has them, with room for 8 bytes: whoever does not look
 * at flags tells them from FD by that. */
size_t cr_link_can_length(const struct canring_frame *frame)
{
    if (frame->flags & CANRING_XL)
        return CANXL_HDR_SIZE + canring_frame_length(frame);
    return frame->flags & CANRING_FD ? CAN_HEAD + canring_frame_length(frame) : CAN_MTU;
}

static void put_be32(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 24);
    to[1] = (uint8_t)(value >> 16);
    to[2] = (uint8_t)(value >> 8);
    to[3] = (uint8_t)value;
}

static void encode_xl(uint8_t *to, const struct canring_frame *frame)
{
    size_t length = canring_frame_length(frame);
    struct canring_xl xl;

    memcpy(&xl, frame->data, sizeof(xl));
    put_be32(to, frame->id | (uint32_t)xl.vcid << CR_WIRE_VCID_SHIFT);
    to[4] = (uint8_t)(xl.flags | CANXL_XLF);
    to[5] = xl.sdu_type;
    to[6] = (uint8_t)length;
    to[7] = (uint8_t)(length >> 8);
    for (unsigned i = 0; i < 4; i++)
        to[8 + i] = (uint8_t)(xl.acceptance_field >> (8 * i));
    memcpy(to + CANXL_HDR_SIZE, canring_frame_payload(frame), length);
}

static void encode_fd(uint8_t *to, const struct canring_frame *frame)
{
    size_t length = canring_frame_length(frame);

    put_be32(to, frame->id);
    to[4] = (uint8_t)length;
    to[5] = (uint8_t)(CANFD_FDF | (frame->flags & CANRING_BRS ? CANFD_BRS : 0) |
                      (frame->flags & CANRING_ESI ? CANFD_ESI : 0));
    to[6] = to[7] = 0;
    memcpy(to + CAN_HEAD, frame->data, length);
}

static void encode_classic(uint8_t *to, const struct canring_frame *frame)
{
    unsigned dlc = canring_frame_dlc(frame);

    put_be32(to, frame->id);
    to[4] = (uint8_t)(dlc < CAN_MAX_DLEN ? dlc : CAN_MAX_DLEN);
    to[5] = to[6] = 0;
    to[7] = (uint8_t)(dlc > CAN_MAX_DLEN ? dlc : 0);
    memset(to + CAN_HEAD, 0, CAN_MAX_DLEN);
    memcpy(to + CAN_HEAD, frame->data, canring_frame_length(frame));
}

void cr_link_can_encode(uint8_t *to, const struct canring_frame *frame)
{
    if (frame->flags & CANRING_XL)
        encode_xl(to, frame);
    else if (frame->flags & CANRING_FD)
        encode_fd(to, frame);
    else
        encode_classic(to, frame);
}
