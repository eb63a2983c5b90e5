/* The report and its writers. With $CANRING_JUNIT_DIR the files stay there for test_junit_files.sh,
 * which has other programs read them.
 */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/junit.h"
#include "proxy/junit_xml.h"
#include "proxy/report_path.h"

#define SECOND UINT64_C(1000000000)
#define START  (UINT64_C(1790000000) * SECOND)

static char folder[96], path[160];

static char *slurp(const char *name)
{
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    char *text = calloc(1, size + 1);
    assert_non_null(text);
    rewind(file);
    assert_int_equal(fread(text, 1, size, file), size);
    fclose(file);
    return text;
}

static void name_file(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s.xml", folder, name);
}

static void save(const struct cr_report *report)
{
    struct canring_error err = {0};
    if (cr_junit_write(report, path, &err) < 0)
        fail_msg("%s", err.text);
}

static void finish(struct cr_report_case *test, enum cr_outcome outcome, const char *message)
{
    const struct cr_report_result result = {.outcome = outcome,
                                            .end_ns = test->start_ns + SECOND / 8,
                                            .message = message,
                                            .type = message ? "AssertionError" : NULL};
    cr_report_end(test, &result, NULL);
}

static struct cr_report *example(void)
{
    struct cr_report *report = cr_report_new("bench");
    assert_non_null(report);
    assert_int_equal(cr_report_property(report, "configuration", "rigs/bench.yaml"), 0);
    struct cr_report_suite *one = cr_report_suite(report, "suite 1", START),
                           *two = cr_report_suite(report, "suite 2", START + 9 * SECOND);
    assert_non_null(one);
    assert_non_null(two);
    finish(cr_report_case(one, "test_a.Brakes", "test_stop", "test_a.py:12", START),
           CR_OUTCOME_PASSED, NULL);
    struct cr_report_case *failed =
        cr_report_case(one, "test_a.Brakes", "test_hold", "test_a.py:20", START);
    cr_capture_add(&failed->details, "Traceback\n  1 != 2\n", 19);
    cr_capture_add(&failed->out, "printed\n", 8);
    cr_capture_add(&failed->err, "warned\n", 7);
    finish(failed, CR_OUTCOME_FAILED, "1 != 2");
    finish(cr_report_case(one, "test_a.Brakes", "test_not_here", NULL, START), CR_OUTCOME_SKIPPED,
           "no rig");
    cr_report_case(two, "test_b.Lights", "test_crashed", NULL, START);
    return report;
}

static void every_outcome_has_its_element_and_is_counted(void **state)
{
    (void)state;
    struct cr_report *report = example();
    name_file("outcomes");
    save(report);
    char *xml = slurp(path);
    assert_non_null(strstr(xml,
                           "<testsuites name=\"bench\" tests=\"4\" failures=\"1\" errors=\"1\" "
                           "time=\"0.375\">"));
    assert_non_null(strstr(xml, "<testsuite name=\"suite 1\" id=\"0\" tests=\"3\" failures=\"1\" "
                                "errors=\"0\" time=\"0.375\" skipped=\"1\" timestamp=\""));
    assert_non_null(strstr(xml, "<testcase classname=\"test_a.Brakes\" name=\"test_stop\" "
                                "time=\"0.125\">"));
    assert_non_null(strstr(xml, "<failure type=\"AssertionError\" message=\"1 != 2\">Traceback\n"
                                "  1 != 2\n</failure>"));
    assert_non_null(strstr(xml, "<skipped type=\"AssertionError\" message=\"no rig\"></skipped>"));
    assert_non_null(strstr(xml, "<error message=\"the test did not end\"></error>"));
    assert_non_null(strstr(xml, "test_a.py:20\n---- output ----\nprinted\n"));
    assert_non_null(strstr(xml, "<system-err>warned\n</system-err>"));
    assert_non_null(strstr(xml, "<property name=\"configuration\" value=\"rigs/bench.yaml\"/>"));
    free(xml);
    cr_report_free(report);
}

static void an_empty_run_is_a_report_too(void **state)
{
    (void)state;
    struct cr_report *report = cr_report_new("");
    name_file("empty");
    save(report);
    char *xml = slurp(path);
    assert_non_null(strstr(xml, "tests=\"0\" failures=\"0\" errors=\"0\" time=\"0.000\""));
    free(xml);
    cr_report_free(report);
}

static char *as_xml(const char *text, size_t length)
{
    char *xml = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&xml, &size);
    cr_xml_text(out, text, length);
    fclose(out);
    return xml;
}

