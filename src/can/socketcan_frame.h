/* A frame as CAN_RAW sockets carry it, to and from ours.
 *
 * For the socketcan driver's two directions. Nothing is lost either way: raw DLCs, FD flags, XL
 * fields, error frames. Pure functions; the lengths and bits are those of <linux/can.h>.
 */
#ifndef CANRING_SOCKETCAN_FRAME_H
#define CANRING_SOCKETCAN_FRAME_H

#include <canring/frame.h>
#include <linux/can.h>

/* What sockets send and receive. Newer kernels put the virtual CAN network id of an XL frame
 * above its priority. */
union cr_wire {
    struct can_frame cc;
    struct canfd_frame fd;
    struct canxl_frame xl;
};

#define CR_WIRE_VCID_SHIFT 16

/* Bytes that the record of a received frame of `length` bytes takes at most; 0 when no frame has
 * that length. */
uint32_t cr_wire_record(size_t length);

/* Fill id, size, data and the kind's flags of `frame`, which has room for cr_wire_record(length)
 * bytes; the other fields become zero. -EBADMSG when the bytes are no frame. */
int cr_wire_decode(struct canring_frame *frame, const void *wire, size_t length);

/* Returns the bytes to send. `frame` is well formed; `wire` has room for its kind. */
size_t cr_wire_encode(union cr_wire *wire, const struct canring_frame *frame);

#endif
