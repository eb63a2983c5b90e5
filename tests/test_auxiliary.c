/* The auxiliary interface between real processes: every call of it, and every way it can end. */
#include "auxiliary_rig.h"

#include <math.h>

#include "proxy/auxiliary_handle.h"

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void commands_are_answered_up_to_the_largest(void **state)
{
    (void)state;
    static uint8_t data[CANRING_MESSAGE_MAX + 1];
    static const size_t sizes[] = {0, 1, 8, 4096, 8191, 8192, 8193, 65535, CANRING_MESSAGE_MAX};
    struct canring_message reply;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 31);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            assert_int_equal(command(aux, "echo", data, sizes[i], 10, &reply), 1);
            assert_int_equal(reply.size, sizes[i]);
            assert_memory_equal(reply.data, data, sizes[i]);
            canring_message_free(&reply);
        }
        /* Both parts as large as they may be. */
        assert_int_equal(canring_auxiliary_run_command(aux, data, CANRING_MESSAGE_MAX, data,
                                                       CANRING_MESSAGE_MAX, true, 10, &reply),
                         1);
        assert_int_equal(reply.size, CANRING_MESSAGE_MAX);
        canring_message_free(&reply);
    }
    assert_int_equal(command(aux, "echo", data, sizeof(data), 10, &reply), -EMSGSIZE);
    assert_int_equal(command(aux, "none", NULL, 0, 10, &reply), 0);
    assert_null(reply.data);
    assert_int_equal(command(aux, "fail", NULL, 0, 10, &reply), -EBADF);
    assert_int_equal(canring_auxiliary_abort_command(aux, true, 25), 1);
    assert_int_equal(canring_auxiliary_stop(aux), 0);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
    assert_int_equal(leftovers(), 0);
}

static void instance_is_made_and_deleted_and_a_second_time_answered(void **state)
{
    (void)state;
    struct canring_error err = {0};
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, false);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    assert_int_equal(canring_auxiliary_is_instance(aux), 0);
    assert_int_equal(canring_auxiliary_create_instance(aux, &err), 0);
    assert_int_equal(canring_auxiliary_is_instance(aux), 1);
    assert_int_equal(canring_auxiliary_create_instance(aux, &err), 0);
    assert_non_null(strstr(err.text, "exists"));
    assert_int_equal(canring_auxiliary_delete_instance(aux), 0);
    assert_int_equal(canring_auxiliary_delete_instance(aux), 0);
    assert_int_equal(canring_auxiliary_is_instance(aux), 0);
    assert_int_equal(canring_auxiliary_resume(aux, &err), 0);
    assert_int_equal(canring_auxiliary_resume(aux, &err), 1);
    assert_int_equal(canring_auxiliary_suspend(aux), 0);
    assert_int_equal(canring_auxiliary_suspend(aux), 1);
    assert_int_equal(canring_auxiliary_stop(aux), 0);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
}

static void creation_and_deletion_that_fail_are_told(void **state)
{
    (void)state;
    struct canring_error err = {0};
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{\"refuse\":1}", NULL, false);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    assert_int_equal(canring_auxiliary_create_instance(aux, &err), -ECANCELED);
    assert_non_null(strstr(err.text, "aux1"));
    assert_int_equal(canring_auxiliary_resume(aux, &err), -ECANCELED);
    assert_int_equal(canring_auxiliary_is_instance(aux), 0);
    canring_auxiliary_stop(aux);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);

    pid = start_auxiliary(&told_ops, "aux1", "{\"stay\":1}", NULL, true);
    aux = open_auxiliary("aux1");
    assert_int_equal(canring_auxiliary_delete_instance(aux), 1);
    assert_int_equal(canring_auxiliary_is_instance(aux), 1);
    assert_int_equal(canring_auxiliary_stop(aux), -ECANCELED); /* ends all the same */
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
}

static void missing_operations_are_named(void **state)
{
    (void)state;
    struct canring_auxiliary_ops ops = told_ops;
    struct canring_auxiliary_context context = {.name = "aux1", .config = "{}"};
    struct canring_error err = {0};
    ops.abort_command = NULL;
    ops.run_command = NULL;
    assert_int_equal(canring_auxiliary_check(&ops, &err), -EINVAL);
    assert_non_null(strstr(err.text, "run_command, abort_command"));
    assert_int_equal(canring_auxiliary_serve(&ops, &context, false, &err), -EINVAL);
    assert_int_equal(canring_auxiliary_check(&told_ops, &err), 0);
}

