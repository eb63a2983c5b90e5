#include <errno.h>

#include "can/trace/asc.h"
#include "can/trace/calendar.h"
#include "can/trace/digits.h"
#include "can/trace/dlc.h"

/* asc2log takes 4 to 6. */
#define USUAL_DIGITS 6

/* Most characters of an event and its notes, but for its data. */
#define EVENT_ROOM 768

#define HEAD_ROOM (512 + 2 * CR_CALENDAR_ROOM)

struct encoder {
    const struct cr_trace_names *names;
    int64_t zero_ns;
    unsigned digits;
};

static int put_name(const struct cr_trace_name *name, struct cr_bytes *out)
{
    char *to = cr_bytes_room(out, CR_NOTE_ROOM + CANRING_TEXT_NAME);
    char *from = to;

    if (!cr_note_name_needed(name))
        return 0;
    if (!to)
        return -ENOSPC;
    to = CR_PUT(to, "// ");
    to = cr_note_put_name(to, name);
    *to++ = '\n';
    out->used += (size_t)(to - from);
    return 0;
}

static int begin_bus(void *state, uint32_t bus, struct cr_bytes *out)
{
    const struct encoder *encoder = state;

    return put_name(&encoder->names->list[bus], out);
}

/* Zero is a whole second, so that frames that arrive out of order by little are not before it, and
 * readers that drop a date's milliseconds are right. */
static char *put_head(const struct encoder *encoder, char *to)
{
    char date[CR_CALENDAR_ROOM];
    size_t length = (size_t)(cr_calendar_put_words(date, (uint64_t)encoder->zero_ns) - date);

    to = CR_PUT(to, "date ");
    to = cr_put_text(to, date, length);
    to = CR_PUT(to, "\nbase hex  timestamps absolute\ninternal events logged\n"
                    "// version 13.0.0\n// ");
    to = cr_note_put_zero(to, (uint64_t)encoder->zero_ns);
    to = CR_PUT(to, "\nBegin TriggerBlock ");
    to = cr_put_text(to, date, length);
    to = CR_PUT(to, "\n   0.");
    to = cr_put_decimal_digits(to, 0, encoder->digits);
    return CR_PUT(to, " Start of measurement\n");
}

static int begin(void *state, const struct cr_trace_start *start, struct cr_bytes *out)
{
    struct encoder *encoder = state;
    char *to = cr_bytes_room(out, HEAD_ROOM);

    encoder->names = start->names;
    encoder->digits = start->digits && start->digits <= 9 ? start->digits : USUAL_DIGITS;
    encoder->zero_ns = (int64_t)(start->start_ns - start->start_ns % CR_NS_PER_S);
    if (!to)
        return -ENOSPC;
    out->used += (size_t)(put_head(encoder, to) - to);
    for (uint32_t i = 0; i < start->names->count && i < CR_NOTE_NAMES; i++) {
        int result = put_name(&start->names->list[i], out);
        if (result < 0)
            return result;
    }
    return 0;
}

/* "   0.000001 " */
static char *put_time(const struct encoder *encoder, char *to, int64_t after_ns)
{
    uint64_t ns = after_ns < 0 ? 0 : (uint64_t)after_ns;

    to = cr_put_decimal_right(to, ns / CR_NS_PER_S, 4);
    *to++ = '.';
    to = cr_put_decimal_digits(to, ns % CR_NS_PER_S / cr_power_of_ten[9 - encoder->digits],
                               encoder->digits);
    *to++ = ' ';
    return to;
}

static char *put_id(char *to, uint32_t id)
{
    to = cr_put_hex(to, id & CANRING_ID_MASK_EXT);
    if (id & CANRING_ID_EXTENDED)
        *to++ = 'x';
    return to;
}

static const char *direction(const struct canring_frame *frame)
{
    return frame->flags & CANRING_TX ? "Tx" : "Rx";
}

/* "1  123             Rx   d 8 11 22 33 44 55 66 77 88" */
static char *put_classic(char *to, uint32_t channel, const struct canring_frame *frame)
{
    char *from = to;

    to = cr_put_decimal(to, channel);
    to = cr_put_blanks(to, from, 2);
    *to++ = ' ';
    from = to;
    to = put_id(to, frame->id);
    to = cr_put_blanks(to, from, 15);
    *to++ = ' ';
    to = cr_put_text(to, direction(frame), 2);
    to = canring_frame_is_remote(frame) ? CR_PUT(to, "   r ") : CR_PUT(to, "   d ");
    to = cr_put_hex(to, canring_frame_dlc(frame));
    return cr_put_bytes(to, frame->data, canring_frame_length(frame));
}

static char *put_error(char *to, uint32_t channel)
{
    char *from = to;

    to = cr_put_decimal(to, channel);
    to = cr_put_blanks(to, from, 2);
    return CR_PUT(to, " ErrorFrame");
}

/* "CANFD   1 Rx " */
static char *put_kind(char *to, const char *kind, uint32_t channel,
                      const struct canring_frame *frame)
{
    to = cr_put_text(to, kind, 6);
    to = cr_put_decimal_right(to, channel, 3);
    *to++ = ' ';
    to = cr_put_text(to, direction(frame), 2);
    return CR_PUT(to, "   ");
}

/* The identifier in its column and an empty column for its name. */
static char *put_wide_id(char *to, uint32_t id)
{
    char text[16];
    size_t length = (size_t)(put_id(text, id) - text);
    char *from = to;

    to = cr_put_blanks(to, to, 10 - length);
    to = cr_put_text(to, text, length);
    return cr_put_blanks(to, from, 45);
}

