/* The ring of an in-memory bus: many writers, many readers, every reader gets every frame.
 *
 * Used by virtual.c and virtual_object.c. A position is one word: how many frames there were
 * before it (40 bits) and which slot it is (23 bits). The head is one such word, so a frame is
 * either on the bus with its number or it never was, wherever its writer was killed.
 *
 * Writers take turns under a lock that is only ever tried, never waited for: a participant that
 * stands still must not hold up the threads of others. The kernel tells whether its holder lives.
 *
 *   writer                              reader
 *   lock        (L: acquire)
 *   cursors     (C: acquire)  <-------  cursor := next   (C: release, compare-exchange)
 *   write frames, number them
 *   head := end (H: seq_cst)  ------->  head             (H: acquire)
 *   unlock      (L: release)            copy, check the copy
 *   sleepers?   (S: seq_cst)  <------>  sleepers |= me   (S: seq_cst), then look at head again
 *
 * C: a writer overwrites only what all cursors have passed. A reader moves its cursor by
 *    compare-exchange after it has copied; a writer that gave up on it has set CR_VBUS_EVICTED
 *    there, the exchange fails, and the copies, which may be torn, are thrown away.
 * S: either the reader sees the new head, or the writer sees the sleeper: both go through
 *    one total order.
 * L: taking over a dead holder's lock needs its key, which nobody else will ever have.
 */
#ifndef CANRING_VIRTUAL_RING_H
#define CANRING_VIRTUAL_RING_H

#include "can/virtual_object.h"

#define CR_VBUS_EVICTED    (UINT64_C(1) << 63)
#define CR_VBUS_FRAME_BITS 40
#define CR_VBUS_FRAME_MASK ((UINT64_C(1) << CR_VBUS_FRAME_BITS) - 1)
#define CR_VBUS_SLOT_MASK  ((1u << 23) - 1)
#define CR_VBUS_EVICT_NS   250000000u /* a reader that is in the way and stands still this long */

static inline uint32_t cr_vbus_slot(uint64_t position)
{
    return (uint32_t)(position >> CR_VBUS_FRAME_BITS) & CR_VBUS_SLOT_MASK;
}

static inline uint64_t cr_vbus_frames(uint64_t position)
{
    return position & CR_VBUS_FRAME_MASK;
}

static inline uint64_t cr_vbus_next(uint64_t position, uint32_t slots)
{
    uint64_t slot = (cr_vbus_slot(position) + slots) & CR_VBUS_SLOT_MASK;
    return slot << CR_VBUS_FRAME_BITS | ((position + 1) & CR_VBUS_FRAME_MASK);
}

/* Slots from `from` on to `to`. More than CR_VBUS_SLOTS is nonsense. */
static inline uint32_t cr_vbus_distance(uint64_t from, uint64_t to)
{
    return (cr_vbus_slot(to) - cr_vbus_slot(from)) & CR_VBUS_SLOT_MASK;
}

static inline uint8_t *cr_vbus_at(const struct cr_vbus *vbus, uint64_t position)
{
    size_t slot = cr_vbus_slot(position) & (CR_VBUS_SLOTS - 1);
    return vbus->ring + slot * CR_VBUS_SLOT_BYTES;
}

/* Take the writers' lock. False when another participant has it for longer than a few
 * microseconds. Makes a system call only then. */
bool cr_vbus_lock(struct cr_vbus *vbus);
void cr_vbus_unlock(struct cr_vbus *vbus);

/* With the lock: begin reading at the head. Returns the frames left out. */
uint64_t cr_vbus_skip_to_head(struct cr_vbus *vbus);

/* With the lock: free slots ahead of `head`, of which `need` are wanted. When there are fewer, the
 * dead and those that stood still for CR_VBUS_EVICT_NS are put out of the way. */
uint32_t cr_vbus_room(struct cr_vbus *vbus, uint64_t head, uint32_t need);

/* The reader's step: everything before `next` has been copied. False when it was evicted. */
bool cr_vbus_advance(struct cr_vbus *vbus, uint64_t next);

/* Announce sleep, or take it back. False: there is something to read, do not sleep. */
bool cr_vbus_sleep(struct cr_vbus *vbus);
void cr_vbus_wake_up(struct cr_vbus *vbus);
/* After a publish: the sleepers that this writer has to wake, a bit each; nobody else will. */
uint64_t cr_vbus_sleepers(struct cr_vbus *vbus);

#endif
