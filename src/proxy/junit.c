#include "proxy/junit.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/junit_xml.h"
#include "proxy/report_file.h"
#include "proxy/report_path.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

int cr_junit_default_path(char *path, size_t size, const char *configuration, uint64_t when_ns,
                          struct canring_error *err)
{
    char stem[NAME_MAX + 1];
    int result = cr_path_stem(stem, sizeof(stem), configuration, err);
    return result < 0 ? result
                      : cr_stamped_path(path, size, "reports", stem, ".xml",
                                        (time_t)(when_ns / NS_PER_S), err);
}

/* Integers, so that no locale puts a comma into it. */
static void put_time(FILE *out, uint64_t ns)
{
    const uint64_t ms = (ns + NS_PER_MS / 2) / NS_PER_MS;
    fprintf(out, " time=\"%llu.%03u\"", (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
}

static void put_count(FILE *out, const char *name, unsigned count)
{
    fprintf(out, " %s=\"%u\"", name, count);
}

static void put_counts(FILE *out, const struct cr_report_counts *counts)
{
    put_count(out, "tests", counts->tests);
    put_count(out, "failures", counts->failures);
    put_count(out, "errors", counts->errors);
    put_time(out, counts->duration_ns);
}

static void put_timestamp(FILE *out, uint64_t ns)
{
    const time_t seconds = (time_t)(ns / NS_PER_S);
    struct tm local = {0};
    char text[32];
    localtime_r(&seconds, &local);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &local);
    cr_xml_attribute(out, "timestamp", text);
}

static int put_capture(FILE *out, const struct cr_capture *capture)
{
    size_t length = 0;
    char *text = cr_capture_text(capture, &length);
    if (!text)
        return -ENOMEM;
    cr_xml_text(out, text, length);
    free(text);
    return 0;
}

static int put_outcome(FILE *out, const struct cr_report_case *test)
{
    static const char *const elements[] = {[CR_OUTCOME_ERROR] = "error",
                                           [CR_OUTCOME_FAILED] = "failure",
                                           [CR_OUTCOME_SKIPPED] = "skipped"};
    if (test->outcome == CR_OUTCOME_PASSED)
        return 0;
    const char *element = elements[test->outcome];
    fprintf(out, "      <%s", element);
    if (test->type)
        cr_xml_attribute(out, "type", test->type);
    cr_xml_attribute(out, "message", test->message ? test->message : "");
    fputc('>', out);
    int result = put_capture(out, &test->details);
    fprintf(out, "</%s>\n", element);
    return result;
}

static int put_part(FILE *out, const char *heading, const struct cr_capture *capture)
{
    if (capture->total == 0)
        return 0;
    fprintf(out, "---- %s ----\n", heading);
    int result = put_capture(out, capture);
    fputc('\n', out);
    return result;
}

/* Of a case, or of a suite outside of its cases. */
static int put_output(FILE *out, const char *file, const struct cr_capture *logs,
                      const struct cr_capture *output, const struct cr_capture *errors)
{
    int result = 0;
    if (file || logs->total || output->total) {
        fputs("      <system-out>", out);
        if (file) {
            cr_xml_text(out, file, strlen(file));
            fputc('\n', out);
        }
        result = put_part(out, "log of all processes", logs);
        if (result == 0)
            result = put_part(out, "output", output);
        fputs("</system-out>\n", out);
    }
    if (errors->total && result == 0) {
        fputs("      <system-err>", out);
        result = put_capture(out, errors);
        fputs("</system-err>\n", out);
    }
    return result;
}

static int put_case(FILE *out, const struct cr_report_case *test)
{
    fputs("    <testcase", out);
    cr_xml_attribute(out, "classname", test->classname);
    cr_xml_attribute(out, "name", test->name);
    put_time(out, test->duration_ns);
    fputs(">\n", out);
    int result = put_outcome(out, test);
    if (result == 0)
        result = put_output(out, test->file, &test->logs, &test->out, &test->err);
    fputs("    </testcase>\n", out);
    return result;
}

static void put_properties(FILE *out, const struct cr_report *report)
{
    if (!report->properties)
        return;
    fputs("    <properties>\n", out);
    for (const struct cr_report_property *p = report->properties; p; p = p->next) {
        fputs("      <property", out);
        cr_xml_attribute(out, "name", p->name);
        cr_xml_attribute(out, "value", p->value);
        fputs("/>\n", out);
    }
    fputs("    </properties>\n", out);
}

static int put_suite(FILE *out, const struct cr_report *report, const struct cr_report_suite *suite,
                     unsigned id)
{
    struct cr_report_counts counts;
    cr_report_count_suite(suite, &counts);
    fputs("  <testsuite", out);
    cr_xml_attribute(out, "name", suite->name);
    put_count(out, "id", id);
    put_counts(out, &counts);
    put_count(out, "skipped", counts.skipped);
    put_timestamp(out, suite->start_ns);
    fputs(">\n", out);
    put_properties(out, report);
    int result = 0;
    for (const struct cr_report_case *test = suite->cases; test && result == 0; test = test->next)
        result = put_case(out, test);
    if (result == 0)
        result = put_output(out, NULL, &suite->logs, &suite->out, &suite->err);
    fputs("  </testsuite>\n", out);
    return result;
}

static int put_report(FILE *out, const struct cr_report *report)
{
    struct cr_report_counts counts;
    unsigned id = 0;
    int result = 0;
    cr_report_count(report, &counts);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", out);
    cr_xml_attribute(out, "name", report->name);
    put_counts(out, &counts);
    fputs(">\n", out);
    for (const struct cr_report_suite *suite = report->suites; suite && result == 0;
         suite = suite->next)
        result = put_suite(out, report, suite, id++);
    fputs("</testsuites>\n", out);
    return result;
}

int cr_junit_write(const struct cr_report *report, const char *path, struct canring_error *err)
{
    return cr_report_file(report, path, put_report, err);
}
