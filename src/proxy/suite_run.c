#include "proxy/suite_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/suite_cmocka.h"
#include "proxy/suite_keeper.h"
#include "proxy/suite_verdict.h"

#define CHUNK          65536u
#define CHUNKS_AT_ONCE 16 /* then others have their turn, and the time is looked at */
#define CHUNKS_LEFT    64 /* in the pipes of one that has ended */

enum source { OUT, ERR, PROGRESS, RESULT, TIMER, SOURCES };

struct cr_suite_run {
    struct cr_suite_cases cases;
    struct cr_cmocka cmocka;
    struct cr_progress progress;
    bool python, collect, failfast;
    bool cut_short; /* a program: a case has failed, more were to come */
    pid_t keeper;
    int epoll, fds[SOURCES]; /* -1 = closed */
    unsigned timeout_ms;
    struct cr_keeper_result result;
    size_t result_used;
    bool ended; /* the keeper has said so or is gone */
    bool told;
    char why[160]; /* we ended it */
};

/* ---- the end ------------------------------------------------------------------------------- */

static void tell_end(struct cr_suite_run *run)
{
    char words[96];
    const struct cr_suite_ending ending = {.why = run->why[0] ? run->why : NULL,
                                           .heard = run->result_used == sizeof(run->result),
                                           .result = run->result,
                                           .failfast = run->failfast,
                                           .cut_short = run->cut_short};
    run->told = true;
    if (!run->cut_short)
        cr_cmocka_finish(&run->cmocka);
    if (run->collect)
        return;
    cr_verdict(&run->cases, &run->cmocka, run->python ? &run->progress : NULL, &ending);
    snprintf(words, sizeof(words), "it left %d %s behind, killed now", run->result.left_behind,
             run->result.left_behind == 1 ? "process" : "processes");
    /* What we ended ourselves may be slow to go, all of it. */
    bool left = run->result.left_behind > 0 && !run->why[0] && !run->cut_short;
    cr_cases_end(&run->cases, left ? words : NULL);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void close_source(struct cr_suite_run *run, enum source source)
{
    if (run->fds[source] >= 0)
        close(run->fds[source]);
    run->fds[source] = -1;
}

static void set_timer(struct cr_suite_run *run, unsigned ms)
{
    const struct itimerspec when = {
        .it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}};
    timerfd_settime(run->fds[TIMER], 0, &when, NULL);
}

/* For the next case; once we have ended it the timer is the keeper's. */
static void rearm(struct cr_suite_run *run)
{
    if (!run->why[0])
        set_timer(run, run->timeout_ms);
}

static void take_progress(struct cr_suite_run *run, const char *text, size_t size)
{
    int result = cr_progress_feed(&run->progress, text, size);
    if (result > 0) {
        rearm(run);
        send(run->fds[PROGRESS], "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (result < 0) {
        close_source(run, PROGRESS);
        cr_suite_end(run, "something else than the runner wrote to its progress socket");
    }
}

/* Not after the last case of a group: its teardown is to be run, and there may be no other. */
static void cut_short(struct cr_suite_run *run)
{
    if (!run->failfast || run->cut_short || cr_cases_bad(&run->cases) == 0 ||
        run->cases.started >= run->cmocka.expected)
        return;
    run->cut_short = true;
    cr_suite_end(run, "--failfast");
}

/* Line by line: a chunk may hold the marks of several cases, and each has its own output. */
static void take_program_output(struct cr_suite_run *run, const char *text, size_t size)
{
    bool moved = false;
    while (size) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end - text) + 1 : size;
        bool begins = cr_cmocka_begins(&run->cmocka, text, length);
        if (!begins)
            cr_cases_output(&run->cases, 1, text, length);
        if (!run->cut_short)
            moved |= cr_cmocka_feed(&run->cmocka, text, length);
        if (begins)
            cr_cases_output(&run->cases, 1, text, length);
        text += length;
        size -= length;
        cut_short(run);
    }
    if (moved)
        rearm(run);
}

