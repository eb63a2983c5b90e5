/* Rows of a TRC file. */
#include "can/trace/dlc.h"
#include "can/trace/trc.h"

#define NS_PER_MS 1000000

/* An identifier that stands for a warning about the bus. */
#define STATUS_ID 0xffffffffu

enum row_kind {
    ROW_DATA,
    ROW_FD,
    ROW_REMOTE,
    ROW_ERROR, /* versions 1.x */
    ROW_ER,    /* versions 2.x */
    ROW_XL,
    ROW_OTHER,
};

struct row {
    enum row_kind kind;
    unsigned flags;
    int64_t after_ns;
    uint32_t channel;
    uint32_t id;
    uint64_t length;
    bool is_code; /* `length` is a length code */
    uint32_t vcid, sdt, af, rrs, sec;
    const char *what;
};

static const struct {
    const char *name;
    enum row_kind kind;
    unsigned flags;
} types[] = {
    {"Rx", ROW_DATA, 0},
    {"Tx", ROW_DATA, CANRING_TX},
    {"DT", ROW_DATA, 0},
    {"FD", ROW_FD, CANRING_FD},
    {"FB", ROW_FD, CANRING_FD | CANRING_BRS},
    {"FE", ROW_FD, CANRING_FD | CANRING_ESI},
    {"BI", ROW_FD, CANRING_FD | CANRING_BRS | CANRING_ESI},
    {"RR", ROW_REMOTE, 0},
    {"ER", ROW_ER, 0},
    {"Error", ROW_ERROR, 0},
    {"XL", ROW_XL, CANRING_XL},
    {"Warng", ROW_OTHER, 0},
    {"ST", ROW_OTHER, 0},
    {"EC", ROW_OTHER, 0},
    {"EV", ROW_OTHER, 0},
};

static bool parse_type(struct row *row, struct cr_field field)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        if (cr_field_is(field, types[i].name)) {
            row->kind = types[i].kind;
            row->flags |= types[i].flags;
            return true;
        }
    }
    row->what = "a type that is not known";
    return false;
}

static bool parse_id(struct row *row, struct cr_field field)
{
    row->what = "an identifier that is not allowed";
    if (!cr_field_hex(field, 8, &row->id))
        return false;
    if (row->id == STATUS_ID) {
        row->kind = ROW_OTHER;
        return true;
    }
    if (field.length <= 4)
        return row->id <= CANRING_ID_MASK_STD;
    if (row->id > CANRING_ID_MASK_EXT)
        return false;
    row->id |= CANRING_ID_EXTENDED;
    return true;
}

static bool parse_number(struct row *row, struct cr_field field)
{
    uint64_t number;

    row->what = "a row that does not begin with its number";
    if (field.length && field.text[field.length - 1] == ')')
        field.length--;
    return cr_field_decimal(field, UINT64_MAX, &number);
}

static bool parse_direction(struct row *row, struct cr_field field)
{
    row->what = "a direction that is neither Rx nor Tx";
    if (cr_field_is(field, "Tx"))
        row->flags |= CANRING_TX;
    else if (!cr_field_is(field, "Rx"))
        return false;
    return true;
}

static bool parse_bus(struct row *row, struct cr_field field)
{
    uint64_t bus;

    row->what = "a bus that is not a number, 1 to 65535";
    if (!cr_field_decimal(field, CR_TRACE_CHANNEL_MAX, &bus))
        return false;
    row->channel = (uint32_t)bus;
    return true;
}

/* A field that only CAN XL has; "-" in the rows of others. */
static bool parse_xl_field(struct row *row, struct cr_field field, uint32_t *value, unsigned digits)
{
    row->what = "a field of CAN XL that is damaged";
    return row->kind != ROW_XL || cr_field_hex(field, digits, value);
}

