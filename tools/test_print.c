#include "test_print.h"

#include <string.h>

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"
#define WIPE   "\r\033[K"

static const struct look {
    const char *word, *colour;
} looks[] = {[CANRING_OUTCOME_PASSED] = {"PASSED", GREEN},
             [CANRING_OUTCOME_FAILED] = {"FAILED", RED},
             [CANRING_OUTCOME_ERROR] = {"ERROR", RED},
             [CANRING_OUTCOME_SKIPPED] = {"SKIPPED", YELLOW}};

static void fresh_line(struct test_print *print)
{
    if (print->mid_line)
        fputs(print->terminal && !print->verbose ? WIPE : "\n", stdout);
    print->mid_line = false;
}

/* Keep the last of it. */
static void remember(struct test_print *print, const char *text, size_t size)
{
    size_t space = sizeof(print->tail);
    if (size > space) {
        text += size - space;
        size = space;
    }
    if (print->tail_used + size > space) {
        size_t drop = print->tail_used + size - space;
        memmove(print->tail, print->tail + drop, print->tail_used - drop);
        print->tail_used -= drop;
    }
    memcpy(print->tail + print->tail_used, text, size);
    print->tail_used += size;
}

/* Terminals obey control characters: what a test wrote must not move our lines. */
static void print_bytes(const char *text, size_t size, const char *indent)
{
    bool at_start = true;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (at_start)
            fputs(indent, stdout);
        at_start = c == '\n';
        putchar(c == '\n' || c == '\t' || c >= 0x80 || (c >= 0x20 && c != 0x7f) ? c : '?');
    }
    if (!at_start && *indent)
        putchar('\n');
}

static void print_output(struct test_print *print, const struct canring_suite_event *event)
{
    if (!print->verbose) {
        remember(print, event->text, event->size);
        return;
    }
    print_bytes(event->text, event->size, "");
    print->mid_line = event->text[event->size - 1] != '\n';
}

static void print_result(struct test_print *print, const struct canring_suite_event *event)
{
    const struct look *look = &looks[event->outcome];
    bool bad = event->outcome == CANRING_OUTCOME_FAILED || event->outcome == CANRING_OUTCOME_ERROR;
    fresh_line(print);
    printf("%s%-7s%s %s::%s::%s (%.3f s)", print->colours ? look->colour : "", look->word,
           print->colours ? PLAIN : "", event->file, event->class_name, event->name,
           (double)event->duration_ns / 1e9);
    if (event->message) {
        fputs(": ", stdout);
        print_bytes(event->message, strlen(event->message), "");
    }
    putchar('\n');
    if (bad && event->details)
        print_bytes(event->details, strlen(event->details), "    ");
    if (bad && print->tail_used) {
        puts("  it wrote:");
        print_bytes(print->tail, print->tail_used, "    ");
    }
    print->tail_used = 0;
}

static void print_case(struct test_print *print, const struct canring_suite_event *event)
{
    print->tail_used = 0;
    if (!print->terminal || print->verbose)
        return;
    printf("RUNNING %s::%s::%s", event->file, event->class_name, event->name);
    print->mid_line = true;
}

void test_print_event(void *arg, const struct canring_suite_event *event)
{
    struct test_print *print = arg;
    switch (event->kind) {
    case CANRING_SUITE_FILE:
        print->tail_used = 0;
        break;
    case CANRING_SUITE_CASE:
        print_case(print, event);
        break;
    case CANRING_SUITE_OUTPUT:
        print_output(print, event);
        break;
    case CANRING_SUITE_STEP:
        break;
    case CANRING_SUITE_RESULT:
        print_result(print, event);
        break;
    case CANRING_SUITE_FILE_END:
        fresh_line(print);
        if (event->message)
            printf("%sWARNING%s %s: %s\n", print->colours ? YELLOW : "",
                   print->colours ? PLAIN : "", event->file, event->message);
        break;
    }
    fflush(stdout);
}

void test_print_totals(struct test_print *print, const struct canring_suite_totals *totals,
                       double seconds)
{
    bool bad = totals->failed + totals->errors > 0;
    fresh_line(print);
    printf("%s%u passed, %u failed, %u %s, %u skipped%s in %.1f s\n",
           print->colours ? bad ? RED : GREEN : "", totals->passed, totals->failed, totals->errors,
           totals->errors == 1 ? "error" : "errors", totals->skipped, print->colours ? PLAIN : "",
           seconds);
}
