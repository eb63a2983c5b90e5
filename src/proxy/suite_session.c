/* The suites of a configuration, file after file. */
#include <canring/suite.h>

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/suite_env.h"
#include "proxy/suite_find.h"
#include "proxy/suite_run.h"

struct canring_suites {
    const struct canring_config *config;
    struct canring_suite_options options;
    struct cr_suite_selection selection;
    struct cr_suite_files files;
    struct cr_suite_run *run; /* of files.list[next - 1], or NULL */
    size_t next;
    int epoll, begin; /* `begin` is readable until the first poll */
    bool collecting;  /* reading tags; nothing is run yet */
    bool stopped;
    json_t *tags; /* object: normalised names that tests have */
    struct canring_suite_totals totals;
};

/* ---- what was asked for -------------------------------------------------------------------- */

static int select_part(char **part, const char *text, size_t length)
{
    *part = length ? strndup(text, length) : NULL;
    return length && !*part ? -ENOMEM : 0;
}

static int parse_pattern(struct cr_suite_selection *selection, const char *pattern,
                         struct canring_error *err)
{
    char **parts[] = {&selection->file, &selection->class_name, &selection->method};
    int result = 0;
    for (size_t i = 0; pattern && result == 0; i++) {
        const char *end = strstr(pattern, "::");
        if (i == sizeof(parts) / sizeof(*parts))
            return canring_error_set(err, -EINVAL,
                                     "pattern: found more than three parts, allowed: "
                                     "FILE::CLASS::METHOD");
        result = select_part(parts[i], pattern, end ? (size_t)(end - pattern) : strlen(pattern));
        pattern = end ? end + 2 : NULL;
    }
    return result < 0 ? canring_error_set(err, result, "no memory") : 0;
}

/* pykiso lets --branch-level, branch_level and branchlevel be one name. */
static void normalise(char *name)
{
    char *to = name;
    for (const char *from = name; *from; from++)
        if (*from != '-' && *from != '_')
            *to++ = *from;
    *to = '\0';
}

static void add_tag(struct canring_suites *suites, const char *tag)
{
    char *name = tag ? strdup(tag) : NULL;
    if (!name)
        return;
    normalise(name);
    json_object_set_new(suites->tags, name, json_true());
    free(name);
}

static bool tag_known(const struct canring_suites *suites, const char *tag)
{
    char *name = strdup(tag);
    if (!name)
        return false;
    normalise(name);
    bool known = json_object_get(suites->tags, name) != NULL;
    free(name);
    return known;
}

/* ---- finding ------------------------------------------------------------------------------- */

static void add_words(char *all, size_t size, const char *words)
{
    size_t used = strlen(all);
    snprintf(all + used, size - used, "%s%.200s", used ? "; " : "", words);
}

/* With a pattern for files it is enough that one suite has some. */
static int find_files(struct canring_suites *suites, struct canring_error *err)
{
    const struct canring_config *config = suites->config;
    const char *file = suites->selection.file;
    char words[CANRING_ERROR_TEXT] = "";
    int worst = 0;
    for (size_t i = 0; i < config->suite_count; i++) {
        struct canring_error reason = {0};
        const struct canring_config_suite *suite = &config->suites[i];
        int found = cr_suite_find(&suites->files, suite, file ? file : suite->pattern, &reason);
        if (found > 0)
            continue;
        add_words(words, sizeof(words), reason.text);
        if (found < 0 || !file)
            worst = found < 0 ? found : -ENOENT;
    }
    if (config->suite_count == 0)
        return canring_error_set(err, -ENOENT, "%s: test_suite_list has no suites", config->path);
    if (worst < 0 || suites->files.count == 0)
        return canring_error_set(err, worst < 0 ? worst : -ENOENT, "%s", words);
    return 0;
}

/* A program's class is its file's name. */
static bool selected(const struct canring_suites *suites, const struct cr_suite_file *file)
{
    const char *pattern = suites->selection.class_name;
    const char *slash = strrchr(file->name, '/'), *base = slash ? slash + 1 : file->name;
    char stem[CR_CASE_NAME_MAX];
    if (file->python || !pattern)
        return true;
    const char *dot = strrchr(base, '.');
    snprintf(stem, sizeof(stem), "%.*s", dot && dot != base ? (int)(dot - base) : 255, base);
    return fnmatch(pattern, stem, 0) == 0;
}

