/* CommunicationAuxiliary on a real proxy and the in-memory bus, and the proxy as an auxiliary. */
#include "auxiliary_rig.h"

#include <canring/bus.h>
#include <canring/channel.h>
#include <canring/proxy.h>
#include <jansson.h>

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

static void on_term(int number)
{
    (void)number;
    canring_proxy_stop(proxy);
}

static pid_t start_proxy(void)
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

static void open_bus(void)
{
    struct canring_error err = {0};
    const struct canring_bus_options options = {
        .interface = "virtual", .channel = bus_name, .fd = true};
    if (canring_bus_open(&rig.bus, &options, &err) < 0)
        fail_msg("%s", err.text);
}

/* Without our bus in the meantime: the child would keep what it has mapped, and with it its place.
 */
static void restart_proxy(void)
{
    canring_bus_close(rig.bus);
    rig.proxy = start_proxy();
    open_bus();
}

static void start(const char *config)
{
    rig.proxy = start_proxy();
    rig.aux1 = start_auxiliary(&canring_communication_ops, "aux1", config, "proxy/com1", true);
    rig.one = open_auxiliary("aux1");
    open_bus();
}

static void stop(void)
{
    assert_int_equal(canring_auxiliary_stop(rig.one), 0);
    expect_exit(rig.aux1, 0);
    canring_auxiliary_close(rig.one);
    canring_bus_close(rig.bus);
    kill(rig.proxy, SIGTERM);
    expect_exit(rig.proxy, 0);
    assert_int_equal(leftovers(), 0);
}

static int setup(void **state)
{
    (void)state;
    snprintf(bus_name, sizeof(bus_name), "communication%d", serial++);
    return 0;
}

static void bus_says(uint32_t id, uint8_t value)
{
    union canring_frame_buffer b;
    canring_frame_classic(&b.frame, id, &value, 1);
    assert_int_equal(canring_bus_send(rig.bus, &b.frame, 5000), 0);
}

/* Until the proxy has handed out what the bus said: an observer sees it after the channels. */
static void settle(void)
{
    usleep(30000);
}

static void expect_message(struct canring_auxiliary *aux, uint32_t id, uint8_t value)
{
    struct canring_message message;
    assert_int_equal(canring_communication_receive(aux, true, 10, &message), 1);
    assert_int_equal(message.remote_id, id);
    assert_int_equal(message.size, 1);
    assert_int_equal(*(uint8_t *)message.data, value);
    canring_message_free(&message);
}

static void expect_none(struct canring_auxiliary *aux)
{
    struct canring_message message;
    assert_int_equal(canring_communication_receive(aux, true, 0.02, &message), 0);
    assert_null(message.data);
}

static void send_takes_the_connectors_id_or_its_own(void **state)
{
    (void)state;
    const struct canring_frame *frame;
    struct canring_error err = {0};
    start("{\"remote_id\":291,\"is_fd\":true,\"enable_brs\":true}");
    assert_int_equal(canring_communication_send(rig.one, "abc", 3, false, 0, &err), 1);
    assert_int_equal(canring_bus_receive(rig.bus, &frame, 5000), 1);
    assert_int_equal(frame->id, 0x123);
    assert_int_equal(canring_frame_length(frame), 3);
    assert_int_equal(canring_communication_send(rig.one, "abc", 3, true, 0x7FF, &err), 1);
    assert_int_equal(canring_bus_receive(rig.bus, &frame, 5000), 1);
    assert_int_equal(frame->id, 0x7FF);
    assert_int_equal(canring_communication_send(rig.one, "123456789", 9, false, 0, &err), 1);
    assert_int_equal(canring_bus_receive(rig.bus, &frame, 5000), 1);
    assert_true(frame->flags & CANRING_FD);
    assert_true(frame->flags & CANRING_BRS);
    assert_int_equal(canring_frame_length(frame), 12);
    assert_memory_equal(frame->data, "123456789\0\0\0", 12);
    stop();
}

