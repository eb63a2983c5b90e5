/* A ring against a queue: producers that do anything a producer may, in any order, and die between
 * any two stores; a consumer that looks at any moment; and what it finds compared with what was
 * published. late_stores.h has the memory between them.
 *
 *   test_ring_model                              the runs that every test run makes
 *   test_ring_model SEED [OPERATIONS [START]]    one run, from START on, a multiple of 32
 *
 * Checked at every step: a record published is read, once, in order, as it was written (nothing is
 * lost, nothing unread overwritten); nothing else passes for one, whatever payload lies where a
 * sequence goes; room is refused only when there is none; a successor goes on right behind what
 * was published. A failure prints the three arguments that repeat its run, the operation in which
 * it came, and both ends.
 *
 * All choices come from the seed. Payload is what sequences would be, in this lap or the next.
 */
#include "ring_model.h"

static uint8_t scratch[2 * BYTES];

/* Payload for `bytes` of slots from `position`: the first word of each slot the sequence that it
 * would have in this lap, the next, or another near; often followed by a size that is possible. */
static void forge(uint8_t *to, uint64_t position, uint32_t bytes)
{
    const uint32_t usual = one_in(2) ? 1 : random_below(8) < 6 ? 0 : random_below(4);
    for (uint32_t i = 0; i < bytes; i += CANRING_SLOT, to += CANRING_SLOT) {
        const uint32_t lap = one_in(8) ? random_below(3) : usual;
        const uint32_t sequence = (uint32_t)position + i + lap * BYTES + 1;
        const uint32_t word = random_below(UINT32_MAX);
        for (uint32_t at = sizeof(sequence); at < CANRING_SLOT; at += sizeof(word)) {
            const uint32_t other = word + at * 0x9e3779b1u;
            memcpy(to + at, &other, sizeof(other));
        }
        memcpy(to, &sequence, sizeof(sequence));
        if (one_in(2)) {
            const uint16_t size = (uint16_t)(CANRING_RECORD_HEADER + random_below(56));
            memcpy(to + sizeof(sequence), &size, sizeof(size));
        }
    }
}

static uint32_t random_size(void)
{
    if (model.habits.short_records)
        return one_in(400) ? 33 + random_below(300) : 8 + random_below(25);
    switch (random_below(8)) {
    case 0:
        return 8 + random_below(25);
    case 1:
        return 32;
    case 2:
        return 33 + random_below(40);
    case 3:
        return 8 + random_below(LONGEST - 7);
    case 4:
        return 32 * (1 + random_below(8));
    case 5:
        return 96;
    default:
        return 8 + random_below(90);
    }
}

/* What is claimed for a record of `size` bytes, up to all but one slot. */
static uint32_t random_claim(uint32_t size)
{
    if (!one_in(model.habits.short_records ? 400 : 3))
        return size;
    const uint32_t claimed = size + random_below(one_in(2) ? 100 : ROOM);
    return claimed < ROOM ? claimed : ROOM;
}

/* Plain stores to the slots [from, end) follow. */
static void drain_slots(uint64_t from, uint64_t end)
{
    const uint64_t to_wrap = BYTES - from % BYTES;
    const uint64_t count = end - from, before = count < to_wrap ? count : to_wrap;
    drain_bytes(model.ring.slots + from % BYTES, before);
    drain_bytes(model.ring.slots, count - before);
}

enum finish { ABANDON, COMMIT, SEND };

/* False when there is no room. */
static bool write_record(uint32_t size, uint32_t claimed, enum finish finish)
{
    const uint64_t head = model.p.head, end = head + canring_ring_stride(claimed);
    if (one_in(4))
        check_room(canring_ring_fits(&model.p, claimed), end);
    uint8_t *slot = canring_ring_claim(&model.p, claimed);
    check_room(slot != NULL, end);
    if (!slot)
        return false;
    drain_slots(head, end);
    forge(scratch, head, (uint32_t)(end - head));
    memcpy(slot + HEADER, scratch + HEADER, end - head - HEADER);
    give_turn();
    if (finish == ABANDON)
        return true;
    expect_at(head, scratch, size);
    if (finish == SEND)
        canring_ring_send(&model.p, size);
    else
        canring_ring_commit(&model.p, size);
    return true;
}

static void write_random(enum finish finish)
{
    const uint32_t size = random_size();
    write_record(size, random_claim(size), finish);
}

static void claim_only(void)
{
    write_random(ABANDON);
}

static void claim_and_commit(void)
{
    write_random(COMMIT);
}

static void claim_and_send(void)
{
    write_random(SEND);
}

