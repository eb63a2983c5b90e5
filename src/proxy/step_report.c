#include "proxy/step_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/junit_xml.h"
#include "proxy/report_file.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

static const char style[] =
    ":root{color-scheme:light dark}"
    "body{font:15px/1.45 system-ui,sans-serif;max-width:76em;margin:2em auto;padding:0 1em}"
    "h1{font-size:1.5em}h2{font-size:1.1em;margin-top:2em}"
    "table{border-collapse:collapse;margin:.6em 0;width:100%}"
    "caption{text-align:left;font-weight:600;padding:.3em 0}"
    "th,td{border:1px solid #8886;padding:.25em .5em;text-align:left;vertical-align:top}"
    "td{white-space:pre-wrap;overflow-wrap:anywhere}th{background:#8882}"
    "td.n{white-space:nowrap;text-align:right}"
    "details{border:1px solid #8886;border-radius:4px;margin:.4em 0;padding:.3em .8em}"
    "summary{cursor:pointer}pre{overflow:auto;max-height:40em;background:#8881;padding:.6em}"
    ".w{display:inline-block;min-width:5em;font-weight:600}.t{float:right;opacity:.7}"
    ".passed{color:#1a7f37}.failed,.error{color:#cf222e}.skipped{color:#9a6700}";

static const char *const words[] = {[CR_OUTCOME_ERROR] = "error",
                                    [CR_OUTCOME_FAILED] = "failed",
                                    [CR_OUTCOME_PASSED] = "passed",
                                    [CR_OUTCOME_SKIPPED] = "skipped"};

/* ---- pieces -------------------------------------------------------------------------------- */

static void put_words(FILE *out, const char *text)
{
    if (text)
        cr_xml_text(out, text, strlen(text));
}

