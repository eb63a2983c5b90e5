#include <canring/ring.h>

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/huge.h"
#include "shm/region.h"
#include "shm/resume.h"

/* A ring of such a size lies on huge pages where the kernel gives some: a lap of it takes too many
 * small ones for the processor to know their addresses. */
static bool fills_huge_pages(size_t slots)
{
    return slots % CR_HUGE_PAGE == 0;
}

static size_t slots_at(size_t slots)
{
    return fills_huge_pages(slots) ? CR_HUGE_PAGE : 2 * cr_page_size();
}

/* Both sides' pages, then the slots; on huge pages, or not. */
static int map(struct canring_ring *ring, const struct cr_region *region, size_t slots, bool huge,
               struct canring_error *err)
{
    const size_t page = cr_page_size();
    struct cr_piece pieces[] = {
        {.offset = 0, .bytes = page, .writable = true},
        {.offset = page, .bytes = page, .writable = true},
        {.offset = slots_at(slots),
         .bytes = slots,
         .writable = true,
         .huge = huge,
         .collapse = huge,
         .twice = true},
    };
    struct cr_mapping mapping = {0};
    int result = cr_region_map(region, pieces, 3, &mapping, err);

    if (result < 0)
        return result;
    *ring = (struct canring_ring){.slots = pieces[2].address,
                                  .capacity = (uint32_t)(slots / CANRING_SLOT),
                                  .producer_side = pieces[0].address,
                                  .consumer_side = pieces[1].address,
                                  .base = mapping.base,
                                  .bytes = mapping.bytes};
    return 0;
}

int canring_ring_create(struct canring_ring *ring, uint32_t capacity, struct canring_error *err)
{
    *ring = (struct canring_ring){0};
    if (capacity < CANRING_SLOTS_MIN || capacity > CANRING_SLOTS_MAX || (capacity & (capacity - 1)))
        return canring_error_set(err, -EINVAL,
                                 "a ring of %u slots: allowed is a power of two from %u to %u",
                                 capacity, CANRING_SLOTS_MIN, CANRING_SLOTS_MAX);
    const size_t page = cr_page_size(), slots = (size_t)capacity * CANRING_SLOT;
    if (slots % page)
        return canring_error_set(
            err, -EINVAL, "a ring of %u slots is less than a page of %zu bytes", capacity, page);
    struct cr_region region = {.fd = memfd_create("canring", MFD_CLOEXEC),
                               .bytes = slots_at(slots) + slots};
    if (region.fd < 0 || ftruncate(region.fd, (off_t)region.bytes) < 0) {
        int code = -errno;
        cr_region_close(&region);
        return canring_error_set(err, code, "no memory for a ring of %zu bytes: %s", slots,
                                 strerror(-code));
    }
    int result = fills_huge_pages(slots) ? map(ring, &region, slots, true, NULL) : -EOPNOTSUPP;
    if (result < 0)
        result = map(ring, &region, slots, false, err);
    cr_region_close(&region);
    return result;
}

void canring_ring_destroy(struct canring_ring *ring)
{
    struct cr_mapping mapping = {.base = ring->base, .bytes = ring->bytes};
    cr_region_unmap(&mapping);
    *ring = (struct canring_ring){0};
}

static uint64_t mask_of(const struct canring_ring *ring)
{
    return (uint64_t)ring->capacity * CANRING_SLOT - 1;
}

/* No producer or consumer of ours has been in the middle of a slot. */
static bool on_a_slot(uint64_t position)
{
    return position % CANRING_SLOT == 0;
}

/* The end of what was published. The position told may lag behind it: by one batch, when the
 * producer died between P1 and telling. It is found as a consumer would find it. */
static uint64_t published(const struct canring_ring *ring, uint64_t told, uint64_t read)
{
    const uint64_t mask = mask_of(ring), room = canring_ring_room(mask);
    uint64_t head = told < read ? read : told; /* what was read was published */

    while (head - read < room) {
        const struct canring_record *record = canring_ring_at(ring->slots, head, mask);
        if (atomic_load_explicit(&record->sequence, memory_order_acquire) != (uint32_t)head + 1)
            break;
        uint32_t size = atomic_load_explicit(&record->size, memory_order_relaxed);
        if (size < CANRING_RECORD_HEADER || head + canring_ring_stride(size) - read > room)
            break;
        head += canring_ring_stride(size);
    }
    return head;
}

void cr_producer_resume(struct canring_producer *producer, const struct canring_ring *ring)
{
    const uint64_t mask = mask_of(ring), room = canring_ring_room(mask);
    uint64_t head = atomic_load_explicit(&ring->producer_side->position, memory_order_relaxed);
    uint64_t read = atomic_load_explicit(&ring->consumer_side->position, memory_order_acquire);

    *producer = (struct canring_producer){.slots = ring->slots,
                                          .mask = mask,
                                          .own = ring->producer_side,
                                          .peer = ring->consumer_side,
                                          .bell_fd = -1};
    if (!on_a_slot(head) || !on_a_slot(read) || (head >= read ? head - read : read - head) > room) {
        producer->broken = true; /* and full: nothing can be claimed below a limit of 0 */
        return;
    }
    head = published(ring, head, read);
    producer->head = producer->first = head;
    producer->limit = read + room;
    producer->poison_below = UINT64_MAX;
    atomic_store_explicit(&ring->producer_side->position, head, memory_order_relaxed);
}

void canring_producer_init(struct canring_producer *producer, const struct canring_ring *ring)
{
    cr_producer_resume(producer, ring);
    if (producer->broken)
        return;
    const uint64_t free_below = producer->limit + CANRING_SLOT;
    const uint64_t lap_later = producer->head + producer->mask + 1;
    for (uint64_t position = producer->head; position != free_below; position += CANRING_SLOT)
        canring_ring_poison(producer, position);
    /* What is still to be read may have payload where a lap later a sequence goes. */
    producer->poison_below = lap_later == free_below ? 0 : lap_later;
}

void canring_consumer_init(struct canring_consumer *consumer, const struct canring_ring *ring)
{
    uint64_t next = atomic_load_explicit(&ring->consumer_side->position, memory_order_relaxed);
    const uint64_t mask = mask_of(ring), half = (mask + 1) / 2;

    *consumer = (struct canring_consumer){
        .slots = ring->slots,
        .mask = mask,
        .next = next - next % CANRING_SLOT,
        .size = CANRING_RECORD_HEADER, /* a legal one: what equals it is not checked again */
        .stride = CANRING_SLOT,
        .released = next,
        .max_size = half < CANRING_RECORD_MAX ? (uint32_t)half : CANRING_RECORD_MAX,
        .own = ring->consumer_side,
        .peer = ring->producer_side,
        .bell_fd = -1,
        .broken = !on_a_slot(next)};
}
