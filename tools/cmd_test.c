#include "commands.h"

#include <canring/coordinator.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "load_config.h"
#include "say.h"
#include "signals.h"
#include "test_options.h"
#include "test_print.h"

#define WATCH_MS 50 /* between looks at processes and logs */

struct session {
    const struct test_options *options;
    struct test_print print;
    struct canring_coordinator *coordinator; /* of the configuration that runs */
    struct canring_suite_totals totals;      /* of all configurations */
    char python_dir[PATH_MAX], library[PATH_MAX];
    int signals;    /* fd */
    int signal;     /* the one that ended us, or 0 */
    bool no_hangup; /* nohup */
};

/* ---- what tests are given ------------------------------------------------------------------ */

/* `name` beside this program: in the build tree, or as installed. */
static bool find_beside(char *path, size_t size, const char *const *places, const char *name)
{
    char self[PATH_MAX - 256];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length <= 0)
        return false;
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    for (; *places; places++) {
        snprintf(path, size, "%s/%s/%s", self, *places, name);
        if (access(path, R_OK) == 0)
            return true;
    }
    return false;
}

static void find_python(struct session *session)
{
    static const char *const places[] = {"../share/canring", NULL};
    const char *given = getenv("CANRING_PYTHON_DIR");
    if (given)
        snprintf(session->python_dir, sizeof(session->python_dir), "%s", given);
    else if (!find_beside(session->python_dir, sizeof(session->python_dir), places, "python"))
        snprintf(session->python_dir, sizeof(session->python_dir), "%s", CANRING_PYTHON_DIR);
}

/* "" leaves it to the loader's own search. */
static void find_library(struct session *session)
{
    static const char *const places[] = {
        "..", "../lib", "../lib64", "../lib/x86_64-linux-gnu", "../lib/aarch64-linux-gnu", NULL};
    const char *given = getenv("CANRING_LIBRARY");
    if (given)
        snprintf(session->library, sizeof(session->library), "%s", given);
    else if (!find_beside(session->library, sizeof(session->library), places, CANRING_SONAME))
        session->library[0] = '\0';
}

/* ---- one configuration --------------------------------------------------------------------- */

/* True when we are to end; the first signal is the one that counts. */
static bool ended(struct session *session)
{
    int number;
    while ((number = signals_take(session->signals)) > 0)
        if (!session->signal && !(number == SIGHUP && session->no_hangup))
            session->signal = number;
    return session->signal != 0;
}

/* The suites run on whatever happens to the processes; but one whose failure ends the run does. */
static void watch(struct session *session, struct canring_suites *suites)
{
    if (canring_coordinator_poll(session->coordinator, -1, 0) != -ECHILD)
        return;
    canring_coordinator_error(session->coordinator, "supervision",
                              "a process failed whose failure ends the run: see the log");
    session->totals.errors++;
    canring_suites_stop(suites);
}

static int run(struct session *session, struct canring_suites *suites, struct canring_error *err)
{
    struct pollfd fds[] = {{.fd = canring_suites_fd(suites), .events = POLLIN},
                           {.fd = session->signals, .events = POLLIN}};
    int result;
    while ((result = canring_suites_poll(suites, err)) > 0) {
        poll(fds, 2, WATCH_MS);
        if (ended(session))
            canring_suites_stop(suites);
        watch(session, suites);
    }
    return result;
}

/* To the terminal and into the report. */
static void on_event(void *arg, const struct canring_suite_event *event)
{
    struct session *session = arg;
    test_print_event(&session->print, event);
    canring_coordinator_event(session->coordinator, event);
}

static const char *log_of_file(void *arg, const char *file)
{
    const struct session *session = arg;
    return canring_coordinator_test_log(session->coordinator, file);
}

static void add_totals(struct canring_suite_totals *sum, const struct canring_suite_totals *part)
{
    sum->files += part->files;
    sum->passed += part->passed;
    sum->failed += part->failed;
    sum->errors += part->errors;
    sum->skipped += part->skipped;
    sum->collection_failed |= part->collection_failed;
    sum->undefined_tag |= part->undefined_tag;
    sum->creation_failed |= part->creation_failed;
}

static void explain(const struct session *session, const char *path,
                    const struct canring_suite_totals *totals, const struct canring_error *err)
{
    say("test", "%s: %s", path, err->text);
    for (size_t i = 0; i < session->options->tag_count && totals->undefined_tag; i++) {
        const char *near = test_options_like(session->options->tags[i].name);
        if (near)
            say("test", "did you mean '--%s', instead of '--%s'?", near,
                session->options->tags[i].name);
    }
}

static void run_suites(struct session *session, const struct canring_config *config)
{
    const struct test_options *options = session->options;
    const struct canring_suite_options suite = {.pattern = options->pattern,
                                                .tags = options->tags,
                                                .tag_count = options->tag_count,
                                                .timeout_ms = options->timeout_ms,
                                                .failfast = options->failfast,
                                                .steps = options->step_report != NULL,
                                                .python_dir = session->python_dir,
                                                .library =
                                                    session->library[0] ? session->library : NULL,
                                                .event = on_event,
                                                .log = log_of_file,
                                                .event_arg = session};
    struct canring_suite_totals totals = {.collection_failed = true};
    struct canring_error err = {0};
    struct canring_suites *suites;
    int result = canring_suites_open(&suites, config, &suite, &err);
    if (result == 0) {
        result = run(session, suites, &err);
        canring_suites_totals(suites, &totals);
        totals.collection_failed |= result < 0 && !totals.undefined_tag;
        canring_suites_close(suites);
    }
    if (result < 0) {
        explain(session, config->path, &totals, &err);
        canring_coordinator_error(session->coordinator, "collection", err.text);
    }
    add_totals(&session->totals, &totals);
}

