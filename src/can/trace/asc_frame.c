/* Events of an ASC file that are frames. */
#include "can/trace/asc.h"
#include "can/trace/dlc.h"

/* A frame while its event is being read. */
struct event {
    struct cr_fields *rest;
    struct canring_frame *frame;
    bool decimal;
    const char **what;
};

static enum cr_line_kind damaged(const struct event *event, const char *text)
{
    *event->what = text;
    return CR_LINE_DAMAGE;
}

static bool parse_id(const struct event *event, struct cr_field field, uint32_t *id)
{
    bool extended = field.length > 1 && (field.text[field.length - 1] | 0x20) == 'x';
    uint32_t mask = extended ? CANRING_ID_MASK_EXT : CANRING_ID_MASK_STD;
    uint64_t decimal = 0;

    field.length -= extended;
    if (event->decimal) {
        if (!cr_field_decimal(field, mask, &decimal))
            return false;
        *id = (uint32_t)decimal;
    } else if (!cr_field_hex(field, 8, id) || *id > mask) {
        return false;
    }
    *id |= extended ? CANRING_ID_EXTENDED : 0;
    return true;
}

static bool parse_data(const struct event *event, uint8_t *data, size_t length)
{
    struct cr_field field;
    uint64_t value;

    if (!event->decimal)
        return cr_fields_hex_bytes(event->rest, data, length);
    for (size_t i = 0; i < length; i++) {
        if (!cr_fields_next(event->rest, &field) || !cr_field_decimal(field, 255, &value))
            return false;
        data[i] = (uint8_t)value;
    }
    return true;
}

static void start_frame(struct canring_frame *frame, uint32_t id, unsigned flags, size_t size)
{
    memset(frame, 0, CANRING_FRAME_HEADER);
    frame->id = id;
    frame->flags = (uint16_t)flags;
    frame->size = (uint16_t)size;
}

/* Whoever writes no more than "error" says nothing about its kind. */
static enum cr_line_kind error_frame(const struct event *event)
{
    start_frame(event->frame, CANRING_ID_ERROR | 0x80, 8 << CANRING_DLC_SHIFT,
                CANRING_FRAME_HEADER + 8);
    memset(event->frame->data, 0, 8);
    return CR_LINE_ENTRY;
}

static bool is_error_word(struct cr_field field)
{
    return field.length >= 10 && strncasecmp(field.text, "ErrorFrame", 10) == 0;
}

/* Rx, Tx: a frame. TxRq is a wish; the frame follows as Tx if it comes true. */
static bool is_direction(struct cr_field field, bool *tx)
{
    *tx = cr_field_is(field, "Tx");
    return *tx || cr_field_is(field, "Rx");
}

/* Behind the data a line ends, or goes on with "Length = …". More bytes than it should have are a
 * sign of a damaged length. */
static bool ends_behind_data(const struct event *event)
{
    struct cr_fields rest = *event->rest;
    struct cr_field field;

    return !cr_fields_next(&rest, &field) || field.length > 3 || !cr_is_digit(field.text[0]);
}

static enum cr_line_kind classic_data(const struct event *event, uint32_t id, unsigned flags)
{
    struct cr_field field;
    uint32_t dlc;

    if (!cr_fields_next(event->rest, &field) || !cr_field_hex(field, 1, &dlc))
        return damaged(event, "a data length code that is not one digit, 0 to f");
    size_t length = dlc < CANRING_CC_DATA_MAX ? dlc : CANRING_CC_DATA_MAX;
    start_frame(event->frame, id, flags | dlc << CANRING_DLC_SHIFT, CANRING_FRAME_HEADER + length);
    if (!parse_data(event, event->frame->data, length) || !ends_behind_data(event))
        return damaged(event, "not as many bytes of data as the data length code says");
    return CR_LINE_ENTRY;
}

/* Before version 8.5 remote frames had no data length code. */
static enum cr_line_kind classic_remote(const struct event *event, uint32_t id, unsigned flags)
{
    struct cr_field field;
    uint32_t dlc = 0;

