#include "check.h"

#include <canring/ring.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAP = CANRING_SLOTS_MIN * CANRING_SLOT };

struct fixture {
    struct canring_ring ring;
    struct canring_producer p;
    struct canring_consumer c;
};

static int setup_with(void **state, uint32_t capacity)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (canring_ring_create(&f->ring, capacity, NULL) < 0)
        return -1;
    canring_producer_init(&f->p, &f->ring);
    canring_consumer_init(&f->c, &f->ring);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, CANRING_SLOTS_MIN);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    canring_ring_destroy(&f->ring);
    free(f);
    return 0;
}

/* Records carry a running number, its size, and bytes that depend on both. */
static uint8_t pattern(uint32_t number, uint32_t at)
{
    return (uint8_t)(number * 31 + at * 7 + 1);
}

static bool claim_record(struct canring_producer *p, uint32_t number, uint32_t size)
{
    uint8_t *bytes = canring_ring_claim(p, size);
    if (!bytes)
        return false;
    memcpy(bytes + 8, &number, sizeof(number));
    for (uint32_t i = 12; i < size; i++)
        bytes[i] = pattern(number, i);
    return true;
}

static bool write_record(struct canring_producer *p, uint32_t number, uint32_t size)
{
    bool claimed = claim_record(p, number, size);
    if (claimed)
        canring_ring_commit(p, size);
    return claimed;
}

/* Size of the record of that number: 12 bytes to over a hundred slots' worth, mostly classic. */
static uint32_t size_of(uint32_t number)
{
    uint32_t mixed = number * 2654435761u >> 8;
    return mixed % 8 ? 32 : 12 + mixed % 2000;
}

static bool intact(const struct canring_record *record, uint32_t number, uint32_t size)
{
    const uint8_t *bytes = (const uint8_t *)record;
    uint32_t found;
    memcpy(&found, bytes + 8, sizeof(found));
    if (found != number || size != size_of(number))
        return false;
    for (uint32_t i = 12; i < size; i++)
        if (bytes[i] != pattern(number, i))
            return false;
    return true;
}

static void capacity_must_be_a_power_of_two_in_range(void **state)
{
    (void)state;
    struct canring_ring ring;
    struct canring_error err;
    assert_int_equal(canring_ring_create(&ring, 64, &err), -EINVAL);
    assert_int_equal(canring_ring_create(&ring, 1000, &err), -EINVAL);
    assert_non_null(strstr(err.text, "power of two from 128 to"));
    assert_int_equal(canring_ring_create(&ring, CANRING_SLOTS_MAX * 2, &err), -EINVAL);
}

static void nothing_is_seen_before_publish_and_all_of_a_batch_after(void **state)
{
    struct fixture *f = *state;
    uint32_t size = 0;
    for (uint32_t i = 0; i < 5; i++)
        assert_true(write_record(&f->p, i, size_of(i)));
    assert_null(canring_ring_peek(&f->c, &size));
    canring_ring_publish(&f->p);
    for (uint32_t i = 0; i < 5; i++) {
        const struct canring_record *record = canring_ring_peek(&f->c, &size);
        assert_non_null(record);
        assert_true(intact(record, i, size));
        canring_ring_consume(&f->c);
    }
    assert_null(canring_ring_peek(&f->c, &size));
}

static void full_ring_refuses_and_goes_on_after_release(void **state)
{
    struct fixture *f = *state;
    uint32_t written = 0, size = 0;
    while (canring_ring_put(&f->p, "\0\0\0\0\0\0\0\0twelve", 12))
        written++;
    assert_int_equal(written, CANRING_SLOTS_MIN - 1); /* one slot stays free */
    canring_ring_publish(&f->p);
    assert_non_null(canring_ring_peek(&f->c, &size));
    canring_ring_consume(&f->c);
    assert_null(canring_ring_claim(&f->p, 12)); /* consumed, not released */
    canring_ring_release(&f->c);
    assert_non_null(canring_ring_claim(&f->p, 12));
    assert_null(canring_ring_claim(&f->p, 33));
}

static void record_over_the_end_is_contiguous(void **state)
{
    struct fixture *f = *state;
    for (uint32_t number = 0, size = 0; number < 5000; number++) {
        assert_true(write_record(&f->p, number, size_of(number)));
        canring_ring_publish(&f->p);
        const struct canring_record *record = canring_ring_peek(&f->c, &size);
        assert_non_null(record);
        assert_true(intact(record, number, size));
        canring_ring_consume(&f->c);
        canring_ring_release(&f->c);
    }
}

