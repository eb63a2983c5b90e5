/* Auxiliaries of a configuration, of each kind, as the coordinator starts them. */
#include "auxiliary_rig.h"

#include <canring/config.h>

#include "proxy/auxiliary_start.h"

static char examples[512];

static int start_one(const struct canring_config_auxiliary *auxiliary, pid_t *pid,
                     struct canring_error *err)
{
    const struct canring_config config = {0};
    return cr_auxiliary_start(&config, auxiliary, pid, err);
}

static const char *in_examples(const char *name)
{
    static char path[640];
    snprintf(path, sizeof(path), "%s/%s", examples, name);
    return path;
}

static void shared_object_is_loaded_and_serves(void **state)
{
    (void)state;
    struct canring_config_auxiliary auxiliary = {.name = "so",
                                                 .type = in_examples("libmy_aux.so"),
                                                 .class_name = "my_ops",
                                                 .kind = CANRING_AUXILIARY_SHARED_OBJECT,
                                                 .auto_start = true};
    struct canring_error err = {0};
    struct canring_message reply;
    pid_t pid;
    if (start_one(&auxiliary, &pid, &err) < 0)
        fail_msg("%s", err.text);
    struct canring_auxiliary *aux = open_auxiliary("so");
    assert_int_equal(canring_auxiliary_is_instance(aux), 1);
    assert_int_equal(command(aux, "turn", "abc", 3, 10, &reply), 1);
    assert_memory_equal(reply.data, "cba", 3);
    canring_message_free(&reply);
    assert_int_equal(canring_auxiliary_stop(aux), 0);
    expect_exit(pid, 0);
    canring_auxiliary_close(aux);
    assert_int_equal(leftovers(), 0);
}

