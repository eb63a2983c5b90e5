/* A frame in a datagram: the msgpack map that python-can's udp_multicast bus speaks.
 *
 * Called by the udp_multicast driver for every datagram in and out. Decoding must never
 * allocate, and never read past `length`, whatever a stranger on the network sends: an array
 * that claims four billion elements costs one comparison (a general msgpack reader reserves
 * memory for them first, which a process that locked its memory pays for in full). Encoding is
 * msgpack-c's; the tests and the fuzzer hold the decoder against msgpack-c's as well.
 *
 * The map's keys (python-can 4.1): timestamp, arbitration_id, is_extended_id, is_remote_frame,
 * is_error_frame, channel, dlc, data, is_fd, bitrate_switch, error_state_indicator. There
 * is no direction, no raw DLC above 8, and no CAN XL in it.
 */
#ifndef CANRING_MSGPACK_FRAME_H
#define CANRING_MSGPACK_FRAME_H

#include <canring/frame.h>

/* Longest datagram that cr_msgpack_frame_encode writes. */
#define CR_MSGPACK_FRAME_MAX 256

/* Decode one datagram. `frame` has room for a CAN FD frame; its timestamp, clock and number stay
 * zero: the sender's clock is of no use to us. Missing keys have python-can's defaults, except
 * arbitration_id, without which it is no frame; unknown keys are skipped; an FD length that no
 * controller can send is filled up with zeros to the next one that can. 0 or -EBADMSG. Wait-free,
 * no system call. */
int cr_msgpack_frame_decode(struct canring_frame *frame, const void *datagram, size_t length);

/* Encode `frame`, a well-formed one. Returns the length, -EOPNOTSUPP for a CAN XL frame, or
 * -ENOSPC. No system call. */
int cr_msgpack_frame_encode(const struct canring_frame *frame, void *datagram, size_t space);

#endif