static int open_fds(struct canring_suites *suites, struct canring_error *err)
{
    struct epoll_event event = {.events = EPOLLIN};
    suites->epoll = epoll_create1(EPOLL_CLOEXEC);
    suites->begin = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    if (suites->epoll < 0 || suites->begin < 0 ||
        epoll_ctl(suites->epoll, EPOLL_CTL_ADD, suites->begin, &event) < 0)
        return canring_error_set(err, -errno, "epoll: %s", strerror(errno));
    return 0;
}

int canring_suites_open(struct canring_suites **where, const struct canring_config *config,
                        const struct canring_suite_options *options, struct canring_error *err)
{
    struct canring_suites *suites = calloc(1, sizeof(*suites));
    *where = NULL;
    if (!suites)
        return canring_error_set(err, -ENOMEM, "no memory");
    suites->config = config;
    suites->options = *options;
    suites->epoll = suites->begin = -1;
    suites->collecting = options->tag_count > 0;
    suites->tags = json_object();
    if (!options->timeout_ms)
        suites->options.timeout_ms = CANRING_SUITE_TIMEOUT_MS;
    int result = parse_pattern(&suites->selection, options->pattern, err);
    if (result == 0)
        result = find_files(suites, err);
    if (result == 0)
        result = open_fds(suites, err);
    if (result < 0) {
        canring_suites_close(suites);
        return result;
    }
    *where = suites;
    return 0;
}

/* ---- running ------------------------------------------------------------------------------- */

static int start_file(struct canring_suites *suites, const struct cr_suite_file *file,
                      struct canring_error *err)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct cr_suite_command command;
    const char *log = suites->options.log && !suites->collecting
                          ? suites->options.log(suites->options.event_arg, file->name)
                          : NULL;
    if (cr_suite_command(&command, suites->config, file, &suites->options, &suites->selection,
                         suites->collecting, log) < 0)
        return canring_error_set(err, -ENOMEM, "no memory for %s", file->name);
    const struct cr_suite_run_options options = {.file = file,
                                                 .argv = command.argv,
                                                 .env = command.env,
                                                 .timeout_ms = suites->options.timeout_ms,
                                                 .collect = suites->collecting,
                                                 .failfast = suites->options.failfast,
                                                 .event = suites->options.event,
                                                 .event_arg = suites->options.event_arg};
    int result = cr_suite_start(&suites->run, &options, err);
    cr_suite_command_free(&command);
    if (result == 0 &&
        epoll_ctl(suites->epoll, EPOLL_CTL_ADD, cr_suite_fd(suites->run), &event) < 0)
        return canring_error_set(err, -errno, "epoll: %s", strerror(errno));
    return result;
}

/* The next file that is to be run, or collected; NULL at the end. */
static const struct cr_suite_file *next_file(struct canring_suites *suites)
{
    while (!suites->stopped && suites->next < suites->files.count) {
        const struct cr_suite_file *file = &suites->files.list[suites->next++];
        if (selected(suites, file) && (file->python || !suites->collecting))
            return file;
    }
    return NULL;
}

/* Files that are not begun: what is in them is not known. */
static void skip_rest(struct canring_suites *suites)
{
    const struct cr_suite_file *file;
    while ((file = next_file(suites)) != NULL) {
        struct cr_suite_cases cases = {
            .file = file, .event = suites->options.event, .arg = suites->options.event_arg};
        cr_cases_begin(&cases);
        cr_cases_not_run(&cases, cases.stem, cases.stem, CANRING_OUTCOME_SKIPPED,
                         "not run: --failfast, a case of another file failed");
        cr_cases_end(&cases, NULL);
        suites->totals.skipped++;
    }
    suites->stopped = true;
}

