#include "check.h"

#include <canring/wait.h>
#include <stdlib.h>

#include "proxy/outlet.h"

enum { SLOTS = 128 };

struct fixture {
    struct canring_ring ring;
    struct cr_outlet outlet;
    struct canring_consumer reader;
    struct cr_batch batch;
};

static int setup(void **state)
{
    struct fixture *f = aligned_alloc(64, sizeof(*f));
    memset(f, 0, sizeof(*f));
    if (canring_ring_create(&f->ring, SLOTS, NULL) < 0)
        return -1;
    canring_producer_init(&f->outlet.ring, &f->ring);
    canring_consumer_init(&f->reader, &f->ring);
    f->outlet.reader_parks = true;
    f->outlet.spill.limit = 1000;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    cr_fifo_clear(&f->outlet.spill);
    canring_ring_destroy(&f->ring);
    free(f);
    return 0;
}

static void deliver(struct fixture *f, uint32_t first, uint32_t count)
{
    cr_batch_clear(&f->batch);
    for (uint32_t i = 0; i < count; i++) {
        struct canring_frame *frame = cr_batch_reserve(&f->batch, 32);
        assert_non_null(frame);
        canring_frame_classic(frame, (first + i) % 0x800, &i, sizeof(i));
        frame->number = first + i;
        cr_batch_push(&f->batch, frame);
    }
    cr_outlet_deliver(&f->outlet, &f->batch);
}

/* Read up to `max` frames; they must go on from `number`. Returns the next number. */
static uint32_t read_from(struct fixture *f, uint32_t number, uint32_t max)
{
    const struct canring_record *record;
    uint32_t size;
    while (max-- && (record = canring_ring_peek(&f->reader, &size)) != NULL) {
        const struct canring_frame *frame = (const struct canring_frame *)(const void *)record;
        assert_int_equal(frame->number, number);
        number++;
        canring_ring_consume(&f->reader);
    }
    canring_ring_release(&f->reader);
    return number;
}

static void slow_reader_gets_everything_in_order_through_the_spill(void **state)
{
    struct fixture *f = *state;
    uint32_t seen = 0;
    for (uint32_t sent = 0; sent < 50000; sent += 100) {
        deliver(f, sent, 100);
        seen = read_from(f, seen, 90 + sent / 100 % 21); /* now slower, now faster */
        cr_outlet_drain(&f->outlet);
    }
    while (f->outlet.spill.count || seen < 50000) {
        cr_outlet_drain(&f->outlet);
        seen = read_from(f, seen, SLOTS);
    }
    assert_int_equal(seen, 50000);
    assert_int_equal(f->outlet.dropped, 0);
    assert_true(f->outlet.spilled > 0);
    assert_int_equal(f->outlet.published, 50000);
}

static void beyond_the_spill_limit_frames_are_dropped_and_counted(void **state)
{
    struct fixture *f = *state;
    for (uint32_t sent = 0; sent < 2000; sent += 100)
        deliver(f, sent, 100);
    uint64_t kept = f->outlet.published + f->outlet.spill.count;
    assert_int_equal(f->outlet.published, SLOTS - 1);
    assert_int_equal(f->outlet.spill.count, 1000);
    assert_int_equal(f->outlet.dropped, 2000 - kept);
    uint32_t seen = 0;
    do
        seen = read_from(f, seen, SLOTS);
    while (cr_outlet_drain(&f->outlet));
    assert_int_equal(seen, kept); /* the oldest, without a hole */
}

static void large_frames_spill_up_to_the_limit_in_bytes(void **state)
{
    struct fixture *f = *state;
    struct canring_frame *frame;
    unsigned sent = 0;
    f->outlet.spill.limit_bytes = 100 * 1024;
    for (; sent < 200; sent++) {
        cr_batch_clear(&f->batch);
        frame = cr_batch_reserve(&f->batch, CANRING_FRAME_MAX);
        memset(frame, 0, CANRING_FRAME_MAX);
        frame->size = CANRING_FRAME_MAX;
        frame->flags = CANRING_XL;
        cr_batch_push(&f->batch, frame);
        cr_outlet_deliver(&f->outlet, &f->batch);
    }
    assert_in_range(f->outlet.spill.bytes, 98 * 1024, 100 * 1024);
    assert_int_equal(f->outlet.spill.bytes, f->outlet.spill.count * 2080);
    assert_int_equal(f->outlet.published + f->outlet.spill.count + f->outlet.dropped, sent);
    cr_fifo_pop(&f->outlet.spill);
    cr_outlet_deliver(&f->outlet, &f->batch); /* there is room for one again */
    assert_int_equal(f->outlet.published + f->outlet.spill.count + f->outlet.dropped, sent);
    cr_fifo_clear(&f->outlet.spill);
    assert_int_equal(f->outlet.spill.bytes, 0);
}

