#include "proxy/suite_env.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/suite_keeper.h"

/* A NULL-terminated list of strings that remembers that memory ran out. */
struct list {
    char **items;
    size_t count;
    bool failed;
};

static void push(struct list *list, char *text)
{
    char **items = realloc(list->items, (list->count + 2) * sizeof(*items));
    if (items)
        list->items = items;
    if (!items || !text) {
        free(text);
        list->failed = true;
        return;
    }
    items[list->count++] = text;
    items[list->count] = NULL;
}

static void add(struct list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct list *list, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    push(list, text);
}

/* ---- arguments ----------------------------------------------------------------------------- */

static void add_python(struct list *argv, const struct cr_suite_file *file,
                       const struct canring_suite_options *options,
                       const struct cr_suite_selection *selection, bool collect)
{
    add(argv, "%s", options->python ? options->python : "python3");
    add(argv, "%s/canring_runner.py", options->python_dir ? options->python_dir : ".");
    add(argv, "--dir=%s", file->suite->dir);
    add(argv, "--suite-id=%lld", (long long)file->suite->id);
    if (collect)
        add(argv, "--collect");
    if (options->failfast)
        add(argv, "--failfast");
    if (options->steps)
        add(argv, "--steps");
    if (selection->class_name)
        add(argv, "--class=%s", selection->class_name);
    if (selection->method)
        add(argv, "--method=%s", selection->method);
    for (size_t i = 0; i < options->tag_count; i++)
        add(argv, "--tag=%s=%s", options->tags[i].name, options->tags[i].values);
    add(argv, "%s", file->path);
}

/* ---- environment --------------------------------------------------------------------------- */

static const char *const our_names[] = {"CANRING_CONFIG=",      "CANRING_AUXILIARIES=",
                                        "CANRING_LIBRARY=",     "CANRING_PROGRESS_FD=",
                                        "CANRING_TEST_FILTER=", "CANRING_TEST_SUITE_ID=",
                                        "CANRING_LOG=",         "PYTHONPATH=",
                                        "PYTHONUNBUFFERED=",    NULL};

/* A caller's choice for its own runs of cmocka: of a program we read the standard output. */
static const char *const cmocka_names[] = {"CMOCKA_MESSAGE_OUTPUT=", "CMOCKA_XML_FILE=", NULL};

static bool is_one_of(const char *const *names, const char *entry)
{
    for (; *names; names++)
        if (strncmp(entry, *names, strlen(*names)) == 0)
            return true;
    return false;
}

static void add_names(struct list *env, const struct canring_config *config)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        env->failed = true;
        return;
    }
    fputs("CANRING_AUXILIARIES=", out);
    for (size_t i = 0; i < config->auxiliary_count; i++)
        fprintf(out, "%s%s", i ? "," : "", config->auxiliaries[i]->name);
    for (size_t i = 0; i < config->proxy_count; i++)
        fprintf(out, "%s%s", i + config->auxiliary_count ? "," : "", config->proxies[i]->name);
    bool full = fclose(out) != 0;
    push(env, full ? NULL : text);
    if (full)
        free(text);
}

static void add_library(struct list *env, const struct canring_suite_options *options)
{
    const char *given = getenv("CANRING_LIBRARY");
    const char *library = options->library ? options->library : given;
    if (library)
        add(env, "CANRING_LIBRARY=%s", library);
}

static void add_python_path(struct list *env, const char *ours)
{
    const char *theirs = getenv("PYTHONPATH");
    if (ours && theirs && *theirs)
        add(env, "PYTHONPATH=%s:%s", ours, theirs);
    else if (ours || theirs)
        add(env, "PYTHONPATH=%s", ours ? ours : theirs);
}

static void add_environment(struct list *env, const struct canring_config *config,
                            const struct cr_suite_file *file,
                            const struct canring_suite_options *options,
                            const struct cr_suite_selection *selection)
{
    for (char **entry = environ; *entry; entry++)
        if (!is_one_of(our_names, *entry) && (file->python || !is_one_of(cmocka_names, *entry)))
            add(env, "%s", *entry);
    char *path = realpath(config->path, NULL); /* a test may change its folder */
    add(env, "CANRING_CONFIG=%s", path ? path : config->path);
    free(path);
    add(env, "CANRING_TEST_SUITE_ID=%lld", (long long)file->suite->id);
    add_names(env, config);
    add_library(env, options);
    add_python_path(env, options->python_dir);
    if (file->python) {
        add(env, "CANRING_PROGRESS_FD=%d", CR_KEEPER_PROGRESS_FD);
        add(env, "PYTHONUNBUFFERED=1");
        return;
    }
    add(env, "CMOCKA_MESSAGE_OUTPUT=STDOUT");
    if (selection->method)
        add(env, "CANRING_TEST_FILTER=%s", selection->method);
}

int cr_suite_command(struct cr_suite_command *command, const struct canring_config *config,
                     const struct cr_suite_file *file, const struct canring_suite_options *options,
                     const struct cr_suite_selection *selection, bool collect, const char *log)
{
    struct list argv = {0}, env = {0};
    if (file->python)
        add_python(&argv, file, options, selection, collect);
    else
        add(&argv, "%s%s", strchr(file->path, '/') ? "" : "./", file->path);
    add_environment(&env, config, file, options, selection);
    if (log)
        add(&env, "CANRING_LOG=%s", log);
    *command = (struct cr_suite_command){.argv = argv.items, .env = env.items};
    if (!argv.failed && !env.failed)
        return 0;
    cr_suite_command_free(command);
    return -ENOMEM;
}

static void free_list(char **items)
{
    for (char **item = items; item && *item; item++)
        free(*item);
    free(items);
}

void cr_suite_command_free(struct cr_suite_command *command)
{
    free_list(command->argv);
    free_list(command->env);
    *command = (struct cr_suite_command){0};
}
