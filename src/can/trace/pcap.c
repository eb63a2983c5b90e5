/* pcap: what tcpdump writes. One bus, no direction, no losses: pcapng has them. */
#include <errno.h>
#include <stdio.h>

#include "can/trace/byteorder.h"
#include "can/trace/format.h"
#include "can/trace/linktype.h"

#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
/* What patched libpcaps of old wrote: each record's head is 8 bytes longer, of which we need none.
 */
#define MAGIC_MODIFIED 0xa1b2cd34u

#define HEAD                 24u
#define RECORD_HEAD          16u
#define RECORD_HEAD_MODIFIED 24u
#define NS_PER_S             UINT64_C(1000000000)

#define SECONDS_PER_DAY 86400u

/* libpcap's own limit. What it allows must be possible to pass over. */
#define RECORD_MAX 262144u

/* Longest record that can hold a frame: cooked, with the end of an Ethernet frame behind it. */
#define FRAME_MAX (20u + CR_LINKTYPE_CAN_MAX + 64u)

struct encoder {
    bool chosen;
    uint32_t bus; /* the first that has a frame: the format knows one only */
};

static int begin(void *state, const struct cr_trace_start *start, struct cr_bytes *out)
{
    (void)state;
    (void)start;
    cr_bytes_le32(out, MAGIC_NS);
    cr_bytes_le16(out, 2); /* version 2.4 */
    cr_bytes_le16(out, 4);
    cr_bytes_zero(out, 8);
    cr_bytes_le32(out, RECORD_MAX);
    cr_bytes_le32(out, CR_LINKTYPE_CAN);
    return out->overflow ? -ENOSPC : 0;
}

static int encode(void *state, const struct canring_trace_entry *entry, struct cr_bytes *out)
{
    struct encoder *encoder = state;

    if (entry->kind != CANRING_TRACE_FRAME)
        return -EOPNOTSUPP;
    if (encoder->chosen && entry->bus != encoder->bus)
        return -ECHRNG;
    uint64_t seconds = entry->frame->timestamp_ns / NS_PER_S;
    if (seconds > UINT32_MAX)
        return -EOPNOTSUPP; /* behind 2106 */
    size_t length = cr_link_can_length(entry->frame);
    if (!cr_bytes_room(out, RECORD_HEAD + length))
        return -ENOSPC;
    cr_bytes_le32(out, (uint32_t)seconds);
    cr_bytes_le32(out, (uint32_t)(entry->frame->timestamp_ns % NS_PER_S));
    cr_bytes_le32(out, (uint32_t)length);
    cr_bytes_le32(out, (uint32_t)length);
    cr_link_can_encode(out->data + out->used, entry->frame);
    out->used += length;
    encoder->chosen = true;
    encoder->bus = entry->bus;
    return 0;
}

struct decoder {
    struct cr_trace_source *source;
    bool big;
    bool nanoseconds;
    bool headless; /* cut before its first record */
    bool cut;      /* said */
    bool lost;     /* its way: looking for the next record */
    uint32_t linktype;
    uint32_t record_head; /* bytes of it */
};

static int damaged(const struct decoder *decoder, struct canring_error *err, const char *what)
{
    return canring_error_set(err, -EINVAL, "%s: byte %llu: %s", decoder->source->path,
                             (unsigned long long)cr_trace_input_offset(decoder->source->input),
                             what);
}

/* Which of the magic numbers these first bytes are; 0: none. */
static uint32_t magic_of(const uint8_t *raw, bool *big)
{
    static const uint32_t known[] = {MAGIC_US, MAGIC_NS, MAGIC_MODIFIED};

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        *big = cr_get_be32(raw) == known[i];
        if (*big || cr_get_le32(raw) == known[i])
            return known[i];
    }
    return 0;
}

