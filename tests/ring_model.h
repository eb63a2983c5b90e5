/* What must come out of a ring, and the consumer that compares it with what does.
 *
 * For test_ring_model.c. The ring's code is compiled in, with its loads and stores replaced by
 * those of late_stores.h; the consumer is the other processor there.
 */
#ifndef CANRING_TESTS_RING_MODEL_H
#define CANRING_TESTS_RING_MODEL_H

#include "check.h"

#include "late_stores.h"

#include "shm/ring.c" /* NOLINT(bugprone-suspicious-include) */

#include <inttypes.h>
#include <stdlib.h>

#define SLOTS   CANRING_SLOTS_MIN
#define LONGEST (SLOTS / 2 * CANRING_SLOT)
#define HEADER  6u                     /* sequence and size: the ring's own */
#define BYTES   (SLOTS * CANRING_SLOT) /* of a lap */
#define ROOM    (BYTES - CANRING_SLOT) /* one slot stays free */

enum { RECORDS = 256 }; /* more than a ring holds, and a run on top */

struct expected {
    uint64_t position;
    uint32_t size;
    uint8_t bytes[LONGEST];
};

/* How producers and consumer behave for a while. */
struct habits {
    bool short_records;    /* nearly all of one slot */
    bool init, resume;     /* how successors take over: either, or both */
    bool consumers_change; /* the next one begins behind what the last released */
    uint32_t lifetime;     /* operations that a producer has before it may die */
    uint32_t patience;     /* one turn in so many reads; 0 = none */
};

/* How often what can happen did. */
static struct {
    uint64_t read, refused, guessed, deaths, successions, untold;
} figures;

static struct {
    struct canring_ring ring;
    struct canring_producer p;
    struct canring_consumer c;
    struct expected expected[RECORDS];
    uint64_t consumed, released; /* records */
    struct habits habits;
    uint64_t seed, operations, start;
    uint64_t operation, born; /* now; when the producer began */
    const char *doing;
    bool dead;
} model;

static void fail_run(const char *what)
{
    fail_msg("%s\n  run %#" PRIx64 " %" PRIu64 " %#" PRIx64 ": operation %" PRIu64 ", %s\n"
             "  producer: first %#" PRIx64 " head %#" PRIx64 " limit %#" PRIx64
             " poison_below %#" PRIx64 " poisoned %#" PRIx64 "\n"
             "  consumer: next %#" PRIx64 " released %#" PRIx64 "\n"
             "  records: committed %" PRIu64 " visible %" PRIu64 " consumed %" PRIu64
             " released %" PRIu64,
             what, model.seed, model.operations, model.start, model.operation, model.doing,
             model.p.first, model.p.head, model.p.limit, model.p.poison_below, model.p.poisoned,
             model.c.next, model.c.released, cpu.committed, cpu.visible, model.consumed,
             model.released);
}

static bool same_payload(const uint8_t *record, const struct expected *e)
{
    return memcmp(record + HEADER, e->bytes + HEADER, e->size - HEADER) == 0;
}

static void read_one(void)
{
    uint32_t size = 0;
    const struct canring_record *record = canring_ring_peek(&model.c, &size);
    if (model.c.broken)
        fail_run("the consumer found an impossible size");
    if (model.consumed == cpu.visible) {
        if (record)
            fail_run("what is no published record passed for one");
        return;
    }
    const struct expected *e = &model.expected[model.consumed % RECORDS];
    if (!record || model.c.next != e->position)
        fail_run("a published record is not seen");
    if (size != e->size || !same_payload((const uint8_t *)record, e))
        fail_run("a record is not what was published");
    canring_ring_consume(&model.c);
    model.consumed++;
    figures.read++;
}

static void release(void)
{
    if (one_in(2))
        canring_ring_release(&model.c);
    else
        canring_ring_release_wake(&model.c);
    model.released = model.consumed;
}

static void consumer_turn(void)
{
    uint32_t size = 0;
    if (model.habits.patience && one_in(model.habits.patience)) {
        for (uint32_t n = random_below(1 + random_below(20)); n; n--)
            read_one();
        if (one_in(2))
            release();
        if (model.habits.consumers_change && one_in(50)) {
            canring_consumer_init(&model.c, &model.ring);
            model.consumed = model.released;
        }
    } else if (model.consumed == cpu.visible || one_in(8)) { /* only look */
        const bool seen = canring_ring_peek(&model.c, &size) != NULL;
        if (model.c.broken || seen != (model.consumed != cpu.visible))
            fail_run("what is seen is not what was published");
    }
}

/* Also what the consumer will come to later is still as it was published. */
static void check_unread(void)
{
    for (uint64_t n = model.released; n < cpu.visible; n++) {
        const struct expected *e = &model.expected[n % RECORDS];
        const uint8_t *slot = model.ring.slots + e->position % BYTES;
        uint32_t sequence;
        uint16_t size;
        memcpy(&sequence, slot, sizeof(sequence));
        memcpy(&size, slot + sizeof(sequence), sizeof(size));
        if (sequence != (uint32_t)e->position + 1 || size != e->size || !same_payload(slot, e))
            fail_run("a record was overwritten before it was read");
    }
}

/* --- what producers have to say --- */

/* The record with these bytes is committed at `position`, or about to be. */
static void expect_at(uint64_t position, const uint8_t *bytes, uint32_t size)
{
    struct expected *e = &model.expected[cpu.committed % RECORDS];
    e->position = position;
    e->size = size;
    memcpy(e->bytes, bytes, size);
    cpu.committed++;
}

/* Whether there was room up to `end` was the answer of a moment ago: the consumer can have released
 * some since when it was yes, and has done nothing since when it was no. */
static void check_room(bool room, uint64_t end)
{
    const bool released = end <= model.c.released + ROOM;
    if (model.p.broken)
        fail_run("the producer thinks that the ring is broken");
    if (room && !released)
        fail_run("room was given that is not released");
    if (!room && released)
        fail_run("room was refused that is there");
    figures.refused += !room;
}

static uint64_t end_of_visible(void)
{
    if (!cpu.visible)
        return model.start;
    const struct expected *e = &model.expected[(cpu.visible - 1) % RECORDS];
    return e->position + canring_ring_stride(e->size);
}

#endif
