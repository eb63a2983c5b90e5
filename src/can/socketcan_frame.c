#include "can/socketcan_frame.h"

#include <errno.h>

/* The XL form is the longest for any length, those of classic and FD frames included. */
uint32_t cr_wire_record(size_t length)
{
    if (length <= CANXL_HDR_SIZE || length > CANXL_MTU)
        return 0;
    return (uint32_t)(CANRING_FRAME_HEADER + sizeof(struct canring_xl) + length - CANXL_HDR_SIZE);
}

/* Virtual buses carry whatever bits a program left above a standard identifier; controllers and
 * other readers do not look at them. */
static uint32_t id_of(uint32_t can_id)
{
    if (can_id & (CAN_EFF_FLAG | CAN_ERR_FLAG))
        return can_id;
    return can_id & (CAN_SFF_MASK | CAN_RTR_FLAG);
}

static int decode_classic(struct canring_frame *frame, const struct can_frame *cc)
{
    if (cc->len > CAN_MAX_DLEN)
        return -EBADMSG;
    unsigned dlc = cc->len;
    if (cc->len == CAN_MAX_DLEN && cc->len8_dlc > CAN_MAX_DLEN && cc->len8_dlc <= CAN_MAX_RAW_DLC)
        dlc = cc->len8_dlc;
    unsigned length = cc->can_id & CAN_RTR_FLAG ? 0 : cc->len;
    frame->id = id_of(cc->can_id);
    frame->flags = (uint16_t)(dlc << CANRING_DLC_SHIFT);
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + length);
    memcpy(frame->data, cc->data, length);
    return 0;
}

/* Programs may put any length up to 64 on a virtual bus (python-can does). A controller would
 * fill up to the next length that a DLC can say: so do we. */
static unsigned legal_fd_length(unsigned length)
{
    static const uint8_t legal[] = {8, 12, 16, 20, 24, 32, 48, 64};
    unsigned i = 0;
    if (length <= CAN_MAX_DLEN)
        return length;
    while (legal[i] < length)
        i++;
    return legal[i];
}

static int decode_fd(struct canring_frame *frame, const struct canfd_frame *fd)
{
    if (fd->len > CANFD_MAX_DLEN)
        return -EBADMSG;
    unsigned length = legal_fd_length(fd->len);
    frame->id = id_of(fd->can_id);
    frame->flags = (uint16_t)(CANRING_FD | (fd->flags & CANFD_BRS ? CANRING_BRS : 0u) |
                              (fd->flags & CANFD_ESI ? CANRING_ESI : 0u));
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + length);
    memset(frame->data + fd->len, 0, length - fd->len);
    memcpy(frame->data, fd->data, fd->len);
    return 0;
}

static int decode_xl(struct canring_frame *frame, const void *wire, size_t length)
{
    struct canxl_frame head;
    memcpy(&head, wire, CANXL_HDR_SIZE);
    if (!(head.flags & CANXL_XLF) || head.len != length - CANXL_HDR_SIZE)
        return -EBADMSG;
    const struct canring_xl xl = {.acceptance_field = head.af,
                                  .sdu_type = head.sdt,
                                  .flags = (uint8_t)(head.flags & ~CANXL_XLF),
                                  .vcid = (uint8_t)(head.prio >> CR_WIRE_VCID_SHIFT)};
    frame->id = head.prio & CANXL_PRIO_MASK;
    frame->flags = CANRING_XL;
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + sizeof(xl) + head.len);
    memcpy(frame->data, &xl, sizeof(xl));
    memcpy(frame->data + sizeof(xl), (const uint8_t *)wire + CANXL_HDR_SIZE, head.len);
    return 0;
}

/* An XL frame may be as long as a classic or an FD one: its flag, in the place of their length,
 * tells them apart. */
static bool is_xl(const void *wire, size_t length)
{
    struct canxl_frame head;
    memcpy(&head, wire, CANXL_HDR_SIZE);
    return (head.flags & CANXL_XLF) || (length != CAN_MTU && length != CANFD_MTU);
}

int cr_wire_decode(struct canring_frame *frame, const void *wire, size_t length)
{
    struct can_frame cc;
    struct canfd_frame fd;
    int rc;

    if (cr_wire_record(length) == 0)
        return -EBADMSG;
    memset(frame, 0, sizeof(*frame));
    if (is_xl(wire, length)) {
        rc = decode_xl(frame, wire, length);
    } else if (length == CAN_MTU) {
        memcpy(&cc, wire, sizeof(cc));
        rc = decode_classic(frame, &cc);
    } else {
        memcpy(&fd, wire, sizeof(fd));
        rc = decode_fd(frame, &fd);
    }
    return rc < 0 ? rc : canring_frame_check(frame, frame->size);
}

static size_t encode_classic(struct can_frame *cc, const struct canring_frame *frame)
{
    unsigned dlc = canring_frame_dlc(frame);
    memset(cc, 0, sizeof(*cc));
    cc->can_id = frame->id;
    cc->len = (uint8_t)(dlc < CAN_MAX_DLEN ? dlc : CAN_MAX_DLEN);
    cc->len8_dlc = (uint8_t)(dlc > CAN_MAX_DLEN ? dlc : 0);
    memcpy(cc->data, frame->data, canring_frame_length(frame));
    return CAN_MTU;
}

static size_t encode_fd(struct canfd_frame *fd, const struct canring_frame *frame)
{
    size_t length = canring_frame_length(frame);
    memset(fd, 0, sizeof(*fd));
    fd->can_id = frame->id;
    fd->len = (uint8_t)length;
    fd->flags = (uint8_t)(CANFD_FDF | (frame->flags & CANRING_BRS ? CANFD_BRS : 0) |
                          (frame->flags & CANRING_ESI ? CANFD_ESI : 0));
    memcpy(fd->data, frame->data, length);
    return CANFD_MTU;
}

static size_t encode_xl(struct canxl_frame *wire, const struct canring_frame *frame)
{
    size_t length = canring_frame_length(frame);
    struct canring_xl xl;
    memcpy(&xl, frame->data, sizeof(xl));
    wire->prio = frame->id | (uint32_t)xl.vcid << CR_WIRE_VCID_SHIFT;
    wire->flags = (uint8_t)(xl.flags | CANXL_XLF);
    wire->sdt = xl.sdu_type;
    wire->len = (uint16_t)length;
    wire->af = xl.acceptance_field;
    memcpy(wire->data, canring_frame_payload(frame), length);
    return CANXL_HDR_SIZE + length;
}

size_t cr_wire_encode(union cr_wire *wire, const struct canring_frame *frame)
{
    if (frame->flags & CANRING_XL)
        return encode_xl(&wire->xl, frame);
    if (frame->flags & CANRING_FD)
        return encode_fd(&wire->fd, frame);
    return encode_classic(&wire->cc, frame);
}