static bool parse_column(struct row *row, char column, struct cr_field field)
{
    switch (column) {
    case 'N':
        return parse_number(row, field);
    case 'O':
        row->what = "a time that is not a number of milliseconds";
        return cr_field_time(field, NS_PER_MS, &row->after_ns);
    case 'T':
        return parse_type(row, field);
    case 'B':
        return parse_bus(row, field);
    case 'I':
        return parse_id(row, field);
    case 'd':
        return parse_direction(row, field);
    case 'l':
    case 'L':
        row->what = "a data length that is not a number";
        row->is_code = column == 'L';
        return cr_field_decimal(field, CANRING_XL_DATA_MAX, &row->length);
    case 'V':
        return parse_xl_field(row, field, &row->vcid, 2);
    case 'S':
        return parse_xl_field(row, field, &row->sdt, 2);
    case 'A':
        return parse_xl_field(row, field, &row->af, 8);
    case 'r':
        return parse_xl_field(row, field, &row->rrs, 1);
    case 's':
        return parse_xl_field(row, field, &row->sec, 1);
    default:
        return true;
    }
}

/* Behind the type of an error frame: columns may be empty ("-", or not there at all). What counts
 * are the direction and the bytes, which are two digits each, as nothing else is. */
static bool parse_error(struct row *row, struct cr_fields *line, uint8_t *bytes)
{
    struct cr_field field;
    uint32_t value;
    size_t count = 0;

    row->what = "an error frame that is damaged";
    while (cr_fields_next(line, &field)) {
        if (cr_field_is(field, "-") || (field.length == 1 && cr_is_digit(*field.text)))
            continue;
        if (cr_field_is(field, "Rx") || cr_field_is(field, "Tx")) {
            row->flags |= cr_field_is(field, "Tx") ? CANRING_TX : 0u;
            continue;
        }
        if (field.length != 2 || count == CR_TRC_ERROR_BYTES || !cr_field_hex(field, 2, &value))
            return false;
        bytes[count++] = (uint8_t)value;
    }
    return count == CR_TRC_ERROR_BYTES;
}

static void start_frame(struct canring_frame *frame, const struct row *row, size_t size)
{
    memset(frame, 0, CANRING_FRAME_HEADER);
    frame->id = row->id;
    frame->flags = (uint16_t)row->flags;
    frame->size = (uint16_t)size;
}

static bool parse_data(struct row *row, struct cr_fields *line, uint8_t *data, size_t length)
{
    struct cr_field more;

    row->what = "not as many bytes of data as the length says";
    return cr_fields_hex_bytes(line, data, length) && !cr_fields_next(line, &more);
}

static bool finish_remote(struct row *row, struct canring_frame *frame)
{
    row->what = "a data length code that is not allowed: 0 to 15 are";
    if (row->length > 15)
        return false;
    row->id |= CANRING_ID_REMOTE;
    start_frame(frame, row, CANRING_FRAME_HEADER);
    frame->flags |= (uint16_t)(row->length << CANRING_DLC_SHIFT);
    return true;
}

static bool finish_xl(struct row *row, struct cr_fields *line, struct canring_frame *frame)
{
    size_t length = (size_t)row->length + row->is_code;
    struct canring_xl xl = {.acceptance_field = row->af,
                            .sdu_type = (uint8_t)row->sdt,
                            .vcid = (uint8_t)row->vcid,
                            .flags = (uint8_t)((row->sec ? 1 : 0) | (row->rrs ? 2 : 0))};

    row->what = "a length or a priority that CAN XL does not have";
    if (length == 0 || length > CANRING_XL_DATA_MAX || row->id > CANRING_ID_MASK_STD)
        return false;
    start_frame(frame, row, CANRING_FRAME_HEADER + sizeof(xl) + length);
    memcpy(frame->data, &xl, sizeof(xl));
    return parse_data(row, line, frame->data + sizeof(xl), length);
}

static bool finish_fd(struct row *row, struct cr_fields *line, struct canring_frame *frame)
{
    size_t length = (size_t)row->length;

    row->what = "a data length that CAN FD does not have";
    if (row->length > (row->is_code ? 15 : CANRING_FD_DATA_MAX))
        return false;
    if (row->is_code)
        length = cr_fd_length((unsigned)row->length);
    else if (cr_fd_length(cr_fd_code(length)) != length)
        return false;
    start_frame(frame, row, CANRING_FRAME_HEADER + length);
    return parse_data(row, line, frame->data, length);
}