static void put(void)
{
    const uint32_t size = random_size(), stride = canring_ring_stride(size);
    const uint64_t head = model.p.head;
    drain_slots(head, head + stride);
    forge(scratch, head, stride);
    expect_at(head, scratch, size); /* nothing is published before the return */
    const bool room = canring_ring_put(&model.p, scratch, size);
    check_room(room, head + stride);
    if (!room)
        cpu.committed--;
}

static void put_run(void)
{
    const uint64_t head = model.p.head, committed = cpu.committed;
    uint32_t bytes = 0;
    for (uint32_t n = 1 + random_below(one_in(4) ? 60 : 6); n; n--) {
        const uint16_t size = (uint16_t)random_size();
        const uint32_t stride = canring_ring_stride(size);
        uint8_t *record = scratch + bytes;
        if (bytes + stride > BYTES)
            break;
        forge(record, head + bytes, stride);
        memcpy(record + sizeof(uint32_t), &size, sizeof(size));
        expect_at(head + bytes, record, size);
        bytes += stride;
    }
    drain_slots(head, head + bytes);
    const bool room = canring_ring_put_run(&model.p, scratch, bytes);
    check_room(room, head + bytes);
    if (!room)
        cpu.committed = committed;
}

static void publish(void)
{
    const struct canring_producer *p = &model.p;
    figures.guessed += p->head != p->first && p->head < p->poison_below && p->head == p->poisoned;
    if (one_in(2))
        canring_ring_publish(&model.p);
    else
        canring_ring_publish_wake(&model.p);
}

/* Batches of one length: the next one's end is guessed right, and something comes in between. */
static void publish_equal_batches(void)
{
    const uint32_t size =
        model.habits.short_records && !one_in(50) ? 8 + random_below(25) : 33 + random_below(200);
    for (uint32_t n = 1 + random_below(40); n; n--) {
        const bool send = one_in(3);
        if (!write_record(size, size, send ? SEND : COMMIT))
            return;
        if (!send && !one_in(6))
            publish();
        if (one_in(9))
            claim_only();
    }
}

/* Another producer takes the ring over. */
static void succeed(void)
{
    const bool init = model.habits.init && (!model.habits.resume || one_in(2));
    uint64_t told;
    drain_all();
    memcpy(&told, &model.ring.producer_side->position, sizeof(told));
    figures.successions++;
    figures.untold += told != end_of_visible();
    cpu.committed = cpu.visible;
    if (one_in(4)) /* a lap of short records over long ones left to read, too */
        model.habits.short_records = !model.habits.short_records;
    model.doing = init ? "canring_producer_init" : "cr_producer_resume";
    model.born = model.operation;
    if (init)
        canring_producer_init(&model.p, &model.ring);
    else
        cr_producer_resume(&model.p, &model.ring);
    if (model.p.broken || model.p.head != end_of_visible())
        fail_run("a successor does not go on behind what was published");
}

/* --- the run --- */

static void change_habits(void)
{
    if (one_in(5000) || !model.operation) {
        const uint32_t takeover = random_below(3);
        model.habits.short_records = one_in(2);
        model.habits.init = takeover != 0;
        model.habits.resume = takeover != 1;
        model.habits.consumers_change = one_in(2);
        model.habits.lifetime = one_in(2) ? 500 : 0;
    }
    if (one_in(2000) || !model.operation)
        model.habits.patience = one_in(5) ? 0 : 1 + random_below(40);
    if (!model.habits.patience && one_in(300))
        model.habits.patience = 1 + random_below(4);
}

static void idle(void)
{
    give_turn();
    if (one_in(model.habits.lifetime ? 40 : 4))
        succeed(); /* what it has not published is dropped */
}

static void operate(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } operations[] = {
        {"claim", claim_only},
        {"claim", claim_only},
        {"claim and commit", claim_and_commit},
        {"claim and commit", claim_and_commit},
        {"claim and commit", claim_and_commit},
        {"put", put},
        {"put", put},
        {"put_run", put_run},
        {"put_run", put_run},
        {"claim and send", claim_and_send},
        {"claim and send", claim_and_send},
        {"publish", publish},
        {"publish", publish},
        {"publish", publish},
        {"equal batches", publish_equal_batches},
        {"idle", idle},
    };
    const uint32_t i = random_below(sizeof(operations) / sizeof(*operations));
    model.doing = operations[i].name;
    operations[i].run();
}