static void drop_policy_keeps_nothing_in_memory(void **state)
{
    struct fixture *f = *state;
    f->outlet.overflow = CANRING_OVERFLOW_DROP;
    deliver(f, 0, 200);
    assert_int_equal(f->outlet.published, SLOTS - 1);
    assert_int_equal(f->outlet.dropped, 200 - (SLOTS - 1));
    assert_int_equal(f->outlet.spill.count, 0);
}

static void filtered_frames_are_counted_not_published(void **state)
{
    struct fixture *f = *state;
    struct canring_filters filters;
    struct cr_filter_set set;
    assert_int_equal(canring_filters_parse(&filters, "010:7FF,020:7FF", NULL), 0);
    assert_int_equal(cr_filter_set_build(&set, &filters), 0);
    canring_filters_free(&filters);
    f->outlet.filters = &set;
    deliver(f, 0, 100);
    assert_int_equal(f->outlet.published, 2);
    assert_int_equal(f->outlet.filtered, 98);
    cr_filter_set_free(&set);
}

static void room_is_half_a_ring_and_no_spill(void **state)
{
    struct fixture *f = *state;
    assert_true(cr_outlet_has_room(&f->outlet));
    deliver(f, 0, SLOTS / 2 + 10);
    assert_false(cr_outlet_has_room(&f->outlet));
    assert_true(cr_outlet_prepare(&f->outlet, true));
    assert_int_equal(f->ring.producer_side->waiting & CANRING_ASLEEP_MASK, CANRING_ASLEEP_FD);
    cr_outlet_awake(&f->outlet);
    read_from(f, 0, SLOTS);
    assert_true(cr_outlet_has_room(&f->outlet));
}

static void frames_of_every_size_pass_the_queue_unchanged(void **state)
{
    (void)state;
    struct cr_fifo fifo = {.limit = 5000};
    union canring_frame_buffer buffer = {0};
    for (uint32_t i = 0; i < 5000; i++) {
        buffer.frame.size = (uint16_t)(CANRING_FRAME_HEADER + i * 37 % 2057);
        memset(buffer.frame.data, (int)(i % 251), buffer.frame.size - CANRING_FRAME_HEADER);
        buffer.frame.number = i;
        assert_non_null(cr_fifo_push(&fifo, &buffer.frame));
    }
    assert_null(cr_fifo_push(&fifo, &buffer.frame)); /* the limit */
    for (uint32_t i = 0; i < 5000; i++) {
        const struct canring_frame *front = cr_fifo_front(&fifo);
        assert_int_equal(front->number, i);
        assert_int_equal(front->size, CANRING_FRAME_HEADER + i * 37 % 2057);
        for (unsigned at = 0; at + CANRING_FRAME_HEADER < front->size; at += 97)
            assert_int_equal(front->data[at], i % 251);
        cr_fifo_pop(&fifo);
    }
    assert_null(cr_fifo_front(&fifo));
    assert_int_equal(cr_fifo_clear(&fifo), 0);
}

int main(void)
{
#define OUTLET_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        OUTLET_TEST(slow_reader_gets_everything_in_order_through_the_spill),
        OUTLET_TEST(beyond_the_spill_limit_frames_are_dropped_and_counted),
        OUTLET_TEST(large_frames_spill_up_to_the_limit_in_bytes),
        OUTLET_TEST(drop_policy_keeps_nothing_in_memory),
        OUTLET_TEST(filtered_frames_are_counted_not_published),
        OUTLET_TEST(room_is_half_a_ring_and_no_spill),
        cmocka_unit_test(frames_of_every_size_pass_the_queue_unchanged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
