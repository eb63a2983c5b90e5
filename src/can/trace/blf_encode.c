/* Entries as objects of Vector's binary log.
 *
 * Of the ways to store a frame those are taken that Vector's own programs write today and that
 * python-can and Wireshark read as well: CAN_MESSAGE2, CAN_FD_MESSAGE_64, CAN_ERROR_EXT. All
 * objects are multiples of 4 bytes, so that nobody has to agree on padding.
 */
#include <errno.h>

#include "can/trace/blf.h"
#include "can/trace/format.h"

#define MILLION UINT64_C(1000000)

/* The measurement's start is put so far before the first entry: buses are read in turns, so that an
 * entry may be older than the one before, and python-can takes a time before the start for one in
 * the year 2554. */
#define MARGIN_MS 1000u

/* Of the file's header: the version of Vector's library that writes such objects. */
#define API_NUMBER 4080200u
#define LEVEL      1u

struct encoder {
    const struct cr_trace_names *names;
    uint64_t start_ns;
    uint64_t events; /* objects beyond one for each entry */
};

static int put_header(const struct encoder *encoder, const struct cr_trace_totals *totals,
                      struct cr_bytes *out)
{
    uint8_t header[BLF_HEADER] = {'L', 'O', 'G', 'G'};
    bool any = totals->entries != 0;

    blf_put32(header + 4, BLF_HEADER);
    blf_put32(header + 8, API_NUMBER);
    header[13] = LEVEL;
    if (any) {
        blf_put64(header + 16, totals->file_bytes);
        blf_put64(header + 24,
                  BLF_HEADER + totals->raw_bytes + totals->blocks * BLF_CONTAINER_HEADER);
        blf_put32(header + 32, (uint32_t)(totals->entries + encoder->events));
        cr_blf_put_time(header + BLF_HEADER_LAST, totals->last_ns);
    }
    cr_blf_put_time(header + BLF_HEADER_START, encoder->start_ns);
    cr_bytes_put(out, header, sizeof(header));
    return 0;
}

static int begin(void *state, const struct cr_trace_start *start, struct cr_bytes *out)
{
    struct encoder *encoder = state;
    uint64_t ms = start->start_ns / MILLION;

    encoder->names = start->names;
    encoder->start_ns = (ms > MARGIN_MS ? ms - MARGIN_MS : 0) * MILLION;
    encoder->events = 0;
    return put_header(encoder, &(struct cr_trace_totals){0}, out);
}

static int header(void *state, const struct cr_trace_totals *totals, struct cr_bytes *out)
{
    return put_header(state, totals, out);
}

/* Room for an object of `size` bytes, zeroed but for its header; NULL: no room. The caller fills in
 * the body that is returned. */
static uint8_t *put_object(const struct encoder *encoder, enum blf_type type, size_t size,
                           uint64_t time_ns, struct cr_bytes *out)
{
    uint8_t *to = cr_bytes_room(out, size);

    if (!to)
        return NULL;
    memset(to, 0, size);
    memcpy(to, "LOBJ", 4);
    blf_put16(to + 4, BLF_OBJECT_HEADER);
    blf_put16(to + 6, 1);
    blf_put32(to + 8, (uint32_t)size);
    blf_put32(to + 12, type);
    blf_put32(to + BLF_OBJECT_FLAGS, BLF_TICKS_1NS);
    blf_put64(to + BLF_OBJECT_TIME, time_ns - encoder->start_ns); /* negative ones wrap around */
    out->used += size;
    return to + BLF_OBJECT_HEADER;
}

