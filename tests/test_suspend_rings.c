/* What is in a channel's rings when its proxy is suspended is gone, in both directions: nothing old
 * is read after a resume, and above all nothing old is sent then. */
#include "auxiliary_rig.h"

#include <canring/bus.h>
#include <canring/channel.h>
#include <canring/proxy.h>

static char bus_name[32];
static int serial;
static struct canring_proxy *proxy;
static struct rig {
    pid_t pid;
    struct canring_bus *bus;
    struct canring_channel *channel;
    struct canring_auxiliary *handle;
} rig;

static void on_term(int number)
{
    (void)number;
    canring_proxy_stop(proxy);
}

static _Noreturn void be_proxy(int ready)
{
    struct canring_channel_config channel = {.name = "com1", .ring_slots = 128, .spill_limit = 100};
    struct canring_proxy_options options = {.name = "proxy",
                                            .bus = {.interface = "virtual", .channel = bus_name},
                                            .channels = &channel,
                                            .channel_count = 1};
    ready = close_inherited(ready);
    if (canring_proxy_open(&proxy, &options, NULL) < 0)
        _exit(1);
    signal(SIGTERM, on_term);
    if (write(ready, "x", 1) != 1)
        _exit(2);
    int result = canring_proxy_run(proxy);
    canring_proxy_close(proxy);
    _exit(result < 0);
}

static int setup(void **state)
{
    const struct canring_bus_options bus = {.interface = "virtual", .channel = bus_name};
    struct canring_error err = {0};
    int ready[2];
    char x;
    (void)state;
    snprintf(bus_name, sizeof(bus_name), "rings%d.%d", (int)getpid(), serial++);
    if (pipe(ready) < 0)
        return -1;
    rig.pid = fork();
    if (rig.pid == 0)
        be_proxy(ready[1]);
    assert_int_equal(read(ready[0], &x, 1), 1);
    close(ready[0]);
    close(ready[1]);
    if (canring_bus_open(&rig.bus, &bus, &err) < 0 ||
        canring_channel_attach(&rig.channel, "proxy/com1", NULL, &err) < 0)
        fail_msg("%s", err.text);
    rig.handle = open_auxiliary("proxy");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    canring_auxiliary_close(rig.handle);
    canring_channel_detach(rig.channel);
    canring_bus_close(rig.bus);
    kill(rig.pid, SIGCONT);
    kill(rig.pid, SIGTERM);
    expect_exit(rig.pid, 0);
    assert_int_equal(leftovers(), 0);
    return 0;
}

static void resume(void)
{
    struct canring_error err = {0};
    if (canring_auxiliary_resume(rig.handle, &err) < 0)
        fail_msg("%s", err.text);
}

static const struct canring_frame *frame_of(uint32_t id)
{
    static union canring_frame_buffer buffer;
    canring_frame_classic(&buffer.frame, id, "x", 1);
    return &buffer.frame;
}

static void bus_says(uint32_t first, uint32_t count)
{
    for (uint32_t id = first; id < first + count; id++)
        assert_int_equal(canring_bus_send(rig.bus, frame_of(id), 5000), 0);
}

static void channel_says(uint32_t first, uint32_t count)
{
    for (uint32_t id = first; id < first + count; id++)
        assert_int_equal(canring_channel_send(rig.channel, frame_of(id), 5000), 0);
}

static struct canring_channel_stats stats(void)
{
    struct canring_channel_stats now;
    canring_channel_stats(rig.channel, &now);
    return now;
}

/* The proxy has it all, in our ring or its own memory. */
static void await_frames(uint64_t count)
{
    for (unsigned tries = 0; tries < 2000; tries++) {
        struct canring_channel_stats now = stats();
        if (now.published + now.spilled >= count)
            return;
        usleep(5000);
    }
    fail_msg("only %llu frames came", (unsigned long long)stats().published);
}

/* The proxy brings its counters up to date when it has nothing else to do. */
static void await_counts(uint64_t dropped, uint64_t refused)
{
    struct canring_channel_stats now = stats();
    for (unsigned tries = 0; tries < 2000; tries++) {
        if (now.dropped == dropped && now.refused == refused)
            return;
        usleep(5000);
        now = stats();
    }
    fail_msg("dropped %llu, refused %llu", (unsigned long long)now.dropped,
             (unsigned long long)now.refused);
}