/* Integers, so that no locale puts a comma into it. */
static void put_seconds(FILE *out, uint64_t ns)
{
    const uint64_t ms = (ns + NS_PER_MS / 2) / NS_PER_MS;
    fprintf(out, "%llu.%03u s", (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
}

static void put_date(FILE *out, uint64_t ns)
{
    const time_t seconds = (time_t)(ns / NS_PER_S);
    struct tm local = {0};
    char text[32];
    localtime_r(&seconds, &local);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
    fputs(text, out);
}

static void put_row(FILE *out, const char *name, const char *value)
{
    fputs("<tr><th>", out);
    put_words(out, name);
    fputs("</th><td>", out);
    put_words(out, value);
    fputs("</td></tr>\n", out);
}

static void put_cell(FILE *out, const char *text)
{
    fputs("<td>", out);
    put_words(out, text);
    fputs("</td>", out);
}

static int put_capture(FILE *out, const char *heading, const struct cr_capture *capture)
{
    size_t length = 0;
    if (capture->total == 0)
        return 0;
    char *text = cr_capture_text(capture, &length);
    if (!text)
        return -ENOMEM;
    fprintf(out, "<details><summary>%s</summary><pre>", heading);
    cr_xml_text(out, text, length);
    fputs("</pre></details>\n", out);
    free(text);
    return 0;
}

/* ---- steps --------------------------------------------------------------------------------- */

static void put_notes(FILE *out, const struct cr_steps *steps)
{
    if (steps->notes == 0)
        return;
    fputs("<table class=\"notes\">\n", out);
    for (const struct cr_step *step = steps->first; step; step = step->next)
        if (step->note)
            put_row(out, step->message, step->found);
    fputs("</table>\n", out);
}

static void put_step(FILE *out, const struct cr_step *step, unsigned number)
{
    const char *word = step->passed ? "passed" : "failed";
    fprintf(out, "<tr class=\"step\"><td class=\"n\">%u</td><td class=\"n\">", number);
    put_seconds(out, (uint64_t)step->at_ns);
    fputs("</td>", out);
    put_cell(out, step->message);
    put_cell(out, step->expression);
    put_cell(out, step->expected);
    put_cell(out, step->found);
    fprintf(out, "<td class=\"%s\">%s</td></tr>\n", word, word);
}

static bool same_table(const struct cr_step *a, const struct cr_step *b)
{
    return strcmp(a->table ? a->table : "", b->table ? b->table : "") == 0;
}

static void begin_table(FILE *out, const struct cr_step *step)
{
    fputs("<table class=\"steps\">\n", out);
    if (step->table && *step->table) {
        fputs("<caption>", out);
        put_words(out, step->table);
        fputs("</caption>\n", out);
    }
    fputs("<tr><th>Step</th><th>At</th><th>What</th><th>Looked at</th><th>Expected</th>"
          "<th>Found</th><th>Result</th></tr>\n",
          out);
}

static void put_steps(FILE *out, const struct cr_steps *steps)
{
    const struct cr_step *before = NULL;
    unsigned number = 0;
    for (const struct cr_step *step = steps->first; step; step = step->next) {
        if (step->note)
            continue;
        if (!before || !same_table(before, step)) {
            if (before)
                fputs("</table>\n", out);
            begin_table(out, step);
        }
        put_step(out, step, ++number);
        before = step;
    }
    if (before)
        fputs("</table>\n", out);
    if (steps->left_out)
        fprintf(out, "<p>%u more steps are left out.</p>\n", steps->left_out);
}

/* ---- cases --------------------------------------------------------------------------------- */

static int put_case(FILE *out, const struct cr_report_case *test)
{
    const char *word = words[test->outcome];
    bool bad = test->outcome == CR_OUTCOME_FAILED || test->outcome == CR_OUTCOME_ERROR;
    fprintf(out, "<details class=\"case\"%s><summary><span class=\"w %s\">%s</span> ",
            bad ? " open=\"open\"" : "", word, word);
    put_words(out, test->classname);
    fputs("::", out);
    put_words(out, test->name);
    fputs(" <span class=\"t\">", out);
    put_date(out, test->start_ns);
    fputs(", ", out);
    put_seconds(out, test->duration_ns);
    fputs("</span></summary>\n", out);
    if (test->message) {
        fprintf(out, "<p class=\"%s\">", word);
        put_words(out, test->message);
        fputs("</p>\n", out);
    }
    put_notes(out, &test->steps);
    put_steps(out, &test->steps);
    int result = put_capture(out, "Details", &test->details);
    if (result == 0)
        result = put_capture(out, "Log of all processes", &test->logs);
    if (result == 0)
        result = put_capture(out, "Output", &test->out);
    if (result == 0)
        result = put_capture(out, "Error output", &test->err);
    fputs("</details>\n", out);
    return result;
}

static int put_outside(FILE *out, const struct cr_report_suite *suite)
{
    int result = put_capture(out, "Log of all processes outside of cases", &suite->logs);
    if (result == 0)
        result = put_capture(out, "Output outside of cases", &suite->out);
    return result ? result : put_capture(out, "Error output outside of cases", &suite->err);
}

static void put_head(FILE *out, const struct cr_report *report)
{
    struct cr_report_counts counts;
    cr_report_count(report, &counts);
    unsigned bad = counts.failures + counts.errors;
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width\"/>\n"
          "<title>Step report</title>\n<style>",
          out);
    fputs(style, out);
    fputs("</style></head><body>\n<h1>Step report</h1>\n<table>\n", out);
    for (const struct cr_report_property *p = report->properties; p; p = p->next)
        put_row(out, p->name, p->value);
    fputs("<tr><th>begun</th><td>", out);
    if (report->suites)
        put_date(out, report->suites->start_ns);
    fprintf(out,
            "</td></tr>\n<tr><th>result</th><td class=\"%s\">%u tests: %u passed, %u failed, %u "
            "errors, %u skipped, in ",
            bad ? "failed" : "passed", counts.tests, counts.tests - bad - counts.skipped,
            counts.failures, counts.errors, counts.skipped);
    put_seconds(out, counts.duration_ns);
    fputs("</td></tr>\n</table>\n", out);
}

static int put_page(FILE *out, const struct cr_report *report)
{
    int result = 0;
    put_head(out, report);
    for (const struct cr_report_suite *suite = report->suites; suite; suite = suite->next) {
        fputs("<h2>", out);
        put_words(out, suite->name);
        fputs("</h2>\n", out);
        for (const struct cr_report_case *test = suite->cases; test && result == 0;
             test = test->next)
            result = put_case(out, test);
        if (result == 0)
            result = put_outside(out, suite);
    }
    fputs("</body></html>\n", out);
    return result;
}

int cr_step_report_write(const struct cr_report *report, const char *path,
                         struct canring_error *err)
{
    return cr_report_file(report, path, put_page, err);
}
