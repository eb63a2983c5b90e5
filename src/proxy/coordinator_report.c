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
#include "proxy/log_text.h"
#include "proxy/report_path.h"
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

/* Records since the last case, or since the run began: they belong to the suite. */
static void end_gap(struct canring_coordinator *c, uint64_t now_ns)
{
    if (c->suite)
        cr_report_logs(&c->suite->logs, c->collector, c->gap_ns, now_ns);
    if (now_ns > c->gap_ns)
        c->gap_ns = now_ns;
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

static void move(struct cr_capture *to, const struct cr_capture *from)
{
    size_t length;
    char *text = from->total ? cr_capture_text(from, &length) : NULL;
    if (text)
        cr_capture_add(to, text, length);
    free(text);
}

/* What was written since the last case is the suite's own. */
static void keep_outside(struct canring_coordinator *c)
{
    if (!c->suite)
        return;
    move(&c->suite->out, &c->out);
    move(&c->suite->err, &c->err);
    forget_outside(c);
}

static void begin_case(struct canring_coordinator *c, const struct canring_suite_event *event)
{
    const uint64_t from_ns = (uint64_t)(event->started_ns - event->early_ns);
    end_gap(c, from_ns);
    c->open = c->suite ? cr_report_case(c->suite, event->class_name ? event->class_name : "",
                                        event->name ? event->name : "", event->file,
                                        (uint64_t)event->started_ns)
                       : NULL;
    if (c->open)
        c->open->logs_from_ns = from_ns;
}

/* One whose begin nobody saw: a program that is one case, a fixture, or a file that could not be
 * loaded. What was written until here is all that there is of it. */
static void begin_lone(struct canring_coordinator *c, const struct canring_suite_event *event)
{
    begin_case(c, event);
    if (!c->open || event->not_run)
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
    c->gap_ns = c->open->start_ns + c->open->duration_ns + 1;
    c->open = NULL;
}

static void end_test_log(struct canring_coordinator *c)
{
    if (c->test[0])
        cr_collector_remove(c->collector, c->test);
    c->test[0] = '\0';
}

static void end_file(struct canring_coordinator *c, const struct canring_suite_event *event)
{
    end_test_log(c);
    keep_outside(c);
    end_gap(c, cr_realtime_ns());
    if (event->message)
        canring_coordinator_log(c, CANRING_LOG_WARNING, "canring.suite", event->message);
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
        keep_outside(c);
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
        end_file(c, event);
        return;
    }
}

const char *canring_coordinator_test_log(void *coordinator, const char *file)
{
    struct canring_coordinator *c = coordinator;
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    char text[CANRING_ERROR_TEXT + 64];
    struct canring_error err = {0};
    end_test_log(c);
    snprintf(c->test, sizeof(c->test), "%.*s",
             (int)cr_utf8_cut(name, strlen(name), CR_LOG_PROCESS_MAX), name);
    int result = cr_collector_add(c->collector, c->test, c->test_log, &err);
    if (result == -EEXIST) { /* an auxiliary is called like the file */
        snprintf(c->test, sizeof(c->test), "test %.*s",
                 (int)cr_utf8_cut(name, strlen(name), CR_LOG_PROCESS_MAX - 5), name);
        result = cr_collector_add(c->collector, c->test, c->test_log, &err);
    }
    if (result == 0)
        return c->test_log;
    c->test[0] = '\0';
    snprintf(text, sizeof(text), "%s: its records go to its stderr: %s", name, err.text);
    canring_coordinator_log(c, CANRING_LOG_WARNING, "canring.suite", text);
    return NULL;
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
    end_gap(c, cr_realtime_ns()); /* how the processes ended is the last suite's */
    if (path && *path)
        snprintf(written, PATH_MAX, "%s", path);
    else
        result = cr_junit_default_path(written, PATH_MAX, c->config->path ? c->config->path : "run",
                                       cr_realtime_ns(), err);
    if (result == 0 && !(path && *path)) /* another configuration of that name, this second */
        result = cr_unused_path(written, PATH_MAX, err);
    return result < 0 ? result : cr_junit_write(c->report, written, err);
}

int canring_coordinator_step_report(struct canring_coordinator *c, const char *path,
                                    struct canring_error *err)
{
    if (!have_report(c))
        return canring_error_set(err, -ENOMEM, "no memory for a report");
    end_gap(c, cr_realtime_ns());
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
