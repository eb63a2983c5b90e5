#include "proxy/suite_cases.h"

#include <stdio.h>
#include <string.h>

#include "proxy/log_text.h"
#include "shm/clock.h"

#define NS_PER_S     1000000000LL
#define EARLY_MAX_NS NS_PER_S /* for who looks at the pipe only when something is in it */

static int64_t now(clockid_t clock)
{
    return (int64_t)cr_clock_ns(clock);
}

static struct canring_suite_event event_of(const struct cr_suite_cases *cases,
                                           enum canring_suite_event_kind kind)
{
    return (struct canring_suite_event){.kind = kind,
                                        .suite_id = cases->file->suite->id,
                                        .suite_dir = cases->file->suite->dir,
                                        .file = cases->file->name,
                                        .class_name = cases->open ? cases->class_name : NULL,
                                        .name = cases->open ? cases->name : NULL,
                                        .started_ns = cases->open ? cases->case_started_ns
                                                                  : cases->file_started_ns};
}

static void tell(const struct cr_suite_cases *cases, const struct canring_suite_event *event)
{
    if (cases->event)
        cases->event(cases->arg, event);
}

static void set_stem(struct cr_suite_cases *cases)
{
    const char *slash = strrchr(cases->file->name, '/');
    const char *base = slash ? slash + 1 : cases->file->name;
    const char *dot = strrchr(base, '.');
    int length = dot && dot != base ? (int)(dot - base) : (int)strlen(base);
    snprintf(cases->stem, sizeof(cases->stem), "%.*s", length, base);
}

void cr_case_name(char name[CR_CASE_NAME_MAX], const char *text)
{
    size_t length = cr_utf8_cut(text, strnlen(text, CR_CASE_NAME_MAX), CR_CASE_NAME_MAX - 1);
    snprintf(name, CR_CASE_NAME_MAX, "%.*s", (int)length, text);
}

void cr_cases_begin(struct cr_suite_cases *cases)
{
    set_stem(cases);
    cases->file_started_ns = cases->quiet_ns = now(CLOCK_REALTIME);
    cases->file_clock_ns = now(CLOCK_MONOTONIC);
    struct canring_suite_event event = event_of(cases, CANRING_SUITE_FILE);
    tell(cases, &event);
}

static void confess_left_out(struct cr_suite_cases *cases)
{
    char words[96];
    if (cases->left_out) {
        struct canring_suite_event event = event_of(cases, CANRING_SUITE_OUTPUT);
        snprintf(words, sizeof(words), "\n[canring: %llu more bytes of output are left out]\n",
                 (unsigned long long)cases->left_out);
        event.stream = 2;
        event.text = words;
        event.size = strlen(words);
        tell(cases, &event);
    }
    cases->output = cases->left_out = 0;
}

void cr_cases_quiet(struct cr_suite_cases *cases)
{
    cases->quiet_ns = now(CLOCK_REALTIME);
}

static int64_t early(const struct cr_suite_cases *cases)
{
    int64_t since = cases->case_started_ns - cases->quiet_ns;
    if (!cases->unpaced || since < 0)
        return 0;
    return since < EARLY_MAX_NS ? since : EARLY_MAX_NS;
}

void cr_cases_start(struct cr_suite_cases *cases, const char *class_name, const char *name)
{
    if (cases->open)
        cr_cases_result(cases, CANRING_OUTCOME_ERROR, "another case began before its end", NULL);
    confess_left_out(cases);
    cr_case_name(cases->class_name, class_name);
    cr_case_name(cases->name, name);
    cases->open = true;
    cases->started++;
    cases->case_started_ns = now(CLOCK_REALTIME);
    cases->case_clock_ns = now(CLOCK_MONOTONIC);
    struct canring_suite_event event = event_of(cases, CANRING_SUITE_CASE);
    event.early_ns = early(cases);
    tell(cases, &event);
}

void cr_cases_result(struct cr_suite_cases *cases, enum canring_outcome outcome,
                     const char *message, const char *details)
{
    confess_left_out(cases);
    struct canring_suite_event event = event_of(cases, CANRING_SUITE_RESULT);
    event.outcome = outcome;
    event.message = message;
    event.details = details;
    event.duration_ns = now(CLOCK_MONOTONIC) - cases->case_clock_ns;
    cases->counts[outcome]++;
    tell(cases, &event);
    cases->open = false;
}

/* A case that had no start, with its outcome. */
static void tell_alone(struct cr_suite_cases *cases, struct canring_suite_event event,
                       const char *class_name, const char *name)
{
    char class_cut[CR_CASE_NAME_MAX], name_cut[CR_CASE_NAME_MAX];
    cr_case_name(class_cut, class_name);
    cr_case_name(name_cut, name);
    event.class_name = class_cut;
    event.name = name_cut;
    cases->counts[event.outcome]++;
    tell(cases, &event);
}

void cr_cases_lone(struct cr_suite_cases *cases, const char *class_name, const char *name,
                   enum canring_outcome outcome, const char *message, const char *details)
{
    struct canring_suite_event event = event_of(cases, CANRING_SUITE_RESULT);
    event.outcome = outcome;
    event.message = message;
    event.details = details;
    if (cases->started == 0) { /* it stands for the file */
        event.started_ns = cases->file_started_ns;
        event.duration_ns = now(CLOCK_MONOTONIC) - cases->file_clock_ns;
    } else {
        event.started_ns = now(CLOCK_REALTIME);
    }
    tell_alone(cases, event, class_name, name);
}

void cr_cases_not_run(struct cr_suite_cases *cases, const char *class_name, const char *name,
                      enum canring_outcome outcome, const char *message)
{
    struct canring_suite_event event = event_of(cases, CANRING_SUITE_RESULT);
    event.outcome = outcome;
    event.not_run = true;
    event.message = message;
    event.started_ns = now(CLOCK_REALTIME);
    tell_alone(cases, event, class_name, name);
}

void cr_cases_step(const struct cr_suite_cases *cases, struct canring_suite_step *step)
{
    struct canring_suite_event event = event_of(cases, CANRING_SUITE_STEP);
    int64_t elapsed = now(CLOCK_MONOTONIC) - cases->case_clock_ns;
    if (!cases->open)
        return;
    if (step->at_ns < 0 || step->at_ns > elapsed)
        step->at_ns = elapsed;
    event.step = step;
    tell(cases, &event);
}

void cr_cases_output(struct cr_suite_cases *cases, int stream, const char *text, size_t size)
{
    size_t room = (size_t)(CR_CASE_OUTPUT_MAX - cases->output);
    size_t taken = size < room ? size : room;
    struct canring_suite_event event = event_of(cases, CANRING_SUITE_OUTPUT);
    cases->output += taken;
    cases->left_out += size - taken;
    event.stream = stream;
    event.text = text;
    event.size = taken;
    if (taken)
        tell(cases, &event);
}

void cr_cases_end(struct cr_suite_cases *cases, const char *message)
{
    confess_left_out(cases);
    struct canring_suite_event event = event_of(cases, CANRING_SUITE_FILE_END);
    event.message = message;
    event.duration_ns = now(CLOCK_MONOTONIC) - cases->file_clock_ns;
    tell(cases, &event);
}

unsigned cr_cases_bad(const struct cr_suite_cases *cases)
{
    return cases->counts[CANRING_OUTCOME_FAILED] + cases->counts[CANRING_OUTCOME_ERROR];
}