static void step(void)
{
    if (model.dead) {
        model.dead = false;
        cpu.die_in = one_in(4) ? 1 + random_below(130) : 0; /* also while it takes over */
        succeed();
    }
    change_habits();
    if (!cpu.die_in && model.operation - model.born >= model.habits.lifetime)
        cpu.die_in = 1 + random_below(400);
    operate();
    if (one_in(16))
        drain_all();
    if (one_in(8))
        check_unread();
}

static void begin(uint64_t seed, uint64_t operations, uint64_t start)
{
    memset(&cpu, 0, sizeof(cpu));
    memset(&model, 0, sizeof(model));
    random_state = seed;
    model.seed = seed;
    model.operations = operations;
    model.start = start;
    assert_int_equal(canring_ring_create(&model.ring, SLOTS, NULL), 0);
    cpu.other = consumer_turn;
    cpu.in_other = true; /* stores are not late as yet */
    atomic_store_explicit(&model.ring.producer_side->position, start, memory_order_relaxed);
    atomic_store_explicit(&model.ring.consumer_side->position, start, memory_order_relaxed);
    canring_consumer_init(&model.c, &model.ring);
    canring_producer_init(&model.p, &model.ring);
    cpu.in_other = false;
}

/* Everything published comes out. */
static void end(void)
{
    model.doing = "end";
    cpu.die_in = 0;
    if (model.dead)
        succeed();
    canring_ring_publish(&model.p);
    drain_all();
    cpu.in_other = true;
    while (model.consumed < cpu.visible)
        read_one();
    read_one();
    if (cpu.visible != cpu.committed || model.c.next != model.p.first)
        fail_run("records were lost at the end");
    canring_ring_destroy(&model.ring);
}

static void run(uint64_t seed, uint64_t operations, uint64_t start)
{
    begin(seed, operations, start);
    if (setjmp(cpu.death)) {
        cpu.in_other = false;
        model.dead = true;
        figures.deaths++;
        model.operation++;
    }
    for (; model.operation < model.operations; model.operation++)
        step();
    end();
}

/* --- which runs --- */

struct course {
    uint64_t seed, operations, start;
    unsigned runs; /* of consecutive seeds */
};

static void print_figures(void)
{
    print_message("%" PRIu64 " records read, %" PRIu64 " times no room, %" PRIu64
                  " guesses right, %" PRIu64 " deaths, %" PRIu64 " successions, %" PRIu64
                  " of them behind what was not told\n",
                  figures.read, figures.refused, figures.guessed, figures.deaths,
                  figures.successions, figures.untold);
}

static void ring_is_a_queue(void **state)
{
    const struct course *course = *state;
    memset(&figures, 0, sizeof(figures));
    for (unsigned i = 0; i < course->runs; i++)
        run(course->seed + i, course->operations, course->start);
    print_figures();
}

static void ring_is_a_queue_in_all_that_can_happen(void **state)
{
    ring_is_a_queue(state);
    assert_true(figures.read && figures.refused && figures.guessed);
    assert_true(figures.deaths && figures.untold);
}

static struct course first_laps = {100, 400, 0, 1000};
static struct course near_wrap = {2000, 2000, (UINT64_C(1) << 32) - 2 * BYTES, 500};
static struct course late = {3000, 100000, (UINT64_C(1) << 40) + 77 * CANRING_SLOT, 4};
static struct course long_over_wrap = {4000, 400000,
                                       (UINT64_C(3) << 32) - UINT64_C(1000000) * CANRING_SLOT, 5};

static int run_all(void)
{
#define COURSE(name, course)                                                                       \
    {                                                                                              \
        (name), ring_is_a_queue_in_all_that_can_happen, NULL, NULL, (course)                       \
    }
    const struct CMUnitTest tests[] = {
        COURSE("ring_is_a_queue_in_its_first_laps", &first_laps),
        COURSE("ring_is_a_queue_where_sequences_wrap", &near_wrap),
        COURSE("ring_is_a_queue_late_in_its_life", &late),
        COURSE("ring_is_a_queue_for_long", &long_over_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Seed, operations, start. */
static int run_by_hand(int argc, char **argv)
{
    uint64_t numbers[] = {0, 1000000, 0};
    for (int i = 1; i < argc; i++) {
        char *rest = argv[i];
        if (i <= 3)
            numbers[i - 1] = strtoull(argv[i], &rest, 0);
        if (rest == argv[i] || *rest) {
            print_error("usage: test_ring_model [SEED [OPERATIONS [START]]]\n");
            return 2;
        }
    }
    struct course course = {numbers[0], numbers[1], numbers[2], 1};
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(ring_is_a_queue, &course)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return argc > 1 ? run_by_hand(argc, argv) : run_all();
}
