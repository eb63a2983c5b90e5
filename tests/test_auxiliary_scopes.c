/* What a CommunicationAuxiliary keeps in and behind a collect_messages scope. */
#include "communication_rig.h"

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

int main(void)
{
    begin_runtime("scopes");
    const struct CMUnitTest tests[] = {
        TEST(collecting_keeps_everything),
        TEST(scope_begins_with_what_was_asked_for),
        TEST(what_was_collected_stays_until_it_is_asked_for),
        TEST(what_was_kept_does_not_cost_an_answer),
        TEST(scope_lasts_through_a_suspension),
        TEST(scope_ends_with_the_process_that_opened_it),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
