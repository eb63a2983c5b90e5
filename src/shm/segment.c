#include "shm/segment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/clock.h"
#include "shm/guard.h"

enum {
    HEADER,
    OWNER_COUNTERS,
    USER_COUNTERS,
    RX_PRODUCER,
    RX_CONSUMER,
    TX_PRODUCER,
    TX_CONSUMER,
    CONTROL_PAGES,
    RX_SLOTS = CONTROL_PAGES,
    TX_SLOTS,
    PIECES
};

static bool slots_allowed(uint32_t slots)
{
    return slots >= CANRING_SLOTS_MIN && slots <= CANRING_SLOTS_MAX && !(slots & (slots - 1)) &&
           (uint64_t)slots * CANRING_SLOT % cr_page_size() == 0;
}

bool cr_segment_huge_slots(uint32_t slots)
{
    return slots > 0 && slots % CR_HUGE_SLOTS == 0;
}

/* Where the rings begin. */
static uint64_t slots_offset(bool huge)
{
    uint64_t control = CONTROL_PAGES * cr_page_size();
    return huge ? (control + CR_HUGE_PAGE - 1) / CR_HUGE_PAGE * CR_HUGE_PAGE : control;
}

uint64_t cr_segment_bytes(uint32_t rx_slots, uint32_t tx_slots, bool huge)
{
    return slots_offset(huge) + ((uint64_t)rx_slots + tx_slots) * CANRING_SLOT;
}

/* `writable` says which of the pages this side writes. */
static int map(struct cr_segment *s, uint32_t rx_slots, uint32_t tx_slots, bool huge,
               const bool writable[PIECES], struct canring_error *err)
{
    struct cr_piece pieces[PIECES];
    const uint64_t page = cr_page_size();
    for (unsigned i = 0; i < CONTROL_PAGES; i++)
        pieces[i] = (struct cr_piece){.offset = i * page, .bytes = page, .writable = writable[i]};
    pieces[RX_SLOTS] = (struct cr_piece){.offset = slots_offset(huge),
                                         .bytes = (uint64_t)rx_slots * CANRING_SLOT,
                                         .writable = writable[RX_SLOTS],
                                         .huge = huge,
                                         .collapse = huge && s->region.owner,
                                         .twice = true};
    pieces[TX_SLOTS] = (struct cr_piece){.offset = pieces[RX_SLOTS].offset + pieces[RX_SLOTS].bytes,
                                         .bytes = (uint64_t)tx_slots * CANRING_SLOT,
                                         .writable = writable[TX_SLOTS],
                                         .huge = huge,
                                         .collapse = huge && s->region.owner,
                                         .twice = true};
    int result = cr_region_map(&s->region, pieces, PIECES, &s->mapping, err);
    if (result < 0)
        return result;
    s->guard = cr_guard_add(&s->mapping);
    s->header = pieces[HEADER].address;
    s->owner = pieces[OWNER_COUNTERS].address;
    s->user = pieces[USER_COUNTERS].address;
    s->rx = (struct canring_ring){.slots = pieces[RX_SLOTS].address,
                                  .capacity = rx_slots,
                                  .producer_side = pieces[RX_PRODUCER].address,
                                  .consumer_side = pieces[RX_CONSUMER].address};
    s->tx = (struct canring_ring){.slots = pieces[TX_SLOTS].address,
                                  .capacity = tx_slots,
                                  .producer_side = pieces[TX_PRODUCER].address,
                                  .consumer_side = pieces[TX_CONSUMER].address};
    return 0;
}

static void write_header(struct cr_segment_header *header,
                         const struct cr_segment_geometry *geometry, uint64_t bytes)
{
    memcpy(header->magic, CR_SEGMENT_MAGIC, sizeof(header->magic));
    header->byte_order = CR_SEGMENT_BYTE_ORDER;
    header->header_bytes = sizeof(*header);
    header->page_bytes = (uint32_t)cr_page_size();
    header->slot_bytes = CANRING_SLOT;
    header->rx_slots = geometry->rx_slots;
    header->tx_slots = geometry->tx_slots;
    header->align = geometry->huge ? (uint32_t)CR_HUGE_PAGE : 0;
    header->owner_pid = (uint32_t)getpid();
    header->total_bytes = bytes;
    header->created_ns = cr_realtime_ns();
    snprintf(header->proxy, sizeof(header->proxy), "%s", geometry->proxy);
    snprintf(header->channel, sizeof(header->channel), "%s", geometry->channel);
    /* Everything above is in place for whoever sees the version. */
    atomic_store_explicit(&header->version, CR_LAYOUT_VERSION, memory_order_release);
}

int cr_segment_create(struct cr_segment *segment, const char *name,
                      const struct cr_segment_geometry *geometry, struct canring_error *err)
{
    static const bool owner_writes[PIECES] = {[HEADER] = true,
                                              [OWNER_COUNTERS] = true,
                                              [RX_PRODUCER] = true,
                                              [TX_CONSUMER] = true,
                                              [RX_SLOTS] = true};
    *segment = (struct cr_segment){.region.fd = -1, .guard = -1};
    if (!slots_allowed(geometry->rx_slots) || !slots_allowed(geometry->tx_slots))
        return canring_error_set(err, -EINVAL,
                                 "channel %s: rings of %u and %u slots; allowed is a power of two "
                                 "from %u to %u that fills whole pages",
                                 geometry->channel, geometry->rx_slots, geometry->tx_slots,
                                 CANRING_SLOTS_MIN, CANRING_SLOTS_MAX);
    if (strlen(geometry->proxy) >= CR_SEGMENT_NAME || strlen(geometry->channel) >= CR_SEGMENT_NAME)
        return canring_error_set(err, -ENAMETOOLONG,
                                 "channel %s of %s: names have at most %d bytes", geometry->channel,
                                 geometry->proxy, CR_SEGMENT_NAME - 1);
    if (geometry->huge &&
        (!cr_segment_huge_slots(geometry->rx_slots) || !cr_segment_huge_slots(geometry->tx_slots)))
        return canring_error_set(err, -EINVAL,
                                 "channel %s: rings of %u and %u slots do not fill huge pages; "
                                 "with huge_pages a ring has at least %u slots",
                                 geometry->channel, geometry->rx_slots, geometry->tx_slots,
                                 CR_HUGE_SLOTS);
    uint64_t bytes = cr_segment_bytes(geometry->rx_slots, geometry->tx_slots, geometry->huge);
    int result = cr_region_create(&segment->region, name, bytes, geometry->group, err);
    if (result == 0)
        result =
            map(segment, geometry->rx_slots, geometry->tx_slots, geometry->huge, owner_writes, err);
    if (result < 0) {
        cr_segment_close(segment);
        return result;
    }
    write_header(segment->header, geometry, bytes);
    return 0;
}

