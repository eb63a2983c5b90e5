#include "check.h"

#include "virtual_room.h"

#include "can/virtual_ring.h"
#include "shm/clock.h"
#include "shm/guard.h"

#include <poll.h>
#include <sys/wait.h>

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

static struct pump a, b;
static union canring_frame_buffer buffer;
static struct canring_frame *const frame = &buffer.frame;

static const struct canring_frame *classic(uint32_t id)
{
    canring_frame_classic(frame, id, "\1\2\3\4\5\6\7\10", 8);
    return frame;
}

static void open_pair(void)
{
    assert_int_equal(open_virtual(&a, "pair"), 0);
    assert_int_equal(open_virtual(&b, "pair"), 0);
}

static void close_pair(void)
{
    pump_close(&a);
    pump_close(&b);
    assert_int_equal(leftovers(), 0);
}

static void expect(struct pump *pump, const struct canring_frame *sent, uint16_t direction)
{
    const uint16_t ours = CANRING_CLOCK_MASK | CANRING_TX | CANRING_LOCAL;
    assert_int_equal(pump_receive(pump, 5000), 1);
    const struct canring_frame *got = cr_batch_first(&pump->batch);
    assert_int_equal(got->size, sent->size);
    assert_int_equal(got->id, sent->id);
    assert_int_equal(got->flags & ~ours, sent->flags & ~ours);
    assert_int_equal(got->flags & ours, CANRING_CLOCK_PROXY | direction);
    assert_memory_equal(got->data, sent->data, sent->size - sizeof(*sent));
    assert_int_equal(got->sequence, 0);
}

static void kind(uint32_t id, uint16_t flags, unsigned size)
{
    memset(&buffer, 0x40, sizeof(buffer));
    frame->id = id;
    frame->flags = flags;
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + size);
    assert_int_equal(canring_frame_check(frame, sizeof(buffer)), 0);
    assert_int_equal(pump_send(&a, frame), 0);
    expect(&b, frame, CANRING_LOCAL);
}

static void every_kind_of_frame_arrives_as_it_was(void **state)
{
    (void)state;
    open_pair();
    kind(0x7ff, 8u << CANRING_DLC_SHIFT, 8);
    kind(0x1, 14u << CANRING_DLC_SHIFT, 8);
    kind(CANRING_ID_EXTENDED | 0x1fffffff, 0, 0);
    kind(CANRING_ID_REMOTE | 0x55, 4u << CANRING_DLC_SHIFT, 0);
    kind(CANRING_ID_ERROR | 0x80, 8u << CANRING_DLC_SHIFT, 8);
    kind(0x123, CANRING_FD | CANRING_BRS | CANRING_ESI, 64);
    kind(0x123, CANRING_FD, 0);
    kind(0x7, CANRING_XL, sizeof(struct canring_xl) + 1);
    kind(0x7, CANRING_XL, sizeof(struct canring_xl) + CANRING_XL_DATA_MAX);
    assert_int_equal(a.bus->stats.tx_frames, 9);
    assert_int_equal(b.bus->stats.rx_frames, 9);
    assert_int_equal(b.bus->stats.rx_errors, 1);
    close_pair();
}

static void largest_frames_go_over_the_rings_end_whole(void **state)
{
    (void)state;
    open_pair();
    for (int i = 0; i < 3000; i++) /* 65 slots each: three times round */
        kind(0x7, CANRING_XL, sizeof(struct canring_xl) + CANRING_XL_DATA_MAX);
    close_pair();
}

static void own_frames_come_back_only_when_asked_for(void **state)
{
    (void)state;
    struct canring_bus_options options = virtual_options("pair");
    options.receive_own = true;
    assert_int_equal(pump_open(&a, &cr_driver_virtual, &options, false), 0);
    assert_int_equal(open_virtual(&b, "pair"), 0);
    assert_int_equal(pump_send(&a, classic(1)), 0);
    expect(&a, frame, CANRING_TX);
    expect(&b, frame, CANRING_LOCAL);
    assert_int_equal(pump_send(&b, classic(2)), 0);
    assert_int_equal(pump_receive(&b, 0), 0);
    expect(&a, frame, CANRING_LOCAL);
    close_pair();
}

static void numbers_are_the_buss_and_times_never_step_back(void **state)
{
    (void)state;
    open_pair();
    uint64_t latest = 0;
    for (uint32_t i = 0; i < 1000; i += 2) {
        assert_int_equal(pump_send(&a, classic(1)), 0);
        assert_int_equal(pump_send(&b, classic(2)), 0);
        assert_int_equal(pump_receive(&a, 5000), 1);
        assert_int_equal(cr_batch_first(&a.batch)->number, i + 1);
        assert_true(cr_batch_first(&a.batch)->timestamp_ns >= latest);
        latest = cr_batch_first(&a.batch)->timestamp_ns;
        assert_int_equal(pump_receive(&b, 5000), 1);
        assert_int_equal(cr_batch_first(&b.batch)->number, i);
    }
    close_pair();
}

