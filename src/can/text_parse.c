#include "can/text_parse.h"

#include <canring/text.h>
#include <errno.h>

#define XLF 0x80u /* CANXL_XLF of <linux/can.h>: always set in text, implied in canring_xl */

static const uint8_t fd_lengths[] = {8, 12, 16, 20, 24, 32, 48, 64};

/* Bytes of data up to the end of the text, or to a `_` where a raw DLC may follow. */
static int parse_data(struct cr_cursor *cursor, uint8_t *data, size_t max, const char *too_long)
{
    size_t count = 0;
    uint32_t byte = 0;

    while (!cr_cursor_ended(cursor) && cr_cursor_peek(cursor) != '_') {
        if (count && cr_cursor_take(cursor, '.') && cr_cursor_ended(cursor))
            return cr_cursor_fail(cursor, "a byte after '.'");
        if (count == max)
            return cr_cursor_fail_at(cursor, cursor->at, "more than %zu bytes of data%s", max,
                                     too_long);
        if (cr_cursor_hex(cursor, 2, &byte))
            return -EINVAL;
        data[count++] = (uint8_t)byte;
    }
    return (int)count;
}

static int expect_end(const struct cr_cursor *cursor, const char *allowed)
{
    return cr_cursor_ended(cursor) ? 0 : cr_cursor_fail(cursor, allowed);
}

/* `_9` … `_F` after a length of 8: the DLC that was on the wire. */
static int parse_raw_dlc(struct cr_cursor *cursor, unsigned *dlc)
{
    uint32_t raw = 0;

    if (*dlc != CANRING_CC_DATA_MAX || !cr_cursor_take(cursor, '_'))
        return 0;
    size_t at = cursor->at;
    if (cr_cursor_hex(cursor, 1, &raw))
        return -EINVAL;
    if (raw <= CANRING_CC_DATA_MAX)
        return cr_cursor_fail_at(cursor, at, "raw DLC %u, allowed: 9 to F", raw);
    *dlc = raw;
    return 0;
}

static int parse_remote(struct cr_cursor *cursor, struct canring_frame *frame)
{
    unsigned dlc = 0;

    if (frame->id & CANRING_ID_ERROR)
        return cr_cursor_fail_at(cursor, cursor->at, "an error frame cannot be a remote frame");
    cursor->at++;
    if (!cr_cursor_ended(cursor)) {
        size_t at = cursor->at;
        uint32_t digit = 0;
        if (cr_cursor_hex(cursor, 1, &digit))
            return -EINVAL;
        if (digit > CANRING_CC_DATA_MAX)
            return cr_cursor_fail_at(cursor, at, "length %u, allowed: 0 to 8", digit);
        dlc = digit;
    }
    if (parse_raw_dlc(cursor, &dlc))
        return -EINVAL;
    frame->id |= CANRING_ID_REMOTE;
    frame->flags = (uint16_t)(dlc << CANRING_DLC_SHIFT);
    return expect_end(cursor, dlc == CANRING_CC_DATA_MAX ? "'_' and a raw DLC, or the end"
                                                         : "the end of a remote frame");
}

static int parse_classic(struct cr_cursor *cursor, struct canring_frame *frame)
{
    int count = parse_data(cursor, frame->data, CANRING_CC_DATA_MAX, ", a CAN FD frame needs ##");
    if (count < 0)
        return count;
    unsigned dlc = (unsigned)count;
    if (parse_raw_dlc(cursor, &dlc))
        return -EINVAL;
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + count);
    frame->flags = (uint16_t)(dlc << CANRING_DLC_SHIFT);
    return expect_end(cursor, count == CANRING_CC_DATA_MAX
                                  ? "the end of the frame"
                                  : "a byte or the end (a raw DLC follows 8 bytes only)");
}

/* The smallest length of a CAN FD frame that holds `count` bytes. */
static unsigned fd_length(unsigned count)
{
    unsigned i = 0;

    if (count <= fd_lengths[0])
        return count;
    while (fd_lengths[i] < count)
        i++;
    return fd_lengths[i];
}

static int parse_fd(struct cr_cursor *cursor, struct canring_frame *frame, bool pad)
{
    uint32_t flags = 0;

    if (frame->id & CANRING_ID_ERROR)
        return cr_cursor_fail_at(cursor, cursor->at, "an error frame cannot be a CAN FD frame");
    size_t at = cursor->at;
    if (cr_cursor_hex(cursor, 1, &flags))
        return -EINVAL;
    if (flags & 8)
        return cr_cursor_fail_at(cursor, at, "flags %X, allowed: sums of 1 (BRS), 2 (ESI), 4 (FDF)",
                                 flags);
    if (cr_cursor_take(cursor, '.') && cr_cursor_ended(cursor))
        return cr_cursor_fail(cursor, "a byte after '.'");
    int count = parse_data(cursor, frame->data, CANRING_FD_DATA_MAX, "");
    if (count < 0)
        return count;
    unsigned length = fd_length((unsigned)count);
    if (length != (unsigned)count && !pad)
        return cr_cursor_fail_at(cursor, cursor->at,
                                 "%d bytes of data, no CAN FD frame has that: the next is %u",
                                 count, length);
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + length);
    frame->flags =
        (uint16_t)(CANRING_FD | ((flags & 1) ? CANRING_BRS : 0) | ((flags & 2) ? CANRING_ESI : 0));
    return expect_end(cursor, "a byte or the end");
}