static void auto_start_that_fails_leaves_nothing(void **state)
{
    (void)state;
    struct canring_auxiliary_context context = {.name = "aux1", .config = "{\"refuse\":1}"};
    struct canring_error err = {0};
    assert_int_equal(canring_auxiliary_serve(&told_ops, &context, true, &err), -ECANCELED);
    assert_non_null(strstr(err.text, "aux1"));
    assert_int_equal(leftovers(), 0);
}

static void second_auxiliary_of_a_name_is_refused(void **state)
{
    (void)state;
    struct canring_auxiliary_context context = {.name = "aux1", .config = "{}"};
    struct canring_error err = {0};
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    assert_int_equal(canring_auxiliary_serve(&told_ops, &context, true, &err), -EEXIST);
    assert_non_null(strstr(err.text, "running already"));
    end_auxiliary(pid, SIGTERM);
    assert_int_equal(leftovers(), 0);
}

static void open_of_nothing_says_so(void **state)
{
    (void)state;
    struct canring_auxiliary *aux;
    struct canring_error err = {0};
    assert_int_equal(canring_auxiliary_open(&aux, "nobody", &err), -ENOENT);
    assert_non_null(strstr(err.text, "nobody"));
    assert_null(aux);
}

static void reply_of_an_abandoned_command_is_discarded(void **state)
{
    (void)state;
    struct canring_message reply;
    const uint8_t thirty = 30;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(command(aux, "sleep", &thirty, 1, 0.02, &reply), 0);
        assert_int_equal(command(aux, "echo", "new", 3, 10, &reply), 1);
        assert_int_equal(reply.size, 3);
        assert_memory_equal(reply.data, "new", 3);
        canring_message_free(&reply);
    }
    /* Without waiting the command is run all the same. */
    assert_int_equal(canring_auxiliary_run_command(aux, "report", 6, "r", 1, false, 0, &reply), 0);
    struct canring_message report;
    assert_int_equal(canring_auxiliary_wait_and_get_report(aux, true, 10, &report), 1);
    assert_int_equal(report.size, 1);
    canring_message_free(&report);
    canring_auxiliary_stop(aux);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
}

static void reports_come_in_order_and_wait_when_nobody_asks(void **state)
{
    (void)state;
    static uint8_t data[CANRING_MESSAGE_MAX];
    struct canring_message report;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    assert_int_equal(canring_auxiliary_wait_and_get_report(aux, false, 0, &report), 0);
    assert_int_equal(canring_auxiliary_wait_and_get_report(aux, true, 0.05, &report), 0);
    for (unsigned i = 0; i < 60; i++) { /* many times what the ring holds */
        memset(data, (int)i, sizeof(data));
        assert_int_equal(command(aux, "report", data, sizeof(data) - i, 10, NULL), 1);
    }
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(canring_auxiliary_wait_and_get_report(aux, true, 10, &report), 1);
        assert_int_equal(report.size, sizeof(data) - i);
        assert_int_equal(((uint8_t *)report.data)[report.size - 1], i);
        assert_int_equal(report.remote_id, 7);
        canring_message_free(&report);
    }
    assert_int_equal(canring_auxiliary_wait_and_get_report(aux, false, 0, &report), 0);
    canring_auxiliary_stop(aux);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
}

static void *try_lock(void *arg)
{
    struct canring_auxiliary *aux = arg;
    int result = canring_auxiliary_lock_it(aux, 0.05);
    if (result == 1)
        canring_auxiliary_unlock_it(aux);
    return (void *)(intptr_t)result;
}

static int lock_elsewhere(struct canring_auxiliary *aux)
{
    pthread_t thread;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, try_lock, aux), 0);
    pthread_join(thread, &result);
    return (int)(intptr_t)result;
}

