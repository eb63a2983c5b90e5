#include "vcan.h"

/* The interface goes down, away and comes back; the controller goes bus-off. Words are counted:
 * each event is told once. Needs to be root in the kernel it runs on, as in tools/uml-run. */

static struct canring_bus *open_told(void **state, struct words *words, const char *channel)
{
    struct canring_bus_options options = {
        .channel = channel, .fd = true, .report = keep_words, .report_arg = words};
    memset(words, 0, sizeof(*words));
    return open_with(state, &options);
}

static void expect_id(struct canring_bus *bus, const char *interface, uint32_t id)
{
    int fd = raw_open(interface);
    raw_send(fd, id, "", 0);
    assert_int_equal(receive(bus)->id, id);
    close(fd);
}

static void interface_that_goes_down_is_told_once_and_comes_back(void **state)
{
    struct words words;
    struct canring_bus *bus = open_told(state, &words, "vcan1");
    const struct canring_frame *frame;
    expect_id(bus, "vcan1", 1);
    for (unsigned i = 1; i <= 3; i++) {
        RUN("ip", "link", "set", "vcan1", "down");
        await_words(bus, &words, "is down");
        assert_int_equal(stats_of(bus).state, CANRING_BUS_DOWN);
        uint64_t calls = stats_of(bus).receive_calls;
        assert_int_equal(canring_bus_receive(bus, &frame, 300), 0);
        assert_in_range(stats_of(bus).receive_calls - calls, 0, 20); /* asleep, not busy */
        RUN("ip", "link", "set", "vcan1", "up");
        await_words(bus, &words, "is up");
        assert_int_equal(stats_of(bus).state, CANRING_BUS_ACTIVE);
        expect_id(bus, "vcan1", i);
        assert_int_equal(said(&words, "is down"), 1);
        assert_int_equal(said(&words, "is up"), 1);
        assert_int_equal(stats_of(bus).link_down, i);
        words.text[0] = '\0';
    }
    canring_bus_close(bus);
}

static void removed_interface_is_taken_again_when_it_is_back(void **state)
{
    struct words words;
    RUN("ip", "link", "add", "vcan7", "up", "type", "vcan");
    struct canring_bus *bus = open_told(state, &words, "vcan7");
    expect_id(bus, "vcan7", 1);
    for (unsigned i = 1; i <= 3; i++) {
        RUN("ip", "link", "del", "vcan7");
        await_words(bus, &words, "was removed");
        nap_ms(50);
        RUN("ip", "link", "add", "vcan7", "type", "vcan");
        RUN("ip", "link", "set", "vcan7", "up");
        await_words(bus, &words, "is up");
        expect_id(bus, "vcan7", 0x100 + i);
        union canring_frame_buffer buffer;
        canring_frame_classic(&buffer.frame, 1, "x", 1);
        assert_int_equal(canring_bus_send(bus, &buffer.frame, 0), 0);
        assert_int_equal(said(&words, "was removed"), 1);
        assert_int_equal(said(&words, "is back"), 1);
        assert_int_equal(stats_of(bus).link_down, i);
        words.text[0] = '\0';
    }
    canring_bus_close(bus);
    RUN("ip", "link", "del", "vcan7");
}

static void any_tells_of_each_interface_that_it_heard_of(void **state)
{
    struct words words;
    RUN("ip", "link", "add", "vcan7", "up", "type", "vcan");
    struct canring_bus *bus = open_told(state, &words, "any");
    expect_id(bus, "vcan7", 1);
    expect_id(bus, "vcan1", 2);
    RUN("ip", "link", "set", "vcan1", "down");
    await_words(bus, &words, "vcan1: the interface is down");
    RUN("ip", "link", "set", "vcan1", "up");
    await_words(bus, &words, "vcan1: the interface is up");
    expect_id(bus, "vcan1", 3);
    RUN("ip", "link", "del", "vcan7");
    await_words(bus, &words, "vcan7: the interface was removed");
    RUN("ip", "link", "add", "vcan7", "up", "type", "vcan");
    expect_id(bus, "vcan7", 4);
    assert_string_equal(canring_bus_name(bus), "vcan7");
    assert_int_equal(said(&words, "is down"), 2);
    assert_int_equal(said(&words, "is up"), 1);
    assert_int_equal(stats_of(bus).link_down, 2);
    canring_bus_close(bus);
    RUN("ip", "link", "del", "vcan7");
}