static int take_or_fail(struct cr_cursor *cursor, char character, const char *allowed)
{
    return cr_cursor_take(cursor, character) ? 0 : cr_cursor_fail(cursor, allowed);
}

/* <flags>:<sdt>:<af># between the identifier and the data of a CAN XL frame. */
static int parse_xl_fields(struct cr_cursor *cursor, struct canring_xl *xl)
{
    uint32_t flags = 0, sdu_type = 0, acceptance_field = 0;
    size_t at = cursor->at;

    if (cr_cursor_hex(cursor, 2, &flags))
        return -EINVAL;
    if (!(flags & XLF))
        return cr_cursor_fail_at(cursor, at, "CAN XL flags %02X, allowed: 80 to FF (XLF set)",
                                 flags);
    if (take_or_fail(cursor, ':', "':' before the SDU type") ||
        cr_cursor_hex(cursor, 2, &sdu_type) ||
        take_or_fail(cursor, ':', "':' before the acceptance field") ||
        cr_cursor_hex(cursor, 8, &acceptance_field) ||
        take_or_fail(cursor, '#', "'#' before the data"))
        return -EINVAL;
    xl->flags = (uint8_t)(flags & ~XLF);
    xl->sdu_type = (uint8_t)sdu_type;
    xl->acceptance_field = acceptance_field;
    return 0;
}

static int parse_xl(struct cr_cursor *cursor, struct canring_frame *frame, uint32_t vcid)
{
    struct canring_xl xl = {.vcid = (uint8_t)vcid};

    if (parse_xl_fields(cursor, &xl))
        return -EINVAL;
    memcpy(frame->data, &xl, sizeof(xl));
    int count = parse_data(cursor, frame->data + sizeof(xl), CANRING_XL_DATA_MAX, "");
    if (count < 0)
        return count;
    if (count == 0)
        return cr_cursor_fail(cursor, "1 to 2048 bytes of data");
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + sizeof(xl) + (size_t)count);
    frame->flags = CANRING_XL;
    return expect_end(cursor, "a byte or the end");
}

static int fail_digits(const struct cr_cursor *cursor, size_t digits)
{
    const char *id = cursor->text + cursor->at;
    const char *zeros = "0000000";

    if (digits == 0 || digits > 8)
        return cr_cursor_fail_at(cursor, cursor->at,
                                 "identifier of %zu digits, allowed: 3 (standard), 8 (extended), "
                                 "5 (CAN XL: 2 of VCID, 3 of priority)",
                                 digits);
    size_t wanted = digits < 3 ? 3 : 8;
    return cr_cursor_fail_at(cursor, cursor->at,
                             "identifier of %zu digits, allowed: 3 (standard), 8 (extended), 5 "
                             "(CAN XL); did you mean %.*s%.*s?",
                             digits, (int)(wanted - digits), zeros, (int)digits, id);
}

static int check_id(const struct cr_cursor *cursor, size_t at, size_t digits, uint32_t id)
{
    if (digits == 8)
        return id <= (CANRING_ID_ERROR | CANRING_ID_MASK_EXT)
                   ? 0
                   : cr_cursor_fail_at(cursor, at,
                                       "identifier %08X, allowed: up to 1FFFFFFF, error frames "
                                       "from 20000000 to 3FFFFFFF",
                                       id);
    if ((id & 0xfff) <= CANRING_ID_MASK_STD)
        return 0;
    return cr_cursor_fail_at(cursor, at, "%s %03X, allowed: 000 to 7FF; did you mean 00000%03X?",
                             digits == 5 ? "priority" : "standard identifier", id & 0xfff,
                             id & 0xfff);
}

/* The identifier and its '#'; returns the number of its digits. */
static int parse_id(struct cr_cursor *cursor, uint32_t *id)
{
    size_t digits = cr_cursor_hex_span(cursor), at = cursor->at;
    struct cr_cursor after = *cursor;

    after.at += digits;
    if (cr_cursor_peek(&after) != '#')
        return cr_cursor_fail(&after, "a hexadecimal digit of the identifier, or '#' after it");
    if (digits != 3 && digits != 5 && digits != 8)
        return fail_digits(cursor, digits);
    if (cr_cursor_hex(cursor, (unsigned)digits, id) || check_id(cursor, at, digits, *id))
        return -EINVAL;
    cursor->at++;
    return (int)digits;
}

int cr_text_parse(struct cr_cursor *cursor, struct canring_frame *frame, bool pad)
{
    uint32_t id = 0;
    int digits = parse_id(cursor, &id);

    if (digits < 0)
        return digits;
    if (digits == 5) {
        frame->id = id & CANRING_ID_MASK_STD;
        return parse_xl(cursor, frame, id >> 12);
    }
    frame->id = id;
    frame->size = CANRING_FRAME_HEADER;
    if (digits == 8 && !(id & CANRING_ID_ERROR))
        frame->id |= CANRING_ID_EXTENDED;
    if (cr_cursor_take(cursor, '#'))
        return parse_fd(cursor, frame, pad);
    int next = cr_cursor_peek(cursor);
    return next == 'R' || next == 'r' ? parse_remote(cursor, frame) : parse_classic(cursor, frame);
}

int canring_frame_parse(union canring_frame_buffer *frame, const char *text, size_t length,
                        struct canring_error *err)
{
    struct cr_cursor cursor = {.text = text, .length = length, .err = err};

    /* FD padding relies on zeros; an XL frame fills what it uses. */
    memset(frame, 0, CANRING_FRAME_HEADER + CANRING_FD_DATA_MAX);
    return cr_text_parse(&cursor, &frame->frame, true);
}