static void what_xml_cannot_hold_is_shown(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        const char *xml;
    } table[] = {
        {"a<b>&\"'", 7, "a&lt;b&gt;&amp;\"'"},
        {"]]>", 3, "]]&gt;"},
        {"nul\0!", 5, "nul\\x00!"},
        {"\033[1m\a", 5, "\\x1b[1m\\x07"},
        {"\xff\xc3(", 3, "\\xff\\xc3("},
        {"\xef\xbf\xbf\xef\xbf\xbe", 6, "\\uffff\\ufffe"},
        {"\xef\xbf\xbd", 3, "\xef\xbf\xbd"},
        {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},
        {"\xf0\x9f\x9a\x97", 4, "\xf0\x9f\x9a\x97"},
        {"\xc2\x85", 2, "\\u0085"},
        {"a\tb\r\nc", 6, "a\tb&#13;\nc"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *xml = as_xml(table[i].text, table[i].length);
        assert_string_equal(xml, table[i].xml);
        free(xml);
    }
}

/* All bytes, in all places; 5 MB of them; and every way to break out of an element. */
static void hostile_content_stays_inside_its_element(void **state)
{
    (void)state;
    static char bytes[256], many[5 << 20];
    char words[256];
    for (int i = 0; i < 255; i++)
        words[i] = (char)(i + 1);
    words[255] = '\0';
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    for (size_t i = 0; i < sizeof(many); i++)
        many[i] = (char)(i * 7 + i / 251);
    struct cr_report *report = cr_report_new(words);
    assert_int_equal(cr_report_property(report, words, words), 0);
    struct cr_report_suite *suite = cr_report_suite(report, words, START);
    struct cr_report_case *test = cr_report_case(suite, words, words, words, START);
    struct cr_capture *const captures[] = {&test->details, &test->out, &test->err, &test->logs};
    static const char escape[] = "]]></system-out></testcase><!-- &amp; &undefined; <![CDATA[";
    for (int i = 0; i < 4; i++) {
        cr_capture_add(captures[i], bytes, sizeof(bytes));
        cr_capture_add(captures[i], escape, sizeof(escape) - 1);
        cr_capture_add(captures[i], many, sizeof(many));
    }
    finish(test, CR_OUTCOME_FAILED, words);
    name_file("hostile");
    save(report);
    char *xml = slurp(path);
    for (const char *c = xml; *c; c++)
        assert_true(*c == '\n' || *c == '\t' || (uint8_t)*c >= 0x20);
    assert_non_null(strstr(xml, "]]&gt;&lt;/system-out&gt;"));
    free(xml);
    cr_report_free(report);
}

static void long_output_keeps_its_beginning_and_end_and_says_what_is_cut(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 300; piece += 37) {
        struct cr_capture capture = {.half = 100};
        char text[1000];
        size_t length = 0;
        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = (char)('a' + i % 26);
        for (size_t at = 0; at < sizeof(text); at += piece)
            cr_capture_add(&capture, text + at,
                           at + piece < sizeof(text) ? piece : sizeof(text) - at);
        char *kept = cr_capture_text(&capture, &length);
        assert_memory_equal(kept, text, 100);
        assert_memory_equal(kept + length - 100, text + 900, 100);
        assert_non_null(strstr(kept, "\n… 800 bytes cut …\n"));
        free(kept);
        cr_capture_free(&capture);
    }
}

static void output_that_fits_is_not_cut(void **state)
{
    (void)state;
    struct cr_capture capture = {.half = 4};
    size_t length = 9;
    char *text = cr_capture_text(&capture, &length);
    assert_int_equal(length, 0);
    free(text);
    cr_capture_add(&capture, "1234", 4);
    cr_capture_add(&capture, "5678", 4);
    text = cr_capture_text(&capture, &length);
    assert_string_equal(text, "12345678");
    free(text);
    cr_capture_add(&capture, "9", 1);
    text = cr_capture_text(&capture, &length);
    assert_string_equal(text, "1234\n… 1 bytes cut …\n6789");
    free(text);
    cr_capture_free(&capture);
}

static void characters_are_not_cut_apart(void **state)
{
    (void)state;
    struct cr_capture capture = {.half = 4};
    size_t length;
    for (int i = 0; i < 10; i++)
        cr_capture_add(&capture, "€", 3);
    char *text = cr_capture_text(&capture, &length);
    assert_string_equal(text, "€\n… 24 bytes cut …\n€");
    free(text);
    cr_capture_free(&capture);
}

static void log_something(const char *env, const char *name)
{
    setenv("CANRING_LOG", env, 1);
    if (canring_log_open(name, NULL) < 0)
        _exit(1);
    canring_log(CANRING_LOG_INFO, "canring.proxy", "%s says <hello>", name);
    _exit(0);
}

