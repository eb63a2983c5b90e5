/* Objects of Vector's binary log as frames. */
#include <errno.h>

#include "can/trace/blf.h"
#include "can/trace/bytes.h"

/* SocketCAN's words for what an error was: class, and data bytes 2 and 3. */
#define CLASS_PROTOCOL  0x08u
#define CLASS_NO_ACK    0x20u
#define CLASS_BUS_ERROR 0x80u
#define KIND_BIT        0x01u
#define KIND_FORM       0x02u
#define KIND_STUFF      0x04u
#define KIND_OVERLOAD   0x20u
#define PLACE_CRC       0x08u
#define PLACE_ACK       0x19u
#define VECTOR_BIT      0u
#define VECTOR_FORM     1u
#define VECTOR_STUFF    2u
#define VECTOR_CRC      4u
#define VECTOR_NO_ACK   7u
#define VECTOR_OVERLOAD 8u

/* The least that the body of an object has, for types that we know. */
static const uint8_t least_body[] = {
    [BLF_CAN_MESSAGE] = BLF_MESSAGE_BODY,
    [BLF_CAN_ERROR] = BLF_CAN_ERR_BODY - 4, /* the last 4 are not used */
    [BLF_CAN_ERROR_EXT] = BLF_ERROR_DATA,
    [BLF_CAN_MESSAGE2] = BLF_MESSAGE_BODY,
    [BLF_CAN_FD_MESSAGE] = BLF_FD_DATA,
    [BLF_CAN_FD_MESSAGE_64] = BLF_FD64_DATA,
    [BLF_CAN_FD_ERROR_64] = BLF_FD_ERROR_BODY,
    [BLF_DATA_LOST_BEGIN] = BLF_LOST_BEGIN_BODY,
    [BLF_DATA_LOST_END] = BLF_LOST_END_BODY,
    [BLF_CAN_XL_FRAME] = BLF_XL_DATA,
};

bool cr_blf_is_known(uint32_t type)
{
    return type < sizeof(least_body) && least_body[type] != 0;
}

/* An identifier of more than 11 bits is an extended one even where the bit for it was forgotten. */
static uint32_t get_id(const uint8_t *from)
{
    uint32_t id = cr_get_le32(from);
    bool extended = (id & BLF_ID_EXTENDED) || (id & CANRING_ID_MASK_EXT) > CANRING_ID_MASK_STD;

    return (id & CANRING_ID_MASK_EXT) | (extended ? CANRING_ID_EXTENDED : 0);
}

static uint16_t direction(unsigned value)
{
    return (value & BLF_DIRECTION_MASK) ? CANRING_TX : 0;
}

/* A classic frame, whose data has `have` bytes. A DLC of more than 4 bits is taken as the highest
 * one, as Wireshark does. */
static const char *set_classic(struct canring_frame *frame, uint32_t id, unsigned dlc, bool remote,
                               const uint8_t *data, size_t have)
{
    if (dlc > 15)
        dlc = 15;
    size_t length = remote ? 0 : dlc < CANRING_CC_DATA_MAX ? dlc : CANRING_CC_DATA_MAX;
    if (length > have)
        return "less data than its DLC says";
    canring_frame_classic(frame, id | (remote ? CANRING_ID_REMOTE : 0), data, length);
    frame->flags = (uint16_t)(dlc << CANRING_DLC_SHIFT);
    return NULL;
}

/* An FD frame. Where the DLC is none, some have written a length; `have` is the better witness. */
static const char *set_fd(struct canring_frame *frame, uint32_t id, unsigned dlc, uint16_t flags,
                          const uint8_t *data, size_t have)
{
    if (dlc > 15)
        dlc = cr_blf_fd_dlc((unsigned)have);
    size_t length = cr_blf_fd_length(dlc);
    if (length > have)
        return "less data than its DLC says";
    memset(frame, 0, sizeof(*frame));
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + length);
    frame->flags = (uint16_t)(CANRING_FD | flags);
    frame->id = id;
    if (length)
        memcpy(frame->data, data, length);
    return NULL;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static const char *parse_message(const uint8_t *body, size_t length, struct cr_blf_object *object,
                                 struct canring_frame *frame)
{
    object->channel = cr_get_le16(body);
    const char *what = set_classic(frame, get_id(body + 4), body[3], (body[2] & BLF_REMOTE) != 0,
                                   body + 8, length - 8);
    frame->flags |= direction(body[2]);
    return what;
}

