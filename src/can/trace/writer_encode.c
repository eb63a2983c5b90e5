#include "can/trace/writer_encode.h"

#include <errno.h>
#include <syslog.h>

#include "shm/clock.h"

/* The age of a block is looked at with every so many entries, and as often as the entries' clock
 * says that this part of flush_ns has passed. */
#define LOOK_EVERY 64u
#define LOOK_PARTS 16u

/* ---- blocks ----------------------------------------------------------------- */

static void push(struct cr_writer_encode *encode)
{
    struct cr_writer_block *block = encode->block;

    encode->block = NULL;
    block->file->handed += block->raw.used;
    cr_writer_queue_push(encode->queue, block);
}

static bool is_full(const struct cr_writer_block *block)
{
    return block->raw.size - block->raw.used < CR_TRACE_ENTRY_ROOM;
}

/* A block with room for whatever one call of an encoder appends. */
static int make_room(struct cr_writer_encode *encode)
{
    if (encode->block && !is_full(encode->block))
        return 0;
    if (encode->block)
        push(encode);
    encode->block = cr_writer_queue_get(encode->queue);
    if (!encode->block)
        return atomic_load(&encode->queue->failing) ? atomic_load(&encode->queue->failing) : -EIO;
    encode->block->file = encode->file;
    encode->block->prelude = encode->file->prelude.used;
    return 0;
}

void cr_writer_encode_push(struct cr_writer_encode *encode)
{
    if (encode->block && encode->block->raw.used)
        push(encode);
}

/* Small blocks must not use up the memory while the disk does not follow. */
static bool is_backed_up(const struct cr_writer_encode *encode)
{
    return atomic_load_explicit(&encode->stats->error, memory_order_relaxed) ||
           cr_writer_queue_length(encode->queue) > encode->queue->count / 2;
}

uint64_t cr_writer_encode_due(struct cr_writer_encode *encode)
{
    const struct cr_writer_block *block = encode->block;

    if (!block || !block->entries)
        return UINT64_MAX;
    uint64_t age = cr_monotonic_coarse_ns() - block->since_ns;
    if (age < encode->plan->options.flush_ns)
        return encode->plan->options.flush_ns - age;
    if (is_backed_up(encode))
        return encode->plan->options.flush_ns;
    push(encode);
    return UINT64_MAX;
}

/* Reading even the coarse clock for each entry costs as much as the entry. The entries' own clock
 * says when to look; one that stands still has them counted, one that steps back is no harm. */
static void push_when_due(struct cr_writer_encode *encode, uint64_t stamp_ns)
{
    struct cr_writer_block *block = encode->block;

    if (block->entries % LOOK_EVERY != 0 &&
        stamp_ns - block->looked_ns < encode->plan->options.flush_ns / LOOK_PARTS)
        return;
    block->looked_ns = stamp_ns;
    (void)cr_writer_encode_due(encode);
}

/* ---- files ------------------------------------------------------------------ */

/* The outcome of an encoder's call: what did not fit is taken back. */
static int appended(struct cr_writer_encode *encode, size_t before, int result)
{
    struct cr_bytes *raw = &encode->block->raw;

    if (result == 0 && !raw->overflow) {
        encode->file->encoded += raw->used - before;
        return 0;
    }
    raw->used = before;
    bool overflow = raw->overflow;
    raw->overflow = false;
    return overflow ? -EMSGSIZE : result;
}

/* What was appended has a place in front of every file that may have to be begun again. */
static int remember(struct cr_writer_encode *encode, size_t before)
{
    struct cr_bytes *raw = &encode->block->raw;
    int result = cr_writer_file_remember(encode->file, raw->data + before, raw->used - before);

    return result < 0 ? appended(encode, before, result) : 0;
}

