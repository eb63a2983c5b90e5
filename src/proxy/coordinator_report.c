/* Events of the test suites, into the report, with the logs of their time. */
#include "proxy/coordinator.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/engine.h"
#include "proxy/junit.h"
#include "proxy/step_report.h"

#define OUTSIDE_HALF (128u * 1024u)

static bool have_report(struct canring_coordinator *c)
{
    if (c->report)
        return true;
    c->report = cr_report_new("canring");
    if (!c->report)
        return false;
    cr_report_property(c->report, "version", CANRING_VERSION);
    cr_report_property(c->report, "configuration", c->config->path ? c->config->path : "");
    return true;
}

static void forget_outside(struct canring_coordinator *c)
{
    cr_capture_free(&c->out);
    cr_capture_free(&c->err);
    c->out = c->err = (struct cr_capture){.half = OUTSIDE_HALF};
}

static void begin_file(struct canring_coordinator *c, const struct canring_suite_event *event)
{
    char name[PATH_MAX];
    snprintf(name, sizeof(name), "%s/%s", event->suite_dir ? event->suite_dir : "",
             event->file ? event->file : "");
    c->open = NULL;
    forget_outside(c);
    c->suite = cr_report_suite(c->report, name, (uint64_t)event->started_ns);
}

static void begin_case(struct canring_coordinator *c, const struct canring_suite_event *event)
{
    c->open = c->suite ? cr_report_case(c->suite, event->class_name ? event->class_name : "",
                                        event->name ? event->name : "", event->file,
                                        (uint64_t)event->started_ns)
                       : NULL;
}

static void move(struct cr_capture *to, const struct cr_capture *from)
{
    size_t length;
    char *text = from->total ? cr_capture_text(from, &length) : NULL;
    if (text)
        cr_capture_add(to, text, length);
    free(text);
}

/* One that never began: a program that is one case, or a file that could not be loaded. What was
 * written until here is all that there is of it. */
static void begin_lone(struct canring_coordinator *c, const struct canring_suite_event *event)
{
    begin_case(c, event);
    if (!c->open)
        return;
    move(&c->open->out, &c->out);
    move(&c->open->err, &c->err);
    forget_outside(c);
}

static void add_output(struct canring_coordinator *c, const struct canring_suite_event *event)
{
    struct cr_capture *out = c->open ? &c->open->out : &c->out;
    struct cr_capture *err = c->open ? &c->open->err : &c->err;
    cr_capture_add(event->stream == 2 ? err : out, event->text, event->size);
}

static void end_case(struct canring_coordinator *c, const struct canring_suite_event *event)
{
    static const enum cr_outcome outcomes[] = {[CANRING_OUTCOME_PASSED] = CR_OUTCOME_PASSED,
                                               [CANRING_OUTCOME_FAILED] = CR_OUTCOME_FAILED,
                                               [CANRING_OUTCOME_ERROR] = CR_OUTCOME_ERROR,
                                               [CANRING_OUTCOME_SKIPPED] = CR_OUTCOME_SKIPPED};
    if (!c->open)
        begin_lone(c, event);
    if (!c->open)
        return;
    const struct cr_report_result result = {.outcome = outcomes[event->outcome],
                                            .end_ns =
                                                (uint64_t)(event->started_ns + event->duration_ns),
                                            .message = event->message};
    if (event->details)
        cr_capture_add(&c->open->details, event->details, strlen(event->details));
    cr_report_end(c->open, &result, c->collector);
    c->open = NULL;
}

void canring_coordinator_event(void *coordinator, const struct canring_suite_event *event)
{
    struct canring_coordinator *c = coordinator;
    if (!have_report(c))
        return;
    switch (event->kind) {
    case CANRING_SUITE_FILE:
        begin_file(c, event);
        return;
    case CANRING_SUITE_CASE:
        begin_case(c, event);
        return;
    case CANRING_SUITE_OUTPUT:
        add_output(c, event);
        return;
    case CANRING_SUITE_STEP:
        if (c->open)
            cr_steps_add(&c->open->steps, event->step);
        return;
    case CANRING_SUITE_RESULT:
        end_case(c, event);
        return;
    case CANRING_SUITE_FILE_END:
        if (event->message)
            canring_coordinator_log(c, CANRING_LOG_WARNING, "canring.suite", event->message);
        return;
    }
}

void canring_coordinator_error(struct canring_coordinator *c, const char *name, const char *message)
{
    uint64_t now = cr_realtime_ns();
    const struct cr_report_result result = {
        .outcome = CR_OUTCOME_ERROR, .end_ns = now + 1, .message = message};
    struct cr_report_suite *suite = have_report(c) ? cr_report_suite(c->report, name, now) : NULL;
    struct cr_report_case *test = suite ? cr_report_case(suite, "canring", name, NULL, now) : NULL;
    if (test)
        cr_report_end(test, &result, c->collector);
}

int canring_coordinator_junit(struct canring_coordinator *c, const char *path, char *written,
                              struct canring_error *err)
{
    int result = 0;
    if (!have_report(c))
        return canring_error_set(err, -ENOMEM, "no memory for a report");
    if (path && *path)
        snprintf(written, PATH_MAX, "%s", path);
    else
        result = cr_junit_default_path(written, PATH_MAX, c->config->path ? c->config->path : "run",
                                       cr_realtime_ns(), err);
    return result < 0 ? result : cr_junit_write(c->report, written, err);
}

int canring_coordinator_step_report(struct canring_coordinator *c, const char *path,
                                    struct canring_error *err)
{
    if (!have_report(c))
        return canring_error_set(err, -ENOMEM, "no memory for a report");
    return cr_step_report_write(c->report, path, err);
}

int canring_coordinator_text(struct canring_coordinator *c, int fd)
{
    int copy = dup(fd);
    FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
    if (!out || !have_report(c)) {
        if (out)
            fclose(out);
        return -ENOMEM;
    }
    cr_report_print(c->report, out);
    return fclose(out) ? -errno : 0;
}
