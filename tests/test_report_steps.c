/* Steps of a case are bounded, and nothing in them becomes markup of the page. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/step_report.h"

static struct cr_report *report;
static struct cr_report_case *test;

static int setup(void **state)
{
    (void)state;
    report = cr_report_new("bench");
    assert_non_null(report);
    struct cr_report_suite *suite = cr_report_suite(report, "<suite>", 1);
    assert_non_null(suite);
    test = cr_report_case(suite, "Class", "a<b&\x01", NULL, 1);
    return test ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    cr_report_free(report);
    return 0;
}

static void add(bool passed, unsigned times)
{
    const struct canring_suite_step step = {.passed = passed, .message = "m"};
    while (times--)
        cr_steps_add(&test->steps, &step);
}

static void the_first_steps_are_kept_and_failed_ones_besides(void **state)
{
    (void)state;
    add(true, CR_STEPS_MAX + 5);
    add(false, 2);
    add(true, 1);
    assert_int_equal(test->steps.count, CR_STEPS_MAX + 2);
    assert_int_equal(test->steps.failed, 2);
    assert_int_equal(test->steps.left_out, 6);
    assert_false(test->steps.last->passed);
    add(false, CR_STEPS_MAX);
    assert_int_equal(test->steps.failed, CR_STEPS_MAX);
    assert_int_equal(test->steps.left_out, 8);
}

static void texts_are_copied_and_cut_between_characters(void **state)
{
    char text[3 * CR_STEP_TEXT_MAX + 1] = "";
    (void)state;
    for (unsigned i = 0; i < CR_STEP_TEXT_MAX; i++)
        memcpy(text + 3 * i, "\xe2\x82\xac", 4);
    const struct canring_suite_step step = {.note = true, .message = "euros", .found = text};
    cr_steps_add(&test->steps, &step);
    text[0] = 'x';
    assert_int_equal(test->steps.notes, 1);
    assert_int_equal(test->steps.count, 0);
    assert_int_equal(strlen(test->steps.first->found), CR_STEP_TEXT_MAX / 3 * 3);
    assert_int_equal((unsigned char)test->steps.first->found[0], 0xe2);
}

static void nothing_of_a_test_becomes_markup(void **state)
{
    const struct canring_suite_step step = {.table = "</caption><b>",
                                            .message = "<script>\x1b",
                                            .expression = "a & b",
                                            .expected = "\xff",
                                            .found = "]]>"};
    char path[] = "/tmp/canring-steps.XXXXXX", page[16384] = "";
    struct canring_error err;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    cr_steps_add(&test->steps, &step);
    cr_capture_add(&test->out, "</pre><script>", 14);
    assert_int_equal(cr_step_report_write(report, path, &err), 0);
    close(fd);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(page, 1, sizeof(page) - 1, file) > 0);
    fclose(file);
    unlink(path);
    assert_null(strstr(page, "<script>"));
    assert_non_null(strstr(page, "<caption>&lt;/caption&gt;&lt;b&gt;</caption>"));
    assert_non_null(strstr(page, "<td>&lt;script&gt;\\x1b</td><td>a &amp; b</td><td>\\xff</td>"
                                 "<td>]]&gt;</td><td class=\"failed\">failed</td>"));
    assert_non_null(strstr(page, "<pre>&lt;/pre&gt;&lt;script&gt;</pre>"));
    assert_non_null(strstr(page, "Class::a&lt;b&amp;\\x01 "));
    assert_non_null(strstr(page, "<h2>&lt;suite&gt;</h2>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_steps_are_kept_and_failed_ones_besides, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(texts_are_copied_and_cut_between_characters, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_of_a_test_becomes_markup, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
