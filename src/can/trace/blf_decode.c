/* Vector's binary log, read: objects out of containers. */
#include <errno.h>

#include "can/trace/blf.h"
#include "can/trace/blf_file.h"

/* No object that we know is larger, whatever a file says. */
#define OBJECT_MAX 8192u

/* Results of the steps of `next`, apart from those that it returns itself. */
#define MORE  2 /* bytes are needed */
#define AGAIN 3

struct decoder {
    struct cr_blf_file file;
    struct cr_blf_bytes raw; /* objects */
    int64_t start_ns;
    uint64_t skip;      /* bytes of an object that is of no interest */
    bool lost;          /* where the next object begins is not known, and that was told */
    bool finished;      /* the header has its totals */
    uint64_t file_size; /* as the header says */
    struct canring_trace_entry gap; /* a loss that has begun */
    bool in_gap;
    bool any;
    bool misdated; /* the header's start is no date, and that was not told */
};

static int damaged(const struct decoder *decoder, struct canring_error *err, const char *what)
{
    return canring_error_set(err, -EINVAL, "%s: byte %llu: in this container: %s",
                             decoder->file.source->path, (unsigned long long)decoder->file.at,
                             what);
}

static int open_decoder(void *state, struct cr_trace_source *source, struct canring_error *err)
{
    struct decoder *decoder = state;
    const uint8_t *head;

    decoder->file.source = source;
    int have = cr_trace_input_peek(source->input, BLF_HEADER, &head);
    if (have < 0)
        return canring_error_set(err, have, "%s: cannot read: %s", source->path, strerror(-have));
    if (have && (have < 4 || memcmp(head, "LOGG", 4) != 0))
        return canring_error_set(err, -EINVAL, "%s: not a BLF file: it does not begin with LOGG",
                                 source->path);
    if ((uint32_t)have < BLF_HEADER) { /* whoever wrote it got no further */
        (void)cr_trace_input_skip(source->input, BLF_HEADER);
        decoder->file.cut = decoder->file.at_end = true;
        return 0;
    }
    int dated = cr_blf_get_time(head + BLF_HEADER_START, &decoder->start_ns);
    decoder->misdated = dated < 0;
    source->undated = dated == 0;
    decoder->file_size = cr_get_le64(head + 16);
    decoder->finished = cr_get_le32(head + 32) != 0;
    uint32_t size = cr_get_le32(head + 4);
    if (size < BLF_HEADER || size > CR_TRACE_WINDOW)
        size = BLF_HEADER; /* where it ends is found by the first object */
    int64_t taken = cr_trace_input_skip(source->input, size);
    decoder->file.offset = taken > 0 ? (uint64_t)taken : 0;
    return taken < 0 ? (int)taken : 0;
}

static void close_decoder(void *state)
{
    struct decoder *decoder = state;

    cr_blf_free(&decoder->file.stored);
    cr_blf_free(&decoder->raw);
}

/* False: out of reach. */
static bool time_of(const struct decoder *decoder, const uint8_t *object, uint64_t *time_ns)
{
    int64_t ns = (int64_t)cr_get_le64(object + BLF_OBJECT_TIME); /* in ticks */

    if (cr_get_le32(object + BLF_OBJECT_FLAGS) == BLF_TICKS_10US &&
        __builtin_mul_overflow(ns, INT64_C(10000), &ns))
        return false;
    if (__builtin_add_overflow(ns, decoder->start_ns, &ns) || ns < 0)
        return false;
    *time_ns = (uint64_t)ns;
    return true;
}

/* A loss is of the bus in its header's client, where we put it; without one, of the first bus. */
static int take_loss(struct decoder *decoder, uint32_t type, const uint8_t *object, uint64_t lost,
                     uint64_t time_ns, struct canring_trace_entry *entry)
{
    struct cr_trace_names *names = decoder->file.source->names;
    bool client = cr_get_le16(object + 6) != 2;
    uint32_t channel = client ? cr_get_le16(object + BLF_OBJECT_CLIENT) : 0;
    int bus = channel || !names->count ? cr_trace_names_channel(names, channel ? channel : 1) : 0;

    if (bus < 0)
        return bus;
    decoder->gap = (struct canring_trace_entry){
        .kind = CANRING_TRACE_LOST, .bus = (uint32_t)bus, .timestamp_ns = time_ns, .lost = lost};
    decoder->in_gap = type == BLF_DATA_LOST_BEGIN;
    if (decoder->in_gap)
        return AGAIN;
    *entry = decoder->gap;
    return 1;
}