static void kinds_filters_and_listeners_are_respected(void **state)
{
    (void)state;
    struct canring_bus_options options = virtual_options("pair");
    struct canring_filter one = {.id = 1, .mask = 0x7ff};
    options.filters = (struct canring_filters){.list = &one, .count = 1};
    options.fd = options.xl = false;
    options.listen_only = true;
    assert_int_equal(open_virtual(&a, "pair"), 0);
    assert_int_equal(pump_open(&b, &cr_driver_virtual, &options, false), 0);
    assert_int_equal(pump_send(&b, classic(1)), 0);
    assert_int_equal(b.bus->stats.tx_refused, 1);
    assert_int_equal(pump_send(&a, classic(2)), 0);
    classic(1);
    frame->flags = CANRING_FD;
    assert_int_equal(pump_send(&a, frame), 0);
    assert_int_equal(pump_send(&a, classic(1)), 0);
    expect(&b, frame, CANRING_LOCAL);
    assert_int_equal(cr_batch_first(&b.batch)->number, 2);
    close_pair();
}

static void malformed_frame_is_refused_and_the_rest_of_the_batch_goes(void **state)
{
    (void)state;
    union canring_frame_buffer bad = {.frame = {.size = 25, .flags = 0, .id = 1}};
    const struct canring_frame *frames[] = {classic(1), &bad.frame, frame};
    open_pair();
    assert_int_equal(a.bus->driver->send(a.bus, frames, 3), 3);
    assert_int_equal(a.bus->stats.tx_refused, 1);
    assert_int_equal(pump_receive(&b, 5000), 2);
    close_pair();
}

/* Fill the ring in front of `b`, who does not read: nothing is lost, the writer is told. */
static void full_ring_stops_the_writer_and_loses_nothing(void **state)
{
    (void)state;
    uint32_t sent = 0, got = 0;
    open_pair();
    classic(1);
    const struct canring_frame *one = frame;
    while (a.bus->driver->send(a.bus, &one, 1) == 1) {
        sent++;
        pump_receive(&a, 0);
    }
    assert_true(a.bus->tx_blocked);
    assert_int_equal(sent, CR_VBUS_SLOTS);
    while (got < sent && pump_receive(&b, 5000) > 0)
        for (struct canring_frame *f = cr_batch_first(&b.batch); f; f = cr_batch_next(&b.batch, f))
            assert_int_equal(f->number, got++);
    assert_int_equal(got, sent);
    assert_int_equal(pump_send(&a, frame), 0);
    assert_int_equal(b.bus->stats.rx_lost_kernel, 0);
    close_pair();
}

static void reader_that_stands_still_is_left_behind_and_told(void **state)
{
    (void)state;
    enum { COUNT = 150000 };
    open_pair();
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(pump_send(&a, classic(1)), 0);
        if (i % 1000 == 0)
            pump_receive(&a, 0);
    }
    assert_int_equal(pump_receive(&b, 0), 0);
    assert_int_equal(b.bus->stats.rx_lost_kernel, COUNT);
    assert_int_equal(pump_send(&a, classic(2)), 0);
    expect(&b, frame, CANRING_LOCAL);
    assert_int_equal(cr_batch_first(&b.batch)->number, COUNT);
    close_pair();
}

/* What broke: after 64 Ki slots it waited 250 ms for itself. */
static void sender_that_never_reads_is_not_in_its_own_way(void **state)
{
    (void)state;
    enum { COUNT = 150000 };
    const struct canring_frame *one = classic(1);
    open_pair();
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(a.bus->driver->send(a.bus, &one, 1), 1);
        if (i % 1000 == 0)
            pump_receive(&b, 0);
    }
    assert_int_equal(b.bus->stats.rx_lost_kernel, 0);
    assert_int_equal(pump_receive(&a, 0), 0); /* it reads after all: from here on */
    assert_true(a.bus->stats.rx_lost_kernel > 0);
    while (pump_receive(&b, 0) > 0)
        ;
    assert_int_equal(pump_send(&b, classic(2)), 0);
    expect(&a, frame, CANRING_LOCAL);
    close_pair();
}

static uint64_t wakes_by(const struct canring_bus *bus)
{
    struct canring_bus_stats stats;
    canring_bus_stats(bus, &stats);
    return stats.send_calls;
}

