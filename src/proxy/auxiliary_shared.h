/* One auxiliary's shared memory and its doorbell.
 *
 * The auxiliary's process creates it, holds its flock() while it lives, and serves requests from
 * it; handles in any process of the same user attach. It knows nothing of what requests mean.
 * Everybody who attaches may write all of it: an auxiliary and its handles trust each other not to
 * be hostile, but not to live.
 *
 *   page 0  header   page 1  locks and words of the callers
 *   pages 2..7       producer and consumer sides of the rings: requests, replies, reports
 *   page 8…          their slots
 */
#ifndef CANRING_AUXILIARY_SHARED_H
#define CANRING_AUXILIARY_SHARED_H

#include <stdatomic.h>
#include <stddef.h>

#include <canring/ring.h>

#include "shm/lock.h"
#include "shm/region.h"

#define CR_AUXILIARY_MAGIC "canraux"
#define CR_AUXILIARY_NAME  64
/* 256 KiB each way: two replies of the largest size, one of them late and unread, always fit. */
#define CR_AUXILIARY_SLOTS 8192u

enum cr_auxiliary_state { CR_AUXILIARY_SERVING, CR_AUXILIARY_CLOSED };
enum cr_auxiliary_ring { CR_REQUESTS, CR_REPLIES, CR_REPORTS, CR_RINGS };

struct cr_auxiliary_header {
    char magic[8];
    uint32_t byte_order;
    _Atomic uint32_t version; /* stored last, with release; 0 = not ready */
    uint32_t header_bytes;
    uint32_t page_bytes;
    uint32_t slots;      /* of each ring */
    uint32_t lock_bytes; /* of the locks: differs between machines' ABIs */
    uint64_t total_bytes;
    uint64_t generation; /* differs for each process that has served under this name */
    uint32_t pid;
    _Atomic uint32_t state;    /* enum cr_auxiliary_state */
    _Atomic uint32_t instance; /* 0 or 1 */
    _Atomic uint32_t arrivals; /* a futex, bumped when something to receive has come */
    char name[CR_AUXILIARY_NAME];
    uint8_t reserved[64]; /* zero */
};

_Static_assert(offsetof(struct cr_auxiliary_header, version) == 12, "shared layout");
_Static_assert(offsetof(struct cr_auxiliary_header, total_bytes) == 32, "shared layout");
_Static_assert(offsetof(struct cr_auxiliary_header, state) == 52, "shared layout");
_Static_assert(offsetof(struct cr_auxiliary_header, name) == 64, "shared layout");
_Static_assert(sizeof(struct cr_auxiliary_header) == 192, "shared layout");

struct cr_auxiliary_callers {
    struct cr_lock call;      /* lock_it, and whoever waits for a reply */
    struct cr_lock request;   /* the producer's end of the requests: held briefly */
    struct cr_lock report;    /* the consumer's end of the reports */
    _Atomic uint64_t ids;     /* requests made so far */
    _Atomic uint64_t awaited; /* id of the request whose reply somebody waits for, 0 = none */
    _Atomic uint32_t arrival_waiters;
};

/* One side's view. */
struct cr_auxiliary_shared {
    struct cr_region region;
    struct cr_mapping mapping;
    int guard;
    int bell; /* a FIFO: whoever writes to it wakes the auxiliary */
    char name[CR_AUXILIARY_NAME];
    struct cr_auxiliary_header *header;
    struct cr_auxiliary_callers *callers;
    struct canring_ring rings[CR_RINGS];
};

/* Create as the auxiliary `name`. -EEXIST one of that name runs; -EINVAL the name; those of
 * cr_region_create. A leftover of a dead one is replaced. */
int cr_auxiliary_shared_create(struct cr_auxiliary_shared *shared, const char *name,
                               struct canring_error *err);
/* Open for business: what precedes is visible to whoever attaches. */
void cr_auxiliary_shared_ready(struct cr_auxiliary_shared *shared);

/* Attach as a caller. -ENOENT it does not run; -EAGAIN it is starting; -EPROTO, -EPROTONOSUPPORT,
 * -EBADMSG it is another version's. */
int cr_auxiliary_shared_attach(struct cr_auxiliary_shared *shared, const char *name,
                               struct canring_error *err);

/* True while the process that serves lives and has not closed. One system call. */
bool cr_auxiliary_shared_alive(const struct cr_auxiliary_shared *shared);

/* True until that process has let go of the name. One system call. */
bool cr_auxiliary_shared_held(const struct cr_auxiliary_shared *shared);

/* Unmap; the creator also removes the names. */
void cr_auxiliary_shared_close(struct cr_auxiliary_shared *shared);

/* In a child after fork(): let go of what belongs to the parent, removing nothing. */
void cr_auxiliary_shared_forget(struct cr_auxiliary_shared *shared);

/* Remove what an auxiliary that was killed left behind; a living one's stays. */
void cr_auxiliary_shared_clean(const char *name);

/* Ends of a ring, taken over from whoever had them before: nobody else may use that side. Unlike
 * canring_producer_init the cost does not grow with the ring: every publish poisons instead. */
void cr_auxiliary_producer(struct canring_producer *p, const struct canring_ring *ring, int bell);
void cr_auxiliary_consumer(struct canring_consumer *c, const struct canring_ring *ring, int bell);

#endif