static void unknown_request_is_answered_and_harms_nothing(void **state)
{
    (void)state;
    struct canring_message reply;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    struct cr_auxiliary_call call = {.kind = 99, .deadline = cr_auxiliary_deadline(10)};
    assert_int_equal(cr_auxiliary_call(aux, &call), 1);
    assert_int_equal(call.result, -EOPNOTSUPP);
    canring_message_free(&call.answer);
    assert_int_equal(command(aux, "echo", "x", 1, 10, &reply), 1);
    canring_message_free(&reply);
    canring_auxiliary_stop(aux);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
}

static void what_is_no_time_does_not_wait(void **state)
{
    (void)state;
    assert_int_equal(cr_auxiliary_slice(cr_auxiliary_deadline(NAN)), 0);
    assert_int_equal(cr_auxiliary_slice(cr_auxiliary_deadline(0)), 0);
    assert_true(cr_auxiliary_deadline(-1) == UINT64_MAX);
    assert_true(cr_auxiliary_deadline(HUGE_VAL) == UINT64_MAX);
}

static void lock_is_exclusive_and_recursive(void **state)
{
    (void)state;
    struct canring_message reply;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    struct canring_auxiliary *aux = open_auxiliary("aux1"), *other = open_auxiliary("aux1");
    assert_int_equal(canring_auxiliary_unlock_it(aux), -EPERM);
    assert_int_equal(canring_auxiliary_lock_it(aux, 0), 1);
    assert_int_equal(canring_auxiliary_lock_it(aux, 1), 1);
    assert_int_equal(lock_elsewhere(other), 0);
    assert_int_equal(command(aux, "echo", "x", 1, 10, &reply), 1); /* its holder goes on */
    canring_message_free(&reply);
    assert_int_equal(canring_auxiliary_unlock_it(aux), 0);
    assert_int_equal(lock_elsewhere(other), 0);
    assert_int_equal(canring_auxiliary_unlock_it(aux), 0);
    assert_int_equal(canring_auxiliary_unlock_it(aux), -EPERM);
    assert_int_equal(lock_elsewhere(other), 1);
    canring_auxiliary_close(other);
    canring_auxiliary_stop(aux);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
}

static void lock_of_a_killed_holder_is_recovered(void **state)
{
    (void)state;
    int ready[2];
    char x;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    assert_int_equal(pipe(ready), 0);
    for (unsigned round = 0; round < 20; round++) {
        pid_t holder = fork();
        if (holder == 0) {
            struct canring_auxiliary *own = open_auxiliary("aux1");
            if (canring_auxiliary_lock_it(own, 5) != 1 || write(ready[1], "x", 1) != 1)
                _exit(1);
            pause();
        }
        assert_int_equal(read(ready[0], &x, 1), 1);
        assert_int_equal(canring_auxiliary_lock_it(aux, 0), 0);
        end_auxiliary(holder, SIGKILL);
        assert_int_equal(canring_auxiliary_lock_it(aux, 5), 1);
        assert_int_equal(canring_auxiliary_unlock_it(aux), 0);
    }
    close(ready[0]);
    close(ready[1]);
    canring_auxiliary_stop(aux);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
}

static void killed_auxiliary_is_an_error_everywhere(void **state)
{
    (void)state;
    struct canring_message reply;
    struct canring_error err;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    assert_int_equal(canring_auxiliary_is_instance(aux), 1);
    assert_int_equal(canring_auxiliary_lock_it(aux, 0), 1);
    end_auxiliary(pid, SIGKILL);
    assert_int_equal(canring_auxiliary_is_instance(aux), 0);
    assert_int_equal(command(aux, "echo", "x", 1, -1, &reply), -EPIPE);
    assert_int_equal(canring_auxiliary_unlock_it(aux), 0); /* it is not leaked */
    assert_int_equal(canring_auxiliary_create_instance(aux, &err), -EPIPE);
    assert_int_equal(canring_auxiliary_delete_instance(aux), -EPIPE);
    assert_int_equal(canring_auxiliary_suspend(aux), -EPIPE);
    assert_int_equal(canring_auxiliary_resume(aux, &err), -EPIPE);
    assert_int_equal(canring_auxiliary_lock_it(aux, -1), -EPIPE);
    assert_int_equal(canring_auxiliary_abort_command(aux, true, -1), -EPIPE);
    assert_int_equal(canring_auxiliary_wait_and_get_report(aux, true, -1, &reply), -EPIPE);
    assert_int_equal(canring_auxiliary_wait_and_get_report(aux, false, 0, &reply), -EPIPE);
    assert_int_equal(canring_auxiliary_run_command(aux, "echo", 4, NULL, 0, false, 0, NULL),
                     -EPIPE);
    assert_int_equal(canring_auxiliary_stop(aux), -EPIPE);
    canring_auxiliary_close(aux);
    assert_int_equal(leftovers(), 0);
}

