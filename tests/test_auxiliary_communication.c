/* CommunicationAuxiliary: what is sent and received, who dies, and the proxy as an auxiliary. */
#include "communication_rig.h"

#include <jansson.h>

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
    const struct CMUnitTest tests[] = {
        TEST(send_takes_the_connectors_id_or_its_own),
        TEST(bad_sends_are_errors_and_harm_nobody),
        TEST(answer_to_a_send_is_kept_however_fast),
        TEST(what_is_older_than_the_last_call_is_stale),
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
