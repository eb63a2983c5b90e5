/* The collector: its window, memory, files, waking, and what it leaves behind. */
#include "check.h"

#include "collector_rig.h"

static void the_window_has_its_span_and_nothing_else(void **state)
{
    (void)state;
    struct tally before = {.names = {"p"}}, during = before, after = before, all = before;
    start();
    expect_success(launch("p", log_numbers, 10));
    cr_collector_remove(collector, "p");
    uint64_t from = now_ns();
    expect_success(launch("p", log_numbers, 20));
    uint64_t to = now_ns();
    cr_collector_remove(collector, "p");
    expect_success(launch("p", log_numbers, 30));
    assert_int_equal(cr_collector_window(collector, 0, from, tally_record, &before), 10);
    assert_int_equal(cr_collector_window(collector, from, to, tally_record, &during), 20);
    assert_int_equal(cr_collector_window(collector, to, UINT64_MAX, tally_record, &after), 30);
    assert_int_equal(cr_collector_window(collector, to, from, tally_record, &all), 0);
    assert_int_equal(during.count[0], 20);
    assert_int_equal(cr_collector_complete_from(collector), 0);
}

static void memory_is_bounded_and_what_is_forgotten_is_counted(void **state)
{
    (void)state;
    enum { RECORDS = 2000 };
    struct tally tally = {.names = {"p"}};
    struct cr_collector_stats stats;
    start_with((struct cr_collector_options){.keep_bytes = 16384, .ring_slots = 65536});
    expect_success(launch("p", log_numbers, RECORDS));
    tally_all(&tally);
    cr_collector_stats(collector, &stats);
    assert_true(tally.count[0] > 10 && tally.count[0] < RECORDS);
    assert_int_equal(tally.last[0], RECORDS - 1); /* the newest stay */
    assert_int_equal(tally.count[0] + stats.forgotten, RECORDS);
    assert_int_equal(stats.records, RECORDS);
    assert_true(cr_collector_complete_from(collector) > 0);
    char *text = printed();
    assert_int_equal(occurrences(text, "record "), RECORDS);
    free(text);
}