static void fd_of_a_bus_tells_of_frames_that_came_after_the_last_look(void **state)
{
    (void)state;
    struct canring_bus_options options = virtual_options("pair");
    const struct canring_frame *got;
    struct canring_bus *one, *two;
    assert_int_equal(canring_bus_open(&one, &options, NULL), 0);
    assert_int_equal(canring_bus_open(&two, &options, NULL), 0);
    struct pollfd watched = {.fd = canring_bus_fd(two), .events = POLLIN};
    for (int i = 0; i < 100; i++) {
        while (canring_bus_receive(two, &got, 0))
            ;
        uint64_t begin = wakes_by(one);
        assert_int_equal(canring_bus_send(one, classic(1), 1000), 0);
        assert_int_equal(wakes_by(one), begin + 1);
        assert_int_equal(poll(&watched, 1, 5000), 1);
        assert_int_equal(canring_bus_receive(two, &got, 5000), 1);
        assert_int_equal(got->id, 1);
    }
    canring_bus_close(one);
    canring_bus_close(two);
    assert_int_equal(leftovers(), 0);
}

static void sixty_four_take_part_and_no_more(void **state)
{
    (void)state;
    static struct pump all[CR_VBUS_NODES];
    for (unsigned i = 0; i < CR_VBUS_NODES; i++)
        assert_int_equal(open_virtual(&all[i], "pair"), 0);
    assert_int_equal(open_virtual(&a, "pair"), -EUSERS);
    assert_int_equal(pump_send(&all[63], classic(5)), 0);
    for (unsigned i = 0; i < CR_VBUS_NODES - 1; i++)
        expect(&all[i], frame, CANRING_LOCAL);
    for (unsigned i = 0; i < CR_VBUS_NODES; i++)
        pump_close(&all[i]);
    assert_int_equal(leftovers(), 0);
}

static void names_that_could_not_be_a_file_are_refused(void **state)
{
    (void)state;
    const char *bad[] = {NULL,  "",  "a/b",
                         "a b", "ä", "0123456789012345678901234567890123456789012345678"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(open_virtual(&a, bad[i]), -EINVAL);
        assert_non_null(strstr(a.err.text, "channel"));
    }
}

/* Another participant on the same object, to do with it what no participant does. */
static struct cr_vbus intruder;

static void intrude(void)
{
    char name[CR_REGION_NAME];
    struct canring_error err;
    assert_int_equal(cr_shm_name(name, sizeof(name), "bus", "pair", NULL, &err), 0);
    assert_int_equal(cr_vbus_attach(&intruder, name, &err), 0);
}

static uint64_t seed = 7;

static uint64_t chance(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed ^ seed >> 29;
}

static void garbage_in_the_ring_is_survived(void **state)
{
    (void)state;
    open_pair();
    intrude();
    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < CR_VBUS_RING_BYTES / 64; i++) {
            uint64_t word = chance();
            memcpy(intruder.ring + i * 64 + chance() % 56, &word, sizeof(word));
        }
        atomic_store(&intruder.shared->head, chance() >> (round % 40));
        pump_receive(&a, 0);
        pump_receive(&b, 0);
        pump_send(&a, classic(1));
    }
    atomic_store(&intruder.shared->head, 12345);
    pump_receive(&a, 0);
    pump_receive(&b, 0);
    assert_int_equal(pump_send(&a, classic(77)), 0);
    expect(&b, frame, CANRING_LOCAL);
    cr_vbus_detach(&intruder, cr_vbus_leave(&intruder));
    close_pair();
}

static void garbage_in_lock_cursors_and_masks_is_survived(void **state)
{
    (void)state;
    open_pair();
    intrude();
    for (int round = 0; round < 300; round++) {
        atomic_store(&intruder.shared->lock, chance() | 0x80);
        atomic_store(&intruder.shared->tail, (uint32_t)chance());
        atomic_store(&intruder.shared->members, chance() | 3);
        atomic_store(&intruder.shared->sleepers, chance());
        for (unsigned i = 2; i < CR_VBUS_NODES; i++)
            atomic_store(&intruder.shared->node[i].cursor, chance());
        assert_int_equal(pump_send(&a, classic((uint32_t)round)), 0);
        expect(&b, frame, CANRING_LOCAL);
    }
    cr_vbus_detach(&intruder, cr_vbus_leave(&intruder));
    close_pair();
}

/* A program of its own, because cmocka takes SIGBUS for itself. 0 when all went as it should. */
static int truncate_under_two(void)
{
    open_pair();
    intrude();
    bool fine = ftruncate(intruder.region.fd, 0) == 0;
    pump_receive(&a, 0);
    pump_receive(&b, 0);
    fine &= pump_receive(&a, 0) == -EIO && pump_receive(&b, 0) == -EIO;
    const struct canring_frame *one = classic(1);
    fine &= a.bus->driver->send(a.bus, &one, 1) == 0;
    cr_vbus_detach(&intruder, cr_vbus_leave(&intruder));
    pump_close(&a);
    pump_close(&b);
    return fine && leftovers() == 0 ? 0 : 1;
}

