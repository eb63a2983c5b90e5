/* PEAK's TRC, in parts: trc_encode.c writes versions 2.1 and 1.1; trc_decode.c reads lines,
 * trc_head.c those that are comments, trc_row.c those that are frames, of all versions.
 *
 * Format: PEAK-System's "CAN TRC File Format". Versions differ in their columns; a row is read by
 * the list of them, whether the file has it (from 2.0 on) or its version stands for it.
 */
#ifndef CANRING_TRACE_TRC_H
#define CANRING_TRACE_TRC_H

#include "can/trace/lines.h"
#include "can/trace/notes.h"

#define CR_TRC_COLUMNS 16

struct cr_trc_decoder {
    struct cr_trace_source *source;
    struct cr_noted noted;            /* `channel`: of rows without a bus */
    char columns[CR_TRC_COLUMNS + 1]; /* as in $COLUMNS, without commas */
    bool start_known;                 /* by $STARTTIME */
    bool dated;                       /* by that, understood or not, or by words */
};

/* Before anything was read: version 1.0, which does not say so. */
void cr_trc_start(struct cr_trc_decoder *decoder);

/* What follows the semicolon of a comment. */
enum cr_line_kind cr_trc_comment(struct cr_trc_decoder *decoder, struct cr_fields line,
                                 struct canring_trace_entry *entry, const char **what);

/* A row. Sets the frame but for its time, which is `after_ns` behind zero. */
enum cr_line_kind cr_trc_row(const struct cr_trc_decoder *decoder, struct cr_fields line,
                             uint32_t *channel, int64_t *after_ns, struct canring_frame *frame,
                             const char **what);

/* What PEAK writes of an error frame: kind, direction, position, counters of receive and transmit
 * errors. And the frame that such bytes stand for. */
#define CR_TRC_ERROR_BYTES 5
void cr_trc_error_bytes(const struct canring_frame *frame, uint8_t bytes[CR_TRC_ERROR_BYTES]);
void cr_trc_error_frame(const uint8_t bytes[CR_TRC_ERROR_BYTES], struct canring_frame *frame);

extern const struct cr_trace_encoder cr_trc_encoder, cr_trc11_encoder;

#endif