static void a_killed_coordinators_rings_are_removed_by_the_next(void **state)
{
    (void)state;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        char env[CR_COLLECTOR_ENV];
        const struct cr_collector_options options = {.console = -1};
        if (cr_collector_open(&collector, &options, NULL) < 0 ||
            cr_collector_add(collector, "one", env, NULL) < 0 ||
            cr_collector_add(collector, "two", env, NULL) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(objects_left(), 2);
    start(); /* beside a living one: its rings stay */
    assert_int_equal(objects_left(), 2);
    expect_success(launch("one", log_numbers, 3));
    cr_collector_close(collector);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(objects_left(), 2);
    start();
    assert_int_equal(objects_left(), 0);
    close(ready[0]);
    close(ready[1]);
}

static void names_are_checked(void **state)
{
    (void)state;
    struct canring_error err;
    char env[CR_COLLECTOR_ENV], name[80] = {0};
    start();
    memset(name, 'n', sizeof(name) - 1);
    assert_int_equal(cr_collector_add(collector, name, env, &err), -ENAMETOOLONG);
    assert_int_equal(cr_collector_add(collector, "a/b", env, &err), 0);
    assert_int_equal(cr_collector_add(collector, "a/b", env, &err), -EEXIST);
    assert_int_equal(cr_collector_remove(collector, "a_b"), -ENOENT);
    assert_int_equal(cr_collector_remove(collector, "a/b"), 0);
}

static void log_after_its_ring_was_removed(int unused)
{
    (void)unused;
    canring_log_text(CANRING_LOG_INFO, "x", "record 0");
    if (write(progress[1], "x", 1) != 1)
        _exit(1);
    int heard[2];
    if (pipe(heard) < 0 || dup2(heard[1], STDERR_FILENO) < 0)
        _exit(2);
    char text[256] = {0};
    for (int i = 0; i < 1000 && !strstr(text, "to stderr"); i++) {
        struct pollfd p = {.fd = heard[0], .events = POLLIN};
        canring_log_text(CANRING_LOG_INFO, "x", "to stderr");
        if (poll(&p, 1, 10) > 0 && read(heard[0], text, sizeof(text) - 1) < 0)
            _exit(3);
    }
    _exit(strstr(text, "to stderr") ? 0 : 4);
}

static void a_process_whose_ring_is_removed_goes_on_with_stderr(void **state)
{
    (void)state;
    char byte;
    start();
    assert_int_equal(pipe(progress), 0);
    pid_t child = launch("p", log_after_its_ring_was_removed, 0);
    assert_int_equal(read(progress[0], &byte, 1), 1);
    assert_int_equal(cr_collector_remove(collector, "p"), 0);
    expect_success(child);
    close(progress[0]);
    close(progress[1]);
}

static void the_fd_calls_for_draining_while_there_are_rings(void **state)
{
    (void)state;
    struct pollfd p = {.events = POLLIN};
    start();
    p.fd = cr_collector_fd(collector);
    assert_int_equal(poll(&p, 1, 100), 0); /* nobody is there: no waking */
    expect_success(launch("p", log_numbers, 5));
    char *text = printed();
    assert_string_equal(text, "");
    free(text);
    unsigned taken = 0, shown = 0;
    for (int i = 0; i < 100 && shown < 5; i++) {
        assert_int_equal(poll(&p, 1, 5000), 1);
        taken += cr_collector_drain(collector);
        text = printed();
        shown = occurrences(text, "record ");
        free(text);
    }
    assert_int_equal(taken, 5);
    assert_int_equal(shown, 5);
    assert_int_equal(cr_collector_remove(collector, "p"), 0);
    assert_int_equal(poll(&p, 1, 5000), 1); /* for what remove has found */
    cr_collector_drain(collector);
    assert_int_equal(poll(&p, 1, 100), 0);
}

static void console_level_holds_back_from_the_console_only(void **state)
{
    (void)state;
    struct tally tally = {.names = {"p"}};
    char folder[96];
    snprintf(folder, sizeof(folder), "%s/logs/", runtime);
    start_with((struct cr_collector_options){
        .console_level = CANRING_LOG_WARNING, .path = folder, .stem = "bench"});
    expect_success(launch("p", log_numbers, 5));
    cr_collector_note(collector, CANRING_LOG_ERROR, "canring", "canring.test", "noted");
    tally_all(&tally);
    assert_int_equal(tally.count[0], 5);
    assert_int_equal(tally.others, 1);
    char *text = printed();
    assert_null(strstr(text, "record"));
    assert_non_null(strstr(text, " ERROR canring [canring.test] noted\n"));
    free(text);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    unsigned files = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        files++;
        assert_int_equal(strlen(e->d_name), strlen("2026-01-01_00-00-00-bench.log"));
        assert_non_null(strstr(e->d_name, "-bench.log"));
        unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
    assert_int_equal(files, 1);
    rmdir(folder);
}

static void a_full_disk_is_said_and_harms_nothing_else(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) < 0)
        skip();
    struct tally tally = {.names = {"p"}};
    start_with((struct cr_collector_options){.path = "/dev/full"});
    expect_success(launch("p", log_numbers, 5));
    tally_all(&tally);
    assert_int_equal(tally.count[0], 5);
    cr_collector_flush(collector);
    char *text = printed();
    assert_int_equal(occurrences(text, "the log file ends here"), 1);
    free(text);
    assert_int_equal(cr_collector_close(collector), -ENOSPC);
    collector = NULL;
}

static bool no_memory;
void *__real_malloc(size_t size); /* NOLINT(bugprone-reserved-identifier): the linker's */
void *__wrap_malloc(size_t size); /* NOLINT(bugprone-reserved-identifier) */

void *__wrap_malloc(size_t size) /* NOLINT(bugprone-reserved-identifier) */
{
    return no_memory ? NULL : __real_malloc(size);
}

static void records_that_memory_lacks_for_are_told_once(void **state)
{
    (void)state;
    struct cr_collector_stats stats;
    start();
    expect_success(launch("p", log_numbers, 3));
    no_memory = true;
    cr_collector_flush(collector);
    cr_collector_flush(collector); /* not even for the word about it, and that is no record lost */
    no_memory = false;
    cr_collector_flush(collector);
    cr_collector_flush(collector);
    cr_collector_stats(collector, &stats);
    assert_int_equal(stats.lost, 3);
    char *text = printed();
    assert_int_equal(occurrences(text, "3 log records were lost: no memory"), 1);
    assert_int_equal(occurrences(text, "no memory"), 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(the_window_has_its_span_and_nothing_else),
        LOG_TEST(memory_is_bounded_and_what_is_forgotten_is_counted),
        LOG_TEST(a_killed_coordinators_rings_are_removed_by_the_next),
        LOG_TEST(names_are_checked),
        LOG_TEST(a_process_whose_ring_is_removed_goes_on_with_stderr),
        LOG_TEST(the_fd_calls_for_draining_while_there_are_rings),
        LOG_TEST(console_level_holds_back_from_the_console_only),
        LOG_TEST(records_that_memory_lacks_for_are_told_once),
        LOG_TEST(a_full_disk_is_said_and_harms_nothing_else),
    };
    if (!enter("collector"))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + (int)leave();
}