/* Checks a private copy of a header that anybody may have written. */
static int check_header(const struct cr_segment_header *h, uint64_t bytes, const char *name,
                        struct canring_error *err)
{
    uint32_t version = atomic_load_explicit(&h->version, memory_order_relaxed);
    if (version == 0)
        return canring_error_set(err, -EAGAIN, "%s: not ready yet (version 0)", name);
    if (memcmp(h->magic, CR_SEGMENT_MAGIC, sizeof(h->magic)) != 0)
        return canring_error_set(err, -EPROTO, "%s: not a canring segment (no magic)", name);
    if (h->byte_order != CR_SEGMENT_BYTE_ORDER)
        return canring_error_set(err, -ENOEXEC,
                                 "%s: made with another byte order (0x%08x, ours is 0x%08x)", name,
                                 h->byte_order, CR_SEGMENT_BYTE_ORDER);
    if (version != CR_LAYOUT_VERSION)
        return canring_error_set(err, -EPROTONOSUPPORT,
                                 "%s: layout version %u, this library has version %u", name,
                                 version, CR_LAYOUT_VERSION);
    if (h->header_bytes != sizeof(*h) || h->page_bytes != cr_page_size() ||
        h->slot_bytes != CANRING_SLOT)
        return canring_error_set(err, -EBADMSG,
                                 "%s: header of %u bytes, pages of %u, slots of %u; expected %zu, "
                                 "%zu, %u",
                                 name, h->header_bytes, h->page_bytes, h->slot_bytes, sizeof(*h),
                                 cr_page_size(), CANRING_SLOT);
    if (!slots_allowed(h->rx_slots) || !slots_allowed(h->tx_slots))
        return canring_error_set(
            err, -EBADMSG,
            "%s: rings of %u and %u slots; allowed is a power of two from %u to "
            "%u",
            name, h->rx_slots, h->tx_slots, CANRING_SLOTS_MIN, CANRING_SLOTS_MAX);
    if (h->align && (h->align != CR_HUGE_PAGE || !cr_segment_huge_slots(h->rx_slots) ||
                     !cr_segment_huge_slots(h->tx_slots)))
        return canring_error_set(err, -EBADMSG,
                                 "%s: rings of %u and %u slots that begin at multiples of %u bytes",
                                 name, h->rx_slots, h->tx_slots, h->align);
    uint64_t needed = cr_segment_bytes(h->rx_slots, h->tx_slots, h->align != 0);
    if (h->total_bytes != needed || bytes != needed)
        return canring_error_set(err, -EBADMSG,
                                 "%s: %llu bytes, its header says %llu, its rings need %llu", name,
                                 (unsigned long long)bytes, (unsigned long long)h->total_bytes,
                                 (unsigned long long)needed);
    return 0;
}

int cr_segment_attach(struct cr_segment *segment, const char *name, struct canring_error *err)
{
    static const bool user_writes[PIECES] = {
        [USER_COUNTERS] = true, [RX_CONSUMER] = true, [TX_PRODUCER] = true, [TX_SLOTS] = true};
    struct cr_segment_header copy;
    *segment = (struct cr_segment){.region.fd = -1, .guard = -1};
    int result = cr_region_open(&segment->region, name, err);
    if (result < 0)
        return result;
    ssize_t got = pread(segment->region.fd, &copy, sizeof(copy), 0);
    if (got != (ssize_t)sizeof(copy))
        result = canring_error_set(err, -EPROTO, "%s: %llu bytes, less than a segment's header",
                                   name, (unsigned long long)segment->region.bytes);
    if (result == 0)
        result = check_header(&copy, segment->region.bytes, name, err);
    if (result == 0)
        result = map(segment, copy.rx_slots, copy.tx_slots, copy.align != 0, user_writes, err);
    if (result < 0)
        cr_segment_close(segment);
    return result;
}

bool cr_segment_intact(const struct cr_segment *segment)
{
    struct cr_segment_header copy;
    struct stat st;
    return fstat(segment->region.fd, &st) == 0 &&
           pread(segment->region.fd, &copy, sizeof(copy), 0) == (ssize_t)sizeof(copy) &&
           check_header(&copy, (uint64_t)st.st_size, segment->region.name, NULL) == 0 &&
           copy.rx_slots == segment->rx.capacity && copy.tx_slots == segment->tx.capacity;
}

void cr_segment_close(struct cr_segment *segment)
{
    cr_guard_remove(segment->guard);
    segment->guard = -1;
    cr_region_unmap(&segment->mapping);
    cr_region_close(&segment->region);
}

bool cr_segment_lost(const struct cr_segment *segment)
{
    return cr_guard_hit(segment->guard);
}