static void bad_sends_are_errors_and_harm_nobody(void **state)
{
    (void)state;
    const struct canring_frame *frame;
    struct canring_error err = {0};
    uint8_t data[65] = {0};
    start("{\"is_fd\":false}");
    assert_int_equal(canring_communication_send(rig.one, "a", 1, false, 0, &err), -EDESTADDRREQ);
    assert_non_null(strstr(err.text, "remote_id"));
    assert_int_equal(canring_communication_send(rig.one, "a", 1, true, 0x800, &err), -ERANGE);
    assert_non_null(strstr(err.text, "0x7FF"));
    assert_int_equal(canring_communication_send(rig.one, data, 9, true, 1, &err), -EMSGSIZE);
    assert_int_equal(canring_communication_send(rig.one, data, 65, true, 1, &err), -EMSGSIZE);
    assert_int_equal(canring_auxiliary_run_command(rig.one, "junk", 4, NULL, 0, true, 5, NULL),
                     -EINVAL);
    assert_int_equal(canring_communication_send(rig.one, "a", 1, true, 0x100, &err), 1);
    assert_int_equal(canring_bus_receive(rig.bus, &frame, 5000), 1);
    assert_int_equal(frame->id, 0x100);
    stop();
}

static void answer_to_a_send_is_kept_however_fast(void **state)
{
    (void)state;
    start("{\"remote_id\":1}");
    pid_t echo = start_auxiliary(&canring_communication_ops, "aux2", "{\"remote_id\":2}",
                                 "proxy/com2", true);
    pid_t answerer = fork();
    if (answerer == 0) {
        struct canring_auxiliary *two = open_auxiliary("aux2");
        struct canring_message message;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        canring_communication_collect_begin(two);
        while (canring_communication_receive(two, true, -1, &message) == 1) {
            canring_communication_send(two, message.data, message.size, false, 0, NULL);
            canring_message_free(&message);
        }
        _exit(0);
    }
    settle();
    for (unsigned i = 0; i < 300; i++) {
        uint8_t value = (uint8_t)i;
        assert_int_equal(canring_communication_send(rig.one, &value, 1, false, 0, NULL), 1);
        if (i % 10 == 0)
            usleep(5000); /* the answer is there long before it is asked for */
        expect_message(rig.one, 2, value);
    }
    end_auxiliary(echo, SIGTERM);
    end_auxiliary(answerer, SIGKILL);
    stop();
}

static void what_is_older_than_the_last_call_is_stale(void **state)
{
    (void)state;
    start("{\"remote_id\":1}");
    expect_none(rig.one);
    bus_says(0x10, 1); /* since the last receive began */
    settle();
    expect_message(rig.one, 0x10, 1);
    bus_says(0x10, 2);
    bus_says(0x10, 3);
    settle();
    expect_message(rig.one, 0x10, 2);
    expect_none(rig.one); /* 3 is older than the receive that gave 2 */
    bus_says(0x10, 4);
    settle();
    assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, NULL), 1);
    expect_none(rig.one);
    bus_says(0x10, 5);
    settle();
    assert_int_equal(canring_communication_clear_buffer(rig.one), 0);
    expect_none(rig.one);
    bus_says(0x10, 6);
    settle();
    expect_message(rig.one, 0x10, 6);
    stop();
}

static void collecting_keeps_everything(void **state)
{
    (void)state;
    struct canring_message message;
    start("{\"remote_id\":1}");
    bus_says(0x10, 99);
    settle();
    assert_int_equal(canring_communication_clear_buffer(rig.one), 0);
    assert_int_equal(canring_communication_collect_begin(rig.one), 0);
    for (unsigned i = 0; i < 50; i++) {
        bus_says(0x10, (uint8_t)i);
        assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, NULL), 1);
    }
    settle();
    for (unsigned i = 0; i < 50; i++)
        expect_message(rig.one, 0x10, (uint8_t)i);
    assert_int_equal(canring_communication_receive(rig.one, false, 0, &message), 0);
    assert_int_equal(canring_communication_collect_end(rig.one), 0);
    assert_int_equal(canring_communication_collect_end(rig.one), -EALREADY);
    bus_says(0x10, 60);
    settle();
    assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, NULL), 1);
    expect_none(rig.one);
    stop();
}