static int open_decoder(void *state, struct cr_trace_source *source, struct canring_error *err)
{
    struct decoder *decoder = state;
    const uint8_t *raw;
    int have = cr_trace_input_peek(source->input, HEAD, &raw);

    if (have < 0)
        return canring_error_set(err, have, "%s: cannot read", source->path);
    decoder->source = source;
    uint32_t magic = have >= 4 ? magic_of(raw, &decoder->big) : 0;
    if (have >= 4 && !magic)
        return canring_error_set(err, -EINVAL, "%s: not a pcap file: it begins with another number",
                                 source->path);
    decoder->headless = have < (int)HEAD; /* whoever wrote it got no further */
    source->unfinished = decoder->headless;
    if (decoder->headless)
        return 0;
    decoder->nanoseconds = magic == MAGIC_NS;
    decoder->record_head = magic == MAGIC_MODIFIED ? RECORD_HEAD_MODIFIED : RECORD_HEAD;
    /* The upper bits tell of check sums behind the frames, which CAN has none of. */
    decoder->linktype = cr_get_32(decoder->big, raw + 20) & 0xffff;
    cr_trace_input_take(source->input, HEAD);
    return 0;
}

/* Is this the head of a record with a frame? All of it is at `raw`. */
static bool is_likely(const struct decoder *decoder, const uint8_t *raw)
{
    uint32_t fraction = cr_get_32(decoder->big, raw + 4);
    uint32_t stored = cr_get_32(decoder->big, raw + 8);
    uint32_t original = cr_get_32(decoder->big, raw + 12);

    return fraction < (decoder->nanoseconds ? NS_PER_S : 1000000u) && stored >= 8 &&
           stored <= FRAME_MAX && original == stored;
}

/* A likely head, with another one or the end of the file behind its record, on the same day. */
static bool is_record(const struct decoder *decoder, const uint8_t *raw, size_t left)
{
    if (left < decoder->record_head || !is_likely(decoder, raw))
        return false;
    size_t length = decoder->record_head + cr_get_32(decoder->big, raw + 8);
    if (length == left)
        return true;
    if (left < length + decoder->record_head || !is_likely(decoder, raw + length))
        return false;
    uint32_t time = cr_get_32(decoder->big, raw);
    uint32_t next = cr_get_32(decoder->big, raw + length);
    return (time > next ? time - next : next - time) < SECONDS_PER_DAY;
}

/* Go to the next record. 1; 0: there is none; negative errno. */
static int search(struct decoder *decoder)
{
    struct cr_trace_input *input = decoder->source->input;
    const size_t want = 2 * decoder->record_head + FRAME_MAX;

    for (;;) {
        const uint8_t *raw;
        int have = cr_trace_input_peek(input, want, &raw);
        if (have < 0)
            return have;
        size_t size = (size_t)have, at = 0;
        size_t end = size < want ? size : size - want + 1;
        while (at < end && !is_record(decoder, raw + at, size - at))
            at++;
        cr_trace_input_take(input, at);
        if (at < end)
            return 1;
        if (size < want)
            return 0;
    }
}

static int refuse(struct decoder *decoder, size_t length, struct canring_error *err,
                  const char *what)
{
    int result = damaged(decoder, err, what);

    cr_trace_input_take(decoder->source->input, length);
    return result;
}

/* Begin to search behind a head that cannot be one. */
static int lose_way(struct decoder *decoder, struct canring_error *err, const char *what)
{
    decoder->lost = true;
    return refuse(decoder, 1, err, what);
}

static int cut(struct decoder *decoder, struct canring_error *err)
{
    decoder->cut = true;
    return lose_way(decoder, err,
                    "a record that ends behind the file: the file was cut, or its length is wrong");
}

/* No frame is so long, or none at all is in this file: a capture of other protocols. */
static int pass_over(struct decoder *decoder, uint32_t stored, struct canring_error *err)
{
    int64_t skipped =
        cr_trace_input_skip(decoder->source->input, decoder->record_head + (uint64_t)stored);

    if (skipped < 0)
        return (int)skipped;
    if (skipped < decoder->record_head + (int64_t)stored)
        return cut(decoder, err);
    decoder->source->foreign++;
    return 0;
}

static int bus_of(const struct decoder *decoder, const struct cr_link_extra *extra)
{
    char name[CANRING_TEXT_NAME];
    int length = extra->interface ? snprintf(name, sizeof(name), "if%u", extra->interface)
                                  : snprintf(name, sizeof(name), "can0");

    return cr_trace_names_find(decoder->source->names, name, (size_t)length);
}

