#include "can/trace/writer_pretrigger.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

/* In front of every frame. A record is in one piece: what is left at the end of the memory and too
 * small for it is passed over. */
struct record {
    uint32_t size; /* of the record, a multiple of 8 */
    uint32_t kind; /* enum canring_trace_kind, or PASSED_OVER: size and kind are all there is */
    uint32_t bus;
    uint32_t reserved;
    uint64_t timestamp_ns;
    uint64_t lost;
    uint64_t frame[];
};

#define PASSED_OVER UINT32_MAX

static_assert(sizeof(struct record) == 32, "frames in records are aligned");

int cr_writer_pretrigger_open(struct cr_writer_pretrigger *kept, size_t bytes, uint64_t keep_ns)
{
    size_t size = bytes & ~(size_t)7;
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (memory == MAP_FAILED)
        return -errno;
    *kept = (struct cr_writer_pretrigger){.memory = memory, .size = size, .keep_ns = keep_ns};
    return 0;
}

void cr_writer_pretrigger_close(struct cr_writer_pretrigger *kept)
{
    if (kept->memory)
        munmap(kept->memory, kept->size);
    *kept = (struct cr_writer_pretrigger){0};
}

static struct record *record_at(const struct cr_writer_pretrigger *kept, size_t place)
{
    return (struct record *)(void *)(kept->memory + place);
}

/* The oldest real record; NULL: there is none. */
static const struct record *oldest(const struct cr_writer_pretrigger *kept)
{
    if (!kept->used)
        return NULL;
    const struct record *record = record_at(kept, kept->first);
    return record->kind == PASSED_OVER ? record_at(kept, 0) : record;
}

static void drop_record(struct cr_writer_pretrigger *kept)
{
    uint32_t size = record_at(kept, kept->first)->size;

    kept->used -= size;
    kept->first = kept->first + size == kept->size ? 0 : kept->first + size;
}

void cr_writer_pretrigger_drop(struct cr_writer_pretrigger *kept)
{
    if (record_at(kept, kept->first)->kind == PASSED_OVER)
        drop_record(kept);
    drop_record(kept);
}

static void drop_what_is_too_old(struct cr_writer_pretrigger *kept, uint64_t now_ns)
{
    const struct record *record;

    while ((record = oldest(kept)) != NULL && record->timestamp_ns < now_ns &&
           now_ns - record->timestamp_ns > kept->keep_ns)
        cr_writer_pretrigger_drop(kept);
}

/* Where `size` bytes in one piece are free now. */
static struct record *claim(struct cr_writer_pretrigger *kept, size_t size)
{
    size_t to_end = kept->size - kept->end;
    size_t passed_over = size > to_end ? to_end : 0;

    while (kept->size - kept->used < size + passed_over)
        cr_writer_pretrigger_drop(kept);
    if (passed_over) {
        struct record *rest = record_at(kept, kept->end);
        rest->size = (uint32_t)passed_over;
        rest->kind = PASSED_OVER;
        kept->end = 0;
    }
    struct record *record = record_at(kept, kept->end);
    kept->used += size + passed_over;
    kept->end = kept->end + size == kept->size ? 0 : kept->end + size;
    return record;
}

void cr_writer_pretrigger_add(struct cr_writer_pretrigger *kept,
                              const struct canring_trace_entry *entry)
{
    size_t size = sizeof(struct record) + (entry->frame ? (entry->frame->size + 7u) & ~7u : 0);
    uint64_t stamp_ns = entry->frame ? entry->frame->timestamp_ns : entry->timestamp_ns;

    drop_what_is_too_old(kept, stamp_ns);
    struct record *record = claim(kept, size);
    *record = (struct record){.size = (uint32_t)size,
                              .kind = entry->kind,
                              .bus = entry->bus,
                              .timestamp_ns = stamp_ns,
                              .lost = entry->lost};
    if (entry->frame)
        canring_frame_copy((struct canring_frame *)(void *)record->frame, entry->frame);
}

bool cr_writer_pretrigger_first(const struct cr_writer_pretrigger *kept,
                                struct canring_trace_entry *entry)
{
    const struct record *record = oldest(kept);

    if (!record)
        return false;
    *entry = (struct canring_trace_entry){.kind = (enum canring_trace_kind)record->kind,
                                          .bus = record->bus,
                                          .timestamp_ns = record->timestamp_ns,
                                          .lost = record->lost};
    if (record->kind == CANRING_TRACE_FRAME)
        entry->frame = (const struct canring_frame *)(const void *)record->frame;
    return true;
}
