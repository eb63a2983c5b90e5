/* Real programs under guard, most of them badly behaved; and the session over several of them. */
#include "check.h"

#include <canring/suite.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD "CANRING_TEST_SUITE_CHILD"

static char dir[64], story[65536];
static size_t output;
static struct canring_config_suite suite = {.dir = dir, .pattern = "test_*", .id = 3};
static struct canring_config config = {.path = "none.yaml", .suites = &suite, .suite_count = 1};
static struct canring_suite_options options;
static struct canring_suite_totals totals;
static struct canring_error error;

/* ---- the cmocka program that is run: this one, when asked ---------------------------------- */

static void passes(void **state)
{
    (void)state;
    print_message("hello\n");
}

static void fails(void **state)
{
    (void)state;
    assert_int_equal(1, 2);
}

static void skips(void **state)
{
    (void)state;
    skip();
}

static void aborts(void **state)
{
    (void)state;
    raise(SIGKILL);
}

static int be_child(const char *what)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes), cmocka_unit_test(fails),
                                       cmocka_unit_test(skips), cmocka_unit_test(aborts)};
    if (strcmp(what, "dies") != 0)
        cmocka_set_skip_filter("aborts");
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* ---- helpers ------------------------------------------------------------------------------- */

static void note(void *arg, const struct canring_suite_event *event)
{
    size_t used = strlen(story);
    (void)arg;
    if (event->kind == CANRING_SUITE_OUTPUT)
        output += event->size;
    if (event->kind == CANRING_SUITE_RESULT)
        snprintf(story + used, sizeof(story) - used, "%s %s:%s (%s)\n",
                 canring_outcome_name(event->outcome), event->file, event->name,
                 event->message ? event->message : "");
    if (event->kind == CANRING_SUITE_FILE_END && event->message)
        snprintf(story + used, sizeof(story) - used, "note %s: %s\n", event->file, event->message);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/canring-suite.XXXXXX");
    story[0] = '\0';
    output = 0;
    totals = (struct canring_suite_totals){0};
    options = (struct canring_suite_options){.event = note, .timeout_ms = 60000};
    suite.pattern = "test_*";
    config.suite_count = 1;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    DIR *folder = opendir(dir);
    const struct dirent *entry;
    char path[512];
    (void)state;
    while (folder && (entry = readdir(folder)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        unlink(path);
    }
    if (folder)
        closedir(folder);
    return rmdir(dir);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void script(const char *name, const char *lines)
{
    char text[1024];
    snprintf(text, sizeof(text), "#!/bin/bash\n%s\n", lines);
    write_file(name, text, 0755);
}

static int serve(struct canring_suites *suites)
{
    int result;
    while ((result = canring_suites_poll(suites, &error)) > 0) {
        struct pollfd p = {.fd = canring_suites_fd(suites), .events = POLLIN};
        assert_int_equal(poll(&p, 1, 30000), 1); /* it never needs a poll that nothing announces */
    }
    return result;
}

static int run(void)
{
    struct canring_suites *suites;
    int result = canring_suites_open(&suites, &config, &options, &error);
    if (result < 0)
        return result;
    result = serve(suites);
    canring_suites_totals(suites, &totals);
    canring_suites_close(suites);
    return result;
}

static void assert_told(const char *words)
{
    if (!strstr(story, words))
        fail_msg("'%s' is not in:\n%s", words, story);
}

static bool alive(pid_t pid)
{
    return kill(pid, 0) == 0;
}

static pid_t read_pid(const char *name)
{
    char path[256];
    int pid = 0;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    for (int i = 0; i < 1000 && pid == 0; i++) {
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%d", &pid) != 1)
            pid = 0;
        if (file)
            fclose(file);
        if (!pid)
            poll(NULL, 0, 10);
    }
    assert_true(pid > 0);
    return pid;
}

/* ---- programs ------------------------------------------------------------------------------ */

static void cases_of_a_cmocka_program_are_told(void **state)
{
    char self[256], path[256];
    (void)state;
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(length > 0);
    self[length] = '\0';
    snprintf(path, sizeof(path), "%s/test_cmocka", dir);
    assert_int_equal(symlink(self, path), 0);
    setenv(CHILD, "lives", 1);
    setenv("CMOCKA_MESSAGE_OUTPUT", "xml", 1); /* not ours to heed */
    setenv("CMOCKA_XML_FILE", "none.xml", 1);
    assert_int_equal(run(), 0);
    assert_string_equal(story, "passed test_cmocka:passes ()\nfailed test_cmocka:fails (0x1 != 0x2)"
                               "\nskipped test_cmocka:skips ()\n");
    assert_int_equal(canring_suites_exit_status(&totals), 1);
    story[0] = '\0';
    setenv(CHILD, "dies", 1);
    assert_int_equal(run(), 0);
    unsetenv(CHILD);
    unsetenv("CMOCKA_MESSAGE_OUTPUT");
    unsetenv("CMOCKA_XML_FILE");
    assert_told("error test_cmocka:aborts (ended by signal 9 (Killed) in the middle of it)");
    assert_int_equal(canring_suites_exit_status(&totals), 3);
}

static void the_exit_status_of_a_plain_program_is_its_outcome(void **state)
{
    (void)state;
    script("test_a", "exit 0");
    script("test_b", "exit 3");
    script("test_c", "echo 'no hardware'; exit 77");
    script("test_d", "kill -SEGV $$");
    write_file("test_e", "no program", 0755);
    assert_int_equal(run(), 0);
    assert_told("passed test_a:test_a ()");
    assert_told("failed test_b:test_b (ended with status 3)");
    assert_told("skipped test_c:test_c (no hardware)");
    assert_told("error test_d:test_d (ended by signal 11 (Segmentation fault))");
    assert_told("error test_e:test_e (cannot be started: not a program");
    assert_int_equal(totals.files, 5);
    assert_int_equal(totals.errors, 2);
}

static void a_hanging_program_is_ended_and_the_next_is_run(void **state)
{
    (void)state;
    options.timeout_ms = 2000;
    script("test_a", "while :; do echo busy; done");
    script("test_b", "trap '' TERM; echo $BASHPID >\"${0%/*}/pid\"; while :; do sleep 0.1; done");
    script("test_c", "exit 0");
    assert_int_equal(run(), 0);
    assert_told("error test_a:test_a (timeout after 2 s)");
    assert_told("error test_b:test_b (timeout after 2 s)");
    assert_told("passed test_c:test_c ()");
    assert_false(alive(read_pid("pid")));
}

static void output_without_end_is_cut_and_harms_nobody(void **state)
{
    (void)state;
    script("test_a", "head -c 50000000 /dev/urandom");
    script("test_b", "exit 0");
    assert_int_equal(run(), 0);
    assert_told("passed test_a:test_a ()");
    assert_told("passed test_b:test_b ()");
    assert_true(output > 1000000 && output < 1200000);
}

static void nothing_that_a_program_starts_outlives_it(void **state)
{
    (void)state;
    script("test_a", "cd \"${0%/*}\"\nsleep 300 & echo $! >group\n"
                     "setsid bash -c '(sleep 300 & echo $! >daemon)' </dev/null\nexit 0");
    assert_int_equal(run(), 0);
    assert_told("passed test_a:test_a ()");
    assert_told("note test_a: it left 2 processes behind, killed now");
    assert_false(alive(read_pid("group")));
    assert_false(alive(read_pid("daemon")));
}

static void a_program_may_close_its_streams(void **state)
{
    (void)state;
    script("test_a", "exec >&- 2>&-\nsleep 0.1\nexit 0");
    assert_int_equal(run(), 0);
    assert_told("passed test_a:test_a ()");
}

static void a_program_gets_no_fd_of_ours(void **state)
{
    int fd = open("/dev/null", O_RDONLY); /* without CLOEXEC */
    (void)state;
    script("test_a", "for f in /proc/self/fd/*; do n=${f##*/}; [ $n -le 2 ] || "
                     "[ ! -e /proc/$$/fd/$n ] || [ $n = 255 ] || exit 1; done; exit 0");
    assert_int_equal(run(), 0);
    assert_told("passed test_a:test_a ()");
    close(fd);
}

static void what_runs_ends_with_whoever_runs_it(void **state)
{
    (void)state;
    script("test_a", "echo $BASHPID >\"${0%/*}/pid\"; trap '' TERM; while :; do sleep 0.1; done");
    pid_t coordinator = fork();
    if (coordinator == 0) {
        options.event = NULL;
        run();
        _exit(0);
    }
    pid_t program = read_pid("pid");
    kill(coordinator, SIGKILL);
    waitpid(coordinator, NULL, 0);
    for (int i = 0; i < 1000 && alive(program); i++)
        poll(NULL, 0, 10);
    assert_false(alive(program));
}

static void stopping_ends_the_file_and_begins_no_other(void **state)
{
    struct canring_suites *suites;
    (void)state;
    script("test_a", "echo $$ >\"${0%/*}/pid\"; exec sleep 300");
    script("test_b", "exit 0");
    assert_int_equal(canring_suites_open(&suites, &config, &options, &error), 0);
    assert_int_equal(canring_suites_poll(suites, &error), 1);
    pid_t program = read_pid("pid");
    canring_suites_stop(suites);
    assert_int_equal(serve(suites), 0);
    canring_suites_close(suites);
    assert_string_equal(story, "error test_a:test_a (stopped)\n");
    assert_false(alive(program));
}

static void closing_in_the_middle_leaves_nothing(void **state)
{
    struct canring_suites *suites;
    (void)state;
    script("test_a", "echo $$ >\"${0%/*}/pid\"; exec sleep 300");
    assert_int_equal(canring_suites_open(&suites, &config, &options, &error), 0);
    assert_int_equal(canring_suites_poll(suites, &error), 1);
    pid_t program = read_pid("pid");
    canring_suites_close(suites);
    assert_false(alive(program));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void failfast_begins_no_other_file(void **state)
{
    (void)state;
    options.failfast = true;
    script("test_a", "exit 1");
    script("test_b", "touch \"${0%/*}/begun\"");
    write_file("test_c.py", "raise SystemExit", 0644);
    assert_int_equal(run(), 0);
    assert_string_equal(
        story, "failed test_a:test_a (ended with status 1)\n"
               "skipped test_b:test_b (not run: --failfast, a case of another file failed)\n"
               "skipped test_c.py:test_c (not run: --failfast, a case of another file failed)\n");
    assert_int_equal(totals.skipped, 2);
}

#define CMOCKA_FAILS                                                                               \
    "echo '[==========] Running 3 test(s).'\n"                                                     \
    "printf '[ RUN      ] one\\n[       OK ] one\\n[ RUN      ] two\\n[  FAILED  ] two\\n'\n"

static void failfast_ends_a_program_at_its_first_failed_case(void **state)
{
    (void)state;
    options.failfast = true;
    script("test_a", CMOCKA_FAILS "echo '[ RUN      ] three'\necho $$ >\"${0%/*}/pid\"\nsleep 300");
    assert_int_equal(run(), 0);
    assert_string_equal(story, "passed test_a:one ()\nfailed test_a:two ()\n"
                               "skipped test_a:1 more case (not run: --failfast, a case failed)\n");
}

static void failfast_ends_a_program_that_does_not_want_to(void **state)
{
    (void)state;
    options.failfast = true;
    script("test_a", "trap 'touch \"${0%/*}/asked\"' TERM\necho $$ >\"${0%/*}/pid\"\n" CMOCKA_FAILS
                     "for i in {1..3000}; do sleep 0.1; done");
    assert_int_equal(run(), 0);
    assert_told("skipped test_a:1 more case (not run: --failfast, a case failed)\n");
    assert_null(strstr(story, "error"));
    assert_false(alive(read_pid("pid")));
    char path[256];
    snprintf(path, sizeof(path), "%s/asked", dir);
    assert_int_equal(access(path, F_OK), 0);
}

static void failfast_lets_the_teardown_of_the_last_case_run(void **state)
{
    (void)state;
    options.failfast = true;
    script("test_a", "echo '[==========] Running 1 test(s).'\n"
                     "printf '[ RUN      ] one\\n[  FAILED  ] one\\n'\n"
                     "sleep 0.3; touch \"${0%/*}/torn_down\"; exit 1");
    assert_int_equal(run(), 0);
    assert_string_equal(story, "failed test_a:one ()\n");
    char path[256];
    snprintf(path, sizeof(path), "%s/torn_down", dir);
    assert_int_equal(access(path, F_OK), 0);
}

/* ---- finding ------------------------------------------------------------------------------- */

static void folders_and_patterns_are_reported_apart(void **state)
{
    (void)state;
    write_file("test_text", "no program", 0644);
    assert_int_equal(run(), -ENOENT);
    assert_non_null(strstr(error.text, "is neither Python (.py) nor executable"));
    suite.pattern = "nothing_*";
    assert_int_equal(run(), -ENOENT);
    assert_non_null(strstr(error.text, "nothing in /tmp/canring-suite"));
    const struct canring_config_suite gone = {.dir = "/nonexistent/x", .pattern = "*", .id = 9};
    config.suites = (struct canring_config_suite[]){gone};
    assert_int_equal(run(), -ENOENT);
    assert_non_null(strstr(error.text, "test suite 9: suite_dir '/nonexistent/x': No such file"));
    config.suites = &suite;
    config.suite_count = 0;
    assert_int_equal(run(), -ENOENT);
    assert_non_null(strstr(error.text, "test_suite_list has no suites"));
}

static void a_pattern_selects_files_and_programs(void **state)
{
    (void)state;
    script("test_a", "exit 0");
    script("test_b", "exit 0");
    script("other", "echo \"filter $CANRING_TEST_FILTER\"; exit 77");
    options.pattern = "test_*::*_b";
    assert_int_equal(run(), 0);
    assert_string_equal(story, "passed test_b:test_b ()\n");
    story[0] = '\0';
    options.pattern = "oth*::::method";
    assert_int_equal(run(), 0);
    assert_string_equal(story, "skipped other:other (filter method)\n");
    options.pattern = "*::nothing";
    assert_int_equal(run(), -ENOENT);
    assert_true(totals.collection_failed);
    options.pattern = "a::b::c::d";
    assert_int_equal(run(), -EINVAL);
}

static void files_come_in_the_order_of_their_names(void **state)
{
    struct canring_config_suite two[] = {suite, suite};
    (void)state;
    script("test_b", "exit 0");
    script("test_B", "exit 0");
    script("test_a", "exit 0");
    two[1].pattern = "test_a";
    config.suites = two;
    config.suite_count = 2;
    assert_int_equal(run(), 0);
    config.suites = &suite;
    assert_string_equal(story, "passed test_B:test_B ()\npassed test_a:test_a ()\n"
                               "passed test_b:test_b ()\npassed test_a:test_a ()\n");
}

static void exit_status_is_pykisos(void **state)
{
    const struct {
        struct canring_suite_totals totals;
        int status;
    } rows[] = {{{.passed = 3, .skipped = 1}, 0},
                {{.failed = 1}, 1},
                {{.errors = 1}, 2},
                {{.collection_failed = true}, 2},
                {{.failed = 1, .errors = 1}, 3},
                {{.creation_failed = true, .failed = 1}, 4},
                {{.undefined_tag = true}, 5}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(canring_suites_exit_status(&rows[i].totals), rows[i].status);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(cases_of_a_cmocka_program_are_told),
        TEST(the_exit_status_of_a_plain_program_is_its_outcome),
        TEST(a_hanging_program_is_ended_and_the_next_is_run),
        TEST(output_without_end_is_cut_and_harms_nobody),
        TEST(nothing_that_a_program_starts_outlives_it),
        TEST(a_program_may_close_its_streams),
        TEST(a_program_gets_no_fd_of_ours),
        TEST(what_runs_ends_with_whoever_runs_it),
        TEST(stopping_ends_the_file_and_begins_no_other),
        TEST(closing_in_the_middle_leaves_nothing),
        TEST(failfast_begins_no_other_file),
        TEST(failfast_ends_a_program_at_its_first_failed_case),
        TEST(failfast_ends_a_program_that_does_not_want_to),
        TEST(failfast_lets_the_teardown_of_the_last_case_run),
        TEST(folders_and_patterns_are_reported_apart),
        TEST(a_pattern_selects_files_and_programs),
        TEST(files_come_in_the_order_of_their_names),
        TEST(exit_status_is_pykisos),
    };
    const char *child = getenv(CHILD);
    return child ? be_child(child) : cmocka_run_group_tests(tests, NULL, NULL);
}