static void interface_that_is_down_may_be_opened(void **state)
{
    struct words words;
    union canring_frame_buffer buffer;
    canring_frame_classic(&buffer.frame, 1, "x", 1);
    RUN("ip", "link", "set", "vcan1", "down");
    struct canring_bus *bus = open_told(state, &words, "vcan1");
    assert_int_equal(said(&words, "is down"), 1);
    assert_int_equal(canring_bus_send(bus, &buffer.frame, WAIT_MS), -ENETDOWN);
    assert_int_equal(stats_of(bus).tx_frames, 0);
    RUN("ip", "link", "set", "vcan1", "up");
    await_words(bus, &words, "is up");
    assert_int_equal(canring_bus_send(bus, &buffer.frame, WAIT_MS), 0);
    expect_id(bus, "vcan1", 5);
    assert_int_equal(said(&words, "is down"), 1);
    canring_bus_close(bus);
}

static void bus_off_is_seen_counted_and_told(void **state)
{
    struct words words;
    struct canring_bus *bus = open_told(state, &words, "vcan0");
    raw_error("vcan0", CAN_ERR_CRTL, CAN_ERR_CRTL_TX_WARNING);
    await_words(bus, &words, "error warning");
    assert_int_equal(stats_of(bus).state, CANRING_BUS_WARNING);
    raw_error("vcan0", CAN_ERR_CRTL, CAN_ERR_CRTL_RX_PASSIVE);
    await_words(bus, &words, "error passive");
    assert_int_equal(stats_of(bus).state, CANRING_BUS_PASSIVE);
    raw_error("vcan0", CAN_ERR_BUSOFF, 0);
    raw_error("vcan0", CAN_ERR_BUSOFF, 0);
    await_words(bus, &words, "bus-off");
    assert_true(nothing_comes(bus)); /* error frames were not asked for */
    assert_int_equal(stats_of(bus).state, CANRING_BUS_OFF);
    assert_int_equal(stats_of(bus).bus_off, 1);
    assert_int_equal(said(&words, "bus-off"), 1);
    raw_error("vcan0", CAN_ERR_RESTARTED, 0);
    await_words(bus, &words, "error active");
    assert_int_equal(stats_of(bus).state, CANRING_BUS_ACTIVE);
    assert_int_equal(stats_of(bus).rx_frames, 0);
    canring_bus_close(bus);
}

static void restart_that_is_not_possible_says_why(void **state)
{
    struct words words = {0};
    struct canring_bus_options options = {
        .restart_ms = 20, .report = keep_words, .report_arg = &words};
    struct canring_bus *bus = open_with(state, &options);
    raw_error("vcan0", CAN_ERR_BUSOFF, 0);
    await_words(bus, &words, "not a CAN controller");
    assert_int_equal(said(&words, "cannot restart"), 1);
    raw_error("vcan0", CAN_ERR_RESTARTED, 0);
    await_words(bus, &words, "error active");
    canring_bus_close(bus);
}

static void error_frames_come_when_their_class_was_asked_for(void **state)
{
    struct canring_bus_options options = {.filters = {.error_mask = CAN_ERR_PROT | CAN_ERR_BUSOFF}};
    struct canring_bus *bus = open_with(state, &options);
    raw_error("vcan0", CAN_ERR_TRX, 0);
    raw_error("vcan0", CAN_ERR_PROT, 0);
    raw_error("vcan0", CAN_ERR_BUSOFF, 0);
    const struct canring_frame *frame = receive(bus);
    assert_int_equal(frame->id, CANRING_ID_ERROR | CAN_ERR_PROT);
    assert_int_equal(frame->number, 0);
    assert_int_equal(canring_frame_length(frame), 8);
    frame = receive(bus);
    assert_int_equal(frame->id, CANRING_ID_ERROR | CAN_ERR_BUSOFF);
    assert_int_equal(stats_of(bus).rx_errors, 2);
    assert_true(nothing_comes(bus));
    canring_bus_close(bus);
}

/* ---- filters -------------------------------------------------------------------- */

