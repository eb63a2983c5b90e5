/* A CAN frame, laid out as it travels through a ring.
 *
 * A frame is a record of 24 bytes of header and its data. A classic frame with 8
 * bytes of data is exactly one 32-byte slot, a CAN FD frame at most three, a CAN XL
 * frame at most 65. Everyone uses this one form: buses write it, rings carry it,
 * auxiliaries read it in place. The bits of `id` are those of <linux/can.h>.
 */
#ifndef CANRING_FRAME_H
#define CANRING_FRAME_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bits of `id`, same values as CAN_EFF_FLAG, CAN_RTR_FLAG, CAN_ERR_FLAG. */
#define CANRING_ID_EXTENDED 0x80000000u
#define CANRING_ID_REMOTE   0x40000000u
#define CANRING_ID_ERROR    0x20000000u
#define CANRING_ID_MASK_STD 0x000007ffu
#define CANRING_ID_MASK_EXT 0x1fffffffu

/* Bits of `flags`. */
#define CANRING_FD         0x0001u /* CAN FD data frame */
#define CANRING_BRS        0x0002u /* FD: bit rate switch */
#define CANRING_ESI        0x0004u /* FD: sender is error passive */
#define CANRING_XL         0x0008u /* CAN XL frame: `struct canring_xl` precedes its data */
#define CANRING_CLOCK_MASK 0x0030u /* where timestamp_ns comes from: */
#define CANRING_CLOCK_NONE 0x0000u /*   no timestamp */
#define CANRING_CLOCK_PROXY                                                                        \
    0x0010u /*   CLOCK_REALTIME, read by canring (or kept from a recording) */
#define CANRING_CLOCK_KERNEL 0x0020u /*   CLOCK_REALTIME, read by the kernel's receive path */
#define CANRING_CLOCK_HW     0x0030u /*   the CAN controller's own clock */
#define CANRING_TX           0x0040u /* direction: sent through this proxy (else received) */
#define CANRING_LOCAL        0x0080u /* received, but sent by another program on this host */
#define CANRING_DLC_SHIFT    8       /* 4 bits: DLC of a classic or remote frame, 0..15 */
#define CANRING_DLC_MASK     0x0f00u

#define CANRING_CC_DATA_MAX 8
#define CANRING_FD_DATA_MAX 64
#define CANRING_XL_DATA_MAX 2048

#ifdef __cplusplus /* it has no arrays without a size, its compilers have */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#endif
struct canring_frame {
    uint32_t sequence;     /* the ring's: see ring.h; no meaning outside of one */
    uint16_t size;         /* bytes of the whole record: 24 + (8 if XL) + data */
    uint16_t flags;        /* CANRING_FD … CANRING_DLC_MASK */
    uint64_t timestamp_ns; /* nanoseconds since the epoch of the clock in `flags` */
    uint32_t number; /* counts the frames of a bus, wraps; a gap is a loss, a filter or one's own */
    uint32_t id;     /* arbitration id and CANRING_ID_* bits; XL: 11-bit priority */
    uint8_t data[];
};
#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif

/* Fields of a CAN XL frame between header and data (CiA 610-1). */
struct canring_xl {
    uint32_t acceptance_field;
    uint8_t sdu_type;
    uint8_t flags; /* CANXL_SEC and CANXL_RRS of <linux/can.h>; XLF is implied */
    uint8_t vcid;  /* virtual CAN network id */
    uint8_t reserved;
};

#define CANRING_FRAME_HEADER 24
#define CANRING_FRAME_MAX    (CANRING_FRAME_HEADER + sizeof(struct canring_xl) + CANRING_XL_DATA_MAX)

static_assert(sizeof(struct canring_frame) == CANRING_FRAME_HEADER, "frame header is 24 bytes");
static_assert(offsetof(struct canring_frame, timestamp_ns) == 8, "timestamp at 8");
static_assert(offsetof(struct canring_frame, id) == 20, "id at 20");
static_assert(sizeof(struct canring_xl) == 8, "XL fields are 8 bytes");

/* Storage for any one frame. */
union canring_frame_buffer {
    struct canring_frame frame;
    uint8_t bytes[CANRING_FRAME_MAX];
    uint64_t align;
};

static inline size_t canring_frame_header(const struct canring_frame *frame)
{
    return CANRING_FRAME_HEADER + ((frame->flags & CANRING_XL) ? sizeof(struct canring_xl) : 0);
}

/* Data length in bytes; 0 for a remote frame. */
static inline size_t canring_frame_length(const struct canring_frame *frame)
{
    return frame->size - canring_frame_header(frame);
}

static inline uint8_t *canring_frame_data(struct canring_frame *frame)
{
    return (uint8_t *)frame + canring_frame_header(frame);
}

static inline const uint8_t *canring_frame_payload(const struct canring_frame *frame)
{
    return (const uint8_t *)frame + canring_frame_header(frame);
}

static inline unsigned canring_frame_dlc(const struct canring_frame *frame)
{
    return (frame->flags & CANRING_DLC_MASK) >> CANRING_DLC_SHIFT;
}

static inline bool canring_frame_is_error(const struct canring_frame *frame)
{
    return (frame->id & CANRING_ID_ERROR) != 0 && !(frame->flags & CANRING_XL);
}

static inline bool canring_frame_is_remote(const struct canring_frame *frame)
{
    return (frame->id & CANRING_ID_REMOTE) != 0 && !(frame->flags & CANRING_XL);
}

/* Make `frame` a classic data frame. `length` 0..8; a larger one is taken as 8. The id
 * carries CANRING_ID_EXTENDED when it is a 29-bit one. `frame` has room for 32 bytes. */
static inline void canring_frame_classic(struct canring_frame *frame, uint32_t id, const void *data,
                                         size_t length)
{
    if (length > CANRING_CC_DATA_MAX)
        length = CANRING_CC_DATA_MAX;
    memset(frame, 0, sizeof(*frame));
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + length);
    frame->flags = (uint16_t)(length << CANRING_DLC_SHIFT);
    frame->id = id;
    if (length)
        memcpy(frame->data, data, length);
}

/* 0 when `frame` is well formed and `available` bytes hold it, else -EBADMSG: known flags
 * only in a legal combination, a size its kind allows (FD: one of 0..8, 12, 16, 20, 24, 32,
 * 48, 64), id within its mask. Used on everything that comes out of shared memory, always on
 * a private copy. Wait-free, no system call. */
int canring_frame_check(const struct canring_frame *frame, size_t available);

/* Copy a frame, its `size` bytes. `to` must have room for them. */
static inline void canring_frame_copy(struct canring_frame *to, const struct canring_frame *from)
{
    memcpy(to, from, from->size);
}

#ifdef __cplusplus
}
#endif
#endif
