/* Vector's ASC, in parts: asc_encode.c writes it; asc_decode.c reads lines and keeps time,
 * asc_head.c reads what is no event, asc_frame.c the events that are frames.
 *
 * Format: Vector's "CAN, Log & Trigger ASC Logging Format", and what can-utils and python-can do.
 */
#ifndef CANRING_TRACE_ASC_H
#define CANRING_TRACE_ASC_H

#include "can/trace/lines.h"
#include "can/trace/notes.h"

/* Bits of the field "flags" of CANFD and CANXL events. */
#define CR_ASC_REMOTE 0x00000010u
#define CR_ASC_FDF    0x00001000u
#define CR_ASC_BRS    0x00002000u
#define CR_ASC_ESI    0x00004000u
#define CR_ASC_XLF    0x00400000u
#define CR_ASC_RRS    0x00800000u
#define CR_ASC_SEC    0x01000000u

struct cr_asc_decoder {
    struct cr_trace_source *source;
    struct cr_noted noted;
    int64_t now_ns;  /* of the last event, since zero */
    int64_t late_ns; /* highest of them */
    bool decimal;    /* "base dec" */
    bool relative;   /* times count from the event before */
    bool dated;      /* there is a date, understood or not */
    bool block;      /* a block began at block_ns and no event came since */
    bool blocks;     /* there was one before that */
    int64_t block_ns;
};

/* A line that begins with something other than a time. `line` is all of it. */
enum cr_line_kind cr_asc_head(struct cr_asc_decoder *decoder, struct cr_fields line,
                              struct canring_trace_entry *entry, const char **what);

/* What follows the time of an event. Sets the channel and the frame but for its time. */
enum cr_line_kind cr_asc_frame(const struct cr_asc_decoder *decoder, struct cr_fields rest,
                               uint32_t *channel, struct canring_frame *frame, const char **what);

extern const struct cr_trace_encoder cr_asc_encoder;

#endif
