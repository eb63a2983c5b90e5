/* What is believed of a program's output, and what is not. */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/suite_cmocka.h"
#include "proxy/suite_progress.h"

static const struct canring_config_suite suite = {.dir = "dir", .pattern = "*", .id = 7};
static struct cr_suite_file file = {.suite = &suite, .name = "prog.bin"};
static struct cr_suite_cases cases;
static struct cr_cmocka reader;
static struct cr_progress progress;
static char story[65536];

static void note(void *arg, const struct canring_suite_event *event)
{
    size_t used = strlen(story);
    (void)arg;
    assert_int_equal(event->suite_id, 7);
    if (event->kind == CANRING_SUITE_CASE)
        snprintf(story + used, sizeof(story) - used, "start %s;", event->name);
    if (event->kind == CANRING_SUITE_RESULT)
        snprintf(story + used, sizeof(story) - used, "%s %s (%s);",
                 canring_outcome_name(event->outcome), event->name,
                 event->message ? event->message : "");
}

static int setup(void **state)
{
    (void)state;
    cases = (struct cr_suite_cases){.file = &file, .event = note};
    reader = (struct cr_cmocka){.cases = &cases};
    progress = (struct cr_progress){.cases = &cases};
    cr_cases_begin(&cases);
    story[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cr_progress_free(&progress);
    return 0;
}

static void feed(const char *text)
{
    cr_cmocka_feed(&reader, text, strlen(text));
}

static void lines_are_read_however_they_are_cut(void **state)
{
    const char text[] = "[==========] Running 2 test(s).\n[ RUN      ] a\n"
                        "[  ERROR   ] --- 0x1 != 0x2\n[   LINE   ] --- x.c:9: error: Failure!\n"
                        "[  FAILED  ] a\n[ RUN      ] b\r\n[       OK ] b\r\n";
    (void)state;
    for (size_t i = 0; i + 1 < sizeof(text); i++)
        cr_cmocka_feed(&reader, text + i, 1);
    assert_string_equal(story, "start a;failed a (0x1 != 0x2);start b;passed b ();");
    assert_int_equal(reader.expected, 2);
    assert_int_equal(cases.started, 2);
}

static void a_mark_behind_unfinished_output_counts(void **state)
{
    char *long_text = malloc(3000000);
    (void)state;
    assert_non_null(long_text);
    memset(long_text, 'x', 3000000);
    feed("[==========] Running 1 test(s).\n[ RUN      ] a\n");
    cr_cmocka_feed(&reader, long_text, 3000000);
    free(long_text);
    feed("[       OK ] a\n");
    assert_string_equal(story, "start a;passed a ();");
}

static void lines_that_do_not_fit_what_runs_are_output(void **state)
{
    (void)state;
    feed("[ RUN      ] before any group\n[==========] Running 1 test(s).\n[ RUN      ] a\n"
         "[ RUN      ] fake\n[       OK ] fake\n[  FAILED  ] aa\n[       OK ] a b\n"
         "[==========] 1 test(s) run.\n[  SKIPPED ] a\n");
    assert_string_equal(story, "start a;skipped a ();");
    assert_false(reader.contradiction);
}

static void an_end_without_a_beginning_is_noticed(void **state)
{
    (void)state;
    feed("[==========] Running 1 test(s).\n[ RUN      ] a\n[       OK ] a\n[  FAILED  ] a\n");
    assert_true(reader.contradiction);
}

static void the_summary_is_no_contradiction(void **state)
{
    (void)state;
    feed("[==========] grp: Running 1 test(s).\n[ RUN      ] a\n[  FAILED  ] a\n"
         "[==========] grp: 1 test(s) run.\n[  PASSED  ] 0 test(s).\n"
         "[  FAILED  ] grp: 1 test(s), listed below:\n[  FAILED  ] a\n");
    assert_false(reader.contradiction);
    assert_string_equal(story, "start a;failed a ();");
}

static void fixtures_that_fail_are_errors(void **state)
{
    (void)state;
    feed("[==========] Running 1 test(s).\n[ RUN      ] a\n[  ERROR   ] a\n"
         "[==========] 1 test(s) run.\n[==========] Running 1 test(s).\n"
         "[  FAILED  ] GROUP SETUP\n[  ERROR   ] grp\n");
    assert_string_equal(story, "start a;error a (its setup or teardown failed);"
                               "error group setup (the group's fixture failed);");
    assert_true(reader.fixture_failed);
}

static void a_count_that_none_could_be_is_none(void **state)
{
    (void)state;
    feed("[==========] Running -5 test(s).\n[==========] Running 99999999999999999999 test(s).\n"
         "[==========] Running  3 test(s).\n[==========] Running many test(s).\n");
    assert_false(reader.is_cmocka);
    assert_int_equal(reader.expected, 0);
    feed("[==========] Running men: Running 2 test(s).\n");
    assert_int_equal(reader.expected, 2);
}

static void long_names_are_cut_between_characters(void **state)
{
    char name[300], line[400], cut[CR_CASE_NAME_MAX];
    (void)state;
    memset(name, 'x', sizeof(name));
    memcpy(name + CR_CASE_NAME_MAX - 2, "\xc3\xa9", 2);
    name[sizeof(name) - 1] = '\0';
    snprintf(cut, sizeof(cut), "%.*s", (int)CR_CASE_NAME_MAX - 2, name);
    feed("[==========] Running 1 test(s).\n");
    snprintf(line, sizeof(line), "[ RUN      ] %s\n", name);
    feed(line);
    assert_string_equal(cases.name, cut);
    snprintf(line, sizeof(line), "[       OK ] %s\n", name);
    feed(line);
    assert_int_equal(cases.counts[CANRING_OUTCOME_PASSED], 1);
}

static void zero_bytes_are_nothing_special(void **state)
{
    const char text[] = "[==========] Running 1 test(s).\n[ RUN      ] a\n\0\0\0[       OK ] a\n";
    (void)state;
    cr_cmocka_feed(&reader, text, sizeof(text) - 1);
    assert_string_equal(story, "start a;passed a ();");
}

static void output_of_a_case_is_bounded(void **state)
{
    static const char chunk[65536];
    (void)state;
    cr_cases_start(&cases, "c", "a");
    for (int i = 0; i < 800; i++)
        cr_cases_output(&cases, 1, chunk, sizeof(chunk));
    assert_int_equal(cases.output, CR_CASE_OUTPUT_MAX);
    assert_int_equal(cases.left_out, 800u * sizeof(chunk) - CR_CASE_OUTPUT_MAX);
    cr_cases_result(&cases, CANRING_OUTCOME_PASSED, NULL, NULL);
    assert_int_equal(cases.left_out, 0);
}

/* ---- the Python runner's progress ---------------------------------------------------------- */

static int say(const char *text)
{
    return cr_progress_feed(&progress, text, strlen(text));
}

static void progress_tells_cases(void **state)
{
    (void)state;
    assert_int_equal(say("{\"event\":\"plan\",\"cases\":[[\"C\",\"a\"],[\"C\",\"b\"]],\"tags\":"
                         "[\"x\"]}\n{\"event\":\"start\",\"class\":\"C\","),
                     0);
    assert_int_equal(say("\"name\":\"a\"}\n"), 1);
    assert_int_equal(say("{\"event\":\"end\",\"outcome\":\"skipped\",\"message\":\"no\"}\n"), 1);
    assert_string_equal(json_string_value(json_array_get(progress.tags, 0)), "x");
    cr_progress_give_up(&progress, CANRING_OUTCOME_ERROR, "it died");
    assert_string_equal(story, "start a;skipped a (no);error b (not run: it died);");
}

/* Told in two lines; two names that are alike for long, and one that is there twice. */
static void every_case_of_a_plan_counts(void **state)
{
    char stem[600], line[2000];
    (void)state;
    memset(stem, 'n', sizeof(stem) - 1);
    stem[sizeof(stem) - 1] = '\0';
    snprintf(line, sizeof(line),
             "{\"event\":\"plan\",\"cases\":[[\"C\",\"%s1\"],[\"C\",\"%s2\"]],\"tags\":[\"x\"]}\n",
             stem, stem);
    assert_int_equal(say(line), 0);
    assert_int_equal(say("{\"event\":\"plan\",\"cases\":[[\"C\",\"b\"],[\"C\",\"b\"]],"
                         "\"tags\":[\"y\"]}\n"),
                     0);
    assert_int_equal(json_array_size(progress.tags), 2);
    assert_int_equal(say("{\"event\":\"start\",\"class\":\"C\",\"name\":\"b\"}\n"), 1);
    assert_int_equal(say("{\"event\":\"end\",\"outcome\":\"passed\"}\n"), 1);
    assert_int_equal(say("{\"event\":\"plan\",\"cases\":[]}\n"), -EPROTO);
    cr_progress_give_up(&progress, CANRING_OUTCOME_ERROR, "it died");
    assert_int_equal(cases.counts[CANRING_OUTCOME_PASSED], 1);
    assert_int_equal(cases.counts[CANRING_OUTCOME_ERROR], 3);
    assert_non_null(strstr(story, "error b (not run: it died);"));
}

static void what_is_no_progress_is_refused(void **state)
{
    static const char *const lies[] = {
        "garbage\n",
        "[]\n",
        "{}\n",
        "\n",
        "{\"event\":\"end\",\"outcome\":\"passed\"}\n",
        "{\"event\":\"end\"}\n",
        "{\"event\":\"plan\",\"cases\":[[1,2]]}\n",
        "{\"event\":\"plan\",\"cases\":[[\"one\"]]}\n",
        "{\"event\":\"lone\",\"outcome\":\"splendid\"}\n",
        "{\"event\":7}\n",
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
        setup(state);
        assert_int_equal(say(lies[i]), -EPROTO);
        assert_string_equal(story, "");
        teardown(state);
    }
}

static void an_endless_line_is_refused(void **state)
{
    static char chunk[65536];
    int result = 0;
    (void)state;
    memset(chunk, ' ', sizeof(chunk));
    for (int i = 0; i < 100 && result == 0; i++)
        result = cr_progress_feed(&progress, chunk, sizeof(chunk));
    assert_int_equal(result, -EPROTO);
    assert_true(progress.space <= 2 * CR_PROGRESS_LINE_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(lines_are_read_however_they_are_cut),
        TEST(a_mark_behind_unfinished_output_counts),
        TEST(lines_that_do_not_fit_what_runs_are_output),
        TEST(an_end_without_a_beginning_is_noticed),
        TEST(the_summary_is_no_contradiction),
        TEST(fixtures_that_fail_are_errors),
        TEST(a_count_that_none_could_be_is_none),
        TEST(long_names_are_cut_between_characters),
        TEST(zero_bytes_are_nothing_special),
        TEST(output_of_a_case_is_bounded),
        TEST(progress_tells_cases),
        TEST(every_case_of_a_plan_counts),
        TEST(what_is_no_progress_is_refused),
        TEST(an_endless_line_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
