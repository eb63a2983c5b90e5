#include "long_format.h"

#define SWAPPED        '`'
#define SHOWN_DATA_MAX CANRING_FD_DATA_MAX /* longer data of CAN XL is cut with dots */

static char *put_hex(char *to, uint32_t value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        to[i - 1] = "0123456789ABCDEF"[value & 0xf];
        value >>= 4;
    }
    return to + digits;
}

static char *put_decimal(char *to, size_t value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        to[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + digits;
}

static char *put_blanks(char *to, size_t count)
{
    memset(to, ' ', count);
    return to + count;
}

static char *put_text(char *to, const char *text)
{
    size_t length = strlen(text);

    memcpy(to, text, length);
    return to + length;
}

static char *put_id(char *to, uint32_t id, bool indent)
{
    if (id & CANRING_ID_ERROR)
        return put_hex(to, id & (CANRING_ID_ERROR | CANRING_ID_MASK_EXT), 8);
    if (id & CANRING_ID_EXTENDED)
        return put_hex(to, id & CANRING_ID_MASK_EXT, 8);
    return put_hex(indent ? put_blanks(to, 5) : to, id & CANRING_ID_MASK_STD, 3);
}

/* Length of the data of a classic frame, the requested one of a remote frame. */
static unsigned classic_length(const struct canring_frame *frame)
{
    unsigned dlc = canring_frame_dlc(frame);

    return dlc > CANRING_CC_DATA_MAX ? CANRING_CC_DATA_MAX : dlc;
}

static char *put_length(char *to, const struct canring_frame *frame, const struct long_view *view)
{
    if (frame->flags & CANRING_FD)
        return put_text(put_decimal(put_text(to, "["), canring_frame_length(frame), 2), "] ");
    if (view->raw_dlc)
        return put_text(put_hex(put_text(to, " {"), canring_frame_dlc(frame), 1), "} ");
    return put_text(put_decimal(put_text(to, " ["), classic_length(frame), 1), "] ");
}

static char *put_byte(char *to, uint8_t byte, bool binary)
{
    if (!binary)
        return put_hex(to, byte, 2);
    for (unsigned bit = 8; bit > 0; bit--)
        *to++ = byte >> (bit - 1) & 1 ? '1' : '0';
    return to;
}

static char *put_data(char *to, const uint8_t *data, size_t length, const struct long_view *view)
{
    for (size_t i = 0; i < length; i++) {
        *to++ = i && view->swap ? SWAPPED : ' ';
        to = put_byte(to, data[view->swap ? length - 1 - i : i], view->binary);
    }
    return to;
}

static char *put_ascii(char *to, const uint8_t *data, size_t length, const struct long_view *view)
{
    const char quote = view->swap ? SWAPPED : '\'';

    *to++ = quote;
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = data[view->swap ? length - 1 - i : i];
        *to++ = byte > 0x1f && byte < 0x7f ? (char)byte : '.';
    }
    *to++ = quote;
    return to;
}

/* The column behind eight bytes of data: what kind of frame, or its text. */
static char *put_remark(char *to, const struct canring_frame *frame, size_t length,
                        const struct long_view *view)
{
    size_t missing = (view->binary ? 9 : 3) * (CANRING_CC_DATA_MAX - length);

    if (canring_frame_is_error(frame))
        return put_text(put_blanks(to, missing + 3), "ERRORFRAME");
    if (view->ascii)
        return put_ascii(put_blanks(to, missing + 3), frame->data, length, view);
    return to;
}

static char *put_xl(char *to, const struct canring_frame *frame, const struct long_view *view)
{
    struct canring_xl xl;
    size_t length = canring_frame_length(frame);
    size_t shown = length > SHOWN_DATA_MAX ? SHOWN_DATA_MAX : length;

    memcpy(&xl, frame->data, sizeof(xl));
    to = put_text(put_id(to, frame->id, view->indent), " [");
    to = put_text(put_decimal(to, length, 4), "] (");
    to = put_text(put_hex(to, xl.vcid, 2), "|");
    to = put_text(put_hex(to, xl.flags | 0x80u, 2), ":");
    to = put_text(put_hex(to, xl.sdu_type, 2), ":");
    to = put_text(put_hex(to, xl.acceptance_field, 8), ")");
    for (size_t i = 0; i < shown; i++) {
        *to++ = ' ';
        to = put_hex(to, canring_frame_payload(frame)[i], 2);
    }
    return shown < length ? put_text(to, " ...") : to;
}

static char *put_frame(char *to, const struct canring_frame *frame, const struct long_view *view)
{
    size_t length = canring_frame_length(frame);

    if (frame->flags & CANRING_XL)
        return put_xl(to, frame, view);
    to = put_blanks(put_id(to, frame->id, view->indent), 2);
    to = put_length(to, frame, view);
    if (canring_frame_is_remote(frame))
        return put_text(to, " remote request");
    to = put_data(to, frame->data, length, view);
    return length <= CANRING_CC_DATA_MAX ? put_remark(to, frame, length, view) : to;
}

size_t long_format(char *to, const struct canring_frame *frame, const struct long_view *view)
{
    char *end = put_frame(to, frame, view);

    *end = '\0';
    return (size_t)(end - to);
}
