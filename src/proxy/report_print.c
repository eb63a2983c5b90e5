/* The text summary of a run. */
#include <stdlib.h>
#include <string.h>

#include "proxy/log_text.h"
#include "proxy/report.h"

#define PIECE 1024u /* bytes that are escaped at once; each becomes up to CR_ESCAPE_MAX */

static void print_shown(FILE *out, const char *text, size_t length, bool lines)
{
    char shown[PIECE * CR_ESCAPE_MAX];
    for (size_t at = 0; at < length;) {
        size_t piece = cr_utf8_cut(text + at, length - at, PIECE);
        size_t bytes = cr_text_show(shown, sizeof(shown), text + at, piece, lines);
        fwrite(shown, 1, bytes, out);
        at += piece;
    }
}

static void print_word(FILE *out, const char *text)
{
    print_shown(out, text, strlen(text), false);
}

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static void print_lines(FILE *out, const char *text, size_t length)
{
    while (length > 0 && text[length - 1] == '\n')
        length--;
    if (length == 0)
        return;
    fputs("    ", out);
    print_shown(out, text, length, true);
    fputc('\n', out);
}

static void print_case(FILE *out, const struct cr_report_case *test)
{
    static const char *const words[] = {[CR_OUTCOME_ERROR] = "ERROR",
                                        [CR_OUTCOME_FAILED] = "FAILED",
                                        [CR_OUTCOME_PASSED] = "passed",
                                        [CR_OUTCOME_SKIPPED] = "skipped"};
    fprintf(out, "  %-7s %8.3f s  ", words[test->outcome], seconds(test->duration_ns));
    print_word(out, test->classname);
    fputc('.', out);
    print_word(out, test->name);
    fputc('\n', out);
    if (test->outcome == CR_OUTCOME_PASSED)
        return;
    if (test->message)
        print_lines(out, test->message, strlen(test->message));
    size_t length = 0;
    char *details = cr_capture_text(&test->details, &length);
    if (details)
        print_lines(out, details, length);
    free(details);
}

void cr_report_print(const struct cr_report *report, FILE *out)
{
    struct cr_report_counts n;
    for (const struct cr_report_suite *suite = report->suites; suite; suite = suite->next) {
        print_word(out, suite->name);
        fputc('\n', out);
        for (const struct cr_report_case *test = suite->cases; test; test = test->next)
            print_case(out, test);
    }
    cr_report_count(report, &n);
    fprintf(out, "%u %s in %.3f s: %u passed, %u failed, %u %s, %u skipped\n", n.tests,
            n.tests == 1 ? "test" : "tests", seconds(n.duration_ns),
            n.tests - n.failures - n.errors - n.skipped, n.failures, n.errors,
            n.errors == 1 ? "error" : "errors", n.skipped);
}
