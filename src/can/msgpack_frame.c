#include "can/msgpack_frame.h"

#include <errno.h>

#include <msgpack.h>

/* Decoding */

enum kind { NIL, BOOLEAN, INTEGER, NUMBER, TEXT, BYTES, BAD };

struct value {
    enum kind kind;
    uint64_t integer; /* of INTEGER and BOOLEAN */
    const uint8_t *bytes;
    size_t length; /* of TEXT and BYTES */
};

struct cursor {
    const uint8_t *at, *end;
};

struct fields {
    uint64_t id, dlc;
    uint64_t extended, remote, error, fd, brs, esi;
    const uint8_t *data;
    size_t length;
    bool has_id, has_dlc;
};

static bool take(struct cursor *cursor, size_t length, const uint8_t **bytes)
{
    if (length > (size_t)(cursor->end - cursor->at))
        return false;
    *bytes = cursor->at;
    cursor->at += length;
    return true;
}

static bool take_big_endian(struct cursor *cursor, size_t width, uint64_t *number)
{
    const uint8_t *bytes;
    if (!take(cursor, width, &bytes))
        return false;
    *number = 0;
    while (width--)
        *number = *number << 8 | *bytes++;
    return true;
}

static struct value take_sized(struct cursor *cursor, enum kind kind, size_t width)
{
    struct value value = {.kind = BAD};
    uint64_t length;
    if (take_big_endian(cursor, width, &length) && take(cursor, length, &value.bytes)) {
        value.kind = kind;
        value.length = length;
    }
    return value;
}

static struct value take_number(struct cursor *cursor, enum kind kind, size_t width)
{
    struct value value = {.kind = BAD};
    if (take_big_endian(cursor, width, &value.integer))
        value.kind = kind;
    return value;
}

/* int8..int64: no field of a frame may be negative, so the sign is all that is looked at. */
static struct value take_signed(struct cursor *cursor, size_t width)
{
    struct value value = take_number(cursor, INTEGER, width);
    if (value.kind == INTEGER && value.integer >> (8 * width - 1))
        value.kind = NUMBER;
    return value;
}

/* One scalar. A map, array or extension inside the map is BAD: there is none in a frame. */
static struct value take_value(struct cursor *cursor)
{
    uint64_t tag;
    if (!take_big_endian(cursor, 1, &tag))
        return (struct value){.kind = BAD};
    if (tag <= 0x7f)
        return (struct value){.kind = INTEGER, .integer = tag};
    if (tag >= 0xe0)
        return (struct value){.kind = NUMBER};
    if (tag >= 0xa0 && tag <= 0xbf) {
        struct value text = {.kind = TEXT, .length = tag & 0x1f};
        if (!take(cursor, text.length, &text.bytes))
            text.kind = BAD;
        return text;
    }
    switch (tag) {
    case 0xc0:
        return (struct value){.kind = NIL};
    case 0xc2:
    case 0xc3:
        return (struct value){.kind = BOOLEAN, .integer = tag & 1};
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return take_sized(cursor, BYTES, (size_t)1 << (tag - 0xc4));
    case 0xca:
    case 0xcb:
        return take_number(cursor, NUMBER, (size_t)4 << (tag - 0xca));
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return take_number(cursor, INTEGER, (size_t)1 << (tag - 0xcc));
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return take_signed(cursor, (size_t)1 << (tag - 0xd0));
    case 0xd9:
    case 0xda:
    case 0xdb:
        return take_sized(cursor, TEXT, (size_t)1 << (tag - 0xd9));
    default:
        return (struct value){.kind = BAD};
    }
}

static bool is_key(const struct value *key, const char *name)
{
    return key->length == strlen(name) && memcmp(key->bytes, name, key->length) == 0;
}

static bool set_flag(struct fields *fields, const struct value *key, const struct value *value)
{
    static const struct {
        const char *name;
        size_t offset;
    } flags[] = {
        {"is_extended_id", offsetof(struct fields, extended)},
        {"is_remote_frame", offsetof(struct fields, remote)},
        {"is_error_frame", offsetof(struct fields, error)},
        {"is_fd", offsetof(struct fields, fd)},
        {"bitrate_switch", offsetof(struct fields, brs)},
        {"error_state_indicator", offsetof(struct fields, esi)},
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (!is_key(key, flags[i].name))
            continue;
        memcpy((uint8_t *)fields + flags[i].offset, &value->integer, sizeof(value->integer));
        return value->kind == BOOLEAN;
    }
    return true;
}

static bool set_data(struct fields *fields, const struct value *value)
{
    fields->data = value->bytes;
    fields->length = value->kind == BYTES ? value->length : 0;
    return value->kind == BYTES || value->kind == NIL;
}

static bool set_field(struct fields *fields, const struct value *key, const struct value *value)
{
    if (value->kind == BAD || key->kind != TEXT)
        return false;
    if (is_key(key, "arbitration_id")) {
        fields->id = value->integer;
        return fields->has_id = value->kind == INTEGER;
    }
    if (is_key(key, "dlc")) {
        fields->dlc = value->integer;
        fields->has_dlc = value->kind != NIL;
        return value->kind == INTEGER || value->kind == NIL;
    }
    if (is_key(key, "data"))
        return set_data(fields, value);
    return set_flag(fields, key, value);
}

static bool take_map(struct cursor *cursor, uint64_t *pairs)
{
    uint64_t tag;
    if (!take_big_endian(cursor, 1, &tag))
        return false;
    *pairs = tag & 0x0f;
    if (tag >= 0x80 && tag <= 0x8f)
        return true;
    return (tag == 0xde && take_big_endian(cursor, 2, pairs)) ||
           (tag == 0xdf && take_big_endian(cursor, 4, pairs));
}

