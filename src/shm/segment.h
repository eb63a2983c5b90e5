/* One channel's shared memory: a ring each way, who owns it, and counters.
 *
 * The proxy (owner) creates it, one auxiliary (user) attaches to it. Each side can write only the
 * pages that it is the writer of. A segment serves one user: for the next one the owner makes a
 * new one, so that whoever still holds the old cannot disturb.
 *
 *   page 0  header      owner writes      page 3  rx producer side   owner
 *   page 1  counters    owner             page 4  rx consumer side   user
 *   page 2  counters    user              page 5  tx producer side   user
 *                                         page 6  tx consumer side   owner
 *   page 7… rx slots    owner             then    tx slots           user
 */
#ifndef CANRING_SEGMENT_H
#define CANRING_SEGMENT_H

#include <canring/ring.h>

#include "shm/huge.h"
#include "shm/region.h"

#define CR_SEGMENT_MAGIC      "canring"
#define CR_SEGMENT_BYTE_ORDER 0x01020304u
#define CR_SEGMENT_NAME       64

enum cr_segment_state { CR_SEGMENT_OPEN, CR_SEGMENT_CLOSED };

struct cr_segment_header {
    char magic[8];
    uint32_t byte_order;
    _Atomic uint32_t version; /* stored last, with release; 0 = not ready */
    uint32_t header_bytes;
    uint32_t page_bytes;
    uint32_t slot_bytes;
    uint32_t rx_slots; /* owner to user */
    uint32_t tx_slots; /* user to owner */
    uint32_t owner_pid;
    uint64_t total_bytes;
    uint64_t created_ns;       /* CLOCK_REALTIME */
    _Atomic uint32_t state;    /* enum cr_segment_state */
    _Atomic uint32_t user_pid; /* for people who look: 0 = nobody yet */
    char proxy[CR_SEGMENT_NAME];
    char channel[CR_SEGMENT_NAME];
    uint32_t align;         /* rings begin at multiples of this: CR_HUGE_PAGE, or 0 = of a page */
    uint32_t reserved_word; /* zero */
    /* Records of the rx ring before this position are not to be read any more; here, and not among
     * the counters, since the user looks at it all the time and it hardly ever changes. */
    _Atomic uint64_t rx_emptied;
    uint8_t reserved[240]; /* zero */
};

_Static_assert(offsetof(struct cr_segment_header, version) == 12, "shared layout");
_Static_assert(offsetof(struct cr_segment_header, total_bytes) == 40, "shared layout");
_Static_assert(offsetof(struct cr_segment_header, state) == 56, "shared layout");
_Static_assert(offsetof(struct cr_segment_header, proxy) == 64, "shared layout");
_Static_assert(offsetof(struct cr_segment_header, align) == 192, "shared layout");
_Static_assert(offsetof(struct cr_segment_header, rx_emptied) == 200, "shared layout");
_Static_assert(sizeof(struct cr_segment_header) == 448, "shared layout");

/* Totals since the segment was made. Written by one side, read by anybody. */
struct cr_owner_counters {
    _Atomic uint64_t published; /* frames put into the rx ring */
    _Atomic uint64_t dropped;   /* frames this channel should have had and did not get */
    _Atomic uint64_t spilled;   /* frames that waited in the owner's memory first */
    _Atomic uint64_t spill_now; /* frames waiting there */
    _Atomic uint64_t filtered;  /* frames its filters kept away */
    _Atomic uint64_t taken;     /* frames read from the tx ring */
    _Atomic uint64_t refused;   /* of those, malformed or not allowed */
    _Atomic uint64_t failed;    /* frames of anybody that the bus never took */
    _Atomic uint64_t settled;   /* of `taken`: it is known whether the bus took them */
};

struct cr_user_counters {
    _Atomic uint64_t received; /* frames read from the rx ring */
    _Atomic uint64_t sent;     /* frames put into the tx ring */
    _Atomic uint64_t full;     /* sends that found no room */
    _Atomic uint64_t emptied;  /* frames not read, but passed over for rx_emptied */
};

/* One side's view of a segment. */
struct cr_segment {
    struct cr_region region;
    struct cr_mapping mapping;
    int guard;
    struct cr_segment_header *header;
    struct cr_owner_counters *owner;
    struct cr_user_counters *user;
    struct canring_ring rx, tx;
};

struct cr_segment_geometry {
    const char *proxy, *channel; /* at most 63 characters */
    uint32_t rx_slots, tx_slots; /* powers of two, CANRING_SLOTS_MIN..MAX */
    gid_t group;                 /* (gid_t)-1 = nobody else */
    bool huge; /* rings in huge pages: each fills some, see cr_segment_huge_slots */
};

/* Create under `name` (as shm_open takes it). Errors of cr_region_create, and -EINVAL for the
 * geometry. */
int cr_segment_create(struct cr_segment *segment, const char *name,
                      const struct cr_segment_geometry *geometry, struct canring_error *err);

/* Attach as the user. Every mismatch has its own text: -ENOENT, -EPROTO not ours, -EAGAIN not ready
 * yet, -EPROTONOSUPPORT other version, -ENOEXEC other byte order, -EBADMSG geometry or size
 * impossible. */
int cr_segment_attach(struct cr_segment *segment, const char *name, struct canring_error *err);

/* The owner's look at a segment of its own: still of the size and with the header that it gave it?
 * A group's members may write to both. */
bool cr_segment_intact(const struct cr_segment *segment);

/* Unmap; the owner also removes the name. */
void cr_segment_close(struct cr_segment *segment);

/* True when the other side took the memory away. */
bool cr_segment_lost(const struct cr_segment *segment);

/* Bytes of a segment of that geometry. */
uint64_t cr_segment_bytes(uint32_t rx_slots, uint32_t tx_slots, bool huge);

/* Whether a ring of that many slots fills huge pages; the least that does. */
#define CR_HUGE_SLOTS ((uint32_t)(CR_HUGE_PAGE / CANRING_SLOT))
bool cr_segment_huge_slots(uint32_t slots);

/* One side's own count: a single writer needs no read-modify-write. */
static inline void cr_count(_Atomic uint64_t *counter, uint64_t add)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + add, memory_order_relaxed);
}

static inline uint64_t cr_counted(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