static size_t whole_words(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

static uint32_t put_id(const struct canring_frame *frame)
{
    return (frame->id & CANRING_ID_MASK_EXT) |
           (frame->id & CANRING_ID_EXTENDED ? BLF_ID_EXTENDED : 0);
}

static uint8_t direction(const struct canring_frame *frame)
{
    return frame->flags & CANRING_TX ? BLF_DIRECTION_SENT : 0;
}

static int put_classic(const struct encoder *encoder, const struct canring_frame *frame,
                       uint16_t channel, struct cr_bytes *out)
{
    uint8_t *body = put_object(encoder, BLF_CAN_MESSAGE2, BLF_OBJECT_HEADER + BLF_MESSAGE2_BODY,
                               frame->timestamp_ns, out);

    if (!body)
        return -ENOSPC;
    blf_put16(body, channel);
    body[2] = (uint8_t)(direction(frame) | (canring_frame_is_remote(frame) ? BLF_REMOTE : 0));
    body[3] = (uint8_t)canring_frame_dlc(frame);
    blf_put32(body + 4, put_id(frame));
    memcpy(body + 8, frame->data, canring_frame_length(frame));
    return 0;
}

/* CAN_FD_MESSAGE: the only one with room for a channel above 255. */
static int put_fd_wide(const struct encoder *encoder, const struct canring_frame *frame,
                       uint16_t channel, struct cr_bytes *out)
{
    size_t length = canring_frame_length(frame);
    uint8_t *body = put_object(encoder, BLF_CAN_FD_MESSAGE, BLF_OBJECT_HEADER + BLF_FD_BODY,
                               frame->timestamp_ns, out);

    if (!body)
        return -ENOSPC;
    blf_put16(body, channel);
    body[2] = direction(frame);
    body[3] = (uint8_t)cr_blf_fd_dlc((unsigned)length);
    blf_put32(body + 4, put_id(frame));
    body[13] = (uint8_t)(BLF_FD_EDL | (frame->flags & CANRING_BRS ? BLF_FD_BRS : 0) |
                         (frame->flags & CANRING_ESI ? BLF_FD_ESI : 0));
    body[14] = (uint8_t)length;
    memcpy(body + BLF_FD_DATA, frame->data, length);
    return 0;
}

static int put_fd(const struct encoder *encoder, const struct canring_frame *frame,
                  uint16_t channel, struct cr_bytes *out)
{
    size_t length = canring_frame_length(frame);

    if (channel > UINT8_MAX)
        return put_fd_wide(encoder, frame, channel, out);
    uint8_t *body = put_object(encoder, BLF_CAN_FD_MESSAGE_64,
                               BLF_OBJECT_HEADER + BLF_FD64_DATA + whole_words(length),
                               frame->timestamp_ns, out);
    if (!body)
        return -ENOSPC;
    body[0] = (uint8_t)channel;
    body[1] = (uint8_t)cr_blf_fd_dlc((unsigned)length);
    body[2] = (uint8_t)length;
    blf_put32(body + 4, put_id(frame));
    blf_put32(body + 12, BLF_FD64_EDL | (frame->flags & CANRING_BRS ? BLF_FD64_BRS : 0) |
                             (frame->flags & CANRING_ESI ? BLF_FD64_ESI : 0));
    body[BLF_FD64_DIRECTION] = direction(frame);
    memcpy(body + BLF_FD64_DATA, frame->data, length);
    return 0;
}

static int put_error(const struct encoder *encoder, const struct canring_frame *frame,
                     uint16_t channel, struct cr_bytes *out)
{
    uint8_t *body = put_object(encoder, BLF_CAN_ERROR_EXT, BLF_OBJECT_HEADER + BLF_ERROR_BODY,
                               frame->timestamp_ns, out);

    if (!body)
        return -ENOSPC;
    blf_put16(body, channel);
    body[10] = (uint8_t)canring_frame_dlc(frame);
    blf_put32(body + 16, frame->id & CANRING_ID_MASK_EXT);
    blf_put16(body + 20, frame->flags & CANRING_TX ? BLF_ERROR_SENT : 0);
    memcpy(body + BLF_ERROR_DATA, frame->data, canring_frame_length(frame));
    return 0;
}

static int put_xl(const struct encoder *encoder, const struct canring_frame *frame,
                  uint16_t channel, struct cr_bytes *out)
{
    size_t length = canring_frame_length(frame);
    struct canring_xl xl;

    if (channel > UINT8_MAX)
        return -EOPNOTSUPP;
    uint8_t *body =
        put_object(encoder, BLF_CAN_XL_FRAME, BLF_OBJECT_HEADER + BLF_XL_DATA + whole_words(length),
                   frame->timestamp_ns, out);
    if (!body)
        return -ENOSPC;
    memcpy(&xl, frame->data, sizeof(xl));
    body[0] = (uint8_t)channel;
    body[2] = direction(frame);
    blf_put32(body + 12, frame->id & CANRING_ID_MASK_STD);
    body[16] = xl.sdu_type;
    blf_put16(body + 18, (uint32_t)length - 1);
    blf_put16(body + 20, (uint32_t)length);
    body[26] = xl.vcid;
    blf_put32(body + 28, xl.acceptance_field);
    blf_put32(body + 48, BLF_XL_XLF | (xl.flags & CR_BLF_XL_SEC ? BLF_XL_SEC : 0) |
                             (xl.flags & CR_BLF_XL_RRS ? BLF_XL_RRS : 0));
    memcpy(body + BLF_XL_DATA, canring_frame_payload(frame), length);
    return 0;
}

/* Neither has a place for a bus: the header's client is it, which means nothing for them. */
static int put_lost(struct encoder *encoder, const struct canring_trace_entry *entry,
                    uint16_t channel, struct cr_bytes *out)
{
    uint64_t lost = entry->lost > UINT32_MAX ? UINT32_MAX : entry->lost;
    uint64_t ns = entry->timestamp_ns;
    size_t first = BLF_OBJECT_HEADER + BLF_LOST_BEGIN_BODY;
    size_t second = BLF_OBJECT_HEADER + BLF_LOST_END_BODY;

    if (!cr_bytes_room(out, first + second))
        return -ENOSPC;
    uint8_t *body = put_object(encoder, BLF_DATA_LOST_BEGIN, first, ns, out);
    blf_put16(body - BLF_OBJECT_HEADER + BLF_OBJECT_CLIENT, channel);
    body = put_object(encoder, BLF_DATA_LOST_END, second, ns, out);
    blf_put16(body - BLF_OBJECT_HEADER + BLF_OBJECT_CLIENT, channel);
    blf_put64(body + 4, ns - encoder->start_ns);
    blf_put32(body + 12, (uint32_t)lost);
    encoder->events++;
    return 0;
}

static int encode(void *state, const struct canring_trace_entry *entry, struct cr_bytes *out)
{
    struct encoder *encoder = state;
    uint16_t channel = encoder->names->list[entry->bus].channel;
    const struct canring_frame *frame = entry->frame;

    if (entry->kind != CANRING_TRACE_FRAME)
        return put_lost(encoder, entry, channel, out);
    if (frame->flags & CANRING_XL)
        return put_xl(encoder, frame, channel, out);
    if (frame->flags & CANRING_FD)
        return put_fd(encoder, frame, channel, out);
    if (canring_frame_is_error(frame))
        return put_error(encoder, frame, channel, out);
    return put_classic(encoder, frame, channel, out);
}

const struct cr_trace_encoder cr_blf_encoder = {
    .state_size = sizeof(struct encoder),
    .latest_ns = CR_TRACE_DATE_LATEST_NS,
    .begin = begin,
    .entry = encode,
    .pack = cr_blf_pack,
    .header = header,
};