static void take_output(struct cr_suite_run *run, enum source source, const char *text, size_t size)
{
    if (!run->python)
        take_program_output(run, text, size);
    else if (!run->collect)
        cr_cases_output(&run->cases, source == ERR ? 2 : 1, text, size);
}

static void take_result(struct cr_suite_run *run, const char *text, size_t size)
{
    struct cr_keeper_result said;
    if (size < sizeof(said))
        return;
    memcpy(&said, text + size - sizeof(said), sizeof(said)); /* the last is the keeper's */
    int exec_errno = run->result.exec_errno;
    if (size >= 2 * sizeof(said)) {
        struct cr_keeper_result first;
        memcpy(&first, text, sizeof(first));
        exec_errno = first.exec_errno;
    }
    run->result = said;
    run->result_used = sizeof(said);
    if (exec_errno)
        run->result.exec_errno = exec_errno;
}

static void take(struct cr_suite_run *run, enum source source, const char *text, size_t size)
{
    if (source == PROGRESS)
        take_progress(run, text, size);
    else if (source == RESULT)
        take_result(run, text, size);
    else
        take_output(run, source, text, size);
}

/* One chunk. Returns false when there is no more now, or ever. */
static bool read_source(struct cr_suite_run *run, enum source source)
{
    char text[CHUNK];
    if (run->fds[source] < 0)
        return false;
    ssize_t got = read(run->fds[source], text, sizeof(text));
    if (got > 0) {
        take(run, source, text, (size_t)got);
        return true;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (source == OUT)
            cr_cases_quiet(&run->cases);
        return false;
    }
    close_source(run, source);
    if (source == RESULT)
        run->ended = true;
    return false;
}

/* The output's rest is in the pipes now: nobody is left who could write more, unless the keeper was
 * killed. */
static void drain(struct cr_suite_run *run)
{
    for (int i = 0; i < CHUNKS_LEFT && (read_source(run, OUT) || read_source(run, ERR)); i++)
        continue;
    for (int i = 0; i < CHUNKS_LEFT && read_source(run, PROGRESS); i++)
        continue;
}

static void time_is_up(struct cr_suite_run *run)
{
    uint64_t count;
    char words[64];
    if (read(run->fds[TIMER], &count, sizeof(count)) != (ssize_t)sizeof(count))
        return;
    if (run->why[0]) { /* the keeper should have ended */
        cr_keeper_kill(run->keeper);
        return;
    }
    snprintf(words, sizeof(words), "timeout after %g s", run->timeout_ms / 1000.0);
    cr_suite_end(run, words);
}

/* The runner goes on only when its word has been answered. So what is in the pipes by then was
 * written before the word, and goes with the case that is open until the word is acted on. */
static void read_pipes(struct cr_suite_run *run)
{
    char word[CHUNK];
    ssize_t got = run->fds[PROGRESS] < 0 ? 0 : read(run->fds[PROGRESS], word, sizeof(word));
    if (got == 0)
        close_source(run, PROGRESS);
    bool more = true;
    for (int i = 0; more && i < CHUNKS_AT_ONCE; i++) {
        more = read_source(run, OUT);
        more = read_source(run, ERR) || more;
    }
    if (got > 0)
        take_progress(run, word, (size_t)got);
}

int cr_suite_pump(struct cr_suite_run *run)
{
    if (run->told)
        return 0;
    time_is_up(run);
    read_pipes(run);
    while (read_source(run, RESULT))
        continue;
    if (!run->ended)
        return 1;
    drain(run);
    waitpid(run->keeper, NULL, 0);
    run->keeper = 0;
    tell_end(run);
    return 0;
}

/* ---- beginning and end --------------------------------------------------------------------- */