static void count(struct canring_suites *suites)
{
    const unsigned *counts = cr_suite_cases(suites->run)->counts;
    struct canring_suite_totals *totals = &suites->totals;
    totals->files++;
    totals->passed += counts[CANRING_OUTCOME_PASSED];
    totals->failed += counts[CANRING_OUTCOME_FAILED];
    totals->errors += counts[CANRING_OUTCOME_ERROR];
    totals->skipped += counts[CANRING_OUTCOME_SKIPPED];
    if (suites->options.failfast && totals->failed + totals->errors)
        skip_rest(suites);
}

static void collect(struct canring_suites *suites)
{
    size_t i;
    const json_t *tag;
    json_array_foreach(cr_suite_tags(suites->run), i, tag)
    {
        add_tag(suites, json_string_value(tag));
    }
}

static void end_file(struct canring_suites *suites)
{
    if (suites->collecting)
        collect(suites);
    else
        count(suites);
    cr_suite_free(suites->run);
    suites->run = NULL;
}

/* All tags are known: is each that was asked for among them? */
static int end_collecting(struct canring_suites *suites, struct canring_error *err)
{
    suites->collecting = false;
    suites->next = 0;
    for (size_t i = 0; i < suites->options.tag_count && !suites->stopped; i++) {
        const char *name = suites->options.tags[i].name;
        if (tag_known(suites, name))
            continue;
        suites->stopped = suites->totals.undefined_tag = true;
        canring_error_set(err, -ENOENT, "no test has the tag '%s'", name);
        return -ENOENT;
    }
    return 0;
}

static int end_all(struct canring_suites *suites, struct canring_error *err)
{
    const struct canring_suite_totals *totals = &suites->totals;
    if (suites->stopped || totals->passed + totals->failed + totals->errors + totals->skipped)
        return 0;
    suites->totals.collection_failed = suites->stopped = true;
    return canring_error_set(err, -ENOENT, "the files that were found have no test that matches");
}

static int go_on(struct canring_suites *suites, struct canring_error *err)
{
    const struct cr_suite_file *file = next_file(suites);
    if (!file && suites->collecting) {
        int result = end_collecting(suites, err);
        if (result < 0)
            return result;
        file = next_file(suites);
    }
    if (!file)
        return end_all(suites, err);
    int result = start_file(suites, file, err);
    return result < 0 ? result : 1;
}

int canring_suites_poll(struct canring_suites *suites, struct canring_error *err)
{
    uint64_t once;
    if (suites->begin >= 0 && read(suites->begin, &once, sizeof(once)) < 0 && errno != EAGAIN)
        return canring_error_set(err, -errno, "eventfd: %s", strerror(errno));
    if (suites->run) {
        if (cr_suite_pump(suites->run))
            return 1;
        end_file(suites);
    }
    return go_on(suites, err);
}

int canring_suites_fd(const struct canring_suites *suites)
{
    return suites->epoll;
}

void canring_suites_stop(struct canring_suites *suites)
{
    suites->stopped = true;
    if (suites->run)
        cr_suite_end(suites->run, "stopped");
}

void canring_suites_totals(const struct canring_suites *suites, struct canring_suite_totals *totals)
{
    *totals = suites->totals;
}

void canring_suites_close(struct canring_suites *suites)
{
    if (!suites)
        return;
    cr_suite_free(suites->run);
    cr_suite_files_free(&suites->files);
    free(suites->selection.file);
    free(suites->selection.class_name);
    free(suites->selection.method);
    json_decref(suites->tags);
    if (suites->epoll >= 0)
        close(suites->epoll);
    if (suites->begin >= 0)
        close(suites->begin);
    free(suites);
}

int canring_suites_exit_status(const struct canring_suite_totals *totals)
{
    bool errors = totals->errors > 0 || totals->collection_failed;
    if (totals->undefined_tag)
        return 5;
    if (totals->creation_failed)
        return 4;
    if (totals->failed)
        return errors ? 3 : 1;
    return errors ? 2 : 0;
}

const char *canring_outcome_name(enum canring_outcome outcome)
{
    static const char *const names[] = {"passed", "failed", "error", "skipped"};
    return outcome <= CANRING_OUTCOME_SKIPPED ? names[outcome] : "unknown";
}
