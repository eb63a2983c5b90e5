/* Frames of several buses in one stream, by the rule that <canring/capture.h> states. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/capture_merge.h"

#define MS UINT64_C(1000000)

struct fixture {
    struct cr_merge merge;
    struct cr_merge_queue queues[3];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    f->merge = (struct cr_merge){.queues = f->queues, .count = 3, .window_ns = 20 * MS};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    cr_merge_clear(&f->merge);
    free(f);
    return 0;
}

static void push(struct fixture *f, unsigned queue, uint64_t time_ns, uint64_t now_ns)
{
    union canring_frame_buffer b;
    canring_frame_classic(&b.frame, queue, NULL, 0);
    b.frame.timestamp_ns = time_ns;
    assert_true(cr_merge_push(&f->merge, queue, &b.frame, now_ns));
}

/* The next one goes, and is that of this bus and time; `time_ns` 0: none may go. */
static void expect(struct fixture *f, uint64_t now_ns, unsigned queue, uint64_t time_ns)
{
    unsigned found = 99;
    const struct canring_frame *front = cr_merge_front(&f->merge, now_ns, false, &found);
    if (!time_ns) {
        assert_null(front);
        return;
    }
    assert_non_null(front);
    assert_int_equal(found, queue);
    assert_int_equal(front->timestamp_ns, time_ns);
    cr_merge_pop(&f->merge, found);
}

static void one_bus_waits_for_nobody(void **state)
{
    struct fixture *f = *state;
    f->merge.count = 1;
    push(f, 0, 1000, 0);
    push(f, 0, 500, 0);
    expect(f, 0, 0, 1000);
    expect(f, 0, 0, 500);
    assert_int_equal(cr_merge_due(&f->merge, 0), UINT64_MAX);
}

static void a_frame_waits_until_every_bus_has_shown_one(void **state)
{
    struct fixture *f = *state;
    push(f, 0, 300, MS);
    push(f, 1, 200, MS);
    expect(f, MS, 0, 0);
    push(f, 2, 250, MS);
    expect(f, MS, 1, 200);
    expect(f, MS, 0, 0); /* bus 1 may have one of 210 */
    push(f, 1, 400, MS);
    expect(f, MS, 2, 250);
    expect(f, MS, 0, 0);
}

static void but_for_the_window_at_most(void **state)
{
    struct fixture *f = *state;
    push(f, 0, 300, 5 * MS);
    push(f, 1, 400, 15 * MS);
    assert_int_equal(cr_merge_due(&f->merge, 5 * MS), 20 * MS);
    expect(f, 24 * MS, 0, 0);
    assert_int_equal(cr_merge_due(&f->merge, 24 * MS), MS);
    expect(f, 25 * MS, 0, 300);
    expect(f, 25 * MS, 1, 0);
    expect(f, 35 * MS, 1, 400);
}

static void a_frame_read_late_but_within_the_window_takes_its_place(void **state)
{
    struct fixture *f = *state;
    push(f, 0, 300, MS);
    push(f, 1, 100, 15 * MS);
    expect(f, 21 * MS, 0, 0);
    push(f, 2, 500, 22 * MS);
    expect(f, 22 * MS, 1, 100);
    expect(f, 22 * MS, 0, 300);
}

static void order_within_a_bus_is_kept_when_its_time_steps_back(void **state)
{
    struct fixture *f = *state;
    f->merge.count = 2;
    push(f, 0, 1000, 0);
    push(f, 0, 10, 0);
    push(f, 0, 1001, 0);
    push(f, 1, 20, 0);
    push(f, 1, 2000, 0);
    expect(f, 0, 1, 20);
    expect(f, 0, 0, 1000);
    expect(f, 0, 0, 10);
    expect(f, 0, 0, 1001);
    expect(f, 0, 0, 0);
}

static void a_bus_that_has_ended_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    push(f, 0, 300, 0);
    f->queues[1].ended = true;
    expect(f, 0, 0, 0);
    f->queues[2].ended = true;
    expect(f, 0, 0, 300);
}

static void random_streams_come_out_sorted_and_whole(void **state)
{
    struct fixture *f = *state;
    uint64_t times[3] = {0}, last = 0;
    unsigned counts[3] = {0}, total = 0, found;
    const struct canring_frame *front;
    srand(7);
    for (unsigned i = 0; i < 30000; i++) {
        unsigned queue = (unsigned)rand() % 3;
        times[queue] += (unsigned)rand() % 100 + 1;
        push(f, queue, times[queue], 0);
        while ((front = cr_merge_front(&f->merge, 0, i == 29999, &found)) != NULL) {
            assert_true(front->timestamp_ns >= last);
            last = front->timestamp_ns;
            assert_int_equal(front->id, found);
            counts[found]++;
            total++;
            cr_merge_pop(&f->merge, found);
        }
    }
    assert_int_equal(total, 30000);
    assert_int_equal(f->merge.bytes, 0);
}

int main(void)
{
#define MERGE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        MERGE_TEST(one_bus_waits_for_nobody),
        MERGE_TEST(a_frame_waits_until_every_bus_has_shown_one),
        MERGE_TEST(but_for_the_window_at_most),
        MERGE_TEST(a_frame_read_late_but_within_the_window_takes_its_place),
        MERGE_TEST(order_within_a_bus_is_kept_when_its_time_steps_back),
        MERGE_TEST(a_bus_that_has_ended_is_not_waited_for),
        MERGE_TEST(random_streams_come_out_sorted_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