    if (cr_fields_next(event->rest, &field) && !cr_field_hex(field, 1, &dlc) &&
        !cr_field_is(field, "Length"))
        return damaged(event, "a data length code that is not one digit, 0 to f");
    start_frame(event->frame, id | CANRING_ID_REMOTE, flags | dlc << CANRING_DLC_SHIFT,
                CANRING_FRAME_HEADER);
    return CR_LINE_ENTRY;
}

/* "123 Rx d 8 11 …", "123 Rx r 4", "ErrorFrame …"; all else is not for us. */
static enum cr_line_kind parse_classic(const struct event *event)
{
    struct cr_field id_field, direction, kind;
    bool tx;
    uint32_t id;

    if (!cr_fields_next(event->rest, &id_field))
        return damaged(event, "an event that ends behind its channel");
    if (is_error_word(id_field))
        return error_frame(event);
    bool more = cr_fields_next(event->rest, &direction) && cr_fields_next(event->rest, &kind);
    bool frame = more && (cr_field_is(kind, "d") || cr_field_is(kind, "r"));
    if (!more || cr_field_is(direction, "TxRq"))
        return CR_LINE_NOTHING;
    if (!is_direction(direction, &tx))
        return frame ? damaged(event, "a direction that is neither Rx nor Tx") : CR_LINE_NOTHING;
    if (!frame)
        return damaged(event, "neither 'd' (data) nor 'r' (remote) behind the direction");
    if (!parse_id(event, id_field, &id))
        return damaged(event, "an identifier that is not allowed");
    unsigned flags = tx ? CANRING_TX : 0;
    return cr_field_is(kind, "d") ? classic_data(event, id, flags)
                                  : classic_remote(event, id, flags);
}

/* Fields of CANFD between identifier and data. */
struct fd_fields {
    uint32_t brs, esi, dlc;
    uint64_t length;
};

static bool parse_fd_fields(struct cr_fields *rest, struct fd_fields *fd)
{
    struct cr_field brs, esi, dlc, length;

    return cr_fields_next(rest, &brs) && cr_field_hex(brs, 1, &fd->brs) && fd->brs <= 1 &&
           cr_fields_next(rest, &esi) && cr_field_hex(esi, 1, &fd->esi) && fd->esi <= 1 &&
           cr_fields_next(rest, &dlc) && cr_field_hex(dlc, 1, &fd->dlc) &&
           cr_fields_next(rest, &length) && cr_field_decimal(length, 64, &fd->length);
}

/* Duration and number of bits, then the flags. */
static bool parse_fd_flags(struct cr_fields *rest, uint32_t *flags)
{
    struct cr_field duration, bits, field;
    uint64_t value;

    return cr_fields_next(rest, &duration) && cr_field_decimal(duration, UINT64_MAX, &value) &&
           cr_fields_next(rest, &bits) && cr_field_decimal(bits, UINT64_MAX, &value) &&
           cr_fields_next(rest, &field) && cr_field_hex(field, 8, flags);
}

/* A frame from a line that may hold any kind, by its flags. Its data is in place. */
static enum cr_line_kind finish_fd(const struct event *event, uint32_t id, unsigned flags,
                                   const struct fd_fields *fd, uint32_t bits)
{
    unsigned dlc = fd->dlc << CANRING_DLC_SHIFT;

    if (bits & CR_ASC_FDF || fd->length > CANRING_CC_DATA_MAX) {
        if (cr_fd_length(fd->dlc) != fd->length)
            return damaged(event, "a data length that its code does not have");
        flags |= CANRING_FD | (fd->brs ? CANRING_BRS : 0u) | (fd->esi ? CANRING_ESI : 0u);
        dlc = 0;
    } else if (bits & CR_ASC_REMOTE) {
        if (fd->length)
            return damaged(event, "a remote frame with data");
        id |= CANRING_ID_REMOTE;
    } else if (fd->length != (fd->dlc < 8 ? fd->dlc : 8)) {
        return damaged(event, "a data length that its code does not have");
    }
    start_frame(event->frame, id, flags | dlc, CANRING_FRAME_HEADER + fd->length);
    return CR_LINE_ENTRY;
}

/* "300 [name] 1 0 8 8 01 … 08 102203 133 303000 …" */
static enum cr_line_kind parse_fd(const struct event *event, unsigned flags)
{
    struct cr_field field;
    struct fd_fields fd;
    uint32_t id, bits;