/* Behind the data stand duration, bits, flags, CRC and bit timings. What is not known is 0. */
static char *put_fd(char *to, uint32_t channel, const struct canring_frame *frame)
{
    size_t length = canring_frame_length(frame);
    bool brs = frame->flags & CANRING_BRS;
    bool esi = frame->flags & CANRING_ESI;

    to = put_kind(to, "CANFD ", channel, frame);
    to = put_wide_id(to, frame->id);
    *to++ = brs ? '1' : '0';
    *to++ = ' ';
    *to++ = esi ? '1' : '0';
    *to++ = ' ';
    *to++ = "0123456789abcdef"[cr_fd_code(length)];
    *to++ = ' ';
    to = cr_put_decimal_right(to, length, 2);
    to = cr_put_bytes(to, frame->data, length);
    to = CR_PUT(to, " 0 0 ");
    to = cr_put_hex(to, CR_ASC_FDF | (brs ? CR_ASC_BRS : 0) | (esi ? CR_ASC_ESI : 0));
    return CR_PUT(to, " 0 0 0 0 0");
}

/* Duration, bits, id, SDT, SEC, DLC, length, stuff count, CRC, VCID, AF, data, CRC, flags … */
static char *put_xl(char *to, uint32_t channel, const struct canring_frame *frame)
{
    size_t length = canring_frame_length(frame);
    struct canring_xl xl;

    memcpy(&xl, frame->data, sizeof(xl));
    bool sec = xl.flags & 1, rrs = xl.flags & 2;
    to = put_kind(to, "CANXL ", channel, frame);
    to = CR_PUT(to, "XLFF 0 0 ");
    to = put_wide_id(to, frame->id);
    to = cr_put_hex_digits(to, xl.sdu_type, 2);
    *to++ = ' ';
    *to++ = sec ? '1' : '0';
    *to++ = ' ';
    to = cr_put_hex(to, (uint32_t)length - 1);
    *to++ = ' ';
    to = cr_put_decimal(to, length);
    to = CR_PUT(to, " 0 0 ");
    to = cr_put_hex_digits(to, xl.vcid, 2);
    *to++ = ' ';
    to = cr_put_hex_digits(to, xl.acceptance_field, 8);
    to = cr_put_bytes(to, canring_frame_payload(frame), length);
    to = CR_PUT(to, " 0 ");
    to = cr_put_hex_digits(
        to, CR_ASC_XLF | CR_ASC_FDF | CR_ASC_BRS | (sec ? CR_ASC_SEC : 0) | (rrs ? CR_ASC_RRS : 0),
        8);
    return CR_PUT(to, " 00000000 0 0 0 0 0 0");
}

/* What "ErrorFrame" alone means to asc2log and to us. */
static bool is_plain_error(const struct canring_frame *frame)
{
    static const uint8_t zeros[8];

    return frame->id == (CANRING_ID_ERROR | 0x80) && !(frame->flags & CANRING_TX) &&
           canring_frame_length(frame) == 8 && memcmp(frame->data, zeros, 8) == 0;
}

static char *put_notes(char *to, const struct canring_frame *frame, int64_t after_ns)
{
    if (after_ns < 0) {
        to = CR_PUT(to, "// ");
        to = cr_note_put_time(to, after_ns);
        *to++ = '\n';
    }
    if (canring_frame_is_error(frame) && !is_plain_error(frame)) {
        to = CR_PUT(to, "// ");
        to = cr_note_put_frame(to, frame);
        *to++ = '\n';
    }
    return to;
}

static char *put_frame(const struct encoder *encoder, char *to, uint32_t channel,
                       const struct canring_frame *frame, int64_t after_ns)
{
    to = put_notes(to, frame, after_ns);
    to = put_time(encoder, to, after_ns);
    if (frame->flags & CANRING_XL)
        return put_xl(to, channel, frame);
    if (frame->flags & CANRING_FD)
        return put_fd(to, channel, frame);
    if (canring_frame_is_error(frame))
        return put_error(to, channel);
    return put_classic(to, channel, frame);
}

static int encode(void *state, const struct canring_trace_entry *entry, struct cr_bytes *out)
{
    const struct encoder *encoder = state;
    size_t data = entry->frame ? canring_frame_length(entry->frame) : 0;
    char *to = cr_bytes_room(out, EVENT_ROOM + 3 * data);
    char *from = to;
    int64_t after_ns = (int64_t)(entry->timestamp_ns - (uint64_t)encoder->zero_ns);
    uint32_t channel = encoder->names->list[entry->bus].channel;

    if (!to)
        return -ENOSPC;
    if (entry->frame) {
        to = put_frame(encoder, to, channel, entry->frame, after_ns);
    } else {
        to = CR_PUT(to, "// ");
        to = cr_note_put_lost(to, entry->lost, channel, after_ns);
    }
    *to++ = '\n';
    out->used += (size_t)(to - from);
    return 0;
}

static int end(void *state, struct cr_bytes *out)
{
    static const char tail[] = "End TriggerBlock\n";

    (void)state;
    cr_bytes_put(out, tail, sizeof(tail) - 1);
    return 0;
}

const struct cr_trace_encoder cr_asc_encoder = {
    .state_size = sizeof(struct encoder),
    .latest_ns = CR_TRACE_DATE_LATEST_NS,
    .begin = begin,
    .bus = begin_bus,
    .entry = encode,
    .end = end,
};