static void caller_in_the_middle_learns_that_it_was_killed(void **state)
{
    (void)state;
    const uint8_t long_time = 250;
    struct canring_message reply;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    pid_t killer = fork();
    if (killer == 0) {
        usleep(50000);
        kill(pid, SIGKILL);
        _exit(0);
    }
    double began = now_s();
    assert_int_equal(command(aux, "sleep", &long_time, 1, -1, &reply), -EPIPE);
    assert_true(now_s() - began < 2.4); /* not the command's own time */
    waitpid(killer, NULL, 0);
    waitpid(pid, NULL, 0);
    pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    assert_int_equal(command(aux, "echo", "again", 5, 10, &reply), 1);
    assert_int_equal(reply.size, 5);
    canring_message_free(&reply);
    canring_auxiliary_stop(aux);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
    assert_int_equal(leftovers(), 0);
}

static void restarted_auxiliary_is_reached_by_the_old_handle(void **state)
{
    (void)state;
    struct canring_message reply;
    struct canring_auxiliary *aux = NULL;
    for (unsigned round = 0; round < 10; round++) {
        pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
        if (!aux)
            aux = open_auxiliary("aux1");
        assert_int_equal(command(aux, "echo", &round, sizeof(round), 10, &reply), 1);
        assert_memory_equal(reply.data, &round, sizeof(round));
        canring_message_free(&reply);
        if (round % 2) {
            end_auxiliary(pid, SIGKILL);
        } else {
            assert_int_equal(canring_auxiliary_stop(aux), 0);
            expect_exit(pid, 0);
        }
    }
    canring_auxiliary_close(aux);
    cr_auxiliary_shared_clean("aux1");
    assert_int_equal(leftovers(), 0);
}

static void sigterm_ends_it_in_order(void **state)
{
    (void)state;
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    kill(pid, SIGTERM);
    expect_exit(pid, 0);
    assert_int_equal(leftovers(), 0);
}

static void *serve_in_thread(void *arg)
{
    struct canring_auxiliary_context context = {.name = "aux1", .config = "{}"};
    (void)arg;
    return (void *)(intptr_t)canring_auxiliary_serve(&told_ops, &context, true, NULL);
}

static void it_serves_on_a_thread_until_told_to_quit(void **state)
{
    (void)state;
    struct canring_message reply;
    for (unsigned round = 0; round < 3; round++) {
        struct canring_auxiliary *aux = NULL;
        pthread_t thread;
        void *result;
        assert_int_equal(pthread_create(&thread, NULL, serve_in_thread, NULL), 0);
        for (unsigned tries = 0; tries < 500 && !aux; tries++)
            if (canring_auxiliary_open(&aux, "aux1", NULL) < 0)
                usleep(10000);
        assert_non_null(aux);
        for (unsigned i = 0; i < 200; i++) {
            assert_int_equal(command(aux, "report", &i, sizeof(i), 10, &reply), 1);
            assert_memory_equal(reply.data, &i, sizeof(i));
            canring_message_free(&reply);
            assert_int_equal(canring_auxiliary_wait_and_get_report(aux, true, 10, &reply), 1);
            assert_memory_equal(reply.data, &i, sizeof(i));
            canring_message_free(&reply);
        }
        canring_auxiliary_quit();
        pthread_join(thread, &result);
        assert_int_equal((int)(intptr_t)result, 0);
        assert_int_equal(command(aux, "echo", "x", 1, -1, NULL), -EPIPE);
        canring_auxiliary_close(aux);
    }
    assert_int_equal(leftovers(), 0);
}

