/* The shared object of an in-memory bus: what is in it, who may join, who is still there.
 *
 * Used by virtual*.c. No daemon keeps it: the first participant makes it, the last one
 * removes it, and one that was killed is noticed because the kernel drops its lock. Participants
 * trust each other's care, not each other's memory: what is read from here is checked before
 * use, and nothing here is ever a pointer.
 *
 * Locks are open-file-description byte ranges of the object, never process ids: byte 0 is held
 * while joining and leaving, byte 1 + n for as long as the participant at node n lives. A child
 * that a participant forks shares its locks until it execs or exits.
 */
#ifndef CANRING_VIRTUAL_OBJECT_H
#define CANRING_VIRTUAL_OBJECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <canring/error.h>

#include "shm/region.h"

#define CR_VBUS_MAGIC      0x53554256u /* "VBUS", and byte order with it */
#define CR_VBUS_VERSION    1u
#define CR_VBUS_NODES      64u
#define CR_VBUS_SLOTS      65536u /* of 32 bytes, a power of two */
#define CR_VBUS_SLOT_BYTES 32u
#define CR_VBUS_RING_BYTES ((uint64_t)CR_VBUS_SLOTS * CR_VBUS_SLOT_BYTES)
#define CR_VBUS_HEAD_BYTES 65536u /* whole pages, whatever their size */

/* Two cache lines each: the adjacent-line prefetcher pairs them. */
struct cr_vbus_node {
    _Alignas(128) _Atomic uint64_t cursor; /* position of its next frame, CR_VBUS_EVICTED */
    uint8_t reserved[120];
};

struct cr_vbus_shared {
    _Atomic uint32_t version; /* stored last; 0 = being made */
    uint32_t magic;
    uint32_t slots, nodes;
    _Atomic uint64_t generations; /* participants there have been */
    /* Writers' line. */
    _Alignas(128) _Atomic uint64_t lock; /* 0, or the key of who holds it */
    _Atomic uint64_t last_stamp;         /* these two: only for who holds the lock */
    _Atomic uint32_t tail;               /* slots before it are free, seen from the head */
    /* Written at every publish, polled by readers. */
    _Alignas(128) _Atomic uint64_t head;
    /* Written when someone falls asleep, comes, or goes. */
    _Alignas(128) _Atomic uint64_t sleepers; /* a bit for each node */
    _Atomic uint64_t members;
    struct cr_vbus_node node[CR_VBUS_NODES];
};

_Static_assert(offsetof(struct cr_vbus_shared, lock) == 128, "layout");
_Static_assert(offsetof(struct cr_vbus_shared, head) == 256, "layout");
_Static_assert(offsetof(struct cr_vbus_shared, sleepers) == 384, "layout");
_Static_assert(offsetof(struct cr_vbus_shared, node) == 512, "layout");
_Static_assert(sizeof(struct cr_vbus_node) == 128, "layout");
_Static_assert(sizeof(struct cr_vbus_shared) <= CR_VBUS_HEAD_BYTES, "layout");

/* One participant's view. */
struct cr_vbus {
    struct cr_region region;
    struct cr_mapping mapping;
    int guard;
    struct cr_vbus_shared *shared;
    uint8_t *ring; /* mapped twice, back to back */
    unsigned node;
    uint64_t key;      /* generation << 32 | node + 1: nobody has it twice */
    uint64_t position; /* of the next frame to read; what `cursor` is, kept out of others' reach */
    bool reads;        /* has looked for frames: its owner means to read */
    struct {           /* readers that were in the way of this writer */
        uint64_t cursor, since_ns;
    } slow[CR_VBUS_NODES];
};

/* Make or find the object and take a node; reading starts at the present head. Waits for up to
 * 2 s for others that are joining or leaving. Errors: -EUSERS all nodes are taken; -EBUSY someone
 * holds the object and does not go on; -EPERM it is another user's; -EPROTO made by another version
 * or damaged; -ENOSPC /dev/shm is too small. */
int cr_vbus_attach(struct cr_vbus *vbus, const char *object, struct canring_error *err);

/* Leave: nobody waits for this reader any more. True when nobody else is there: the caller removes
 * what else belongs to the bus, others that join wait until cr_vbus_detach. */
bool cr_vbus_leave(struct cr_vbus *vbus);
/* Close; `last` as cr_vbus_leave said, then the object's name goes too. */
void cr_vbus_detach(struct cr_vbus *vbus, bool last);

/* Whether the participant at `node` lives. Makes a system call. One's own node is "not alive":
 * locks of the same opening do not conflict. */
bool cr_vbus_alive(const struct cr_vbus *vbus, unsigned node);

#endif