/* The whole object at `object`. */
static int take_object(struct decoder *decoder, const uint8_t *object,
                       struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                       struct canring_error *err)
{
    uint16_t header = cr_get_le16(object + 4);
    uint32_t size = cr_get_le32(object + 8);
    uint32_t type = cr_get_le32(object + 12);
    struct cr_blf_object found;
    uint64_t time_ns;
    const char *what;

    if (!time_of(decoder, object, &time_ns))
        return damaged(decoder, err, "a time before 1970, or after 2262");
    if (cr_blf_parse(type, object + header, size - header, &found, &frame->frame, &what) < 0)
        return damaged(decoder, err, what);
    if (found.kind == CANRING_TRACE_LOST) {
        int result = take_loss(decoder, type, object, found.lost, time_ns, entry);
        return result < 0 ? damaged(decoder, err, "too many channels for one recording") : result;
    }
    int bus = cr_trace_names_channel(decoder->file.source->names, found.channel);
    if (bus < 0)
        return damaged(decoder, err,
                       bus == -EINVAL ? "channel 0, but the first one is 1"
                                      : "too many channels for one recording");
    entry->bus = (uint32_t)bus;
    frame->frame.flags |= CANRING_CLOCK_PROXY;
    frame->frame.timestamp_ns = time_ns;
    return 1;
}

/* Whether an object of `size` bytes reaches over the begin of others, and ends before none. */
static bool swallows(const uint8_t *object, uint32_t size, size_t have)
{
    const size_t behind = BLF_PADDING + 4;

    if (have < size + behind || memmem(object + size, behind, "LOBJ", 4))
        return false;
    return memmem(object + 4, size - 4, "LOBJ", 4) != NULL;
}

/* Whether this can be an object, of which `have` bytes are there. */
static bool is_plausible(const uint8_t *object, size_t have)
{
    uint16_t header = cr_get_le16(object + 4);
    uint32_t size = cr_get_le32(object + 8);

    if (header < BLF_OBJECT_BASE || size < header || size > CR_BLF_CONTAINER_MAX)
        return false;
    if (cr_blf_is_known(cr_get_le32(object + 12)) &&
        (header < BLF_OBJECT_HEADER || size > OBJECT_MAX))
        return false;
    return !swallows(object, size, have);
}

/* One damage is told once, up to the next object that is in order. */
static int lose_track(struct decoder *decoder, struct canring_error *err)
{
    if (decoder->lost)
        return AGAIN;
    decoder->lost = true;
    return damaged(decoder, err, "bytes that are no object were skipped");
}

/* Go to the next object's begin: AGAIN when it is there, else MORE or -EINVAL. */
static int find_object(struct decoder *decoder, struct canring_error *err)
{
    struct cr_blf_bytes *raw = &decoder->raw;
    size_t have = cr_blf_have(raw);

    if (have < BLF_OBJECT_BASE)
        return MORE;
    const uint8_t *begin = raw->data + raw->begin;
    if (memcmp(begin, "LOBJ", 4) == 0)
        return AGAIN;
    const uint8_t *found = memmem(begin, have, "LOBJ", 4);
    size_t gap = found ? (size_t)(found - begin) : have - 3;
    raw->begin += gap;
    if (gap > BLF_PADDING && !decoder->lost)
        return lose_track(decoder, err);
    return found && have - gap >= BLF_OBJECT_BASE ? AGAIN : MORE;
}

static int take_next(struct decoder *decoder, struct canring_trace_entry *entry,
                     union canring_frame_buffer *frame, struct canring_error *err)
{
    struct cr_blf_bytes *raw = &decoder->raw;
    size_t have = cr_blf_have(raw);

