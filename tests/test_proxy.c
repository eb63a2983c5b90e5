/* What a proxy does with frames: to whom they go, in what order, and where they are counted. */
#include "proxy_rig.h"

static void received_frames_go_to_all_channels_in_order(void **state)
{
    (void)state;
    start();
    struct canring_channel *one = attach("proxy/com1"), *two = attach("com2");
    for (uint32_t round = 0; round < 20; round++) {
        send_numbered(rig.bus, round * 500, 500);
        expect_numbered(one, round * 500, 500);
        expect_numbered(two, round * 500, 500);
    }
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

static void a_send_goes_to_the_bus_and_all_others_never_back(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    const struct canring_frame *frame;
    start();
    struct canring_channel *one = attach("com1"), *two = attach("com2"), *three = attach("com3");
    for (uint32_t i = 0; i < 100; i++) {
        canring_frame_classic(&b.frame, 0x321, &i, sizeof(i));
        assert_int_equal(canring_channel_send(one, &b.frame, 1000), 0);
    }
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(receive_patiently(rig.bus, &frame, 5000), 1);
        assert_int_equal(number_in(frame), i);
        assert_int_equal(canring_channel_receive(two, &b, 5000), 1);
        assert_int_equal(number_in(&b.frame), i);
        assert_true(b.frame.flags & CANRING_TX);
        assert_int_equal(canring_channel_receive(three, &b, 5000), 1);
        assert_int_equal(number_in(&b.frame), i);
    }
    assert_int_equal(canring_channel_receive(one, &b, 50), 0);
    assert_int_equal(canring_bus_receive(rig.bus, &frame, 50), 0);
    canring_channel_detach(one);
    canring_channel_detach(two);
    canring_channel_detach(three);
    stop();
}

static void frames_of_every_kind_pass_unchanged(void **state)
{
    (void)state;
    static const struct {
        uint32_t id;
        uint16_t flags;
        uint16_t size;
    } kinds[] = {
        {0x123, 0, 24},
        {0x1ABCDEF0 | CANRING_ID_EXTENDED, 8 << CANRING_DLC_SHIFT, 32},
        {0x7FF | CANRING_ID_REMOTE, 4 << CANRING_DLC_SHIFT, 24},
        {0x100, 15 << CANRING_DLC_SHIFT, 32},
        {0x101, CANRING_FD | CANRING_BRS, 24 + 64},
        {0x102 | CANRING_ID_EXTENDED, CANRING_FD | CANRING_ESI, 24 + 12},
        {0x103, CANRING_FD, 24},
        {0x104, CANRING_XL, 32 + 2048},
        {0x105, CANRING_XL, 32 + 1},
    };
    union canring_frame_buffer out, in;
    const struct canring_frame *frame;
    start();
    struct canring_channel *one = attach("com1"), *two = attach("com2");
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (size_t at = 0; at < sizeof(out); at++)
            out.bytes[at] = (uint8_t)(at * 13 + i);
        out.frame.id = kinds[i].id;
        out.frame.flags = kinds[i].flags;
        out.frame.size = kinds[i].size;
        if (kinds[i].flags & CANRING_XL)
            out.bytes[31] = 0; /* reserved */
        assert_int_equal(canring_channel_send(one, &out.frame, 1000), 0);
        assert_int_equal(canring_channel_receive(two, &in, 5000), 1);
        assert_int_equal(receive_patiently(rig.bus, &frame, 5000), 1);
        assert_int_equal(in.frame.id, kinds[i].id);
        assert_int_equal(in.frame.size, kinds[i].size);
        assert_int_equal(frame->size, kinds[i].size);
        unsigned meaning = CANRING_FD | CANRING_BRS | CANRING_ESI | CANRING_XL | CANRING_DLC_MASK;
        assert_int_equal(in.frame.flags & meaning, kinds[i].flags);
        assert_int_equal(frame->flags & meaning, kinds[i].flags);
        assert_memory_equal(in.frame.data, out.frame.data, kinds[i].size - 24u);
        assert_memory_equal(frame->data, out.frame.data, kinds[i].size - 24u);
    }
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

static void numbers_prove_that_nothing_is_missing(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    start();
    struct canring_channel *one = attach("com1"), *two = attach("com2");
    uint32_t sent = 7, next = 0;
    send_numbered(rig.bus, 0, 100);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(canring_channel_receive(one, &b, 5000), 1);
        assert_true(i == 0 || b.frame.number == next);
        next = b.frame.number + 1;
    }
    canring_frame_classic(&b.frame, 1, &sent, sizeof(sent));
    assert_int_equal(canring_channel_send(one, &b.frame, 1000), 0);
    expect_numbered(two, 0, 100);
    assert_int_equal(canring_channel_receive(two, &b, 5000), 1);
    assert_int_equal(b.frame.number, next); /* the gap that one sees is its own frame */
    send_numbered(rig.bus, 0, 1);
    assert_int_equal(canring_channel_receive(one, &b, 5000), 1);
    assert_int_equal(b.frame.number, next + 1);
    canring_channel_detach(one);
    canring_channel_detach(two);
    stop();
}

