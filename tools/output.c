#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "say.h"

#define LINKS_MAX 40 /* as the kernel's */

static const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
static char unfinished[PATH_MAX]; /* for the handler, empty: nothing to take away */

static void die(int number)
{
    if (*unfinished)
        unlink(unfinished);
    raise(number); /* once more, with its usual effect: SA_RESETHAND */
}

static void handle_signals(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = (int)SA_RESETHAND};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(deadly) / sizeof(*deadly); i++) {
        struct sigaction old;
        if (sigaction(deadly[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) /* nohup */
            sigaction(deadly[i], &action, NULL);
    }
}

/* What the writer says, with the name that the user knows. */
static void say_own(const struct output *output, const char *text)
{
    const char *found = output->in_place ? NULL : strstr(text, output->temporary);

    if (found)
        say(output->command, "%.*s%s%s", (int)(found - text), text, output->path,
            found + strlen(output->temporary));
    else
        say(output->command, "%s", text);
}

static void report(void *arg, int level, const char *text)
{
    (void)level;
    say_own(arg, text);
}

static void guard(const struct output *output)
{
    snprintf(unfinished, sizeof(unfinished), "%s", output->temporary);
    handle_signals(die);
}

static void unguard(void)
{
    handle_signals(SIG_DFL);
    *unfinished = '\0';
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* One link further. 1; 0: `path` is none; negative errno. */
static int follow_link(char path[PATH_MAX])
{
    char link[PATH_MAX], next[PATH_MAX];
    ssize_t length = readlink(path, link, sizeof(link) - 1);

    if (length < 0)
        return 0;
    link[length] = '\0';
    int folder = *link == '/' ? 0 : (int)(base_of(path) - path);
    int needed = snprintf(next, sizeof(next), "%.*s%s", folder, path, link);
    if (needed < 0 || (size_t)needed >= sizeof(next))
        return -ENAMETOOLONG;
    memcpy(path, next, (size_t)needed + 1);
    return 1;
}

int output_resolve(const char *path, char target[PATH_MAX])
{
    int length = snprintf(target, PATH_MAX, "%s", path), result = 1;

    if (length < 0 || length >= PATH_MAX)
        return -ENAMETOOLONG;
    for (unsigned links = 0; result == 1; links++)
        result = links > LINKS_MAX ? -ELOOP : follow_link(target);
    return result;
}

/* The ending stays: it names the format. A link may have another one than what it points to. */
static int make_temporary(struct output *output)
{
    const char *base = base_of(output->target);
    int length = snprintf(output->temporary, sizeof(output->temporary), "%.*s.canring-%ld-%s",
                          (int)(base - output->target), output->target, (long)getpid(),
                          base_of(output->path));

    return length > 0 && (size_t)length < sizeof(output->temporary) ? 0 : -ENAMETOOLONG;
}

static int exists(const struct output *output)
{
    say(output->command, "%s exists: --force replaces it", output->path);
    return EXIT_FAILURE;
}

/* Not every system has /dev/stdout. */
static const char *standard_path(void)
{
    return access("/dev/stdout", F_OK) == 0 ? "/dev/stdout" : "/proc/self/fd/1";
}

/* Standard output by a name that can be opened, but where that would empty a file that somebody
 * else has begun. */
static int use_standard_output(struct output *output)
{
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    struct stat status;

    if (fstat(STDOUT_FILENO, &status) < 0 || flags < 0) {
        say(output->command, "standard output is closed");
        return EXIT_FAILURE;
    }
    output->in_place = output->replace = true;
    snprintf(output->temporary, sizeof(output->temporary), "%s", standard_path());
    if (!S_ISREG(status.st_mode) || (!(flags & O_APPEND) && lseek(STDOUT_FILENO, 0, SEEK_CUR) == 0))
        return 0;
    int result = relay_start(&output->relay);
    if (result < 0) {
        say(output->command, "standard output: %s", strerror(-result));
        return EXIT_FAILURE;
    }
    output->relayed = true;
    snprintf(output->temporary, sizeof(output->temporary), "/proc/self/fd/%d", output->relay.to);
    return 0;
}

/* Who writes to standard output next does so behind it. */
static int leave_standard_output(struct output *output)
{
    if (strcmp(output->path, "-") != 0)
        return 0;
    if (!output->relayed) {
        (void)lseek(STDOUT_FILENO, 0, SEEK_END);
        return 0;
    }
    output->relayed = false;
    int result = relay_stop(&output->relay);
    if (result < 0)
        say(output->command, "standard output: %s", strerror(-result));
    return result < 0 ? EXIT_FAILURE : 0;
}

/* It would be emptied before it is read, or read for ever while it grows; said. */
static bool is_own_input(const struct output *output, const struct output_inputs *inputs)
{
    bool standard = strcmp(output->path, "-") == 0;
    struct stat own, input;

    if ((standard ? fstat(STDOUT_FILENO, &own) : stat(output->path, &own)) < 0 ||
        !S_ISREG(own.st_mode))
        return false;
    for (unsigned i = 0; i < inputs->count; i++) {
        const char *path = inputs->paths[i];
        int result = strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &input) : stat(path, &input);
        if (result == 0 && own.st_dev == input.st_dev && own.st_ino == input.st_ino) {
            say(output->command, "%s: is what is to be read, too",
                standard ? "standard output" : output->path);
            return true;
        }
    }
    return false;
}

/* Where it is written. */
static int choose_place(struct output *output, bool rotated)
{
    struct stat status;

    if (strcmp(output->path, "-") == 0)
        return use_standard_output(output);
    bool there = stat(output->path, &status) == 0;
    output->in_place = rotated || (there && !S_ISREG(status.st_mode));
    if (there && S_ISREG(status.st_mode) && !output->replace)
        return exists(output);
    int result = 0;
    if (output->in_place)
        snprintf(output->temporary, sizeof(output->temporary), "%s", output->path);
    else if ((result = output_resolve(output->path, output->target)) == 0)
        result = make_temporary(output);
    if (result == 0)
        return 0;
    say(output->command, "%s: %s", output->path, strerror(-result));
    return EXIT_FAILURE;
}

int output_open(struct output *output, const char *command, const char *path,
                const struct output_inputs *inputs,
                const struct canring_trace_writer_options *options)
{
    struct canring_trace_writer_options own = *options;
    struct canring_error err = {0};

    *output = (struct output){.command = command, .path = path, .replace = options->overwrite};
    int status =
        choose_place(output, options->rotate_bytes || options->rotate_ns || options->rotate_frames);
    /* Of a rotated output only the first name may take the place of a file: the writer passes over
     * numbers and dates that are there. */
    if (status == 0 && output->in_place && is_own_input(output, inputs)) {
        (void)leave_standard_output(output);
        status = EXIT_MISUSE;
    }
    if (status)
        return status;
    own.overwrite = output->replace || !output->in_place;
    own.report = report;
    own.report_arg = output;
    if (!output->in_place)
        guard(output);
    int result = canring_trace_writer_open(&output->writer, output->temporary, &own, &err);
    if (result < 0) {
        say_own(output, err.text);
        (void)leave_standard_output(output);
        return exit_status(result);
    }
    return 0;
}

/* The old file keeps its name until the new one takes it, in one step. */
static int keep_backup(const struct output *output, const char *backup)
{
    if (!backup || (unlink(backup) < 0 && errno != ENOENT) || link(output->target, backup) < 0) {
        if (!backup)
            return 0;
        say(output->command, "%s: cannot be kept as %s: %s", output->path, backup, strerror(errno));
        return EXIT_FAILURE;
    }
    return 0;
}

static void keep_mode(const struct output *output)
{
    struct stat status;

    if (output->replace && stat(output->target, &status) == 0)
        (void)chmod(output->temporary, status.st_mode & 07777);
}

static int give_name(const struct output *output)
{
    if (!output->replace) {
        if (renameat2(AT_FDCWD, output->temporary, AT_FDCWD, output->target, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno == EEXIST)
            return exists(output);
        /* a file system that cannot do it that way */
    }
    if (rename(output->temporary, output->target) == 0)
        return 0;
    say(output->command, "%s: cannot be renamed: %s", output->path, strerror(errno));
    return EXIT_FAILURE;
}

int output_commit(struct output *output, const char *backup)
{
    struct canring_error err = {0};
    int status = 0;

    int result = canring_trace_writer_close(output->writer, &err);
    output->writer = NULL;
    if (result < 0) {
        say_own(output, err.text);
        status = EXIT_FAILURE;
    }
    if (output->in_place)
        return leave_standard_output(output) ? EXIT_FAILURE : status;
    if (status == 0)
        status = keep_backup(output, backup);
    if (status == 0) {
        keep_mode(output);
        status = give_name(output);
    }
    if (status)
        unlink(output->temporary);
    unguard();
    return status;
}

void output_discard(struct output *output)
{
    if (!output->writer)
        return;
    canring_trace_writer_close(output->writer, NULL);
    if (output->in_place)
        (void)leave_standard_output(output);
    else
        unlink(output->temporary);
    unguard();
}