static void scope_begins_with_what_was_asked_for(void **state)
{
    (void)state;
    start("{\"remote_id\":1}");
    bus_says(0x10, 1);
    settle();
    assert_int_equal(canring_communication_collect_begin(rig.one), 0);
    bus_says(0x10, 2);
    settle();
    expect_message(rig.one, 0x10, 2); /* 1 came before */
    assert_int_equal(canring_communication_collect_end(rig.one), 0);
    assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, NULL), 1);
    bus_says(0x10, 3);
    settle();
    assert_int_equal(canring_communication_collect_begin(rig.one), 0);
    expect_message(rig.one, 0x10, 3); /* may be the answer */
    bus_says(0x10, 4);
    settle();
    assert_int_equal(canring_communication_collect_end(rig.one), 0);
    expect_message(rig.one, 0x10, 4);
    expect_none(rig.one);
    stop();
}

/* What broke: of what a scope had collected, all but one were stale once the first was received
 * behind it. */
static void what_was_collected_stays_until_it_is_asked_for(void **state)
{
    (void)state;
    start("{\"remote_id\":1}");
    assert_int_equal(canring_communication_collect_begin(rig.one), 0);
    for (uint8_t i = 0; i < 50; i++)
        bus_says(0x10, i);
    assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, NULL), 1);
    settle();
    assert_int_equal(canring_communication_collect_end(rig.one), 0);
    bus_says(0x10, 50);
    settle();
    for (uint8_t i = 0; i < 30; i++)
        expect_message(rig.one, 0x10, i);
    assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, NULL), 1);
    assert_int_equal(canring_communication_collect_begin(rig.one), 0); /* 50 was of no scope */
    bus_says(0x10, 51);
    settle();
    for (uint8_t i = 30; i < 50; i++)
        expect_message(rig.one, 0x10, i);
    expect_message(rig.one, 0x10, 51);
    bus_says(0x10, 52);
    settle();
    assert_int_equal(canring_communication_collect_end(rig.one), 0);
    assert_int_equal(canring_communication_clear_buffer(rig.one), 0);
    expect_none(rig.one);
    stop();
}

static void what_was_kept_does_not_cost_an_answer(void **state)
{
    (void)state;
    start("{\"remote_id\":1}");
    assert_int_equal(canring_communication_collect_begin(rig.one), 0);
    bus_says(0x10, 1);
    settle();
    assert_int_equal(canring_communication_collect_end(rig.one), 0);
    assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, NULL), 1);
    bus_says(0x10, 2);
    settle();
    expect_message(rig.one, 0x10, 1);
    expect_message(rig.one, 0x10, 2);
    expect_none(rig.one);
    stop();
}

static void scope_lasts_through_a_suspension(void **state)
{
    (void)state;
    start("{\"remote_id\":1}");
    assert_int_equal(canring_communication_collect_begin(rig.one), 0);
    assert_int_equal(canring_auxiliary_suspend(rig.one), 0);
    assert_int_equal(canring_auxiliary_resume(rig.one, NULL), 0);
    bus_says(0x10, 1);
    bus_says(0x10, 2);
    settle();
    expect_message(rig.one, 0x10, 1);
    expect_message(rig.one, 0x10, 2);
    assert_int_equal(canring_communication_collect_end(rig.one), 0);
    stop();
}

