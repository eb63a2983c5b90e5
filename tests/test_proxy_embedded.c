/* Channels and proxies in an event loop that is not theirs. */
#include "proxy_rig.h"

#include <poll.h>
#include <sys/wait.h>

static void channel_fd_fits_a_foreign_event_loop(void **state)
{
    (void)state;
    start();
    struct canring_channel *one = attach("com1");
    for (uint32_t i = 0; i < 200; i++) {
        bool asleep = canring_channel_prepare(one);
        send_numbered(rig.bus, i, 1);
        struct pollfd p = {.fd = canring_channel_fd(one), .events = POLLIN};
        if (asleep)
            assert_int_equal(poll(&p, 1, 5000), 1);
        canring_channel_awake(one);
        expect_numbered(one, i, 1);
    }
    canring_channel_detach(one);
    stop();
}

static void proxy_runs_in_a_foreign_event_loop(void **state)
{
    (void)state;
    start();
    canring_proxy_stop(rig.proxy);
    pthread_join(rig.thread, NULL);
    rig.running = false;
    canring_proxy_close(rig.proxy);

    struct canring_proxy_options options = {.name = "embedded",
                                            .bus = {.interface = "virtual", .channel = bus_name},
                                            .channels = channels,
                                            .channel_count = 1};
    assert_int_equal(canring_proxy_open(&rig.proxy, &options, NULL), 0);
    assert_int_equal(canring_proxy_poll(rig.proxy), 0);
    pid_t child = fork();
    if (child == 0) {
        struct canring_channel *channel;
        union canring_frame_buffer b;
        if (canring_channel_attach(&channel, "embedded/com1", NULL, NULL) < 0)
            _exit(1);
        canring_frame_classic(&b.frame, 0x111, "ping", 4);
        if (canring_channel_send(channel, &b.frame, 1000) < 0)
            _exit(2);
        _exit(canring_channel_receive(channel, &b, 10000) == 1 && b.frame.id == 0x222 ? 0 : 3);
    }
    const struct canring_frame *frame = NULL;
    bool answered = false;
    int status = -1;
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct pollfd p = {.fd = canring_proxy_fd(rig.proxy), .events = POLLIN};
        poll(&p, 1, 100);
        assert_int_equal(canring_proxy_poll(rig.proxy), 0);
        if (!answered && canring_bus_receive(rig.bus, &frame, 0) == 1 && frame->id == 0x111) {
            union canring_frame_buffer b;
            canring_frame_classic(&b.frame, 0x222, "pong", 4);
            assert_int_equal(canring_bus_send(rig.bus, &b.frame, 1000), 0);
            answered = true;
        }
    }
    assert_int_equal(status, 0);
    canring_proxy_close(rig.proxy);
    canring_bus_close(rig.bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROXY_TEST(channel_fd_fits_a_foreign_event_loop),
        PROXY_TEST(proxy_runs_in_a_foreign_event_loop),
    };
    return cmocka_run_group_tests(tests, make_runtime, remove_runtime);
}