    if (!cr_fields_next(event->rest, &field))
        return damaged(event, "an event that ends behind its direction");
    if (is_error_word(field))
        return error_frame(event);
    if (!parse_id(event, field, &id))
        return damaged(event, "an identifier that is not allowed");
    struct cr_fields unnamed = *event->rest;
    if (parse_fd_fields(&unnamed, &fd))
        *event->rest = unnamed;
    else if (!cr_fields_next(event->rest, &field) || !parse_fd_fields(event->rest, &fd))
        return damaged(event, "BRS, ESI, code and length of the data are not there, or damaged");
    if (!parse_data(event, event->frame->data, (size_t)fd.length) ||
        !parse_fd_flags(event->rest, &bits))
        return damaged(event, "not as many bytes of data as the length says, or no flags");
    return finish_fd(event, id, flags, &fd, bits);
}

/* Fields of CANXL between identifier and data, of a frame that is one. */
struct xl_fields {
    uint32_t sdt, sec, dlc, vcid, af;
    uint64_t length;
};

static bool parse_xl_fields(struct cr_fields *rest, struct xl_fields *xl)
{
    struct cr_field sdt, sec, dlc, length, count, crc, vcid, af;

    return cr_fields_next(rest, &sdt) && cr_field_hex(sdt, 2, &xl->sdt) &&
           cr_fields_next(rest, &sec) && cr_field_hex(sec, 1, &xl->sec) && xl->sec <= 1 &&
           cr_fields_next(rest, &dlc) && cr_field_hex(dlc, 3, &xl->dlc) &&
           cr_fields_next(rest, &length) &&
           cr_field_decimal(length, CANRING_XL_DATA_MAX, &xl->length) &&
           cr_fields_next(rest, &count) && cr_fields_next(rest, &crc) &&
           cr_fields_next(rest, &vcid) && cr_field_hex(vcid, 2, &xl->vcid) &&
           cr_fields_next(rest, &af) && cr_field_hex(af, 8, &xl->af);
}

/* Behind the data: CRC, flags. */
static bool parse_xl_flags(struct cr_fields *rest, uint32_t *flags)
{
    struct cr_field crc, field;

    return cr_fields_next(rest, &crc) && cr_fields_next(rest, &field) &&
           cr_field_hex(field, 8, flags);
}

static enum cr_line_kind parse_xl(const struct event *event, uint32_t id, unsigned flags)
{
    struct cr_fields unnamed = *event->rest;
    struct canring_frame *frame = event->frame;
    struct cr_field name;
    struct xl_fields in = {0};
    uint32_t bits;

    if (parse_xl_fields(&unnamed, &in))
        *event->rest = unnamed;
    else if (!cr_fields_next(event->rest, &name) || !parse_xl_fields(event->rest, &in))
        return damaged(event, "fields of CAN XL are not there, or damaged");
    if (id > CANRING_ID_MASK_STD || in.length != in.dlc + 1)
        return damaged(event, "a priority or a length that CAN XL does not have");
    if (!cr_fields_hex_bytes(event->rest, frame->data + sizeof(struct canring_xl),
                             (size_t)in.length) ||
        !parse_xl_flags(event->rest, &bits) || !(bits & CR_ASC_XLF))
        return damaged(event, "not as many bytes of data as the length says, or no flags");
    struct canring_xl xl = {
        .acceptance_field = in.af,
        .sdu_type = (uint8_t)in.sdt,
        .vcid = (uint8_t)in.vcid,
        .flags = (uint8_t)((bits & CR_ASC_SEC ? 1 : 0) | (bits & CR_ASC_RRS ? 2 : 0))};
    start_frame(frame, id, flags | CANRING_XL, CANRING_FRAME_HEADER + sizeof(xl) + in.length);
    memcpy(frame->data, &xl, sizeof(xl));
    return CR_LINE_ENTRY;
}

/* A classic or FD frame of a controller that can XL: code and length, data, then for FD a stuff
 * field, then CRC and flags. */