static bool finish_classic(struct row *row, struct cr_fields *line, struct canring_frame *frame)
{
    size_t length = row->length < CANRING_CC_DATA_MAX ? row->length : CANRING_CC_DATA_MAX;

    row->what = "a data length that CAN does not have";
    if (row->length > (row->is_code ? 15 : CANRING_CC_DATA_MAX))
        return false;
    start_frame(frame, row, CANRING_FRAME_HEADER + length);
    frame->flags |= (uint16_t)(row->length << CANRING_DLC_SHIFT);
    return parse_data(row, line, frame->data, length);
}

/* Of versions 1.x: kind of error, which stands for the identifier, and four bytes. */
static bool finish_error(struct row *row, struct cr_fields *line, struct canring_frame *frame)
{
    uint8_t bytes[CR_TRC_ERROR_BYTES] = {(uint8_t)row->id};

    row->what = "an error frame that is damaged";
    if (row->id > UINT8_MAX || row->length != sizeof(bytes) - 1 ||
        !parse_data(row, line, bytes + 1, sizeof(bytes) - 1))
        return false;
    cr_trc_error_frame(bytes, frame);
    return true;
}

/* Column D ends the row. In versions 1.x a word in it may say what the frame is. */
static bool finish(struct row *row, struct cr_fields *line, struct canring_frame *frame)
{
    struct cr_fields rest = *line;
    struct cr_field word, more;

    if (row->kind == ROW_DATA && cr_fields_next(&rest, &word) && word.length > 2) {
        if (cr_field_is(word, "RTR") && !cr_fields_next(&rest, &more))
            return finish_remote(row, frame);
        if (cr_field_is(word, "ERROR")) {
            *line = rest;
            return finish_error(row, line, frame);
        }
    }
    switch (row->kind) {
    case ROW_FD:
        return finish_fd(row, line, frame);
    case ROW_REMOTE:
        row->what = "a remote frame with data";
        return !cr_fields_next(line, &more) && finish_remote(row, frame);
    case ROW_ERROR:
        return finish_error(row, line, frame);
    case ROW_XL:
        return finish_xl(row, line, frame);
    default:
        return finish_classic(row, line, frame);
    }
}

/* Version 2.x, behind the type. */
static bool parse_er(struct row *row, const char *column, struct cr_fields *line,
                     struct canring_frame *frame)
{
    uint8_t bytes[CR_TRC_ERROR_BYTES];
    struct cr_field field;

    if (*column == 'B' && (!cr_fields_next(line, &field) || !parse_bus(row, field)))
        return false;
    if (!parse_error(row, line, bytes))
        return false;
    cr_trc_error_frame(bytes, frame);
    frame->flags |= (uint16_t)row->flags;
    return true;
}

/* Older files of ours have no blank between the number's bracket and a long time. */
static bool next_field(struct cr_fields *line, char column, struct cr_field *field)
{
    if (!cr_fields_next(line, field))
        return false;
    const char *bracket = column == 'N' ? memchr(field->text, ')', field->length) : NULL;
    if (bracket) {
        line->at = bracket + 1;
        field->length = (size_t)(line->at - field->text);
    }
    return true;
}

static bool parse_row(struct row *row, const char *column, struct cr_fields *line,
                      struct canring_frame *frame)
{
    struct cr_field field;

    for (; *column != 'D'; column++) {
        if (!next_field(line, *column, &field)) {
            row->what = "a row that ends too early";
            return false;
        }
        if (!parse_column(row, *column, field))
            return false;
        if (row->kind == ROW_OTHER)
            return true;
        if (row->kind == ROW_ER)
            return parse_er(row, column + 1, line, frame);
    }
    return finish(row, line, frame);
}

enum cr_line_kind cr_trc_row(const struct cr_trc_decoder *decoder, struct cr_fields line,
                             uint32_t *channel, int64_t *after_ns, struct canring_frame *frame,
                             const char **what)
{
    struct row row = {.channel = decoder->noted.channel};

    if (!parse_row(&row, decoder->columns, &line, frame)) {
        *what = row.what;
        return CR_LINE_DAMAGE;
    }
    *channel = row.channel;
    *after_ns = row.after_ns;
    return row.kind == ROW_OTHER ? CR_LINE_NOTHING : CR_LINE_ENTRY;
}