static void run_logger(struct cr_collector *collector, const char *name)
{
    char env[CR_COLLECTOR_ENV];
    int status;
    assert_int_equal(cr_collector_add(collector, name, env, NULL), 0);
    pid_t child = fork();
    if (child == 0)
        log_something(env, name);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    cr_collector_remove(collector, name);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static struct cr_report_case *logged_case(struct cr_report_suite *suite, const char *name,
                                          struct cr_collector *collector,
                                          const char *const *loggers)
{
    struct cr_report_case *test = cr_report_case(suite, "logs", name, NULL, now_ns());
    for (; *loggers; loggers++)
        run_logger(collector, *loggers);
    const struct cr_report_result result = {.outcome = CR_OUTCOME_PASSED, .end_ns = now_ns()};
    cr_report_end(test, &result, collector);
    return test;
}

static void expect_in(const struct cr_report_case *test, const char *words, bool expected)
{
    size_t length;
    char *text = cr_capture_text(&test->logs, &length);
    if ((strstr(text, words) != NULL) != expected)
        fail_msg("%s: '%s' %s", test->name, words, text);
    free(text);
}

static void a_case_has_the_log_of_all_processes_from_its_time(void **state)
{
    (void)state;
    struct cr_collector *collector;
    const struct cr_collector_options options = {.console = -1};
    static const char *const first[] = {"proxy_aux", "aux1", NULL}, *const second[] = {"aux2",
                                                                                       NULL};
    assert_int_equal(cr_collector_open(&collector, &options, NULL), 0);
    struct cr_report *report = cr_report_new("logs");
    struct cr_report_suite *suite = cr_report_suite(report, "logs", now_ns());
    struct cr_report_case *one = logged_case(suite, "one", collector, first),
                          *two = logged_case(suite, "two", collector, second);
    expect_in(one, " INFO proxy_aux [canring.proxy] proxy_aux says <hello>\n", true);
    expect_in(one, " INFO aux1 [canring.proxy] aux1 says <hello>\n", true);
    expect_in(one, "aux2", false);
    expect_in(two, "aux2 says", true);
    expect_in(two, "aux1", false);
    name_file("logs");
    save(report);
    char *xml = slurp(path);
    assert_non_null(strstr(xml, "<system-out>---- log of all processes ----\n"));
    assert_non_null(strstr(xml, "proxy_aux says &lt;hello&gt;\n"));
    free(xml);
    cr_report_free(report);
    cr_collector_close(collector);
}

static void a_case_says_when_earlier_records_are_forgotten(void **state)
{
    (void)state;
    struct cr_collector *collector;
    const struct cr_collector_options options = {.console = -1, .keep_bytes = 300};
    static const char *const loggers[] = {"aux1", "aux2", "aux3", "aux4", NULL};
    assert_int_equal(cr_collector_open(&collector, &options, NULL), 0);
    struct cr_report *report = cr_report_new("logs");
    struct cr_report_suite *suite = cr_report_suite(report, "logs", now_ns());
    const struct cr_report_case *one = logged_case(suite, "one", collector, loggers),
                                *two = logged_case(suite, "two", collector, loggers + 3);
    expect_in(one, "… earlier records are not in memory any more …\n", true);
    expect_in(one, "aux4 says", true);
    expect_in(one, "aux1 says", false);
    expect_in(two, "earlier records", false);
    expect_in(two, "aux4 says", true);
    cr_report_free(report);
    cr_collector_close(collector);
}

static void a_report_is_written_whole_or_not_at_all(void **state)
{
    (void)state;
    struct canring_error err = {0};
    struct cr_report *report = example();
    char below[200];
    name_file("outcomes");
    save(report);
    snprintf(below, sizeof(below), "%s/x.xml", path); /* a folder that is a file */
    assert_true(cr_junit_write(report, below, &err) < 0);
    assert_non_null(strstr(err.text, "outcomes.xml"));
    snprintf(below, sizeof(below), "%s/taken/x.xml/y.xml", folder);
    assert_int_equal(cr_junit_write(report, below, &err), 0);
    snprintf(below, sizeof(below), "%s/taken/x.xml", folder); /* a file that is a folder */
    assert_int_equal(cr_junit_write(report, below, &err), -EISDIR);
    snprintf(below, sizeof(below), "%s/taken", folder);
    unsigned entries = 0;
    DIR *dir = opendir(below);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
        entries += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    assert_int_equal(entries, 1); /* no temporary stays */
    snprintf(below, sizeof(below), "%s/taken/x.xml/y.xml", folder);
    unlink(below);
    *strrchr(below, '/') = '\0';
    rmdir(below);
    *strrchr(below, '/') = '\0';
    rmdir(below);
    cr_report_free(report);
}

static void the_default_path_is_named_after_time_and_configuration(void **state)
{
    (void)state;
    char name[64];
    struct canring_error err;
    setenv("TZ", "UTC", 1);
    tzset();
    assert_int_equal(cr_junit_default_path(name, sizeof(name), "rigs/bench.a.yaml", START, NULL),
                     0);
    assert_string_equal(name, "reports/2026-09-21_14-13-20-bench.a.xml");
    assert_int_equal(cr_junit_default_path(name, 20, "x.yaml", START, &err), -ENAMETOOLONG);
}

static void a_path_that_is_used_gets_a_number(void **state)
{
    (void)state;
    static const char *const names[] = {"a.b.xml", "a.b-2.xml", "a.b-3.xml"};
    char used[192], wanted[192];
    struct canring_error err;
    for (unsigned i = 0; i < 3; i++) {
        snprintf(wanted, sizeof(wanted), "%s/%s", folder, names[i]);
        snprintf(used, sizeof(used), "%s/%s", folder, names[0]);
        assert_int_equal(cr_unused_path(used, sizeof(used), NULL), 0);
        assert_string_equal(used, wanted);
        fclose(fopen(used, "w"));
    }
    snprintf(used, sizeof(used), "%s/%s", folder, names[0]);
    assert_int_equal(cr_unused_path(used, strlen(used) + 1, &err), -ENAMETOOLONG);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(used, sizeof(used), "%s/%s", folder, names[i]);
        assert_int_equal(unlink(used), 0);
    }
}