static enum cr_line_kind parse_xl_other(const struct event *event, uint32_t id, unsigned flags,
                                        bool is_fd)
{
    struct cr_field field, length;
    struct fd_fields fd = {0};
    uint32_t bits;

    for (int named = 0; named < 2; named++) {
        struct cr_fields rest = *event->rest;
        if (cr_fields_next(&rest, &field) && cr_field_hex(field, 1, &fd.dlc) &&
            cr_fields_next(&rest, &length) && cr_field_decimal(length, 64, &fd.length)) {
            *event->rest = rest;
            break;
        }
        if (named || !cr_fields_next(event->rest, &field))
            return damaged(event, "code and length of the data are not there, or damaged");
    }
    if (!cr_fields_hex_bytes(event->rest, event->frame->data, (size_t)fd.length) ||
        (is_fd && !cr_fields_next(event->rest, &field)) || !parse_xl_flags(event->rest, &bits))
        return damaged(event, "not as many bytes of data as the length says, or no flags");
    fd.brs = (bits & CR_ASC_BRS) != 0;
    fd.esi = (bits & CR_ASC_ESI) != 0;
    return finish_fd(event, id, flags, &fd, bits);
}

/* "XLFF 984438 4656 432 [name] …"; numbers are hexadecimal whatever the head says. */
static enum cr_line_kind parse_any(const struct event *event, unsigned flags)
{
    struct cr_field kind, duration, bits, field;
    uint32_t id;

    if (!cr_fields_next(event->rest, &kind))
        return damaged(event, "an event that ends behind its direction");
    if (is_error_word(kind))
        return error_frame(event);
    if (!cr_fields_next(event->rest, &duration) || !cr_fields_next(event->rest, &bits) ||
        !cr_fields_next(event->rest, &field) || !parse_id(event, field, &id))
        return damaged(event, "an identifier that is not there, or not allowed");
    if (cr_field_is(kind, "XLFF"))
        return parse_xl(event, id, flags);
    if (cr_field_is(kind, "CBFF") || cr_field_is(kind, "CEFF"))
        return parse_xl_other(event, id, flags, false);
    if (cr_field_is(kind, "FBFF") || cr_field_is(kind, "FEFF"))
        return parse_xl_other(event, id, flags, true);
    return damaged(event, "a kind of frame that is not known: XLFF, FBFF, FEFF, CBFF, CEFF are");
}

static bool parse_channel(struct cr_field field, uint32_t *channel)
{
    uint64_t value;

    if (!cr_field_decimal(field, CR_TRACE_CHANNEL_MAX, &value))
        return false;
    *channel = (uint32_t)value;
    return true;
}

/* CANFD and CANXL: "1 Rx …" */
static enum cr_line_kind parse_tagged(struct event *event, uint32_t *channel, bool xl)
{
    struct cr_field field, direction;
    bool tx;

    if (!cr_fields_next(event->rest, &field) || !parse_channel(field, channel))
        return damaged(event, "a channel that is not a number");
    if (!cr_fields_next(event->rest, &direction))
        return damaged(event, "an event that ends behind its channel");
    if (cr_field_is(direction, "TxRq"))
        return CR_LINE_NOTHING;
    if (!is_direction(direction, &tx))
        return damaged(event, "a direction that is neither Rx nor Tx");
    if (xl)
        event->decimal = false;
    return xl ? parse_any(event, tx ? CANRING_TX : 0) : parse_fd(event, tx ? CANRING_TX : 0);
}

enum cr_line_kind cr_asc_frame(const struct cr_asc_decoder *decoder, struct cr_fields rest,
                               uint32_t *channel, struct canring_frame *frame, const char **what)
{
    struct event event = {.rest = &rest, .frame = frame, .decimal = decoder->decimal, .what = what};
    struct cr_field field;

    if (!cr_fields_next(&rest, &field))
        return damaged(&event, "a time without an event");
    if (cr_is_digit(field.text[0])) {
        if (!parse_channel(field, channel))
            return damaged(&event, "a channel that is not a number up to 65535");
        return parse_classic(&event);
    }
    if (cr_field_is(field, "CANFD"))
        return parse_tagged(&event, channel, false);
    if (cr_field_is(field, "CANXL"))
        return parse_tagged(&event, channel, true);
    return CR_LINE_NOTHING;
}