static const char *parse_fd(const uint8_t *body, size_t length, struct cr_blf_object *object,
                            struct canring_frame *frame)
{
    size_t have = least(body[14], length - BLF_FD_DATA);
    uint8_t bits = body[13];
    const char *what;

    object->channel = cr_get_le16(body);
    if (bits & BLF_FD_EDL)
        what = set_fd(frame, get_id(body + 4), body[3],
                      (uint16_t)((bits & BLF_FD_BRS ? CANRING_BRS : 0) |
                                 (bits & BLF_FD_ESI ? CANRING_ESI : 0)),
                      body + BLF_FD_DATA, have);
    else
        what = set_classic(frame, get_id(body + 4), body[3], (body[2] & BLF_REMOTE) != 0,
                           body + BLF_FD_DATA, have);
    frame->flags |= direction(body[2]);
    return what;
}

static const char *parse_fd64(const uint8_t *body, size_t length, struct cr_blf_object *object,
                              struct canring_frame *frame)
{
    size_t have = least(body[2], length - BLF_FD64_DATA);
    uint32_t bits = cr_get_le32(body + 12);
    const char *what;

    object->channel = body[0];
    if (bits & BLF_FD64_EDL)
        what = set_fd(frame, get_id(body + 4), body[1],
                      (uint16_t)((bits & BLF_FD64_BRS ? CANRING_BRS : 0) |
                                 (bits & BLF_FD64_ESI ? CANRING_ESI : 0)),
                      body + BLF_FD64_DATA, have);
    else
        what = set_classic(frame, get_id(body + 4), body[1], (bits & BLF_FD64_REMOTE) != 0,
                           body + BLF_FD64_DATA, have);
    frame->flags |= direction(body[BLF_FD64_DIRECTION]);
    return what;
}

/* What Vector's core says of an error, as SocketCAN says it. */
static void set_core_error(struct canring_frame *frame, uint16_t code)
{
    static const struct {
        uint8_t vector, kind, place;
    } kinds[] = {{VECTOR_BIT, KIND_BIT, 0},     {VECTOR_FORM, KIND_FORM, 0},
                 {VECTOR_STUFF, KIND_STUFF, 0}, {VECTOR_CRC, 0, PLACE_CRC},
                 {VECTOR_NO_ACK, 0, PLACE_ACK}, {VECTOR_OVERLOAD, KIND_OVERLOAD, 0}};
    unsigned vector = (code >> 6) & 0x3f;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (kinds[i].vector != vector)
            continue;
        frame->id = CANRING_ID_ERROR | (vector == VECTOR_NO_ACK ? CLASS_NO_ACK : CLASS_PROTOCOL);
        frame->data[2] = kinds[i].kind;
        frame->data[3] = kinds[i].place;
    }
}

/* Until more is known it is an error on the bus, as in ASC: no filter would find one without a
 * class. */
static void set_error(struct canring_frame *frame, uint16_t code)
{
    static const uint8_t nothing[CANRING_CC_DATA_MAX];

    canring_frame_classic(frame, CANRING_ID_ERROR | CLASS_BUS_ERROR, nothing, sizeof(nothing));
    frame->flags |= code & BLF_ERROR_SENT ? CANRING_TX : 0;
}

static const char *parse_error_ext(const uint8_t *body, size_t length, struct cr_blf_object *object,
                                   struct canring_frame *frame)
{
    uint32_t flags = cr_get_le32(body + 4);
    uint16_t code = cr_get_le16(body + 20);
    const char *what = NULL;

    object->channel = cr_get_le16(body);
    set_error(frame, code);
    uint16_t sent = frame->flags & CANRING_TX;
    if (flags & BLF_ERROR_CORE)
        set_core_error(frame, code);
    if (flags == 0 && length >= BLF_ERROR_BODY) {
        uint32_t class = cr_get_le32(body + 16) & CANRING_ID_MASK_EXT;
        what = set_classic(frame, CANRING_ID_ERROR | class, body[10], false, body + BLF_ERROR_DATA,
                           CANRING_CC_DATA_MAX);
        frame->flags |= sent;
    }
    return what;
}

static const char *parse_fd_error(const uint8_t *body, struct cr_blf_object *object,
                                  struct canring_frame *frame)
{
    uint16_t code = cr_get_le16(body + 6);