static int begin_file(struct cr_writer_encode *encode, uint64_t start_ns)
{
    const struct cr_trace_encoder *encoder = encode->plan->format->encoder;
    struct cr_writer_file *file = encode->file;
    const struct cr_trace_start start = {
        .start_ns = start_ns, .names = &encode->names, .digits = encode->plan->options.time_digits};

    int result = make_room(encode);
    if (result < 0)
        return result;
    struct cr_bytes *raw = &encode->block->raw;
    size_t before = raw->used;
    result = appended(encode, before, encoder->begin(file->state, &start, raw));
    if (result < 0)
        return result;
    result = remember(encode, before);
    if (result < 0)
        return result;
    file->head = file->prelude.used;
    file->begun = true;
    file->start_ns = file->lowest_ns = start_ns;
    file->buses = encode->names.count;
    if (encoder->pack) { /* the head is stored as it is, what follows is not */
        encode->block->plain = true;
        push(encode);
    }
    return 0;
}

static int need_file(struct cr_writer_encode *encode, uint64_t start_ns)
{
    if (!encode->file)
        encode->file = cr_writer_file_new(encode->plan->format->encoder);
    if (!encode->file)
        return -ENOMEM;
    return encode->file->begun ? 0 : begin_file(encode, start_ns);
}

/* Buses that were not there when the file began. */
static int declare_buses(struct cr_writer_encode *encode)
{
    struct cr_writer_file *file = encode->file;

    for (; file->buses < encode->names.count; file->buses++) {
        if (!file->encoder->bus)
            continue;
        int result = make_room(encode);
        if (result < 0)
            return result;
        struct cr_bytes *raw = &encode->block->raw;
        size_t before = raw->used;
        result = appended(encode, before, file->encoder->bus(file->state, file->buses, raw));
        if (result == 0)
            result = remember(encode, before);
        if (result < 0)
            return result;
    }
    return 0;
}

int cr_writer_encode_end_file(struct cr_writer_encode *encode)
{
    struct cr_writer_file *file = encode->file;

    if (!file)
        return 0;
    int result = need_file(encode, cr_realtime_ns());
    if (result == 0)
        result = make_room(encode);
    if (result < 0)
        return result;
    if (file->encoder->end) {
        size_t before = encode->block->raw.used;
        result = appended(encode, before, file->encoder->end(file->state, &encode->block->raw));
        if (result < 0)
            cr_writer_report(encode->stats, LOG_WARNING, "the end of a file does not fit");
    }
    encode->block->last = true;
    push(encode);
    encode->file = NULL;
    return 0;
}

/* ---- limits ----------------------------------------------------------------- */

/* What of the file has been packed tells how large the rest will get. Near the limit we wait for
 * the exact size, at the end of a block only. */
static int passes_packed_size(struct cr_writer_encode *encode, bool *passes)
{
    struct cr_writer_file *file = encode->file;
    uint64_t limit = encode->plan->options.rotate_bytes;
    uint64_t stored = atomic_load(&file->stored);
    uint64_t packed = atomic_load(&file->packed);
    uint64_t waiting = file->handed - packed;
    int result = 0;

    uint64_t guess =
        packed ? (uint64_t)((double)waiting * (double)stored / (double)packed * 1.3) : waiting;
    if (waiting && stored + guess >= limit) {
        result = cr_writer_queue_await(encode->queue, &file->packed, file->handed);
        stored = atomic_load(&file->stored);
    }
    *passes = stored >= limit;
    return result;
}

static int passes_size(struct cr_writer_encode *encode, const struct canring_trace_entry *entry,
                       bool *passes)
{
    struct cr_writer_file *file = encode->file;
    uint64_t limit = encode->plan->options.rotate_bytes, size = 0;

    if (encode->queue->blocks->packed.data) {
        *passes = false;
        if (encode->block && is_full(encode->block))
            push(encode);
        return encode->block ? 0 : passes_packed_size(encode, passes);
    }
    *passes = false;
    if (file->encoded + CR_WRITER_FILE_NEAR <= limit && file->buses == encode->names.count)
        return 0;
    int result = cr_writer_file_try(file, encode->names.count, entry, &size);
    *passes = result == 0 && size > limit;
    return result;
}

/* True in *passes when the file has to end before this entry. */
static int passes_a_limit(struct cr_writer_encode *encode, const struct canring_trace_entry *entry,
                          uint64_t stamp_ns, bool *passes)
{
    const struct canring_trace_writer_options *options = &encode->plan->options;
    struct cr_writer_file *file = encode->file;

    if (stamp_ns < file->lowest_ns) /* a clock that was set back */
        file->lowest_ns = stamp_ns;
    *passes = (options->rotate_frames && entry->frame && file->frames >= options->rotate_frames) ||
              (options->rotate_ns && stamp_ns - file->lowest_ns > options->rotate_ns);
    if (*passes || !options->rotate_bytes)
        return 0;
    return passes_size(encode, entry, passes);
}