static void channel_hears(uint32_t id)
{
    union canring_frame_buffer in;
    assert_int_equal(canring_channel_receive(rig.channel, &in, 10000), 1);
    assert_int_equal(in.frame.id, id);
}

static void bus_hears(uint32_t id)
{
    const struct canring_frame *frame;
    assert_int_equal(canring_bus_receive(rig.bus, &frame, 10000), 1);
    assert_int_equal(frame->id, id);
}

/* ---- to the auxiliary ---------------------------------------------------------------------- */

static void frames_of_before_a_suspend_are_not_read_after_it(void **state)
{
    (void)state;
    bus_says(0x100, 5);
    await_frames(5);
    channel_hears(0x100);
    const struct canring_frame *held = canring_channel_peek(rig.channel);
    assert_non_null(held);
    assert_int_equal(canring_auxiliary_suspend(rig.handle), 0);
    assert_int_equal(held->id, 0x101); /* what one is looking at stays */
    canring_channel_next(rig.channel);
    assert_null(canring_channel_peek(rig.channel));
    bus_says(0x200, 3);
    resume();
    bus_says(0x300, 1);
    channel_hears(0x300);
    assert_int_equal(stats().received, 3);
    await_counts(3, 0);
    assert_null(canring_channel_peek(rig.channel));
}

/* As many as ring and spill hold, and read only when others have come after the resume. */
static void full_ring_and_spill_are_emptied(void **state)
{
    (void)state;
    bus_says(0x100, 150);
    await_frames(150);
    assert_int_equal(canring_auxiliary_suspend(rig.handle), 0);
    resume();
    bus_says(0x300, 2);
    for (uint32_t id = 0x300; id < 0x302; id++)
        channel_hears(id);
    assert_int_equal(stats().received, 2);
    await_counts(150, 0);
    for (unsigned round = 0; round < 3; round++) { /* and the ring goes round */
        bus_says(0x400, 100);
        for (uint32_t id = 0x400; id < 0x464; id++)
            channel_hears(id);
    }
}

/* ---- to the bus ---------------------------------------------------------------------------- */

static void commands_of_a_suspended_time_are_never_sent(void **state)
{
    (void)state;
    channel_says(0x10, 1);
    bus_hears(0x10);
    assert_int_equal(canring_auxiliary_suspend(rig.handle), 0);
    channel_says(0x20, 60);
    assert_int_equal(canring_channel_send_confirmed(rig.channel, frame_of(0x21), 5000), 0);
    resume();
    channel_says(0x30, 1);
    bus_hears(0x30);
    await_counts(0, 61);
}

/* The proxy cannot look into the ring between the send and the resume. */
static void commands_that_wait_in_the_ring_at_the_resume_are_never_sent(void **state)
{
    (void)state;
    assert_int_equal(canring_auxiliary_suspend(rig.handle), 0);
    for (unsigned round = 0; round < 20; round++) {
        kill(rig.pid, SIGSTOP);
        channel_says(0x20, 40);
        pid_t asker = fork();
        if (asker == 0) {
            struct canring_auxiliary *handle;
            struct canring_error err;
            _exit(canring_auxiliary_open(&handle, "proxy", &err) < 0 ||
                  canring_auxiliary_resume(handle, &err) != 0);
        }
        usleep(20000); /* it asks; were it late, less would be tested */
        kill(rig.pid, SIGCONT);
        expect_exit(asker, 0);
        channel_says(0x50, 1);
        bus_hears(0x50);
        await_counts(0, 40 * (round + 1));
        assert_int_equal(canring_auxiliary_suspend(rig.handle), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_of_before_a_suspend_are_not_read_after_it),
        TEST(full_ring_and_spill_are_emptied),
        TEST(commands_of_a_suspended_time_are_never_sent),
        TEST(commands_that_wait_in_the_ring_at_the_resume_are_never_sent),
    };
    begin_runtime("suspend-rings");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