static void a_slow_auxiliary_harms_only_itself_and_misses_nothing(void **state)
{
    (void)state;
    struct canring_channel_stats stats;
    start();
    struct canring_channel *slow = attach("com1"), *fast = attach("com2");
    for (uint32_t round = 0; round < 40; round++) { /* 20,000 frames into a ring of 1,024 slots */
        send_numbered(rig.bus, round * 500, 500);
        expect_numbered(fast, round * 500, 500);
    }
    canring_channel_stats(slow, &stats);
    expect_numbered(slow, 0, 20000);
    canring_channel_stats(slow, &stats);
    assert_true(stats.spilled > 0);
    assert_int_equal(stats.dropped, 0);
    canring_channel_stats(fast, &stats);
    assert_int_equal(stats.spilled, 0);
    canring_channel_detach(slow);
    canring_channel_detach(fast);
    stop();
}

static void filters_of_a_channel_and_of_an_observer_hold(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    struct canring_channel *observer;
    const struct canring_channel_options options = {.filters = "005:7FF"};
    assert_int_equal(canring_filters_parse(&channels[0].filters, "003:7FF,004:7FF", NULL), 0);
    start();
    canring_filters_free(&channels[0].filters);
    struct canring_channel *one = attach("com1");
    assert_int_equal(canring_channel_attach(&observer, "proxy", &options, NULL), 0);
    send_numbered(rig.bus, 0, 100);
    for (uint32_t expected = 3; expected <= 4; expected++) {
        assert_int_equal(canring_channel_receive(one, &b, 5000), 1);
        assert_int_equal(b.frame.id, expected);
    }
    assert_int_equal(canring_channel_receive(observer, &b, 5000), 1);
    assert_int_equal(b.frame.id, 5);
    assert_int_equal(canring_channel_receive(one, &b, 50), 0);
    canring_channel_detach(one);
    canring_channel_detach(observer);
    stop();
}

static void error_frames_pass_where_no_filters_are_given(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    struct canring_channel *seen[4];
    const struct canring_channel_options options[2] = {{.filters = NULL}, {.filters = ""}};
    channels[0].filters.given = true;
    start();
    channels[0].filters.given = false;
    seen[0] = attach("com2");
    seen[2] = attach("com1");
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(canring_channel_attach(&seen[1 + 2 * i], "proxy/", &options[i], NULL), 0);
    canring_frame_classic(&b.frame, CANRING_ID_ERROR | 2, "\0\0\0\0\0\0\0", 8);
    assert_int_equal(canring_bus_send(rig.bus, &b.frame, 1000), 0);
    send_numbered(rig.bus, 7, 1);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(canring_channel_receive(seen[i], &b, 5000), 1);
        assert_int_equal(canring_frame_is_error(&b.frame), i < 2);
        if (i < 2)
            assert_int_equal(canring_channel_receive(seen[i], &b, 5000), 1);
        assert_int_equal(b.frame.id, 7);
        canring_channel_detach(seen[i]);
    }
    stop();
}

static void status_tells_channels_and_counts(void **state)
{
    (void)state;
    char *json;
    start();
    struct canring_channel *one = attach("com1");
    send_numbered(rig.bus, 0, 10);
    expect_numbered(one, 0, 10);
    assert_null(canring_channel_peek(one)); /* gives the memory back, counts */
    assert_int_equal(canring_proxies(&json, NULL), 1);
    assert_non_null(strstr(json, "\"name\": \"com1\""));
    assert_non_null(strstr(json, "\"attached\": true"));
    assert_non_null(strstr(json, "\"published\": 10"));
    assert_non_null(strstr(json, "\"received\": 10"));
    assert_non_null(strstr(json, "\"rx_frames\": 10"));
    free(json);
    canring_channel_detach(one);
    stop();
    assert_int_equal(canring_proxies(&json, NULL), 0);
    free(json);
}

static void trace_has_every_frame_received_and_sent(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    char path[128], line[256];
    union canring_frame_buffer b;
    snprintf(path, sizeof(path), "%s/trace.log", runtime);
    struct canring_recording recording = {.path = path};
    struct canring_proxy_options options = {.trace = &recording};
    start_with(&options);
    struct canring_channel *one = attach("com1");
    send_numbered(rig.bus, 0, 3000);
    expect_numbered(one, 0, 3000);
    canring_frame_classic(&b.frame, 0x123, "\xAB", 1);
    assert_int_equal(canring_channel_send(one, &b.frame, 1000), 0);
    const struct canring_frame *frame;
    assert_int_equal(receive_patiently(rig.bus, &frame, 5000), 1);
    canring_channel_detach(one);
    stop();
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    unsigned lines = 0;
    while (fgets(line, sizeof(line), file))
        lines++;
    assert_int_equal(lines, 3001);
    assert_non_null(strstr(line, "123#AB"));
    fclose(file);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROXY_TEST(received_frames_go_to_all_channels_in_order),
        PROXY_TEST(a_send_goes_to_the_bus_and_all_others_never_back),
        PROXY_TEST(frames_of_every_kind_pass_unchanged),
        PROXY_TEST(numbers_prove_that_nothing_is_missing),
        PROXY_TEST(a_slow_auxiliary_harms_only_itself_and_misses_nothing),
        PROXY_TEST(filters_of_a_channel_and_of_an_observer_hold),
        PROXY_TEST(error_frames_pass_where_no_filters_are_given),
        PROXY_TEST(status_tells_channels_and_counts),
        PROXY_TEST(trace_has_every_frame_received_and_sent),
    };
    return cmocka_run_group_tests(tests, make_runtime, remove_runtime);
}