/* A payload made of the very values that the sequence of the next lap's heads will have. */
static void payload_that_looks_like_a_sequence_is_never_taken_for_one(void **state)
{
    struct fixture *f = *state;
    uint32_t size = 0;
    for (unsigned round = 0; round < 2000; round++) {
        const uint32_t slots = 1 + round % 60;
        uint8_t *bytes = canring_ring_claim(&f->p, slots * CANRING_SLOT);
        assert_non_null(bytes);
        for (uint32_t i = 1; i < slots; i++) { /* what slot i's head would show a lap later */
            uint32_t forged = (uint32_t)f->p.head + i * CANRING_SLOT + LAP + 1;
            memcpy(bytes + i * CANRING_SLOT, &forged, sizeof(forged));
        }
        canring_ring_commit(&f->p, slots * CANRING_SLOT);
        canring_ring_publish(&f->p);
        assert_non_null(canring_ring_peek(&f->c, &size));
        assert_int_equal(size, slots * CANRING_SLOT);
        canring_ring_consume(&f->c);
        canring_ring_release(&f->c);
        assert_null(canring_ring_peek(&f->c, &size));
    }
}

static void sequences_survive_their_32_bit_wrap(void **state)
{
    struct fixture *f = *state;
    const uint64_t start = (1ull << 32) - 300 * CANRING_SLOT;
    atomic_store(&f->ring.producer_side->position, start);
    atomic_store(&f->ring.consumer_side->position, start);
    canring_producer_init(&f->p, &f->ring);
    canring_consumer_init(&f->c, &f->ring);
    record_over_the_end_is_contiguous(state);
    assert_true(f->p.head > 1ull << 32);
}

static void successor_of_a_dead_producer_hides_its_unpublished_batch(void **state)
{
    struct fixture *f = *state;
    uint32_t size = 0;
    for (uint32_t i = 0; i < 10; i++)
        assert_true(write_record(&f->p, i, 32)); /* committed, never published */
    canring_producer_init(&f->p, &f->ring);
    assert_false(f->p.broken);
    assert_true(write_record(&f->p, 77, 32));
    canring_ring_publish(&f->p);
    assert_non_null(canring_ring_peek(&f->c, &size));
    canring_ring_consume(&f->c);
    assert_null(canring_ring_peek(&f->c, &size));
}

static void impossible_consumer_position_breaks_the_ring_not_the_producer(void **state)
{
    struct fixture *f = *state;
    const uint64_t forged[] = {8 * LAP, UINT64_MAX, 1ull << 40};
    for (unsigned i = 0; i < 3; i++) {
        canring_producer_init(&f->p, &f->ring);
        while (canring_ring_put(&f->p, "\0\0\0\0\0\0\0\0twelve", 12))
            ;
        canring_ring_publish(&f->p);
        assert_false(f->p.broken);
        atomic_store(&f->ring.consumer_side->position, forged[i]);
        assert_null(canring_ring_claim(&f->p, 12));
        assert_true(f->p.broken);
        atomic_store(&f->ring.consumer_side->position, 0);
        atomic_store(&f->ring.producer_side->position, 0);
    }
}

static void consumer_position_that_goes_back_breaks_the_ring(void **state)
{
    struct fixture *f = *state;
    uint32_t size = 0;
    for (uint32_t i = 0; i < 3 * CANRING_SLOTS_MIN; i++) {
        assert_true(write_record(&f->p, i, 32));
        canring_ring_publish(&f->p);
        assert_non_null(canring_ring_peek(&f->c, &size));
        canring_ring_consume(&f->c);
        canring_ring_release(&f->c);
    }
    atomic_store(&f->ring.consumer_side->position, LAP); /* old, once true */
    while (!f->p.broken && write_record(&f->p, 1, 32))
        ;
    assert_true(f->p.broken);
}

static void impossible_size_breaks_the_ring_not_the_consumer(void **state)
{
    struct fixture *f = *state;
    const uint32_t forged[] = {0, 7, 60000};
    for (unsigned i = 0; i < 3; i++) {
        f->c.broken = false;
        assert_non_null(canring_ring_claim(&f->p, 32));
        canring_ring_commit(&f->p, forged[i] ? forged[i] : 1);
        struct canring_record *record = canring_ring_at(f->ring.slots, f->p.first, f->p.mask);
        atomic_store(&record->size, (uint16_t)forged[i]);
        canring_ring_publish(&f->p);
        uint32_t size = 0;
        assert_null(canring_ring_peek(&f->c, &size));
        assert_true(f->c.broken);
        canring_producer_init(&f->p, &f->ring);
        f->c.next = f->p.head;
        atomic_store(&f->ring.consumer_side->position, f->p.head);
        canring_producer_init(&f->p, &f->ring);
    }
}

