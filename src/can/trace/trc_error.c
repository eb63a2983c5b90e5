/* Error frames of PEAK's tools and of SocketCAN. Both have the SJA1000's words for where in a frame
 * an error was; kinds are almost the same. */
#include "can/trace/trc.h"

#define KIND_BIT   1
#define KIND_FORM  2
#define KIND_STUFF 4
#define KIND_OTHER 8

/* Of <linux/can/error.h>. */
#define CLASS     (CANRING_ID_ERROR | 0x80u | 0x08u) /* bus error, protocol violation */
#define PROT_BITS 0x19u                              /* bit error, dominant, recessive */
#define PROT_TX   0x80u

void cr_trc_error_bytes(const struct canring_frame *frame, uint8_t bytes[CR_TRC_ERROR_BYTES])
{
    uint8_t data[CANRING_CC_DATA_MAX] = {0};

    memcpy(data, frame->data, canring_frame_length(frame));
    bytes[0] = KIND_OTHER;
    if (data[2] & KIND_STUFF)
        bytes[0] = KIND_STUFF;
    else if (data[2] & KIND_FORM)
        bytes[0] = KIND_FORM;
    else if (data[2] & PROT_BITS)
        bytes[0] = KIND_BIT;
    bytes[1] = data[2] & PROT_TX ? 0 : 1;
    bytes[2] = data[3];
    bytes[3] = data[7];
    bytes[4] = data[6];
}

void cr_trc_error_frame(const uint8_t bytes[CR_TRC_ERROR_BYTES], struct canring_frame *frame)
{
    memset(frame, 0, CANRING_FRAME_HEADER + 8);
    frame->id = CLASS;
    frame->flags = 8 << CANRING_DLC_SHIFT;
    frame->size = CANRING_FRAME_HEADER + 8;
    frame->data[2] =
        (uint8_t)((bytes[0] & (KIND_BIT | KIND_FORM | KIND_STUFF)) | (bytes[1] ? 0 : PROT_TX));
    frame->data[3] = bytes[2];
    frame->data[6] = bytes[4];
    frame->data[7] = bytes[3];
}