static int watch(struct cr_suite_run *run)
{
    for (int i = 0; i < SOURCES; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        if (run->fds[i] >= 0 && epoll_ctl(run->epoll, EPOLL_CTL_ADD, run->fds[i], &event) < 0)
            return -errno;
    }
    return 0;
}

static int open_pipe(struct cr_suite_run *run, enum source source, int *write_end)
{
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return -errno;
    fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    run->fds[source] = pipes[0];
    *write_end = pipes[1];
    return 0;
}

static int open_progress(struct cr_suite_run *run, int *theirs)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    run->fds[PROGRESS] = pair[0];
    *theirs = pair[1];
    return 0;
}

static int spawn(struct cr_suite_run *run, const struct cr_suite_run_options *options,
                 struct canring_error *err)
{
    int out = -1, error = -1, progress = -1;
    int result = open_pipe(run, OUT, &out);
    if (result == 0 && run->python)
        result = open_pipe(run, ERR, &error);
    if (result == 0 && run->python)
        result = open_progress(run, &progress);
    if (result < 0)
        canring_error_set(err, result, "pipe: %s", strerror(-result));
    /* a program's stderr joins its stdout: cmocka uses both, and their order is the meaning */
    const struct cr_keeper_options keeper = {.argv = options->argv,
                                             .env = options->env,
                                             .out = out,
                                             .err = run->python ? error : out,
                                             .progress = progress};
    if (result == 0) {
        pid_t pid = cr_keeper_spawn(&keeper, &run->fds[RESULT], err);
        run->keeper = pid > 0 ? pid : 0;
        result = pid > 0 ? 0 : pid;
    }
    if (out >= 0)
        close(out);
    if (error >= 0)
        close(error);
    if (progress >= 0)
        close(progress);
    return result;
}

int cr_suite_start(struct cr_suite_run **where, const struct cr_suite_run_options *options,
                   struct canring_error *err)
{
    struct cr_suite_run *run = calloc(1, sizeof(*run));
    *where = NULL;
    if (!run)
        return canring_error_set(err, -ENOMEM, "no memory for %s", options->file->name);
    run->cases.file = options->file;
    run->cases.event = options->collect ? NULL : options->event;
    run->cases.arg = options->event_arg;
    run->cmocka.cases = run->progress.cases = &run->cases;
    run->python = options->file->python;
    run->cases.unpaced = !run->python;
    run->collect = options->collect;
    run->failfast = options->failfast;
    run->timeout_ms = options->timeout_ms;
    for (int i = 0; i < SOURCES; i++)
        run->fds[i] = -1;
    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    run->fds[TIMER] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    cr_cases_begin(&run->cases);
    int result = spawn(run, options, err);
    if (result == 0 && (result = watch(run)) < 0)
        canring_error_set(err, result, "%s: %s", options->file->name, strerror(-result));
    if (result < 0) {
        cr_suite_free(run);
        return result;
    }
    rearm(run);
    *where = run;
    return 0;
}

int cr_suite_fd(const struct cr_suite_run *run)
{
    return run->epoll;
}

void cr_suite_end(struct cr_suite_run *run, const char *why)
{
    if (run->why[0] || run->keeper <= 0)
        return;
    snprintf(run->why, sizeof(run->why), "%s", why);
    cr_keeper_end(run->keeper);
    set_timer(run, CR_KEEPER_PATIENCE_S * 1000);
}

const struct cr_suite_cases *cr_suite_cases(const struct cr_suite_run *run)
{
    return &run->cases;
}

const json_t *cr_suite_tags(const struct cr_suite_run *run)
{
    return run->progress.tags;
}

void cr_suite_free(struct cr_suite_run *run)
{
    if (!run)
        return;
    if (run->keeper > 0)
        cr_keeper_finish(run->keeper);
    for (int i = 0; i < SOURCES; i++)
        close_source(run, (enum source)i);
    if (run->epoll >= 0)
        close(run->epoll);
    cr_progress_free(&run->progress);
    free(run);
}