static void say_written(struct session *session, int result, const char *what, const char *path,
                        const struct canring_error *err)
{
    if (result < 0) {
        say("test", "%s", err->text);
        session->totals.collection_failed = true;
    } else {
        say("test", "%s in %s", what, path);
    }
}

/* steps.html, steps-2.html, …: each configuration has a report of its own. */
static void name_report(char path[PATH_MAX], const char *given, size_t number)
{
    const char *slash = strrchr(given, '/'), *dot = strrchr(slash ? slash + 1 : given, '.');
    int stem = dot ? (int)(dot - given) : (int)strlen(given);
    if (number == 0)
        snprintf(path, PATH_MAX, "%s", given);
    else
        snprintf(path, PATH_MAX, "%.*s-%zu%s", stem, given, number + 1, given + stem);
}

static void write_reports(struct session *session, size_t number)
{
    const struct test_options *options = session->options;
    char name[PATH_MAX], path[PATH_MAX];
    struct canring_error err;
    if (options->text)
        canring_coordinator_text(session->coordinator, STDOUT_FILENO);
    if (options->junit) {
        const char *given = options->junit_path && *options->junit_path ? name : NULL;
        if (given)
            name_report(name, options->junit_path, number);
        int result = canring_coordinator_junit(session->coordinator, given, path, &err);
        say_written(session, result, "report", path, &err);
    }
    if (options->step_report) {
        name_report(path, options->step_report, number);
        int result = canring_coordinator_step_report(session->coordinator, path, &err);
        say_written(session, result, "step report", path, &err);
    }
}

/* The processes of one configuration, and its suites while they run. */
static void run_with_processes(struct session *session, const struct canring_config *config,
                               size_t number)
{
    const struct test_options *options = session->options;
    const struct canring_coordinator_options how = {
        .config = config,
        .level = options->log_level
                     ? (enum canring_log_level)canring_log_level_parse(options->log_level)
                     : CANRING_LOG_INFO,
        .console = STDERR_FILENO,
        .log_path = options->log_path};
    struct canring_error err = {0};
    setenv("CANRING_LOG_LEVEL", options->log_level ? options->log_level : "INFO", 1); /* of tests */
    if (canring_coordinator_open(&session->coordinator, &how, &err) < 0) {
        say("test", "%s", err.text);
        session->totals.collection_failed = true;
        return;
    }
    if (canring_coordinator_start(session->coordinator, &err) < 0) {
        say("test", "%s", err.text);
        canring_coordinator_error(session->coordinator, "start", err.text);
        session->totals.creation_failed = true;
    } else {
        run_suites(session, config);
        canring_coordinator_stop(session->coordinator);
    }
    write_reports(session, number);
    canring_coordinator_close(session->coordinator);
    session->coordinator = NULL;
}

static bool go_on(struct session *session)
{
    const struct canring_suite_totals *totals = &session->totals;
    return !ended(session) && !(session->options->failfast && totals->failed + totals->errors);
}

static void run_all(struct session *session)
{
    const struct test_options *options = session->options;
    for (size_t i = 0; i < options->config_count; i++) {
        if (!go_on(session)) {
            say("test", "%s: not run", options->configs[i]);
            continue;
        }
        struct canring_config *config =
            load_config("test", options->configs[i], options->overrides, options->override_count);
        if (config)
            run_with_processes(session, config, i);
        else
            session->totals.collection_failed = true;
        canring_config_free(config);
    }
}

static int take_over_signals(struct session *session)
{
    struct sigaction hangup;
    session->no_hangup = sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN;
    signal(SIGPIPE, SIG_IGN); /* who reads our output may leave: the run and its reports go on */
    session->signals = signals_open(0);
    return session->signals;
}

int cmd_test(int argc, char **argv)
{
    struct test_options options = {0};
    struct session session = {.options = &options};
    int result = test_options_parse(&options, argc, argv);
    if (result)
        return result < 0 && finish_output("test") ? EXIT_MISUSE : result < 0 ? 0 : result;
    session.print.verbose = options.verbose;
    session.print.colours = colours_wanted();
    session.print.terminal = isatty(STDOUT_FILENO) == 1;
    if (take_over_signals(&session) < 0) {
        say("test", "signals: %s", strerror(-session.signals));
        return EXIT_MISUSE;
    }
    find_python(&session);
    find_library(&session);
    uint64_t begin = now_ns();
    run_all(&session);
    uint64_t end = now_ns();
    test_print_totals(&session.print, &session.totals, (double)(end - begin) / 1e9);
    session.totals.collection_failed |= finish_output("test") != 0;
    result = ended(&session) ? 128 + session.signal : canring_suites_exit_status(&session.totals);
    close(session.signals);
    return result;
}