enum { STRESS_RECORDS = 200000 };

/* Batches of varying length, published when full or at the end of each. */
static void produce(struct canring_producer *p)
{
    for (uint32_t number = 0; number < STRESS_RECORDS;) {
        uint32_t batch = 1 + number % 7;
        while (batch && number < STRESS_RECORDS && write_record(p, number, size_of(number)))
            number++, batch--;
        canring_ring_publish(p);
        if (batch)
            sched_yield();
    }
}

/* The same records, each sent when it is ready, some with others before them. */
static void produce_singly(struct canring_producer *p)
{
    for (uint32_t number = 0; number < STRESS_RECORDS;) {
        const uint32_t size = size_of(number);
        if (!claim_record(p, number, size)) {
            canring_ring_publish(p);
            sched_yield();
            continue;
        }
        if (number++ % 9 < 3)
            canring_ring_commit(p, size);
        else
            canring_ring_send(p, size);
    }
    canring_ring_publish(p);
}

/* The same records, several put as one run. */
static void produce_runs(struct canring_producer *p)
{
    static _Alignas(CANRING_SLOT) uint8_t run[8 * 64 * CANRING_SLOT];
    for (uint32_t number = 0; number < STRESS_RECORDS;) {
        uint32_t count = 1 + number % 7, bytes = 0;
        memset(run, 0, sizeof(run));
        for (uint32_t i = number; i < number + count && i < STRESS_RECORDS; i++) {
            const uint32_t size = size_of(i);
            const struct canring_record head = {.sequence = i, .size = (uint16_t)size};
            memcpy(run + bytes, &head, sizeof(head));
            memcpy(run + bytes + 8, &i, sizeof(i));
            for (uint32_t at = 12; at < size; at++)
                run[bytes + at] = pattern(i, at);
            bytes += canring_ring_stride(size);
        }
        while (!canring_ring_put_run(p, run, bytes))
            sched_yield();
        canring_ring_publish(p);
        number += count;
    }
}

static uint32_t consume(struct canring_consumer *c)
{
    uint32_t number = 0, size;
    while (number < STRESS_RECORDS) {
        const struct canring_record *record = canring_ring_peek(c, &size);
        if (!record) {
            canring_ring_release(c);
            if (c->broken)
                break;
            sched_yield();
            continue;
        }
        if (!intact(record, number, size))
            break;
        canring_ring_consume(c);
        number++;
        if (number % 5 == 0)
            canring_ring_release(c);
    }
    return number;
}

struct production {
    void (*produce)(struct canring_producer *p);
    struct canring_producer *p;
};

static void *producer_thread(void *arg)
{
    const struct production *production = arg;
    production->produce(production->p);
    return NULL;
}

static void expect_all_in_order(struct fixture *f, void (*how)(struct canring_producer *p))
{
    struct production production = {how, &f->p};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, producer_thread, &production), 0);
    uint32_t intact_records = consume(&f->c);
    pthread_join(thread, NULL);
    assert_int_equal(intact_records, STRESS_RECORDS);
}

static void threads_lose_and_reorder_nothing(void **state)
{
    expect_all_in_order(*state, produce);
}

static void runs_lose_and_reorder_nothing(void **state)
{
    expect_all_in_order(*state, produce_runs);
}

static void records_sent_singly_are_neither_lost_nor_reordered(void **state)
{
    expect_all_in_order(*state, produce_singly);
}

static void full_ring_of_long_records_is_read_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    uint32_t written = 0, read = 0, size = 0;
    for (unsigned lap = 0; lap < 10; lap++) {
        for (; write_record(&f->p, written, 96); written++)
            canring_ring_publish(&f->p); /* guesses how far the next one reaches, to the last */
        assert_true(written - read >= (CANRING_SLOTS_MIN - 1) / 3);
        const uint8_t *bytes;
        while ((bytes = (const uint8_t *)canring_ring_peek(&f->c, &size)) != NULL) {
            assert_int_equal(size, 96);
            for (uint32_t i = 12; i < size; i++)
                assert_int_equal(bytes[i], pattern(read, i));
            canring_ring_consume(&f->c);
            read++;
        }
        assert_int_equal(read, written);
        canring_ring_release(&f->c);
    }
}