    if (decoder->skip) {
        size_t part = decoder->skip < have ? (size_t)decoder->skip : have;
        raw->begin += part;
        decoder->skip -= part;
        return decoder->skip ? MORE : AGAIN;
    }
    int result = find_object(decoder, err);
    if (result != AGAIN)
        return result;
    const uint8_t *object = raw->data + raw->begin;
    if (!is_plausible(object, cr_blf_have(raw))) {
        raw->begin += 4;
        return lose_track(decoder, err);
    }
    uint32_t size = cr_get_le32(object + 8);
    bool known = cr_blf_is_known(cr_get_le32(object + 12));
    if (known && cr_blf_have(raw) < size)
        return MORE;
    decoder->lost = false;
    decoder->any = true;
    if (!known) {
        decoder->skip = size;
        return AGAIN;
    }
    raw->begin += size;
    return take_object(decoder, object, entry, frame, err);
}

/* Behind the last container with bytes left: an object that is cut, or one whose size is wrong, and
 * others in it. */
static int leftover(struct decoder *decoder, struct canring_error *err)
{
    struct cr_blf_bytes *raw = &decoder->raw;
    const uint8_t *begin = raw->data + raw->begin;
    size_t have = cr_blf_have(raw);
    const uint8_t *other = have > 4 ? memmem(begin + 4, have - 4, "LOBJ", 4) : NULL;

    decoder->skip = 0;
    raw->begin = other ? (size_t)(other - raw->data) : raw->end;
    if (other)
        return lose_track(decoder, err);
    if (decoder->lost)
        return AGAIN;
    decoder->lost = true;
    decoder->file.source->unfinished = true;
    return damaged(decoder, err, "it ends in the middle of an object, and nothing follows");
}

/* Behind the last container. */
static int end(struct decoder *decoder, struct canring_trace_entry *entry,
               struct canring_error *err)
{
    if (cr_blf_have(&decoder->raw) > BLF_PADDING || decoder->skip)
        return leftover(decoder, err);
    decoder->raw.begin = decoder->raw.end;
    if (decoder->file.offset < decoder->file_size || (decoder->any && !decoder->finished))
        decoder->file.source->unfinished = true;
    if (!decoder->in_gap)
        return 0;
    decoder->in_gap = false;
    *entry = decoder->gap;
    return 1;
}

static int tell_misdated(struct decoder *decoder, struct canring_error *err)
{
    decoder->misdated = false;
    return canring_error_set(err, -EINVAL,
                             "%s: byte %u: a start time that is not understood: times count from "
                             "1970",
                             decoder->file.source->path, BLF_HEADER_START);
}

static int next(void *state, struct canring_trace_entry *entry, union canring_frame_buffer *frame,
                struct canring_error *err)
{
    struct decoder *decoder = state;
    int result;

    if (decoder->misdated)
        return tell_misdated(decoder, err);
    do {
        result = take_next(decoder, entry, frame, err);
        if (result != MORE)
            continue;
        result = cr_blf_next(&decoder->file, &decoder->raw, err);
        if (result == 0)
            result = end(decoder, entry, err);
        else if (result == 1)
            result = AGAIN;
        else if (result == -EINVAL) { /* what was begun is not continued */
            decoder->raw.begin = decoder->raw.end;
            decoder->skip = 0;
            decoder->lost = true;
        }
    } while (result == AGAIN);
    return result;
}

static int probe(const uint8_t *head, size_t length)
{
    return length >= 4 && memcmp(head, "LOGG", 4) == 0 ? 100 : 0;
}

static const char *const endings[] = {".blf", NULL};

static const struct cr_trace_decoder decoder = {
    .state_size = sizeof(struct decoder),
    .open = open_decoder,
    .next = next,
    .close = close_decoder,
};

const struct cr_trace_format cr_trace_format_blf = {
    .name = "blf",
    .endings = endings,
    .summary = "Vector's binary log",
    .probe = probe,
    .encoder = &cr_blf_encoder,
    .decoder = &decoder,
};