static void copy_runs_with_its_own_config_and_the_original_after_it(void **state)
{
    (void)state;
    struct canring_auxiliary *copy, *none;
    struct canring_message reply;
    struct canring_error err = {0};
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{\"a\":1,\"b\":2}", NULL, true);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    for (unsigned round = 0; round < 3; round++) {
        if (canring_auxiliary_create_copy(aux, "{\"b\":3}", &copy, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(canring_auxiliary_is_instance(aux), 0);
        assert_int_equal(canring_auxiliary_is_instance(copy), 1);
        assert_int_equal(command(copy, "config", NULL, 0, 10, &reply), 1);
        assert_non_null(strstr(reply.data, "\"b\":3"));
        assert_non_null(strstr(reply.data, "\"a\":1"));
        canring_message_free(&reply);
        assert_int_equal(canring_auxiliary_create_copy(aux, "{}", &none, &err), -EEXIST);
        assert_int_equal(canring_auxiliary_destroy_copy(copy, &err), 0);
        assert_int_equal(canring_auxiliary_is_instance(aux), 1);
    }
    assert_int_equal(canring_auxiliary_create_copy(aux, "[1]", &copy, &err), -EINVAL);
    assert_non_null(strstr(err.text, "JSON"));
    assert_int_equal(canring_auxiliary_create_copy(aux, "{\"refuse\":1}", &copy, &err), -ECANCELED);
    assert_int_equal(canring_auxiliary_is_instance(aux), 1); /* resumed */
    assert_int_equal(canring_auxiliary_destroy_copy(aux, &err), -EINVAL);
    canring_auxiliary_stop(aux);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
    assert_int_equal(leftovers(), 0);
}

static void copy_that_was_killed_does_not_keep_the_original_suspended(void **state)
{
    (void)state;
    struct canring_auxiliary *copy;
    struct canring_error err = {0};
    pid_t pid = start_auxiliary(&told_ops, "aux1", "{}", NULL, true);
    struct canring_auxiliary *aux = open_auxiliary("aux1");
    assert_int_equal(canring_auxiliary_create_copy(aux, NULL, &copy, &err), 0);
    assert_int_equal(command(copy, "exit", NULL, 0, -1, NULL), -EPIPE);
    assert_int_equal(canring_auxiliary_destroy_copy(copy, &err), 0);
    assert_int_equal(canring_auxiliary_is_instance(aux), 1);
    /* And the copy goes with an original that is stopped. */
    assert_int_equal(canring_auxiliary_create_copy(aux, NULL, &copy, &err), 0);
    assert_int_equal(canring_auxiliary_stop(aux), 0);
    expect_exit(pid, 0);
    assert_int_equal(canring_auxiliary_is_instance(copy), 0);
    canring_auxiliary_close(copy);
    canring_auxiliary_close(aux);
    assert_int_equal(leftovers(), 0);
}

int main(void)
{
    begin_runtime("aux");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_answered_up_to_the_largest),
        cmocka_unit_test(instance_is_made_and_deleted_and_a_second_time_answered),
        cmocka_unit_test(creation_and_deletion_that_fail_are_told),
        cmocka_unit_test(missing_operations_are_named),
        cmocka_unit_test(auto_start_that_fails_leaves_nothing),
        cmocka_unit_test(second_auxiliary_of_a_name_is_refused),
        cmocka_unit_test(open_of_nothing_says_so),
        cmocka_unit_test(reply_of_an_abandoned_command_is_discarded),
        cmocka_unit_test(reports_come_in_order_and_wait_when_nobody_asks),
        cmocka_unit_test(unknown_request_is_answered_and_harms_nothing),
        cmocka_unit_test(what_is_no_time_does_not_wait),
        cmocka_unit_test(lock_is_exclusive_and_recursive),
        cmocka_unit_test(lock_of_a_killed_holder_is_recovered),
        cmocka_unit_test(killed_auxiliary_is_an_error_everywhere),
        cmocka_unit_test(caller_in_the_middle_learns_that_it_was_killed),
        cmocka_unit_test(restarted_auxiliary_is_reached_by_the_old_handle),
        cmocka_unit_test(sigterm_ends_it_in_order),
        cmocka_unit_test(it_serves_on_a_thread_until_told_to_quit),
        cmocka_unit_test(copy_runs_with_its_own_config_and_the_original_after_it),
        cmocka_unit_test(copy_that_was_killed_does_not_keep_the_original_suspended),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(told.last);
    rmdir(runtime);
    return failed;
}
