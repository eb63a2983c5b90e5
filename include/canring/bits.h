/* How many bits a frame takes on the wire: for bus load, and for what a bus can carry.
 *
 * Classic and FD frames are counted exactly, stuff bits included, from start of frame to the three
 * bits of intermission (ISO 11898-1:2015). The rate changes within BRS and within the CRC
 * delimiter: BRS counts as nominal, the delimiter as data phase. Error frames and CAN XL are
 * approximations, told at canring_frame_bits. Waiting for the bus, overload frames, and frames that
 * were repeated without being recorded are nowhere in it.
 */
#ifndef CANRING_BITS_H
#define CANRING_BITS_H

#include <canring/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

struct canring_bits {
    uint32_t nominal; /* at the nominal bit rate */
    uint32_t data;    /* at that of the data phase; 0 without a bit rate switch */
};

/* Bits of a well-formed frame (canring_frame_check). Wait-free, no system call, any thread.
 *
 * CAN FD: the stuff bits of its CRC field are at fixed places, so the CRC itself does not matter.
 * A dynamic stuff bit due right before that field is none: the first fixed one takes its place.
 * Error frames: 23, a flag of 6 bits, its echo of 6, delimiter and intermission, for those that
 * tell of an error on the wire (protocol, acknowledgement, bus error, or no class at all); what
 * came before it in the broken frame is unknown. Other reports of a controller: 0.
 * CAN XL: fields as in CiA 610-1, arbitration and the end (34 bits and stuff bits) nominal, from
 * the second bit of the switch to the frame check pattern at the data rate, with a stuff bit after
 * each 10 bits from SDT to the frame CRC. */
struct canring_bits canring_frame_bits(const struct canring_frame *frame);

/* Nanoseconds that so many bits take. Rates in bit/s; data_bitrate 0: the same as bitrate. */
static inline uint64_t canring_bits_ns(struct canring_bits bits, uint32_t bitrate,
                                       uint32_t data_bitrate)
{
    const uint64_t second = 1000000000;

    return bitrate ? bits.nominal * second / bitrate +
                         bits.data * second / (data_bitrate ? data_bitrate : bitrate)
                   : 0;
}

#ifdef __cplusplus
}
#endif
#endif