    object->channel = body[0];
    set_error(frame, code);
    set_core_error(frame, code);
    return NULL;
}

static const char *set_xl(const uint8_t *body, size_t have, struct canring_frame *frame)
{
    size_t length = cr_get_le16(body + 20);
    uint32_t bits = cr_get_le32(body + 48);
    struct canring_xl xl = {
        .acceptance_field = cr_get_le32(body + 28),
        .sdu_type = body[16],
        .flags = (uint8_t)((bits & BLF_XL_SEC ? CR_BLF_XL_SEC : 0) |
                           (bits & BLF_XL_RRS ? CR_BLF_XL_RRS : 0)),
        .vcid = body[26],
    };

    if (length > CANRING_XL_DATA_MAX)
        return "a CAN XL frame of more than 2048 bytes";
    if (length == 0)
        return "a CAN XL frame without data";
    if (length > have)
        return "less data than its length says";
    memset(frame, 0, sizeof(*frame));
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + sizeof(xl) + length);
    frame->flags = CANRING_XL;
    frame->id = cr_get_le32(body + 12) & CANRING_ID_MASK_STD;
    memcpy(frame->data, &xl, sizeof(xl));
    memcpy(frame->data + sizeof(xl), body + BLF_XL_DATA, length);
    return NULL;
}

/* An object for all that an XL controller sees: classic and FD frames too. */
static const char *parse_xl(const uint8_t *body, size_t length, struct cr_blf_object *object,
                            struct canring_frame *frame)
{
    uint32_t bits = cr_get_le32(body + 48);
    size_t have = least(cr_get_le16(body + 20), length - BLF_XL_DATA);
    const uint8_t *data = body + BLF_XL_DATA;
    uint16_t dlc = cr_get_le16(body + 18);
    const char *what;

    object->channel = body[0];
    if (bits & BLF_XL_XLF)
        what = set_xl(body, have, frame);
    else if (bits & BLF_XL_FDF)
        what = set_fd(frame, get_id(body + 12), dlc,
                      (uint16_t)((bits & BLF_XL_BRS ? CANRING_BRS : 0) |
                                 (bits & BLF_XL_ESI ? CANRING_ESI : 0)),
                      data, have);
    else
        what =
            set_classic(frame, get_id(body + 12), dlc, (bits & BLF_FD64_REMOTE) != 0, data, have);
    frame->flags |= direction(body[2]);
    return what;
}

static const char *parse_frame(uint32_t type, const uint8_t *body, size_t length,
                               struct cr_blf_object *object, struct canring_frame *frame)
{
    switch (type) {
    case BLF_CAN_MESSAGE:
    case BLF_CAN_MESSAGE2:
        return parse_message(body, length, object, frame);
    case BLF_CAN_FD_MESSAGE:
        return parse_fd(body, length, object, frame);
    case BLF_CAN_FD_MESSAGE_64:
        return parse_fd64(body, length, object, frame);
    case BLF_CAN_ERROR_EXT:
        return parse_error_ext(body, length, object, frame);
    case BLF_CAN_FD_ERROR_64:
        return parse_fd_error(body, object, frame);
    case BLF_CAN_XL_FRAME:
        return parse_xl(body, length, object, frame);
    default:
        object->channel = cr_get_le16(body);
        set_error(frame, 0);
        return NULL;
    }
}

int cr_blf_parse(uint32_t type, const uint8_t *body, size_t length, struct cr_blf_object *object,
                 struct canring_frame *frame, const char **what)
{
    *object = (struct cr_blf_object){.kind = CANRING_TRACE_FRAME};
    *what = "a body that is too short";
    if (!cr_blf_is_known(type) || length < least_body[type])
        return -EINVAL;
    if (type == BLF_DATA_LOST_BEGIN || type == BLF_DATA_LOST_END) {
        object->kind = CANRING_TRACE_LOST;
        object->lost = type == BLF_DATA_LOST_END ? cr_get_le32(body + 12) : 0;
        return 0;
    }
    memset(frame, 0, sizeof(*frame));
    *what = parse_frame(type, body, length, object, frame);
    if (*what)
        return -EINVAL;
    *what = "a frame that cannot be";
    return canring_frame_check(frame, sizeof(union canring_frame_buffer)) == 0 ? 0 : -EINVAL;
}