static void the_text_summary_is_for_people(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    struct cr_report *report = example();
    struct cr_report_suite *evil = cr_report_suite(report, "evil\033[2J", START);
    finish(cr_report_case(evil, "c", "n\n", NULL, START), CR_OUTCOME_FAILED, "\a");
    FILE *out = open_memstream(&text, &size);
    cr_report_print(report, out);
    fclose(out);
    assert_non_null(strstr(text, "suite 1\n  passed     0.125 s  test_a.Brakes.test_stop\n"
                                 "  FAILED     0.125 s  test_a.Brakes.test_hold\n"
                                 "    1 != 2\n    Traceback\n      1 != 2\n"
                                 "  skipped    0.125 s  test_a.Brakes.test_not_here\n"
                                 "    no rig\n"));
    assert_non_null(strstr(text, "evil\\x1b[2J\n  FAILED     0.125 s  c.n\\n\n    \\x07\n"));
    assert_non_null(strstr(text, "5 tests in 0.500 s: 1 passed, 2 failed, 1 error, 1 skipped\n"));
    free(text);
    cr_report_free(report);
}

static void remove_files(void)
{
    static const char *const names[] = {"outcomes", "empty", "hostile", "logs"};
    for (int i = 0; i < 4; i++) {
        name_file(names[i]);
        unlink(path);
    }
    rmdir(folder);
}

int main(void)
{
    char runtime[64];
    const char *keep = getenv("CANRING_JUNIT_DIR");
    unsetenv("CANRING_LOG_LEVEL");
    unsetenv("CANRING_LOG_ACTIVE");
    snprintf(runtime, sizeof(runtime), "/tmp/canring-test-junit-%d", (int)getpid());
    setenv("CANRING_RUNTIME_DIR", runtime, 1);
    if (keep)
        snprintf(folder, sizeof(folder), "%s", keep);
    else
        snprintf(folder, sizeof(folder), "/tmp/canring-test-reports-%d", (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_has_its_element_and_is_counted),
        cmocka_unit_test(an_empty_run_is_a_report_too),
        cmocka_unit_test(what_xml_cannot_hold_is_shown),
        cmocka_unit_test(hostile_content_stays_inside_its_element),
        cmocka_unit_test(long_output_keeps_its_beginning_and_end_and_says_what_is_cut),
        cmocka_unit_test(output_that_fits_is_not_cut),
        cmocka_unit_test(characters_are_not_cut_apart),
        cmocka_unit_test(a_case_has_the_log_of_all_processes_from_its_time),
        cmocka_unit_test(a_case_says_when_earlier_records_are_forgotten),
        cmocka_unit_test(a_report_is_written_whole_or_not_at_all),
        cmocka_unit_test(the_default_path_is_named_after_time_and_configuration),
        cmocka_unit_test(a_path_that_is_used_gets_a_number),
        cmocka_unit_test(the_text_summary_is_for_people),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!keep)
        remove_files();
    rmdir(runtime);
    return failed;
}
