#include "can/text_cursor.h"

#include <canring/text.h>
#include <errno.h>

static char *put_byte(char *to, unsigned byte)
{
    memcpy(to, &cr_hex_pairs[(size_t)2 * byte], 2);
    return to + 2;
}

static char *put_nibble(char *to, unsigned nibble)
{
    *to = cr_hex_pairs[2 * nibble + 1];
    return to + 1;
}

static char *put_u32(char *to, uint32_t value)
{
    to = put_byte(to, value >> 24);
    to = put_byte(to, value >> 16 & 0xff);
    to = put_byte(to, value >> 8 & 0xff);
    return put_byte(to, value & 0xff);
}

static char *put_std(char *to, uint32_t id)
{
    to = put_nibble(to, id >> 8 & 0x7);
    return put_byte(to, id & 0xff);
}

static char *put_data(char *to, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        to = put_byte(to, data[i]);
    return to;
}

static char *put_id(char *to, uint32_t id)
{
    if (id & CANRING_ID_ERROR)
        return put_u32(to, id & (CANRING_ID_ERROR | CANRING_ID_MASK_EXT));
    if (id & CANRING_ID_EXTENDED)
        return put_u32(to, id & CANRING_ID_MASK_EXT);
    return put_std(to, id);
}

static char *put_raw_dlc(char *to, unsigned dlc)
{
    if (dlc <= CANRING_CC_DATA_MAX)
        return to;
    *to++ = '_';
    return put_nibble(to, dlc);
}

static char *put_remote(char *to, unsigned dlc)
{
    *to++ = 'R';
    if (dlc)
        to = put_nibble(to, dlc > CANRING_CC_DATA_MAX ? CANRING_CC_DATA_MAX : dlc);
    return put_raw_dlc(to, dlc);
}

static char *put_xl(char *to, const struct canring_frame *frame)
{
    struct canring_xl xl;

    memcpy(&xl, frame->data, sizeof(xl));
    to = put_byte(to, xl.vcid);
    to = put_std(to, frame->id);
    *to++ = '#';
    to = put_byte(to, xl.flags | 0x80u);
    *to++ = ':';
    to = put_byte(to, xl.sdu_type);
    *to++ = ':';
    to = put_u32(to, xl.acceptance_field);
    *to++ = '#';
    return put_data(to, canring_frame_payload(frame), canring_frame_length(frame));
}

static char *put_frame(char *to, const struct canring_frame *frame)
{
    if (frame->flags & CANRING_XL)
        return put_xl(to, frame);
    to = put_id(to, frame->id);
    *to++ = '#';
    if (frame->flags & CANRING_FD) {
        *to++ = '#';
        to = put_nibble(to, 4u | ((frame->flags & CANRING_BRS) ? 1u : 0u) |
                                ((frame->flags & CANRING_ESI) ? 2u : 0u));
        return put_data(to, frame->data, canring_frame_length(frame));
    }
    if (canring_frame_is_remote(frame) && !canring_frame_is_error(frame))
        return put_remote(to, canring_frame_dlc(frame));
    to = put_data(to, frame->data, canring_frame_length(frame));
    return put_raw_dlc(to, canring_frame_dlc(frame));
}

/* Length of what put_frame writes. */
static size_t text_length(const struct canring_frame *frame)
{
    size_t data = 2 * canring_frame_length(frame);
    size_t id = frame->id & (CANRING_ID_ERROR | CANRING_ID_EXTENDED) ? 8 : 3;
    unsigned dlc = canring_frame_dlc(frame);
    size_t raw = dlc > CANRING_CC_DATA_MAX ? 2 : 0;

    if (frame->flags & CANRING_XL)
        return sizeof("45123#81:00:12345678#") - 1 + data;
    if (frame->flags & CANRING_FD)
        return id + 3 + data;
    if (canring_frame_is_remote(frame) && !canring_frame_is_error(frame))
        return id + 2 + (dlc ? 1 : 0) + raw;
    return id + 1 + data + raw;
}

int canring_frame_format(const struct canring_frame *frame, char *text, size_t space)
{
    size_t length = text_length(frame);

    if (length >= space)
        return -ENOSPC;
    *put_frame(text, frame) = '\0';
    return (int)length;
}

/* `digits` decimal digits, zeros in front. */
static char *put_decimal(char *to, uint64_t value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        to[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + digits;
}

int canring_log_format(const struct canring_frame *frame, const char *name, int digits, char *line,
                       size_t space)
{
    static const uint32_t scale[] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                     10000,      1000,      100,      10,      1};
    uint64_t seconds = frame->timestamp_ns / 1000000000;
    uint32_t fraction = (uint32_t)(frame->timestamp_ns % 1000000000);
    unsigned places = seconds > 9999999999u ? 11 : 10; /* 2^64 ns have no more */
    size_t name_length = strlen(name);

    if (digits < 1 || digits > 9)
        return -EINVAL;
    size_t length =
        sizeof("(.)  \n") - 1 + places + (unsigned)digits + name_length + text_length(frame);
    if (length >= space)
        return -ENOSPC;
    *line++ = '(';
    line = put_decimal(line, seconds, places);
    *line++ = '.';
    line = put_decimal(line, fraction / scale[digits], (unsigned)digits);
    *line++ = ')';
    *line++ = ' ';
    memcpy(line, name, name_length);
    line += name_length;
    *line++ = ' ';
    line = put_frame(line, frame);
    *line++ = '\n';
    *line = '\0';
    return (int)length;
}