static bool read_fields(struct fields *fields, struct cursor *cursor)
{
    uint64_t pairs;
    if (!take_map(cursor, &pairs))
        return false;
    for (; pairs; pairs--) {
        struct value key = take_value(cursor);
        struct value value = take_value(cursor);
        if (!set_field(fields, &key, &value))
            return false;
    }
    return cursor->at == cursor->end && fields->has_id;
}

static size_t fd_length_at_least(size_t length)
{
    static const uint8_t lengths[] = {8, 12, 16, 20, 24, 32, 48, 64};
    if (length < 8)
        return length;
    unsigned i = 0;
    while (lengths[i] < length)
        i++;
    return lengths[i];
}

static bool fields_agree(const struct fields *fields)
{
    uint64_t limit = fields->fd ? CANRING_FD_DATA_MAX : CANRING_CC_DATA_MAX;

    if (fields->id > (fields->extended ? CANRING_ID_MASK_EXT : CANRING_ID_MASK_STD))
        return false;
    if (fields->remote + fields->error + fields->fd > 1)
        return false;
    if (!fields->fd && (fields->brs || fields->esi))
        return false;
    if (fields->remote)
        return fields->dlc <= limit;
    return fields->length <= limit && (!fields->has_dlc || fields->dlc == fields->length);
}

static void build(struct canring_frame *frame, const struct fields *fields)
{
    uint32_t id = (uint32_t)fields->id;
    /* The id of an error frame is a set of classes: "extended" means nothing there. */
    if (fields->error)
        id |= CANRING_ID_ERROR;
    else if (fields->extended)
        id |= CANRING_ID_EXTENDED;
    if (!fields->fd) {
        canring_frame_classic(frame, id, fields->data, fields->remote ? 0 : fields->length);
        if (fields->remote) {
            frame->id |= CANRING_ID_REMOTE;
            frame->flags = (uint16_t)(fields->dlc << CANRING_DLC_SHIFT);
        }
        return;
    }
    size_t length = fd_length_at_least(fields->length);
    memset(frame, 0, CANRING_FRAME_HEADER + length);
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + length);
    frame->flags =
        (uint16_t)(CANRING_FD | (fields->brs ? CANRING_BRS : 0) | (fields->esi ? CANRING_ESI : 0));
    frame->id = id;
    if (fields->length)
        memcpy(frame->data, fields->data, fields->length);
}

int cr_msgpack_frame_decode(struct canring_frame *frame, const void *datagram, size_t length)
{
    struct cursor cursor = {datagram, (const uint8_t *)datagram + length};
    struct fields fields = {.extended = 1};

    if (!read_fields(&fields, &cursor) || !fields_agree(&fields))
        return -EBADMSG;
    build(frame, &fields);
    return 0;
}

/* Encoding */

struct output {
    char *at, *end;
};

static int write_output(void *data, const char *bytes, size_t length)
{
    struct output *output = data;
    if (length > (size_t)(output->end - output->at))
        return -1;
    memcpy(output->at, bytes, length);
    output->at += length;
    return 0;
}

static int pack_key(msgpack_packer *packer, const char *key)
{
    return msgpack_pack_str_with_body(packer, key, strlen(key));
}

static int pack_flag(msgpack_packer *packer, const char *key, bool flag)
{
    return pack_key(packer, key) || (flag ? msgpack_pack_true(packer) : msgpack_pack_false(packer));
}

static int pack_length(msgpack_packer *packer, const struct canring_frame *frame)
{
    size_t dlc =
        canring_frame_is_remote(frame) ? canring_frame_dlc(frame) : canring_frame_length(frame);
    if (!(frame->flags & CANRING_FD) && dlc > CANRING_CC_DATA_MAX)
        dlc = CANRING_CC_DATA_MAX;
    return pack_key(packer, "dlc") || msgpack_pack_uint64(packer, dlc) ||
           pack_key(packer, "data") ||
           msgpack_pack_bin_with_body(packer, canring_frame_payload(frame),
                                      canring_frame_length(frame));
}

static int pack_frame(msgpack_packer *packer, const struct canring_frame *frame)
{
    bool error = canring_frame_is_error(frame);
    uint32_t id = frame->id & CANRING_ID_MASK_EXT;
    /* python-can refuses a frame whose id is too large for "not extended", error frames too. */
    bool extended = error ? id > CANRING_ID_MASK_STD : (frame->id & CANRING_ID_EXTENDED) != 0;

    return msgpack_pack_map(packer, 11) || pack_key(packer, "timestamp") ||
           msgpack_pack_double(packer, (double)frame->timestamp_ns / 1e9) ||
           pack_key(packer, "arbitration_id") || msgpack_pack_uint32(packer, id) ||
           pack_flag(packer, "is_extended_id", extended) ||
           pack_flag(packer, "is_remote_frame", canring_frame_is_remote(frame)) ||
           pack_flag(packer, "is_error_frame", error) || pack_key(packer, "channel") ||
           msgpack_pack_nil(packer) || pack_length(packer, frame) ||
           pack_flag(packer, "is_fd", frame->flags & CANRING_FD) ||
           pack_flag(packer, "bitrate_switch", frame->flags & CANRING_BRS) ||
           pack_flag(packer, "error_state_indicator", frame->flags & CANRING_ESI);
}

int cr_msgpack_frame_encode(const struct canring_frame *frame, void *datagram, size_t space)
{
    struct output output = {datagram, (char *)datagram + space};
    msgpack_packer packer;

    if (frame->flags & CANRING_XL)
        return -EOPNOTSUPP;
    msgpack_packer_init(&packer, &output, write_output);
    if (pack_frame(&packer, frame))
        return -ENOSPC;
    return (int)(output.at - (char *)datagram);
}