static void what_is_wrong_with_a_shared_object_is_said(void **state)
{
    (void)state;
    struct canring_config_auxiliary auxiliary = {.name = "so",
                                                 .type = "/nowhere/libmine.so",
                                                 .class_name = "my_ops",
                                                 .kind = CANRING_AUXILIARY_SHARED_OBJECT};
    struct canring_error err = {0};
    pid_t pid;
    assert_int_equal(start_one(&auxiliary, &pid, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nowhere/libmine.so"));
    assert_int_equal(pid, 0);
    auxiliary.type = in_examples("libmy_aux.so");
    auxiliary.class_name = "other_ops";
    assert_int_equal(start_one(&auxiliary, &pid, &err), -ENOSYS);
    assert_non_null(strstr(err.text, "other_ops"));
    auxiliary.class_name = "no_ops";
    assert_int_equal(start_one(&auxiliary, &pid, &err), -EINVAL);
    assert_non_null(strstr(err.text, "receive_message"));
    auxiliary.class_name = "";
    assert_int_equal(start_one(&auxiliary, &pid, &err), -EINVAL);
    auxiliary.type = "/proc/self/cmdline";
    auxiliary.class_name = "my_ops";
    assert_int_equal(start_one(&auxiliary, &pid, &err), -ELIBBAD);
    assert_int_equal(leftovers(), 0);
}

static void executable_serves_and_reports(void **state)
{
    (void)state;
    struct canring_config_auxiliary auxiliary = {.name = "counter",
                                                 .type = in_examples("my_aux_exe"),
                                                 .class_name = "",
                                                 .kind = CANRING_AUXILIARY_EXECUTABLE,
                                                 .auto_start = true,
                                                 .config_json = "{}"};
    struct canring_error err = {0};
    struct canring_message reply;
    pid_t pid;
    if (start_one(&auxiliary, &pid, &err) < 0)
        fail_msg("%s", err.text);
    struct canring_auxiliary *aux = open_auxiliary("counter");
    assert_int_equal(command(aux, "add", "41", 2, 10, &reply), 1);
    canring_message_free(&reply);
    assert_int_equal(command(aux, "add", "1", 1, 10, &reply), 1);
    assert_string_equal(reply.data, "42");
    canring_message_free(&reply);
    assert_int_equal(canring_auxiliary_wait_and_get_report(aux, true, 10, &reply), 1);
    assert_string_equal(reply.data, "41");
    canring_message_free(&reply);
    /* What it leaves when killed is removed by whoever started it. */
    end_auxiliary(pid, SIGKILL);
    cr_auxiliary_ended(&auxiliary);
    assert_int_equal(leftovers(), 0);
    assert_int_equal(command(aux, "add", "1", 1, 10, &reply), -EPIPE);
    canring_auxiliary_close(aux);
}

static void executable_that_is_none_is_an_error(void **state)
{
    (void)state;
    struct canring_config_auxiliary auxiliary = {.name = "counter",
                                                 .type = "/nowhere/program",
                                                 .class_name = "",
                                                 .kind = CANRING_AUXILIARY_EXECUTABLE};
    struct canring_error err = {0};
    pid_t pid;
    assert_int_equal(start_one(&auxiliary, &pid, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nowhere/program"));
    auxiliary.type = "/bin/true"; /* ends without a word */
    assert_int_equal(start_one(&auxiliary, &pid, &err), -ECHILD);
    assert_non_null(strstr(err.text, "counter"));
    assert_int_equal(leftovers(), 0);
}

static void failed_creation_is_told_apart(void **state)
{
    (void)state;
    /* A CommunicationAuxiliary whose proxy does not run. */
    struct canring_config_auxiliary auxiliary = {
        .name = "aux1", .type = "", .kind = CANRING_AUXILIARY_COMMUNICATION, .auto_start = true};
    struct canring_config_connector bus = {.name = "can", .has_remote_id = true, .remote_id = 5};
    struct canring_config_connector com = {.name = "com1"};
    struct canring_config_proxy_channel channel = {.connector = &com, .auxiliary = &auxiliary};
    struct canring_config_proxy proxy = {
        .name = "proxy", .connector = &bus, .channels = &channel, .channel_count = 1};
    struct canring_config_proxy *proxies[] = {&proxy};
    struct canring_config config = {.proxies = proxies, .proxy_count = 1};
    struct canring_error err = {0};
    pid_t pid;
    assert_int_equal(cr_auxiliary_start(&config, &auxiliary, &pid, &err), -ECANCELED);
    assert_non_null(strstr(err.text, "aux1"));
    config.proxy_count = 0;
    assert_int_equal(cr_auxiliary_start(&config, &auxiliary, &pid, &err), -ENODEV);
    assert_int_equal(leftovers(), 0);
}

static void auxiliary_ends_with_who_started_it(void **state)
{
    (void)state;
    struct canring_config_auxiliary auxiliary = {.name = "counter",
                                                 .type = in_examples("my_aux_exe"),
                                                 .class_name = "",
                                                 .kind = CANRING_AUXILIARY_EXECUTABLE};
    int ready[2];
    char x;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t coordinator = fork();
    if (coordinator == 0) {
        pid_t pid;
        if (start_one(&auxiliary, &pid, NULL) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &x, 1), 1);
    close(ready[0]);
    struct canring_auxiliary *aux = open_auxiliary("counter");
    end_auxiliary(coordinator, SIGKILL);
    for (unsigned tries = 0; tries < 500 && leftovers(); tries++)
        usleep(10000);
    assert_int_equal(leftovers(), 0);
    assert_int_equal(canring_auxiliary_is_instance(aux), 0);
    canring_auxiliary_close(aux);
}

int main(void)
{
    ssize_t length = readlink("/proc/self/exe", examples, sizeof(examples) - 32);
    if (length < 0)
        return 1;
    examples[length] = '\0';
    *strrchr(examples, '/') = '\0'; /* tests, beside the examples */
    size_t used = (size_t)(strrchr(examples, '/') - examples);
    snprintf(examples + used, sizeof(examples) - used, "/examples");
    begin_runtime("start");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_object_is_loaded_and_serves),
        cmocka_unit_test(what_is_wrong_with_a_shared_object_is_said),
        cmocka_unit_test(executable_serves_and_reports),
        cmocka_unit_test(executable_that_is_none_is_an_error),
        cmocka_unit_test(failed_creation_is_told_apart),
        cmocka_unit_test(auxiliary_ends_with_who_started_it),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
