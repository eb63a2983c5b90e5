/* Who may have a channel or a name, and what is left when a proxy or an auxiliary ends. */
#include "proxy_rig.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static void a_channel_has_one_auxiliary_and_says_who(void **state)
{
    (void)state;
    struct canring_channel *again;
    struct canring_error err;
    char words[64];
    start();
    struct canring_channel *one = attach("com1");
    assert_int_equal(canring_channel_attach(&again, "com1", NULL, &err), -EBUSY);
    snprintf(words, sizeof(words), "in use by pid %d", (int)getpid());
    assert_non_null(strstr(err.text, words));
    assert_int_equal(canring_channel_attach(&again, "com9", NULL, &err), -ENOENT);
    assert_non_null(strstr(err.text, "proxy/com1"));
    assert_int_equal(canring_channel_attach(&again, "proxy/com9", NULL, &err), -ENOENT);
    assert_non_null(strstr(err.text, "it has com1, com2, com3"));
    assert_int_equal(canring_channel_attach(&again, "other/com1", NULL, &err), -ENOENT);
    canring_channel_detach(one);
    stop();
}

static void second_proxy_of_a_name_is_refused(void **state)
{
    (void)state;
    struct canring_proxy *second;
    struct canring_error err;
    start();
    struct canring_proxy_options options = {.name = "proxy",
                                            .bus = {.interface = "virtual", .channel = bus_name}};
    assert_int_equal(canring_proxy_open(&second, &options, &err), -EEXIST);
    assert_non_null(strstr(err.text, "running already"));
    struct canring_channel *one = attach("com1"); /* the first is none the worse */
    send_numbered(rig.bus, 0, 10);
    expect_numbered(one, 0, 10);
    canring_channel_detach(one);
    stop();
}

static void refused(const struct canring_proxy_options *options, int code, const char *words)
{
    struct canring_proxy *proxy = NULL;
    struct canring_error err = {0};
    assert_int_equal(canring_proxy_open(&proxy, options, &err), code);
    assert_null(proxy);
    if (!strstr(err.text, words))
        fail_msg("'%s' is not in '%s'", words, err.text);
}

static void what_is_out_of_its_range_is_refused(void **state)
{
    (void)state;
    struct canring_channel_config channel = {.name = "c"};
    const struct canring_proxy_options fine = {.name = "fine",
                                               .bus = {.interface = "virtual", .channel = bus_name},
                                               .channels = &channel,
                                               .channel_count = 1};
    struct canring_proxy_options options = fine;
    options.wait = (enum canring_wait)9;
    refused(&options, -EINVAL, "wait is 9: allowed are 0 to 2");
    options = fine;
    options.start = (enum canring_start)9;
    refused(&options, -EINVAL, "start is 9: allowed are 0 to 2");
    options = fine;
    options.coalesce = CANRING_COALESCE_MAX + 1;
    refused(&options, -EINVAL, "coalesce is 100001: allowed are 0 to 100000");
    options = fine;
    options.busy_poll = CANRING_BUSY_POLL_MAX + 1;
    refused(&options, -EINVAL, "busy_poll is 1000001");
    channel.overflow = (enum canring_overflow)7;
    refused(&fine, -EINVAL, "channel c: overflow is 7: allowed are 0 to 1");
    channel.overflow = CANRING_OVERFLOW_DROP;
    channel.ring_slots = 2 * CANRING_RING_SLOTS_MAX;
    refused(&fine, -EINVAL, "channel c: ring_slots is 2097152: allowed are 0 to 1048576");
    channel.ring_slots = 1000;
    refused(&fine, -EINVAL, "allowed is a power of two");
    channel.ring_slots = 0;
    channel.spill_limit = UINT32_MAX;
    refused(&fine, -EINVAL, "channel c: spill_limit is 4294967295");
}

static void what_cannot_be_told_in_json_is_refused(void **state)
{
    (void)state;
    const struct canring_channel_config channel = {.name = "\xff"};
    struct canring_proxy_options options = {.name = "\xff\xfe",
                                            .bus = {.interface = "virtual", .channel = bus_name}};
    refused(&options, -EINVAL, "characters of UTF-8");
    options.name = "fine";
    options.attributes = "{\"a\":";
    refused(&options, -EINVAL, "allowed is a JSON object");
    options.attributes = "[]";
    refused(&options, -EINVAL, "allowed is a JSON object");
    options.attributes = NULL;
    options.channels = &channel;
    options.channel_count = 1;
    refused(&options, -EINVAL, "channel name");
}

