#include "proxy/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/log_line.h"
#include "proxy/log_text.h"

#define OUTPUT_HALF (128u * 1024u)
#define LOGS_HALF   (512u * 1024u)

/* strdup of NULL is NULL. */
static char *copy(const char *text)
{
    return text ? strndup(text, cr_utf8_cut(text, strlen(text), CR_REPORT_MESSAGE)) : NULL;
}

struct cr_report *cr_report_new(const char *name)
{
    struct cr_report *report = calloc(1, sizeof(*report));
    if (!report)
        return NULL;
    report->last = &report->suites;
    report->last_property = &report->properties;
    report->name = copy(name);
    if (report->name)
        return report;
    free(report);
    return NULL;
}

static void free_case(struct cr_report_case *test)
{
    free(test->classname);
    free(test->name);
    free(test->file);
    free(test->message);
    free(test->type);
    cr_capture_free(&test->details);
    cr_capture_free(&test->out);
    cr_capture_free(&test->err);
    cr_capture_free(&test->logs);
    cr_steps_free(&test->steps);
    free(test);
}

static void free_suite(struct cr_report_suite *suite)
{
    for (struct cr_report_case *test = suite->cases, *next; test; test = next) {
        next = test->next;
        free_case(test);
    }
    cr_capture_free(&suite->out);
    cr_capture_free(&suite->err);
    cr_capture_free(&suite->logs);
    free(suite->name);
    free(suite);
}

static void free_property(struct cr_report_property *property)
{
    free(property->name);
    free(property->value);
    free(property);
}

void cr_report_free(struct cr_report *report)
{
    if (!report)
        return;
    for (struct cr_report_suite *suite = report->suites, *next; suite; suite = next) {
        next = suite->next;
        free_suite(suite);
    }
    for (struct cr_report_property *property = report->properties, *next; property;
         property = next) {
        next = property->next;
        free_property(property);
    }
    free(report->name);
    free(report);
}

int cr_report_property(struct cr_report *report, const char *name, const char *value)
{
    struct cr_report_property *property = calloc(1, sizeof(*property));
    if (!property)
        return -ENOMEM;
    property->name = copy(name);
    property->value = copy(value);
    if (!property->name || !property->value) {
        free_property(property);
        return -ENOMEM;
    }
    *report->last_property = property;
    report->last_property = &property->next;
    return 0;
}

struct cr_report_suite *cr_report_suite(struct cr_report *report, const char *name,
                                        uint64_t start_ns)
{
    struct cr_report_suite *suite = calloc(1, sizeof(*suite));
    if (!suite)
        return NULL;
    suite->start_ns = start_ns;
    suite->last = &suite->cases;
    suite->out.half = suite->err.half = OUTPUT_HALF;
    suite->logs.half = LOGS_HALF;
    suite->name = copy(name);
    if (!suite->name) {
        free_suite(suite);
        return NULL;
    }
    *report->last = suite;
    report->last = &suite->next;
    return suite;
}

struct cr_report_case *cr_report_case(struct cr_report_suite *suite, const char *classname,
                                      const char *name, const char *file, uint64_t start_ns)
{
    struct cr_report_case *test = calloc(1, sizeof(*test));
    if (!test)
        return NULL;
    test->start_ns = test->logs_from_ns = start_ns;
    test->outcome = CR_OUTCOME_ERROR;
    test->details.half = test->out.half = test->err.half = OUTPUT_HALF;
    test->logs.half = LOGS_HALF;
    test->classname = copy(classname);
    test->name = copy(name);
    test->file = copy(file);
    test->message = copy("the test did not end");
    if (!test->classname || !test->name || (file && !test->file) || !test->message) {
        free_case(test);
        return NULL;
    }
    *suite->last = test;
    suite->last = &test->next;
    return test;
}

static void add_log_line(void *arg, const struct cr_log_record *record)
{
    char line[CR_LOG_LINE_MAX];
    cr_capture_add(arg, line, cr_log_line(line, record, 0));
}

void cr_report_logs(struct cr_capture *to, struct cr_collector *collector, uint64_t from_ns,
                    uint64_t to_ns)
{
    static const char incomplete[] = "… earlier records are not in memory any more …\n";
    if (from_ns >= to_ns)
        return;
    /* Asked for first: the window may make the collector forget more, but only older ones. */
    cr_collector_flush(collector);
    if (cr_collector_complete_from(collector) > from_ns)
        cr_capture_add(to, incomplete, sizeof(incomplete) - 1);
    cr_collector_window(collector, from_ns, to_ns, add_log_line, to);
}

void cr_report_end(struct cr_report_case *test, const struct cr_report_result *result,
                   struct cr_collector *collector)
{
    test->outcome = result->outcome;
    test->duration_ns = result->end_ns > test->start_ns ? result->end_ns - test->start_ns : 0;
    free(test->message);
    test->message = copy(result->message);
    free(test->type);
    test->type = copy(result->type);
    if (collector)
        cr_report_logs(&test->logs, collector, test->logs_from_ns,
                       test->start_ns + test->duration_ns + 1);
}

void cr_report_count_suite(const struct cr_report_suite *suite, struct cr_report_counts *counts)
{
    *counts = (struct cr_report_counts){0};
    for (const struct cr_report_case *test = suite->cases; test; test = test->next) {
        counts->tests++;
        counts->failures += test->outcome == CR_OUTCOME_FAILED;
        counts->errors += test->outcome == CR_OUTCOME_ERROR;
        counts->skipped += test->outcome == CR_OUTCOME_SKIPPED;
        counts->duration_ns += test->duration_ns;
    }
}

void cr_report_count(const struct cr_report *report, struct cr_report_counts *counts)
{
    *counts = (struct cr_report_counts){0};
    for (const struct cr_report_suite *suite = report->suites; suite; suite = suite->next) {
        struct cr_report_counts more;
        cr_report_count_suite(suite, &more);
        counts->tests += more.tests;
        counts->failures += more.failures;
        counts->errors += more.errors;
        counts->skipped += more.skipped;
        counts->duration_ns += more.duration_ns;
    }
}