static void scope_ends_with_the_process_that_opened_it(void **state)
{
    (void)state;
    int status;
    start("{\"remote_id\":1}");
    pid_t child = fork();
    if (child == 0) {
        struct canring_auxiliary *own = open_auxiliary("aux1");
        _exit(canring_communication_collect_begin(own) != 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    bus_says(0x10, 1);
    settle();
    assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, NULL), 1);
    expect_none(rig.one);
    assert_int_equal(canring_communication_collect_end(rig.one), -EALREADY);
    stop();
}

static void *send_soon(void *arg)
{
    (void)arg;
    usleep(50000);
    canring_communication_send(rig.one, "x", 1, false, 0, NULL);
    usleep(20000);
    bus_says(0x20, 42);
    return NULL;
}

static void others_send_while_one_waits_to_receive(void **state)
{
    (void)state;
    pthread_t thread;
    start("{\"remote_id\":1}");
    assert_int_equal(pthread_create(&thread, NULL, send_soon, NULL), 0);
    expect_message(rig.one, 0x20, 42);
    pthread_join(thread, NULL);
    stop();
}

static void receive_learns_that_its_auxiliary_was_killed(void **state)
{
    (void)state;
    struct canring_message message;
    start("{\"remote_id\":1}");
    pid_t killer = fork();
    if (killer == 0) {
        usleep(50000);
        kill(rig.aux1, SIGKILL);
        _exit(0);
    }
    assert_int_equal(canring_communication_receive(rig.one, true, -1, &message), -EPIPE);
    waitpid(killer, NULL, 0);
    waitpid(rig.aux1, NULL, 0);
    assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, NULL), -EPIPE);
    rig.aux1 = start_auxiliary(&canring_communication_ops, "aux1", "{\"remote_id\":1}",
                               "proxy/com1", true);
    assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, NULL), 1);
    stop();
}

static void suspended_auxiliary_gathers_nothing_and_resumes_fresh(void **state)
{
    (void)state;
    struct canring_error err = {0};
    start("{\"remote_id\":1}");
    assert_int_equal(canring_auxiliary_suspend(rig.one), 0);
    for (unsigned i = 0; i < 200; i++)
        bus_says(0x10, (uint8_t)i);
    settle();
    assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, &err), -ENOTCONN);
    assert_int_equal(canring_auxiliary_resume(rig.one, &err), 0);
    expect_none(rig.one);
    bus_says(0x10, 7);
    expect_message(rig.one, 0x10, 7);
    /* And a suspended one can be stopped under traffic. */
    assert_int_equal(canring_auxiliary_suspend(rig.one), 0);
    bus_says(0x10, 8);
    stop();
}

static void killed_proxy_is_replaced_under_its_auxiliary(void **state)
{
    (void)state;
    start("{\"remote_id\":1}");
    end_auxiliary(rig.proxy, SIGKILL);
    assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, NULL), 0);
    restart_proxy();
    int sent = 0;
    for (unsigned tries = 0; tries < 100 && !sent; tries++) {
        usleep(20000);
        sent = canring_communication_send(rig.one, "x", 1, false, 0, NULL);
    }
    assert_int_equal(sent, 1);
    bus_says(0x30, 3);
    expect_message(rig.one, 0x30, 3);
    stop();
}