static int decode(struct decoder *decoder, const uint8_t *raw, uint32_t stored,
                  struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                  struct canring_error *err)
{
    const struct cr_link_packet link = {.linktype = decoder->linktype,
                                        .big = decoder->big,
                                        .raw = raw + decoder->record_head,
                                        .length = stored};
    struct cr_link_extra extra;
    const char *what = NULL;
    uint64_t seconds = cr_get_32(decoder->big, raw);
    uint64_t fraction = cr_get_32(decoder->big, raw + 4);

    int result = cr_link_decode(frame, &link, &extra, &what);
    if (result < 0)
        return refuse(decoder, decoder->record_head + stored, err, what);
    int bus = result ? bus_of(decoder, &extra) : 0;
    if (bus < 0)
        return refuse(decoder, decoder->record_head + stored, err,
                      "more buses than a recording may have");
    decoder->source->foreign += result == 0;
    cr_trace_input_take(decoder->source->input, decoder->record_head + stored);
    entry->bus = (uint32_t)bus;
    frame->frame.timestamp_ns = seconds * NS_PER_S + fraction * (decoder->nanoseconds ? 1 : 1000);
    frame->frame.flags |= CANRING_CLOCK_PROXY;
    if (extra.outgoing)
        frame->frame.flags |= CANRING_TX;
    return result;
}

/* One record. 1: a frame; 0: passed over; negative errno. */
static int one(struct decoder *decoder, struct canring_trace_entry *entry,
               union canring_frame_buffer *frame, struct canring_error *err)
{
    const uint8_t *raw;
    int have = cr_trace_input_peek(decoder->source->input, decoder->record_head, &raw);

    if (have < 0)
        return have;
    if (have < (int)decoder->record_head)
        return cut(decoder, err);
    uint32_t stored = cr_get_32(decoder->big, raw + 8);
    if (stored > RECORD_MAX || stored > cr_get_32(decoder->big, raw + 12))
        return lose_way(decoder, err, "a record with an impossible length");
    if (stored > FRAME_MAX && decoder->linktype == CR_LINKTYPE_CAN)
        return lose_way(decoder, err, "a record that is too long for a CAN frame");
    if (stored > FRAME_MAX || !cr_linktype_has_can(decoder->linktype))
        return pass_over(decoder, stored, err);
    have = cr_trace_input_peek(decoder->source->input, decoder->record_head + stored, &raw);
    if (have < 0)
        return have;
    if ((uint32_t)have < decoder->record_head + stored)
        return cut(decoder, err);
    return decode(decoder, raw, stored, entry, frame, err);
}

static int next_headless(struct decoder *decoder, struct canring_error *err)
{
    const uint8_t *raw;
    int have = cr_trace_input_peek(decoder->source->input, HEAD, &raw);

    if (have <= 0)
        return have;
    return refuse(decoder, (size_t)have, err, "the file was cut in its header");
}

static int next(void *state, struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                struct canring_error *err)
{
    struct decoder *decoder = state;
    struct cr_trace_input *input = decoder->source->input;
    const uint8_t *raw;
    int result;

    if (decoder->headless)
        return next_headless(decoder, err);
    if (decoder->lost) {
        result = search(decoder);
        if (result <= 0) {
            decoder->source->unfinished |= decoder->cut;
            return result;
        }
        decoder->lost = decoder->cut = false;
    }
    while ((result = cr_trace_input_peek(input, 1, &raw)) > 0) {
        result = one(decoder, entry, frame, err);
        if (result)
            return result;
    }
    return result;
}

static int probe(const uint8_t *head, size_t length)
{
    bool big;

    return length >= HEAD && magic_of(head, &big) ? 100 : 0;
}

static const char *const endings[] = {".pcap", NULL};

static const struct cr_trace_encoder encoder = {
    .state_size = sizeof(struct encoder),
    .latest_ns = UINT32_MAX * NS_PER_S + (NS_PER_S - 1),
    .begin = begin,
    .entry = encode,
};

static const struct cr_trace_decoder decoder = {
    .state_size = sizeof(struct decoder),
    .open = open_decoder,
    .next = next,
};

const struct cr_trace_format cr_trace_format_pcap = {
    .name = "pcap",
    .endings = endings,
    .summary = "captures of tcpdump, of one bus",
    .probe = probe,
    .encoder = &encoder,
    .decoder = &decoder,
};