static int rotate_when_due(struct cr_writer_encode *encode, const struct canring_trace_entry *entry,
                           uint64_t stamp_ns)
{
    bool passes = false;

    if (!encode->file || !encode->file->entries)
        return 0; /* every file holds an entry, whatever the limit */
    int result = passes_a_limit(encode, entry, stamp_ns, &passes);
    if (result == 0 && passes)
        result = cr_writer_encode_end_file(encode);
    return result;
}

/* ---- entries ---------------------------------------------------------------- */

static const char *const kinds[] = {
    "some frames that were lost", "some CAN XL frames",  "some CAN FD frames", "some error frames",
    "some remote frames",         "some classic frames", "times so far ahead", "more than one bus"};

static unsigned kind_of(const struct canring_trace_entry *entry, int reason)
{
    if (reason == -ERANGE)
        return 6;
    if (reason == -ECHRNG)
        return 7;
    if (!entry->frame)
        return 0;
    if (entry->frame->flags & CANRING_XL)
        return 1;
    if (entry->frame->flags & CANRING_FD)
        return 2;
    if (canring_frame_is_error(entry->frame))
        return 3;
    return canring_frame_is_remote(entry->frame) ? 4 : 5;
}

static int refuse(struct cr_writer_encode *encode, const struct canring_trace_entry *entry,
                  int reason)
{
    unsigned kind = kind_of(entry, reason);

    cr_writer_count(&encode->stats->refused, 1);
    if (!(encode->said & 1u << kind))
        cr_writer_report(encode->stats, LOG_WARNING, "format '%s' has no place for %s: %s left out",
                         encode->plan->format->name, kinds[kind],
                         reason == -ECHRNG || reason == -ERANGE ? "those frames are" : "they are");
    encode->said |= 1u << kind;
    return -EOPNOTSUPP;
}

static void account(struct cr_writer_encode *encode, const struct canring_trace_entry *entry,
                    uint64_t stamp_ns)
{
    struct cr_writer_block *block = encode->block;

    if (block->entries++ == 0) {
        block->lowest_ns = block->highest_ns = stamp_ns;
        block->since_ns = cr_monotonic_coarse_ns();
        block->looked_ns = stamp_ns;
    }
    if (stamp_ns < block->lowest_ns)
        block->lowest_ns = stamp_ns;
    if (stamp_ns > block->highest_ns)
        block->highest_ns = stamp_ns;
    encode->file->entries++;
    if (entry->frame) {
        encode->file->frames++;
        block->frames++;
        cr_writer_count(&encode->stats->frames, 1);
    } else {
        cr_writer_count(&encode->stats->lost, entry->lost);
    }
}

int cr_writer_encode_entry(struct cr_writer_encode *encode, const struct canring_trace_entry *entry)
{
    uint64_t stamp_ns = entry->frame ? entry->frame->timestamp_ns : entry->timestamp_ns;
    uint64_t latest_ns = encode->plan->format->encoder->latest_ns;

    if (latest_ns && stamp_ns > latest_ns)
        return refuse(encode, entry, -ERANGE);
    int result = rotate_when_due(encode, entry, stamp_ns);
    if (result == 0)
        result = need_file(encode, stamp_ns);
    if (result == 0 && encode->file->buses < encode->names.count)
        result = declare_buses(encode);
    if (result == 0)
        result = make_room(encode);
    if (result < 0)
        return result;
    struct cr_bytes *raw = &encode->block->raw;
    size_t before = raw->used;
    result =
        appended(encode, before, encode->file->encoder->entry(encode->file->state, entry, raw));
    if (result == -EOPNOTSUPP || result == -EMSGSIZE || result == -ECHRNG)
        return refuse(encode, entry, result);
    if (result < 0)
        return result;
    account(encode, entry, stamp_ns);
    push_when_due(encode, stamp_ns);
    return 0;
}
