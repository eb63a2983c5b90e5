/* A CommunicationAuxiliary on a real proxy and the in-memory bus, for the tests of it: processes of
 * their own; the test is its caller, and stands on the bus. */
#ifndef CANRING_TESTS_COMMUNICATION_RIG_H
#define CANRING_TESTS_COMMUNICATION_RIG_H

#include "auxiliary_rig.h"

#include <canring/bus.h>
#include <canring/channel.h>
#include <canring/proxy.h>

static char bus_name[32];
static int serial;

static struct canring_channel_config channels[2] = {
    {.name = "com1", .auxiliary = "aux1", .ring_slots = 1024},
    {.name = "com2", .auxiliary = "aux2", .ring_slots = 1024},
};

static struct rig {
    pid_t proxy, aux1;
    struct canring_bus *bus;
    struct canring_auxiliary *one;
} rig;

static struct canring_proxy *proxy;

static inline void on_term(int number)
{
    (void)number;
    canring_proxy_stop(proxy);
}

static inline pid_t start_proxy(void)
{
    int ready[2];
    char x;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct canring_proxy_options options = {
            .name = "proxy",
            .bus = {.interface = "virtual", .channel = bus_name, .fd = true},
            .channels = channels,
            .channel_count = 2};
        int told_ready = close_inherited(ready[1]);
        if (canring_proxy_open(&proxy, &options, NULL) < 0)
            _exit(1);
        signal(SIGTERM, on_term);
        if (write(told_ready, "x", 1) != 1)
            _exit(2);
        int result = canring_proxy_run(proxy);
        canring_proxy_close(proxy);
        _exit(result < 0);
    }
    assert_int_equal(read(ready[0], &x, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static inline void open_bus(void)
{
    struct canring_error err = {0};
    const struct canring_bus_options options = {
        .interface = "virtual", .channel = bus_name, .fd = true};
    if (canring_bus_open(&rig.bus, &options, &err) < 0)
        fail_msg("%s", err.text);
}

/* Without our bus in the meantime: the child would keep what it has mapped, and with it its place.
 */
static inline void restart_proxy(void)
{
    canring_bus_close(rig.bus);
    rig.proxy = start_proxy();
    open_bus();
}

static inline void start(const char *config)
{
    rig.proxy = start_proxy();
    rig.aux1 = start_auxiliary(&canring_communication_ops, "aux1", config, "proxy/com1", true);
    rig.one = open_auxiliary("aux1");
    open_bus();
}

static inline void stop(void)
{
    assert_int_equal(canring_auxiliary_stop(rig.one), 0);
    expect_exit(rig.aux1, 0);
    canring_auxiliary_close(rig.one);
    canring_bus_close(rig.bus);
    kill(rig.proxy, SIGTERM);
    expect_exit(rig.proxy, 0);
    assert_int_equal(leftovers(), 0);
}

static inline int setup(void **state)
{
    (void)state;
    snprintf(bus_name, sizeof(bus_name), "communication%d", serial++);
    return 0;
}

static inline void bus_says(uint32_t id, uint8_t value)
{
    union canring_frame_buffer b;
    canring_frame_classic(&b.frame, id, &value, 1);
    assert_int_equal(canring_bus_send(rig.bus, &b.frame, 5000), 0);
}

/* Until the proxy has handed out what the bus said: an observer sees it after the channels. */
static inline void settle(void)
{
    usleep(30000);
}

static inline void expect_message(struct canring_auxiliary *aux, uint32_t id, uint8_t value)
{
    struct canring_message message;
    assert_int_equal(canring_communication_receive(aux, true, 10, &message), 1);
    assert_int_equal(message.remote_id, id);
    assert_int_equal(message.size, 1);
    assert_int_equal(*(uint8_t *)message.data, value);
    canring_message_free(&message);
}

static inline void expect_none(struct canring_auxiliary *aux)
{
    struct canring_message message;
    assert_int_equal(canring_communication_receive(aux, true, 0.02, &message), 0);
    assert_null(message.data);
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

#endif
