/* pcapng: the words that its encoder and its decoder share.
 *
 * A file is a row of blocks: type, length, content, length again; numbers in the byte order that
 * the section header tells. Names and values are those of draft-ietf-opsawg-pcapng.
 */
#ifndef CANRING_TRACE_PCAPNG_H
#define CANRING_TRACE_PCAPNG_H

#include "can/trace/format.h"

enum cr_pcapng_type {
    CR_PCAPNG_INTERFACE = 1,
    CR_PCAPNG_OLD_PACKET = 2,
    CR_PCAPNG_SIMPLE_PACKET = 3,
    CR_PCAPNG_STATISTICS = 5,
    CR_PCAPNG_PACKET = 6,
    CR_PCAPNG_SECTION = 0x0a0d0d0a, /* the same in both byte orders */
};

#define CR_PCAPNG_ORDER 0x1a2b3c4du

/* Type and length, and the length behind the content. */
#define CR_PCAPNG_HEAD 8u
#define CR_PCAPNG_TAIL 4u

enum cr_pcapng_option {
    CR_PCAPNG_END_OF_OPTIONS = 0,
    CR_PCAPNG_COMMENT = 1,
    CR_PCAPNG_APPLICATION = 4, /* of a section */
    CR_PCAPNG_NAME = 2,        /* of an interface */
    CR_PCAPNG_RESOLUTION = 9,
    CR_PCAPNG_TIME_OFFSET = 14,
    CR_PCAPNG_FLAGS = 2, /* of a packet */
    CR_PCAPNG_DROPS = 4,
    CR_PCAPNG_RECEIVED = 4, /* of statistics */
    CR_PCAPNG_IF_DROPS = 5,
    CR_PCAPNG_OS_DROPS = 7,
};

/* Direction in a packet's flags. */
#define CR_PCAPNG_DIRECTION 3u
#define CR_PCAPNG_INBOUND   1u
#define CR_PCAPNG_OUTBOUND  2u

/* The comment that stands for a loss of which nobody knows how many frames it was: the format has
 * only a number. */
#define CR_PCAPNG_LOST "frames are missing before this one, their number is not known"

extern const struct cr_trace_encoder cr_pcapng_encoder;
extern const struct cr_trace_decoder cr_pcapng_decoder;

#endif
