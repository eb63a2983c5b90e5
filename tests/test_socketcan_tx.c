#include "vcan.h"

#include "can/driver.h"

/* Sending onto a bus that is slower than we are: vcan with echo=1 behind a token bucket is a bus
 * with a rate, a short queue and ENOBUFS (see vcan_socketcan_tx.sh, which makes it). */

#define SLOW_RATE "64kbit" /* 500 frames of 16 bytes a second */

static void set_queue(const char *limit)
{
    RUN("tc", "qdisc", "replace", "dev", "vcan0", "root", "tbf", "rate", SLOW_RATE, "burst", "32",
        "limit", limit);
}

static void number_frame(struct canring_frame *frame, uint32_t number)
{
    canring_frame_classic(frame, 0x123, &number, sizeof(number));
}

static void expect_numbers(struct canring_bus *bus, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number;
        memcpy(&number, canring_frame_payload(receive(bus)), sizeof(number));
        assert_int_equal(number, i);
    }
    assert_true(nothing_comes(bus));
}

static void send_numbers(void **state, const char *limit, uint32_t count)
{
    struct canring_bus_options options = {0};
    union canring_frame_buffer buffer;
    set_queue(limit);
    struct canring_bus *bus = open_with(state, &options), *listener = open_with(state, &options);
    for (uint32_t i = 0; i < count; i++) {
        number_frame(&buffer.frame, i);
        assert_int_equal(canring_bus_send(bus, &buffer.frame, WAIT_MS), 0);
    }
    expect_numbers(listener, count);
    struct canring_bus_stats stats = stats_of(bus);
    assert_int_equal(stats.tx_frames, count);
    assert_true(stats.tx_retries > 0);
    assert_in_range(stats.send_calls, count, 8 * count); /* it sleeps for room, it does not spin */
    canring_bus_close(bus);
    canring_bus_close(listener);
}

static void full_bus_makes_the_sender_wait_and_keeps_order(void **state)
{
    send_numbers(state, "160", 300);
}

/* A device queue shorter than the socket's send buffer: ENOBUFS, which nothing ends but time. */
static void device_queue_without_room_is_retried_and_keeps_order(void **state)
{
    send_numbers(state, "48", 100);
}

static void send_that_may_not_wait_says_there_is_no_room(void **state)
{
    struct canring_bus_options options = {0};
    union canring_frame_buffer buffer;
    uint32_t sent = 0;
    set_queue("160");
    struct canring_bus *bus = open_with(state, &options), *listener = open_with(state, &options);
    int rc = 0;
    for (; sent < 1000 && rc == 0; sent += rc == 0) {
        number_frame(&buffer.frame, sent);
        rc = canring_bus_send(bus, &buffer.frame, 0);
    }
    assert_int_equal(rc, -EAGAIN);
    assert_int_equal(canring_bus_send(bus, &buffer.frame, 1), -EAGAIN);
    assert_int_equal(canring_bus_send(bus, &buffer.frame, WAIT_MS), 0);
    expect_numbers(listener, sent + 1);
    canring_bus_close(bus);
    canring_bus_close(listener);
}

/* As the proxy does it: batches into the driver, kinds mixed, what cannot go counted. */
static void batches_pass_in_order_with_the_refused_left_out(void **state)
{
    enum { COUNT = 200 };
    struct canring_bus_options options = {.interface = "socketcan", .channel = "vcan0"};
    struct canring_bus *listener = open_with(state, &options);
    struct cr_loop *loop;
    struct cr_bus *bus;
    uint8_t *memory = test_calloc(COUNT, 32);
    const struct canring_frame *frames[COUNT];
    uint32_t number = 0;

    set_queue("160");
    assert_int_equal(cr_loop_open(&loop, strcmp(LOOP(state), "epoll") == 0, NULL), 0);
    assert_int_equal(cr_bus_open(&bus, loop, &options, NULL), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        struct canring_frame *frame = (struct canring_frame *)(void *)(memory + i * 32);
        number_frame(frame, number);
        frame->flags |= i % 10 == 7 ? 0x8000u : 0; /* no such flag: malformed */
        number += i % 10 != 7;
        frames[i] = frame;
    }
    for (unsigned done = 0; done < COUNT;) {
        int n = bus->driver->send(bus, frames + done, COUNT - done);
        assert_true(n >= 0);
        done += (unsigned)n;
        assert_int_equal(bus->tx_blocked, done < COUNT);
        while (bus->tx_blocked)
            assert_true(cr_loop_wait(loop, UINT64_MAX) >= 0);
    }
    expect_numbers(listener, number);
    assert_int_equal(bus->stats.tx_frames, number);
    assert_int_equal(bus->stats.tx_refused, COUNT - number);
    bus->driver->close(bus);
    cr_loop_close(loop);
    canring_bus_close(listener);
    test_free(memory);
}

/* The echo comes when the frame was really sent, in the order of sending. */
static void own_echo_follows_the_bus(void **state)
{
    struct canring_bus_options options = {.receive_own = true};
    union canring_frame_buffer buffer;
    set_queue("160");
    struct canring_bus *bus = open_with(state, &options);
    for (uint32_t i = 0; i < 100; i++) {
        number_frame(&buffer.frame, i);
        assert_int_equal(canring_bus_send(bus, &buffer.frame, WAIT_MS), 0);
    }
    for (uint32_t i = 0; i < 100; i++) {
        const struct canring_frame *frame = receive(bus);
        uint32_t number;
        memcpy(&number, canring_frame_payload(frame), sizeof(number));
        assert_int_equal(number, i);
        assert_true(frame->flags & CANRING_TX);
    }
    canring_bus_close(bus);
}

#define ON(kind, test)                                                                             \
    {                                                                                              \
#test " (" #kind ")", test, NULL, NULL, (void *)(uintptr_t)&kind                           \
    }
#define ON_BOTH(test) ON(uring, test), ON(epoll, test)

int main(int argc, char **argv)
{
    static const char *const uring = "uring", *const epoll = "epoll";
    const struct CMUnitTest tests[] = {
        ON_BOTH(full_bus_makes_the_sender_wait_and_keeps_order),
        ON_BOTH(device_queue_without_room_is_retried_and_keeps_order),
        ON_BOTH(send_that_may_not_wait_says_there_is_no_room),
        ON_BOTH(batches_pass_in_order_with_the_refused_left_out),
        ON_BOTH(own_echo_follows_the_bus),
    };
    vcan_or_skip();
    if (!getenv("CANRING_SLOW_VCAN")) {
        printf("vcan0 is not slow here: run it with tests/vcan_socketcan_tx.sh\n");
        return 77;
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