static void run_that_does_not_fit_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    static _Alignas(CANRING_SLOT) uint8_t run[CANRING_SLOTS_MIN * CANRING_SLOT];
    const struct canring_record head = {.size = 24};
    uint32_t size = 0;
    for (size_t i = 0; i < CANRING_SLOTS_MIN; i++)
        memcpy(run + i * CANRING_SLOT, &head, sizeof(head));
    assert_false(canring_ring_put_run(&f->p, run, sizeof(run)));
    canring_ring_publish(&f->p);
    assert_null(canring_ring_peek(&f->c, &size));
    assert_true(canring_ring_put_run(&f->p, run, sizeof(run) - CANRING_SLOT));
    assert_null(canring_ring_peek(&f->c, &size)); /* put, not published */
    canring_ring_publish(&f->p);
    for (size_t i = 0; i < CANRING_SLOTS_MIN - 1; i++) {
        assert_non_null(canring_ring_peek(&f->c, &size));
        canring_ring_consume(&f->c);
    }
    assert_null(canring_ring_peek(&f->c, &size));
}

static void processes_lose_and_reorder_nothing(void **state)
{
    struct fixture *f = *state;
    pid_t child = fork();
    if (child == 0) {
        produce(&f->p);
        _exit(0);
    }
    uint32_t intact_records = consume(&f->c);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(intact_records, STRESS_RECORDS);
}

static int setup_large(void **state)
{
    return setup_with(state, 4096);
}

/* What broke: what was written into a claimed record that was then given up, or committed smaller,
 * passed for the record behind the next one. */
static void abandoned_claim_is_never_read(void **state)
{
    (void)state;
    struct canring_ring ring;
    struct canring_producer p;
    struct canring_consumer c;
    uint32_t size = 0;
    assert_int_equal(canring_ring_create(&ring, 128, NULL), 0);
    canring_producer_init(&p, &ring);
    canring_consumer_init(&c, &ring);
    for (unsigned round = 0; round < 500; round++) {
        uint8_t *bytes = canring_ring_claim(&p, 3 * CANRING_SLOT);
        assert_non_null(bytes);
        for (uint32_t slot = 1; slot < 3; slot++) {
            const struct canring_record forged = {
                .sequence = (uint32_t)p.head + slot * CANRING_SLOT + 1, .size = 24};
            memcpy(bytes + (size_t)slot * CANRING_SLOT, &forged, sizeof(forged));
        }
        if (round % 2)
            assert_non_null(canring_ring_claim(&p, 24)); /* given up, begun again */
        canring_ring_commit(&p, 24);
        canring_ring_publish(&p);
        assert_non_null(canring_ring_peek(&c, &size));
        canring_ring_consume(&c);
        assert_null(canring_ring_peek(&c, &size));
        canring_ring_release(&c);
    }
    canring_ring_destroy(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(abandoned_claim_is_never_read),
        cmocka_unit_test(capacity_must_be_a_power_of_two_in_range),
#define RING_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        RING_TEST(nothing_is_seen_before_publish_and_all_of_a_batch_after),
        RING_TEST(full_ring_refuses_and_goes_on_after_release),
        RING_TEST(record_over_the_end_is_contiguous),
        RING_TEST(payload_that_looks_like_a_sequence_is_never_taken_for_one),
        RING_TEST(full_ring_of_long_records_is_read_as_it_was_written),
        RING_TEST(sequences_survive_their_32_bit_wrap),
        RING_TEST(successor_of_a_dead_producer_hides_its_unpublished_batch),
        RING_TEST(impossible_consumer_position_breaks_the_ring_not_the_producer),
        RING_TEST(consumer_position_that_goes_back_breaks_the_ring),
        RING_TEST(impossible_size_breaks_the_ring_not_the_consumer),
        RING_TEST(threads_lose_and_reorder_nothing),
        RING_TEST(processes_lose_and_reorder_nothing),
        cmocka_unit_test_setup_teardown(threads_lose_and_reorder_nothing, setup_large, teardown),
        cmocka_unit_test_setup_teardown(runs_lose_and_reorder_nothing, setup_large, teardown),
        RING_TEST(records_sent_singly_are_neither_lost_nor_reordered),
        cmocka_unit_test_setup_teardown(run_that_does_not_fit_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(processes_lose_and_reorder_nothing, setup_large, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