static void proxy_is_suspended_and_resumed_like_an_auxiliary(void **state)
{
    (void)state;
    struct canring_auxiliary *handle, *copy;
    struct canring_error err = {0};
    const struct canring_frame *frame;
    start("{\"remote_id\":1}");
    handle = open_auxiliary("proxy");
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(canring_auxiliary_is_instance(handle), 1);
        assert_int_equal(canring_auxiliary_suspend(handle), 0);
        assert_int_equal(canring_auxiliary_suspend(handle), 1);
        assert_int_equal(canring_auxiliary_is_instance(handle), 0);
        bus_says(0x10, 1); /* nobody hears it */
        assert_int_equal(canring_communication_send(rig.one, "old", 3, false, 0, NULL), 0);
        expect_none(rig.one);
        assert_int_equal(canring_auxiliary_resume(handle, &err), 0);
        assert_int_equal(canring_auxiliary_resume(handle, &err), 1);
        assert_int_equal(canring_communication_send(rig.one, "new", 3, false, 0, NULL), 1);
        assert_int_equal(canring_bus_receive(rig.bus, &frame, 5000), 1);
        assert_memory_equal(frame->data, "new", 3); /* the old one is not replayed */
        bus_says(0x10, 2);
        expect_message(rig.one, 0x10, 2);
    }
    assert_int_equal(canring_auxiliary_lock_it(handle, 0), -EOPNOTSUPP);
    assert_int_equal(canring_auxiliary_abort_command(handle, true, 1), -EOPNOTSUPP);
    assert_int_equal(canring_auxiliary_create_copy(handle, NULL, &copy, &err), -EOPNOTSUPP);
    assert_int_equal(canring_auxiliary_run_command(handle, "x", 1, NULL, 0, true, 1, NULL),
                     -EOPNOTSUPP);
    assert_int_equal(canring_auxiliary_stop(handle), 0);
    expect_exit(rig.proxy, 0);
    assert_int_equal(canring_auxiliary_is_instance(handle), 0);
    assert_int_equal(canring_auxiliary_suspend(handle), -EPIPE);
    restart_proxy();
    assert_int_equal(canring_auxiliary_is_instance(handle), 1); /* the same handle finds it */
    end_auxiliary(rig.proxy, SIGKILL);
    assert_int_equal(canring_auxiliary_is_instance(handle), 0);
    assert_int_equal(canring_auxiliary_suspend(handle), -EPIPE);
    assert_int_equal(canring_auxiliary_create_instance(handle, &err), -EPIPE);
    canring_auxiliary_close(handle);
    restart_proxy();
    stop();
}

static void copy_of_a_communication_takes_the_channel_over(void **state)
{
    (void)state;
    struct canring_auxiliary *copy;
    struct canring_error err = {0};
    const struct canring_frame *frame;
    start("{\"remote_id\":1}");
    if (canring_auxiliary_create_copy(rig.one, "{\"remote_id\":2}", &copy, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(canring_communication_send(copy, "x", 1, false, 0, NULL), 1);
    assert_int_equal(canring_bus_receive(rig.bus, &frame, 5000), 1);
    assert_int_equal(frame->id, 2);
    bus_says(0x10, 5);
    expect_message(copy, 0x10, 5);
    assert_int_equal(canring_auxiliary_destroy_copy(copy, &err), 0);
    assert_int_equal(canring_communication_send(rig.one, "x", 1, false, 0, NULL), 1);
    assert_int_equal(canring_bus_receive(rig.bus, &frame, 5000), 1);
    assert_int_equal(frame->id, 1);
    stop();
}

int main(void)
{
    begin_runtime("com");
#define TEST(test) cmocka_unit_test_setup(test, setup)
    const struct CMUnitTest tests[] = {
        TEST(send_takes_the_connectors_id_or_its_own),
        TEST(bad_sends_are_errors_and_harm_nobody),
        TEST(answer_to_a_send_is_kept_however_fast),
        TEST(what_is_older_than_the_last_call_is_stale),
        TEST(collecting_keeps_everything),
        TEST(scope_begins_with_what_was_asked_for),
        TEST(what_was_collected_stays_until_it_is_asked_for),
        TEST(what_was_kept_does_not_cost_an_answer),
        TEST(scope_lasts_through_a_suspension),
        TEST(scope_ends_with_the_process_that_opened_it),
        TEST(others_send_while_one_waits_to_receive),
        TEST(receive_learns_that_its_auxiliary_was_killed),
        TEST(suspended_auxiliary_gathers_nothing_and_resumes_fresh),
        TEST(killed_proxy_is_replaced_under_its_auxiliary),
        TEST(proxy_is_suspended_and_resumed_like_an_auxiliary),
        TEST(copy_of_a_communication_takes_the_channel_over),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