/* All standard ids are sent; those that `accepts` must arrive, in order, and no other. */
static void expect_filtered(void **state, const struct canring_filters *filters)
{
    struct canring_bus_options options = {.filters = *filters};
    struct canring_bus *bus = open_with(state, &options);
    union canring_frame_buffer buffer;
    int fd = raw_open("vcan0");
    unsigned accepted = 0;
    for (uint32_t id = 0; id <= CAN_SFF_MASK; id++)
        raw_send(fd, id, "", 0);
    for (uint32_t id = 0; id <= CAN_SFF_MASK; id++) {
        canring_frame_classic(&buffer.frame, id, NULL, 0);
        if (!canring_filters_match(filters, &buffer.frame))
            continue;
        const struct canring_frame *frame = receive(bus);
        assert_int_equal(frame->id, id);
        assert_int_equal(frame->number, accepted++);
    }
    assert_true(nothing_comes(bus));
    assert_true(accepted > 0);
    close(fd);
    canring_bus_close(bus);
}

static void filters_let_through_what_they_match(void **state)
{
    struct canring_filter list[] = {
        {.id = 0x123, .mask = CAN_SFF_MASK},
        {.id = 0x200, .mask = 0x700},
        {.id = 0x400, .mask = 0x400, .inverted = true},
    };
    expect_filtered(state, &(struct canring_filters){.list = list, .count = 1});
    expect_filtered(state, &(struct canring_filters){.list = list, .count = 2});
    expect_filtered(state, &(struct canring_filters){.list = list, .count = 3});
}

static void joined_filters_must_all_match_and_bus_off_is_still_seen(void **state)
{
    struct words words = {0};
    struct canring_filter list[] = {
        {.id = 0x100, .mask = 0x700},
        {.id = 0x120, .mask = 0x0f0, .inverted = true},
    };
    const struct canring_filters joined = {.list = list, .count = 2, .join = true};
    expect_filtered(state, &joined);
    struct canring_bus_options options = {
        .filters = joined, .report = keep_words, .report_arg = &words};
    struct canring_bus *bus = open_with(state, &options);
    raw_error("vcan0", CAN_ERR_BUSOFF, 0);
    await_words(bus, &words, "bus-off");
    canring_bus_close(bus);
}

static void more_filters_than_the_kernel_takes_work(void **state)
{
    enum { MANY = 700 };
    struct canring_filter *list = test_calloc(MANY, sizeof(*list));
    for (uint32_t i = 0; i < MANY; i++)
        list[i] = (struct canring_filter){.id = i * 2, .mask = CAN_SFF_MASK | CAN_EFF_FLAG};
    expect_filtered(state, &(struct canring_filters){.list = list, .count = MANY});
    expect_filtered(state, &(struct canring_filters){.list = list, .count = 512});
    test_free(list);
}

/* ---- opening ---------------------------------------------------------------------- */

static void opening_what_is_not_there_names_what_is(void **state)
{
    (void)state;
    struct canring_bus *bus;
    struct canring_error err;
    struct canring_bus_options options = {.interface = "socketcan", .channel = "vcam0"};
    assert_int_equal(canring_bus_open(&bus, &options, &err), -ENODEV);
    assert_non_null(strstr(err.text, "did you mean \"vcan0\"?"));
    assert_non_null(strstr(err.text, "vcan1"));
    options.channel = "a_name_that_no_interface_can_have";
    assert_int_equal(canring_bus_open(&bus, &options, &err), -ENODEV);
    options.channel = "lo";
    assert_int_equal(canring_bus_open(&bus, &options, &err), -ENODEV);
    assert_non_null(strstr(err.text, "not a CAN interface"));
    options.channel = NULL;
    assert_int_equal(canring_bus_open(&bus, &options, &err), -EINVAL);
    options.interface = "socketcam";
    assert_int_equal(canring_bus_open(&bus, &options, &err), -EINVAL);
    assert_non_null(strstr(err.text, "did you mean \"socketcan\"?"));
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
        ON_BOTH(interface_that_goes_down_is_told_once_and_comes_back),
        ON_BOTH(removed_interface_is_taken_again_when_it_is_back),
        ON_BOTH(any_tells_of_each_interface_that_it_heard_of),
        ON_BOTH(interface_that_is_down_may_be_opened),
        ON_BOTH(bus_off_is_seen_counted_and_told),
        ON_BOTH(restart_that_is_not_possible_says_why),
        ON_BOTH(error_frames_come_when_their_class_was_asked_for),
        ON_BOTH(filters_let_through_what_they_match),
        ON_BOTH(joined_filters_must_all_match_and_bus_off_is_still_seen),
        ON_BOTH(more_filters_than_the_kernel_takes_work),
        ON_BOTH(opening_what_is_not_there_names_what_is),
    };
    vcan_or_skip();
    if (geteuid() != 0) {
        printf("not root in this kernel: cannot take interfaces down\n");
        return 77;
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