/* What broke: the kernel accepts for a killed proxy until its io_uring is gone. */
static void name_of_a_killed_proxy_is_free_at_once(void **state)
{
    (void)state;
    struct canring_proxy_options options = {.name = "killed",
                                            .bus = {.interface = "virtual", .channel = bus_name}};
    for (unsigned i = 0; i < 5; i++) {
        struct canring_proxy *proxy;
        int ready[2];
        char byte;
        assert_int_equal(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0) {
            if (canring_proxy_open(&proxy, &options, NULL) < 0 || write(ready[1], "x", 1) != 1)
                _exit(1);
            canring_proxy_run(proxy);
            _exit(0);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        close(ready[1]);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        assert_int_equal(canring_proxy_open(&proxy, &options, NULL), 0);
        canring_proxy_close(proxy);
    }
}

/* A child that attaches, reads some frames, and waits to be killed. */
static pid_t auxiliary(const char *name, int ready)
{
    pid_t child = fork();
    if (child)
        return child;
    struct canring_channel *channel;
    struct canring_error err = {0};
    int result = -EBUSY;
    for (unsigned tries = 0; tries < 500 && result < 0; tries++) { /* of the one before */
        if (tries)
            usleep(10000);
        result = canring_channel_attach(&channel, name, NULL, &err);
    }
    if (result < 0)
        fprintf(stderr, "attach: %d: %s\n", result, err.text);
    if (write(ready, result < 0 ? "e" : "x", 1) != 1 || result < 0)
        _exit(2);
    for (;;) {
        union canring_frame_buffer b;
        if (canring_channel_receive(channel, &b, 100) == 1)
            canring_channel_send(channel, &b.frame, 100);
    }
}

static void killed_auxiliary_is_noticed_and_replaced(void **state)
{
    (void)state;
    start();
    struct canring_channel *two = attach("com2");
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    for (uint32_t round = 0; round < 30; round++) {
        char x;
        pid_t child = auxiliary("proxy/com1", ready[1]);
        assert_int_equal(read(ready[0], &x, 1), 1);
        assert_int_equal(x, 'x');
        send_numbered(rig.bus, 0, 1 + round * 7 % 50);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        struct canring_channel *one = NULL;
        for (unsigned tries = 0; tries < 500 && !one; tries++) /* until its end is noticed */
            if (canring_channel_attach(&one, "proxy/com1", NULL, NULL) < 0)
                usleep(10000);
        assert_non_null(one);
        union canring_frame_buffer b;
        while (canring_channel_receive(two, &b, 50) == 1)
            ; /* what the bus and the dead one said */
        while (canring_channel_receive(one, &b, 0) == 1)
            ;
        send_numbered(rig.bus, 1000, 20);
        expect_numbered(one, 1000, 20);
        expect_numbered(two, 1000, 20);
        canring_channel_detach(one);
        for (unsigned tries = 0; tries < 500 && times_noted("com1 detached") < 2 * (round + 1);
             tries++)
            usleep(10000);
    }
    close(ready[0]);
    close(ready[1]);
    canring_channel_detach(two);
    stop();
}

static void auxiliary_learns_that_its_proxy_closed(void **state)
{
    (void)state;
    union canring_frame_buffer b;
    start();
    struct canring_channel *one = attach("com1");
    send_numbered(rig.bus, 0, 5);
    expect_numbered(one, 0, 4);
    send_numbered(rig.bus, 5, 200);
    stop();
    expect_numbered(one, 4, 201); /* what was on the bus by then is still there */
    assert_int_equal(canring_channel_receive(one, &b, 5000), -EPIPE);
    canring_frame_classic(&b.frame, 1, "x", 1);
    assert_int_equal(canring_channel_send(one, &b.frame, 100), -EPIPE);
    canring_channel_detach(one);
    assert_int_equal(leftovers(), 0);
}

static void killed_proxy_leaves_nothing_that_hinders_the_next(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct canring_proxy *proxy;
        struct canring_proxy_options options = {
            .name = "proxy",
            .bus = {.interface = "virtual", .channel = bus_name},
            .channels = channels,
            .channel_count = 3};
        if (canring_proxy_open(&proxy, &options, NULL) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        canring_proxy_run(proxy);
        _exit(0);
    }
    char x;
    assert_int_equal(read(ready[0], &x, 1), 1);
    struct canring_channel *one = attach("proxy/com1");
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    union canring_frame_buffer b;
    assert_int_equal(canring_channel_receive(one, &b, 10000), -EPIPE);
    canring_channel_detach(one);

    start();
    one = attach("com1");
    send_numbered(rig.bus, 0, 10);
    expect_numbered(one, 0, 10);
    canring_channel_detach(one);
    stop();
    assert_int_equal(leftovers(), 0);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROXY_TEST(a_channel_has_one_auxiliary_and_says_who),
        PROXY_TEST(second_proxy_of_a_name_is_refused),
        PROXY_TEST(what_is_out_of_its_range_is_refused),
        PROXY_TEST(what_cannot_be_told_in_json_is_refused),
        PROXY_TEST(name_of_a_killed_proxy_is_free_at_once),
        PROXY_TEST(killed_auxiliary_is_noticed_and_replaced),
        PROXY_TEST(auxiliary_learns_that_its_proxy_closed),
        PROXY_TEST(killed_proxy_leaves_nothing_that_hinders_the_next),
    };
    return cmocka_run_group_tests(tests, make_runtime, remove_runtime);
}
