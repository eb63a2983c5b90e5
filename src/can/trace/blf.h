/* Vector's binary log: where things are in it, and what its encoder and its decoder share.
 *
 * A file is a header and containers; the bytes inside of all containers, one behind the other, are
 * objects: frames and events. Everything is little-endian. Vector publishes no text about it; the
 * places are those that vector_blf, Wireshark and python-can read. Used by blf_*.c only.
 */
#ifndef CANRING_TRACE_BLF_H
#define CANRING_TRACE_BLF_H

#include <canring/trace.h>
#include <stdint.h>

/* The file's header. */
#define BLF_HEADER       144u
#define BLF_HEADER_START 40u /* SYSTEMTIME of the measurement's start, local time */
#define BLF_HEADER_LAST  56u /* SYSTEMTIME of the last object */

/* An object begins with "LOBJ", u16 size of its header, u16 version of its header, u32 its size,
 * u32 its type. Times and bodies: of header version 1 (3 is the same) and 2. */
#define BLF_OBJECT_BASE   16u
#define BLF_OBJECT_HEADER 32u /* version 1 */
#define BLF_OBJECT_FLAGS  16u /* u32: how long a tick is */
#define BLF_OBJECT_CLIENT 20u /* u16, version 1 */
#define BLF_OBJECT_TIME   24u /* i64, ticks since the measurement's start */
#define BLF_TICKS_10US    1u
#define BLF_TICKS_1NS     2u

/* A container: base, u16 method, 6 zero bytes, u32 size of what is in it, u32 0, then that. */
#define BLF_CONTAINER_HEADER 32u
#define BLF_METHOD_NONE      0u
#define BLF_METHOD_ZLIB      2u

enum blf_type {
    BLF_CAN_MESSAGE = 1,
    BLF_CAN_ERROR = 2,
    BLF_LOG_CONTAINER = 10,
    BLF_CAN_ERROR_EXT = 73,
    BLF_CAN_MESSAGE2 = 86,
    BLF_CAN_FD_MESSAGE = 100,
    BLF_CAN_FD_MESSAGE_64 = 101,
    BLF_CAN_FD_ERROR_64 = 104,
    BLF_DATA_LOST_BEGIN = 125,
    BLF_DATA_LOST_END = 126,
    BLF_CAN_XL_FRAME = 139,
};

/* Objects that are padded have `size % 4` bytes behind them: not what aligns them, but so it is.
 * Whoever looks for the next one passes over up to this many bytes. */
#define BLF_PADDING 7u

/* CAN_MESSAGE and CAN_MESSAGE2: u16 channel, u8 flags, u8 dlc, u32 id, data[8] (and 8 more). */
#define BLF_MESSAGE_BODY   16u
#define BLF_MESSAGE2_BODY  24u
#define BLF_DIRECTION_MASK 0x0fu /* 0 received, 1 sent, 2 asked to be sent */
#define BLF_DIRECTION_SENT 0x01u
#define BLF_REMOTE         0x80u
#define BLF_ID_EXTENDED    0x80000000u

/* CAN_FD_MESSAGE: as above to id, u32 ns, u8 bits, u8 fd, u8 length, 5 bytes, data[64], u32. */
#define BLF_FD_DATA 20u
#define BLF_FD_BODY 88u
#define BLF_FD_EDL  0x1u
#define BLF_FD_BRS  0x2u
#define BLF_FD_ESI  0x4u

/* CAN_FD_MESSAGE_64: u8 channel, dlc, length, count, u32 id, ns, flags, 4 × u32, u16 bits, u8
 * direction at 34, u8, u32 crc, data. */
#define BLF_FD64_DIRECTION 34u
#define BLF_FD64_DATA      40u
#define BLF_FD64_REMOTE    0x0010u
#define BLF_FD64_EDL       0x1000u
#define BLF_FD64_BRS       0x2000u
#define BLF_FD64_ESI       0x4000u

/* CAN_ERROR_EXT: u16 channel, u16 length, u32 flags, u8 ecc, position, dlc, 0, u32 ns, u32 id, u16
 * code, u16, data[8]. `flags` zero: id and data are SocketCAN's (python-can writes it so). Bit 1:
 * `code` is Vector's core's: direction, and kind of error in bits 6..11. */
#define BLF_ERROR_DATA   24u
#define BLF_ERROR_BODY   32u
#define BLF_ERROR_CORE   0x2u
#define BLF_ERROR_SENT   0x1000u
#define BLF_CAN_ERR_BODY 8u

/* CAN_FD_ERROR_64: u8 channel, dlc, length, ecc, u16 flags, u16 code (as above), and more. */
#define BLF_FD_ERROR_BODY 44u

/* DATA_LOST_BEGIN: u32 queue. _END: u32 queue, u64 time of the first lost one, u32 how many. */
#define BLF_LOST_BEGIN_BODY 4u
#define BLF_LOST_END_BODY   16u

/* CAN XL: u8 channel, count, direction, 0, 2 × u32, u32 id at 12, u8 sdt, 0, u16 dlc, u16 length, 2
 * × u16, u8 vcid at 26, 0, u32 acceptance field, 4 × u32, u32 flags at 48, u32, 6 × u64, data. */
#define BLF_XL_DATA 104u
#define BLF_XL_FDF  0x001000u
#define BLF_XL_BRS  0x002000u
#define BLF_XL_ESI  0x004000u
#define BLF_XL_XLF  0x400000u
#define BLF_XL_RRS  0x800000u
#define BLF_XL_SEC  0x1000000u

/* Bits of `flags` in struct canring_xl. */
#define CR_BLF_XL_SEC 0x01u
#define CR_BLF_XL_RRS 0x02u

static inline void blf_put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static inline void blf_put32(uint8_t *to, uint32_t value)
{
    blf_put16(to, value & 0xffff);
    blf_put16(to + 2, value >> 16);
}

static inline void blf_put64(uint8_t *to, uint64_t value)
{
    blf_put32(to, (uint32_t)value);
    blf_put32(to + 4, (uint32_t)(value >> 32));
}

/* Data bytes that an FD DLC of 0..15 stands for, and back (length: one of these). */
unsigned cr_blf_fd_length(unsigned dlc);
unsigned cr_blf_fd_dlc(unsigned length);

/* Write `ns` since the epoch as a SYSTEMTIME of 16 bytes, in local time, milliseconds cut off. */
void cr_blf_put_time(uint8_t *to, uint64_t ns);

/* A SYSTEMTIME in nanoseconds since the epoch, which may be before it. Bytes that are all zero are
 * no date, and 1970. 1: a date; 0: none; -EINVAL: one that there is not, or out of reach, and *ns
 * is 0. */
int cr_blf_get_time(const uint8_t *from, int64_t *ns);

/* What an object says, apart from its time. */
struct cr_blf_object {
    enum canring_trace_kind kind;
    uint32_t channel;
    uint64_t lost;
};

/* True for types that cr_blf_parse knows, and the events of losses. */
bool cr_blf_is_known(uint32_t type);

/* Take an object of a known type apart; its `length` bytes of body are behind `body`. A frame goes
 * to `frame`, without its time. 0, or -EINVAL and *what says why it is none. */
int cr_blf_parse(uint32_t type, const uint8_t *body, size_t length, struct cr_blf_object *object,
                 struct canring_frame *frame, const char **what);

struct cr_bytes;
/* The `pack` of the encoder: `raw` as one container. */
int cr_blf_pack(const void *raw, size_t length, struct cr_bytes *out);

extern const struct cr_trace_encoder cr_blf_encoder;

#endif