static void truncated_object_is_an_error_not_a_crash(void **state)
{
    (void)state;
    int status = 1;
    if (UNDER_TSAN) {
        puts("the thread sanitizer cannot go on after SIGBUS in its own memcpy");
        skip();
    }
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "test_virtual", "truncate", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void reader_given_up_while_it_copies_is_told(void **state)
{
    (void)state;
    assert_int_equal(open_virtual(&a, "pair"), 0);
    intrude();
    assert_int_equal(pump_send(&a, classic(1)), 0);
    uint64_t next = cr_vbus_next(intruder.position, 1), start = intruder.position;
    assert_int_equal(atomic_load(&intruder.shared->head), next);
    atomic_fetch_or(&intruder.shared->node[intruder.node].cursor, CR_VBUS_EVICTED);
    assert_false(cr_vbus_advance(&intruder, next));
    assert_int_equal(intruder.position, start);
    assert_true(cr_vbus_lock(&intruder));
    assert_int_equal(cr_vbus_skip_to_head(&intruder), 1);
    cr_vbus_unlock(&intruder);
    assert_int_equal(intruder.position, next);
    cr_vbus_detach(&intruder, cr_vbus_leave(&intruder));
    pump_close(&a);
}

/* What broke: all stamps were the same until the clock had come to where it had been. */
static void times_follow_a_clock_that_is_set_back(void **state)
{
    (void)state;
    open_pair();
    intrude();
    uint64_t now = cr_realtime_ns(), day = UINT64_C(86400000000000);
    atomic_store(&intruder.shared->last_stamp, now + day);
    assert_int_equal(pump_send(&a, classic(1)), 0);
    assert_int_equal(pump_receive(&b, 5000), 1);
    assert_in_range(cr_batch_first(&b.batch)->timestamp_ns, now, now + day / 2);
    cr_vbus_detach(&intruder, cr_vbus_leave(&intruder));
    close_pair();
}

static void positions_count_on_over_the_end_of_their_bits(void **state)
{
    (void)state;
    uint64_t last = (uint64_t)CR_VBUS_SLOT_MASK << CR_VBUS_FRAME_BITS | CR_VBUS_FRAME_MASK;
    assert_int_equal(cr_vbus_next(last, 1), 0);
    assert_int_equal(cr_vbus_distance(last, cr_vbus_next(last, 65)), 65);
    assert_int_equal(cr_vbus_frames(cr_vbus_next(0, 65)), 1);
    assert_int_equal(last & CR_VBUS_EVICTED, 0);
}

static void object_of_another_version_is_refused(void **state)
{
    (void)state;
    assert_int_equal(open_virtual(&a, "pair"), 0);
    intrude();
    atomic_store(&intruder.shared->version, 99);
    assert_int_equal(open_virtual(&b, "pair"), -EPROTO);
    cr_vbus_detach(&intruder, cr_vbus_leave(&intruder));
    pump_close(&a);
    assert_int_equal(leftovers(), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_frame_arrives_as_it_was),
        cmocka_unit_test(largest_frames_go_over_the_rings_end_whole),
        cmocka_unit_test(own_frames_come_back_only_when_asked_for),
        cmocka_unit_test(numbers_are_the_buss_and_times_never_step_back),
        cmocka_unit_test(kinds_filters_and_listeners_are_respected),
        cmocka_unit_test(malformed_frame_is_refused_and_the_rest_of_the_batch_goes),
        cmocka_unit_test(full_ring_stops_the_writer_and_loses_nothing),
        cmocka_unit_test(reader_that_stands_still_is_left_behind_and_told),
        cmocka_unit_test(sender_that_never_reads_is_not_in_its_own_way),
        cmocka_unit_test(fd_of_a_bus_tells_of_frames_that_came_after_the_last_look),
        cmocka_unit_test(sixty_four_take_part_and_no_more),
        cmocka_unit_test(names_that_could_not_be_a_file_are_refused),
        cmocka_unit_test(garbage_in_the_ring_is_survived),
        cmocka_unit_test(garbage_in_lock_cursors_and_masks_is_survived),
        cmocka_unit_test(truncated_object_is_an_error_not_a_crash),
        cmocka_unit_test(reader_given_up_while_it_copies_is_told),
        cmocka_unit_test(times_follow_a_clock_that_is_set_back),
        cmocka_unit_test(positions_count_on_over_the_end_of_their_bits),
        cmocka_unit_test(object_of_another_version_is_refused),
    };
    (void)argv;
    if (enter_room())
        return 1;
    if (argc > 1) {
        int status = truncate_under_two();
        leave_room();
        return status;
    }
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    leave_room();
    return rc;
}
